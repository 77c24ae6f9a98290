"""Exponents of growth: those of power laws, above the cost of the start."""

import numpy as np
import pytest

from benchmarks.exponents import fit_exponent

SIZES = (1, 2, 4, 8, 16)


@pytest.mark.parametrize("power", [0.5, 1, 2, 3])
def test_a_power_law_above_the_start_has_its_exponent(power: float) -> None:
    found = fit_exponent(SIZES, [3 + 2 * size**power for size in SIZES], 3)
    assert found.slope == pytest.approx(power)
    assert found.last == pytest.approx(power)
    assert found.error == pytest.approx(0, abs=1e-6)
    assert found.within(power)
    assert not found.within(power - 0.2)


def test_what_hardly_costs_more_than_the_start_has_no_exponent() -> None:
    found = fit_exponent(SIZES, [10.0, 10.5, 9.5, 11, 11.5], 10)
    assert (found.slope, found.error, found.points) == (None, None, 0)
    assert found.within(0)


def test_small_sizes_that_drown_in_the_start_are_left_out() -> None:
    found = fit_exponent(SIZES, [10 + 0.01 * size**3 for size in SIZES], 10)
    assert found.points == 2
    assert found.slope == pytest.approx(3)
    assert found.error is None


def test_scatter_widens_the_error_and_is_forgiven_as_far_as_it_goes() -> None:
    scatter = np.exp([0.3, -0.3, 0.3, -0.3, 0.3])
    found = fit_exponent(SIZES, np.asarray(SIZES) * scatter, 0)
    assert found.error is not None
    assert 0.05 < found.error < 0.3
    assert found.within(1)

"""Two effects differ when they do, and not more often than the level allows when they do not."""

from __future__ import annotations

import numpy as np
import pytest

from bandprobe.scoring.cluster_interval import RANKS
from bandprobe.scoring.differences import Difference, paired, unpaired
from bandprobe.scoring.intervals import IntervalSettings, group_bootstrap, group_resamples

BOOTSTRAP = IntervalSettings(400, 0.95, 3, interval="bootstrap")


def test_symmetric_intervals_add_in_squares() -> None:
    found = unpaired(0.5, (0.47, 0.53), 0.3, (0.26, 0.34))
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.15, 0.25))
    assert found.differs


def test_a_skewed_interval_counts_on_the_side_that_faces_the_other() -> None:
    # The first lies above: its lower distance and the second's upper distance decide.
    found = unpaired(1.0, (0.7, 1.9), 0.5, (0.1, 0.9))
    assert found.low == pytest.approx(0.5 - np.hypot(0.3, 0.4))
    assert found.high == pytest.approx(0.5 + np.hypot(0.9, 0.4))
    assert not found.differs


def test_the_order_of_the_studies_only_turns_the_sign() -> None:
    one = unpaired(0.4, (0.3, 0.6), 0.1, (0.0, 0.15))
    other = unpaired(0.1, (0.0, 0.15), 0.4, (0.3, 0.6))
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))


def test_overlapping_intervals_may_still_differ() -> None:
    """Overlap of two intervals is no test: these overlap, and their difference excludes zero."""
    found = unpaired(0.50, (0.40, 0.60), 0.36, (0.29, 0.43))
    assert 0.40 < 0.43
    assert found.differs


def intervals(cells: np.ndarray, groups: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    weights = group_resamples(len(np.unique(groups)), 400, seed)
    return group_bootstrap(cells, groups, weights, 0.95)


def test_studies_without_a_difference_differ_as_often_as_the_level_says(
    rng: np.random.Generator,
) -> None:
    groups = np.repeat(np.arange(50), 4)
    found = []
    for _ in range(2):
        shared = rng.normal(size=(1000, 50))
        cells = shared[:, groups] + rng.normal(size=(1000, 200))
        found.append((cells.mean(1), *intervals(cells, groups, 1)))
    differ = [
        unpaired(a, (al, ah), b, (bl, bh)).differs
        for (a, al, ah), (b, bl, bh) in zip(
            zip(*found[0], strict=True), zip(*found[1], strict=True), strict=True
        )
    ]
    # 5 % of 1000, and two standard errors to either side with some room for the bootstrap.
    assert 0.03 < np.mean(differ) < 0.08


@pytest.mark.parametrize("settings", [BOOTSTRAP, IntervalSettings(400, 0.95, 3)])
def test_pairs_without_a_difference_differ_as_often_as_the_level_says(
    settings: IntervalSettings, rng: np.random.Generator
) -> None:
    groups = np.repeat(np.arange(50), 4)
    first, second = (
        rng.normal(size=(1000, 50))[:, groups] + rng.normal(size=(1000, 200)) for _ in range(2)
    )
    found = paired(first, second, groups, settings)
    assert 0.03 < np.mean([cell.differs for cell in found]) < 0.08
    # The exact test is conservative.
    assert np.mean([cell.p_value < 0.05 for cell in found]) < 0.06


def test_pairs_see_what_independent_intervals_cannot(rng: np.random.Generator) -> None:
    """A small shift of effects that vary much between images, but alike in both studies."""
    groups = np.arange(100)
    first = rng.normal(size=(1, 100))
    second = first + 0.05 + 0.1 * rng.normal(size=(1, 100))
    (pair,) = paired(first, second, groups, BOOTSTRAP)
    ends = [tuple(float(end[0]) for end in intervals(c, groups, 0)) for c in (first, second)]
    alone = unpaired(float(first.mean()), ends[0], float(second.mean()), ends[1])
    assert pair.differs
    assert not alone.differs
    assert pair.value == pytest.approx(alone.value)


def test_equal_effects_do_not_differ() -> None:
    values = np.tile([0.0, 1.0, 0.0, -1.0], (2, 5))
    for cell in paired(values, values, np.arange(20), BOOTSTRAP):
        assert (cell.value, cell.low, cell.high, cell.p_value) == (0, 0, 0, 1)
        assert not cell.differs
        assert cell.strength == 0


def test_equal_ranks_of_few_images_leave_room_for_a_difference() -> None:
    values = np.tile([0.0, 1.0, 0.0, -1.0], (1, 5))
    (cell,) = paired(values, values, np.arange(20), IntervalSettings(100, 0.95, 0), RANKS)
    assert cell.low < cell.value == 0 < cell.high
    assert cell.p_value == 1


def test_a_cell_without_values_never_differs() -> None:
    values = np.full((1, 6), np.nan)
    (cell,) = paired(values, np.zeros((1, 6)), np.arange(6), IntervalSettings(100, 0.95, 0))
    assert not cell.differs


def test_strength_is_the_distance_in_units_of_the_interval() -> None:
    assert Difference(0.4, 0.2, 0.7).strength == pytest.approx(2)
    assert Difference(-0.4, -0.7, -0.2).strength == pytest.approx(2)

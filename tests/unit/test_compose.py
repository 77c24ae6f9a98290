"""Sums of band logits."""

import numpy as np
import pytest

from bandprobe import compose

LOGITS = np.array([[[1.0, 2.0]], [[4.0, 0.0]], [[0.0, 0.0]]])
FILL = np.array([[10.0, 0.0], [20.0, 1.0], [0.0, 0.0]])
INTERCEPT = np.array([0.5, -0.5])


def test_clean_logits_are_the_sum_of_the_bands() -> None:
    np.testing.assert_array_equal(compose.clean(LOGITS, INTERCEPT), [[5.5, 1.5]])


def test_removal_exchanges_one_band_for_the_filling() -> None:
    found = compose.remove(LOGITS, FILL, INTERCEPT)[:, 0]
    np.testing.assert_array_equal(found, [[14.5, -0.5], [21.5, 2.5], [5.5, 1.5]])


def test_isolation_exchanges_all_other_bands_for_the_filling() -> None:
    found = compose.isolate(LOGITS, FILL, INTERCEPT)[:, 0]
    np.testing.assert_array_equal(found, [[21.5, 2.5], [14.5, -0.5], [30.5, 0.5]])


def test_with_two_bands_isolating_one_is_removing_the_other(rng: np.random.Generator) -> None:
    logits, fill, intercept = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 3)), np.zeros(3)
    isolated = compose.isolate(logits, fill, intercept)
    removed = compose.remove(logits, fill, intercept)
    np.testing.assert_allclose(isolated, removed[::-1])


def test_replacement_by_itself_is_exactly_the_clean_map(rng: np.random.Generator) -> None:
    logits, intercept = rng.normal(size=(7, 4, 3)) * 1e3, rng.normal(size=3)
    clean = compose.clean(logits, intercept)
    np.testing.assert_array_equal(
        compose.replace(logits, logits, intercept), np.broadcast_to(clean, logits.shape)
    )


@pytest.mark.parametrize("change", [compose.remove, compose.isolate])
def test_arguments_are_left_as_they_were(change: type(compose.remove)) -> None:
    before = LOGITS.copy(), FILL.copy(), INTERCEPT.copy()
    change(LOGITS, FILL, INTERCEPT)
    for now, then in zip((LOGITS, FILL, INTERCEPT), before, strict=True):
        np.testing.assert_array_equal(now, then)

"""Sums of band logits."""

import numpy as np
import pytest

from bandprobe.fourier.modes import Mode, kept_bands
from bandprobe.linear import compose

LOGITS = np.array([[[1.0, 2.0]], [[4.0, 0.0]], [[0.0, 0.0]]])
FILL = np.array([[10.0, 0.0], [20.0, 1.0], [0.0, 0.0]])
INTERCEPT = np.array([0.5, -0.5])


def kept(kind: str) -> np.ndarray:
    return compose.keep(LOGITS, FILL, INTERCEPT, kept_bands(kind, 3))[:, 0]


def test_clean_logits_are_the_sum_of_the_bands() -> None:
    np.testing.assert_array_equal(compose.clean(LOGITS, INTERCEPT), [[5.5, 1.5]])


def test_removal_exchanges_one_band_for_the_filling() -> None:
    np.testing.assert_array_equal(kept("remove"), [[14.5, -0.5], [21.5, 2.5], [5.5, 1.5]])


def test_isolation_exchanges_all_other_bands_for_the_filling() -> None:
    np.testing.assert_array_equal(kept("isolate"), [[21.5, 2.5], [14.5, -0.5], [30.5, 0.5]])


def test_sweeps_exchange_all_bands_on_one_side() -> None:
    np.testing.assert_array_equal(kept("lowpass"), [[21.5, 2.5], [5.5, 1.5], [5.5, 1.5]])
    np.testing.assert_array_equal(kept("highpass"), [[5.5, 1.5], [14.5, -0.5], [30.5, 0.5]])


def test_with_two_bands_isolating_one_is_removing_the_other(rng: np.random.Generator) -> None:
    logits, fill, intercept = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 3)), np.zeros(3)
    isolated, removed = (
        compose.keep(logits, fill, intercept, kept_bands(kind, 2)) for kind in ("isolate", "remove")
    )
    np.testing.assert_allclose(isolated, removed[::-1])


def test_replacement_by_itself_is_exactly_the_clean_map(rng: np.random.Generator) -> None:
    logits, intercept = rng.normal(size=(7, 4, 3)) * 1e3, rng.normal(size=3)
    clean = compose.clean(logits, intercept)
    np.testing.assert_array_equal(
        compose.replace(logits, logits, intercept), np.broadcast_to(clean, logits.shape)
    )


def test_keeping_all_is_exactly_the_clean_map(rng: np.random.Generator) -> None:
    logits, fill = rng.normal(size=(7, 4, 3)) * 1e3, rng.normal(size=(7, 3))
    found = compose.keep(logits, fill, np.zeros(3), np.ones((1, 7), bool))
    np.testing.assert_array_equal(found[0], compose.clean(logits, np.zeros(3)))


@pytest.mark.parametrize("kind", ["remove", "isolate"])
def test_masks_that_are_the_bands_give_the_logits_of_the_bands(
    kind: str, rng: np.random.Generator
) -> None:
    logits, fill, intercept = (
        rng.normal(size=(5, 4, 3)),
        rng.normal(size=(5, 3)),
        rng.normal(size=3),
    )
    whole = compose.clean(logits, intercept)
    found = compose.keep_masks(kind, logits, fill, whole, fill.sum(0) + intercept)
    expected = compose.keep(logits, fill, intercept, kept_bands(kind, 5))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_mode_on_masks_that_are_the_bands_is_the_mode_on_the_bands(
    rng: np.random.Generator,
) -> None:
    logits, fill, intercept = (
        rng.normal(size=(5, 4, 3)),
        rng.normal(size=(5, 3)),
        rng.normal(size=3),
    )
    whole, partner = compose.clean(logits, intercept), np.array([2, 3, 0, 1])
    for mode in (Mode("a", "remove"), Mode("b", "isolate", "mean"), Mode("c", "resample")):
        assert "equal-energy" in mode.controls
        given = whole, fill.sum(0) + intercept, partner
        found = compose.change_masks(mode, logits, fill, *given)
        expected = compose.change(mode, logits, fill, intercept, partner)
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_mode_that_is_not_linear_is_refused() -> None:
    with pytest.raises(ValueError, match="'noise' is not linear"):
        compose.change(Mode("loud", "noise"), LOGITS, FILL, INTERCEPT)


def test_resampling_without_partners_is_refused() -> None:
    with pytest.raises(ValueError, match="partners"):
        compose.change(Mode("swap", "resample"), LOGITS, FILL, INTERCEPT)
    with pytest.raises(ValueError, match="partners"):
        compose.change_masks(Mode("swap", "resample"), LOGITS, FILL, LOGITS[0], FILL[0])


def test_arguments_are_left_as_they_were() -> None:
    before = LOGITS.copy(), FILL.copy(), INTERCEPT.copy()
    kept("isolate")
    for now, then in zip((LOGITS, FILL, INTERCEPT), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_partners_are_of_another_class_and_evenly_drawn() -> None:
    labels = np.array([2, 0, 0, 1, 2, 2])
    counts = np.zeros((6, 6))
    for draw in range(3000):
        partner = compose.partners(labels, 5, draw)
        counts[np.arange(6), partner] += 1
    assert (labels[:, None] != labels)[counts > 0].all()
    for row, label in zip(counts, labels, strict=True):
        others = row[labels != label]
        np.testing.assert_allclose(others / 3000, 1 / len(others), atol=0.05)


def test_partners_follow_seed_and_draw() -> None:
    labels = np.arange(40) % 4
    first = compose.partners(labels, 0, 0)
    np.testing.assert_array_equal(first, compose.partners(labels, 0, 0))
    assert (first != compose.partners(labels, 0, 1)).any()
    assert (first != compose.partners(labels, 1, 0)).any()


def test_partners_need_two_classes() -> None:
    with pytest.raises(ValueError, match="two or more classes"):
        compose.partners(np.zeros(3, int), 0, 0)

"""Corrections against their definitions."""

import numpy as np
import pytest

from bandprobe.scoring.corrections import corrected, corrected_in_levels


@pytest.mark.parametrize("method", ["holm", "fdr_bh"])
def test_corrections_are_the_textbook_ones_and_leave_nan_out(method: str) -> None:
    p_values = np.array([[0.01, np.nan, 0.04], [0.03, 0.005, np.nan]])
    result = corrected(p_values, method)
    order = np.array([0.005, 0.01, 0.03, 0.04])
    expected = {
        "holm": np.maximum.accumulate(order * [4, 3, 2, 1]),
        "fdr_bh": np.minimum.accumulate((order * 4 / [1, 2, 3, 4])[::-1])[::-1],
    }[method]
    np.testing.assert_allclose(np.sort(result[np.isfinite(p_values)]), np.sort(expected))
    assert np.isnan(result[0, 1])
    assert np.isnan(result[1, 2])
    assert np.isnan(corrected(np.full(3, np.nan), method)).all()


def rejected(p_values: np.ndarray, family: np.ndarray, threshold: float) -> np.ndarray:
    """The procedure as its article states it, at one threshold."""
    names = np.unique(family)
    simes = []
    for name in names:
        ordered = np.sort(p_values[family == name])
        simes.append((ordered * len(ordered) / np.arange(1, len(ordered) + 1)).min())
    ordered = np.sort(simes)
    passed = ordered <= threshold * np.arange(1, len(names) + 1) / len(names)
    selected = passed.nonzero()[0].max() + 1 if passed.any() else 0
    found = np.zeros(len(p_values), bool)
    for name, p_value in zip(names, simes, strict=True):
        if selected and p_value <= threshold * selected / len(names):
            members = family == name
            within = corrected(p_values[members], "fdr_bh")
            found[members] = within <= threshold * selected / len(names)
    return found


def test_levels_reject_what_the_procedure_rejects_at_every_threshold(
    rng: np.random.Generator,
) -> None:
    for _ in range(20):
        family = rng.integers(0, 5, 30)
        p_values = rng.random(30) ** rng.choice([1, 6], 30)
        found = corrected_in_levels(p_values, family)
        assert (found >= p_values - 1e-12).all()
        for threshold in (0.001, 0.01, 0.05, 0.2, 0.7):
            np.testing.assert_array_equal(found <= threshold, rejected(p_values, family, threshold))


def test_one_family_is_corrected_as_by_benjamini_and_hochberg(rng: np.random.Generator) -> None:
    p_values = rng.random(40) ** 3
    found = corrected_in_levels(p_values, np.full(40, 7))
    np.testing.assert_allclose(found, corrected(p_values, "fdr_bh"))
    assert len(corrected_in_levels(np.empty(0), np.empty(0, int))) == 0


def test_without_any_effect_a_family_is_found_as_often_as_the_threshold_says(
    rng: np.random.Generator,
) -> None:
    family = np.repeat(np.arange(10), 12)
    found = [(corrected_in_levels(rng.random(120), family) <= 0.1).any() for _ in range(200)]
    # Four standard errors are .085.
    assert 0.03 < np.mean(found) < 0.185


def test_a_layer_full_of_effects_does_not_hide_behind_layers_without(
    rng: np.random.Generator,
) -> None:
    """Holm's correction over all finds fewer of the same effects."""
    family = np.repeat(np.arange(20), 40)
    p_values = rng.random(800)
    p_values[:40] = rng.random(40) * 0.002
    found = corrected_in_levels(p_values, family) <= 0.05
    assert found[:40].all()
    assert found[40:].sum() <= 3
    assert (corrected(p_values, "holm")[:40] <= 0.05).sum() < 15

"""A part of the maps says where the search begins; what it ends with is the same."""

import numpy as np
import pytest

from bandprobe.linear import gram_ridge, penalty_search, ridge_search
from bandprobe.linear.gram_ridge import LabelSets
from bandprobe.linear.ridge_search import RidgeFit, RidgePath, half_is_cheaper, search_ridge

SAMPLES, CLASSES, DIMENSIONS = 240, 3, 300
STRENGTH = 0.1
PENALTIES = np.geomspace(1e-4, 1e3, 15)


def problem(rng: np.random.Generator, strength: float) -> tuple[np.ndarray, RidgePath]:
    """The Gram matrix of noisy maps of some classes, and two sets of labels."""
    labels = np.arange(SAMPLES) % CLASSES
    maps = rng.normal(size=(SAMPLES, DIMENSIONS)) * np.geomspace(3, 0.1, DIMENSIONS)
    # The classes differ where the maps vary little: a large penalty is no better.
    maps += strength * rng.normal(size=(CLASSES, DIMENSIONS))[labels]
    sets = LabelSets(np.stack([labels, rng.permutation(labels)]), CLASSES)
    return maps @ maps.T, RidgePath(sets, np.arange(SAMPLES) % 5, PENALTIES)


def both(
    gram: np.ndarray, path: RidgePath, monkeypatch: pytest.MonkeyPatch
) -> tuple[RidgeFit, RidgeFit]:
    """From a part, and from all maps alone."""
    monkeypatch.setattr(ridge_search, "HALF_FROM", SAMPLES)
    part = search_ridge([gram], 0.0, path)
    monkeypatch.setattr(ridge_search, "HALF_FROM", SAMPLES + 1)
    whole = search_ridge([gram], 0.0, path)
    assert part is not None
    assert whole is not None
    return part, whole


def test_the_readout_is_the_same_and_fewer_penalties_are_visited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part, whole = both(*problem(np.random.default_rng(1), STRENGTH), monkeypatch)
    assert 0 < whole.chosen < len(PENALTIES) - 1
    assert part.chosen == whole.chosen
    np.testing.assert_allclose(part.duals, whole.duals, atol=1e-9 * np.abs(whole.duals).max())
    np.testing.assert_allclose(part.intercepts, whole.intercepts, atol=1e-9)
    visited, before = (int((~np.isnan(fit.losses[0])).sum()) for fit in (part, whole))
    assert 3 <= visited < before
    seen = ~np.isnan(part.losses + whole.losses)
    np.testing.assert_allclose(part.losses[seen], whole.losses[seen], rtol=1e-5)


def test_of_maps_that_tell_nothing_all_penalties_are_visited(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (penalty_search, ridge_search):
        monkeypatch.setattr(module, "CHANCE_SHARE", 0.5)
    part, whole = both(*problem(rng, 0.01), monkeypatch)
    assert not np.isnan(part.losses + whole.losses).any()
    assert part.chosen == whole.chosen


def test_each_penalty_that_is_visited_is_noted(rng: np.random.Generator) -> None:
    gram, path = problem(rng, STRENGTH)
    noted: dict[int, tuple[np.ndarray, ...]] = {}
    fit = search_ridge([gram], 0.0, path, 7, lambda at, *found: noted.update({at: found}))
    assert fit is not None
    assert sorted(noted) == np.flatnonzero(~np.isnan(fit.losses[0])).tolist()
    duals, intercept = noted[fit.chosen]
    np.testing.assert_array_equal(duals, fit.duals[0])
    np.testing.assert_allclose(intercept, fit.intercepts[0], rtol=1e-12)


def test_equal_maps_have_nothing_to_fit(rng: np.random.Generator) -> None:
    _, path = problem(rng, STRENGTH)
    assert search_ridge([np.full((SAMPLES, SAMPLES), 3.0)], 0.0, path) is None


@pytest.mark.parametrize("strength", [STRENGTH, 0.01])
def test_a_search_in_single_precision_chooses_and_fits_as_one_in_double(strength: float) -> None:
    gram, path = problem(np.random.default_rng(1), strength)
    gram = gram.astype(np.float32)
    found = search_ridge([gram], 0.0, path, 7)
    expected = search_ridge([gram.astype(np.float64)], 0.0, path, 7)
    assert found is not None
    assert expected is not None
    assert found.chosen == expected.chosen
    assert found.duals.dtype == np.float64
    atol = 1e-9 * np.abs(expected.duals).max()
    np.testing.assert_allclose(found.duals, expected.duals, atol=atol)
    np.testing.assert_array_equal(np.isnan(found.losses), np.isnan(expected.losses))
    np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-3)
    chosen = found.losses[:, found.chosen], expected.losses[:, found.chosen]
    np.testing.assert_allclose(*chosen, rtol=1e-6)


def test_losses_that_single_precision_cannot_tell_apart_are_told_in_double(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each penalty near the least is visited again, where single precision may be far off."""
    gram, path = problem(np.random.default_rng(1), STRENGTH)
    monkeypatch.setattr(gram_ridge, "CONDITION", np.inf)
    monkeypatch.setattr(gram_ridge.GramRidge, "_condition", lambda *_: 0.1 / np.finfo("f4").eps)
    noted: dict[int, list[np.dtype]] = {}

    def note(at: int, duals: np.ndarray, _: np.ndarray) -> None:
        noted.setdefault(at, []).append(duals.dtype)

    fit = search_ridge([gram.astype(np.float32)], 0.0, path, 7, note)
    assert fit is not None
    seen = [fit.chosen + step for step in (-1, 0, 1)]
    assert all(noted[at] == [np.float32, np.float64] for at in seen)


def test_half_an_inverse_is_for_few_classes() -> None:
    assert half_is_cheaper(10_000, 1000, 5)
    assert not half_is_cheaper(3000, 1000, 5)

"""Readouts of parts of the maps against literal fits: standardise, flatten, solve, transform."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bandprobe.fourier.bands import Bands
from bandprobe.linear.basis import basis_from_maps
from bandprobe.linear.dual_fits import DualFit, band_logits, fit_duals, without
from bandprobe.linear.joint_grams import JointGrams
from bandprobe.linear.probe import fit_probe
from tests.unit.redrawn_maps import (
    CLASSES,
    EVALUATION,
    GRIDS,
    PENALTIES,
    TRAIN,
    joint,
    literal,
    literal_logits,
    made_maps,
)


def removed(
    grams: JointGrams, readout: str, fit: DualFit, others: NDArray[np.intp], gone: object = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    trained = None if gone is None else ~np.asarray(gone)
    logits, fill = band_logits(grams.grams[readout], fit, others, trained)
    clean = logits.sum(0) + fit.intercept
    return clean - logits + fill[:, None], clean


@pytest.mark.parametrize("readout", ["map", "pattern"])
@pytest.mark.parametrize("grid", GRIDS)
def test_a_fit_without_some_maps_is_the_literal_refit(
    rng: np.random.Generator, grid: tuple[int, int], readout: str
) -> None:
    maps, labels = made_maps(rng, grid)
    standard, grams = literal(maps, readout), joint(maps, (readout,))
    rows, others = np.arange(TRAIN), np.arange(TRAIN, TRAIN + EVALUATION)
    own = labels[:TRAIN]
    folds = np.arange(TRAIN) // CLASSES % 4
    matrices, total = grams.grams[readout], grams.total[readout]
    fit = fit_duals(matrices, total, rows, own, folds, CLASSES, PENALTIES)
    assert fit is not None
    sets = [np.arange(TRAIN) % 8 == 1, (np.arange(TRAIN) < 9) & (own == 2)]
    moved = []
    for gone, less in zip(sets, without(matrices, fit, own, sets), strict=True):
        np.testing.assert_array_equal(less.duals[gone], 0)
        changed, clean = removed(grams, readout, less, others, gone)
        expected, whole = literal_logits(standard, rows[~gone], labels, fit.penalty, others)
        spread = whole.std()
        np.testing.assert_allclose(clean, whole, atol=1e-4 * spread)
        np.testing.assert_allclose(changed, np.stack(expected), atol=1e-4 * spread)
        moved.append(np.abs(clean - removed(grams, readout, fit, others)[1]).max() / spread)
    assert min(moved) > 0.02


@pytest.mark.parametrize("readout", ["map", "pattern"])
@pytest.mark.parametrize("grid", GRIDS)
def test_a_fit_to_other_maps_is_the_literal_one_with_its_own_penalty(
    rng: np.random.Generator, grid: tuple[int, int], readout: str
) -> None:
    maps, labels = made_maps(rng, grid)
    standard, grams = literal(maps, readout), joint(maps, (readout,))
    rows = np.sort(rng.permutation(TRAIN + EVALUATION)[:40])
    others = np.setdiff1d(np.arange(TRAIN + EVALUATION), rows)
    folds = np.arange(40) // CLASSES % 4
    matrices, total = grams.grams[readout], grams.total[readout]
    fit = fit_duals(matrices, total, rows, labels[rows], folds, CLASSES, PENALTIES)
    assert fit is not None
    flat = standard.reshape(len(standard), -1)
    basis = basis_from_maps(flat[rows])
    probe = fit_probe(basis, labels[rows], folds, CLASSES, PENALTIES)
    assert fit.chosen == probe.chosen
    changed, clean = removed(grams, readout, fit, others)
    spread = clean.std()
    np.testing.assert_allclose(clean, probe.logits(basis.project(flat[others])), atol=1e-4 * spread)
    expected, _ = literal_logits(standard, rows, labels, fit.penalty, others)
    np.testing.assert_allclose(changed, np.stack(expected), atol=1e-4 * spread)


def test_maps_without_a_difference_have_no_fit(rng: np.random.Generator) -> None:
    maps = np.full((TRAIN + EVALUATION, 4, 5, 6), 2.0, np.float32)
    grams = joint(maps, ("map", "pattern"))
    labels = np.arange(TRAIN) % CLASSES
    for readout in grams.readouts:
        fit = fit_duals(
            grams.grams[readout],
            grams.total[readout],
            np.arange(TRAIN),
            labels,
            np.arange(TRAIN) % 4,
            CLASSES,
            PENALTIES,
        )
        assert fit is None


@pytest.mark.parametrize("readout", ["map", "pattern"])
def test_maps_of_fewer_values_than_maps_are_fitted_as_their_values(
    rng: np.random.Generator, readout: str
) -> None:
    """A small penalty leaves large weights outside the span of such maps, which have to cancel."""
    n_train, n_others, n_classes, penalties = 800, 100, 20, np.array([1e-5])
    maps = 3 * rng.random((n_train + n_others, 24, 4, 4), np.float32)
    labels = np.arange(n_train) % n_classes
    folds = np.arange(n_train) // n_classes % 5
    grams = JointGrams(Bands(("low", "high"), (0.4,)).on_grid(4, 4), (readout,))
    grams.add_slab(maps[:n_train], maps[n_train:])
    grams.complete()
    rows, others = np.arange(n_train), np.arange(n_train, n_train + n_others)
    matrices, total = grams.grams[readout], grams.total[readout]
    fit = fit_duals(matrices, total, rows, labels, folds, n_classes, penalties)
    assert fit is not None
    values = maps.astype(np.float64)
    own = values - values.mean((2, 3), keepdims=True) if readout == "pattern" else values
    mean = values[:n_train].mean((0, 2, 3), keepdims=True) if readout == "map" else 0.0
    scale = np.sqrt(np.square(own[:n_train] - mean).mean((0, 2, 3), keepdims=True))
    flat = ((own - mean) / scale).reshape(len(maps), -1)
    assert flat.shape[1] < n_train
    basis = basis_from_maps(flat[:n_train])
    probe = fit_probe(basis, labels, folds, n_classes, penalties)
    expected = probe.logits(basis.project(flat[n_train:]))
    spread = expected.std()
    _, clean = removed(grams, readout, fit, others)
    np.testing.assert_allclose(clean, expected, atol=1e-4 * spread)
    gone = rows < 40
    (less,) = without(matrices, fit, labels, [gone])
    _, literal_clean = removed(grams, readout, less, others, gone)
    kept = basis_from_maps(flat[:n_train][~gone])
    again = fit_probe(kept, labels[~gone], folds[~gone], n_classes, penalties)
    # The penalty stays that of all maps, whose mean squared norm differs a little.
    expected = again.logits(kept.project(flat[n_train:]))
    np.testing.assert_allclose(literal_clean, expected, atol=1e-3 * spread)

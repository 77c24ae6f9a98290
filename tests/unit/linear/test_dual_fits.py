"""Readouts of parts of the maps against literal fits: standardise, flatten, solve, transform."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

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

"""Drops of other splits and without training groups, against literal fits of the same images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from bandprobe.fourier.modes import Mode
from bandprobe.probes.replicate_settings import ReplicateSettings
from bandprobe.probes.replicates import Redraw, Samples
from bandprobe.scoring.resplits import cluster_variance, left_out_sets, redrawn_split
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

SETTINGS = ReplicateSettings(3, True, 5, tuple(PENALTIES), 4, 0)
REMOVE = Mode("remove-mean", "remove", fill="mean")
ISOLATE = Mode("isolate-mean", "isolate", fill="mean")


def samples_of(labels: NDArray[np.int64]) -> Samples:
    """Four training groups and two evaluation groups of each class."""
    train = labels[:TRAIN] * 4 + np.arange(TRAIN) // CLASSES % 4
    evaluation = 100 + labels[TRAIN:] * 2 + np.arange(EVALUATION) // CLASSES % 2
    folds = np.arange(TRAIN) // CLASSES % 4
    return Samples(labels, np.concatenate([train, evaluation]), folds, CLASSES)


def literal_drops(
    standard: NDArray[np.float64],
    rows: NDArray[np.intp],
    labels: NDArray[np.int64],
    penalty: float,
    others: NDArray[np.intp],
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Accuracy, and which images each band's removal loses."""
    changed, clean = literal_logits(standard, rows, labels, penalty, others)
    right = clean.argmax(1) == labels[others]
    lost = [right.astype(float) - (one.argmax(1) == labels[others]) for one in changed]
    return float(right.mean()), np.mean(lost, axis=1), np.stack(lost)


@pytest.mark.parametrize("readout", ["map", "pattern"])
@pytest.mark.parametrize("grid", GRIDS)
def test_drops_are_those_of_the_literal_fits(
    rng: np.random.Generator, grid: tuple[int, int], readout: str
) -> None:
    maps, labels = made_maps(rng, grid)
    standard, grams = literal(maps, readout), joint(maps, (readout,))
    samples = samples_of(labels)
    redraw = Redraw(grams, readout, samples, 0.1, [REMOVE], SETTINGS)
    found, own = redraw.all(), redraw.own
    assert own is not None
    everyone = np.arange(len(labels))
    rows, others = everyone[:TRAIN], everyone[TRAIN:]
    accuracy, drops, lost = literal_drops(standard, rows, labels, own.penalty, others)
    assert found.own.accuracy == pytest.approx(accuracy)
    np.testing.assert_allclose(found.own.drop[0], drops, atol=1e-12)
    variance = cluster_variance(lost, labels[others], samples.groups[others])
    np.testing.assert_allclose(found.own.drop_variance[0], variance, atol=1e-12)
    assert np.ptp(drops) > 0
    sets = left_out_sets(labels[:TRAIN], samples.groups[:TRAIN], SETTINGS.seed)
    assert found.left_out.drop.shape == (1, 3, len(sets.members)) == (1, 3, 12)
    for number, gone in enumerate(sets.members):
        accuracy, drops, _ = literal_drops(standard, rows[~gone], labels, own.penalty, others)
        assert found.left_out.accuracy[number] == pytest.approx(accuracy)
        np.testing.assert_allclose(found.left_out.drop[0, :, number], drops, atol=1e-12)
    for number in range(SETTINGS.count):
        drawn = redrawn_split(labels, samples.groups, samples.is_train, SETTINGS.seed, number)
        rows, others = everyone[drawn], everyone[~drawn]
        flat = standard[rows].reshape(len(rows), -1)
        norm = np.square(flat - flat.mean(0)).sum() / len(rows)
        penalty = found.penalty[number] * norm
        accuracy, drops, _ = literal_drops(standard, rows, labels, penalty, others)
        assert found.redrawn.accuracy[number] == pytest.approx(accuracy)
        np.testing.assert_allclose(found.redrawn.drop[0, :, number], drops, atol=1e-12)


def test_the_seed_decides_and_more_replicates_begin_with_the_same_ones(
    rng: np.random.Generator,
) -> None:
    maps, labels = made_maps(rng, (6, 6))
    grams = joint(maps, ("map",))
    samples = samples_of(labels)

    def drops(settings: ReplicateSettings) -> NDArray[np.float64]:
        redraw = Redraw(grams, "map", samples, 0.1, [REMOVE, ISOLATE], settings)
        return redraw.all().redrawn.drop

    first = drops(SETTINGS)
    np.testing.assert_array_equal(drops(SETTINGS), first)
    np.testing.assert_array_equal(drops(replace(SETTINGS, count=5))[..., :3], first)
    assert (drops(replace(SETTINGS, seed=6)) != first).any()


def test_maps_without_a_difference_have_no_numbers() -> None:
    maps = np.full((TRAIN + EVALUATION, 2, 4, 4), 3.0, np.float32)
    labels = np.arange(TRAIN + EVALUATION) % CLASSES
    samples = samples_of(labels)
    found = Redraw(joint(maps, ("map",)), "map", samples, 0.1, [REMOVE], SETTINGS).all()
    assert np.isnan(found.own.accuracy)
    assert np.isnan(found.left_out.drop).all()
    assert np.isnan(found.redrawn.drop).all()


def test_a_band_without_bins_has_no_drop(rng: np.random.Generator) -> None:
    maps, labels = made_maps(rng, (2, 2))
    grams = joint(maps, ("map",))
    empty = grams.partition.counts == 0
    assert empty.any()
    found = Redraw(grams, "map", samples_of(labels), 0.1, [REMOVE, ISOLATE], SETTINGS).all()
    np.testing.assert_array_equal(np.isnan(found.own.drop), np.tile(empty, (2, 1)))
    np.testing.assert_array_equal(np.isnan(found.own.drop_variance), np.tile(empty, (2, 1)))

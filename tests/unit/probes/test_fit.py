"""A layer's readouts: what is stored of a fit is that of its whole penalty path."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.linear.basis import basis_from_maps
from bandprobe.linear.coordinates import Products, StandardisedMaps
from bandprobe.linear.probe import fit_probe
from bandprobe.probes import fit as fit_module
from bandprobe.probes.fit import (
    FittedReadout,
    Refit,
    Splits,
    choose_penalty,
    fit_readout,
    fit_refits,
)
from bandprobe.probes.settings import FitSettings
from bandprobe.probes.sums import sum_channels
from bandprobe.scoring.outcomes import outcomes
from bandprobe.store.zarr_store import Store, Variable, write_store

LAYER, PENALTIES = "layer", np.array([1e-3, 0.1, 10.0])
SETTINGS = FitSettings((1e-3, 0.1, 10.0), "ridge", permutations=2, seed=0)
TRAIN, EVALUATION, CLASSES = 30, 15, 3
BANDS = Bands(("low", "high"), (0.5,))


@pytest.fixture
def splits(rng: np.random.Generator, tmp_path: Path) -> Splits:
    """Both splits of a layer of which one channel tells the classes apart."""
    stores = []
    for name, count in (("train", TRAIN), ("eval", EVALUATION)):
        label = np.arange(count) % CLASSES
        maps = rng.normal(size=(count, 4, 5, 6)).astype(np.float32)
        maps[:, 1] += label[:, None, None] * np.cos(np.arange(6))
        facts = {"sample": np.arange(count), "label": label, "group": np.arange(count)}
        variables = {LAYER: Variable(("sample", "channel", "y", "x"), maps)}
        coordinates = {key: Variable(("sample",), values) for key, values in facts.items()}
        write_store(tmp_path / f"{name}.zarr", variables, coordinates, {"weights_sha256": "abc"})
        stores.append(Store(tmp_path / f"{name}.zarr"))
    folds, names = np.arange(TRAIN) // CLASSES % 5, [f"class-{c}" for c in range(CLASSES)]
    return Splits(*stores, LAYER, folds, names, SETTINGS)


def test_scores_along_the_path_are_those_of_each_penalty_alone(splits: Splits) -> None:
    sums = sum_channels(splits.train, splits.evaluation, LAYER, None)
    maps = StandardisedMaps.from_sums(sums)
    fit = fit_readout(splits, maps.source)
    probe = choose_penalty(splits, maps.coordinates.basis)
    label = splits.evaluation.read("label")
    path = probe.path.logits(maps.coordinates.evaluation)
    assert fit.accuracy.shape == PENALTIES.shape
    np.testing.assert_array_equal(fit.accuracy, outcomes(path, label).correct.mean(1, dtype=float))
    np.testing.assert_allclose(fit.clean_logits, path[fit.chosen], rtol=1e-12)
    assert fit.permuted_accuracy.shape == (2,)


def test_a_refit_is_the_readout_of_maps_from_which_a_band_was_taken(splits: Splits) -> None:
    partition = BANDS.on_grid(*splits.grid)
    sums = sum_channels(splits.train, splits.evaluation, LAYER, partition)
    maps = StandardisedMaps.from_sums(sums)
    whole = fit_readout(splits, maps.source)
    assert sums.by_band is not None
    kept = np.array([[True, True], [True, False]])
    refits = fit_refits(splits, sums.by_band.products, kept, whole, 4 * partition.counts)
    np.testing.assert_allclose(refits[0].logits, whole.clean_logits, rtol=1e-12)
    mask = partition.mask(0)
    flat = []
    for store in (splits.train, splits.evaluation):
        standard = store.read(LAYER) - maps.mean[:, None, None]
        changed = np.fft.ifft2(np.fft.fft2(standard / maps.scale[:, None, None]) * mask).real
        flat.append(changed.reshape(len(changed), -1))
    basis = basis_from_maps(flat[0])
    probe = fit_probe(basis, splits.train.read("label"), splits.folds, CLASSES, PENALTIES)
    expected = probe.logits(basis.project(flat[1]))
    assert refits[1].chosen == probe.chosen
    np.testing.assert_allclose(refits[1].losses, probe.losses.mean(0), rtol=1e-3)
    np.testing.assert_allclose(refits[1].logits, expected, atol=1e-3 * expected.std())


def same_readout(found: FittedReadout, expected: FittedReadout) -> None:
    """Whether both are the same, as far as one of them has looked."""
    assert found.chosen == expected.chosen
    seen = ~np.isnan(found.accuracy)
    assert seen[found.chosen]
    np.testing.assert_array_equal(np.isnan(found.losses).any(0), ~seen)
    np.testing.assert_array_equal(found.accuracy[seen], expected.accuracy[seen])
    np.testing.assert_array_equal(found.permuted_accuracy, expected.permuted_accuracy)
    np.testing.assert_allclose(found.losses[:, seen], expected.losses[:, seen], atol=1e-5)
    for name in ("weights", "intercept", "clean_logits"):
        values = getattr(expected, name)
        np.testing.assert_allclose(getattr(found, name), values, atol=1e-6 * np.abs(values).max())


@pytest.mark.parametrize("by_band", [False, True])
def test_factorisations_give_the_readouts_of_the_eigendecomposition(
    splits: Splits, by_band: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    partition = BANDS.on_grid(*splits.grid) if by_band else None
    sums = sum_channels(splits.train, splits.evaluation, LAYER, partition, pattern=True)
    assert sums.pattern is not None
    sources = [StandardisedMaps.from_sums(one).source for one in (sums, sums.pattern)]
    kept = np.array([[True, True], [True, False], [False, True]])

    def fitted() -> tuple[list[FittedReadout], list[Refit]]:
        readouts = [fit_readout(splits, source) for source in sources]
        products = None if sums.by_band is None else sums.by_band.products
        if products is None:
            return readouts, []
        return readouts, fit_refits(splits, products, kept, readouts[0], np.array([TRAIN, TRAIN]))

    expected, expected_refits = fitted()
    monkeypatch.setattr(fit_module, "LEAST_IMAGES", 0)
    monkeypatch.setattr(fit_module, "LEAST_IMAGES_OF_REFIT", 0)
    monkeypatch.setattr(Products, "coordinates", None)
    found, refits = fitted()
    for one, other in zip(found, expected, strict=True):
        same_readout(one, other)
    assert len(refits) == (3 if by_band else 0)
    for refit, other_refit in zip(refits, expected_refits, strict=True):
        assert refit.chosen == other_refit.chosen
        spread = other_refit.logits.std()
        np.testing.assert_allclose(refit.logits, other_refit.logits, atol=1e-6 * spread)


def test_maps_that_never_change_give_the_shares_of_the_classes_either_way(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = Products([np.full((TRAIN, TRAIN), 3.0)], [np.full((EVALUATION, TRAIN), 3.0)], 0.0)
    expected = fit_readout(splits, flat)
    monkeypatch.setattr(fit_module, "LEAST_IMAGES", 0)
    same_readout(fit_readout(splits, flat), expected)
    np.testing.assert_allclose(expected.clean_logits, 1 / CLASSES)


def test_where_nothing_can_be_factorised_the_eigendecomposition_serves(
    splits: Splits, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, noise = rng.normal(size=(TRAIN, 3)), 1e-3 * rng.normal(size=(TRAIN, TRAIN))
    indefinite = few @ few.T + noise + noise.T
    tiny = replace(splits.settings, penalties=(1e-12,))
    settled = replace(splits, settings=tiny)
    source = Products([indefinite], [indefinite[:EVALUATION]], 0.0)
    expected = fit_readout(settled, source)
    monkeypatch.setattr(fit_module, "LEAST_IMAGES", 0)
    same_readout(fit_readout(settled, source), expected)


def test_a_refit_of_fewer_dimensions_than_images_is_the_one_fitted_on_the_values(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    """Where a small penalty lets the Gram matrix be nearly singular, its rounding may not count."""
    counts, n_classes = {"train": 640, "eval": 200}, 40
    bands = Bands(("low", "high"), (0.2,))
    stores = []
    for name, count in counts.items():
        maps = 3 * rng.random((count, 24, 12, 12), np.float32)
        facts = {
            "sample": np.arange(count),
            "label": rng.permutation(np.arange(count) % n_classes),
            "group": np.arange(count),
        }
        variables = {LAYER: Variable(("sample", "channel", "y", "x"), maps)}
        coordinates = {key: Variable(("sample",), values) for key, values in facts.items()}
        write_store(tmp_path / f"{name}.zarr", variables, coordinates, {"weights_sha256": "abc"})
        stores.append(Store(tmp_path / f"{name}.zarr"))
    names = [f"class-{number}" for number in range(n_classes)]
    settings = FitSettings((1e-5,), "ridge", permutations=0, seed=0)
    splits = Splits(*stores, LAYER, np.arange(counts["train"]) % 5, names, settings)
    partition = bands.on_grid(*splits.grid)
    dimensions = 24 * partition.counts
    assert dimensions[0] < counts["train"] < dimensions[1]
    assert counts["train"] >= fit_module.LEAST_IMAGES_OF_REFIT
    sums = sum_channels(*stores, LAYER, partition)
    maps = StandardisedMaps.from_sums(sums)
    whole = fit_readout(splits, maps.source)
    assert sums.by_band is not None
    kept = np.array([[True, True], [True, False]])
    found = fit_refits(splits, sums.by_band.products, kept, whole, dimensions)[1]

    mean, scale = (one.astype(np.float64)[:, None, None] for one in (maps.mean, maps.scale))
    train, evaluation = (
        np.fft.ifft2(np.fft.fft2((store.read(LAYER) - mean) / scale) * partition.mask(0)).real
        for store in stores
    )
    flat = [one.reshape(len(one), -1) for one in (train, evaluation)]
    centred = flat[0] - flat[0].mean(0)
    left, values, right = np.linalg.svd(centred, full_matrices=False)
    inside = values > 1e-9 * values[0]
    left, values, right = left[:, inside], values[inside], right[inside]
    assert len(values) == dimensions[0]
    labels = np.eye(n_classes)[splits.train_labels]
    absolute = 1e-5 * np.square(centred).sum() / len(centred)
    weights = right.T @ ((values / (values**2 + absolute))[:, None] * (left.T @ labels))
    expected = (flat[1] - flat[0].mean(0)) @ weights + labels.mean(0)
    np.testing.assert_allclose(found.logits, expected, atol=1e-3 * expected.std())

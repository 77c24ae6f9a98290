"""A layer's readouts: what is stored of a fit is that of its whole penalty path."""

from pathlib import Path

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.linear.basis import basis_from_maps
from bandprobe.linear.coordinates import StandardisedMaps
from bandprobe.linear.probe import fit_probe
from bandprobe.probes.fit import Splits, fit_readout, fit_refits
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
    coordinates = StandardisedMaps.from_sums(sums).coordinates
    fit = fit_readout(splits, coordinates)
    path, label = fit.probe.path.logits(coordinates.evaluation), splits.evaluation.read("label")
    assert fit.accuracy.shape == PENALTIES.shape
    np.testing.assert_array_equal(fit.accuracy, outcomes(path, label).correct.mean(1, dtype=float))
    np.testing.assert_allclose(fit.clean_logits, path[fit.probe.chosen], rtol=1e-12)
    assert fit.permuted_accuracy.shape == (2,)


def test_a_refit_is_the_readout_of_maps_from_which_a_band_was_taken(splits: Splits) -> None:
    partition = BANDS.on_grid(*splits.grid)
    sums = sum_channels(splits.train, splits.evaluation, LAYER, partition)
    maps = StandardisedMaps.from_sums(sums)
    whole = fit_readout(splits, maps.coordinates)
    assert sums.by_band is not None
    kept = np.array([[True, True], [True, False]])
    refits = fit_refits(splits, sums.by_band.products, kept, whole)
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

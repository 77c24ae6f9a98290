"""Gram matrices and energies by band, and readouts refitted from them."""

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.intervene import intervene, project
from bandprobe.fourier.modes import Mode, kept_bands
from bandprobe.fourier.spectra import band_energy
from bandprobe.linear import inner_products, map_sums
from bandprobe.linear.band_grams import pack_bands
from bandprobe.linear.basis import basis_from_maps
from bandprobe.linear.coordinates import coordinates_of_bands
from bandprobe.linear.map_sums import MapSums
from bandprobe.linear.probe import fit_probe
from bandprobe.linear.standardise import channel_moments

GRIDS = [(14, 14), (7, 7), (8, 5), (5, 8)]
LABELS = np.arange(24) % 3
FOLDS = np.arange(24) // 6
PENALTIES = np.array([0.01, 0.1, 1.0])


@pytest.fixture(params=GRIDS, ids=str)
def maps(request: pytest.FixtureRequest, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rectified training and evaluation maps with unlike channels."""
    mean, scale = np.array([4, 1, 0])[:, None, None], np.array([1, 5, 0.1])[:, None, None]
    both = np.maximum(rng.normal(mean, 1.0, (32, 3, *request.param)), 0) * scale
    both[:24, 1] += LABELS[:, None, None] * np.cos(np.arange(request.param[1]))
    return both[:24].astype(np.float32), both[24:].astype(np.float32)


def test_packed_bands_have_the_inner_products_of_the_projected_maps(
    bands: Bands, maps: tuple[np.ndarray, np.ndarray]
) -> None:
    train, evaluation = maps
    partition = bands.on_grid(*train.shape[2:])
    packed = [pack_bands(one, partition) for one in maps]
    for band in range(len(bands)):
        found = packed[1][band].reshape(8, -1) @ packed[0][band].reshape(24, -1).T
        inside = project(evaluation, partition, band).reshape(8, -1)
        expected = inside @ train.reshape(24, -1).T
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(train).sum() / 24)


def test_energies_are_those_of_the_raw_maps(
    bands: Bands, maps: tuple[np.ndarray, np.ndarray]
) -> None:
    train, evaluation = maps
    partition = bands.on_grid(*train.shape[2:])
    sums = MapSums.empty(direct=train[0].size <= len(train), partition=partition)
    for channels in (slice(0, 2), slice(2, None)):
        sums.add_slab(train[:, channels], evaluation[:, channels])
    assert sums.by_band is not None
    for got, want in zip(sums.by_band.energies.gathered(), maps, strict=True):
        np.testing.assert_allclose(got, band_energy(want, partition), rtol=1e-3, atol=1e-5)
    assert evaluation.shape[0] == 8


@pytest.mark.parametrize("fill", ["zero", "mean"])
@pytest.mark.parametrize("kind", ["remove", "isolate", "lowpass", "highpass"])
def test_a_refitted_readout_is_the_one_fitted_on_the_changed_maps(
    bands: Bands, maps: tuple[np.ndarray, np.ndarray], kind: str, fill: str
) -> None:
    """Literally: change the maps, take off the clean scale, and fit; whatever the fill is."""
    train, evaluation = maps
    partition = bands.on_grid(*train.shape[2:])
    sums = MapSums.empty(direct=train[0].size <= len(train), partition=partition)
    sums.add_slab(train, evaluation)
    assert sums.by_band is not None
    _, scale = channel_moments(train)
    mode = Mode("m", kind, fill)  # type: ignore[arg-type]
    kept = kept_bands(kind, len(bands))
    for band in np.flatnonzero(partition.counts):
        found = coordinates_of_bands(sums.by_band.products, kept[band])
        probe = fit_probe(found.basis, LABELS, FOLDS, 3, PENALTIES)
        flat = [
            (intervene(mode, one, partition, band, mean_map=train.mean(0)) / scale[:, None, None])
            .astype(np.float64)
            .reshape(len(one), -1)
            for one in (train, evaluation)
        ]
        literal = basis_from_maps(flat[0])
        expected = fit_probe(literal, LABELS, FOLDS, 3, PENALTIES).path
        logits = expected.logits(literal.project(flat[1]))
        spread = max(float(logits.std()), 1e-3)
        np.testing.assert_allclose(probe.path.logits(found.evaluation), logits, atol=5e-3 * spread)


def test_parts_of_a_slab_add_up_to_the_slab(
    bands: Bands, maps: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inner_products, "SINGLE_FROM", 0)
    partition = bands.on_grid(*maps[0].shape[2:])
    found = []
    for size in (10**9, 2 * maps[0][:, 0].nbytes, 1):
        monkeypatch.setattr(map_sums, "PART_BYTES", size)
        sums = MapSums.empty(direct=False, partition=partition, pattern=True)
        sums.add_slab(*maps)
        sums.complete()
        found.append(sums)
    whole, *parts = found
    assert [len(sums.mean) for sums in found] == [1, 2, 3]
    for sums in parts:
        assert sums.by_band is not None
        assert whole.by_band is not None
        for name in ("gram", "kernel"):
            pairs = zip(
                getattr(sums.by_band.products, name),
                getattr(whole.by_band.products, name),
                strict=True,
            )
            for got, want in pairs:
                np.testing.assert_allclose(got, want, atol=1e-5 * max(np.abs(want).max(), 1e-9))
        for got, want in zip(
            sums.by_band.energies.gathered(), whole.by_band.energies.gathered(), strict=True
        ):
            np.testing.assert_allclose(got, want, rtol=1e-5)
        assert sums.pattern is not None
        assert whole.pattern is not None
        np.testing.assert_allclose(
            sums.pattern.gram, whole.pattern.gram, atol=1e-5 * np.abs(whole.pattern.gram).max()
        )

"""Random masks of the energy readout: the same as changing the maps themselves."""

from collections.abc import Iterable

import numpy as np
import pytest

from bandprobe.fourier.bands import BandPartition, Bands
from bandprobe.fourier.intervene import masked
from bandprobe.fourier.modes import KEEPING, Mode
from bandprobe.fourier.random_masks import equal_bins, equal_energy
from bandprobe.fourier.spectra import band_energy
from bandprobe.fourier.transform import power
from bandprobe.linear import compose
from bandprobe.linear.decompose import half_masks
from bandprobe.linear.energy import EnergyReadout, fit_energy_scale
from bandprobe.linear.energy_masks import BinSets, MaskedEnergy, bin_sets

BANDS = Bands(("dc", "low", "none", "mid", "high"), (0.05, 0.4, 0.41, 0.8))
# Masks of equal energy are no partition, so sweeps cannot have them.
CONTROLLED = [
    *((kind, "equal-bins") for kind in KEEPING),
    ("remove", "equal-energy"),
    ("isolate", "equal-energy"),
]
GRIDS = [(8, 8), (7, 10), (14, 14)]


def given(
    grid: tuple[int, int], rng: np.random.Generator
) -> tuple[np.ndarray, BandPartition, MaskedEnergy]:
    """Maps, their bands, and a readout of their energies."""
    maps = rng.normal(0.5, 1.0, (12, 3, *grid)).astype(np.float32)
    partition = BANDS.on_grid(*grid)
    scale = fit_energy_scale(band_energy(maps, partition))
    readout = EnergyReadout(rng.normal(size=(4, 3, len(BANDS))), rng.normal(size=4), scale)
    mean_power = power(maps).mean(0).reshape(3, -1).astype(float)
    return maps, partition, MaskedEnergy(readout, partition.half_index.ravel(), mean_power)


def by_bin(maps: np.ndarray) -> np.ndarray:
    return power(maps).reshape(*maps.shape[:2], -1)


def logits_of(
    energy: MaskedEnergy, maps: np.ndarray, cells: Iterable[BinSets], fill: str
) -> np.ndarray:
    of_bins = by_bin(maps)
    return np.concatenate(
        [
            energy.logits(
                energy.energies(of_bins, sets.masks), energy.fills(sets.masks, fill), sets.kept
            )
            for sets in cells
        ]
    )


def bands_as_masks(partition: BandPartition) -> np.ndarray:
    return np.stack([partition.mask(band) for band in range(len(BANDS))])


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("kind", ["remove", "isolate"])
@pytest.mark.parametrize("control", ["equal-bins", "equal-energy"])
def test_energies_are_those_of_the_changed_maps(
    grid: tuple[int, int], kind: str, control: str, rng: np.random.Generator
) -> None:
    maps, partition, energy = given(grid, rng)
    plane = band_energy(maps, partition).mean()  # any power will do
    drawn = (
        np.equal(equal_bins(partition, 0, 0), np.arange(len(BANDS))[:, None, None])
        if control == "equal-bins"
        else equal_energy(partition, np.full(grid, plane), 0, 0)
    )
    cells = bin_sets(kind, control, half_masks(partition, drawn))
    found = logits_of(energy, maps, cells, "zero")
    clean = energy.readout.band_logits(band_energy(maps, partition)).sum(0)
    for band, mask in enumerate(drawn):
        left = masked(maps, mask if kind == "isolate" else ~mask)
        literal = energy.readout.band_logits(band_energy(left, partition)).sum(0)
        expected = literal + energy.readout.intercept
        np.testing.assert_allclose(found[band], expected, atol=1e-3 * clean.std())


@pytest.mark.parametrize("fill", ["zero", "mean"])
@pytest.mark.parametrize(("kind", "control"), CONTROLLED)
def test_masks_that_are_the_bands_do_what_the_bands_do(
    kind: str, fill: str, control: str, rng: np.random.Generator
) -> None:
    """The mean fill too: a band that is changed as a whole has its mean feature."""
    maps, partition, energy = given((14, 14), rng)
    readout = energy.readout
    cells = bin_sets(kind, control, half_masks(partition, bands_as_masks(partition)))
    found = logits_of(energy, maps, cells, fill)
    logits = readout.band_logits(band_energy(maps, partition))
    filling = readout.mean_logits if fill == "mean" else readout.silent_logits
    mode = Mode("m", kind, fill)  # type: ignore[arg-type]
    expected = compose.change(mode, logits, filling, readout.intercept)
    np.testing.assert_allclose(found, expected, atol=1e-4 * logits.sum(0).std())

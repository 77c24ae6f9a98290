"""Energy readouts of maps with random masks changed: the same as changing the maps themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.intervene import masked
from bandprobe.fourier.random_masks import KINDS, equal_bins, equal_energy
from bandprobe.fourier.spectra import band_energy
from bandprobe.linear.energy import EnergyReadout, fit_energy_scale
from bandprobe.probes.masked_energy import masked_energy_logits
from bandprobe.probes.masks import Masks, bin_power
from bandprobe.probes.read import StoredEnergies
from bandprobe.store.zarr_store import Store
from tests.unit.layers import write_maps

BANDS = Bands(("dc", "low", "mid", "high"), (0.05, 0.4, 0.8))
CHANGES = ("remove/zero", "remove/mean", "isolate/zero", "lowpass/zero")
DRAWS = 2


def test_logits_are_those_of_the_changed_maps(tmp_path: Path, rng: np.random.Generator) -> None:
    maps = rng.normal(0.5, 1.0, (12, 3, 7, 10)).astype(np.float32)
    write_maps(tmp_path / "eval.zarr", maps, np.zeros(12, int))
    features = Store(tmp_path / "eval.zarr")
    partition = BANDS.on_grid(7, 10)
    energy = band_energy(maps, partition)
    readout = EnergyReadout(
        rng.normal(size=(4, 3, len(BANDS))), rng.normal(size=4), fit_energy_scale(energy)
    )
    by_bin = bin_power(features, "layer")
    drawn = {
        "equal-bins": np.stack(
            [
                np.equal(equal_bins(partition, 0, draw), np.arange(len(BANDS))[:, None, None])
                for draw in range(DRAWS)
            ]
        ),
        "equal-energy": np.stack(
            [equal_energy(partition, by_bin.mean, 0, draw) for draw in range(DRAWS)]
        ),
    }
    found = masked_energy_logits(
        StoredEnergies(readout, energy), features, "layer", Masks(partition, drawn), CHANGES, by_bin
    )
    assert found.shape == (len(KINDS), DRAWS, len(CHANGES), len(BANDS), 12, 4)
    spread = readout.band_logits(energy).sum(0).std()
    for row, kind in enumerate(KINDS):
        for draw, masks in enumerate(drawn[kind]):
            for band, mask in enumerate(masks):
                stays = {
                    "remove/zero": ~mask,
                    "isolate/zero": mask,
                    "lowpass/zero": masks[: band + 1].any(0),
                }
                for change, kept in stays.items():
                    of_change = found[row, draw, CHANGES.index(change), band]
                    if kind == "equal-energy" and change.startswith("lowpass"):
                        # These masks overlap: a sweep over them means nothing.
                        assert np.isnan(of_change).all()
                        continue
                    literal = readout.band_logits(band_energy(masked(maps, kept), partition))
                    expected = literal.sum(0) + readout.intercept
                    np.testing.assert_allclose(of_change, expected, atol=1e-3 * spread)
    # What is put in for the mean is not nothing.
    zero, mean = (found[:, :, CHANGES.index(f"remove/{fill}")] for fill in ("zero", "mean"))
    assert np.isfinite(mean).all()
    assert np.abs(mean - zero).max() > 0.1 * spread

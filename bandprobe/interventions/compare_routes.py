"""The fast route compared with the literal one, on stored features of a study."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MapArray
from bandprobe.fourier.bands import BandPartition, Bands
from bandprobe.fourier.intervene import intervene, white_noise
from bandprobe.fourier.modes import Mode, kept_bands
from bandprobe.fourier.spectra import band_energy
from bandprobe.fourier.transform import map_fft
from bandprobe.interventions.perturb import change_coefficients
from bandprobe.linear import compose
from bandprobe.linear.decompose import band_logits, band_power, blank_logits, centre
from bandprobe.linear.standardise import readout_logits
from bandprobe.probes.read import Readout, StoredEnergies, read_energies, read_readout
from bandprobe.store.zarr_store import Store


@dataclass(frozen=True)
class Maps:
    """Raw maps of some evaluation images.

    Attributes
    ----------
    values : array of shape (n_samples, n_channels, height, width)
    sample, label : arrays of shape (n_samples,)
    """

    values: MapArray
    sample: NDArray[np.int64]
    label: NDArray[np.int64]

    def noise(self, mode: Mode, draw: int) -> MapArray:
        """The white noise of a draw."""
        return white_noise(mode.seed, draw, self.sample.tolist(), self.values.shape[1:])

    def others(self, mode: Mode, draw: int) -> NDArray[np.intp] | None:
        """For each map the position of the one that it takes a band from, if it takes any."""
        if mode.kind != "resample":
            return None
        return compose.partners(self.label, mode.seed, draw)


@dataclass(frozen=True)
class BothRoutes:
    """A stored readout with both ways to compute its logits.

    Attributes
    ----------
    stored : Readout or StoredEnergies
    partition : BandPartition
    """

    stored: Readout | StoredEnergies
    partition: BandPartition

    @property
    def mean_map(self) -> MapArray | None:
        """What `fill: mean` puts into a gap of a map; `energy` puts mean features there instead."""
        return self.stored.mean_map if isinstance(self.stored, Readout) else None

    def by_definition(self, maps: MapArray, filled: NDArray[np.bool_] | None = None) -> FloatArray:
        """Logits of raw maps, (n_samples, n_classes).

        Parameters
        ----------
        maps : array of shape (n_samples, n_channels, height, width)
        filled : bool array of shape (n_bands,), optional
            Bands of which `energy` gets its mean training feature, whatever the maps hold there.
        """
        if isinstance(self.stored, Readout):
            readout = self.stored
            moments = (readout.channel_mean, readout.channel_scale)
            return readout_logits(
                maps,
                readout.weights[...],
                readout.intercept,
                *moments,
                without_dc=readout.without_dc,
            )
        energies = self.stored.readout
        features = energies.scale.features(band_energy(maps, self.partition))
        if filled is not None:
            features[..., filled] = 0
        logits: FloatArray = np.einsum("ncb,kcb->nk", features, energies.weights) + self.intercept
        return logits

    @property
    def intercept(self) -> FloatArray:
        """Of shape (n_classes,)."""
        stored = self.stored
        return stored.intercept if isinstance(stored, Readout) else stored.readout.intercept

    def split(self, maps: MapArray) -> FloatArray:
        """Band logits, (n_bands, n_samples, n_classes), as the workflow computes them."""
        if isinstance(self.stored, Readout):
            mean = self.stored.channel_mean[:, None, None]
            return band_logits(maps - mean, self.stored.by_band(self.partition))
        power = band_power(map_fft(maps), self.partition, maps.shape[-1])
        return self.stored.readout.band_logits(power)

    def split_changed(self, mode: Mode, maps: MapArray, noise: MapArray) -> FloatArray:
        """Band logits after every band's own coefficients were changed."""
        width = maps.shape[-1]
        changed = change_coefficients(mode, map_fft(maps), noise, self.partition)
        if isinstance(self.stored, Readout):
            weights = self.stored.by_band(self.partition)
            return weights.logits(centre(changed, self.stored.channel_mean, width))
        return self.stored.readout.band_logits(band_power(changed, self.partition, width))

    def fill(self, kind: str) -> FloatArray:
        """Band logits of what stands in a gap, (n_bands, n_classes)."""
        if isinstance(self.stored, StoredEnergies):
            readout = self.stored.readout
            return readout.mean_logits if kind == "mean" else readout.silent_logits
        if kind == "mean":
            return self.split(self.stored.mean_map[None])[:, 0]
        return blank_logits(self.stored.channel_mean, self.stored.by_band(self.partition))


def fast_logits(mode: Mode, maps: Maps, readout: BothRoutes) -> FloatArray:
    """Logits of every band and draw, (n_bands, n_draws, n_samples, n_classes), by band logits."""
    logits = readout.split(maps.values)
    draws = []
    for draw in range(mode.draws):
        if mode.is_linear:
            partner, fill = maps.others(mode, draw), readout.fill(mode.fill)
            draws.append(compose.change(mode, logits, fill, readout.intercept, partner))
        else:
            turned = readout.split_changed(mode, maps.values, maps.noise(mode, draw))
            draws.append(compose.replace(logits, turned, readout.intercept))
    return np.stack(draws, axis=1)


def literal_logits(mode: Mode, maps: Maps, readout: BothRoutes) -> FloatArray:
    """The same by transform, mask, inverse transform and the readout's definition."""
    rows = []
    gaps = ~kept_bands(mode.kind, len(readout.partition.bands))
    fills_features = readout.mean_map is None and mode.fill == "mean"
    applied = replace(mode, fill="zero") if fills_features else mode
    for band in range(len(readout.partition.bands)):
        draws = []
        for draw in range(mode.draws):
            noise = None if mode.is_linear else maps.noise(mode, draw)
            partner = maps.others(mode, draw)
            other = None if partner is None else maps.values[partner]
            changed = intervene(
                applied,
                maps.values,
                readout.partition,
                band,
                mean_map=readout.mean_map,
                noise=noise,
                other=other,
            )
            filled = gaps[band] if fills_features else None
            draws.append(readout.by_definition(changed, filled))
        rows.append(np.stack(draws))
    return np.stack(rows)


def _in_memory(probe: Path) -> Readout | StoredEnergies:
    """A stored readout; the literal route takes all of its weights, again and again."""
    if probe.stem == "energy":
        return read_energies(probe)
    readout = read_readout(probe)
    return replace(readout, weights=readout.weights[...])


def largest_difference(
    mode: Mode, features: Path, layer: str, probe: Path, bands: Bands, n_samples: int
) -> float:
    """Largest difference of any logit between both routes, in units of their standard deviation.

    Parameters
    ----------
    mode : Mode
    features, probe : Path
        Stores of the evaluation features and of the readout: any but `refit`.
    layer : str
    bands : Bands
    n_samples : int
        Evaluation maps to compare on, evenly spaced: neighbours are often of one class.
    """
    store = Store(features)
    array = store.array(layer)
    at = np.unique(np.linspace(0, array.shape[0] - 1, n_samples).round().astype(int))
    values = np.stack([np.asarray(array[int(row)], np.float32) for row in at])
    maps = Maps(values, store.read("sample")[at], store.read("label")[at])
    readout = BothRoutes(_in_memory(probe), bands.on_grid(*values.shape[-2:]))
    clean = readout.by_definition(values)
    fast, literal = fast_logits(mode, maps, readout), literal_logits(mode, maps, readout)
    filled = readout.partition.counts > 0
    return float(np.abs(fast - literal)[filled].max() / clean.std())

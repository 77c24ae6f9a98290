"""Modes that change a band's coefficients: phases turned or noise added, from the maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import ComplexArray, FloatArray, MapArray
from bandprobe.base.devices import put
from bandprobe.features.blocks import sample_blocks
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.intervene import white_noise
from bandprobe.fourier.modes import Mode
from bandprobe.fourier.transform import real_fft
from bandprobe.interventions.outcome_store import BandLogits
from bandprobe.linear import compose
from bandprobe.linear.decompose import add_noise, band_power, centre, turn_phases
from bandprobe.probes.masks import Masks
from bandprobe.probes.read import Readout, StoredEnergies
from bandprobe.store.zarr_store import Store

# From the coefficients of changed maps to logits of masks, (n_masks, n_samples, n_classes).
Scorer = Callable[[ComplexArray], FloatArray]


@dataclass
class Perturbed:
    """Logits of changed maps of one readout.

    Attributes
    ----------
    changed : array of shape (n_bands, n_draws, n_samples, n_classes)
    controls : dict of arrays of shape (n_bands, n_control_draws, n_samples, n_classes)
        Random masks changed instead; mask d goes with draw d of the mode, in turn.
    """

    changed: FloatArray
    controls: dict[str, FloatArray] = field(default_factory=dict)

    def put(
        self, split: BandLogits, turned: FloatArray, masks: Masks, draw: int, part: slice
    ) -> None:
        """Take in the logits of the changed bands and masks of some samples."""
        own, controls = masks.parted(turned)
        replaced = compose.replace(split.logits[:, part], own, split.intercept)
        self.changed[:, draw, part] = replaced
        clean = compose.clean(split.logits[:, part], split.intercept)
        for kind, result in self.controls.items():
            for mask in range(draw, result.shape[1], self.changed.shape[1]):
                before = split.controls[kind].logits[mask][:, part]
                result[:, mask, part] = clean + (controls[kind][mask] - before)


def perturb(
    features: Store,
    layer: str,
    mode: Mode,
    masks: Masks,
    readouts: Mapping[str, Readout | StoredEnergies],
    splits: Mapping[str, BandLogits],
    device: str = "cpu",
) -> dict[str, Perturbed]:
    """Change every band of every evaluation map, all readouts from one transform a draw.

    Parameters
    ----------
    features, layer
        The stored maps.
    mode : Mode
        Of kind ``phase`` or ``noise``.
    masks : Masks
        Of controls only those that the mode can have are used.
    readouts, splits : mappings by the readout's name
    device : str
        Where maps are transformed and scored. Noise is drawn in the machine's memory, so that it is
        the same on every device.
    """
    controls = {kind: found for kind, found in masks.controls.items() if kind in mode.controls}
    masks = Masks(masks.partition, controls)
    linear = {name: one for name, one in readouts.items() if isinstance(one, Readout)}
    energies = {name: one for name, one in readouts.items() if isinstance(one, StoredEnergies)}
    bands_alone = Masks(masks.partition, {})
    found = {name: _empty(splits[name], mode, masks) for name in linear}
    found |= {name: _empty(splits[name], mode, bands_alone) for name in energies}
    width = masks.partition.width
    on_raw = {name: _energy_scorer(one, bands_alone) for name, one in energies.items()}
    mean = next(iter(linear.values())).channel_mean if linear else None
    on_centred = {name: _linear_scorer(one, masks, mean) for name, one in linear.items()}
    samples = features.read("sample")
    for part, maps in sample_blocks(features, layer):
        raw = real_fft(put(maps, device))
        for draw in range(mode.draws):
            noise = white_noise(mode.seed, draw, samples[part].tolist(), maps.shape[1:])
            given = (put(noise, device), masks.partition)
            changed = change_coefficients(mode, raw, *given)
            for name, scorer in on_raw.items():
                found[name].put(splits[name], scorer(changed), bands_alone, draw, part)
            if mean is not None:
                centre(changed, mean, width)
            for name, scorer in on_centred.items():
                found[name].put(splits[name], scorer(changed), masks, draw, part)
    return found


def _empty(split: BandLogits, mode: Mode, masks: Masks) -> Perturbed:
    n_bands, n_samples, n_classes = split.logits.shape
    shape = (n_bands, mode.draws, n_samples, n_classes)
    controls = {
        kind: np.empty((n_bands, len(one), n_samples, n_classes))
        for kind, one in masks.controls.items()
    }
    return Perturbed(np.empty(shape), controls)


def _energy_scorer(stored: StoredEnergies, masks: Masks) -> Scorer:
    width = masks.partition.width
    return lambda raw: stored.readout.band_logits(band_power(raw, masks.partition, width))


def _linear_scorer(readout: Readout, masks: Masks, mean: NDArray[np.floating] | None) -> Scorer:
    weights, stacked = readout.by_band(masks.partition), masks.stacked
    shift = None if mean is None else mean - readout.channel_mean
    return lambda centred: weights.logits(centred, shift, stacked)


def change_coefficients(
    mode: Mode, raw: ComplexArray, noise: MapArray, partition: BandPartition
) -> ComplexArray:
    """Real FFT of maps of which every band was changed, each as if it alone were."""
    if mode.kind == "phase":
        return turn_phases(raw, noise, mode.strength)
    return add_noise(raw, noise, partition, mode.strength)

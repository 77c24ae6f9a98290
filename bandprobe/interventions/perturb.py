"""Modes that change a band's coefficients: phases turned or noise added, from the maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import ComplexArray, FloatArray, MapArray
from bandprobe.base.devices import open_device, put
from bandprobe.features.blocks import sample_blocks
from bandprobe.fourier.bands import BandPartition, Bands
from bandprobe.fourier.intervene import white_noise
from bandprobe.fourier.modes import Mode
from bandprobe.fourier.transform import map_fft
from bandprobe.interventions.additive import untouched
from bandprobe.interventions.control_bins import alike
from bandprobe.interventions.outcome_store import BandLogits, read_band_logits
from bandprobe.interventions.outcome_writer import write_outcomes
from bandprobe.linear import compose
from bandprobe.linear.decompose import add_noise, band_power, centre, turn_phases
from bandprobe.probes.masks import Masks, read_masks
from bandprobe.probes.read import Readout, StoredEnergies, read_energies, read_readout
from bandprobe.scoring.changed_outcomes import ChangedOutcomes
from bandprobe.scoring.outcome_tally import OutcomeTally
from bandprobe.store.provenance import provenance, stated
from bandprobe.store.zarr_store import Store

# From the coefficients of changed maps to logits of masks, (n_masks, n_samples, n_classes).
MaskedLogits = Callable[[ComplexArray], FloatArray]


def write_perturbed(
    outputs: Mapping[Path, Path],
    features: Path,
    layer: str,
    mode: Mode,
    bands: Bands,
    *,
    probes: Sequence[Path],
    masks: Sequence[Path] = (),
    code: str,
    device: str = "cpu",
) -> None:
    """Write the outcomes of one mode that changes coefficients, for all readouts of a layer.

    Parameters
    ----------
    outputs : mapping of Path to Path
        From each readout's band logits, `<readout>.zarr`, to the store of its outcomes.
    features : Path
        The store of the evaluation features.
    layer : str
    mode : Mode
    bands : Bands
    probes : sequence of Path
        The stores of the readouts, of the same names.
    masks : sequence of Path
        The store of random masks, if there are any.
    code : str
        Digest of the code, for the provenance.
    device : str
        As of `bandprobe.base.devices.open_device`.
    """
    store = Store(features)
    height, width = store.array(layer).shape[-2:]
    readouts = {
        path.stem: read_energies(path) if path.stem == "energy" else read_readout(path)
        for path in probes
    }
    splits = {path.stem: read_band_logits(path) for path in outputs}
    drawn = read_masks(masks, bands.on_grid(height, width))
    perturbed = perturb(store, layer, mode, drawn, readouts, splits, open_device(device))
    for path, output in outputs.items():
        split, found = splits[path.stem], perturbed[path.stem]
        changed = ChangedOutcomes(
            split.axes,
            found.clean,
            found.changed,
            found.controls,
            undefined=split.undefined,
            alike=alike(split, mode, found.controls),
        )
        attrs = provenance(code, stated(mode), **split.inherited)
        write_outcomes(output, changed, attrs)


@dataclass
class Perturbed:
    """Outcomes of changed maps of one readout.

    Attributes
    ----------
    clean : array of shape (n_samples, n_classes)
        Logits of the untouched maps.
    changed : OutcomeTally
        Of cells (n_bands, n_draws).
    controls : dict of OutcomeTally
        Of cells (n_bands, n_control_draws).
        Random masks changed instead; mask d goes with draw d of the mode, in turn.
    """

    clean: FloatArray
    changed: OutcomeTally
    controls: dict[str, OutcomeTally] = field(default_factory=dict)

    def put(
        self, split: BandLogits, turned: FloatArray, masks: Masks, draw: int, part: slice
    ) -> None:
        """Score the changed bands and masks of some samples, from their logits."""
        of_bands, controls = masks.parted(turned)
        replaced = compose.replace(split.logits[:, part], of_bands, split.intercept)
        self.changed.add(part, replaced, (slice(None), draw))
        for kind, tally in self.controls.items():
            drawn = split.controls[kind].logits
            for mask in range(draw, len(drawn), self.changed.not_finite.shape[1]):
                other = controls[kind][mask] - drawn[mask][:, part]
                tally.add(part, self.clean[part] + other, (slice(None), mask))


def perturb(
    features: Store,
    layer: str,
    mode: Mode,
    masks: Masks,
    readouts: Mapping[str, Readout | StoredEnergies],
    splits: Mapping[str, BandLogits],
    device: str = "cpu",
) -> dict[str, Perturbed]:
    """Change every band of every evaluation map, all readouts from one transform per draw.

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
    controls = {kind: drawn for kind, drawn in masks.controls.items() if kind in mode.controls}
    masks = Masks(masks.partition, controls)
    linear = {name: item for name, item in readouts.items() if isinstance(item, Readout)}
    energies = {name: item for name, item in readouts.items() if isinstance(item, StoredEnergies)}
    bands_alone = Masks(masks.partition, {})
    perturbed = {name: _empty(splits[name], mode, masks) for name in linear}
    perturbed |= {name: _empty(splits[name], mode, bands_alone) for name in energies}
    width = masks.partition.width
    from_raw = {name: _energy_logits(item, bands_alone) for name, item in energies.items()}
    mean = next(iter(linear.values())).channel_mean if linear else None
    from_centred = {name: _linear_logits(item, masks, mean) for name, item in linear.items()}
    samples = features.read("sample")
    for part, maps in sample_blocks(features, layer):
        raw = map_fft(put(maps, device))
        for draw in range(mode.draws):
            noise = white_noise(mode.seed, draw, samples[part].tolist(), maps.shape[1:])
            changed = change_coefficients(mode, raw, put(noise, device), masks.partition)
            for name, logits in from_raw.items():
                perturbed[name].put(splits[name], logits(changed), bands_alone, draw, part)
            if mean is not None:
                centre(changed, mean, width)
            for name, logits in from_centred.items():
                perturbed[name].put(splits[name], logits(changed), masks, draw, part)
    return perturbed


def _empty(split: BandLogits, mode: Mode, masks: Masks) -> Perturbed:
    clean, label, n_bands = untouched(split), split.axes.label, len(split.logits)
    controls = {
        kind: OutcomeTally(clean, label, (n_bands, len(drawn)))
        for kind, drawn in masks.controls.items()
    }
    return Perturbed(clean, OutcomeTally(clean, label, (n_bands, mode.draws)), controls)


def _energy_logits(stored: StoredEnergies, masks: Masks) -> MaskedLogits:
    width = masks.partition.width
    return lambda raw: stored.readout.band_logits(band_power(raw, masks.partition, width))


def _linear_logits(
    readout: Readout, masks: Masks, mean: NDArray[np.floating] | None
) -> MaskedLogits:
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

"""A layer's readouts on its evaluation maps, split into bands and into random masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MapArray, MaskArray
from bandprobe.base.devices import open_device, put, put_like
from bandprobe.features.blocks import read_coordinates, sample_blocks
from bandprobe.fourier.bands import BandPartition, Bands
from bandprobe.linear.compose import DcParts
from bandprobe.linear.decompose import BandWeights, blank_logits, transform
from bandprobe.probes.masked_energy import masked_energy_logits
from bandprobe.probes.masks import Masks, bin_power, read_masks, write_masks
from bandprobe.probes.outside_masks import MaskDrawer, add_block, outside_scores
from bandprobe.probes.read import Readout, StoredEnergies, read_energies, read_readout
from bandprobe.probes.settings import MaskSettings
from bandprobe.store.provenance import inherited, provenance, stated
from bandprobe.store.zarr_store import Store, Variable, write_store

# Logits that differ between images by less than this share of their spread do not differ.
ROUNDING = 1e-9


def split_layer(
    outputs: Mapping[Path, Path],
    features: Path,
    layer: str,
    bands: Bands,
    masks: Path | None = None,
    controls: MaskSettings | None = None,
    changes: Sequence[str] = (),
    *,
    code: str,
    device: str = "cpu",
) -> None:
    """Split the logits of a layer's readouts on the evaluation maps, and store them.

    Parameters
    ----------
    outputs : mapping of Path to Path
        From the store of each readout, `<readout>.zarr`, to that of its band logits.
    features : Path
        The store of the evaluation features.
    layer : str
    bands : Bands
    masks : Path, optional
        Where random masks are stored, which logits are split into too.
    controls : MaskSettings, optional
        Of these masks.
    changes : sequence of str
        Modes, as KIND/FILL, under which `energy` scores maps whose random masks were changed: its
        logits are no sum over masks, as those of linear readouts are.
    code : str
        Digest of the code, for the provenance.
    device : str
        As of `bandprobe.base.devices.open_device`.
    """
    store = Store(features)
    height, width = store.array(layer).shape[-2:]
    partition = bands.on_grid(height, width)
    stage: dict[str, Any] = {"layer": layer, "bands": stated(bands)}
    weights = inherited(store.attrs)
    needs_power = masks is not None or (controls is not None and controls.masks > 0)
    by_bin = bin_power(store, layer) if needs_power else None
    if masks is not None and controls is not None and by_bin is not None:
        settings = {"draws": controls.draws, "seed": controls.seed}
        attrs = provenance(code, settings | stage, **weights)
        write_masks(masks, partition, by_bin.mean, controls.draws, controls.seed, attrs)
    drawn = read_masks([] if masks is None else [masks], partition)
    drawer = None
    if controls is not None and controls.masks and controls.changes and by_bin is not None:
        drawer = MaskDrawer(partition, by_bin, controls, layer)
        stage |= {"masks": controls.masks, "seed": controls.seed}
    split = split_readouts(list(outputs), store, layer, drawn, open_device(device), drawer)
    split = {
        probe: replace(
            logits,
            changes=tuple(changes),
            changed_controls=masked_energy_logits(
                read_energies(probe), store, layer, drawn, changes, by_bin
            ),
        )
        if probe.stem == "energy" and drawn.controls and changes and by_bin is not None
        else logits
        for probe, logits in split.items()
    }
    for probe, path in outputs.items():
        is_linear = probe.stem != "energy"
        # The readout's own flags too.
        kept = inherited(Store(probe).attrs)
        write_split(
            path,
            probe,
            split[probe],
            drawn if is_linear or split[probe].changes else bands_alone(partition),
            store,
            provenance(code, stage, **kept),
        )


def split_readouts(
    probes: Sequence[Path],
    features: Store,
    layer: str,
    masks: Masks,
    device: str,
    drawer: MaskDrawer | None = None,
) -> dict[Path, SplitLogits]:
    """Split logits of stored readouts; all linear ones share one transform of the maps."""
    linear = [path for path in probes if path.stem != "energy"]
    split: dict[Path, SplitLogits] = {}
    if linear:
        readouts = [read_readout(path) for path in linear]
        logits = split_linear(features, layer, readouts, masks, device, drawer)
        split |= dict(zip(linear, logits, strict=True))
    return split | {
        p: split_energy(read_energies(p), masks.partition) for p in probes if p not in split
    }


def write_split(
    path: Path,
    probe: Path,
    split: SplitLogits,
    masks: Masks,
    features: Store,
    attrs: Mapping[str, str],
) -> None:
    """Write the split logits of the readout that is stored at `probe`."""
    coordinates = {
        "band": Variable(("band",), np.array(masks.partition.bands.names)),
        "class": Variable(("class",), np.array(Store(probe).labels("class"))),
        "control": Variable(("control",), np.array(list(masks.controls) or ["none"])),
        **read_coordinates(features),
    }
    write_store(path, logit_variables(split, masks), coordinates, attrs)


def bands_alone(partition: BandPartition) -> Masks:
    """The bands without any random masks."""
    return Masks(partition, {})


@dataclass(frozen=True)
class SplitLogits:
    """Logits of one readout for the bands and for random masks.

    Attributes
    ----------
    logits : array of shape (n_bands, n_samples, n_classes)
    zero, mean : arrays of shape (n_masks, n_classes)
        Of a raw map of zeros and of the mean training map, for all masks in the order of
        `Masks.stacked`; for `energy` of the mean features.
    intercept : array of shape (n_classes,)
    seen : bool array of shape (height, width)
        Bins of the full plane that the readout has any weight in.
    controls : array of shape (n_controls, n_draws, *shape of `logits`), optional
        Logits of the random masks, in single precision, if they are parts of the logits.
    changes : tuple of str
        Modes, as KIND/FILL, that `changed_controls` is of.
    changed_controls : array of shape (n_controls, n_draws, n_changes, *shape of `logits`), optional
        Logits of maps whose random masks were changed, if they are no sums of logits; NaN for masks
        that the mode cannot have.
    is_undefined : bool
        Whether the readout has no result at all: maps of 1 x 1 without their mean are nothing.
    outside : mapping of str to Variable
        Scores after masks outside each band were changed, as they are stored.
    dc : DcParts, optional
        None where the logits do not split there: `energy` is a sum over bands.
    """

    logits: FloatArray
    zero: FloatArray
    mean: FloatArray
    intercept: FloatArray
    seen: MaskArray
    controls: MapArray | None = None
    changes: tuple[str, ...] = ()
    changed_controls: MapArray | None = None
    is_undefined: bool = False
    outside: Mapping[str, Variable] = field(default_factory=dict)
    dc: DcParts | None = None


def split_linear(
    features: Store,
    layer: str,
    readouts: Sequence[Readout],
    masks: Masks,
    device: str = "cpu",
    drawer: MaskDrawer | None = None,
) -> list[SplitLogits]:
    """Split logits of linear readouts, all from one transform of the evaluation maps."""
    stacked = masks.stacked
    weights = [readout.by_band(masks.partition) for readout in readouts]
    mean = readouts[0].channel_mean
    labels, n_bands = features.read("label"), len(masks.partition.bands)
    shapes = [(len(labels), len(readout.intercept)) for readout in readouts]
    # Those of the bands are added up later, and kept in double precision.
    of_bands = [np.empty((n_bands, *shape)) for shape in shapes]
    of_dc = [np.empty(shape) for shape in shapes]
    of_masks = [np.empty((len(stacked) - n_bands, *shape), np.float32) for shape in shapes]
    outside = [
        None if drawer is None else outside_scores(drawer, readout, by_band, len(labels))
        for readout, by_band in zip(readouts, weights, strict=True)
    ]
    for part, block in sample_blocks(features, layer):
        maps = put(block, device)
        maps -= put_like(mean[:, None, None], maps)
        coefficients = transform(maps, weights)
        for number, (readout, by_band, scores) in enumerate(
            zip(readouts, weights, outside, strict=True)
        ):
            shift = mean - readout.channel_mean
            logits = by_band.logits(coefficients, shift, stacked)
            of_dc[number][part] = by_band.dc_logits(coefficients, shift)
            of_bands[number][:, part] = logits[:n_bands]
            of_masks[number][:, part] = logits[n_bands:]
            if scores is not None:
                own = labels[part]
                add_block(scores, coefficients, logits[:n_bands], readout.intercept, own, part)
    n_sets = (len(masks.controls), -1, n_bands)
    return [
        replace(
            _with_fills(of_bands[number], of_dc[number], readout, by_band, stacked),
            controls=of_masks[number].reshape(*n_sets, *shapes[number]) if masks.controls else None,
            outside={} if scores is None else scores.variables(),
        )
        for number, (readout, by_band, scores) in enumerate(
            zip(readouts, weights, outside, strict=True)
        )
    ]


def _with_fills(
    logits: FloatArray,
    dc_logits: FloatArray,
    readout: Readout,
    weights: BandWeights,
    stacked: MaskArray,
) -> SplitLogits:
    centred = (readout.mean_map - readout.channel_mean[:, None, None])[None]
    of_mean = transform(centred, [weights])
    split = SplitLogits(
        logits,
        blank_logits(readout.channel_mean, weights, stacked),
        weights.logits(of_mean, None, stacked)[:, 0],
        readout.intercept,
        weights.seen,
        is_undefined=readout.without_dc and weights.seen.size == 1,
    )
    if weights.only_dc or weights.partition.counts[0] == 1:
        return replace(split, dc=_lowest_band(split))
    # A map of zeros, centred, is constant.
    return replace(split, dc=DcParts(dc_logits, split.zero[0], weights.dc_logits(of_mean)[0]))


def _lowest_band(split: SplitLogits) -> DcParts:
    """What DC brings where nothing else in the lowest band brings anything: to the last digit."""
    return DcParts(split.logits[0], split.zero[0], split.mean[0])


def split_energy(stored: StoredEnergies, partition: BandPartition) -> SplitLogits:
    """Split logits of an energy readout; it is made of bands, so random masks have no logits."""
    readout = stored.readout
    split = SplitLogits(
        readout.band_logits(stored.evaluation),
        readout.silent_logits,
        readout.mean_logits,
        readout.intercept,
        np.ones((partition.height, partition.width), bool),
    )
    is_dc = partition.counts[0] == 1
    return replace(split, dc=_lowest_band(split)) if is_dc else split


def varies(logits: FloatArray) -> NDArray[np.bool_]:
    """Whether a band's logits differ between images at all, (n_bands,)."""
    spread = float(logits.sum(0).std())
    moves: NDArray[np.bool_] = np.greater(np.ptp(logits, axis=1).max(-1), ROUNDING * spread)
    return moves


def logit_variables(split: SplitLogits, masks: Masks) -> dict[str, Variable]:
    """The arrays of one readout's store."""
    unit = {"units": "logits"}
    dims = {"logits": ("band", "sample", "class"), "zero": ("band", "class")}
    dims["mean"] = dims["zero"]
    names = {
        "logits": ("band_logits", "part of the logits that comes from a band"),
        "zero": ("zero_logits", "band logits of a raw map of zeros"),
        "mean": ("mean_logits", "band logits of the mean training map, or of mean energies"),
    }
    n_bands = len(masks.partition.bands)
    variables: dict[str, Variable] = {}
    for which, (name, text) in names.items():
        of_bands, controls = getattr(split, which)[:n_bands], split.controls
        if which != "logits" and controls is not None:
            _, of_controls = masks.parted(getattr(split, which))
            controls = np.stack(list(of_controls.values())).astype(np.float32)
        variables[name] = Variable(dims[which], of_bands, unit | {"long_name": text})
        if controls is not None:
            facts = unit | {"long_name": f"of random masks: {text}"}
            name = f"control_{name.removeprefix('band_')}"
            variables[name] = Variable(("control", "control_draw", *dims[which]), controls, facts)
    if split.changed_controls is not None:
        dims_of_changes = ("control", "control_draw", "change", *dims["logits"])
        facts = unit | {"long_name": "of maps whose random masks were changed"}
        variables["control_changed_logits"] = Variable(
            dims_of_changes, split.changed_controls, facts
        )
        variables["change"] = Variable(("change",), np.array(split.changes))
    if split.controls is not None or split.changed_controls is not None:
        facts = {"units": "1", "long_name": "seen bins that a random mask shares with each band"}
        dims_of_masks = ("control", "control_draw", "mask", "band")
        variables["control_overlap"] = Variable(dims_of_masks, masks.overlap(split.seen), facts)
    if split.dc is not None:
        text = "part of the logits that comes from DC alone"
        facts = unit | {"long_name": text}
        variables["dc_logits"] = Variable(dims["logits"][1:], split.dc.logits, facts)
        for which, name in (("zero", "zero_logits"), ("mean", "mean_logits")):
            facts = unit | {"long_name": f"{text}: {names[which][1].removeprefix('band logits ')}"}
            variables[f"dc_{name}"] = Variable(("class",), getattr(split.dc, which), facts)
    if split.is_undefined:
        none = masks.partition.counts > 0
        facts = {"long_name": "the readout has no result for the band"}
        variables["undefined"] = Variable(("band",), none, facts)
    sees = varies(variables["band_logits"].values)
    facts = {"long_name": "what the readout makes of the band differs between images"}
    return {
        **variables,
        **split.outside,
        "intercept": Variable(("class",), split.intercept, unit),
        "bins": Variable(("band",), masks.partition.counts, {"units": "1"}),
        "turnable": Variable(
            ("band",),
            masks.partition.turnable,
            {"units": "1", "long_name": "bins that are not their own conjugates"},
        ),
        "seen_bins": Variable(
            ("band",),
            masks.partition.counted(split.seen),
            {"units": "1", "long_name": "bins that the readout has weight in"},
        ),
        "sees": Variable(("band",), sees, facts),
    }

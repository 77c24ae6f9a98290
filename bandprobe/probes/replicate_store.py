"""Replicates of a layer's readouts, from its stored maps to a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.devices import open_device
from bandprobe.data.manifest import class_names, read_folds
from bandprobe.features.blocks import paired_slabs
from bandprobe.fourier.bands import BandPartition, Bands
from bandprobe.fourier.modes import Mode
from bandprobe.linear.joint_grams import JointGrams
from bandprobe.probes.replicate_settings import ReplicateSettings
from bandprobe.probes.replicates import Redraw, Replicates, Samples, Scores
from bandprobe.scoring.resplits import left_out_sets, strata
from bandprobe.store.provenance import inherited, provenance, stated
from bandprobe.store.zarr_store import Store, Variable, write_store

CELLS = ("mode", "band")
# What is stored of each fit: dimensions between the readout and the fit, and words.
FACTS = {
    "accuracy": ((), "top-1 accuracy on the untouched maps"),
    "accuracy_variance": ((), "variance of the accuracy owing to the evaluation groups"),
    "drop": (CELLS, "drop in top-1 accuracy"),
    "drop_variance": (CELLS, "variance of the drop owing to the evaluation groups"),
}
LEFT_OUT, REPLICATE = "left_out", "replicate"


def write_replicates(
    output: Path,
    features: tuple[Path, Path],
    layer: str,
    manifest: Path,
    folds: Path,
    probes: Mapping[str, Path],
    bands: Bands,
    modes: Sequence[Mode],
    settings: ReplicateSettings,
    *,
    code: str,
    device: str = "cpu",
) -> None:
    """Fit the readouts of a layer to other images of the study, and store how drops change.

    Parameters
    ----------
    output : Path
    features : pair of Path
        Feature maps of the training and the evaluation images.
    layer : str
    manifest, folds : Path
    probes : mapping of str to Path
        The fitted `map` and `pattern` of the study, for their penalties; those that it has.
    bands : Bands
    modes : sequence of Mode
        As of `bandprobe.probes.replicates.Redraw`.
    settings : ReplicateSettings
    code : str
        Digest of the code, for the provenance.
    device : str
        As of `bandprobe.base.devices.open_device`.
    """
    train, evaluation = map(Store, features)
    labels, groups = (
        np.concatenate([store.read(name) for store in (train, evaluation)])
        for name in ("label", "group")
    )
    samples = Samples(labels, groups, read_folds(folds), len(class_names(manifest)))
    height, width = train.array(layer).shape[-2:]
    grams = JointGrams(bands.on_grid(height, width), list(probes), open_device(device))
    for slabs in paired_slabs(train, evaluation, layer):
        grams.add_slab(*slabs)
    grams.complete()
    found = [
        Redraw(grams, readout, samples, float(Store(path).attrs["penalty"]), modes, settings).all()
        for readout, path in probes.items()
    ]
    coordinates = {
        "readout": Variable(("readout",), np.array(list(probes))),
        "mode": Variable(("mode",), np.array([mode.name for mode in modes])),
        "band": Variable(("band",), np.array(bands.names)),
    }
    stage = {"layer": layer, "bands": stated(bands), **stated(settings)}
    stage["modes"] = [stated(mode) for mode in modes]
    attrs = provenance(code, stage, **inherited(train.attrs))
    variables = replicate_variables(found, samples, grams.partition, settings)
    write_store(output, variables, coordinates, attrs)


def replicate_variables(
    found: Sequence[Replicates],
    samples: Samples,
    partition: BandPartition,
    settings: ReplicateSettings,
) -> dict[str, Variable]:
    """The arrays of a store, those of all readouts along the first axis."""
    variables = _of_fits("", [one.own for one in found], (), "")
    inside = samples.is_train
    sets = left_out_sets(samples.labels[inside], samples.groups[inside], settings.seed)
    # A class with a single training group leaves nothing to leave out.
    if settings.jackknife and len(sets.members):
        text = ", fitted without some training groups"
        scores = [one.left_out for one in found]
        variables |= _of_fits("left_out_", scores, (LEFT_OUT,), text)
        facts = {"long_name": "stratum of what was left out"}
        variables["stratum"] = Variable((LEFT_OUT,), sets.stratum, facts)
    if settings.count:
        scores = [one.redrawn for one in found]
        text = ", of a split that was drawn anew"
        variables |= _of_fits("replicate_", scores, (REPLICATE,), text)
        facts = {"units": "mean squared norm", "long_name": f"chosen penalty{text}"}
        penalties = np.stack([one.penalty for one in found])
        variables["replicate_penalty"] = Variable(("readout", REPLICATE), penalties, facts)
    return {
        **variables,
        "bins": Variable(("band",), partition.counts, {"units": "1"}),
        "groups": Variable(
            ("side", "count"),
            group_counts(samples),
            {
                "long_name": "groups that train and that evaluate: their number, that of their "
                "strata, and how many stand on both sides"
            },
        ),
    }


def _of_fits(
    prefix: str, scores: Sequence[Scores], last: tuple[str, ...], text: str
) -> dict[str, Variable]:
    return {
        prefix + name: Variable(
            ("readout", *dims, *last),
            np.stack([getattr(one, name) for one in scores]),
            {"units": "1", "long_name": words + text},
        )
        for name, (dims, words) in FACTS.items()
    }


def group_counts(samples: Samples) -> NDArray[np.int64]:
    """Groups of each side, their strata, and groups on both sides: shape (2, 3)."""
    stratum = strata(samples.labels, samples.groups)
    sides = [samples.is_train, ~samples.is_train]
    shared = set(samples.groups[sides[0]]) & set(samples.groups[sides[1]])
    return np.array(
        [
            [len(np.unique(samples.groups[side])), len(np.unique(stratum[side])), len(shared)]
            for side in sides
        ]
    )

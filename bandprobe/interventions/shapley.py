"""Exact Shapley values of bands, from stored band logits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bandprobe.interventions.additive import untouched
from bandprobe.interventions.outcome_store import BandLogits
from bandprobe.scoring.outcomes import outcomes, settled
from bandprobe.scoring.shapley import UNITS, all_subsets, shapley_values
from bandprobe.store.provenance import provenance
from bandprobe.store.zarr_store import Variable, write_store


def write_shapley(path: Path, split: BandLogits, fill: str, *, code: str) -> None:
    """Write the Shapley values of one readout.

    Parameters
    ----------
    path : Path
    split : BandLogits
    fill : {"zero", "mean"}
    code : str
        Digest of the code, for the provenance.
    """
    attrs = provenance(code, {"fill": fill}, **split.inherited)
    write_store(path, *shapley_store(split, fill), attrs)


def shapley_store(
    split: BandLogits, fill: str
) -> tuple[Mapping[str, Variable], Mapping[str, Variable]]:
    """Variables and coordinates of the Shapley values of one readout, by image.

    The values of an image add up over bands to the score of its map minus the score of the fill.
    """
    axes = split.axes
    subsets = all_subsets(len(split.logits))
    correct = np.empty((len(subsets), len(axes.label)))
    margin = np.empty_like(correct)
    change = split.fill(fill)[:, None] - split.logits
    clean = untouched(split)
    for row, subset in enumerate(subsets):
        scored = outcomes(settled(clean + change[~subset].sum(0), clean), axes.label)
        correct[row], margin[row] = scored.correct, scored.margin
    variables = {}
    missing = axes.bins == 0
    if split.undefined is not None:
        missing |= split.undefined
    for name, scores in (("accuracy", correct), ("margin", margin)):
        unit, text = UNITS[name], f"Shapley value of the band: {name}"
        values = np.where(missing[:, None], np.nan, shapley_values(scores))
        variables[name] = Variable(("band", "sample"), values, {"units": unit, "long_name": text})
        for end, score in (("none", scores[0]), ("all", scores[-1])):
            facts = {"units": unit, "long_name": f"{name} with {end} of the bands"}
            variables[f"{name}_{end}"] = Variable(("sample",), score, facts)
    variables["bins"] = Variable(("band",), axes.bins, {"units": "1"})
    seen = {"long_name": "what the readout makes of the band differs between images"}
    variables["sees"] = Variable(("band",), axes.sees, seen)
    coordinates = {
        "band": Variable(("band",), np.array(axes.names)),
        "sample": Variable(("sample",), axes.sample),
        "label": Variable(("sample",), axes.label),
        "group": Variable(("sample",), axes.group),
    }
    return variables, coordinates

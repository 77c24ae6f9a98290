"""Exact Shapley values and interactions of bands, from stored band logits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.interventions.additive import image_blocks, untouched
from bandprobe.interventions.outcome_store import BandLogits
from bandprobe.scoring.interactions import (
    PAYOFFS,
    band_pairs,
    complements,
    expected_accuracy,
    interactions,
    singles,
)
from bandprobe.scoring.outcome_tally import OutcomeTally
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
    facts = {"n_classes": split.logits.shape[-1]}
    write_store(path, *shapley_store(split, fill), {**attrs, **facts})


def shapley_store(
    split: BandLogits, fill: str
) -> tuple[Mapping[str, Variable], Mapping[str, Variable]]:
    """Variables and coordinates of the Shapley values and interactions of one readout, by image.

    The values of an image add up over bands to the score of its map minus the score of the fill,
    and its interactions as `bandprobe.scoring.interactions.row_sums` says.
    """
    axes = split.axes
    subsets = all_subsets(len(split.logits))
    clean = untouched(split)
    tally = OutcomeTally(clean, axes.label, (len(subsets),))
    for part in image_blocks(*split.logits.shape):
        change = split.fill(fill)[:, None] - split.logits[:, part]
        for row, subset in enumerate(subsets):
            tally.add(part, clean[part] + change[~subset].sum(0), (row,))
    scored = tally.outcomes()
    correct, margin = scored.correct.astype(np.float64), scored.margin.astype(np.float64)
    expected = expected_accuracy(scored).astype(np.float64)
    variables: dict[str, Variable] = {}
    missing = axes.bins == 0
    if split.undefined is not None:
        missing |= split.undefined
    for name, scores in (("accuracy", correct), ("margin", margin)):
        unit, text = UNITS[name], f"Shapley value of the band: {name}"
        values = np.where(missing[:, None], np.nan, shapley_values(scores))
        variables[name] = Variable(("band", "sample"), values, {"units": unit, "long_name": text})
        variables |= _ends(name, scores, unit)
    variables |= _ends(PAYOFFS["accuracy"], expected, UNITS["accuracy"])
    variables |= _by_combination("accuracy", expected, missing)
    variables |= _by_combination("margin", margin, missing)
    variables["bins"] = Variable(("band",), axes.bins, {"units": "1"})
    seen = {"long_name": "what the readout makes of the band differs between images"}
    variables["sees"] = Variable(("band",), axes.sees, seen)
    coordinates = {
        "band": Variable(("band",), np.array(axes.names)),
        "sample": Variable(("sample",), axes.sample),
        "label": Variable(("sample",), axes.label),
        "group": Variable(("sample",), axes.group),
    }
    pairs = [f"{axes.names[i]} + {axes.names[j]}" for i, j in band_pairs(len(axes.names))]
    if pairs:
        coordinates["pair"] = Variable(("pair",), np.array(pairs))
    return variables, coordinates


def _ends(name: str, scores: FloatArray, unit: str) -> dict[str, Variable]:
    """Scores of the blank map and of the complete one."""
    return {
        f"{name}_{end}": Variable(
            ("sample",),
            score,
            {"units": unit, "long_name": f"{name.replace('_', ' ')} with {end} of the bands"},
        )
        for end, score in (("none", scores[0]), ("all", scores[-1]))
    }


def _by_combination(
    name: str, scores: FloatArray, missing: NDArray[np.bool_]
) -> dict[str, Variable]:
    """Scores of each band alone and of all others, and interactions; NaN for bands without bins.

    A single band has no pairs.
    """
    unit, payoff = UNITS[name], PAYOFFS[name]
    found: dict[str, Variable] = {}
    for end, subsets, text in (
        ("alone", singles(len(missing)), "with the band alone"),
        ("without", complements(len(missing)), "with all bands but this one"),
    ):
        values = np.where(missing[:, None], np.nan, scores[subsets])
        facts = {"units": unit, "long_name": f"{payoff.replace('_', ' ')} {text}"}
        found[f"{payoff}_{end}"] = Variable(("band", "sample"), values, facts)
    pairs = band_pairs(len(missing))
    if pairs:
        without = missing[np.array(pairs)].any(1)
        values = np.where(without[:, None], np.nan, interactions(scores))
        facts = {"units": unit, "long_name": f"interaction of a pair of bands: {name}"}
        found[f"{name}_interaction"] = Variable(("pair", "sample"), values, facts)
    return found

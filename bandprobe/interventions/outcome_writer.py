"""Outcomes of changed maps, written to their stores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.errors import ModelError
from bandprobe.interventions.outside_store import control_name, outside_variables
from bandprobe.scoring.changed_outcomes import ChangedOutcomes
from bandprobe.scoring.outcomes import blank_missing, outcomes
from bandprobe.store.zarr_store import Variable, write_store

LONG_NAMES = {
    "correct": "1 where the ground-truth class alone has the highest logit",
    "rank": "rank of the ground-truth class, 1 is best, ties in the middle",
    "margin": "ground-truth logit minus the highest other logit",
    "top5": "probability that the ground-truth class is among the first five, ties at random",
}
UNITS = {"correct": "1", "rank": "1", "margin": "logits", "top5": "1"}


def refuse_infinite(what: str, count: int, total: int) -> None:
    """Raise `ModelError` for NaN and infinity, which have a rank but no meaning."""
    if count:
        raise ModelError(
            f"{what} are not finite",
            found=f"{count} of {total}",
            hint="the network or the readout overflows; look at its outputs for these images",
        )


def write_outcomes(path: Path, changed: ChangedOutcomes, attrs: Mapping[str, Any]) -> None:
    """Write the outcomes of changed maps beside those of the untouched ones.

    Parameters
    ----------
    path : Path
    changed : ChangedOutcomes
    attrs : mapping
        Provenance, whose `config` is the mode, which is stored as `mode` too; `flags`, a JSON list,
        for what applies to all bands of the mode.

    Raises
    ------
    ModelError
        If a logit is not finite, except in bands without a result.
    """
    axes, exists, clean = changed.axes, changed.exists, changed.clean
    refuse_infinite(f"{path}: logits of untouched maps", (~np.isfinite(clean)).sum(), clean.size)
    for kind, tally in {"changed": changed.changed, **changed.controls}.items():
        count = tally.not_finite[exists]
        refuse_infinite(f"{path}: logits of {kind} maps", count.sum(), count.size * clean.size)
    untouched = outcomes(clean, axes.label)
    touched = blank_missing(changed.changed.outcomes(), exists)
    variables = {}
    for name, values in touched._asdict().items():
        facts = {"units": UNITS[name], "long_name": LONG_NAMES[name]}
        variables[name] = Variable(("band", "draw", "sample"), values, facts)
    for name, values in untouched._asdict().items():
        facts = {"units": UNITS[name], "long_name": f"untouched map: {LONG_NAMES[name]}"}
        variables[f"clean_{name}"] = Variable(("sample",), values, facts)
    for kind, control in changed.controls.items():
        random = blank_missing(control.outcomes(), exists)
        for name, values in random._asdict().items():
            facts = {"units": UNITS[name], "long_name": f"{kind} masks changed: {LONG_NAMES[name]}"}
            variables[control_name(kind, name)] = Variable(
                ("band", "control_draw", "sample"), values, facts
            )
    variables["bins"] = Variable(("band",), axes.bins, {"units": "1"})
    variables["sees"] = Variable(
        ("band",), axes.sees, {"long_name": "readout has weight in the band"}
    )
    facts_of_bands: dict[str, tuple[NDArray[Any] | None, str]] = {
        "turnable": (axes.turnable, "bins that are not their own conjugates"),
        "penalty_at_end": (changed.at_end, "the penalty of the readout is at an end of the list"),
    }
    variables |= outside_variables(changed.outside)
    for kind, same in changed.alike.items():
        text = f"{kind} masks change the very bins that the mode changes"
        facts_of_bands[control_name(kind, "is_band")] = (same, text)
    for name, (of_bands, text) in facts_of_bands.items():
        if of_bands is not None:
            variables[name] = Variable(("band",), of_bands, {"long_name": text})
    coordinates = {
        "band": Variable(("band",), np.array(axes.names)),
        "draw": Variable(("draw",), np.arange(touched.rank.shape[1])),
        "sample": Variable(("sample",), axes.sample),
        "label": Variable(("sample",), axes.label),
        "group": Variable(("sample",), axes.group),
    }
    facts = {"mode": attrs["config"], "n_classes": clean.shape[1]}
    write_store(path, variables, coordinates, {**attrs, **facts})


def write_all_outcomes(
    paths: Sequence[Path], changes: Iterable[tuple[ChangedOutcomes, Mapping[str, Any]]]
) -> None:
    """Write the outcomes of several modes, each with its attributes, in the order of the paths."""
    for path, (changed, attrs) in zip(paths, changes, strict=True):
        write_outcomes(path, changed, attrs)

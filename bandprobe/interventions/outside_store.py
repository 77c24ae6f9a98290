"""Scores of masks outside the bands, as stores of band logits and of outcomes have them."""

from __future__ import annotations

from collections.abc import Mapping

from bandprobe.scoring.fields import CONTROL_NAMES
from bandprobe.scoring.randomisation import SCORES, MaskScores
from bandprobe.store.zarr_store import Store, Variable


def control_name(kind: str, name: str) -> str:
    """Name of a variable of a control: `equal_bins_rank`."""
    return f"{kind.replace('-', '_')}_{name}"


def read_outside(store: Store) -> dict[str, dict[str, MaskScores]]:
    """Scores by the mode, KIND/FILL, and the kind of control, from a store of band logits."""
    if "outside_share" not in store:
        return {}
    share = store.read("outside_share")
    by_mask, by_sample = (
        {name: store.read(f"outside_{axis}_{name}") for name in SCORES}
        for axis in ("by_mask", "by_sample")
    )
    return {
        change: {
            kind: MaskScores(
                {name: values[column, row] for name, values in by_mask.items()},
                {name: values[column, row] for name, values in by_sample.items()},
                share[row],
            )
            for row, kind in enumerate(store.labels("outside"))
        }
        for column, change in enumerate(store.labels("outside_change"))
    }


def outside_variables(outside: Mapping[str, MaskScores]) -> dict[str, Variable]:
    """The arrays of a store of outcomes, by the kind of control."""
    variables = {}
    for kind, scores in outside.items():
        for name in SCORES:
            facts = {"units": "logits" if name == "margin" else "1"}
            variables[control_name(kind, f"by_mask_{name}")] = Variable(
                ("band", "random_mask"),
                scores.by_mask[name],
                facts | {"long_name": f"{kind} masks outside the band: mean {name} over images"},
            )
            variables[control_name(kind, f"by_sample_{name}")] = Variable(
                ("band", "sample"),
                scores.by_sample[name],
                facts | {"long_name": f"{kind} masks outside the band: mean {name} over masks"},
            )
        variables[control_name(kind, "share")] = Variable(
            ("band",),
            scores.share,
            {"units": "1", "long_name": f"share of the band in what {kind} masks match"},
        )
    return variables


def read_outside_of_mode(store: Store) -> dict[str, MaskScores]:
    """Scores by the kind of control, from a store of outcomes."""
    return {
        kind: MaskScores(
            {name: store.read(control_name(kind, f"by_mask_{name}")) for name in SCORES},
            {name: store.read(control_name(kind, f"by_sample_{name}")) for name in SCORES},
            store.read(control_name(kind, "share")),
        )
        for kind in CONTROL_NAMES
        if control_name(kind, "share") in store
    }

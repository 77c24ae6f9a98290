"""DC alone and all but DC: two parts of a map, each removed as a whole, as stores have them.

They are a partition like the bands, of two: so all that takes a partition takes them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bandprobe.interventions.outcome_writer import LONG_NAMES, UNITS, refuse_infinite
from bandprobe.linear.compose import DcParts
from bandprobe.scoring.changed_outcomes import Axes, ChangedOutcomes
from bandprobe.scoring.outcomes import ModeOutcomes, Outcomes, blank_missing
from bandprobe.store.zarr_store import Store, Variable

PARTS = ("dc", "all-but-dc")


def read_dc(store: Store) -> DcParts | None:
    """From a store of band logits; None where the readout does not split there."""
    if "dc_logits" not in store:
        return None
    return DcParts(*(store.read(f"dc_{name}logits") for name in ("", "zero_", "mean_")))


def axes_of_parts(axes: Axes) -> Axes:
    """Axes with the two parts in the place of the bands."""
    bins = bins_of_parts(axes.bins)
    return replace(axes, names=PARTS, bins=bins, sees=bins > 0, turnable=None)


def bins_of_parts(bins: NDArray[np.int64]) -> NDArray[np.int64]:
    """Full-plane bins of the two parts, from those of the bands."""
    return np.array([1, bins.sum() - 1], np.int64)


def part_variables(parts: ChangedOutcomes) -> dict[str, Variable]:
    """The arrays of a store of outcomes.

    Parameters
    ----------
    parts : ChangedOutcomes
        Of the two parts in the place of the bands, in one draw.

    Raises
    ------
    ModelError
        If a logit is not finite.
    """
    count = parts.changed.not_finite[parts.exists]
    refuse_infinite("logits of maps without a part", count.sum(), count.size * parts.clean.size)
    touched = blank_missing(parts.changed.outcomes(), parts.exists)
    variables = {
        f"part_{name}": Variable(
            ("part", "sample"),
            values[:, 0],
            {"units": UNITS[name], "long_name": f"part removed: {LONG_NAMES[name]}"},
        )
        for name, values in touched._asdict().items()
    }
    variables["part_bins"] = Variable(
        ("part",), parts.axes.bins, {"units": "1", "long_name": "full-plane bins in the part"}
    )
    return variables | {"part": Variable(("part",), np.array(PARTS))}


def outcomes_of_parts(store: Store, of_bands: ModeOutcomes) -> ModeOutcomes | None:
    """Outcomes with the two parts in the place of the bands; None if the store has none."""
    if "part_correct" not in store:
        return None
    return replace(
        no_parts(of_bands),
        changed=Outcomes(*(store.read(f"part_{name}")[:, None] for name in Outcomes._fields)),
    )


def no_parts(of_bands: ModeOutcomes) -> ModeOutcomes:
    """The same of a readout that has no result for them."""
    bins = bins_of_parts(of_bands.bins)
    missing = np.full((len(PARTS), 1, len(of_bands.label)), np.float32(np.nan))
    return ModeOutcomes(
        changed=Outcomes(missing, missing, missing, missing),
        clean=of_bands.clean,
        label=of_bands.label,
        group=of_bands.group,
        bins=bins,
        sees=bins > 0,
        n_classes=of_bands.n_classes,
        flags=of_bands.flags,
    )

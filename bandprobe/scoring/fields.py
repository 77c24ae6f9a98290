"""Names of the fields of a target's record, which are those of the variables of the summary."""

from __future__ import annotations

SCORES = ("top1", "top5", "rank", "margin")
# Scores that are shares of the images, with an interval of their own within [0, 1].
SHARES = ("top1", "top5")
# How much worse a score becomes.
EFFECTS = ("top1_drop", "top5_drop", "rank_degradation", "margin_drop")
# Prefix of a field, by the kind of random masks; and the effects that have such a control.
CONTROL_NAMES = {"equal-bins": "equal_bins", "equal-energy": "equal_energy"}
CONTROLLED = ("top1_drop", "rank_degradation")


def control_fields() -> list[str]:
    """Names of the effects of random masks, and of a band's effect in excess of theirs."""
    return [
        f"{control}_{effect}{suffix}"
        for control in CONTROL_NAMES.values()
        for effect in CONTROLLED
        for suffix in ("", "_excess")
    ]

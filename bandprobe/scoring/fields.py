"""Names of the fields of a target's record, which are those of the variables of the summary."""

from __future__ import annotations

SCORES = ("top1", "top5", "rank", "margin")
# Scores that are shares of the images, with an interval of their own within [0, 1].
SHARES = ("top1", "top5")
# How much worse a score becomes.
EFFECTS = ("top1_drop", "top5_drop", "rank_degradation", "margin_drop")
# Prefix of a field, by the kind of random masks; and the effects that have such a control.
CONTROL_NAMES = {
    "equal-bins": "equal_bins",
    "equal-energy": "equal_energy",
    "equal-variance": "equal_variance",
}
CONTROLLED = ("top1_drop", "rank_degradation")


def control_fields() -> list[str]:
    """Names of the effects of random masks, and of a band's effect in excess of theirs."""
    return [
        f"{control}_{effect}{suffix}"
        for control in CONTROL_NAMES.values()
        for effect in CONTROLLED
        for suffix in ("", "_excess")
    ]


# Effects that are tested among those of random masks outside the band.
RANDOMISED = ("top1_drop", "margin_drop")


def mask_fields() -> list[str]:
    """Names of what masks outside the band say: their number, and for each effect their spread.

    Those that end in `_p_greater` and `_p_less` are p-values of the band's effect among theirs.
    """
    return [
        name
        for control in CONTROL_NAMES.values()
        for name in (
            f"{control}_masks",
            *(
                f"{control}_{effect}_{suffix}"
                for effect in RANDOMISED
                for suffix in ("spread", "p_greater", "p_less")
            ),
        )
    ]

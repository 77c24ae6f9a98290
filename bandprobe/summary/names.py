"""What people read for the names of stored scores, controls and readouts."""

from __future__ import annotations

from typing import NamedTuple

AXES = ("model", "layer", "readout", "mode", "band")


class Quantity(NamedTuple):
    """A score in words, the same for headings of tables, and its units as stored."""

    text: str
    short: str
    units: str = "1"

    @property
    def label(self) -> str:
        """What an axis says."""
        return self.text if self.units == "1" else f"{self.text} ({self.units})"


# What counts as independent in intervals and tests: several of it, and whom an interval is about.
PLURALS = {"group": "groups", "class": "classes"}
POPULATIONS = {
    "group": "other groups of images of the same classes",
    "class": "other classes, and other images of these",
}
# How much worse a score becomes.
EFFECTS = {
    "top1_drop": Quantity("drop in top-1 accuracy", "top-1 drop"),
    "top5_drop": Quantity("drop in top-5 accuracy", "top-5 drop"),
    "rank_degradation": Quantity("increase in mean ground-truth rank", "rank increase"),
    "margin_drop": Quantity("drop in mean margin", "margin drop", "logits"),
}
SHAPLEY = {
    "accuracy": Quantity("accuracy contributed by the band", "accuracy"),
    "margin": Quantity("margin contributed by the band", "margin (logits)", "logits"),
}
# Random masks, by the prefix of their variables: in legends, and within a sentence.
CONTROLS = {
    "equal_bins": ("random, equal bins", "random masks with as many bins"),
    "equal_energy": ("random, equal energy", "random masks with as much energy"),
    "equal_variance": (
        "random, equal variance",
        "random masks with as much variance between images",
    ),
}
# Readouts whose accuracy can be compared under one mode.
COMPARED = {
    "map": "map, frozen: used",
    "refit": "refit: available",
    "head": "head: used by the network",
    "head-ablated": "head, prefix tokens ablated",
}

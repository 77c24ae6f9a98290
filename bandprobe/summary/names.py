"""The one vocabulary of the summaries: names of axes, variables, scores and controls."""

from __future__ import annotations

# How much worse a score becomes.
METRICS = {
    "top1_drop": "drop of top-1 accuracy",
    "top5_drop": "drop of top-5 accuracy",
    "rank_degradation": "growth of the mean rank of the true class",
    "margin_drop": "drop of the mean margin (logits)",
}
CONTROLS = {"equal_bins": "random, equal bins", "equal_energy": "random, equal energy"}
SHAPLEY = {
    "accuracy": "accuracy that a band brings",
    "margin": "margin that a band brings (logits)",
}


# Scores that figures show, and what their axes say.
SCORES = {
    "top1_drop": "drop of top-1 accuracy",
    "rank_degradation": "degradation of the ground-truth rank",
}


AXES = ("model", "layer", "readout", "mode", "band")
# name: (long name, units)
VALUES = {
    "top1": ("top-1 accuracy after the intervention", "1"),
    "top5": ("top-5 accuracy after the intervention", "1"),
    "rank": ("mean rank of the ground-truth class after the intervention", "1"),
    "margin": ("mean margin after the intervention", "logits"),
    "p_value": ("exact sign test over groups: p-value of the change of accuracy", "1"),
    "mcnemar_p": ("exact McNemar test over images: p-value of the change of accuracy", "1"),
}
EFFECT_NAMES = {
    "top1_drop": ("drop of top-1 accuracy", "1"),
    "top5_drop": ("drop of top-5 accuracy", "1"),
    "rank_degradation": ("growth of the mean rank of the ground-truth class", "1"),
    "margin_drop": ("drop of the mean margin", "logits"),
}
CLEAN = {
    "clean_top1": ("top-1 accuracy of the untouched map", "1"),
    "clean_top5": ("top-5 accuracy of the untouched map", "1"),
    "clean_rank": ("mean rank of the ground-truth class, untouched map", "1"),
    "clean_margin": ("mean margin of the untouched map", "logits"),
}

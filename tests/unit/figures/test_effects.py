"""Figures of the readouts say what they show."""

import json

import numpy as np
import xarray as xr

from bandprobe.figures.effects import penalty_paths


def test_the_axis_of_penalty_paths_names_no_estimator() -> None:
    """The same figure shows ridge and logistic regression."""
    axes = ("model", "layer", "readout")
    paths = xr.Dataset(
        {
            "eval_accuracy": ((*axes, "penalty"), np.full((1, 1, 1, 2), 0.5)),
            "penalty_chosen": (axes, np.full((1, 1, 1), 0.1)),
        },
        {"model": ["net"], "layer": ["a"], "readout": ["map"], "penalty": [0.1, 1.0]},
        {"layers": json.dumps({"net": ["a"]}), "chance": 0.1},
    )
    figure = penalty_paths(paths)
    text = figure.get_supxlabel().replace("\n", " ")
    assert "Horizontal: L2 penalty" in text
    assert "ridge" not in text

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


def test_a_path_that_was_not_visited_everywhere_is_a_line_through_what_was() -> None:
    axes = ("model", "layer", "readout")
    penalties = [0.1, 1.0, 10.0, 100.0]
    accuracy = np.array([0.3, np.nan, 0.5, np.nan]).reshape(1, 1, 1, 4)
    paths = xr.Dataset(
        {
            "eval_accuracy": ((*axes, "penalty"), accuracy),
            "penalty_chosen": (axes, np.full((1, 1, 1), 10.0)),
        },
        {"model": ["net"], "layer": ["a"], "readout": ["map"], "penalty": penalties},
        {"layers": json.dumps({"net": ["a"]}), "chance": 0.1},
    )
    line, dot = penalty_paths(paths).axes[0].lines[:2]
    np.testing.assert_array_equal(line.get_xydata(), [[0.1, 0.3], [10.0, 0.5]])
    np.testing.assert_array_equal(dot.get_xydata(), [[10.0, 0.5]])

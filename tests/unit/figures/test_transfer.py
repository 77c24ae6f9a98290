"""Matrices of transfers show the numbers, and say which are uncertain or missing."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt

from bandprobe.figures.transfer import transfer

BANDS = ["DC", "low", "high"]


def dataset() -> xr.Dataset:
    """Two layers of one model, and a model of a single layer."""
    share = np.full((2, 3, 3, 3), np.nan)
    share[0, 1] = [[0.9, 0.0, 0.02], [0.1, 0.75, 0.0], [0.0, 0.25, 1.0]]
    share[0, 2] = share[0, 1].T
    share[0, 2, :, 1] = np.nan
    low = share.copy()
    low[0, 1, 2, 1] = 0
    dims = ("model", "layer", "band", "input_band")
    layers = {"net": ["a", "b", "c"], "pixels": ["input"]}
    return xr.Dataset(
        {"share": (dims, share), "share_low": (dims, low)},
        {"model": list(layers), "layer": ["a", "b", "c"], "band": BANDS, "input_band": BANDS},
        {"inputs": json.dumps({"net": {"b": "a", "c": "b"}, "pixels": {}})},
    )


def test_each_pair_of_layers_has_a_matrix() -> None:
    found = dataset()
    figure = transfer(found)
    titles = [panel.get_title() for panel in figure.axes[:2]]
    assert titles == ["net\na to b", "net\nb to c"]
    (image,) = figure.axes[0].get_images()
    np.testing.assert_array_equal(image.get_array(), found["share"][0, 1])
    texts = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    # Columns are input bands; shares below 0.05 are not written.
    assert texts == {
        (0, 0): ".90",
        (0, 1): ".10",
        (1, 1): ".75",
        (1, 2): "(.25)",
        (2, 2): "1.0",
    }
    assert len(figure.axes[1].patches) == 3, "the missing column is hatched"
    plt.close(figure)


def test_models_that_are_left_out_are_not_drawn() -> None:
    figure = transfer(dataset().sel(model=["pixels"]))
    assert "N/A" in figure.axes[0].texts[0].get_text()
    plt.close(figure)

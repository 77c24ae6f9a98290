"""Small multiples: gaps where there is no number."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt

from bandprobe.figures.bands import sweeps


def test_a_sweep_has_a_gap_where_a_band_is_empty_and_a_bar_for_a_point_alone() -> None:
    values = np.array([0.9, np.nan, 0.7, 0.6])
    axes = ("model", "layer", "readout", "mode", "band")
    accuracy = values[np.newaxis, np.newaxis, np.newaxis, np.newaxis]
    columns = {"top1": 0.0, "top1_low": -0.1, "top1_high": 0.05, "clean_top1": 0.0}
    cells = xr.Dataset(
        {name: (axes, accuracy + shift) for name, shift in columns.items()},
        {"model": ["net"], "layer": ["a"], "readout": ["map"], "mode": ["lowpass"]}
        | {"band": list("wxyz")},
        {"layers": '{"net": ["a"]}'},
    )
    figure = sweeps(cells, "map", ["lowpass"])
    panel = figure.axes[0]
    (line,) = panel.get_lines()
    np.testing.assert_array_equal(np.asarray(line.get_ydata(), float), values)
    area, bars = panel.collections
    assert all(np.ptp(path.vertices[:, 0]) <= 1 for path in area.get_paths()), "across the gap"
    (bar,) = (path.vertices for path in bars.get_paths())
    np.testing.assert_allclose(bar, [[0, 0.8], [0, 0.95]])
    plt.close(figure)

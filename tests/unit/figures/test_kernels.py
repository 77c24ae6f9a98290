"""Pictures of responses are relative to their means, at the frequencies of the input."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt

from bandprobe.figures.kernels import kernels
from bandprobe.fourier.kernels import kernel_response


def responses() -> xr.Dataset:
    blur, edge = np.outer([1, 2, 1], [1, 2, 1]) / 16, np.array([[1.0, -1.0]])
    planes = np.stack([kernel_response(one[None, None], 16) for one in (blur, edge)])
    planes = np.concatenate([planes, np.zeros((1, 16, 16))])
    facts = {"height": [3, 1, 3], "width": [3, 2, 3], "stride": [2, 1, 1]}
    frequency = 2 * np.fft.fftshift(np.fft.fftfreq(16))
    return xr.Dataset(
        {"response": (("layer", "frequency_y", "frequency_x"), planes)}
        | {name: (("layer",), values) for name, values in facts.items()},
        {"layer": ["blur", "edge", "zero"], "frequency_y": frequency, "frequency_x": frequency},
        {"model": "net"},
    )


def test_responses_are_drawn_relative_to_their_means() -> None:
    found = responses()
    figure = kernels(found)
    titles = [panel.get_title() for panel in figure.axes[:3]]
    assert titles == ["blur\n3 x 3, stride 2", "edge\n1 x 2", "zero\n3 x 3"]
    (image,) = figure.axes[0].get_images()
    shown = np.ma.filled(image.get_array(), np.nan)
    stored = found["response"].sel(layer="blur").to_numpy()
    inside = stored > 1e-12
    np.testing.assert_allclose(shown[inside], np.log10(stored[inside] / stored.mean()))
    assert np.unravel_index(np.nanargmax(shown), shown.shape) == (8, 8), "DC is in the middle"
    (silent,) = figure.axes[2].get_images()
    assert np.ma.getmaskarray(silent.get_array()).all()
    assert "net" in figure.get_supxlabel()
    plt.close(figure)

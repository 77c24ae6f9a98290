"""Figure of the frequency response of convolutions' kernels."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from bandprobe.figures.planes import drawn_planes


def kernels(responses: xr.Dataset) -> Figure:
    """Mean power of the kernels of each convolution over the frequency of its input, on one scale.

    Each is relative to its own mean over all frequencies, which is the size of the weights.
    """
    names = [str(layer) for layer in responses["layer"].to_numpy()]
    shown: dict[str, xr.DataArray] = {}
    for name in names:
        cells = responses.sel(layer=name)
        height, width, step = (int(cells[fact]) for fact in ("height", "width", "stride"))
        text = f"{name}\n{height} x {width}" + (f", stride {step}" if step > 1 else "")
        response = cells["response"]
        level = float(response.mean())
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = response / (level if level > 0 else np.nan)
            shown[text] = relative.copy(data=np.log10(relative.to_numpy()))
    model = responses.attrs["model"]
    return drawn_planes(
        shown,
        _limits(list(shown.values())),
        "log10 power of the kernels, relative to its mean",
        f"{model}: power of the zero-padded kernels, averaged over a layer. Frequency of "
        "the layer's input: Nyquist = 1, half a cycle per pixel; DC in the middle. With a "
        "stride of 2 what lies beyond 0.5 is folded down afterwards.",
    )


def _limits(planes: list[xr.DataArray]) -> tuple[float, float]:
    values = np.concatenate([plane.to_numpy().ravel() for plane in planes])
    finite = values[np.isfinite(values)]
    if not finite.size:
        return -1.0, 1.0
    low, high = np.quantile(finite, [0.005, 0.995])
    return float(low), float(max(high, low + 1e-6))

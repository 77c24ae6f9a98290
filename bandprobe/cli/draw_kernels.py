"""Draw the frequency response of the kernels of a network's convolutions."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bandprobe.cli.shared import run_workflow
from bandprobe.errors import ConfigError
from bandprobe.figures.entry import COLUMNS
from bandprobe.study.paths import Paths
from bandprobe.study.study import Study
from bandprobe.workflow import stores
from bandprobe.workflow.study_params import model_spec

if TYPE_CHECKING:
    import xarray as xr

    from bandprobe.backbones.kernels import Kernels
    from bandprobe.fourier.bands import Bands

KERNELS = "kernels"
# Frequencies along each axis; more where a kernel is larger.
SIDE = 64


def draw_kernels(
    study: Study, dataset: str, models: Sequence[str], arguments: argparse.Namespace
) -> None:
    """Draw the responses of some convolutions of one model, or of all that are not pointwise.

    Beside the picture lie a CSV file with the mean response in each band, and a NetCDF file with
    the responses and their frequencies.

    Raises
    ------
    ConfigError
        If the model is not a single network, or a layer is not a convolution.
    """
    if len(models) != 1:
        raise ConfigError(
            "kernels are drawn of one model",
            expected="--model MODEL",
            found=f"{len(models)} models",
        )
    (model,) = models
    if study.models[model].architecture == "pixels":
        raise ConfigError(f"{model} has no kernels", expected="a network", found="the image itself")
    names = {"dataset": dataset, "model": model}
    digests = stores.asset_weights_digests(study, names)
    if digests:
        run_workflow(digests, arguments.config, arguments.cores)
    weights = stores.weights_file(study, model)
    # Networks and matplotlib take seconds to import: not before the names are checked.
    from bandprobe.backbones.kernels import kernels_of, spatial_convolutions
    from bandprobe.backbones.load import load_model
    from bandprobe.base.files import replacing, write_text
    from bandprobe.figures.drawing import as_wide_as, save
    from bandprobe.figures.kernels import kernels

    backbone = load_model(model_spec(study, names), Path(weights) if weights else None)
    modules = backbone.modules()
    layers = arguments.layer or spatial_convolutions(modules)
    if not layers:
        raise ConfigError(
            f"{model} has no kernels larger than a pixel", expected="2-D convolutions (Conv2d)"
        )
    found = responses({layer: kernels_of(modules, layer) for layer in layers}, study.bands)
    found.attrs |= {"model": model, **backbone.facts}
    name = f"{KERNELS}_{model}_{arguments.columns}_columns"
    default = Paths.FIGURE.format(dataset=dataset, figure=name, suffix="pdf")
    output = arguments.output or [Path(default)]
    with as_wide_as(COLUMNS[arguments.columns]):
        save(kernels(found), output)
    table, planes = (output[0].with_suffix(suffix) for suffix in (".csv", ".nc"))
    cells = found.drop_dims(["frequency_y", "frequency_x"]).to_dataframe().reset_index()
    write_text(table, cells.to_csv(index=False))
    with replacing(planes) as partial:
        found.to_netcdf(partial, engine="h5netcdf")
    print("\n".join(map(str, [*output, table, planes])))


def responses(kernels: Mapping[str, Kernels], bands: Bands) -> xr.Dataset:
    """Responses of several convolutions, with the mean in each band and what each layer is."""
    import numpy as np
    import xarray as xr

    from bandprobe.fourier.kernels import band_response, kernel_response
    from bandprobe.fourier.plane import plane_frequency

    side = max(SIDE, *(length for one in kernels.values() for length in one.size))
    partition = bands.on_grid(side, side)
    planes = [kernel_response(one.weight, side, one.dilation) for one in kernels.values()]
    power = [band_response(plane, partition) for plane in planes]
    mean = np.array([plane.mean() for plane in planes])[:, None]
    relative = np.divide(power, mean, out=np.full(np.shape(power), np.nan), where=mean > 0)
    weights = {"units": "squared weight units"}
    variables: dict[str, Any] = {
        "response": (("layer", "frequency_y", "frequency_x"), np.stack(planes), weights),
        "power": (("layer", "band"), np.stack(power), weights),
        "relative_power": (("layer", "band"), relative, {"units": "1"}),
        "bins": (("band",), partition.counts, {"units": "1"}),
    }
    facts = {
        "height": [one.weight.shape[2] for one in kernels.values()],
        "width": [one.weight.shape[3] for one in kernels.values()],
        "stride": [max(one.stride) for one in kernels.values()],
        "dilation": [max(one.dilation) for one in kernels.values()],
        "groups": [one.groups for one in kernels.values()],
    }
    variables |= {name: (("layer",), np.array(values), {}) for name, values in facts.items()}
    nyquist, axis = {"units": "Nyquist"}, 2 * plane_frequency(side)
    labels: dict[str, Any] = {"layer": list(kernels), "band": list(bands.names)}
    axes = {name: ((name,), axis, nyquist) for name in ("frequency_y", "frequency_x")}
    return xr.Dataset(variables, labels | axes)

"""The network that a pass runs: a backbone, or the image itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bandprobe.backbones.model_spec import ModelSpec
from bandprobe.base.arrays import MapArray
from bandprobe.base.devices import device_name, open_device
from bandprobe.data.images import Preprocess
from bandprobe.features.extract import Batch, Network
from bandprobe.features.underflow import Underflow

# Number formats of a forward pass.
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Loaded:
    """The network of a pass, its preprocessing, and where it comes from.

    `checks` is, for each layer, what is stored with its array about whether it is a map.
    """

    network: Network
    preprocess: Preprocess
    facts: dict[str, str]
    checks: Mapping[str, Mapping[str, str | float]] = field(default_factory=dict)


def load_network(
    model: ModelSpec,
    layers: Sequence[str],
    *,
    weights: Path | None,
    dtype: str,
    precision: str = "float32",
    threads: int = 1,
    device: str = "cpu",
) -> Loaded:
    """Load a model; a network supplies what the configuration leaves out of its preprocessing.

    Parameters
    ----------
    model : ModelSpec
    layers : sequence of str
        That the pass stores.
    weights : Path, optional
        File of the weights, where there is one.
    dtype, precision : str
        As of `torch_network`.
    threads : int
        Of the forward pass on a CPU.
    device : str
        As of `bandprobe.base.devices.open_device`.
    """
    if model.architecture == "pixels":
        facts = {"weights_sha256": "none", "preprocess_source": "configuration"}
        preprocess = Preprocess.from_config(model.preprocess)
        return Loaded(pixel_network(dtype), preprocess, facts)
    import torch

    from bandprobe.backbones.load import load_model
    from bandprobe.backbones.map_check import check_maps

    torch.set_num_threads(threads)
    opened = open_device(device)
    backbone = load_model(model, weights, opened)
    facts = {
        **backbone.facts,
        "weights_source": backbone.weights_source,
        "device": device_name(opened),
        "preprocess_source": f"configuration, then {backbone.preprocess_source}",
    }
    network = torch_network(backbone, layers, dtype, precision)
    preprocess = backbone.preprocess(model.preprocess)
    checks = check_maps(backbone, layers, preprocess.size, preprocess.n_channels)
    stored = {layer: check.attributes() for layer, check in checks.items()}
    return Loaded(network, preprocess, facts, stored)


def pixel_network(dtype: str) -> Network:
    """The image itself as layer `input`."""
    underflow = Underflow(dtype)

    def run(batch: MapArray) -> Batch:
        stored = batch.astype(dtype)
        underflow.check("input", batch, stored)
        return {"input": stored}

    return run


def torch_network(
    backbone: Any, layers: Sequence[str], dtype: str, precision: str = "float32"
) -> Network:
    """A backbone's layers, copied in the number format of the store.

    Parameters
    ----------
    backbone : bandprobe.backbones.backbone.Backbone
    layers : sequence of str
    dtype : {"float16", "float32"}
        Of the copies.
    precision : {"float32", "bfloat16"}
        Of convolutions and matrix products in the forward pass; see
        `bandprobe.backbones.backbone.read_layers`.
    """
    import torch  # slow to import, and only needed to run a network

    from bandprobe.backbones.backbone import read_layers

    kind, underflow = getattr(torch, dtype), Underflow(dtype)

    def run(batch: MapArray) -> Batch:
        copies: Batch = {}

        def keep(layer: str, maps: torch.Tensor, prefix: torch.Tensor | None) -> None:
            copies[layer] = _copy(maps, kind)
            underflow.check(layer, maps, copies[layer])
            if prefix is not None:
                copies[f"{layer}.prefix"] = _copy(prefix, kind)

        read_layers(backbone, layers, torch.from_numpy(batch), keep, precision)
        return copies

    return run


def _copy(values: Any, kind: Any) -> NDArray[Any]:
    import torch

    copied = torch.empty(values.shape, dtype=kind)
    copied.copy_(values)
    return copied.numpy()

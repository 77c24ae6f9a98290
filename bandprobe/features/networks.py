"""The network that a pass runs: a backbone, or the image itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from bandprobe.base.arrays import MapArray
from bandprobe.base.devices import device_name, open_device
from bandprobe.data.images import Preprocess
from bandprobe.features.extract import Batch, Network

# Number formats of a forward pass.
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Loaded:
    """The network of a pass, its preprocessing, and where it comes from."""

    network: Network
    preprocess: Preprocess
    facts: dict[str, str]


def load_network(arguments: Any) -> Loaded:
    """Load a model; a network brings what the configuration leaves out of its preprocessing."""
    spec = arguments.model
    if spec["architecture"] == "pixels":
        facts = {"weights_sha256": "none", "preprocess_source": "configuration"}
        preprocess = Preprocess.from_config(spec["preprocess"])
        return Loaded(pixel_network(arguments.storage["dtype"]), preprocess, facts)
    import torch

    from bandprobe.backbones.backbone import load_backbone

    torch.set_num_threads(arguments.threads)
    device = open_device(arguments.device)
    backbone = load_backbone(
        spec["architecture"],
        spec["weights"],
        spec["arguments"],
        spec["seed"],
        arguments.weights,
        spec.get("weights_sha256"),
        spec.get("layout"),
        device,
    )
    facts = {
        "weights_sha256": backbone.weights_sha256,
        "weights_source": backbone.weights_source,
        "device": device_name(device),
        "preprocess_source": f"configuration, then {backbone.preprocess_source}",
    }
    given = (arguments.layers, arguments.storage["dtype"], arguments.precision or "float32")
    network = torch_network(backbone, *given)
    return Loaded(network, backbone.preprocess(spec["preprocess"]), facts)


def pixel_network(dtype: str) -> Network:
    """The image itself as layer `input`."""

    def run(batch: MapArray) -> Batch:
        return {"input": batch.astype(dtype)}

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
    import torch  # only what runs a network pays for importing torch

    from bandprobe.backbones.backbone import read_layers

    kind = getattr(torch, dtype)

    def run(batch: MapArray) -> Batch:
        found: Batch = {}

        def keep(layer: str, maps: torch.Tensor, prefix: torch.Tensor | None) -> None:
            found[layer] = _copy(maps, kind)
            if prefix is not None:
                found[f"{layer}.prefix"] = _copy(prefix, kind)

        read_layers(backbone, layers, torch.from_numpy(batch), keep, precision)
        return found

    return run


def _copy(values: Any, kind: Any) -> NDArray[Any]:
    import torch

    copied = torch.empty(values.shape, dtype=kind)
    copied.copy_(values)
    return copied.numpy()

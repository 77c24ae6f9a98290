"""Converts published weights to safetensors under timm's names, without running their code."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import onnx
import timm
import torch
from onnx import numpy_helper
from safetensors.torch import save_file

from bandprobe.base.files import replacing
from bandprobe.data.assets import Asset
from bandprobe.errors import AssetError

Tensors = dict[str, torch.Tensor]


def convert_weights(asset: Asset, content: bytes, target: Path) -> None:
    """Convert a checkpoint to safetensors under `target`, checked against its architecture.

    Raises
    ------
    AssetError
        If a tensor is missing, surplus, or differs in shape from the architecture.
    """
    model = timm.create_model(asset.architecture)
    expected = model.state_dict()
    if asset.convert == "state-dict":
        tensors = in_order(torch.load(io.BytesIO(content), weights_only=True), expected)
    elif asset.convert == "dinov2-onnx":
        tensors = dinov2_from_onnx(content)
    else:
        raise AssetError(f"{asset.requirement} contains no weights", found=asset.convert)
    check_shapes(tensors, expected, asset.requirement)
    with replacing(target) as partial:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial)


def in_order(tensors: Tensors, expected: Tensors) -> Tensors:
    """Tensors under the names of `expected`, matched by their order."""
    if len(tensors) != len(expected):
        raise AssetError(
            "the checkpoint does not fit the architecture",
            expected=f"{len(expected)} tensors",
            found=f"{len(tensors)} tensors",
        )
    return dict(zip(expected, tensors.values(), strict=True))


def check_shapes(tensors: Tensors, expected: Tensors, name: str) -> None:
    """Raise `AssetError` unless both have the same names and shapes."""
    missing = sorted(set(expected) - set(tensors))
    surplus = sorted(set(tensors) - set(expected))
    wrong = sorted(k for k in set(tensors) & set(expected) if tensors[k].shape != expected[k].shape)
    if missing or surplus or wrong:
        raise AssetError(
            f"{name}: the checkpoint does not fit the architecture",
            expected=f"{len(expected)} tensors by name and shape",
            found=f"missing {missing[:3]}, left over {surplus[:3]}, other shape {wrong[:3]}",
        )


_RENAMED = {
    "norm1.weight": "norm1.weight",
    "norm1.bias": "norm1.bias",
    "norm2.weight": "norm2.weight",
    "norm2.bias": "norm2.bias",
    "attention.output.dense.bias": "attn.proj.bias",
    "layer_scale1.lambda1": "ls1.gamma",
    "layer_scale2.lambda1": "ls2.gamma",
    "mlp.fc1.bias": "mlp.fc1.bias",
    "mlp.fc2.bias": "mlp.fc2.bias",
}
_MATRICES = {
    "attention/output/dense": "attn.proj.weight",
    "mlp/fc1": "mlp.fc1.weight",
    "mlp/fc2": "mlp.fc2.weight",
}


def dinov2_from_onnx(content: bytes) -> Tensors:
    """A DINOv2 backbone out of an ONNX graph exported from Hugging Face's implementation.

    The exporter folds constants, so matrices have lost their names: they are found by the node
    that multiplies with them, and the position embedding by the nodes that reshape and append it.
    """
    graph = onnx.load_model_from_string(content).graph
    stored = {item.name: item for item in graph.initializer}

    def tensor(name: str) -> torch.Tensor:
        return torch.from_numpy(np.array(numpy_helper.to_array(stored[name])))

    matrices: dict[str, str] = {}
    patches = tokens = ""
    for node in graph.node:
        for name in node.input:
            if name not in stored or name.startswith("backbone."):
                continue
            if node.op_type == "MatMul":
                matrices[node.name.removeprefix("/backbone/encoder/").removesuffix("/MatMul")] = (
                    name
                )
            elif len(stored[name].dims) == 3 and node.op_type == "Reshape":
                patches = name
            elif len(stored[name].dims) == 3 and node.op_type == "Concat":
                tokens = name
    prefix = "backbone.embeddings."
    tensors = {
        "cls_token": tensor(f"{prefix}cls_token"),
        "pos_embed": torch.cat([tensor(tokens), tensor(patches)], dim=1),
        "patch_embed.proj.weight": tensor(f"{prefix}patch_embeddings.projection.weight"),
        "patch_embed.proj.bias": tensor(f"{prefix}patch_embeddings.projection.bias"),
        "norm.weight": tensor("backbone.layernorm.weight"),
        "norm.bias": tensor("backbone.layernorm.bias"),
    }
    depth = sum(name.endswith("layer_scale1.lambda1") for name in stored)
    for block in range(depth):
        source, target = f"backbone.encoder.layer.{block}.", f"blocks.{block}."
        for old, new in _RENAMED.items():
            tensors[target + new] = tensor(source + old)
        for old, new in _MATRICES.items():
            tensors[target + new] = tensor(matrices[f"layer.{block}/{old}"]).T
        heads = ("query", "key", "value")
        tensors[f"{target}attn.qkv.weight"] = torch.cat(
            [tensor(matrices[f"layer.{block}/attention/attention/{head}"]).T for head in heads]
        )
        tensors[f"{target}attn.qkv.bias"] = torch.cat(
            [tensor(f"{source}attention.attention.{head}.bias") for head in heads]
        )
    return tensors

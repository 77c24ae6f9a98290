"""One vision transformer under two libraries' names: torchvision's and timm's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")

_BLOCK = re.compile(r"encoder\.layers\.encoder_layer_(\d+)\.(.+)")
_TIMM_BLOCK = re.compile(r"blocks\.(\d+)\.(.+)")
# torchvision's names of a ViT's tensors, and timm's. Both put the class token first, stack query,
# key and value in this order, and use layer norms with an epsilon of 1e-6.
_VIT = {
    "class_token": "cls_token",
    "conv_proj.weight": "patch_embed.proj.weight",
    "conv_proj.bias": "patch_embed.proj.bias",
    "encoder.pos_embedding": "pos_embed",
    "encoder.ln.weight": "norm.weight",
    "encoder.ln.bias": "norm.bias",
    "heads.head.weight": "head.weight",
    "heads.head.bias": "head.bias",
}
_VIT_BLOCK = {
    f"{old}{dot}{kind}": f"{new}.{kind}"
    for old, dot, new in (
        ("ln_1", ".", "norm1"),
        ("self_attention.in_proj", "_", "attn.qkv"),
        ("self_attention.out_proj", ".", "attn.proj"),
        ("ln_2", ".", "norm2"),
        ("mlp.0", ".", "mlp.fc1"),
        ("mlp.3", ".", "mlp.fc2"),
    )
    for kind in ("weight", "bias")
}
# The names in the files of torchvision's first release of these networks.
_VIT_OLD = {
    f"mlp.linear_{n}.{kind}": f"mlp.fc{n}.{kind}" for n in (1, 2) for kind in ("weight", "bias")
}


def is_torchvision_vit(tensors: Mapping[str, Any]) -> bool:
    """Whether the names are those of torchvision's `VisionTransformer`."""
    return "class_token" in tensors and any(map(_BLOCK.fullmatch, tensors))


def is_timm_vit(tensors: Mapping[str, Any]) -> bool:
    """Whether the names are those of timm's `VisionTransformer`."""
    return "cls_token" in tensors and any(map(_TIMM_BLOCK.fullmatch, tensors))


def vit_to_timm(tensors: Mapping[str, T]) -> dict[str, T]:
    """Tensors of torchvision's ViT under timm's names; names that it does not know are kept."""
    inner = _VIT_BLOCK | _VIT_OLD
    renamed: dict[str, T] = {}
    for name, tensor in tensors.items():
        if block := _BLOCK.fullmatch(name):
            renamed[f"blocks.{block[1]}.{inner.get(block[2], block[2])}"] = tensor
        else:
            renamed[_VIT.get(name, name)] = tensor
    return renamed


def vit_to_torchvision(tensors: Mapping[str, T]) -> dict[str, T]:
    """Tensors of timm's ViT under torchvision's names; names that it does not know are kept."""
    outer = {new: old for old, new in _VIT.items()}
    inner = {new: old for old, new in _VIT_BLOCK.items()}
    renamed: dict[str, T] = {}
    for name, tensor in tensors.items():
        if block := _TIMM_BLOCK.fullmatch(name):
            new = inner.get(block[2], block[2])
            renamed[f"encoder.layers.encoder_layer_{block[1]}.{new}"] = tensor
        else:
            renamed[outer.get(name, name)] = tensor
    return renamed

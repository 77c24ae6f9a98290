"""Flags of the readouts that are the rest of a network."""

from __future__ import annotations

from collections.abc import Mapping

# What becomes of the prefix tokens, and the readout that this makes.
READOUTS: Mapping[str, str] = {"keep": "head", "ablate": "head-ablated"}
PREFIX_BYPASS = "structural:prefix-bypass"
NO_PREFIX_TOKENS = "no-prefix-tokens"


def head_flags(ablated: bool, has_prefix: bool, route: str) -> list[str]:
    """Flags that all bands of a head readout share.

    Parameters
    ----------
    ablated : bool
        Whether prefix tokens were to be replaced.
    has_prefix : bool
        Whether the layer has any.
    route : {"none", "partial", "total"}
        How far kept tokens lead around the patches.
    """
    if ablated:
        return [] if has_prefix else [NO_PREFIX_TOKENS]
    return [PREFIX_BYPASS] if has_prefix and route != "none" else []

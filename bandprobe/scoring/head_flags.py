"""Flags of the readouts that are the rest of a network."""

from __future__ import annotations

from collections.abc import Mapping

# The readout for each treatment of the prefix tokens.
READOUTS: Mapping[str, str] = {"keep": "head", "ablate": "head-ablated"}
PREFIX_BYPASS = "structural:prefix-bypass"
NO_PREFIX_TOKENS = "no-prefix-tokens"


def head_flags(ablated: bool, has_prefix: bool, route: str) -> list[str]:
    """Flags that all bands of a head readout share.

    Parameters
    ----------
    ablated : bool
        Whether prefix tokens are replaced.
    has_prefix : bool
        Whether the layer has any.
    route : {"none", "partial", "total"}
        How much of the band can bypass the patches through kept tokens.
    """
    if ablated:
        return [] if has_prefix else [NO_PREFIX_TOKENS]
    return [PREFIX_BYPASS] if has_prefix and route != "none" else []

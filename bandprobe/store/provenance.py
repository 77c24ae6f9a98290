"""What a result was made from: configuration, versions, digest of the code."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import sys
from collections.abc import Mapping
from typing import Any

import bandprobe

VERSIONED = ("numpy", "scipy", "zarr", "torch", "torchvision", "timm", "pillow", "scikit-learn")


def provenance(code: str, config: Mapping[str, Any], **facts: str) -> dict[str, str]:
    """Attributes of a result: its stage's resolved configuration, versions, the code's digest.

    Values are JSON or plain text, so that every format can hold them.
    """
    return {
        "bandprobe_version": bandprobe.__version__,
        "config": json.dumps(config, sort_keys=True),
        "versions": json.dumps(library_versions()),
        "code_digest": code,
        **facts,
    }


@functools.cache
def library_versions() -> dict[str, str]:
    """Versions of the libraries that results depend on."""
    found = {"python": sys.version.split()[0]}
    for name in VERSIONED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found

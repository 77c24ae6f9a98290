"""What a result was made from: configuration, versions, digest of the code."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import bandprobe

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# They run networks.
NETWORK_LIBRARIES = ("torch", "torchvision", "timm")
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


def inherited(attrs: Mapping[str, Any]) -> dict[str, str]:
    """What results made from a store keep of its attributes: the network's weights and flags."""
    return {name: attrs[name] for name in ("weights_sha256", "flags") if name in attrs}


def stated(spec: DataclassInstance) -> dict[str, Any]:
    """The fields of a specification that are not None, as `provenance` takes them."""
    return {name: value for name, value in asdict(spec).items() if value is not None}


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


def network_versions() -> dict[str, str]:
    """Versions of the libraries that run networks."""
    versions = library_versions()
    return {name: versions[name] for name in NETWORK_LIBRARIES if name in versions}

"""The backbone of a model of the configuration."""

from __future__ import annotations

from pathlib import Path

from bandprobe.backbones.backbone import Backbone, load_backbone
from bandprobe.backbones.model_spec import ModelSpec


def load_model(spec: ModelSpec, weights_file: Path | None, device: str = "cpu") -> Backbone:
    """The backbone of a model of the study.

    Parameters
    ----------
    spec : ModelSpec
    weights_file : Path, optional
    device : str
        As of `load_backbone`, as the file.
    """
    return load_backbone(
        spec.architecture,
        spec.weights,
        spec.arguments,
        spec.seed,
        weights_file,
        spec.weights_sha256,
        spec.layout,
        device,
        weights_key=spec.weights_key,
        weights_prefix=spec.weights_prefix,
        untrained=bool(spec.untrained),
    )

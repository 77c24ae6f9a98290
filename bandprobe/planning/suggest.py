"""A first configuration for a folder of images and a model, with sensible layers and comments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from bandprobe.backbones.architectures import Wanted
from bandprobe.errors import ConfigError, ModelError
from bandprobe.planning.counts import Counts
from bandprobe.planning.shapes import LayerShape, ModuleShape, module_shapes
from bandprobe.study.study import Model

# Smallest reduction of the input's size by a layer, so that the first layers are left out.
LEAST_REDUCTION = 4
LAYERS = 4
FOLDS = 5
# Names that a folder of evaluation images may have, beside one named train.
HELD_OUT = ("val", "valid", "validation", "eval", "test")


def bare_model(architecture: str) -> Model:
    """A model with that architecture and random weights, to look at its modules."""
    family, _, name = architecture.partition("/")
    if family not in ("timm", "torchvision", "python") or not name:
        raise ConfigError(
            f"no architecture {architecture!r}",
            expected="timm/NAME, torchvision/NAME or python/package.module:function",
            hint=f"timm/{architecture}?" if "/" not in architecture else None,
        )
    return Model(name, architecture, "random", {}, 0, {}, ())


def suggested_layers(
    modules: Sequence[ModuleShape], size: tuple[int, int], declared: Sequence[str] = ()
) -> list[LayerShape]:
    """Some layers from shallow to deep.

    Parameters
    ----------
    modules : sequence of ModuleShape
    size : (height, width)
        Of the input.
    declared : sequence of str
        Modules that the library names as the ends of stages; preferred to a guess.

    Returns
    -------
    list of LayerShape
        If the network reduces its maps, the last module of each resolution; if it has a single
        resolution, some of its blocks, evenly spaced, including the last.

    Raises
    ------
    ModelError
        If the output of no module is a map.
    """
    able = {module.name: module.layer for module in modules if module.layer}
    named = [able[name] for name in declared if name in able]
    stages = named or list(able.values())
    last: dict[tuple[int, int], LayerShape] = {}
    for layer in stages:
        grid = (layer.height, layer.width)
        if layer.height == 1 or layer.height * LEAST_REDUCTION > size[0]:
            continue
        # Prefer a stage to its parts, which finish earlier and may be those of the next stage.
        if grid not in last or layer.layer.count(".") <= last[grid].layer.count("."):
            last[grid] = layer
    if len(last) > 1:
        return sorted(last.values(), key=lambda layer: -layer.height)[-LAYERS:]
    blocks = named or _siblings(able)
    if not blocks:
        raise ModelError(
            "no module of the network gives a map",
            hint="bandprobe list --layers ARCHITECTURE lists its modules; give --layers",
        )
    count = min(LAYERS, len(blocks))
    return [blocks[(number + 1) * len(blocks) // count - 1] for number in range(count)]


def _siblings(able: dict[str, LayerShape]) -> list[LayerShape]:
    """The largest set of modules whose names differ only in a number: blocks of a transformer."""
    families: dict[str, list[LayerShape]] = {}
    for name, layer in able.items():
        stem, number = re.fullmatch(r"(.*?)(\d*)", name).groups()  # type: ignore[union-attr]
        if number and layer.height > 1:
            families.setdefault(stem, []).append(layer)
    # Of equally large sets the shallowest: blocks rather than their parts.
    return max(
        families.values(), key=lambda layers: (len(layers), -layers[0].layer.count(".")), default=[]
    )


def declared_stages(architecture: str) -> list[str]:
    """Modules that timm names as the ends of the stages of a network; empty for other libraries."""
    if not architecture.startswith("timm/"):
        return []
    import torch

    from bandprobe.backbones.architectures import build

    with torch.device("meta"):
        network: Any = build(Wanted(architecture, "random", {})).network
    info = getattr(network, "feature_info", [])
    return [str(stage["module"]) for stage in info if isinstance(stage, dict)]


def chosen_layers(architecture: str, names: Sequence[str] | None) -> list[LayerShape]:
    """The layers of those names, or suggested ones.

    Raises
    ------
    ModelError
        If a name is not a module, or its output is not a map; the message lists those that are.
    """
    modules, size = module_shapes(bare_model(architecture))
    if names is None:
        return suggested_layers(modules, size, declared_stages(architecture))
    able = {module.name: module.layer for module in modules if module.layer}
    for name in names:
        if name not in able:
            reasons = [module.reason for module in modules if module.name == name]
            near = [module for module in able if module.count(".") < 2]
            raise ModelError(
                f"layer {name!r} of {architecture} cannot be used",
                expected=f"one of {', '.join(near)}",
                found=reasons[0] if reasons else "no such module",
                hint=f"bandprobe list --layers {architecture} lists all of them",
            )
    return [able[name] for name in names]


def default_weights(architecture: str) -> str:
    """Published weights by their full name; `random` if there are none."""
    from bandprobe.backbones.published import timm_tag

    family, _, name = architecture.partition("/")
    if family == "torchvision":
        return "pretrained"
    if family == "python":
        return "random"
    try:
        return f"pretrained/{timm_tag(name, 'pretrained').partition('.')[2]}"
    except ModelError:
        return "random"


def safe_name(text: str) -> str:
    """A name that the configuration allows."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-._") or "study"


def folder_spec(images: Path) -> dict[str, Any]:
    """The data set of a folder: class folders, or two folders of them as in ImageNet."""
    spec: dict[str, Any] = {"kind": "imagefolder", "root": str(images)}
    names = {item.name for item in images.iterdir() if item.is_dir()} if images.is_dir() else set()
    held_out = [name for name in HELD_OUT if name in names]
    if "train" in names and held_out:
        spec["splits"] = {"train": "train", "eval": held_out[0]}
    return spec


def config_text(
    dataset: str,
    spec: Mapping[str, Any],
    counts: Counts,
    architecture: str,
    weights: str,
    layers: Sequence[LayerShape],
    output: Path,
) -> str:
    """A complete configuration in a few lines, with comments."""
    model = safe_name(architecture.rpartition("/")[2].rpartition(":")[2].partition(".")[0])
    grids = dict.fromkeys(f"{layer.channels} x {layer.height} x {layer.width}" for layer in layers)
    shapes = ", ".join(grids)
    splits = f"\n    splits: {_yaml(spec['splits'])}" if "splits" in spec else ""
    folds = min(FOLDS, counts.train)
    few = f"\nprobe: {{folds: {folds}}}  # one for each training image" if folds < FOLDS else ""
    return f"""\
# What it costs:  bandprobe plan --config {output}
# To run it:      snakemake --cores all --configfile {output}
# All keys with their defaults: docs/config.md
datasets:
  {dataset}:  # results go to results/{dataset}
    kind: imagefolder  # {counts.classes} classes, {counts.train} training and {counts.eval} \
evaluation images
    root: {_yaml(spec["root"])}{splits}
models:
  pixels: {{architecture: pixels, layers: [[input]]}}  # the images themselves, for comparison
  {model}:
    architecture: {_yaml(architecture)}
    weights: {_yaml(weights)}  # or file/PATH, pretrained/TAG, random
    layers: {_yaml([[layer.layer for layer in layers]])}  # maps of {shapes}
bands:  # radial, in units of Nyquist; n bands have n - 1 edges between them
  names: [ultra-low, very-low, low, mid, high, very-high, ultra-high]
  edges: [0.05, 0.15, 0.3, 0.5, 0.7, 0.9]
readouts: [map, pooled]  # also energy and refit; a section head adds the network's own
modes:  # what is done to a band; remove-mean replaces it by its training mean
  remove: {{kind: remove}}
  remove-mean: {{kind: remove, fill: mean}}{few}
"""


def _yaml(value: Any) -> str:
    """A value as YAML in one line, quoted where necessary."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.split("\n...")[0].strip()

"""A first configuration for a folder of images and a model, with sensible layers and comments."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from bandprobe.backbones.backbone import Tokens, tapped
from bandprobe.errors import ConfigError, ModelError
from bandprobe.planning.counts import Counts
from bandprobe.planning.map_shapes import LayerShape
from bandprobe.planning.shapes import ModuleShape, module_shapes, without_values
from bandprobe.study.study import Model

# Smallest reduction of the input's size by a layer, so that the first layers are left out.
LEAST_REDUCTION = 4
LAYERS = 4
FOLDS = 5
# Names that a folder of evaluation images may have, beside one named train.
HELD_OUT = ("val", "valid", "validation", "eval", "test")


def bare_model(architecture: str, preprocess: Mapping[str, Any] | None = None) -> Model:
    """A model with that architecture and random weights, to look at its modules.

    `preprocess` has what the network does not bring itself, as one of a user's own.
    """
    family, _, name = architecture.partition("/")
    if family not in ("timm", "torchvision", "python") or not name:
        raise ConfigError(
            f"no architecture {architecture!r}",
            expected="timm/NAME, torchvision/NAME or python/package.module:function",
            hint=f"timm/{architecture}?" if "/" not in architecture else None,
        )
    return Model(name, architecture, "random", {}, 0, dict(preprocess or {}), ())


def suggested_layers(
    modules: Sequence[ModuleShape],
    size: tuple[int, int],
    goes_on: Callable[[str], bool] = lambda _layer: True,
) -> list[LayerShape]:
    """Some layers from shallow to deep.

    Parameters
    ----------
    modules : sequence of ModuleShape
        If some are declared by the network, no other is chosen.
    size : (height, width)
        Of the input.
    goes_on : callable
        Whether the rest of the network can go on from a layer alone. Of layers of one resolution
        those are taken that nothing goes around.

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
    declared = [module for module in modules if module.declared]
    named = [module.layer for module in declared if module.layer]
    stages = named if declared else list(able.values())
    by_grid: dict[tuple[int, int], list[LayerShape]] = {}
    for layer in stages:
        if layer.height > 1 and layer.height * LEAST_REDUCTION <= size[0]:
            by_grid.setdefault((layer.height, layer.width), []).append(layer)
    last = by_grid if declared else _siblings_by_grid(by_grid)
    if len(last) > 1:
        chosen = sorted(last.values(), key=lambda one: -one[0].height)[-LAYERS:]
        return [_free(layers, goes_on) for layers in chosen]
    blocks = named if declared else _siblings(able)
    if not blocks:
        raise ModelError(
            "no block of the network gives a map",
            hint="bandprobe list --layers ARCHITECTURE lists its modules; give --layers",
        )
    count = min(LAYERS, len(blocks))
    return [blocks[(number + 1) * len(blocks) // count - 1] for number in range(count)]


def _siblings_by_grid(
    by_grid: Mapping[tuple[int, int], Sequence[LayerShape]],
) -> dict[tuple[int, int], list[LayerShape]]:
    """The parts of the module whose parts have the most resolutions, the outermost of such.

    These are stages: not what lies inside of one, nor what holds them all.
    """
    grids: dict[str, set[tuple[int, int]]] = {}
    for grid, layers in by_grid.items():
        for layer in layers:
            grids.setdefault(_parent(layer), set()).add(grid)
    depths = {parent: -1 if parent == "" else parent.count(".") for parent in grids}
    parent = max(grids, key=lambda one: (len(grids[one]), -depths[one]), default="")
    return {
        grid: [layer for layer in layers if _parent(layer) == parent]
        for grid, layers in by_grid.items()
        if grid in grids.get(parent, ())
    }


def _parent(layer: LayerShape) -> str:
    return layer.layer.rpartition(".")[0]


def _free(layers: Sequence[LayerShape], goes_on: Callable[[str], bool]) -> LayerShape:
    """The last layer that nothing goes around, the last of all if there is none."""
    return next((one for one in reversed(layers) if goes_on(one.layer)), layers[-1])


def can_go_on(model: Model, size: tuple[int, int]) -> Callable[[str], bool]:
    """Whether the rest of a network can go on from twice as many maps of a layer."""
    backbone = without_values(model)
    channels = backbone.input_channels(model.preprocess)
    images = torch.empty(2, channels, *size, device="meta")

    def twice(_layer: str, maps: torch.Tensor, prefix: torch.Tensor | None) -> Tokens:
        return maps.repeat(2, 1, 1, 1), None if prefix is None else prefix.repeat(2, 1, 1)

    def goes_on(layer: str) -> bool:
        try:
            with tapped(backbone, [layer], twice, images) as network, torch.inference_mode():
                outputs = network(images)
        except (ModelError, RuntimeError, AssertionError, ValueError):
            return False
        return isinstance(outputs, torch.Tensor) and len(outputs) == 2 * len(images)

    return goes_on


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


def chosen_layers(
    architecture: str,
    names: Sequence[str] | None,
    preprocess: Mapping[str, Any] | None = None,
) -> list[LayerShape]:
    """The layers of those names, or suggested ones; `preprocess` as for `bare_model`.

    Raises
    ------
    ModelError
        If a name is not a module, or its output is not a map; the message lists those that are.
    """
    model = bare_model(architecture, preprocess)
    modules, size = module_shapes(model)
    if names is None:
        return suggested_layers(modules, size, can_go_on(model, size))
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


def missing_preprocess(architecture: str) -> dict[str, Any]:
    """Keys of `preprocess` that a timm network does not bring, with values to begin with.

    Some are evaluated on the whole image, squashed or padded, which is not provided here: their
    share of the image is taken for that of a central crop.
    """
    if not architecture.startswith("timm/"):
        return {}
    backbone = without_values(bare_model(architecture))
    if "crop_fraction" in backbone.own_preprocess:
        return {}
    named: Any = getattr(backbone.network, "pretrained_cfg", {})
    return {"crop_fraction": float(named.get("crop_pct") or 1.0)}


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
    preprocess: Mapping[str, Any] | None = None,
    missing: Mapping[str, Any] | None = None,
) -> str:
    """A complete configuration in a few lines, with comments.

    `preprocess` is the user's; `missing` has keys that the network does not bring, to be looked at.
    """
    model = safe_name(architecture.rpartition("/")[2].rpartition(":")[2].partition(".")[0])
    grids = dict.fromkeys(f"{layer.channels} x {layer.height} x {layer.width}" for layer in layers)
    shapes = ", ".join(grids)
    splits = f"\n    splits: {_yaml(spec['splits'])}" if "splits" in spec else ""
    folds = min(FOLDS, counts.train)
    both = {**(missing or {}), **(preprocess or {})}
    own = f"\n    preprocess: {_yaml(both)}" if both else ""
    if missing:
        own += "  # its own evaluation squashes or pads the image instead: check"
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
    weights: {_yaml(weights)}  # or file/PATH, pretrained/TAG, random{own}
    layers: {_yaml([[one.layer for one in layers]])}  # maps of {shapes}
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

"""List the names in a configuration, or the modules of a model that can be layers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

from rich.table import Table

from bandprobe.cli.shared import add_config, described, load_study
from bandprobe.cli.tables import console
from bandprobe.fourier.modes import KEEPING
from bandprobe.study.study import Study

KINDS = ("datasets", "models", "layers", "bands", "readouts", "modes")
EXAMPLES = """
bandprobe list
bandprobe list bands --config configs/imagenet.yaml
bandprobe list --layers efficientnet_lite0
bandprobe list --layers timm/vit_base_patch16_224 --depth 3
"""


def parser() -> argparse.ArgumentParser:
    """The options of `bandprobe list`."""
    options = described(__doc__, "bandprobe list", EXAMPLES)
    add_config(options)
    options.add_argument("kind", nargs="?", choices=KINDS, help="names of one kind, one per line")
    options.add_argument(
        "--layer",
        "--layers",
        metavar="MODEL",
        help="modules of a model of the configuration, or of an architecture such as timm/resnet18",
    )
    options.add_argument(
        "--depth", type=int, default=2, help="parts of a module's name to show at most (default: 2)"
    )
    return options


def execute(arguments: argparse.Namespace) -> None:
    """Print the names."""
    output = console()
    if arguments.layer:
        output.print(module_table(arguments))
        return
    study = load_study(arguments.config)
    if arguments.kind:
        print("\n".join(names(study)[arguments.kind]))
        return
    for table in tables(study):
        output.print(table)
    heads = sum(1 for _ in study.head_targets())
    total = sum(1 for _ in study.targets()) + heads
    output.print(f"{total} targets in all, {heads} of them of heads")


def names(study: Study) -> dict[str, list[str]]:
    """Names by their kind."""
    return {
        "datasets": list(study.datasets),
        "models": list(study.models),
        "layers": [f"{model} {layer}" for model, layer in study.layers()],
        "bands": list(study.bands.names),
        "readouts": list(study.all_readouts),
        "modes": list(study.modes),
    }


def tables(study: Study) -> Iterator[Table]:
    """What a study consists of, one table per kind of name."""
    datasets = _table("data sets (--dataset)", "name", "kind", "images")
    for name, spec in study.datasets.items():
        datasets.add_row(name, spec["kind"], _images(spec))
    yield datasets
    models = _table("models (--model)", "name", "architecture", "weights", "layers (--layer)")
    for model in study.models.values():
        weights = "random" if model.untrained else model.weights
        models.add_row(model.name, model.architecture, weights, "\n".join(model.layers))
    yield models
    bands = _table("bands (--band)", "name", "from", "to")
    for number, name in enumerate(study.bands.names):
        low, high = study.bands.interval(number)
        bands.add_row(name, f"{low:g}", "" if high == inf else f"{high:.4g}")
    bands.caption = (
        "in cycles per image; those above a layer's Nyquist frequency are N/A there"
        if study.bands.in_cycles
        else "in units of Nyquist; the last includes the corners"
    )
    yield bands
    readouts = _table("readouts (--readout)", "name", "modes")
    for readout in names(study)["readouts"]:
        readouts.add_row(readout, ", ".join(_modes(study, readout)))
    yield readouts
    modes = _table("modes (--mode)", "name", "kind", "fill", "draws", "strength")
    for name, mode in study.modes.items():
        filled = mode.fill if mode.kind in KEEPING else ""
        modes.add_row(name, mode.kind, filled, str(mode.draws), f"{mode.strength:g}")
    yield modes


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left")
    for column in columns:
        table.add_column(column)
    return table


def _images(spec: Mapping[str, Any]) -> str:
    if "root" in spec:
        return str(spec["root"])
    return f"asset {spec['asset']}" if "asset" in spec else "generated"


def _modes(study: Study, readout: str) -> list[str]:
    if study.head and readout in study.head.readouts:
        return list(study.head.modes)
    return [mode for mode in study.modes if study.is_defined(readout, mode)]


def module_table(arguments: argparse.Namespace) -> Table:
    """Modules of a network in the order of a forward pass, with what each returns."""
    wanted = arguments.layer
    study = None if "/" in wanted else load_study(arguments.config)
    if study is not None:
        study.select("model", wanted)
    # Networks take seconds to import: not before the name is known to be right.
    from bandprobe.planning.map_shapes import PIXELS
    from bandprobe.planning.shapes import module_shapes
    from bandprobe.planning.suggest import bare_model

    model = study.models[wanted] if study else bare_model(wanted)
    if model.architecture == PIXELS:
        table = _table(f"{wanted}: the image itself", "layer")
        table.add_row("input")
        return table
    modules, (height, width) = module_shapes(model)
    shown = [
        module for module in modules if module.declared or module.name.count(".") < arguments.depth
    ]
    title = f"{wanted} ({model.architecture}), one image of {height} x {width}"
    table = _table(title, "module", "kind", "output", "as a layer")
    for module in shown:
        layer = module.layer
        usable = module.reason
        if layer is not None:
            tokens = f" + {layer.tokens} prefix tokens" if layer.tokens else ""
            usable = f"{layer.channels} x {layer.height} x {layer.width}{tokens}"
            usable += ", says the network" if module.declared else ""
        table.add_row(module.name, module.kind, module.output, usable)
    hidden = len(modules) - len(shown)
    if hidden:
        table.caption = f"{hidden} deeper modules: --depth {arguments.depth + 1}"
    return table

"""Draw one map, its bands, and the map after each intervention, side by side.

The map is one channel of one evaluation image. It is drawn exactly as the workflow scores it: with
the same bands, the same training mean and, for a random mode, the same first draw.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bandprobe.cli.shared import (
    choose_dataset,
    choose_many,
    command_parser,
    load_study,
    run_workflow,
)
from bandprobe.errors import StoreError
from bandprobe.study.paths import Paths

EXAMPLES = """
bandprobe show --model efficientnet_lite0 --layer blocks.2 --sample 960
bandprobe show --model dinov2_vits14 --layer blocks.6 --mode remove perturb --band low mid
"""


def parser() -> argparse.ArgumentParser:
    """The options of `bandprobe show`."""
    options = command_parser(__doc__, "bandprobe show", EXAMPLES)
    options.add_argument("--model", required=True, help="model of the configuration")
    options.add_argument("--layer", required=True, help="layer of that model")
    options.add_argument(
        "--sample", help="evaluation image: its row in the manifest, or its id (default: the first)"
    )
    options.add_argument(
        "--channel", type=int, help="default: the one with the most energy outside DC"
    )
    options.add_argument("--mode", nargs="+", help="modes (default: all)")
    options.add_argument("--band", nargs="+", help="bands to draw (default: all)")
    options.add_argument(
        "--output",
        type=Path,
        help="PNG, SVG or PDF by its suffix (default: in the figures' folder)",
    )
    return options


def execute(arguments: argparse.Namespace) -> None:
    """Compute the feature maps, if they are missing, and draw one."""
    study = load_study(arguments.config)
    dataset = choose_dataset(study, arguments.dataset)
    model = study.models[study.select("model", arguments.model)]
    names = {"dataset": dataset, "model": model.name, "layer": arguments.layer}
    passname = model.pass_of(arguments.layer)
    modes = [study.modes[name] for name in choose_many(study, "mode", arguments.mode, study.modes)]
    bands = choose_many(study, "band", arguments.band, study.bands.names)
    stores = {
        split: Paths.FEATURES.format(**names, passname=passname, split=split)
        for split in ("train", "eval")
    }
    wanted = [split for split in stores if split == "eval" or _need_mean(modes)]
    goals = [Paths.digest(stores[split]) for split in wanted]
    run_workflow(goals, arguments.config, arguments.cores)
    # Matplotlib takes a second to import: not before the names are checked.
    from bandprobe.features.blocks import sample_mean
    from bandprobe.figures.drawing import save
    from bandprobe.inspection.map_figures import interventions
    from bandprobe.inspection.one_map import changed_map
    from bandprobe.store.zarr_store import Store

    row = find_sample(Path(Paths.MANIFEST.format(**names)), arguments.sample)
    mean = sample_mean(Store(stores["train"]), arguments.layer) if _need_mean(modes) else None
    chosen = (row["sample"], arguments.channel, study.bands, modes, mean)
    shown = changed_map(Store(stores["eval"]), arguments.layer, *chosen)
    title = (
        f"{dataset} / {model.name} / {arguments.layer} / channel {shown.channel}: "
        f"sample {shown.sample}, {row['class_name']}"
    )
    figure = f"map_{model.name}_{arguments.layer}_{shown.sample}"
    output = arguments.output or Path(
        Paths.FIGURE.format(dataset=dataset, figure=figure, suffix="png")
    )
    save(interventions(shown.of_bands(bands), title), [output])
    print(output)


def _need_mean(modes: Any) -> bool:
    return any(mode.fill == "mean" for mode in modes)


def find_sample(manifest: Path, name: str | None) -> dict[str, Any]:
    """The manifest row of an evaluation image, by its number or its id."""
    rows = [row for row in pq.read_table(manifest).to_pylist() if row["split"] == "eval"]
    for row in rows:
        if name is None or name in (str(row["sample"]), row["id"]):
            return dict(row)
    raise StoreError(
        f"no evaluation image {name!r}",
        expected=f"a number from {rows[0]['sample']} to {rows[-1]['sample']}, or an id such as "
        f"{rows[0]['id']!r}",
        hint=f"{manifest} lists them; `bandprobe inspect` shows its columns",
    )

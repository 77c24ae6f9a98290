"""Draw an image, one map of it, its bands, and the map after interventions, side by side.

The map is one channel of one evaluation image. It is drawn exactly as the workflow scores it: with
the same bands, the same training mean and, for a random mode, the same first draw. Below each map
are the three best classes of a readout of all channels, each with its margin: its logit minus the
highest other.
"""

from __future__ import annotations

import argparse
import json
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
from bandprobe.data.datasets import root_of
from bandprobe.data.images import Preprocess
from bandprobe.data.manifest import class_names
from bandprobe.errors import StoreError
from bandprobe.explorer.settings import READOUTS
from bandprobe.fourier.modes import removals
from bandprobe.study.paths import Paths
from bandprobe.study.study import Study
from bandprobe.workflow.stores import dataset_images

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
    options.add_argument(
        "--mode", nargs="+", help="modes (default: the one that the answer of the report is about)"
    )
    options.add_argument(
        "--readout",
        choices=READOUTS,
        help="scores the maps (default: the first that the study has)",
    )
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
    first = [*removals(study.modes.values()), *study.modes][:1]
    modes = [study.modes[name] for name in choose_many(study, "mode", arguments.mode, first)]
    readout = choose_readout(study, arguments.readout)
    bands = choose_many(study, "band", arguments.band, study.bands.names)
    stores = {
        split: Paths.FEATURES.format(**names, passname=passname, split=split)
        for split in ("train", "eval")
    }
    wanted = [split for split in stores if split == "eval" or _need_mean(modes)]
    goals = [Paths.digest(stores[split]) for split in wanted]
    probe = Path(Paths.PROBE.format(**names, readout=readout)) if readout else None
    if probe:
        goals.append(Paths.digest(str(probe)))
    run_workflow(goals, arguments.config, arguments.cores)
    # Matplotlib takes a second to import: not before the names are checked.
    from bandprobe.explorer.pictures import Images
    from bandprobe.features.blocks import sample_mean
    from bandprobe.figures.drawing import save
    from bandprobe.inspection.map_figures import Around, interventions
    from bandprobe.inspection.one_map import changed_map
    from bandprobe.probes.read import read_readout
    from bandprobe.store.zarr_store import Store

    manifest = Path(Paths.MANIFEST.format(**names))
    row = find_sample(manifest, arguments.sample)
    mean = sample_mean(Store(stores["train"]), arguments.layer) if _need_mean(modes) else None
    chosen = (row["sample"], arguments.channel, study.bands, modes, mean)
    features = Store(stores["eval"])
    fitted = read_readout(probe) if probe else None
    shown = changed_map(features, arguments.layer, *chosen, fitted)
    folder = next(iter(dataset_images(study, names)), None)
    images = Images.of(manifest, Path(folder) if folder else root_of(study.datasets[dataset]))
    preprocess = Preprocess.from_config(json.loads(features.attrs["preprocess"]))
    around = Around(images.load(row["sample"], preprocess), class_names(manifest))
    title = (
        f"{dataset} / {model.name} / {arguments.layer} / channel {shown.channel}: "
        f"sample {shown.sample}, {row['class_name']}" + (f", {readout} readout" if readout else "")
    )
    figure = f"map_{model.name}_{arguments.layer}_{shown.sample}"
    output = arguments.output or Path(
        Paths.FIGURE.format(dataset=dataset, figure=figure, suffix="png")
    )
    save(interventions(shown.of_bands(bands), title, around), [output])
    print(output)


def choose_readout(study: Study, name: str | None) -> str | None:
    """The readout that scores maps: the chosen one, or the first that the study has."""
    if name:
        return study.select("readout", name)
    return next((one for one in READOUTS if one in study.readouts), None)


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

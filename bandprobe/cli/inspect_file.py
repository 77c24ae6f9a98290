"""Describe a stored result: arrays, chunks, compression, provenance, and a small picture.

STORE is a Zarr store, a NetCDF summary or a Parquet table; TARGET is the file of a target, or its
six names separated by slashes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bandprobe.base.units import in_bytes
from bandprobe.cli.shared import described
from bandprobe.cli.tables import console, target_table
from bandprobe.errors import StoreError
from bandprobe.inspection.contents import Array, Contents, locate, read_contents, read_record
from bandprobe.inspection.pictures import Picture, as_text, picture_of
from bandprobe.store.zarr_store import Store

EXAMPLES = """
bandprobe inspect results/photos/features/efficientnet_lite0/pass-0/eval.zarr
bandprobe inspect results/photos/features/dinov2_vits14/pass-0/eval.zarr --array blocks.6 --sample 3
bandprobe inspect results/photos/probes/efficientnet_lite0/blocks.6/map.zarr --png weights.png
bandprobe inspect photos/efficientnet_lite0/blocks.6/map/remove/ultra-low
"""
# Attributes stored as JSON that are shown as YAML.
STRUCTURED = ("config", "versions", "preprocess", "mode", "layers")
HIDDEN = ("coordinates",)


def parser() -> argparse.ArgumentParser:
    """The options of `bandprobe inspect`."""
    options = described(__doc__, "bandprobe inspect", EXAMPLES)
    options.add_argument("path", metavar="STORE|TARGET", help="what to look at")
    options.add_argument("--array", help="array of the picture (default: maps, or the largest)")
    options.add_argument(
        "--sample", type=int, default=0, help="position of the sample in the picture (default: 0)"
    )
    options.add_argument(
        "--channel", type=int, help="position of the channel (default: all, root mean square)"
    )
    options.add_argument(
        "--png", type=Path, metavar="FILE", help="also write the picture to a file"
    )
    return options


def execute(arguments: argparse.Namespace) -> None:
    """Print what is stored at the path."""
    path, output = locate(arguments.path), console()
    if path.suffix == ".json":
        record = read_record(path)
        output.print(target_table(record, {"file": str(path)}))
        output.print(attribute_table(record["provenance"]))
        picture: Picture | None = target_picture(record)
    else:
        contents = read_contents(path)
        for part in describe(contents):
            output.print(part)
        picture = None
        if contents.kind == "Zarr store":
            chosen = (arguments.array, arguments.sample, arguments.channel)
            picture = picture_of(Store(path), *chosen)
    if picture is None:
        if arguments.png:
            raise StoreError(f"{path} has no picture", expected="a Zarr store or a target")
        return
    output.print(Text(picture.caption, style="bold"))
    output.print(as_text(picture, colour=output.color_system is not None), soft_wrap=True)
    if arguments.png:
        # Matplotlib takes a second to import.
        from bandprobe.figures.drawing import save
        from bandprobe.inspection.map_figures import stored_array

        save(stored_array(picture), [arguments.png])
        print(arguments.png)


def describe(contents: Contents) -> Iterator[RenderableType]:
    """Contents of a store or a table."""
    stored = sum(array.stored for array in contents.arrays)
    what = f": {contents.kind}, {contents.what}; {in_bytes(stored)}"
    yield Text.assemble((str(contents.path), "bold"), what)
    if contents.digest:
        yield f"SHA-256 of the data as recorded: {contents.digest}"
    yield array_table(contents)
    if contents.attrs:
        yield attribute_table(contents.attrs)


def array_table(contents: Contents) -> Table:
    """Arrays with their meanings, shapes and dimensions, and how they are stored."""
    table = Table(title="arrays", title_justify="left", show_lines=True)
    table.add_column("array", min_width=40)
    table.add_column("shape", min_width=20)
    table.add_column("stored as", min_width=20)
    for array in contents.arrays:
        unit = f" ({array.attrs['units']})" if "units" in array.attrs else ""
        meaning = f"{array.attrs.get('long_name', '')}{unit}".strip()
        dims = ", ".join(dim.rpartition(".")[2] for dim in array.dims)
        table.add_row(
            Text("\n").join(filter(None, [Text(array.name, "bold"), Text(meaning)])),
            "\n".join(filter(None, [_sizes(array.shape), dims])),
            _kept(array),
        )
    return table


def _kept(array: Array) -> str:
    """Type and size on disk; below them chunks, compression and its ratio, if any."""
    lines = [f"{array.dtype}, {in_bytes(array.stored)}"]
    if array.chunks:
        shards = f" in shards of {_sizes(array.shards)}" if array.shards else ""
        lines.append(f"chunks {_sizes(array.chunks)}{shards}")
    if array.codec != "none":
        ratio = f", ratio {array.ratio:.2f}" if array.ratio else ""
        lines.append(f"{array.codec}{ratio}")
    return "\n".join(lines)


def _sizes(sizes: tuple[int, ...]) -> str:
    return " x ".join(map(str, sizes)) or "one value"


def attribute_table(attrs: Mapping[str, Any]) -> Table:
    """Where a result comes from."""
    table = Table(title="provenance", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in attrs.items():
        if name in HIDDEN:
            continue
        text = _structured(str(value)) if name in STRUCTURED else str(value)
        table.add_row(name, text)
    return table


def _structured(text: str) -> str:
    """YAML of a text in JSON; any other text as it is."""
    try:
        content = json.loads(text)
    except ValueError:
        return text
    shown: str = yaml.safe_dump(content, sort_keys=False, default_flow_style=None)
    return shown.strip()


def target_picture(record: Mapping[str, Any]) -> Picture:
    """Accuracy before and after as bars, random masks among them where there are any."""
    import numpy as np

    bars = {"untouched": record["clean_top1"], "changed": record["top1"]}
    for name in ("equal_bins", "equal_energy"):
        drop = record.get(f"{name}_top1_drop")
        if drop is not None:
            bars[f"random masks, {name.replace('_', ' ')}"] = record["clean_top1"] - drop
    bars["chance"] = record["chance"]
    values = np.array([np.nan if value is None else value for value in bars.values()])
    return Picture(values, "top-1 accuracy", tuple(bars))

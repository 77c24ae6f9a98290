"""What the check of each layer before extraction found, as a table of the report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

AXES = {
    "declared": "the network says so",
    "followed": "they follow the size of the input",
    "configured": "the configuration says so",
    "fixed size": "by shape and kind of module; the network takes one size or squares alone",
}


def map_check_rows(features: Path) -> list[dict[str, Any]]:
    """One row for each layer that was checked: `model`, `layer`, `axes`, `place`, `share`.

    Parameters
    ----------
    features : Path
        `results/<dataset>/features`. Stores that are gone, or that say nothing of a check, such as
        those of the images themselves, give no row.
    """
    rows = []
    for file in sorted(features.glob("*/*/eval.zarr/*/zarr.json")):
        found = _attributes(file)
        if "map_place" in found:
            rows.append(
                {
                    "model": file.parents[3].name,
                    "layer": file.parent.name,
                    "axes": AXES.get(str(found["map_axes"]), str(found["map_axes"])),
                    "place": found["map_place"],
                    "share": f"{float(found['map_share_in_place']):.2f}",
                }
            )
    return rows


def _attributes(file: Path) -> Mapping[str, Any]:
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
        found: Any = content["attributes"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def in_order(
    rows: list[dict[str, Any]], layers: Mapping[str, list[str]]
) -> Iterator[dict[str, Any]]:
    """The rows in the order of the study."""
    for model, names in layers.items():
        for name in names:
            yield from (row for row in rows if row["model"] == model and row["layer"] == name)

"""The table of checked maps comes from the attributes of the stored arrays."""

from __future__ import annotations

import json
from pathlib import Path

from bandprobe.report.map_checks import in_order, map_check_rows


def test_rows_are_the_stored_attributes_in_the_order_of_the_study(tmp_path: Path) -> None:
    shown = {"map_axes": "declared", "map_place": "shown", "map_share_in_place": 0.998}
    arrays = {
        ("net", "0", "blocks.9"): shown,
        ("net", "0", "blocks.10"): shown | {"map_place": "not proven", "map_axes": "followed"},
        ("net", "0", "blocks.10.prefix"): {},
        ("pixels", "0", "input"): {"units": "1"},
    }
    for (model, name, layer), attributes in arrays.items():
        folder = tmp_path / model / name / "eval.zarr" / layer
        folder.mkdir(parents=True)
        (folder / "zarr.json").write_text(json.dumps({"attributes": attributes}))
    (tmp_path / "net/0/eval.zarr/blocks.10.prefix/zarr.json").write_text("torn")
    rows = list(in_order(map_check_rows(tmp_path), {"net": ["blocks.9", "blocks.10"]}))
    assert rows == [
        {
            "model": "net",
            "layer": "blocks.9",
            "axes": "the network says so",
            "place": "shown",
            "share": "1.00",
        },
        {
            "model": "net",
            "layer": "blocks.10",
            "axes": "they follow the size of the input",
            "place": "not proven",
            "share": "1.00",
        },
    ]
    assert map_check_rows(tmp_path / "gone") == []

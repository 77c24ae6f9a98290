"""Pictures of a study for its page: which there are, what they show, how much they take."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bandprobe.data.images import Preprocess
from bandprobe.errors import ConfigError
from bandprobe.explorer.cells import cells_of
from bandprobe.explorer.pictures import draw_pictures
from bandprobe.explorer.settings import LayerPlace, PictureSettings
from bandprobe.explorer.tiles import change_colours, level_colours
from tests.unit.explorer.conftest import BANDS, MODE, Layer

SETTINGS = PictureSettings(
    (LayerPlace("net", "layer1", "pass-0"), LayerPlace("net", "layer0", "pass-0")),
    ("pattern", "map"),
    MODE,
    BANDS,
    2.0,
    0,
)


def drawn(layer: Layer, settings: PictureSettings = SETTINGS) -> dict[str, Any]:
    names = [f"class {number}" for number in range(4)]
    found = draw_pictures(settings, lambda _place, _readout: layer.stores, layer.images, names)
    json.dumps(found, allow_nan=False)
    return found


def opened(text: str) -> np.ndarray:
    image = Image.open(io.BytesIO(base64.b64decode(text)))
    assert image.format == "WEBP"
    return np.asarray(image)


def size(found: dict[str, Any], *groups: str) -> int:
    """Bytes of the cells of some layers and readouts, and of the images."""
    cells = {name: cell for name, cell in found["cells"].items() if name.startswith(groups)}
    return sum(len(json.dumps(part, separators=(",", ":"))) for part in (cells, found["photos"]))


def test_every_cell_that_has_something_to_show_is_there(layer: Layer) -> None:
    found = drawn(layer)
    assert list(found["cells"]) == [
        f"net/{name}/{readout}/{band}"
        for name in ("layer1", "layer0")
        for readout in ("pattern", "map")
        for band in ("low", "mid")
    ]
    assert (found["mode"], found["left_out"]) == ("remove-mean", [])
    assert found["classes"][2] == "class 2"


def test_the_maps_are_those_of_the_cell_on_one_scale(layer: Layer) -> None:
    found = drawn(layer)
    for cell in cells_of(layer.stores, MODE, BANDS, 0):
        own = found["cells"][f"net/layer1/map/{BANDS.names[cell.band]}"]
        shown = [cell.before, cell.after]
        assert own["low"] == pytest.approx(min(float(v.min()) for v in shown))
        assert own["high"] == pytest.approx(max(float(v.max()) for v in shown))
        change = cell.after - cell.before
        assert own["limit"] == pytest.approx(float(np.abs(change).max()))
        assert (own["channel"], own["channels"]) == (cell.channel, 3)
        tiles = opened(own["maps"])
        assert tiles.shape == (8, 8 * 3 * len(cell.images), 3)
        for at, image in enumerate(cell.images):
            parts = tiles[:, 24 * at : 24 * (at + 1)]
            low, high = own["low"], own["high"]
            np.testing.assert_array_equal(parts[:, :8], level_colours(cell.before[at], low, high))
            np.testing.assert_array_equal(parts[:, 8:16], level_colours(cell.after[at], low, high))
            np.testing.assert_array_equal(parts[:, 16:], change_colours(change[at], own["limit"]))
            told = own["images"][at]
            assert (told["rule"], told["sample"]) == (image.rule, image.sample)
            assert told["before"] == [image.before.label, pytest.approx(image.before.margin)]
            assert np.float32(told["after"][1]) == np.float32(image.after.margin)
            assert told["window"] == [0, 0, 1, 1]


def test_an_image_is_stored_once_however_many_cells_show_it(layer: Layer) -> None:
    found = drawn(layer)
    names = {image["photo"] for cell in found["cells"].values() for image in cell["images"]}
    assert set(found["photos"]) == names
    name = next(iter(names))
    pixels = opened(found["photos"][name])
    # The part that the network sees: a crop of 32 x 32.
    assert pixels.shape == (32, 32, 3)
    sample = int(name.split("/")[0])
    own = layer.images.load(sample, Preprocess((32, 32)))
    assert abs(pixels.mean() / 255 - own.mean()) < 0.02


def test_the_limit_holds_and_what_is_left_out_is_said(layer: Layer) -> None:
    whole = drawn(layer)
    megabytes = (size(whole, "net/layer1") + 20) / 1e6
    found = drawn(layer, dataclasses.replace(SETTINGS, megabytes=megabytes))
    assert {name.rpartition("/")[0] for name in found["cells"]} == {
        "net/layer1/pattern",
        "net/layer1/map",
    }
    assert found["left_out"] == ["net/layer0/pattern", "net/layer0/map"]
    assert size(found, "net") <= 1e6 * megabytes
    assert found["cells"].items() <= whole["cells"].items()
    less = drawn(layer, dataclasses.replace(SETTINGS, megabytes=megabytes - 1e-4))
    assert less["left_out"][0] == "net/layer1/map"
    # No image is stored that no cell shows.
    names = {image["photo"] for cell in less["cells"].values() for image in cell["images"]}
    assert set(less["photos"]) == names


def test_no_room_for_anything_is_refused_with_the_key_to_change(layer: Layer) -> None:
    with pytest.raises(ConfigError, match=r"report\.images_megabytes") as caught:
        drawn(layer, dataclasses.replace(SETTINGS, megabytes=0.001))
    assert "images: false" in str(caught.value)

"""Small pictures say exactly what they show."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from rich.text import Text

from bandprobe.cli.inspect_file import describe
from bandprobe.cli.tables import console
from bandprobe.errors import StoreError
from bandprobe.inspection.contents import locate, read_contents, read_record
from bandprobe.inspection.pictures import COLUMNS, Picture, as_text, drawable, picture_of
from bandprobe.store.zarr_store import Store, Variable, write_store


@pytest.fixture
def values(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(4, 3, 9, 5)).astype(np.float32)


@pytest.fixture
def store(tmp_path: Path, values: np.ndarray) -> Store:
    correct = np.array([[[1, 0, 1, 1]], [[np.nan] * 4]], np.float32)
    arrays = {
        "layer1": Variable(("sample", "layer1.channel", "layer1.y", "layer1.x"), values),
        "correct": Variable(("band", "draw", "sample"), correct, {"units": "1"}),
        "band_logits": Variable(("band", "sample"), np.array([[3.0, -3, 3, -3], [0.0, 0, 0, 2]])),
    }
    coordinates = {
        "band": Variable(("band",), np.array(["low", "high"])),
        "label": Variable(("sample",), np.arange(4)),
    }
    path = tmp_path / "results" / "tiny" / "outcomes" / "s.zarr"
    write_store(path, arrays, coordinates, {"config": "{}"})
    return Store(path)


def test_maps_are_drawn_for_one_sample(store: Store, values: np.ndarray) -> None:
    picture = picture_of(store, None, 2, None)
    assert picture is not None
    assert picture.caption == "layer1: sample 2, root mean square over channel"
    np.testing.assert_allclose(picture.values, np.sqrt((values[2] ** 2).mean(0)), rtol=1e-6)
    one = picture_of(store, "layer1", 1, 2)
    assert one is not None
    assert one.caption == "layer1: sample 1, channel 2"
    np.testing.assert_allclose(one.values, values[1, 2])


def test_bars_keep_the_bands_and_leave_out_what_does_not_exist(store: Store) -> None:
    picture = picture_of(store, "correct", 0, None)
    assert picture is not None
    assert picture.labels == ("low", "high")
    np.testing.assert_array_equal(picture.values, [0.75, np.nan])
    assert picture.caption == "correct by band, mean over draw and sample"
    text = as_text(picture, colour=False).plain.splitlines()
    assert text[0] == f" low {'#' * 40} 0.75"
    assert text[1] == "high N/A"


def test_numbers_of_either_sign_are_not_averaged_away(store: Store) -> None:
    picture = picture_of(store, "band_logits", 0, None)
    assert picture is not None
    np.testing.assert_allclose(picture.values, [3, 1])
    assert "root mean square" in picture.caption


def test_coordinates_are_no_picture(store: Store) -> None:
    assert set(drawable(store)) == {"layer1", "correct", "band_logits"}
    with pytest.raises(StoreError, match="unknown array 'label'"):
        picture_of(store, "label", 0, None)


@pytest.mark.parametrize(("sample", "channel"), [(4, None), (-1, None), (0, 3)])
def test_a_position_that_is_not_there_is_named(
    store: Store, sample: int, channel: int | None
) -> None:
    with pytest.raises(StoreError, match=r"expected: 0 to \d"):
        picture_of(store, "layer1", sample, channel)


def test_pictures_fit_a_terminal_and_keep_their_mean() -> None:
    large = np.add.outer(np.arange(230.0), np.arange(300.0))
    for colour in (False, True):
        lines = as_text(Picture(large, "x"), colour).plain.splitlines()
        assert max(map(len, lines[:-1])) <= COLUMNS
        assert lines[-1].startswith("dark ")
    shades = as_text(Picture(large, "x"), colour=False).plain.splitlines()[:-1]
    assert shades[0][:2] == "  "
    assert shades[-1][-2:] == "@@"


def test_a_store_is_described_array_by_array(store: Store) -> None:
    contents = read_contents(store.path)
    arrays = {array.name: array for array in contents.arrays}
    assert contents.what == "outcomes of each evaluation image under one mode"
    assert contents.digest is not None
    assert arrays["layer1"].shape == (4, 3, 9, 5)
    assert arrays["layer1"].chunks == (4, 3, 9, 5)
    assert arrays["layer1"].codec == "zstd 1, crc32c"
    assert arrays["layer1"].bytes == 4 * 3 * 9 * 5 * 4
    on_disk = sum(f.stat().st_size for f in (store.path / "layer1").rglob("*") if f.is_file())
    assert arrays["layer1"].stored == on_disk
    assert arrays["layer1"].ratio == pytest.approx(540 * 4 / on_disk)
    assert (arrays["band"].dtype, arrays["band"].ratio) == ("string", None)
    assert arrays["correct"].attrs["units"] == "1"


def test_what_is_in_square_brackets_is_shown_and_is_no_markup(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attrs = {"config": json.dumps({"names": ["low", "high"]}), "versions": "[/no] JSON"}
    units = Variable(("i",), np.ones(3), {"long_name": "amplitude [log]", "units": "1"})
    write_store(tmp_path / "[a].zarr", {"x": units}, {}, attrs)
    output = console()
    for part in describe(read_contents(tmp_path / "[a].zarr")):
        output.print(part, soft_wrap=isinstance(part, Text))
    text = capsys.readouterr().out
    for shown in ("[a].zarr: Zarr", "names: [low, high]", "[/no] JSON", "amplitude [log] (1)"):
        assert shown in text


def test_what_cannot_be_inspected_says_what_can(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=r"s\.zarr"):
        read_contents(tmp_path / "results")
    with pytest.raises(StoreError, match="in results/tiny: outcomes"):
        locate("results/tiny/nowhere/x.zarr")
    with pytest.raises(StoreError, match=r"results/a/targets/b/c/d/e/f\.json"):
        locate("a/b/c/d/e/f")
    with pytest.raises(StoreError, match="is not a target"):
        read_record(Path(f"{store.path}.digest.json"))
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(StoreError, match="is not JSON"):
        read_record(tmp_path / "x.json")

"""Images that are not plain 8-bit RGB: converted as their makers meant them, or refused by name."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, features

from bandprobe.data.datasets import samples
from bandprobe.data.image_files import list_files
from bandprobe.data.images import MOST_PIXELS, SUFFIXES, image_fault, open_image
from bandprobe.data.manifest import class_names, read_split, skipped_images, write_manifest
from bandprobe.data.sample import SKIPPED, Sample
from bandprobe.errors import DatasetError
from bandprobe.store.digests import file_digest

SaveImage = Callable[..., Path]
RAMP = np.linspace(0, 65535, 16).round().astype(np.uint16).reshape(4, 4)
EIGHT = np.rint(RAMP * (255 / 65535)).astype(np.uint8)


def png(width: int, height: int, bits: int, colour: int, rows: bytes, *more: bytes) -> bytes:
    """A PNG file, also of kinds that Pillow does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *more, chunk(b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def rows_of(values: np.ndarray) -> bytes:
    return b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)


def first_channel(path: Path) -> np.ndarray:
    found = np.asarray(open_image(path))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[..., 0], found[..., 1])
    return found[..., 0]


def test_sixteen_bit_grey_is_scaled_and_not_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(4, 4, 16, 0, rows_of(RAMP)))
    with Image.open(path) as image:
        cut_off = np.asarray(image.convert("RGB"))[..., 0]
    assert (cut_off[RAMP > 255] == 255).all(), "what Pillow alone makes of it"
    np.testing.assert_array_equal(first_channel(path), EIGHT)


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_sixteen_bit_tiff_is_scaled_in_either_byte_order(tmp_path: Path, order: str) -> None:
    Image.fromarray(RAMP.astype(order)).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(first_channel(tmp_path / "a.tif"), EIGHT)


def test_sixteen_bit_colour_keeps_its_range(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(4, 4, 16, 2, rows_of(np.repeat(RAMP, 3, axis=1))))
    assert abs(first_channel(path).astype(int) - EIGHT).max() <= 1


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_values_without_a_known_range_are_refused(tmp_path: Path, dtype: str) -> None:
    Image.fromarray(RAMP.astype(dtype)).save(tmp_path / "a.tif")
    with pytest.raises(DatasetError, match=r"(?s)a\.tif.*no range is known"):
        open_image(tmp_path / "a.tif")


def transparent(mode: str, path: Path) -> Path:
    """Four pixels: red or grey, opaque in the left column and transparent in the right one."""
    if mode == "LA":
        pixels = np.array([[[90, 255], [10, 0]]] * 2, np.uint8)
        Image.fromarray(pixels, "LA").save(path)
    elif mode == "P":
        image = Image.new("P", (2, 2))
        image.putpalette([90, 0, 0, 0, 200, 0])
        image.putdata([0, 1, 0, 1])
        image.save(path, transparency=1)
    else:
        pixels = np.array([[[90, 0, 0, 255], [0, 200, 0, 0]]] * 2, np.uint8)
        Image.fromarray(pixels, "RGBA").save(path)
    return path


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_shows_white_and_not_what_was_never_seen(tmp_path: Path, mode: str) -> None:
    found = np.asarray(open_image(transparent(mode, tmp_path / "a.png")))
    assert (found[:, 1] == 255).all()
    assert (found[:, 0, 0] == 90).all()


def test_half_transparent_is_half_white(tmp_path: Path) -> None:
    Image.new("RGBA", (3, 3), (100, 0, 0, 51)).save(tmp_path / "a.png")
    expected = np.rint(0.2 * np.array([100, 0, 0]) + 0.8 * 255)
    assert abs(np.asarray(open_image(tmp_path / "a.png"))[0, 0] - expected).max() <= 1


def test_an_opaque_alpha_channel_changes_nothing(tmp_path: Path, save_image: SaveImage) -> None:
    plain = save_image(tmp_path / "a.png")
    with Image.open(plain) as image:
        image.convert("RGBA").save(tmp_path / "b.png")
    np.testing.assert_array_equal(open_image(plain), open_image(tmp_path / "b.png"))


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK"])
def test_opaque_modes_are_what_pillow_makes_of_them(tmp_path: Path, mode: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    Image.fromarray(pixels).convert(mode).save(path)
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(open_image(path), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_upright(tmp_path: Path, orientation: int) -> None:
    upright = np.random.default_rng(0).integers(0, 256, (6, 4, 3), np.uint8)
    turn_back = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(turn_back(upright))).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(open_image(tmp_path / "a.png"), upright)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "GIF"])
def test_several_frames_or_pages_are_a_question(tmp_path: Path, kind: str) -> None:
    if kind == "WEBP" and not features.check("webp"):
        pytest.fail("Pillow without WebP")
    frames = [Image.new("RGB", (8, 8), (60 * number, 0, 0)) for number in range(3)]
    path = tmp_path / "a.png"
    frames[0].save(path, kind, save_all=True, append_images=frames[1:])
    with pytest.raises(DatasetError, match=r"(?s)a\.png.*3 frames or pages"):
        open_image(path)


def test_a_cameras_second_picture_is_no_question(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=frames[1:])
    assert np.asarray(open_image(tmp_path / "a.jpg"))[0, 0, 0] > 200


@pytest.mark.parametrize("side", [10_000, 20_000])
def test_a_decompression_bomb_is_refused_with_its_size_and_not_unpacked(
    tmp_path: Path, side: int
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png(side, side, 1, 0, bytes((side // 8 + 1) * side)))
    assert side * side > MOST_PIXELS
    assert path.stat().st_size < 400_000
    with pytest.raises(DatasetError, match=rf"(?s)bomb\.png.*{side * side}"):
        open_image(path)


def test_other_formats_are_not_tried_whatever_the_suffix(tmp_path: Path) -> None:
    # Pillow hands PostScript to another program.
    text = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "a.png").write_bytes(text)
    with pytest.raises(DatasetError, match="cannot identify"):
        open_image(tmp_path / "a.png")


def test_a_broken_link_says_where_it_points(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to("nowhere.png")
    with pytest.raises(DatasetError, match=r"(?s)a\.png.*symbolic link to nowhere\.png"):
        open_image(tmp_path / "a.png")


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "b.png").mkdir()
    for name in ("a.png", "b.png"):
        assert image_fault(tmp_path / name) == "no regular file"
    assert image_fault(tmp_path / "c.png") == "no such file"


def test_links_that_lead_round_are_followed_once(tmp_path: Path, save_image: SaveImage) -> None:
    save_image(tmp_path / "root" / "a" / "0.png")
    before = list_files([tmp_path / "root"], SUFFIXES)
    for name in ("up", "up2"):
        (tmp_path / "root" / "a" / name).symlink_to(tmp_path / "root")
    assert list_files([tmp_path / "root"], SUFFIXES) == before


@pytest.fixture
def folder(tmp_path: Path, save_image: SaveImage) -> Path:
    """Two classes of four images, some of them bad in different ways."""
    root = tmp_path / "images"
    for number in range(8):
        save_image(root / "ab"[number % 2] / f"{number}.png", (12, 12), number)
    cut = root / "a" / "0.png"
    cut.write_bytes(cut.read_bytes()[:80])
    (root / "b" / "3.png").unlink()
    (root / "b" / "3.png").symlink_to("gone.png")
    return root


SPEC = {"kind": "imagefolder", "root": "images", "eval_share": 0.5, "seed": 0}


def test_bad_images_are_an_error_that_names_them_all(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(DatasetError, match="2 unreadable image") as caught:
        write_manifest(tmp_path / "m.parquet", samples(SPEC, folder), folder)
    for text in ("a/0.png", "b/3.png", "symbolic link to gone.png", "on_bad_image: skip"):
        assert text in str(caught.value)
    assert not (tmp_path / "m.parquet").exists()


def test_skipped_images_are_recorded_and_no_reader_sees_them(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "m.parquet"
    rows = samples(SPEC, folder)
    write_manifest(path, rows, folder, "skip")
    table = pq.read_table(path).to_pylist()
    used = [row for row in table if row["split"] != SKIPPED]
    assert [row["sample"] for row in table] == list(range(8))
    assert {row["id"] for row in table[6:]} == {"a/0.png", "b/3.png"}
    assert [row["id"] for row in used] == [r.id for r in rows if r.id not in ("a/0.png", "b/3.png")]
    assert all(row["reason"] is None and row["image_sha256"] for row in used)
    assert set(skipped_images(path)) == {"a/0.png", "b/3.png"}
    assert "symbolic link" in skipped_images(path)["b/3.png"]
    seen = [*read_split(path, "train").image, *read_split(path, "eval").image]
    assert sorted(seen) == sorted(row["image"] for row in used)
    assert class_names(path) == ["a", "b"]


def test_a_class_of_which_nothing_is_left_is_an_error(tmp_path: Path, folder: Path) -> None:
    for path in (folder / "b").iterdir():
        path.unlink()
        path.write_text("no image")
    with pytest.raises(DatasetError, match=r"(?s)no readable image is left.*b \(eval\)"):
        write_manifest(tmp_path / "m.parquet", samples(SPEC, folder), folder, "skip")


PHOTOS = {
    "kind": "photos",
    "root": "photos",
    "seed": 0,
    "train_crops": 4,
    "eval_crops": 2,
    "regions": 2,
    "crop_scale": [0.6, 1.0],
}


def test_a_skipped_photo_is_as_one_that_was_never_there(
    tmp_path: Path, save_image: SaveImage
) -> None:
    root = tmp_path / "photos"
    for number in range(4):
        save_image(root / f"{number}.png", (40, 30), number)
    bad = root / "1.png"
    bad.write_bytes(bad.read_bytes()[:100])
    with pytest.raises(DatasetError, match=r"(?s)1 unreadable.*1\.png"):
        samples(PHOTOS, root)
    rows = samples(PHOTOS | {"on_bad_image": "skip"}, root)
    write_manifest(tmp_path / "m.parquet", rows, root, "skip")
    assert set(skipped_images(tmp_path / "m.parquet")) == {"1.png"}
    assert class_names(tmp_path / "m.parquet") == ["0", "2", "3"]
    assert pq.read_table(tmp_path / "m.parquet")["label"].to_pylist()[-1] is None
    bad.unlink()
    without: list[Sample] = samples(PHOTOS, root)
    assert [row for row in rows if row.split != SKIPPED] == without


def test_an_image_that_was_skipped_still_has_no_digest(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "m.parquet"
    write_manifest(path, samples(SPEC, folder), folder, "skip")
    row = pq.read_table(path).to_pylist()[0]
    assert row["image_sha256"] == file_digest(folder / row["image"])
    assert pq.read_table(path)["image_sha256"].to_pylist()[-2:] == [None, None]

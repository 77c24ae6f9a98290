"""Damaged and hostile inputs end in a clear error or are what they were; they do nothing else."""

from __future__ import annotations

import copy
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save

from bandprobe.backbones.checkpoints import read_checkpoint
from bandprobe.cli.inspect_file import describe
from bandprobe.data.assets import Asset, read_members
from bandprobe.data.images import MOST_PIXELS, open_image
from bandprobe.data.manifest import read_split, write_manifest
from bandprobe.data.sample import Sample
from bandprobe.errors import BandprobeError
from bandprobe.inspection.contents import read_contents
from bandprobe.store.chunks import METADATA_DIGEST, metadata_digest
from bandprobe.store.zarr_store import Store, StoreWriter, Variable
from bandprobe.study.config import load_config
from bandprobe.study.parse import parse_study
from bandprobe.study.study import Study
from tests.fuzz.conftest import FUZZ, REFUSED, TRIED

HOME = Path(__file__).parents[2]
FILES = [HOME / "config.yaml", *sorted((HOME / "configs").glob("*.yaml"))]
CONFIGS = [yaml.safe_load(path.read_text()) for path in FILES]
# Of kinds of which none but the very file that was written is accepted: hypothesis tries each once.
MANY_FILES = 16
# As they were written, with comments, and bare.
TEXTS = [
    *(path.read_bytes() for path in FILES),
    *(yaml.safe_dump(config).encode() for config in CONFIGS),
]


def attempt(target: str, work: Callable[[], Any]) -> Any:
    """What `work` gives, or None where it ends in a clear error; anything else is a finding."""
    TRIED[target] += 1
    try:
        return work()
    except BandprobeError:
        REFUSED[target] += 1
        return None


# Values that YAML can give, and some that it gives seldom.
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["..", "../x", "/", "a/../b", "", " ", "-", "\n", "x\n", "$(x)", "'", "\0"])
    | st.dates()
    | st.binary(max_size=4)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=4)
    ),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all values in a configuration."""
    found = [path]
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


def near(value: Any) -> st.SearchStrategy[Any]:
    """Values of the same type, for the checks that lie behind those of the types."""
    if isinstance(value, bool):
        return st.booleans()
    if isinstance(value, int):
        return st.integers(-2, 12) | st.integers(0, 10**9)
    if isinstance(value, float):
        return st.floats(-1, 3) | st.floats(0, 1e300)
    if isinstance(value, str):
        return st.sampled_from([value[:-1], value + "x", value.upper(), "map", "remove", "random"])
    if isinstance(value, list):
        return st.permutations(value) | st.just(value[1:]) | st.just(value * 2)
    return VALUES


@st.composite
def changed(draw: st.DrawFn, originals: list[Any]) -> Any:
    """One of some nested values with a few of its parts replaced, renamed or removed."""
    value = copy.deepcopy(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(places(value)))
        if not path:
            return draw(VALUES)
        parent = value
        for key in path[:-1]:
            parent = parent[key]
        what = draw(
            st.sampled_from(["replace", "near", "near", "swap", "remove", "rename", "repeat"])
        )
        if what == "remove":
            del parent[path[-1]]
        elif what == "rename" and isinstance(parent, dict):
            parent[draw(SCALARS)] = parent.pop(path[-1])
        elif what == "repeat" and isinstance(parent, list):
            parent.append(parent[path[-1]])
        elif what == "swap":
            other: Any = value
            for key in draw(st.sampled_from(places(value))):
                other = other[key]
            parent[path[-1]] = copy.deepcopy(other)
        elif what == "near":
            parent[path[-1]] = draw(near(parent[path[-1]]))
        else:
            parent[path[-1]] = draw(VALUES)
    return value


@st.composite
def bent(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    """One of some files with bytes changed, cut off, repeated or put in; now and then untouched."""
    content = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 3, 4]))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        what = draw(st.sampled_from(["bit", "bit", "byte", "cut", "drop", "put", "repeat"]))
        if what == "bit" and content:
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif what == "byte" and content:
            content[at] = draw(st.integers(0, 255))
        elif what == "cut":
            del content[at:]
        elif what == "drop":
            del content[at : at + draw(st.integers(1, 16))]
        elif what == "put":
            content[at:at] = draw(st.binary(min_size=1, max_size=8))
        else:
            content[at:at] = content[at : at + draw(st.integers(1, 32))]
    return bytes(content)


@FUZZ
@given(changed(CONFIGS))
def test_configurations(config: Any) -> None:
    found = attempt("configuration", lambda: parse_study(config))
    if found is not None:
        assert isinstance(found, Study)
        # The jobs get it as JSON, and a study that was resolved is one again.
        assert parse_study(json.loads(json.dumps(found.resolved))) == found
        for path in [*found.datasets, *found.models, *found.modes, *found.bands.names]:
            assert "/" not in path
            assert path != ".."


@FUZZ
@given(bent(TEXTS) | st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_configuration_files(text: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "c.yaml")
        path.write_bytes(text)
        found = attempt("configuration file", lambda: parse_study(load_config(path)))
    if found is not None:
        assert isinstance(found, Study)
        assert parse_study(found.resolved) == found


def image_files() -> list[bytes]:
    """Small files of every format that is read."""
    pixels = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)
    colour = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description"
    deep = Image.fromarray(pixels[..., 0].astype(np.uint16) * 200)
    made: list[tuple[Image.Image, str, dict[str, Any]]] = [
        (colour, "PNG", {}),
        (colour, "JPEG", {"exif": exif}),
        (colour, "TIFF", {"compression": "tiff_lzw"}),
        (colour, "TIFF", {}),
        (colour, "WEBP", {}),
        (colour, "BMP", {}),
        (colour.convert("P"), "GIF", {}),
        (colour.convert("P"), "PNG", {"transparency": 3}),
        (colour.convert("RGBA"), "PNG", {}),
        (colour.convert("1"), "PNG", {}),
        (colour.convert("CMYK"), "JPEG", {}),
        (deep, "PNG", {}),
        (deep, "TIFF", {}),
    ]
    found = []
    for image, kind, options in made:
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        found.append(buffer.getvalue())
    return found


@FUZZ
@given(bent(image_files()))
def test_image_files(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.png")
        path.write_bytes(content)
        found = attempt("image file", lambda: open_image(path))
    if found is not None:
        assert found.mode == "RGB"
        assert 0 < found.width * found.height <= MOST_PIXELS
        assert np.asarray(found).shape == (found.height, found.width, 3)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with arrays of several kinds."""
    path = tmp_path_factory.mktemp("fuzz") / "a.zarr"
    with StoreWriter(path, {"config": "{}", "n_classes": 3}) as writer:
        maps = writer.create("maps", ("i", "j"), (4, 6), "float16", None, (2, 3), "none")
        maps[...] = np.arange(24, dtype=np.float16).reshape(4, 6)
        writer.write("scores", Variable(("i",), np.linspace(0, 1, 4)))
        writer.write("band", Variable(("k",), np.array(["low", "high"])), coordinate=True)
    return path


def everything(path: Path) -> dict[str, Any]:
    """All that a store holds."""
    found = Store(path)
    return {name: found.read(name).tolist() for name in found.names()} | {"attrs": found.attrs}


@FUZZ
@given(data=st.data())
def test_bytes_of_a_store(store: Path, data: st.DataObject) -> None:
    """Whatever happens to any of its files: an error, or the very same numbers."""
    whole = everything(store)
    files = sorted(path for path in store.rglob("*") if path.is_file())
    file = data.draw(st.sampled_from(files))
    content = file.read_bytes()
    file.write_bytes(data.draw(bent([content])))
    try:
        found = attempt("file of a store", lambda: everything(store))
    finally:
        file.write_bytes(content)
    assert found is None or found == whole


@FUZZ
@given(data=st.data())
def test_metadata_of_a_store_that_lies(store: Path, data: st.DataObject) -> None:
    """Changed on purpose, with a checksum that fits: no code, no endless memory, no traceback."""
    file = store / "zarr.json"
    text = file.read_text()
    content = data.draw(changed([json.loads(text)]))
    content = json.loads(json.dumps(content, default=str, skipkeys=True))
    if isinstance(content, dict) and isinstance(content.get("attributes"), dict):
        content["attributes"][METADATA_DIGEST] = metadata_digest(content)
    file.write_text(json.dumps(content))
    try:
        found = attempt("metadata of a store", lambda: everything(store))
        shown = attempt("inspection of a store", lambda: list(describe(read_contents(store))))
    finally:
        file.write_text(text)
    if found is not None:
        names = content["consolidated_metadata"]["metadata"].keys()
        assert found.keys() - {"attrs"} <= names
        # As text: a value that is not a number does not equal itself.
        assert json.dumps(found["attrs"]) == json.dumps(content["attributes"])
    assert shown is None or len(shown) > 1


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Manifests of one to sixteen crops of each half of two images."""
    root = tmp_path_factory.mktemp("images")
    for name in ("a.png", "b.png"):
        Image.new("RGB", (4, 4)).save(root / name)
    halves = {"train": (0, 0, 2, 4), "eval": (2, 0, 4, 4)}
    paths = [root / f"{count}.parquet" for count in range(1, MANY_FILES + 1)]
    for count, path in enumerate(paths, 1):
        rows = [
            Sample(f"{name}/{split}/{number}", name, box, label, name[0], f"{name}/{split}", split)
            for label, name in enumerate(("a.png", "b.png"))
            for split, box in halves.items()
            for number in range(count)
        ]
        write_manifest(path, rows, root)
    return paths


@FUZZ
@given(data=st.data())
def test_bytes_of_a_manifest(manifests: list[Path], data: st.DataObject) -> None:
    manifest = data.draw(st.sampled_from(manifests))
    content = manifest.read_bytes()
    whole = read_split(manifest, "train").sample.tolist()
    digest = Path(f"{manifest}.digest.json").read_bytes()
    drawn = data.draw(st.just(content) | bent([content]))
    manifest.write_bytes(drawn)
    try:
        found = attempt("manifest", lambda: read_split(manifest, "train").sample.tolist())
    finally:
        manifest.write_bytes(content)
        Path(f"{manifest}.digest.json").write_bytes(digest)
    assert found == (whole if drawn == content else None)


def weight_files() -> dict[str, list[bytes]]:
    """Small checkpoints in both formats."""
    tensors = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.zeros(2)}
    buffer = io.BytesIO()
    torch.save({"state_dict": tensors}, buffer)
    return {".pth": [buffer.getvalue()], ".safetensors": [save(tensors)]}


@FUZZ
@given(data=st.data(), suffix=st.sampled_from([".pth", ".safetensors"]))
def test_weight_files(data: st.DataObject, suffix: str) -> None:
    content = data.draw(bent(weight_files()[suffix]) | st.binary(max_size=40))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"w{suffix}")
        path.write_bytes(content)
        found = attempt("weights", lambda: read_checkpoint(path, "fuzz"))
    if found is not None:
        for tensors in found.sets.values():
            assert all(isinstance(tensor, torch.Tensor) for tensor in tensors.values())


def wheel(number: int) -> tuple[bytes, Asset]:
    """A wheel with two members, and what is pinned of it."""
    members = {f"data/{name}.jpg": name.encode() * 20 * number for name in ("a", "b")}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    pinned = {name: sha256(content).hexdigest() for name, content in members.items()}
    content = buffer.getvalue()
    return content, Asset("pkg==1.0", sha256(content).hexdigest(), pinned, "images")


WHEELS = [wheel(number) for number in range(1, MANY_FILES + 1)]


@FUZZ
@given(st.data(), st.sampled_from(WHEELS))
def test_archives(data: st.DataObject, pinned: tuple[bytes, Asset]) -> None:
    whole, asset = pinned
    content = data.draw(st.just(whole) | bent([whole]) | st.binary(max_size=200))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pkg.whl")
        path.write_bytes(content)
        found = attempt("archive", lambda: read_members(asset, path))
    assert (found is not None) == (content == whole)
    if found is not None:
        digests = {f"data/{name}": sha256(part).hexdigest() for name, part in found.items()}
        assert digests == asset.members

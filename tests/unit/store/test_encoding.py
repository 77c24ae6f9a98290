"""Maps are rounded as the configuration says, compressed without loss, and read by any reader."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from bandprobe.backbones.backbone import Backbone
from bandprobe.errors import ConfigError, ModelError
from bandprobe.features.extract import FeatureWriter
from bandprobe.features.networks import torch_network
from bandprobe.store.encoding import Storage
from bandprobe.store.zarr_store import COMPRESSORS, Store, StoreWriter

GENERATOR = np.random.default_rng(0)
MAPS = (GENERATOR.standard_normal((9, 3, 8, 8)) * 20).astype(np.float32)


def stored(path: Path, maps: np.ndarray, storage: Storage) -> Store:
    with StoreWriter(path, {}) as store, FeatureWriter(store, len(maps), storage) as writer:
        for start in range(0, len(maps), 4):
            writer.append({"a": maps[start : start + 4]})
    return Store(path)


@pytest.mark.parametrize("codec", COMPRESSORS)
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_codecs_lose_nothing_and_xarray_reads_them(tmp_path: Path, dtype: str, codec: Any) -> None:
    store = stored(tmp_path / "a.zarr", MAPS, Storage(dtype, None, codec))
    np.testing.assert_array_equal(store.read("a"), MAPS.astype(dtype))
    found = xr.open_zarr(tmp_path / "a.zarr", consolidated=True)["a"]
    np.testing.assert_array_equal(found.values, MAPS.astype(dtype))
    assert store.array("a").dtype == dtype


@pytest.mark.parametrize(("dtype", "keepbits"), [("float16", 4), ("float16", 9), ("float32", 7)])
def test_rounding_keeps_so_many_bits_and_is_as_close_as_they_allow(
    tmp_path: Path, dtype: str, keepbits: int
) -> None:
    read = stored(tmp_path / "a.zarr", MAPS, Storage(dtype, keepbits, "zstd")).read("a")
    # Of a number f * 2**e with f in [0.5, 1), the mantissa holds what comes after f's first bit.
    fraction, _ = np.frexp(read.astype(np.float64))
    steps = fraction * 2.0 ** (keepbits + 1)
    np.testing.assert_array_equal(steps, np.round(steps))
    exact = MAPS.astype(dtype).astype(np.float64)
    error = np.abs(read - exact) / np.abs(exact)
    assert error.max() <= 2.0 ** -(keepbits + 1)
    assert error.max() > 2.0 ** -(keepbits + 2)


def test_halves_are_rounded_to_even() -> None:
    # One bit of the mantissa: 1 and 1.5, then 2 and 3.
    rounded = Storage("float32", 1, "zstd").rounded(np.float32([1.25, 1.75, -1.25, 2.5, 1.1]))
    np.testing.assert_array_equal(rounded, np.float32([1, 2, -1, 2, 1]))


@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, 1e5, 65504.0])
def test_what_overflows_or_is_no_number_is_refused_with_rounding_too(
    tmp_path: Path, value: float
) -> None:
    maps = MAPS.copy()
    maps[2, 1, 0, 0] = value
    with np.errstate(over="ignore"), pytest.raises(ModelError, match="not finite in float16"):
        stored(tmp_path / "a.zarr", maps, Storage("float16", 4, "zstd"))
    assert not (tmp_path / "a.zarr").exists()


def test_rounded_maps_are_smaller_on_disk(tmp_path: Path) -> None:
    maps = np.tile(MAPS, (20, 1, 1, 1))
    given = [Storage("float16"), Storage("float16", 4, "blosc-zstd")]
    sizes = []
    for number, storage in enumerate(given):
        stored(tmp_path / f"{number}.zarr", maps, storage)
        files = (tmp_path / f"{number}.zarr" / "a" / "c").rglob("*")
        sizes.append(sum(file.stat().st_size for file in files if file.is_file()))
    assert sizes[1] < 0.75 * sizes[0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("float16", 10, "zstd"), "(?s)keepbits.*1 to 9 for float16.*found: *10"),
        (("float32", 23, "zstd"), "1 to 22 for float32"),
        (("float16", 0, "zstd"), "keepbits"),
        (("float16", 5, "none"), "(?s)saves nothing.*codec"),
    ],
)
def test_combinations_that_make_no_sense_are_refused(given: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Storage(*given)


@pytest.fixture
def backbone() -> Backbone:
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(8, 16, 3, stride=2)
    )
    return Backbone(network.eval().requires_grad_(False), "none")


def test_bfloat16_changes_maps_by_its_precision_and_no_more(backbone: Backbone) -> None:
    batch = GENERATOR.standard_normal((4, 3, 16, 16)).astype(np.float32)

    def run(precision: str) -> np.ndarray:
        return torch_network(backbone, ["0", "2"], "float32", precision)(batch)["2"]

    exact, low = run("float32"), run("bfloat16")
    assert low.dtype == np.float32
    change = np.sqrt(np.square(low - exact).mean()) / exact.std()
    # Eight significant bits: a few thousandths. The float32 pass that follows is not touched.
    assert 2**-12 < change < 2**-6
    np.testing.assert_array_equal(run("float32"), exact)
    # Its values have no more bits than the format.
    np.testing.assert_array_equal(torch.from_numpy(low).bfloat16().float().numpy(), low)

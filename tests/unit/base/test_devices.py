"""A GPU gives the CPU's numbers: the tensors' route against NumPy's and SciPy's, to rounding.

`torch-cpu` takes the same route in the machine's memory, so that it is tested without a GPU too.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from bandprobe.backbones.backbone import Backbone, load_backbone
from bandprobe.base.devices import fetch, open_device, put
from bandprobe.errors import DeviceError
from bandprobe.features.networks import torch_network
from bandprobe.fourier.bands import BandPartition, Bands
from bandprobe.fourier.intervene import intervene, white_noise
from bandprobe.fourier.modes import Mode
from bandprobe.fourier.transform import power, real_fft
from bandprobe.head.variants import Plan, head_outputs, own_outputs
from bandprobe.linear.band_grams import BandGrams
from bandprobe.linear.decompose import (
    add_noise,
    band_power,
    centre,
    pack_weights,
    transform,
    turn_phases,
)
from bandprobe.linear.map_sums import MapSums

GPU = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
)
DEVICES = pytest.mark.parametrize("device", ["torch-cpu", GPU])
GRIDS = pytest.mark.parametrize("grid", [(8, 8), (7, 9), (14, 6)])
BANDS = Bands(("low", "mid", "high"), (0.3, 0.7))
# In units of float32's rounding, of the largest value: sums over some thousand terms.
ROUNDING = 200 * np.finfo(np.float32).eps


def made(*shape: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) + 1).astype(np.float32)


def close(found: object, expected: np.ndarray) -> None:
    largest = np.abs(expected).max()
    np.testing.assert_allclose(fetch(found), expected, rtol=0, atol=ROUNDING * largest)


def partition_of(grid: tuple[int, int]) -> BandPartition:
    return BANDS.on_grid(*grid)


@DEVICES
@GRIDS
def test_spectra_and_powers(device: str, grid: tuple[int, int]) -> None:
    open_device(device.removeprefix("torch-"))
    maps = made(3, 4, *grid)
    on_device = put(maps, device)
    close(real_fft(on_device), real_fft(maps))
    close(power(on_device), power(maps))
    partition = partition_of(grid)
    close(
        band_power(real_fft(on_device), partition, grid[1]),
        band_power(real_fft(maps), partition, grid[1]),
    )


@DEVICES
@GRIDS
@pytest.mark.parametrize("pooled", [False, True])
def test_logits_of_bands_and_masks(device: str, grid: tuple[int, int], pooled: bool) -> None:
    maps, partition = made(5, 4, *grid), partition_of(grid)
    weights = made(6, 4, *grid, seed=1)
    if pooled:
        weights[:] = weights[..., :1, :1]
    packed = pack_weights(weights, partition)
    assert packed.only_dc == pooled
    found = packed.logits(transform(put(maps, device), [packed]), made(4, seed=2))
    expected = packed.logits(transform(maps, [packed]), made(4, seed=2))
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.float64
    close(found, expected)
    # A second batch takes the weights that are on the device already.
    close(
        packed.logits(transform(put(maps[::-1], device), [packed])),
        packed.logits(transform(maps[::-1].copy(), [packed])),
    )


@DEVICES
@GRIDS
@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_turned_phases_and_added_noise(device: str, grid: tuple[int, int], strength: float) -> None:
    maps, partition = made(3, 2, *grid), partition_of(grid)
    noise = white_noise(0, 0, [4, 5, 6], (2, *grid))
    noise[0, 0] = 0
    raw, there = real_fft(maps), real_fft(put(maps, device))
    close(turn_phases(there, put(noise, device), strength), turn_phases(raw, noise, strength))
    close(
        add_noise(there, put(noise, device), partition, strength),
        add_noise(raw, noise, partition, strength),
    )
    mean = made(2, seed=3)
    close(centre(there, mean, grid[1]), centre(raw, mean, grid[1]))


def added_up(sums: MapSums) -> list[np.ndarray]:
    """All arrays that depend on the device."""
    if sums.by_band is None:
        return [] if sums.direct else [sums.gram, sums.kernel]
    products, energies = sums.by_band.products, sums.by_band.energies.gathered()
    if isinstance(products, BandGrams):
        return [*products.gram, *products.kernel, *energies]
    bands = [*products.train, *products.evaluation]
    return [*(rows for band in bands for rows in band), *energies]


@DEVICES
@GRIDS
@pytest.mark.parametrize("by_band", [False, True])
@pytest.mark.parametrize("direct", [False, True])
def test_gram_matrices_and_energies(
    device: str, grid: tuple[int, int], by_band: bool, direct: bool
) -> None:
    train, evaluation = made(9, 3, *grid), made(4, 3, *grid, seed=1)
    found = {}
    for name in (device, "cpu"):
        partition = partition_of(grid) if by_band else None
        sums = MapSums.empty(direct=direct, partition=partition, device=name)
        for part in (slice(0, 2), slice(2, 3)):
            sums.add_slab(train[:, part].copy(), evaluation[:, part].copy())
        found[name] = sums
    for there, here in zip(*map(added_up, found.values()), strict=True):
        close(there, here)


@DEVICES
@GRIDS
@pytest.mark.parametrize("kind", ["remove", "isolate"])
@pytest.mark.parametrize("fill", ["zero", "mean"])
def test_interventions_on_the_way_to_a_head(
    device: str, grid: tuple[int, int], kind: str, fill: str
) -> None:
    maps, partition, mode = made(3, 2, *grid), partition_of(grid), Mode("m", kind, fill)
    mean = made(2, *grid, seed=5)
    for band in range(3):
        close(
            intervene(mode, put(maps, device), partition, band, mean_map=mean),
            intervene(mode, maps, partition, band, mean_map=mean),
        )


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], Backbone]:
    return lambda device: load_backbone("timm/resnet18", "random", {}, 0, None, device=device)


@pytest.mark.parametrize("device", [GPU])
def test_networks_and_heads_on_a_gpu(device: str, load: Callable[[str], Backbone]) -> None:
    open_device(device)
    batch = made(4, 3, 64, 64)
    plan = Plan([Mode("remove", "remove", "zero")], partition_of((8, 8)))
    found = {}
    for name in ("cpu", device):
        backbone = load(name)
        maps = torch_network(backbone, ["layer2"], "float32")(batch)["layer2"]
        outputs = head_outputs(backbone, "layer2", [batch], plan, own_outputs, 16)
        found[name] = (maps, outputs.clean, outputs.changed, backbone.weights_sha256)
    assert found[device][3] == found["cpu"][3]
    # Convolutions sum in another order, layer after layer.
    for one, other in zip(found[device][:3], found["cpu"][:3], strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * np.abs(other).max())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_cuda_is_one_clear_error() -> None:
    with pytest.raises(DeviceError, match=r"(?s)device: cuda.*no GPU.*Hint: device: cpu"):
        open_device("cuda")


def test_no_other_device_is_known() -> None:
    assert open_device("cpu") == "cpu"
    with pytest.raises(DeviceError, match="cpu, cuda"):
        open_device("tpu")

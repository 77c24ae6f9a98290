"""Kernels of convolutions of every kind; all else is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from timm.layers import Conv2dSame, StdConv2d
from torch import nn

from bandprobe.backbones.kernels import kernels_of, spatial_convolutions
from bandprobe.errors import ConfigError
from bandprobe.fourier.kernels import kernel_response


@pytest.fixture
def modules() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    network = nn.ModuleDict(
        {
            "plain": nn.Conv2d(3, 4, 3),
            "depthwise": nn.Conv2d(4, 4, 5, groups=4),
            "grouped": nn.Conv2d(4, 6, 3, groups=2),
            "strided": nn.Conv2d(4, 4, (3, 1), stride=2),
            "dilated": nn.Conv2d(4, 4, 3, dilation=(2, 3)),
            "same": Conv2dSame(4, 4, 3, stride=2),
            "pointwise": nn.Conv2d(4, 4, 1),
            "standardised": StdConv2d(4, 4, 3),
            "transposed": nn.ConvTranspose2d(4, 4, 3),
            "one": nn.Conv1d(4, 4, 3),
            "block": nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU()),
        }
    )
    return {name: module for name, module in network.named_modules() if name}


def test_convolutions_larger_than_a_pixel_are_found(modules: dict[str, nn.Module]) -> None:
    names = ["plain", "depthwise", "grouped", "strided", "dilated", "same", "standardised"]
    assert spatial_convolutions(modules) == [*names, "block.0"]


@pytest.mark.parametrize(
    ("name", "shape", "size", "stride", "groups"),
    [
        ("plain", (4, 3, 3, 3), (3, 3), (1, 1), 1),
        ("depthwise", (4, 1, 5, 5), (5, 5), (1, 1), 4),
        ("grouped", (6, 2, 3, 3), (3, 3), (1, 1), 2),
        ("strided", (4, 4, 3, 1), (3, 1), (2, 2), 1),
        ("dilated", (4, 4, 3, 3), (5, 7), (1, 1), 1),
        ("same", (4, 4, 3, 3), (3, 3), (2, 2), 1),
        ("pointwise", (4, 4, 1, 1), (1, 1), (1, 1), 1),
    ],
)
def test_kernels_are_those_of_the_convolution(
    modules: dict[str, nn.Module],
    name: str,
    shape: tuple[int, ...],
    size: tuple[int, int],
    stride: tuple[int, int],
    groups: int,
) -> None:
    found = kernels_of(modules, name)
    assert (found.weight.shape, found.size) == (shape, size)
    assert (found.stride, found.groups) == (stride, groups)


@pytest.mark.parametrize("name", ["plain", "depthwise", "grouped", "dilated"])
def test_impulses_have_the_response_of_the_kernels(
    modules: dict[str, nn.Module], name: str
) -> None:
    """What comes out of one impulse in each channel has the mean power of the kernels."""
    module, found = modules[name], kernels_of(modules, name)
    assert isinstance(module, nn.Conv2d)
    impulses = torch.zeros(module.in_channels, module.in_channels, 31, 31)
    impulses[range(module.in_channels), range(module.in_channels), 15, 15] = 1
    with torch.no_grad():
        out = (module(impulses) - module(0 * impulses)).double().numpy()
    power = np.abs(np.fft.fft2(out, s=(31, 31))) ** 2
    pairs = module.out_channels * module.in_channels / module.groups
    expected = np.fft.fftshift(power.sum((0, 1)) / pairs)
    found_response = kernel_response(found.weight, 31, found.dilation)
    # A convolution of a network turns its kernels round: the same power.
    np.testing.assert_allclose(found_response, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("block", ["has no kernels", "Conv2d", "Sequential", "block.0"]),
        ("block.1", ["has no kernels", "ReLU"]),
        ("transposed", ["has no kernels", "ConvTranspose2d"]),
        ("one", ["has no kernels", "Conv1d"]),
        ("standardised", ["are not its kernels", "StdConv2d"]),
        ("plane", ["unknown module", "plain"]),
    ],
)
def test_other_modules_are_refused(
    modules: dict[str, nn.Module], name: str, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as error:
        kernels_of(modules, name)
    for word in words:
        assert word in str(error.value)

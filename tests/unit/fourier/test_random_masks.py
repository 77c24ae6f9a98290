"""Random masks against brute-force versions of what they promise."""

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.intervene import masked
from bandprobe.fourier.random_masks import (
    conjugate_pairs,
    equal_bins,
    equal_energy,
)

GRIDS = [(14, 14), (7, 7), (10, 7), (7, 10), (16, 16), (28, 28)]


def is_closed(mask: np.ndarray) -> bool:
    """Whether with each bin of a mask the opposite frequency is in it, looked up one by one."""
    height, width = mask.shape
    return all(
        mask[y, x] == mask[-y % height, -x % width] for y in range(height) for x in range(width)
    )


def natural_power(grid: tuple[int, int]) -> np.ndarray:
    """Power that falls with the square of frequency, and a strong DC."""
    fy, fx = np.fft.fftfreq(grid[0])[:, None], np.fft.fftfreq(grid[1])[None]
    power = 1 / (np.square(fy) + np.square(fx) + 1e-4)
    power[0, 0] *= 10
    return np.asarray(power)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_pairs_hold_every_bin_once_with_its_conjugate(grid: tuple[int, int]) -> None:
    pairs = conjugate_pairs(*grid)
    assert pairs.first[0] == pairs.second[0] == 0
    bins = np.concatenate([pairs.first, pairs.second[~pairs.alone]])
    assert sorted(bins) == list(range(grid[0] * grid[1]))
    for first, second in zip(pairs.first, pairs.second, strict=True):
        y, x = divmod(int(first), grid[1])
        assert second == (-y % grid[0]) * grid[1] + (-x % grid[1])


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_equal_bins_partition_the_plane_with_the_counts_of_the_bands(
    bands: Bands, grid: tuple[int, int]
) -> None:
    partition = bands.on_grid(*grid)
    for draw in range(5):
        index = equal_bins(partition, 3, draw)
        counts = np.bincount(index.ravel(), minlength=len(bands))
        np.testing.assert_array_equal(counts, partition.counts)
        assert index[0, 0] == partition.dc_band
        assert all(is_closed(index == band) for band in range(len(bands)))


def test_equal_bins_are_drawn_evenly_over_the_plane(bands: Bands) -> None:
    partition = bands.on_grid(14, 14)
    band = bands.position("high")
    hits = sum(equal_bins(partition, 0, draw) == band for draw in range(2000))
    pairs = conjugate_pairs(14, 14)
    often = hits.ravel()[pairs.first[~pairs.alone]] / 2000
    expected = partition.counts[band] / (2 * (~pairs.alone).sum())
    np.testing.assert_allclose(often, expected, atol=5 * np.sqrt(expected / 2000))


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_equal_energy_masks_hold_the_energy_of_their_bands(
    bands: Bands, grid: tuple[int, int]
) -> None:
    partition, power = bands.on_grid(*grid), natural_power(grid)
    for draw in range(5):
        masks = equal_energy(partition, power, 3, draw)
        for band, mask in enumerate(masks):
            own = power[partition.mask(band)].sum()
            assert is_closed(mask)
            assert mask[0, 0] == (band == partition.dc_band)
            assert power[mask].sum() <= own * (1 + 1e-6)
            if not partition.counts[band]:
                assert not mask.any()
                continue
            # No pair that was left out would have fitted: checked one by one.
            pairs = conjugate_pairs(*grid)
            flat, taken = power.ravel(), mask.ravel()
            room = own * (1 + 1e-9) - power[mask].sum()
            for first, second in zip(pairs.first[1:], pairs.second[1:], strict=True):
                size = flat[first] + (flat[second] if second != first else 0.0)
                assert taken[first] or size > room - 1e-9 * own


def test_equal_energy_takes_pairs_one_by_one_in_its_random_order(bands: Bands) -> None:
    """The vectorised filling against the loop that it stands for."""
    partition, power = bands.on_grid(14, 14), natural_power((14, 14))
    pairs = conjugate_pairs(14, 14)
    flat = power.ravel()
    found = equal_energy(partition, power, 7, 2)
    generator = np.random.default_rng([7, 2, 1])
    for band in range(len(bands)):
        inside = partition.mask(band)
        room = power[inside].sum() - (flat[0] if inside[0, 0] else 0.0)
        room *= 1 + 1e-9
        expected = np.zeros(196, bool)
        expected[0] = inside[0, 0]
        for pair in 1 + generator.permutation(len(pairs.first) - 1):
            first, second = pairs.first[pair], pairs.second[pair]
            size = flat[first] + (flat[second] if second != first else 0.0)
            if size <= room:
                room -= size
                expected[[first, second]] = True
        np.testing.assert_array_equal(found[band].ravel(), expected)


@pytest.mark.parametrize("grid", GRIDS[:4], ids=str)
def test_masked_maps_are_real_and_keep_the_energy_of_the_mask(
    bands: Bands, grid: tuple[int, int], rng: np.random.Generator
) -> None:
    partition = bands.on_grid(*grid)
    maps = rng.normal(size=(2, 3, *grid)).astype(np.float32)
    power = np.square(np.abs(np.fft.fft2(maps))).mean((0, 1)) / (grid[0] * grid[1])
    for mask in equal_energy(partition, power, 0, 0):
        whole = np.fft.ifft2(np.where(mask, np.fft.fft2(maps), 0))
        assert np.abs(whole.imag).max() < 1e-6
        energy = np.square(masked(maps, mask)).sum((2, 3)).mean()
        assert energy == pytest.approx(power[mask].sum(), rel=1e-4, abs=1e-6)


def test_draws_differ_and_seeds_repeat(bands: Bands) -> None:
    partition, power = bands.on_grid(14, 14), natural_power((14, 14))
    assert (equal_bins(partition, 0, 0) == equal_bins(partition, 0, 0)).all()
    assert (equal_bins(partition, 0, 0) != equal_bins(partition, 0, 1)).any()
    assert (equal_bins(partition, 0, 0) != equal_bins(partition, 1, 0)).any()
    masks = [equal_energy(partition, power, *given) for given in ((0, 0), (0, 1), (1, 0))]
    assert (masks[0] != masks[1]).any()
    assert (masks[0] != masks[2]).any()

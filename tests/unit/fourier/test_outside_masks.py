"""Random masks outside a band, against brute force."""

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.outside_masks import CLOSE, fill_up, outside_masks

HALVES = Bands(("low", "high"), (0.9,))


def test_items_are_taken_one_by_one_unless_they_exceed_what_is_wanted() -> None:
    weights = np.random.default_rng(0).lognormal(0, 2, 60)
    for seed in range(20):
        wanted = weights.sum() / 5
        taken, room = fill_up(weights, wanted, np.random.default_rng(seed))
        left, expected = wanted, []
        for item in np.random.default_rng(seed).permutation(60):
            if weights[item] <= left:
                expected.append(int(item))
                left -= weights[item]
        # What is close is filled up no further.
        assert taken.tolist() == expected[: len(taken)]
        assert room == pytest.approx(wanted - weights[taken].sum())
        assert len(taken) == len(expected) or room <= CLOSE * wanted


@pytest.mark.parametrize("grid", [(7, 7), (8, 8), (10, 7), (7, 10), (28, 28)], ids=str)
def test_masks_are_as_large_as_the_band_and_closed(bands: Bands, grid: tuple[int, int]) -> None:
    partition = bands.on_grid(*grid)
    flat = np.ones(grid)
    for band in range(len(bands)):
        found = outside_masks(partition, flat, band, 30, (0, band))
        for half in found.masks.reshape(-1, grid[0], grid[1] // 2 + 1):
            assert not half[0, 0]
            assert not (half & (partition.half_index == band)).any()
            full = np.zeros(grid, bool)
            for y, x in np.argwhere(half):
                full[y, x] = full[-y, -x] = True
            # Both members of a pair, where the half plane has both.
            np.testing.assert_array_equal(full[:, : half.shape[1]], half)
            assert 0 <= partition.counts[band] - full.sum() <= 1
        if partition.counts[band] > 3 and found.share <= 0.5:
            assert len(found.masks) == 30


def test_no_mask_stands_for_a_band_of_more_than_half(bands: Bands) -> None:
    partition = HALVES.on_grid(8, 8)
    assert partition.counts[0] > 32
    found = outside_masks(partition, np.ones((8, 8)), 0, 30, (0,))
    assert found.share > 0.5
    assert len(found.masks) == len(found.matched) == 0
    # Nor for DC, which no other bin is like, nor for a band without energy.
    assert not len(outside_masks(bands.on_grid(14, 14), np.ones((14, 14)), 0, 30, (0,)).masks)
    assert not len(outside_masks(partition, np.zeros((8, 8)), 1, 30, (0,)).masks)


def test_all_masks_are_different_and_the_same_in_each_run(bands: Bands) -> None:
    """A pair has 47 others on a grid of 7 x 14: no more masks are there."""
    partition = bands.on_grid(7, 14)
    (band,) = np.flatnonzero(partition.counts == 2)[:1]
    one, same, other = (
        outside_masks(partition, np.ones((7, 14)), int(band), 200, (seed,)) for seed in (1, 1, 2)
    )
    assert 19 <= len(one.masks) < 60
    assert len(np.unique(one.masks, axis=0)) == len(one.masks)
    np.testing.assert_array_equal(one.masks, same.masks)
    assert not np.array_equal(one.masks[:19], other.masks[:19])


def test_each_bin_outside_is_as_likely_as_any_other() -> None:
    partition = Bands(("low", "high"), (0.6,)).on_grid(9, 9)
    hits = np.zeros((9, 5))
    for seed in range(40):
        found = outside_masks(partition, np.ones((9, 9)), 0, 50, (seed,))
        hits += found.masks.reshape(-1, 9, 5).sum(0)
    outside = hits[partition.half_index == 1]
    share = partition.counts[0] / (81 - partition.counts[0])
    error = np.sqrt(share * (1 - share) / 2000)
    assert np.abs(outside / 2000 - share).max() < 4.5 * error + 0.5 / 81

"""Bands in cycles per image: the same frequency of the image on every grid, or none."""

from __future__ import annotations

import numpy as np
import pytest

from bandprobe.errors import ConfigError
from bandprobe.fourier.bands import CYCLES, Bands, image_frequency
from bandprobe.fourier.spectra import band_energy

OCTAVES = Bands(("dc", "1", "2", "4", "8", "above"), (1, 2, 4, 8, 16), CYCLES)
GRIDS = [(64, 64), (33, 33), (16, 16), (15, 15), (14, 10), (9, 20), (7, 7), (3, 8), (1, 7), (1, 1)]


def frequencies(side: int) -> list[int]:
    """Whole cycles of each bin of a side, as NumPy orders them, written out."""
    return [k if k < (side + 1) // 2 else k - side for k in range(side)]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_each_bin_lies_in_the_band_of_its_cycles(grid: tuple[int, int]) -> None:
    """Bin by bin; what is above the last band that the grid has is in that one."""
    partition = OCTAVES.on_grid(*grid)
    bounds = [OCTAVES.interval(band) for band in range(6)]
    nyquist = max(grid) / 2
    there = [band for band, (low, _) in enumerate(bounds) if low < nyquist]
    counts, beyond = [0] * 6, [0] * 6
    for row, ky in enumerate(frequencies(grid[0])):
        for column, kx in enumerate(frequencies(grid[1])):
            squared = ky**2 + kx**2
            found = next(b for b, (low, high) in enumerate(bounds) if low**2 <= squared < high**2)
            expected = min(found, there[-1])
            assert partition.index[row, column] == expected, (ky, kx)
            counts[expected] += 1
            beyond[expected] += found != expected
    assert partition.counts.tolist() == counts
    assert not any(counts[band] for band in range(6) if band not in there)
    sides = [side / 2 for side in grid if side > 1]
    cut = [
        count > 0 and (more > 0 or any(high > side for side in sides))
        for count, more, (_, high) in zip(counts, beyond, bounds, strict=True)
    ]
    assert partition.cut.tolist() == cut


@pytest.mark.parametrize(
    ("ky", "kx", "band"), [(0, 1, "1"), (3, 2, "2"), (-5, 4, "4"), (0, 0, "dc")]
)
def test_a_wave_over_the_image_is_in_the_same_band_on_every_grid(
    ky: int, kx: int, band: str
) -> None:
    """Or, where the grid cannot hold it, nowhere that says so without a flag."""
    for height, width in [(64, 64), (33, 20), (16, 31), (11, 11)]:
        y, x = np.arange(height)[:, None] / height, np.arange(width) / width
        wave = np.cos(2 * np.pi * (ky * y + kx * x) + 0.3).astype("f4")[None, None]
        energy = band_energy(wave, OCTAVES.on_grid(height, width))[0, 0]
        assert OCTAVES.names[int(energy.argmax())] == band
        assert energy.max() > 0.999 * energy.sum()


def test_the_radius_is_in_whole_cycles_of_each_side() -> None:
    radius = image_frequency(8, 5)
    np.testing.assert_allclose([radius[3, 0], radius[0, 2], radius[-3, -2]], [3, 2, np.hypot(3, 2)])
    assert radius[4, 0] == 4


def test_the_parts_of_a_grid_are_flagged_by_what_they_lack() -> None:
    # Nyquist 8: up to there all is complete, but the band below it has the corners, too.
    assert OCTAVES.on_grid(16, 16).cut.tolist() == [False, False, False, True, False, False]
    # 14 x 10: the shorter side ends at 5, within the band from 4, and so does the longer, at 7.
    assert OCTAVES.on_grid(14, 10).cut.tolist() == [False, False, False, True, False, False]
    # 9 x 20: from 4.5 on one side has nothing, and the band from 8 has the rest up to 10.
    assert OCTAVES.on_grid(9, 20).cut.tolist() == [False, False, False, True, True, False]
    assert not Bands(("a", "b"), (0.5,)).on_grid(16, 16).cut.any()


def test_octaves_and_shares_of_nyquist_agree_on_one_square_grid() -> None:
    shares = Bands(OCTAVES.names[:4], tuple(edge / 6.5 for edge in (1, 2, 4)))
    expected = shares.on_grid(13, 13).index
    np.testing.assert_array_equal(OCTAVES.on_grid(13, 13).index, expected)


def test_edges_are_checked_in_their_unit() -> None:
    with pytest.raises(ConfigError, match=r"(?s)units of Nyquist.*unit: cycles-per-image"):
        Bands(("a", "b"), (2.0,))
    with pytest.raises(ConfigError, match="in cycles per image"):
        Bands(("a", "b", "c"), (4.0, 2.0), CYCLES)
    with pytest.raises(ConfigError, match=r"(?s)unknown unit.*found: +hertz"):
        Bands(("a", "b"), (0.5,), "hertz")
    assert Bands.from_spec({"names": ["a", "b"], "edges": [0.5], "unit": "nyquist"}).unit is None
    assert Bands.from_spec({"names": ["a", "b"], "edges": [5], "unit": CYCLES}).in_cycles
    assert OCTAVES.interval(5) == (16, np.inf)

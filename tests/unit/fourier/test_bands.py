"""Bands partition the Fourier plane, with the counts that the experiment gives."""

from itertools import pairwise

import numpy as np
import pytest

from bandprobe.errors import ConfigError, GridMismatchError
from bandprobe.fourier.bands import Bands, radial_frequency
from bandprobe.fourier.random_masks import conjugate_pairs

COUNTS = {
    56: [5, 52, 164, 388, 592, 800, 1135],
    28: [1, 12, 44, 88, 148, 204, 287],
    14: [1, 4, 8, 24, 32, 52, 75],
    7: [1, 0, 4, 4, 12, 8, 20],
}


@pytest.mark.parametrize(("size", "expected"), COUNTS.items())
def test_bin_counts_are_those_of_the_experiment(
    bands: Bands, size: int, expected: list[int]
) -> None:
    assert bands.on_grid(size, size).counts.tolist() == expected


def test_radius_is_one_at_nyquist_and_sqrt_two_in_the_corner() -> None:
    radius = radial_frequency(8, 6)
    assert radius[0, 0] == 0
    np.testing.assert_allclose([radius[4, 0], radius[0, 3], radius[4, 3]], [1, 1, np.sqrt(2)])


def test_radius_is_normalised_on_each_axis_of_its_own() -> None:
    radius = radial_frequency(20, 10)
    np.testing.assert_allclose(radius[2, 0], radius[0, 1])


@pytest.mark.parametrize(
    ("size", "ky", "kx", "band"),
    [
        (200, 9, 12, "low"),  # 0.09, 0.12 -> 0.15
        (40, 3, 0, "low"),  # 0.15 on an axis
        (40, 0, 6, "mid"),  # 0.3 on an axis
        (40, 6, 8, "high"),  # 0.3, 0.4 -> 0.5
        (40, 8, -6, "high"),
        (140, 21, 28, "high"),  # 0.3, 0.4: its radius is rounded to less than 0.5
        (196, 0, -49, "high"),  # so is this one
        (40, -14, 0, "very-high"),  # 0.7 on an axis
        (40, 0, 18, "ultra-high"),  # 0.9 on an axis
        (40, 1, 0, "very-low"),  # 0.05 on an axis
    ],
)
def test_a_radius_on_an_edge_belongs_to_the_upper_band(
    bands: Bands, size: int, ky: int, kx: int, band: str
) -> None:
    assert bands.names[bands.on_grid(size, size).index[ky, kx]] == band


def test_default_first_band_holds_zero_frequency(bands: Bands) -> None:
    partition = bands.on_grid(14, 9)
    assert partition.dc_band == 0
    assert partition.mask(0)[0, 0]


def test_intervals_adjoin_from_zero_to_the_corner(bands: Bands) -> None:
    intervals = [bands.interval(band) for band in range(len(bands))]
    assert intervals[0][0] == 0
    assert intervals[-1][1] == pytest.approx(np.sqrt(2))
    assert all(a[1] == b[0] for a, b in pairwise(intervals))


def test_one_band_without_edges_holds_the_whole_plane() -> None:
    assert Bands(("all",), ()).on_grid(5, 4).mask(0).all()


@pytest.mark.parametrize(
    "edges",
    [(0.5, 0.5), (0.5, 0.2), (0.0, 0.5), (-0.1, 0.5), (0.5, np.sqrt(2)), (0.5, 2.0)],
)
def test_edges_that_do_not_increase_within_the_plane_are_refused(
    edges: tuple[float, float],
) -> None:
    with pytest.raises(ConfigError, match="increase strictly"):
        Bands(("a", "b", "c"), edges)


def test_an_edge_that_is_no_number_is_refused() -> None:
    with pytest.raises(ConfigError, match="increase strictly"):
        Bands(("a", "b"), (float("nan"),))


@pytest.mark.parametrize("names", [("a",), ("a", "b", "c")])
def test_names_must_be_one_more_than_edges(names: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="2 names for 1 inner edges"):
        Bands(names, (0.5,))


def test_a_name_that_occurs_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="twice"):
        Bands(("a", "a"), (0.5,))


def test_an_unknown_band_lists_the_valid_ones_and_suggests_the_nearest(bands: Bands) -> None:
    assert bands.position("mid") == 3
    with pytest.raises(ConfigError, match=r"Did you mean 'ultra-low'\?.*very-high"):
        bands.position("ultralow")


def test_a_mismatch_names_both_grids(bands: Bands) -> None:
    partition = bands.on_grid(14, 12)
    partition.check((3, 5, 14, 12))
    with pytest.raises(GridMismatchError) as caught:
        partition.check((3, 5, 12, 14))
    assert "14 x 12" in str(caught.value)
    assert "12 x 14" in str(caught.value)


def test_an_empty_grid_is_refused(bands: Bands) -> None:
    with pytest.raises(GridMismatchError, match="0 x 4"):
        bands.on_grid(0, 4)


@pytest.mark.parametrize("grid", [(1, 1), (1, 2), (2, 2), (4, 4), (7, 7), (14, 9), (8, 6)])
def test_bins_that_are_their_own_conjugates_cannot_turn(bands: Bands, grid: tuple) -> None:
    partition, pairs = bands.on_grid(*grid), conjugate_pairs(*grid)
    alone = np.zeros(grid, bool)
    alone.ravel()[pairs.first[pairs.alone]] = True
    expected = [int((partition.mask(band) & ~alone).sum()) for band in range(len(bands))]
    assert partition.turnable.tolist() == expected
    assert partition.counted(alone).sum() == alone.sum()


@pytest.mark.parametrize("grid", [(8, 8), (7, 5), (14, 10)])
def test_a_grid_no_finer_than_the_image_has_nothing_beyond_it(bands: Bands, grid: tuple) -> None:
    partition = bands.on_grid(*grid)
    for rows, columns in (grid, (grid[0] + 3, 100)):
        share = partition.beyond(rows, columns)
        assert (share[partition.counts > 0] == 0).all()
    assert np.isnan(share[partition.counts == 0]).all()
    assert np.isnan(partition.beyond(np.nan, np.nan)).all()


@pytest.mark.parametrize(("grid", "source"), [((8, 8), 4), ((14, 10), 6), ((9, 7), 5)])
def test_what_an_enlarged_image_cannot_hold_is_counted(grid: tuple, source: int) -> None:
    """Bin by bin, against the bins that a smaller grid of the same scene has."""
    bands = Bands(("low", "mid", "high"), (0.3, 0.8))
    partition = bands.on_grid(*grid)
    held, total = np.zeros(3), np.zeros(3)
    for y in range(-(grid[0] // 2), (grid[0] + 1) // 2):
        for x in range(-(grid[1] // 2), (grid[1] + 1) // 2):
            band = partition.index[y, x]
            total[band] += 1
            held[band] += 2 * abs(y) <= source and 2 * abs(x) <= source
    np.testing.assert_allclose(partition.beyond(source, source), 1 - held / total)

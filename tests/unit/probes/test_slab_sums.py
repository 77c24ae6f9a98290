"""Slabs that several jobs add up give the readouts of a single job."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandprobe.errors import DatasetError
from bandprobe.features.shards import slab_slice
from bandprobe.fourier.bands import Bands
from bandprobe.linear.coordinates import StandardisedMaps, coordinates_of_bands
from bandprobe.linear.map_sums import MapSums
from bandprobe.probes.slab_sums import write_sums
from bandprobe.probes.sums import read_sums, sum_channels
from bandprobe.store.zarr_store import Store, Variable, write_store

N_TRAIN, N_EVAL, CHANNELS = 24, 9, 5


@given(n=st.integers(1, 3000), slabs=st.integers(1, 50))
def test_slabs_partition_the_channels(n: int, slabs: int) -> None:
    if n < slabs:
        with pytest.raises(DatasetError, match=f"{slabs} slabs"):
            slab_slice(n, slabs, 0)
        return
    parts = [slab_slice(n, slabs, number) for number in range(slabs)]
    assert [channel for part in parts for channel in range(n)[part]] == list(range(n))
    sizes = [part.stop - part.start for part in parts]
    assert max(sizes) - min(sizes) <= 1


def features(path: Path, n: int, grid: tuple[int, int], seed: int) -> Store:
    maps = np.random.default_rng(seed).normal(size=(n, CHANNELS, *grid)).astype(np.float32)
    variable = Variable(("sample", "channel", "y", "x"), maps)
    write_store(path, {"layer": variable}, {}, {})
    return Store(path)


@pytest.mark.parametrize("pattern", [False, True])
@pytest.mark.parametrize("by_band", [False, True])
@pytest.mark.parametrize("grid", [(5, 6), (1, 4)], ids=["more dimensions", "more samples"])
@pytest.mark.parametrize("slabs", [2, 5])
def test_sums_of_slabs_are_those_of_all_channels(
    tmp_path: Path, bands: Bands, grid: tuple[int, int], by_band: bool, slabs: int, pattern: bool
) -> None:
    stores = features(tmp_path / "a", N_TRAIN, grid, 0), features(tmp_path / "b", N_EVAL, grid, 1)
    partition = bands.on_grid(*grid) if by_band else None
    whole = sum_channels(*stores, "layer", partition, pattern=pattern)
    paths = []
    for number in range(slabs):
        paths.append(tmp_path / f"{number}.zarr")
        slab = (number, slabs)
        part = sum_channels(*stores, "layer", partition, slab, pattern=pattern)
        write_sums(paths[-1], part, {})
    joined = read_sums(paths, partition)
    assert joined.direct == whole.direct == (grid == (1, 4))
    compare(joined, whole)
    assert (joined.pattern is not None) == (whole.pattern is not None) == pattern
    if joined.pattern is not None and whole.pattern is not None:
        compare(joined.pattern, whole.pattern)
        assert joined.pattern.constant_energy == whole.pattern.constant_energy
    assert (joined.by_band is not None) == (whole.by_band is not None) == by_band


def compare(joined: MapSums, whole: MapSums) -> None:
    found, expected = (StandardisedMaps.from_sums(sums) for sums in (joined, whole))
    for name in ("mean", "scale", "mean_map"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    each = [one.coordinates for one in (found, expected)]
    products = [one.evaluation @ one.basis.train.T for one in each]
    np.testing.assert_allclose(*products, rtol=1e-5, atol=1e-3)
    assert (joined.spatial_means == ([], [])) == (whole.spatial_means == ([], []))
    for one, other in zip(joined.spatial_means, whole.spatial_means, strict=True):
        if one:
            np.testing.assert_array_equal(np.concatenate(one, 1), np.concatenate(other, 1))
    if joined.by_band is None or whole.by_band is None:
        return
    kept = np.array([True, False, *([True] * (len(whole.by_band.partition.bands) - 2))])
    each = [coordinates_of_bands(sums.products, kept) for sums in (joined.by_band, whole.by_band)]
    products = [one.evaluation @ one.basis.train.T for one in each]
    np.testing.assert_allclose(*products, rtol=1e-5, atol=1e-3)
    energies = (joined.by_band.energies.gathered(), whole.by_band.energies.gathered())
    for got, want in zip(*energies, strict=True):
        np.testing.assert_allclose(got, want)

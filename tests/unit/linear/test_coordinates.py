"""Readouts fitted slab by slab do not depend on the slabs."""

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.linear.coordinates import (
    Products,
    Slabs,
    StandardisedMaps,
    refit_subsets,
    standardise_slabs,
    weight_slabs,
)
from bandprobe.linear.map_sums import MapSums, spatial_mean
from bandprobe.linear.probe import FittedProbe, fit_probe
from bandprobe.linear.standardise import channel_moments, readout_logits, standardise

N_TRAIN, N_EVAL, CHANNELS, GRID = 24, 9, 4, (5, 6)
LABELS = np.arange(N_TRAIN) % 3
FOLDS = np.arange(N_TRAIN) // 6
PENALTIES = np.array([0.01, 0.1, 1.0])


@pytest.fixture
def maps(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Training and evaluation maps with unlike channels."""
    scale, mean = np.array([1, 5, 0.2, 1])[:, None, None], np.array([3, 20, 0, 1])[:, None, None]
    both = rng.normal(size=(N_TRAIN + N_EVAL, CHANNELS, *GRID)) * scale + mean
    both[:N_TRAIN, 1] += 3 * LABELS[:, None, None] * np.cos(np.arange(6))
    return both[:N_TRAIN].astype(np.float32), both[N_TRAIN:].astype(np.float32)


def slabs_of(values: np.ndarray, step: int) -> Slabs:
    return lambda: (values[:, start : start + step] for start in range(0, values.shape[1], step))


def joined(found: StandardisedMaps, probe: FittedProbe, slabs: Slabs) -> np.ndarray:
    """The weights of a single readout, all channels."""
    own = probe.weights(found.coordinates.basis)
    return np.concatenate([weights for (weights,) in weight_slabs([(found, own)], slabs)], axis=1)


def fitted(train: np.ndarray, evaluation: np.ndarray, step: int, n_dimensions: int) -> tuple:
    """Standardised maps, the probe, its weights, all from slabs of `step` channels."""
    train_slabs = slabs_of(train, step)
    pairs = zip(train_slabs(), slabs_of(evaluation, step)(), strict=True)
    found = standardise_slabs(pairs, direct=n_dimensions <= N_TRAIN)
    probe = fit_probe(found.coordinates.basis, LABELS, FOLDS, 3, PENALTIES)
    weights = joined(found, probe, train_slabs)
    return found, probe, weights


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("grid", [GRID, (1, 2)], ids=["more dimensions", "more samples"])
def test_slabs_change_neither_weights_nor_coordinates(
    maps: tuple[np.ndarray, np.ndarray], step: int, grid: tuple[int, int]
) -> None:
    train, evaluation = (values[..., : grid[0], : grid[1]] for values in maps)
    size = CHANNELS * grid[0] * grid[1]
    whole, whole_probe, whole_weights = fitted(train, evaluation, CHANNELS, size)
    found, probe, weights = fitted(train, evaluation, step, size)
    assert weights.shape == (3, CHANNELS, *grid)
    np.testing.assert_allclose(weights, whole_weights, atol=1e-4 * whole_weights.std())
    np.testing.assert_allclose(found.mean, whole.mean)
    np.testing.assert_allclose(found.scale, whole.scale)
    np.testing.assert_allclose(found.mean_map, whole.mean_map)
    # Coordinates may be turned; inner products and logits may not.
    np.testing.assert_allclose(
        found.coordinates.evaluation @ found.coordinates.basis.train.T,
        whole.coordinates.evaluation @ whole.coordinates.basis.train.T,
        atol=1e-3,
    )
    np.testing.assert_allclose(
        probe.path.logits(found.coordinates.evaluation),
        whole_probe.path.logits(whole.coordinates.evaluation),
        atol=1e-5,
    )


@pytest.mark.parametrize("grid", [GRID, (1, 2)], ids=["more dimensions", "more samples"])
def test_logits_on_coordinates_are_those_of_the_weight_maps(
    maps: tuple[np.ndarray, np.ndarray], grid: tuple[int, int]
) -> None:
    train, evaluation = (values[..., : grid[0], : grid[1]] for values in maps)
    found, probe, weights = fitted(train, evaluation, 2, CHANNELS * grid[0] * grid[1])
    basis = found.coordinates.basis
    for values, coordinates in (
        (train, basis.train),
        (evaluation, found.coordinates.evaluation),
    ):
        intercept = probe.intercept(basis)
        expected = readout_logits(values, weights, intercept, found.mean, found.scale)
        logits = probe.path.logits(coordinates)[probe.chosen]
        np.testing.assert_allclose(logits, expected, atol=1e-4 * expected.std())


def test_few_dimensions_give_the_same_readout_as_the_gram_matrix(
    maps: tuple[np.ndarray, np.ndarray],
) -> None:
    train, evaluation = (values[..., :1, :2] for values in maps)
    direct, _, direct_weights = fitted(train, evaluation, CHANNELS, CHANNELS * 2)
    gram, _, gram_weights = fitted(train, evaluation, CHANNELS, N_TRAIN + 1)
    assert direct.is_direct
    assert not gram.is_direct
    np.testing.assert_allclose(direct_weights, gram_weights, atol=1e-4 * gram_weights.std())


def test_moments_and_mean_map_are_those_of_the_training_maps_alone(
    maps: tuple[np.ndarray, np.ndarray],
) -> None:
    train, evaluation = maps
    pairs = zip(slabs_of(train, 1)(), slabs_of(evaluation * 50, 1)(), strict=True)
    found = standardise_slabs(pairs, direct=False)
    mean, scale = channel_moments(train)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found.scale, scale, rtol=1e-6)
    np.testing.assert_allclose(found.mean_map, train.mean(0), rtol=1e-5, atol=1e-6)


def test_standardised_maps_have_mean_zero_and_variance_one(
    maps: tuple[np.ndarray, np.ndarray],
) -> None:
    train, before = maps[0], maps[0].copy()
    found = standardise(train, *channel_moments(train))
    assert found.shape == train.shape
    np.testing.assert_allclose(found.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(found.var((0, 2, 3)), 1, rtol=1e-4)
    np.testing.assert_array_equal(train, before)


def test_spatial_means_of_slabs_are_kept_for_both_splits(
    maps: tuple[np.ndarray, np.ndarray],
) -> None:
    sums = MapSums.empty(direct=False)
    for channels in (slice(0, 3), slice(3, None)):
        sums.add_slab(*(values[:, channels] for values in maps))
    for means, values in zip(sums.spatial_means, maps, strict=True):
        joined = np.concatenate(means, axis=1)
        assert joined.shape == (len(values), CHANNELS, 1, 1)
        np.testing.assert_allclose(joined[..., 0, 0], values.mean((2, 3)), rtol=1e-5)
        np.testing.assert_array_equal(means[0], spatial_mean(values[:, :3]))


def test_a_layer_without_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="no channels were added"):
        standardise_slabs([], direct=True)


def test_a_pooled_readout_spread_over_the_map_gives_the_logits_of_the_means(
    maps: tuple[np.ndarray, np.ndarray],
) -> None:
    train, evaluation = (values.mean((2, 3), keepdims=True) for values in maps)
    found, probe, weights = fitted(train, evaluation, 2, CHANNELS)
    spread = np.broadcast_to(weights / np.float32(30), (3, CHANNELS, *GRID))
    intercept = probe.intercept(found.coordinates.basis)
    logits = readout_logits(maps[1], spread, intercept, found.mean, found.scale)
    expected = probe.path.logits(found.coordinates.evaluation)[probe.chosen]
    np.testing.assert_allclose(logits, expected, atol=1e-4 * expected.std())


@pytest.mark.parametrize("grid", [GRID, (1, 2)], ids=["more dimensions", "more samples"])
def test_taken_band_by_band_the_readout_is_the_same(
    maps: tuple[np.ndarray, np.ndarray], grid: tuple[int, int], bands: Bands
) -> None:
    train, evaluation = (values[..., : grid[0], : grid[1]] for values in maps)
    size = CHANNELS * grid[0] * grid[1]
    whole, probe, weights = fitted(train, evaluation, 2, size)
    slabs = slabs_of(train, 2)
    sums = MapSums.empty(direct=size <= N_TRAIN, partition=bands.on_grid(*grid))
    for pair in zip(slabs(), slabs_of(evaluation, 2)(), strict=True):
        sums.add_slab(*pair)
    found = StandardisedMaps.from_sums(sums)
    again = fit_probe(found.coordinates.basis, LABELS, FOLDS, 3, PENALTIES)
    expected = probe.logits(whole.coordinates.evaluation)
    logits = again.logits(found.coordinates.evaluation)
    np.testing.assert_allclose(logits, expected, atol=1e-4 * expected.std())
    by_band = joined(found, again, slabs)
    np.testing.assert_allclose(by_band, weights, atol=1e-4 * weights.std())


def fitted_pattern(train: np.ndarray, evaluation: np.ndarray, step: int) -> tuple:
    """As `fitted`, of maps without their spatial means."""
    slabs = slabs_of(train, step)
    sums = MapSums.empty(direct=train[0].size <= N_TRAIN, pattern=True)
    for pair in zip(slabs(), slabs_of(evaluation, step)(), strict=True):
        sums.add_slab(*pair)
    assert sums.pattern is not None
    found = StandardisedMaps.from_sums(sums.pattern)
    probe = fit_probe(found.coordinates.basis, LABELS, FOLDS, 3, PENALTIES)
    return found, probe, joined(found, probe, slabs)


@pytest.mark.parametrize("grid", [GRID, (1, 2)], ids=["more dimensions", "more samples"])
def test_a_pattern_is_the_map_readout_of_maps_without_their_means(
    maps: tuple[np.ndarray, np.ndarray], grid: tuple[int, int]
) -> None:
    train, evaluation = (values[..., : grid[0], : grid[1]] for values in maps)
    found, probe, weights = fitted_pattern(train, evaluation, 2)
    without = [values - values.mean((2, 3), keepdims=True) for values in (train, evaluation)]
    size = CHANNELS * grid[0] * grid[1]
    whole, expected_probe, expected_weights = fitted(*without, CHANNELS, size)
    np.testing.assert_allclose(found.scale, whole.scale, rtol=1e-4)
    np.testing.assert_allclose(weights, expected_weights, atol=1e-4 * expected_weights.std())
    expected = expected_probe.logits(whole.coordinates.evaluation)
    logits = probe.logits(found.coordinates.evaluation)
    np.testing.assert_allclose(logits, expected, atol=1e-4 * expected.std())
    # What is stored beside the weights is of the raw maps.
    np.testing.assert_allclose(found.mean, train.mean((0, 2, 3)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.mean_map, train.mean(0), rtol=1e-5, atol=1e-6)
    intercept, moments = probe.intercept(found.coordinates.basis), (found.mean, found.scale)
    by_weights = readout_logits(evaluation, weights, intercept, *moments, without_dc=True)
    np.testing.assert_allclose(by_weights, expected, atol=1e-4 * expected.std())


def test_a_level_that_differs_between_classes_is_nothing_to_a_pattern(
    maps: tuple[np.ndarray, np.ndarray],
) -> None:
    train, evaluation = maps
    found, _, weights = fitted_pattern(train, evaluation, 2)
    level = 100 * LABELS[:, None, None, None].astype(np.float32)
    _, _, shifted = fitted_pattern(train + level, evaluation, 2)
    np.testing.assert_allclose(shifted, weights, atol=2e-3 * weights.std())
    assert found.without_dc


@pytest.mark.parametrize("jitter", [0.0, 1e-7], ids=["exactly", "up to rounding"])
@pytest.mark.parametrize("grid", [(5, 6), (1, 2), (1, 1)], ids=str)
def test_maps_that_are_constant_have_no_pattern(
    rng: np.random.Generator, grid: tuple[int, int], jitter: float
) -> None:
    """Whatever rounding leaves of them: it is not divided by itself."""
    values = 3 * np.arange(N_TRAIN)[:, None, None, None] + rng.normal(5, 1, (1, CHANNELS, 1, 1))
    maps = np.broadcast_to(values, (N_TRAIN, CHANNELS, *grid)).astype(np.float32)
    train = maps * (1 + jitter * rng.integers(-1, 2, maps.shape)).astype(np.float32)
    found, probe, weights = fitted_pattern(train, train[:N_EVAL], CHANNELS)
    assert found.coordinates.basis.eigenvalues.size == 0
    assert not weights.any()
    logits = probe.logits(found.coordinates.evaluation)
    assert np.ptp(logits, axis=0).max() == 0
    np.testing.assert_allclose(found.scale, np.sqrt(np.square(train).mean((0, 2, 3))), rtol=1e-5)


def test_refit_subsets_are_distinct_and_leave_out_empty_bands() -> None:
    found = refit_subsets(["remove", "isolate", "lowpass"], np.array([1, 0, 4, 8]))
    rows = {tuple(row) for row in found.tolist()}
    assert len(rows) == len(found)
    assert found[0].tolist() == [True, False, True, True]
    assert not found[:, 1].any()
    # all; without each of three; each alone; the two lowest are what is left without the highest
    assert len(found) == 1 + 3 + 3


def test_a_pattern_has_one_dimension_per_channel_less_than_the_map(
    maps: tuple[np.ndarray, np.ndarray],
) -> None:
    """Of 24 values per map, 23 maps have 22 coordinates; of the 20 without means there are 20."""
    train, evaluation = maps[0][:23, ..., :2, :3], maps[1][..., :2, :3]
    sums = MapSums.empty(direct=False, pattern=True)
    sums.add_slab(train.copy(), evaluation.copy())
    sums.complete()
    assert sums.pattern is not None
    found = [StandardisedMaps.from_sums(one) for one in (sums, sums.pattern)]
    ranks = [one.source.rank for one in found if isinstance(one.source, Products)]
    assert ranks == [None, 20]
    assert [len(one.coordinates.basis.eigenvalues) for one in found] == [22, 20]

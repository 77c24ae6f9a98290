"""The literal route: projections, gaps, fillings, phases."""

import numpy as np
import pytest

from bandprobe.errors import GridMismatchError
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.intervene import intervene, project, white_noise
from bandprobe.fourier.modes import Mode
from bandprobe.fourier.spectra import band_energy

GRIDS = [(14, 14), (7, 7), (10, 7), (7, 10)]
REMOVE, ISOLATE = Mode("remove", "remove"), Mode("isolate", "isolate")
REMOVE_MEAN, ISOLATE_MEAN = Mode("r", "remove", "mean"), Mode("i", "isolate", "mean")
PHASE, NOISE = Mode("phase", "phase"), Mode("noise", "noise", strength=3.0)
RESAMPLE = Mode("resample", "resample")
LOWPASS, HIGHPASS = Mode("low", "lowpass"), Mode("high", "highpass")


@pytest.fixture(params=GRIDS, ids=str)
def maps(request: pytest.FixtureRequest, rng: np.random.Generator) -> np.ndarray:
    """Maps with a mean, as after a rectifier."""
    return np.abs(rng.normal(1.0, 1.0, (3, 2, *request.param))).astype(np.float32)


@pytest.fixture
def mean_map(maps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.normal(1.0, 0.3, maps.shape[1:]).astype(np.float32)


def test_projections_sum_to_the_identity(bands: Bands, maps: np.ndarray) -> None:
    partition = bands.on_grid(*maps.shape[2:])
    total = sum(project(maps, partition, band) for band in range(len(bands)))
    np.testing.assert_allclose(total, maps, atol=2e-6)


def test_projections_are_idempotent_and_orthogonal(bands: Bands, maps: np.ndarray) -> None:
    partition = bands.on_grid(*maps.shape[2:])
    for band in range(len(bands)):
        inside = project(maps, partition, band)
        for other in range(len(bands)):
            expected = inside if other == band else np.zeros_like(inside)
            np.testing.assert_allclose(project(inside, partition, other), expected, atol=2e-6)


def test_projection_is_symmetric(bands: Bands, maps: np.ndarray, rng: np.random.Generator) -> None:
    partition = bands.on_grid(*maps.shape[2:])
    other = rng.normal(size=maps.shape).astype(np.float32)
    for band in range(len(bands)):
        left = np.vdot(project(maps, partition, band), other)
        right = np.vdot(maps, project(other, partition, band))
        np.testing.assert_allclose(left, right, atol=1e-3)


def test_output_is_real_single_precision_of_the_same_shape(
    bands: Bands, maps: np.ndarray, mean_map: np.ndarray
) -> None:
    partition = bands.on_grid(*maps.shape[2:])
    noise = white_noise(0, 0, range(3), maps.shape[1:])
    for mode in (REMOVE, ISOLATE, REMOVE_MEAN, ISOLATE_MEAN, LOWPASS, PHASE, NOISE, RESAMPLE):
        arrays = {"mean_map": mean_map, "noise": noise, "other": maps[::-1]}
        changed = intervene(mode, maps, partition, 2, **arrays)
        assert changed.shape == maps.shape
        assert changed.dtype == np.float32


def test_removed_and_isolated_parts_make_up_the_map(bands: Bands, maps: np.ndarray) -> None:
    partition = bands.on_grid(*maps.shape[2:])
    for band in range(len(bands)):
        parts = [intervene(mode, maps, partition, band) for mode in (REMOVE, ISOLATE)]
        np.testing.assert_allclose(sum(parts), maps, atol=2e-6)


def test_with_mean_filling_the_parts_make_up_the_map_and_the_mean(
    bands: Bands, maps: np.ndarray, mean_map: np.ndarray
) -> None:
    partition = bands.on_grid(*maps.shape[2:])
    for band in range(len(bands)):
        parts = [
            intervene(mode, maps, partition, band, mean_map=mean_map)
            for mode in (REMOVE_MEAN, ISOLATE_MEAN)
        ]
        np.testing.assert_allclose(sum(parts), maps + mean_map, atol=4e-6)


def test_removal_leaves_no_energy_in_the_band_and_the_rest_as_it_was(
    bands: Bands, maps: np.ndarray
) -> None:
    partition = bands.on_grid(*maps.shape[2:])
    before = band_energy(maps, partition)
    for band in range(len(bands)):
        after = band_energy(intervene(REMOVE, maps, partition, band), partition)
        expected = before.copy()
        expected[..., band] = 0
        np.testing.assert_allclose(after, expected, rtol=1e-4, atol=1e-6)


def test_mean_filling_puts_the_mean_of_the_band_into_the_gap(
    bands: Bands, maps: np.ndarray, mean_map: np.ndarray
) -> None:
    partition = bands.on_grid(*maps.shape[2:])
    for band in range(len(bands)):
        changed = intervene(REMOVE_MEAN, maps, partition, band, mean_map=mean_map)
        for other in range(len(bands)):
            source = np.broadcast_to(mean_map, maps.shape) if other == band else maps
            np.testing.assert_allclose(
                project(changed, partition, other), project(source, partition, other), atol=4e-6
            )


def test_phase_keeps_the_energy_of_every_band_and_touches_no_other(
    bands: Bands, maps: np.ndarray
) -> None:
    partition = bands.on_grid(*maps.shape[2:])
    noise = white_noise(3, 1, range(3), maps.shape[1:])
    for band in range(len(bands)):
        changed = intervene(PHASE, maps, partition, band, noise=noise)
        np.testing.assert_allclose(
            band_energy(changed, partition), band_energy(maps, partition), rtol=1e-4, atol=1e-6
        )
        rest = [intervene(REMOVE, some, partition, band) for some in (changed, maps)]
        np.testing.assert_allclose(*rest, atol=4e-6)
        if partition.counts[band] > 1:
            assert np.abs(changed - maps).max() > 1e-2


def test_resampling_exchanges_the_band_and_nothing_else(bands: Bands, maps: np.ndarray) -> None:
    partition = bands.on_grid(*maps.shape[2:])
    for band in range(len(bands)):
        changed = intervene(RESAMPLE, maps, partition, band, other=maps[::-1])
        for other in range(len(bands)):
            source = maps[::-1] if other == band else maps
            found, expected = (project(one, partition, other) for one in (changed, source))
            np.testing.assert_allclose(found, expected, atol=4e-6)


def test_noise_is_confined_to_the_band_and_as_strong_as_asked(
    bands: Bands, maps: np.ndarray
) -> None:
    partition = bands.on_grid(*maps.shape[2:])
    noise = white_noise(3, 1, range(3), maps.shape[1:])
    own = band_energy(maps, partition)
    for band in range(len(bands)):
        added = intervene(NOISE, maps, partition, band, noise=noise) - maps
        energy = band_energy(added, partition)
        np.testing.assert_allclose(energy[..., band], 3 * own[..., band], rtol=1e-3)
        assert np.delete(energy, band, axis=-1).max() < 1e-6 * own.sum()


def test_sweeps_add_up_to_the_map_around_a_band(bands: Bands, maps: np.ndarray) -> None:
    partition = bands.on_grid(*maps.shape[2:])
    for band in range(len(bands)):
        low, high, own = (
            intervene(mode, maps, partition, band) for mode in (LOWPASS, HIGHPASS, ISOLATE)
        )
        np.testing.assert_allclose(low + high - own, maps, atol=4e-6)


def test_empty_band_changes_nothing(bands: Bands, rng: np.random.Generator) -> None:
    maps = rng.normal(size=(2, 3, 7, 7)).astype(np.float32)
    partition, empty = bands.on_grid(7, 7), bands.position("very-low")
    noise = white_noise(0, 0, range(2), (3, 7, 7))
    np.testing.assert_array_equal(intervene(REMOVE, maps, partition, empty), maps)
    np.testing.assert_array_equal(intervene(ISOLATE, maps, partition, empty), 0)
    changed = intervene(PHASE, maps, partition, empty, noise=noise)
    np.testing.assert_allclose(changed, maps, atol=2e-6)


def test_input_is_left_as_it_was(bands: Bands, maps: np.ndarray) -> None:
    partition, before = bands.on_grid(*maps.shape[2:]), maps.copy()
    noise = white_noise(0, 0, range(3), maps.shape[1:])
    for mode in (REMOVE, ISOLATE, PHASE):
        intervene(mode, maps, partition, 0, noise=noise)
    np.testing.assert_array_equal(maps, before)


@pytest.mark.parametrize("mode", [REMOVE, ISOLATE, PHASE], ids=lambda mode: mode.kind)
def test_another_grid_is_refused(bands: Bands, mode: Mode) -> None:
    maps = np.zeros((1, 1, 7, 7), np.float32)
    with pytest.raises(GridMismatchError, match="7 x 7"):
        intervene(mode, maps, bands.on_grid(8, 8), 0, noise=maps)


@pytest.mark.parametrize(
    ("mode", "missing"),
    [(REMOVE_MEAN, "mean"), (PHASE, "noise"), (NOISE, "noise"), (RESAMPLE, "other")],
)
def test_a_mode_without_its_array_is_refused(bands: Bands, mode: Mode, missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        intervene(mode, np.zeros((1, 1, 7, 7), np.float32), bands.on_grid(7, 7), 0)


def test_noise_of_a_sample_does_not_depend_on_the_others() -> None:
    shape = (2, 3, 4)
    together = white_noise(5, 1, [7, 3, 9], shape)
    np.testing.assert_array_equal(white_noise(5, 1, [9, 7], shape), together[[2, 0]])
    np.testing.assert_array_equal(white_noise(5, 1, [3], shape), together[[1]])


def test_noise_differs_between_seeds_draws_samples_and_channels() -> None:
    shape = (2, 4, 4)
    first = white_noise(0, 0, [0, 1], shape)
    fields = [*first[0], *first[1], *white_noise(1, 0, [0], shape)[0]]
    fields += [*white_noise(0, 1, [0], shape)[0]]
    assert len({field.tobytes() for field in fields}) == 8


def test_noise_is_white_and_standard() -> None:
    noise = white_noise(0, 0, range(50), (4, 10, 10))
    assert abs(noise.mean()) < 5 / np.sqrt(noise.size)
    assert abs(noise.var() - 1) < 5 * np.sqrt(2 / noise.size)
    assert abs((noise[..., 1:] * noise[..., :-1]).mean()) < 5 / np.sqrt(noise.size * 0.9)

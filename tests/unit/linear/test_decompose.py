"""The fast route against the literal one, and what a pooled readout cannot see."""

import tracemalloc
from functools import partial

import numpy as np
import pytest

from bandprobe.errors import GridMismatchError
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.intervene import intervene, masked, project, white_noise
from bandprobe.fourier.modes import Mode
from bandprobe.fourier.spectra import band_energy
from bandprobe.fourier.transform import multiplicity, real_fft
from bandprobe.linear import compose
from bandprobe.linear.coordinates import standardise_slabs, weight_slabs
from bandprobe.linear.decompose import (
    BandWeights,
    add_noise,
    band_logits,
    band_power,
    blank_logits,
    centre,
    pack_slabs,
    pack_weights,
    turn_phases,
)
from bandprobe.linear.probe import fit_probe
from bandprobe.linear.standardise import channel_moments, readout_logits

GRIDS = [(56, 56), (28, 28), (14, 14), (7, 7), (10, 7), (7, 10), (8, 6), (5, 9)]
MODES = [
    Mode("remove", "remove"),
    Mode("remove-mean", "remove", "mean"),
    Mode("isolate", "isolate"),
    Mode("isolate-mean", "isolate", "mean"),
    Mode("lowpass-mean", "lowpass", "mean"),
    Mode("highpass", "highpass"),
    Mode("resample", "resample", seed=1),
    Mode("phase", "phase", seed=3),
    Mode("some-phase", "phase", seed=3, strength=0.4),
    Mode("noise", "noise", seed=3, strength=2.0),
]

PENALTIES = np.array([0.01, 0.1])
Pooled = tuple[np.ndarray, np.ndarray, BandWeights]


def rectified(
    rng: np.random.Generator, n_samples: int, grid: tuple[int, int], n_channels: int = 3
) -> np.ndarray:
    """Maps whose channels have means of several standard deviations, and unlike scales."""
    scale = np.geomspace(0.1, 10, n_channels)[:, None, None]
    mean = np.linspace(2, 12, n_channels)[:, None, None]
    values = np.abs(rng.normal(mean, 1.0, (n_samples, n_channels, *grid))) * scale
    return values.astype(np.float32)


def turned_logits(
    mode: Mode, maps: np.ndarray, noise: np.ndarray, mean: np.ndarray, packed: BandWeights
) -> np.ndarray:
    """Band logits after the coefficients of every band were changed."""
    raw = real_fft(maps)
    if mode.kind == "phase":
        changed = turn_phases(raw, noise, mode.strength)
    else:
        changed = add_noise(raw, noise, packed.partition, mode.strength)
    return packed.logits(centre(changed, mean, maps.shape[-1]))


def fast_route(
    mode: Mode,
    maps: np.ndarray,
    mean_map: np.ndarray,
    mean: np.ndarray,
    packed: BandWeights,
    intercept: np.ndarray,
) -> np.ndarray:
    """Logits of every band, as the workflow computes them."""
    centred = maps - mean[:, None, None]
    logits = band_logits(centred, packed)
    if not mode.is_linear:
        noise = white_noise(mode.seed, 0, range(len(maps)), maps.shape[1:])
        turned = turned_logits(mode, maps, noise, mean, packed)
        return compose.replace(logits, turned, intercept)
    filling = {
        "zero": blank_logits(mean, packed),
        "mean": band_logits((mean_map - mean[:, None, None])[None], packed)[:, 0],
    }[mode.fill]
    return compose.change(mode, logits, filling, intercept, np.arange(len(maps))[::-1])


def literal(
    mode: Mode, maps: np.ndarray, packed: BandWeights, band: int, mean_map: np.ndarray
) -> np.ndarray:
    """Maps of which one band was changed, the literal way."""
    noise = white_noise(mode.seed, 0, range(len(maps)), maps.shape[1:])
    return intervene(
        mode, maps, packed.partition, band, mean_map=mean_map, noise=noise, other=maps[::-1]
    )


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("without_dc", [False, True], ids=["map", "pattern"])
def test_fast_route_gives_every_logit_of_the_literal_route(
    bands: Bands, without_dc: bool, grid: tuple[int, int], mode: Mode, rng: np.random.Generator
) -> None:
    train, maps = rectified(rng, 12, grid), rectified(rng, 4, grid)
    mean, scale = channel_moments(train)
    weights = rng.normal(size=(5, *maps.shape[1:])).astype(np.float32)
    intercept = rng.normal(size=5)
    partition = bands.on_grid(*grid)
    packed = pack_weights(weights / scale[:, None, None], partition, without_dc=without_dc)
    fast = fast_route(mode, maps, train.mean(0), mean, packed, intercept)
    definition = partial(readout_logits, without_dc=without_dc)
    spread = definition(maps, weights, intercept, mean, scale).std()
    for band in range(len(bands)):
        changed = literal(mode, maps, packed, band, train.mean(0))
        expected = definition(changed, weights, intercept, mean, scale)
        assert np.abs(fast[band] - expected).max() < 1e-4 * spread


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_routes_agree_for_a_readout_that_was_fitted(
    bands: Bands, mode: Mode, rng: np.random.Generator
) -> None:
    grid, labels = (9, 8), np.arange(24) % 3
    train, maps = rectified(rng, 24, grid), rectified(rng, 6, grid)
    ripple = np.cos(2 * np.pi * np.arange(1, 4)[:, None] * np.arange(8) / 8)
    train[:, 1] += ripple[labels][:, None].astype(np.float32)

    found = standardise_slabs([(train, maps)], direct=False)
    basis = found.coordinates.basis
    probe = fit_probe(basis, labels, np.arange(24) // 6, 3, PENALTIES)
    own = probe.weights(found.coordinates.basis)
    ((weights,),) = weight_slabs([(found, own)], lambda: [train])
    intercept = probe.intercept(basis)
    partition = bands.on_grid(*grid)
    packed = pack_weights(weights / found.scale[:, None, None], partition)
    fast = fast_route(mode, maps, found.mean_map, found.mean, packed, intercept)
    moments = (found.mean, found.scale)
    spread = readout_logits(maps, weights, intercept, *moments).std()
    for band in range(len(bands)):
        changed = literal(mode, maps, packed, band, found.mean_map)
        expected = readout_logits(changed, weights, intercept, *moments)
        assert np.abs(fast[band] - expected).max() < 1e-4 * spread


@pytest.mark.parametrize("grid", GRIDS[2:], ids=str)
def test_band_logits_are_inner_products_of_projections(
    bands: Bands, grid: tuple[int, int], rng: np.random.Generator
) -> None:
    weights = rng.normal(size=(4, 2, *grid)).astype(np.float32)
    centred = rng.normal(size=(3, 2, *grid)).astype(np.float32)
    partition = bands.on_grid(*grid)
    found = band_logits(centred, pack_weights(weights, partition))
    for band in range(len(bands)):
        inside = project(weights, partition, band)
        expected = np.einsum("kcyx,ncyx->nk", inside, centred, dtype=np.float64)
        np.testing.assert_allclose(found[band], expected, atol=1e-4)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_empty_bands_contribute_exactly_nothing(
    bands: Bands, grid: tuple[int, int], rng: np.random.Generator
) -> None:
    partition = bands.on_grid(*grid)
    empty = partition.counts == 0
    packed = pack_weights(rng.normal(size=(3, 2, *grid)).astype(np.float32), partition)
    maps = rectified(rng, 2, grid, 2)
    noise = white_noise(0, 0, range(2), maps.shape[1:])
    mean = np.ones(2, np.float32)
    assert (band_logits(maps, packed)[empty] == 0).all()
    assert (turned_logits(MODES[-1], maps, noise, mean, packed)[empty] == 0).all()
    np.testing.assert_array_equal(packed.sees, ~empty)


@pytest.fixture(params=[(14, 14), (7, 7), (10, 7), (56, 56)], ids=str)
def pooled(request: pytest.FixtureRequest, bands: Bands, rng: np.random.Generator) -> Pooled:
    """Maps, channel means, and the weights of a pooled readout, constant in space."""
    grid = request.param
    maps = rectified(rng, 4, grid)
    mean, scale = channel_moments(maps)
    constant = rng.normal(size=(5, 3, 1, 1)).astype(np.float32) / np.float32(grid[0] * grid[1])
    weights = np.broadcast_to(constant, (5, 3, *grid)) / scale[:, None, None]
    return maps, mean, pack_weights(weights, bands.on_grid(*grid))


def test_constant_weights_see_zero_frequency_alone(pooled: Pooled) -> None:
    maps, mean, packed = pooled
    logits = band_logits(maps - mean[:, None, None], packed)
    dc = packed.partition.dc_band
    assert packed.only_dc
    assert packed.sees.tolist() == [band == dc for band in range(len(logits))]
    assert (np.delete(logits, dc, axis=0) == 0).all()
    assert np.abs(logits[dc]).max() > 0.01


def test_a_pooled_readout_is_exactly_unmoved_outside_zero_frequency(
    pooled: Pooled, rng: np.random.Generator
) -> None:
    maps, mean, packed = pooled
    intercept = rng.normal(size=5)
    logits = band_logits(maps - mean[:, None, None], packed)
    untouched = compose.clean(logits, intercept)
    blind = np.arange(len(logits)) != packed.partition.dc_band
    for mode in MODES:
        if mode.kind in ("isolate", "lowpass", "highpass"):
            continue
        changed = fast_route(mode, maps, maps.mean(0), mean, packed, intercept)
        assert (changed[blind] == untouched).all()
    removed = fast_route(MODES[0], maps, maps.mean(0), mean, packed, intercept)
    assert (removed[packed.partition.dc_band] != untouched).any()


def test_the_shortcut_for_constant_weights_changes_no_logit(pooled: Pooled) -> None:
    maps, mean, packed = pooled
    centred = maps - mean[:, None, None]
    expected = packed.logits(real_fft(centred))
    np.testing.assert_allclose(band_logits(centred, packed), expected, atol=1e-4 * expected.std())


def test_weights_that_vary_are_not_taken_for_constant(
    bands: Bands, rng: np.random.Generator
) -> None:
    weights = np.ones((2, 3, 8, 8), np.float32)
    assert pack_weights(weights, bands.on_grid(8, 8)).only_dc
    weights[1, 2, 4, 4] += 0.01
    assert not pack_weights(weights, bands.on_grid(8, 8)).only_dc


@pytest.mark.parametrize("grid", [(8, 8), (5, 6)], ids=str)
@pytest.mark.parametrize("without_dc", [False, True])
def test_weights_that_come_in_slabs_are_packed_as_all_at_once(
    bands: Bands, rng: np.random.Generator, grid: tuple[int, int], *, without_dc: bool
) -> None:
    """To the bit, also where the first slabs have no weight, or in DC alone."""
    partition = bands.on_grid(*grid)
    weights = rng.normal(size=(3, 7, *grid)).astype(np.float32)
    weights[:, :2] = 0
    weights[:, 2:4] = rng.normal(size=(3, 2, 1, 1))
    whole = pack_weights(weights, partition, without_dc=without_dc)
    for step in (1, 2, 3):
        slabs = (weights[:, start : start + step] for start in range(0, 7, step))
        packed = pack_slabs(slabs, 7, partition, without_dc=without_dc)
        np.testing.assert_array_equal(packed.bins, whole.bins)
        np.testing.assert_array_equal(packed.blocks, whole.blocks)
        np.testing.assert_array_equal(packed.spatial_sum, whole.spatial_sum)
    half = real_fft(weights) / weights[0, 0].size
    half *= multiplicity(*grid)
    expected = half.reshape(3, 7, -1)[:, :, whole.bins].transpose(2, 1, 0)
    expected = np.concatenate([expected.real, expected.imag], axis=1)
    assert len(whole.bins) == half[0, 0].size - without_dc
    np.testing.assert_allclose(whole.blocks, expected, atol=1e-6)


def test_packing_takes_little_more_than_the_packed_weights(
    bands: Bands, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a readout with weight everywhere, and of constant maps, which keep next to nothing."""
    monkeypatch.setattr("bandprobe.linear.decompose.PACKED_BYTES", 100_000)
    shape = (50, 2, 16, 16)
    for size, least in ((shape, 1.0), ((*shape[:2], 1, 1), 0.0)):
        slabs = (np.broadcast_to(rng.normal(size=size).astype("f4"), shape) for _ in range(40))
        tracemalloc.start()
        try:
            packed = pack_slabs(slabs, 80, bands.on_grid(16, 16))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        maps = 4 * 50 * 80 * 16 * 16
        assert packed.blocks.nbytes >= least * maps
        assert peak < packed.blocks.nbytes + 0.2 * maps


@pytest.mark.parametrize(("ky", "kx"), [(0, 1), (1, 0), (0, 2), (2, 2)])
def test_weights_of_a_single_wave_are_not_taken_for_constant(
    bands: Bands, ky: int, kx: int
) -> None:
    y, x = np.mgrid[:4, :4]
    wave = np.array([1, 0, -1, 0], np.float32)[(ky * y + kx * x) % 4]
    packed = pack_weights(wave[None, None], bands.on_grid(4, 4))
    assert not packed.only_dc
    logits = band_logits(wave[None, None], packed)
    assert logits.sum() == pytest.approx(np.square(wave).sum())


def test_a_blank_map_has_the_logits_of_minus_the_mean(
    bands: Bands, rng: np.random.Generator
) -> None:
    weights = rng.normal(size=(4, 3, 9, 8)).astype(np.float32)
    mean = np.array([5.0, 0.5, -3.0], np.float32)
    packed = pack_weights(weights, bands.on_grid(9, 8))
    blank = np.broadcast_to(-mean[:, None, None], (1, 3, 9, 8))
    expected = band_logits(blank, packed)[:, 0]
    found = blank_logits(mean, packed)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert (np.delete(found, packed.partition.dc_band, axis=0) == 0).all()


def test_changes_leave_their_arguments_as_they_were(bands: Bands, rng: np.random.Generator) -> None:
    maps, noise = rng.normal(size=(2, 2, 3, 8, 6)).astype(np.float32)
    raw = real_fft(maps)
    before = raw.copy(), noise.copy()
    turn_phases(raw, noise, 1.0)
    add_noise(raw, noise, bands.on_grid(8, 6), 1.0)
    np.testing.assert_array_equal(raw, before[0])
    np.testing.assert_array_equal(noise, before[1])


@pytest.mark.parametrize("grid", GRIDS[1:], ids=str)
def test_logits_of_masks_are_those_of_masked_maps(
    bands: Bands, grid: tuple[int, int], rng: np.random.Generator
) -> None:
    maps = rng.normal(size=(3, 2, *grid)).astype(np.float32)
    packed = pack_weights(rng.normal(size=(4, 2, *grid)).astype(np.float32), bands.on_grid(*grid))
    chosen = rng.random(grid) < 0.4
    # Closed under conjugation.
    chosen |= np.roll(chosen[::-1, ::-1], (1, 1), (0, 1))
    masks = np.stack([chosen, ~chosen])
    found = packed.logits(real_fft(maps), None, masks)
    for row, mask in zip(found, masks, strict=True):
        expected = band_logits(masked(maps, mask), packed).sum(0)
        np.testing.assert_allclose(row, expected, atol=1e-4 * expected.std())


def test_logits_do_not_depend_on_how_many_bins_are_held_at_a_time(
    bands: Bands, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = rng.normal(size=(3, 2, 14, 14)).astype(np.float32)
    packed = pack_weights(rng.normal(size=(4, 2, 14, 14)).astype(np.float32), bands.on_grid(14, 14))
    whole = band_logits(maps, packed)
    monkeypatch.setattr("bandprobe.linear.decompose.PRODUCT_BYTES", 1)
    np.testing.assert_allclose(band_logits(maps, packed), whole, atol=1e-5)


@pytest.mark.parametrize("strength", [0.25, 1.0, 9.0])
def test_noise_has_the_energy_that_was_asked_for_in_every_channel_and_band(
    bands: Bands, strength: float, rng: np.random.Generator
) -> None:
    maps = rectified(rng, 3, (14, 14))
    partition = bands.on_grid(14, 14)
    noise = white_noise(0, 0, range(3), maps.shape[1:])
    raw = real_fft(maps)
    added = add_noise(raw, noise, partition, strength) - raw
    own, its = (band_power(one, partition, 14) for one in (raw, added))
    np.testing.assert_allclose(its, strength * own, rtol=1e-3)
    np.testing.assert_allclose(own, band_energy(maps, partition), rtol=1e-3)


def test_noise_on_zero_frequency_alone_has_nothing_random_but_its_sign(
    rng: np.random.Generator,
) -> None:
    partition = Bands(("dc", "rest"), (0.05,)).on_grid(7, 7)
    assert partition.counts[0] == 1
    maps = rng.normal(1, 1, (40, 3, 7, 7)).astype(np.float32)
    mode = Mode("noise", "noise", strength=1.0)
    noise = rng.normal(size=maps.shape).astype(np.float32)
    changed = intervene(mode, maps, partition, 0, noise=noise).mean((-2, -1))
    ratio = changed / maps.mean((-2, -1))
    doubled = ratio > 1
    np.testing.assert_allclose(ratio, np.where(doubled, 2, 0), atol=1e-3)
    assert 0.3 < doubled.mean() < 0.7


def test_another_grid_is_refused(bands: Bands) -> None:
    partition = bands.on_grid(8, 8)
    other = np.zeros((1, 1, 8, 9), np.float32)
    with pytest.raises(GridMismatchError, match="8 x 9"):
        pack_weights(other, partition)
    packed = pack_weights(np.ones((1, 1, 8, 8), np.float32), partition)
    with pytest.raises(GridMismatchError, match="8 x 9"):
        band_logits(other, packed)
    with pytest.raises(GridMismatchError, match="8 x 9"):
        packed.logits(real_fft(other[..., :8]), None, np.zeros((1, 8, 9), bool))

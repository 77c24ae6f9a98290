"""The fast and the literal route give the same logits on any grid."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.intervene import intervene, project, white_noise
from bandprobe.fourier.modes import KINDS, Mode
from bandprobe.fourier.transform import real_fft
from bandprobe.interventions.perturb import change_coefficients
from bandprobe.linear import compose
from bandprobe.linear.decompose import (
    band_logits,
    blank_logits,
    centre,
    pack_weights,
)
from bandprobe.linear.standardise import channel_moments, readout_logits

BANDS = Bands(("a", "b", "c", "d"), (0.15, 0.5, 0.9))
SIDES = st.integers(2, 20)
SEEDS = st.integers(0, 2**32 - 1)
MODES = (
    Mode("remove", "remove"),
    Mode("remove-mean", "remove", "mean"),
    Mode("isolate", "isolate"),
    Mode("isolate-mean", "isolate", "mean"),
    Mode("lowpass", "lowpass"),
    Mode("highpass-mean", "highpass", "mean"),
    Mode("resample", "resample"),
    Mode("phase", "phase"),
    Mode("some-phase", "phase", strength=0.3),
    Mode("noise", "noise", strength=0.5),
)


def test_every_kind_is_among_the_modes() -> None:
    assert {mode.kind for mode in MODES} == set(KINDS)


@settings(max_examples=80, deadline=None)
@given(SIDES, SIDES, st.sampled_from(MODES), SEEDS, st.floats(0, 10), st.booleans())
def test_routes_agree(
    height: int, width: int, mode: Mode, seed: int, offset: float, without_dc: bool
) -> None:
    rng = np.random.default_rng(seed)
    both = np.maximum(rng.normal(offset, 1.0, (10, 3, height, width)), 0).astype(np.float32)
    train, maps = both[:6], both[6:]
    mean, scale = channel_moments(train)
    weights = rng.normal(size=(4, 3, height, width)).astype(np.float32)
    intercept = rng.normal(size=4)
    partition = BANDS.on_grid(height, width)
    packed = pack_weights(weights / scale[:, None, None], partition, without_dc=without_dc)

    logits = band_logits(maps - mean[:, None, None], packed)
    noise = white_noise(seed, 0, range(4), maps.shape[1:])
    filling = blank_logits(mean, packed)
    if mode.fill == "mean":
        filling = band_logits((train.mean(0) - mean[:, None, None])[None], packed)[:, 0]
    if mode.is_linear:
        fast = compose.change(mode, logits, filling, intercept, np.arange(len(maps))[::-1])
    else:
        raw = real_fft(maps)
        changed = change_coefficients(mode, raw, noise, partition)
        turned = packed.logits(centre(changed, mean, width))
        fast = compose.replace(logits, turned, intercept)

    def by_definition(maps: np.ndarray) -> np.ndarray:
        return readout_logits(maps, weights, intercept, mean, scale, without_dc=without_dc)

    clean = by_definition(maps)
    np.testing.assert_allclose(
        compose.clean(logits, intercept), clean, rtol=0, atol=1e-4 * clean.std()
    )
    for band in range(len(BANDS)):
        changed = intervene(
            mode, maps, partition, band, mean_map=train.mean(0), noise=noise, other=maps[::-1]
        )
        np.testing.assert_allclose(
            fast[band], by_definition(changed), rtol=0, atol=1e-4 * clean.std()
        )


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), SEEDS)
def test_projections_are_orthogonal_and_sum_to_the_identity(
    height: int, width: int, seed: int
) -> None:
    maps = np.random.default_rng(seed).normal(1.0, 1.0, (2, height, width)).astype(np.float32)
    partition = BANDS.on_grid(height, width)
    parts = [project(maps, partition, band) for band in range(len(BANDS))]
    np.testing.assert_allclose(sum(parts), maps, atol=1e-5)
    for band, part in enumerate(parts):
        np.testing.assert_allclose(project(part, partition, band), part, atol=1e-5)
        for other in parts[band + 1 :]:
            assert abs(np.vdot(part, other)) < 1e-4 * np.vdot(maps, maps)

"""Forced values, by rule and by the numbers, and that both find the same."""

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.intervene import white_noise
from bandprobe.fourier.modes import KEEPING, Mode, kept_bands
from bandprobe.fourier.transform import map_fft
from bandprobe.linear.compose import keep, partners, replace
from bandprobe.linear.decompose import band_logits, pack_weights, turn_phases
from bandprobe.scoring.flags import BLIND, NOT_DEFINED, NOTHING_CHANGED, NOTHING_LEFT
from bandprobe.scoring.forced import (
    agree,
    disagreements,
    seen_by_rule,
    structural_by_numbers,
    structural_by_rule,
)
from bandprobe.scoring.outcomes import ModeOutcomes, blank_missing, outcomes

MODES = [
    Mode("remove", "remove"),
    Mode("isolate", "isolate", "mean"),
    Mode("lowpass", "lowpass"),
    Mode("highpass", "highpass", "mean"),
    Mode("resample", "resample"),
]


def simulated(readout: str, mode: Mode, bins: np.ndarray, rng: np.random.Generator) -> ModeOutcomes:
    """Outcomes of a readout with random band logits where it can have any."""
    labels = np.arange(30) % 5
    seen = seen_by_rule(readout, bins)
    logits = rng.normal(size=(len(bins), 30, 5)) * seen[:, None, None]
    fill = rng.normal(size=(len(bins), 5)) * seen[:, None]
    if mode.kind in KEEPING:
        changed = keep(logits, fill, np.zeros(5), kept_bands(mode.kind, len(bins)))
    else:
        other = logits[:, partners(labels, 0, 0)]
        changed = replace(logits, other, np.zeros(5))
    return ModeOutcomes(
        blank_missing(outcomes(changed[:, None], labels), bins > 0),
        outcomes(logits.sum(0), labels),
        labels,
        np.arange(30),
        bins,
        seen,
        5,
    )


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("readout", ["map", "pattern", "pooled", "energy"])
@pytest.mark.parametrize("side", [7, 14, 28, 56])
def test_rule_and_numbers_agree(
    readout: str, mode: Mode, side: int, bands: Bands, rng: np.random.Generator
) -> None:
    bins = bands.on_grid(side, side).counts
    rules = structural_by_rule(readout, mode, bins)
    found = simulated(readout, mode, bins, rng)
    assert not any(disagreements(found, rules))
    wrong = disagreements(found, [BLIND if rule is None else rule for rule in rules])
    assert [wrong[b] for b in range(7) if bins[b]] == [
        rules[b] is None for b in range(7) if bins[b]
    ]
    if readout == "map" and mode.kind in ("remove", "isolate", "resample"):
        assert rules == [None] * 7


def test_what_a_pooled_readout_cannot_see_is_forced() -> None:
    bins = np.array([1, 0, 4, 8])
    found = {mode.name: structural_by_rule("pooled", mode, bins) for mode in MODES}
    assert found["remove"] == [NOTHING_LEFT, None, BLIND, BLIND]
    assert found["isolate"] == [BLIND, None, NOTHING_LEFT, NOTHING_LEFT]
    assert found["lowpass"] == [BLIND, None, BLIND, NOTHING_CHANGED]
    assert found["highpass"] == [NOTHING_CHANGED, None, NOTHING_LEFT, NOTHING_LEFT]
    assert found["resample"] == [None, None, BLIND, BLIND]


def test_what_a_pattern_cannot_see_is_forced() -> None:
    """A band that is DC alone, and nothing else; with other bins in it the band is seen."""
    bins = np.array([1, 0, 4, 8])
    found = {mode.name: structural_by_rule("pattern", mode, bins) for mode in MODES}
    assert found["remove"] == [BLIND, None, None, None]
    assert found["isolate"] == [NOTHING_LEFT, None, None, None]
    assert found["lowpass"] == [NOTHING_LEFT, None, None, NOTHING_CHANGED]
    assert found["highpass"] == [NOTHING_CHANGED, None, BLIND, None]
    assert found["resample"] == [BLIND, None, None, None]
    assert structural_by_rule("pattern", MODES[0], np.array([5, 0, 4])) == [None, None, None]
    for mode in (Mode("t", "phase"), Mode("t", "phase", strength=0.5), Mode("n", "noise")):
        assert structural_by_rule("pattern", mode, bins, bins - (bins == 1))[0] is not None
    for mode in MODES:
        alone = structural_by_rule("pattern", mode, np.array([1, 0]))
        assert alone == [NOT_DEFINED, None]


def test_energies_have_no_phase_and_zero_frequency_has_a_sign_alone() -> None:
    bins = np.array([1, 4])
    whole, part = Mode("p", "phase"), Mode("p", "phase", strength=0.5)
    assert structural_by_rule("energy", whole, bins) == [BLIND, BLIND]
    assert structural_by_rule("map", whole, bins) == [None, None]
    assert structural_by_rule("map", part, bins) == [NOTHING_CHANGED, None]
    assert structural_by_rule("energy", Mode("n", "noise"), bins) == [None, None]


def test_a_drop_that_a_rule_forbids_is_a_disagreement() -> None:
    assert not agree(BLIND, None)
    assert not agree(None, NOTHING_LEFT)
    assert agree(NOTHING_CHANGED, BLIND)
    assert agree(None, None)


def test_images_of_classes_with_one_image_each_say_nothing_about_likeness(
    rng: np.random.Generator,
) -> None:
    labels = np.arange(5)
    logits = rng.normal(size=(1, 1, 5, 5))
    found = ModeOutcomes(
        outcomes(logits, labels),
        outcomes(rng.normal(size=(5, 5)), labels),
        labels,
        labels,
        np.array([3]),
        np.array([True]),
        5,
    )
    assert structural_by_numbers(found, 1e-6) == [None]


@pytest.mark.parametrize("grid", [(2, 2), (1, 2), (4, 4), (14, 14), (56, 56), (7, 5)])
@pytest.mark.parametrize("readout", ["map", "pattern", "pooled"])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_a_part_of_a_phase_turns_no_bin_that_is_its_own_conjugate(
    readout: str, grid: tuple[int, int], strength: float, rng: np.random.Generator
) -> None:
    """Bands of such bins alone do not change, and `pooled` never does: it sees DC."""
    bands = Bands(("low", "mid", "corner"), (0.1, 1.2))
    partition, labels = bands.on_grid(*grid), np.arange(24) % 3
    maps = rng.normal(1.0, 1.0, (24, 2, *grid)).astype(np.float32)
    weights = rng.normal(size=(3, 2, *grid)).astype(np.float32)
    if readout == "pooled":
        weights = np.broadcast_to(weights[..., :1, :1], weights.shape).copy()
    packed = pack_weights(weights, partition, without_dc=readout == "pattern")
    mode = Mode("p", "phase", strength=strength)
    noise = white_noise(0, 0, range(24), maps.shape[1:])
    turned = packed.logits(turn_phases(map_fft(maps), noise, strength))
    logits = band_logits(maps, packed)
    changed = replace(logits, turned, np.zeros(3))
    found = ModeOutcomes(
        blank_missing(outcomes(changed[:, None], labels), partition.counts > 0),
        outcomes(logits.sum(0), labels),
        labels,
        labels,
        partition.counts,
        packed.sees,
        3,
        turnable=partition.turnable,
    )
    rules = structural_by_rule(readout, mode, partition.counts, partition.turnable)
    assert not any(disagreements(found, rules, mode, readout))
    alone = (partition.counts > 0) & (partition.turnable == 0)
    for band in np.flatnonzero(partition.counts):
        if strength < 1 and alone[band]:
            assert rules[band] == NOTHING_CHANGED
        elif (readout == "pooled" and (strength < 1 or band > 0)) or (
            readout == "pattern" and (band, partition.counts[band]) == (0, 1)
        ):
            assert rules[band] == BLIND
        else:
            assert rules[band] is None

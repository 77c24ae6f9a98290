"""Modes refuse what has no meaning."""

import numpy as np
import pytest

from bandprobe.errors import ConfigError
from bandprobe.fourier.modes import KINDS, Mode, kept_bands
from bandprobe.fourier.random_masks import KINDS as MASKS


def test_defaults_are_one_draw_and_a_gap_of_zeros() -> None:
    mode = Mode("cut", "remove")
    assert (mode.fill, mode.draws, mode.seed) == ("zero", 1, 0)


def test_phase_can_be_drawn_several_times() -> None:
    assert Mode("perturb", "phase", draws=3).draws == 3


def test_draws_below_one_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"'perturb'.*draws"):
        Mode("perturb", "phase", draws=0)


@pytest.mark.parametrize("kind", ["remove", "isolate", "lowpass", "highpass"])
def test_several_draws_of_what_is_not_random_are_refused(kind: str) -> None:
    with pytest.raises(ConfigError, match="nothing random"):
        Mode("cut", kind, draws=2)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("phase", {"fill": "mean"}, "no gap"),
        ("resample", {"fill": "mean"}, "no gap"),
        ("remove", {"strength": 0.5}, "no strength"),
        ("resample", {"strength": 0.5}, "no strength"),
        ("phase", {"strength": 1.5}, "at most 1"),
        ("noise", {"strength": 0.0}, "above 0"),
    ],
)
def test_options_without_meaning_are_refused(kind: str, options: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Mode("odd", kind, **options)


def test_noise_may_be_stronger_than_the_band() -> None:
    assert Mode("loud", "noise", strength=4.0, draws=2).strength == 4


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_which_bands_it_keeps(kind: str) -> None:
    kept = kept_bands(kind, 4)
    assert kept.shape == (4, 4)
    own = {"isolate": True, "lowpass": True, "highpass": True}.get(kind, False)
    assert (np.diag(kept) == own).all()
    if kind == "lowpass":
        assert kept.sum(1).tolist() == [1, 2, 3, 4]
    if kind == "highpass":
        assert kept.sum(1).tolist() == [4, 3, 2, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_which_random_masks_can_stand_for_a_band(kind: str) -> None:
    expected = {"noise": (), "lowpass": MASKS[:1], "highpass": MASKS[:1]}.get(kind, MASKS)
    assert Mode("any", kind).controls == expected  # type: ignore[arg-type]

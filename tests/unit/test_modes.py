"""Modes refuse what has no meaning."""

import pytest

from bandprobe.errors import ConfigError
from bandprobe.modes import Mode


def test_defaults_are_one_draw_and_a_gap_of_zeros() -> None:
    mode = Mode("cut", "remove")
    assert (mode.fill, mode.draws, mode.seed) == ("zero", 1, 0)


def test_phase_can_be_drawn_several_times() -> None:
    assert Mode("perturb", "phase", draws=3).draws == 3


def test_draws_below_one_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"'perturb'.*draws"):
        Mode("perturb", "phase", draws=0)


@pytest.mark.parametrize("kind", ["remove", "isolate"])
def test_several_draws_of_what_is_not_random_are_refused(kind: str) -> None:
    with pytest.raises(ConfigError, match="nothing random"):
        Mode("cut", kind, draws=2)  # type: ignore[arg-type]

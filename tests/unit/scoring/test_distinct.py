"""Interventions have one name wherever two modes do the same, and else different ones."""

import numpy as np

from bandprobe.fourier.modes import Mode
from bandprobe.scoring.distinct import interventions

NAMES = ("low", "mid", "high", "top")
BINS = np.array([1, 12, 0, 40])


def named(kind: str, fill: str = "mean", readout: str = "map") -> list[str]:
    return interventions(readout, Mode("cut", kind, fill=fill), NAMES, BINS)


def test_sweeps_end_in_the_removal_and_the_isolation_of_single_bands() -> None:
    remove, isolate, lowpass, highpass = map(named, ("remove", "isolate", "lowpass", "highpass"))
    assert lowpass[0] == isolate[0] == "without mid + top, fill mean"
    # Between mid and top lies no bin.
    assert lowpass[1] == lowpass[2] == remove[3] == "without top, fill mean"
    assert highpass[1] == remove[0]
    assert highpass[3] == isolate[3] == "without low + mid, fill mean"
    texts = {*remove, *isolate, *lowpass, *highpass}
    # Of 16 cells: remove three bands and none, isolate three and none (all are out).
    assert len(texts) == 3 + 1 + 3 + 1


def test_another_fill_is_another_intervention_except_on_what_is_fitted_again() -> None:
    assert not set(named("remove", "zero")) & set(named("remove"))
    assert named("remove", "zero", "refit") == named("remove", "mean", "refit")


def test_modes_that_draw_are_themselves() -> None:
    found = interventions("map", Mode("turn", "phase", draws=2), NAMES, BINS)
    assert found == ["turn low", "turn mid", "turn high", "turn top"]
    assert not set(found) & set(interventions("map", Mode("add", "noise"), NAMES, BINS))

"""Stored outcomes are those of the logits they were made from."""

import json
from pathlib import Path

import numpy as np
import pytest

from bandprobe.errors import ModelError
from bandprobe.interventions.outcome_store import BandLogits, read_band_logits, read_outcomes
from bandprobe.interventions.outcome_writer import write_outcomes
from bandprobe.scoring.changed_outcomes import Axes, ChangedOutcomes
from bandprobe.scoring.outcome_tally import OutcomeTally
from bandprobe.scoring.outcomes import outcomes
from bandprobe.store.zarr_store import Variable, write_store

BINS = np.array([1, 0, 8])


@pytest.fixture
def clean(rng: np.random.Generator) -> BandLogits:
    """Band logits of six images in three classes; the middle band is empty."""
    logits = rng.normal(size=(3, 6, 3))
    logits[1] = 0
    return BandLogits(
        logits=logits,
        zero=rng.normal(size=(3, 3)),
        mean=rng.normal(size=(3, 3)),
        intercept=np.array([0.1, 0.2, 0.3]),
        axes=Axes(
            names=("low", "mid", "high"),
            bins=BINS,
            sees=BINS > 0,
            sample=np.arange(6) + 10,
            label=np.arange(6) % 3,
            group=np.arange(6) // 2,
        ),
        inherited={"weights_sha256": "abc"},
        seen=BINS,
    )


def test_outcomes_read_back(tmp_path: Path, clean: BandLogits, rng: np.random.Generator) -> None:
    changed = rng.normal(size=(3, 2, 6, 3))
    untouched = clean.logits.sum(0) + clean.intercept
    tally = OutcomeTally.of(untouched, clean.axes.label, changed)
    result = ChangedOutcomes(clean.axes, untouched, tally)
    write_outcomes(tmp_path / "a.zarr", result, {"config": "x"})
    found, names, attrs = read_outcomes(tmp_path / "a.zarr")
    expected = outcomes(changed, clean.axes.label)
    for got, want in zip(found.changed, expected, strict=True):
        np.testing.assert_array_equal(got[[0, 2]], want[[0, 2]])
        assert np.isnan(got[1]).all()
    for got, want in zip(found.clean, outcomes(untouched, clean.axes.label), strict=True):
        np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(found.label, clean.axes.label)
    np.testing.assert_array_equal(found.group, clean.axes.group)
    np.testing.assert_array_equal(found.bins, BINS)
    np.testing.assert_array_equal(found.sees, [True, False, True])
    assert (names, found.n_classes) == (clean.axes.names, 3)
    assert attrs["mode"] == attrs["config"] == "x"
    assert found.flags == ()
    attrs = {"flags": json.dumps(["a", "b"]), "config": "x"}
    write_outcomes(tmp_path / "b.zarr", result, attrs)
    assert read_outcomes(tmp_path / "b.zarr")[0].flags == ("a", "b")


def test_band_logits_read_back_each_in_its_place(tmp_path: Path, clean: BandLogits) -> None:
    arrays = {
        "band_logits": (("band", "sample", "class"), clean.logits),
        "zero_logits": (("band", "class"), clean.zero),
        "mean_logits": (("band", "class"), clean.mean),
        "intercept": (("class",), clean.intercept),
        "bins": (("band",), clean.axes.bins),
        "sees": (("band",), clean.axes.sees),
        "seen_bins": (("band",), clean.seen),
        "sample": (("sample",), clean.axes.sample),
        "label": (("sample",), clean.axes.label),
        "group": (("sample",), clean.axes.group),
        "band": (("band",), np.array(clean.axes.names)),
    }
    variables = {name: Variable(dims, values) for name, (dims, values) in arrays.items()}
    write_store(tmp_path / "a.zarr", variables, {}, {"weights_sha256": "abc"})
    found = read_band_logits(tmp_path / "a.zarr")
    for got, want in ((found, clean), (found.axes, clean.axes)):
        for name, value in vars(want).items():
            if name != "axes":
                np.testing.assert_array_equal(getattr(got, name), value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["clean", "changed"])
def test_logits_that_are_not_finite_get_no_rank(tmp_path: Path, where: str, value: float) -> None:
    bins = np.array([3, 0])
    rows = np.arange(4)
    axes = Axes(("low", "high"), bins, bins > 0, rows, rows % 2, rows)
    logits = {"clean": np.ones((4, 3)), "changed": np.ones((2, 1, 4, 3))}
    # A band that is empty has no logits, and needs none.
    logits["changed"][1] = np.nan

    def write(name: str) -> None:
        tally = OutcomeTally.of(logits["clean"], axes.label, logits["changed"])
        result = ChangedOutcomes(axes, logits["clean"], tally)
        write_outcomes(tmp_path / name, result, {"config": "x"})

    write("good.zarr")
    logits[where][..., 1, 2] = value
    with pytest.raises(ModelError, match=r"bad\.zarr: logits of .* maps are not finite") as error:
        write("bad.zarr")
    # Of the twelve of the band that has a result.
    assert error.value.found == "1 of 12"
    assert not (tmp_path / "bad.zarr").exists()

"""Fits to other images of a real tiny study, which nothing else runs again for."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from tests.workflow.conftest import TinyStudy
from tests.workflow.test_invalidation import CONFIG, LAYERS

OWN = {"redraw_splits": LAYERS, "summarise_replicates": 1, "plot_replicates": 1}
SUMMARY = "results/tiny/summary/replicates.nc"
FIGURE = "results/tiny/figures/replicates_pattern.png"


def test_replicates_run_nothing_else_again(planner: TinyStudy) -> None:
    planner.config["replicates"] = {"count": 2}
    assert planner.plan().jobs == OWN | CONFIG


@pytest.mark.slow
def test_own_drops_are_those_of_the_study_and_another_count_runs_replicates_alone(
    study: TinyStudy,
) -> None:
    study.config["replicates"] = {"count": 2}
    done = study.run(FIGURE)
    assert done.code == 0, done.output
    assert done.jobs == OWN
    found = xr.load_dataset(study.folder / SUMMARY)
    of_study = xr.load_dataset(study.folder / "results/tiny/summary/interventions.nc")
    same = of_study.sel(readout=found["readout"], mode=found["mode"])
    filled = found["bins"].broadcast_like(found["top1_drop"]) > 0
    np.testing.assert_allclose(
        found["top1_drop"].where(filled), same["top1_drop"].where(filled), atol=1e-6
    )
    np.testing.assert_allclose(found["clean_top1"], same["clean_top1"], atol=1e-6)
    exists = found["clean_top1"].notnull()
    assert (found["replicate_top1"].notnull() == exists).all()
    assert found["replicate"].size == 2
    study.config["replicates"]["count"] = 3
    assert study.plan(SUMMARY).jobs == {"redraw_splits": LAYERS, "summarise_replicates": 1}

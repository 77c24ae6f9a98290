"""A study through Slurm: its numbers are those of a local run, also after jobs have died."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from tests.cluster.conftest import HERE, THROUGH_SLURM, Study, submissions
from tests.cluster.slurm import Slurm, wait_until

RESULTS = Path("results/tiny")
FEATURES = RESULTS / "features/resnet18/pass-0/eval.zarr"
TARGET = RESULTS / "targets/resnet18/layer1/map/remove/low.json"


def files(study: Study, pattern: str) -> list[Path]:
    """Files of the results, by paths that are the same in each run."""
    root = study.folder / RESULTS
    return sorted(path.relative_to(root) for path in root.glob(pattern))


def numbers(study: Study, path: Path) -> dict[str, Any]:
    """A target file without its provenance."""
    record: dict[str, Any] = json.loads((study.folder / RESULTS / path).read_text())
    record.pop("provenance")
    return record


def test_study_ends_with_all_its_figures(here: Study, sent: Study) -> None:
    assert "bandprobe: 24 targets are up to date" in sent.output
    figures = files(sent, "figures/*")
    assert figures == files(here, "figures/*")
    assert len(figures) > 20
    assert all((sent.folder / RESULTS / path).stat().st_size > 1000 for path in figures)


def test_summaries_are_those_of_a_local_run(here: Study, sent: Study) -> None:
    paths = files(here, "summary/*.nc")
    assert [path.name for path in paths] == ["interventions.nc", "probes.nc", "spectra.nc"]
    for path in paths:
        with (
            xr.open_dataset(here.folder / RESULTS / path) as local,
            xr.open_dataset(sent.folder / RESULTS / path) as other,
        ):
            xr.testing.assert_allclose(other, local, rtol=1e-5, atol=1e-6)
            assert any(np.isfinite(local[name]).any() for name in local.data_vars)


def test_tables_are_those_of_a_local_run(here: Study, sent: Study) -> None:
    paths = files(here, "summary/*.csv")
    assert paths == files(sent, "summary/*.csv")
    for path in paths:
        local, other = (pd.read_csv(study.folder / RESULTS / path) for study in (here, sent))
        pd.testing.assert_frame_equal(other, local, rtol=1e-5, atol=1e-6)


def test_targets_are_those_of_a_local_run(here: Study, sent: Study) -> None:
    paths = files(here, "targets/**/*.json")
    assert len(paths) == 2 * 2 * 2 * 3
    assert paths == files(sent, "targets/**/*.json")
    for path in paths:
        assert_same_target(sent, here, path)


def assert_same_target(study: Study, reference: Study, path: Path) -> None:
    """A target file says the same in two studies."""
    found, expected = numbers(study, path), numbers(reference, path)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        if isinstance(value, float):
            assert found[key] == pytest.approx(value, rel=1e-5, abs=1e-6), (path, key)
        elif isinstance(value, list) and value and isinstance(value[0], float):
            np.testing.assert_allclose(found[key], value, rtol=1e-5, atol=1e-6)
        else:
            assert found[key] == value, (path, key)


def test_short_jobs_share_submissions_and_some_are_not_sent(sent: Study) -> None:
    jobs = re.findall(r"^(?:local)?rule (\w+):", sent.output, flags=re.M)
    assert "localrule write_config:" in sent.output
    # Manifest and folds; 2 layers from outcomes to targets; summaries and figures: three submissions.
    assert submissions(sent.output) == len(set_of_single(sent.output)) + 3
    assert submissions(sent.output) < len(jobs) / 2


def set_of_single(output: str) -> list[str]:
    """Jobs that have a submission of their own."""
    single = ("extract_features", "compute_spectra", "fit_probes", "split_logits", "intervene_random")
    return re.findall(rf"^rule (?:{'|'.join(single)}):", output, flags=re.M)


def test_every_submission_asks_for_its_memory_and_time(sent: Study, slurm: Slurm) -> None:
    (fit, _) = slurm.submissions("fit_probes")
    assert (fit.memory_mb, fit.minutes, fit.state) == (2000, 240, "COMPLETED")
    (samples,) = slurm.submissions("samples")
    assert (samples.memory_mb, samples.minutes) == (1000, 30)


def test_nothing_runs_again_here_or_through_slurm_or_with_other_resources(sent: Study) -> None:
    more = ("--set-resources", "extract_features:mem_mb=5000", "extract_features:batch=8")
    for options in (HERE, THROUGH_SLURM, (*THROUGH_SLURM, *more)):
        output = sent.run(*options)
        assert "Nothing to be done" in output
        assert not submissions(output)


def test_a_job_without_enough_memory_gets_more(fresh: Study, here: Study, slurm: Slurm) -> None:
    before = len(slurm.submissions("extract_features"))
    little = ("--set-resources", "extract_features:mem_mb=100 * 20 ** (attempt - 1)")
    goal = RESULTS / "features/pixels/pass-0/eval.zarr.digest.json"
    output = fresh.run(*THROUGH_SLURM, *little, "--", str(goal))
    first, second = slurm.submissions("extract_features")[before:]
    assert (first.memory_mb, first.state) == (100, "OUT_OF_MEMORY")
    assert (second.memory_mb, second.state) == (2000, "COMPLETED")
    assert "Trying to restart job" in output
    assert (fresh.folder / goal).read_text() == (here.folder / goal).read_text()


def test_a_job_killed_while_it_writes_is_tried_again(
    fresh: Study, here: Study, slurm: Slurm
) -> None:
    before = {job.number for job in slurm.submissions("extract_features")}
    partial = fresh.folder / FEATURES.with_name(f".{FEATURES.name}.partial")
    running = fresh.start(*THROUGH_SLURM, "--", str(TARGET))
    wait_until(partial.exists, "a store that is being written", seconds=120, pause=0.002)
    (victim,) = (
        job.number
        for job in slurm.submissions("extract_features")
        if job.number not in before and "eval" in job.comment
    )
    assert slurm.kill_job(victim) > 2
    assert not (fresh.folder / FEATURES).exists()
    fresh.finish(running)
    first, second = (
        job
        for job in slurm.submissions("extract_features")
        if job.number not in before and "eval" in job.comment
    )
    assert (first.number, first.state, first.memory_mb, first.minutes) == (victim, "FAILED", 3000, 120)
    assert (second.state, second.memory_mb, second.minutes) == ("COMPLETED", 6000, 240)
    assert not partial.exists()
    digest = f"{FEATURES}.digest.json"
    assert (fresh.folder / digest).read_text() == (here.folder / digest).read_text()
    assert_same_target(fresh, here, TARGET.relative_to(RESULTS))

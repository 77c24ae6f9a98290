"""A study through Slurm: its numbers are those of a local run, also after jobs have died."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bandprobe.workflow.resources import DECODING_MB
from tests.cluster.conftest import (
    HERE,
    THROUGH_SLURM,
    Study,
    finished_jobs,
    submissions,
)
from tests.cluster.slurm import Slurm

# Rules whose jobs have a submission each.
ALONE = ("extract_features", "compute_spectra", "sum_slab", "fit_probes", "split_logits")
ALONE += ("intervene_random",)
RESULTS = Path("results/tiny")


def files(study: Study, pattern: str) -> list[Path]:
    """Files of the results, by paths that are the same in each run."""
    root = study.folder / RESULTS
    return sorted(path.relative_to(root) for path in root.glob(pattern))


def numbers(study: Study, path: Path) -> dict[str, Any]:
    """A target file without its provenance."""
    record: dict[str, Any] = json.loads((study.folder / RESULTS / path).read_text())
    return {key: value for key, value in record.items() if key != "provenance"}


def test_study_ends_with_all_its_figures(here: Study, sent: Study) -> None:
    assert "bandprobe: 12 of 12 targets are there" in sent.output
    figures = files(sent, "figures/*")
    assert figures == files(here, "figures/*")
    assert len(figures) > 10
    assert all((sent.folder / RESULTS / path).stat().st_size > 1000 for path in figures)


def test_summaries_are_those_of_a_local_run(here: Study, sent: Study) -> None:
    paths = files(here, "summary/*.nc")
    assert [path.stem for path in paths] == [
        *("interventions", "parts", "planes", "probes", "spectra")
    ]
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
    assert len(paths) == 2 * 1 * 2 * 3
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


def test_short_jobs_share_submissions_and_some_are_not_sent(sent: Study, slurm: Slurm) -> None:
    jobs = finished_jobs(sent.output)
    alone = sum(jobs[rule] for rule in ALONE)
    # Manifest and folds; joined shards; both layers from outcomes to targets; summaries and
    # figures. One job was killed, two had too little memory.
    assert submissions(sent.output) == alone + 4 + 3
    assert jobs["write_config"] == 1
    assert not slurm.submissions("write_config")
    assert jobs.total() - alone > 10


def test_every_submission_asks_for_its_memory_and_time(sent: Study, slurm: Slurm) -> None:
    (fit, _) = slurm.submissions("fit_probes")
    assert (fit.memory_mb, fit.minutes, fit.state) == (2000, 240, "COMPLETED")
    (samples,) = slurm.submissions("samples")
    assert (samples.memory_mb, samples.minutes) == (DECODING_MB, 20)


def test_nothing_runs_again_here_or_through_slurm_or_with_other_resources(sent: Study) -> None:
    more = ("--set-resources", "extract_features:mem_mb=5000", "extract_features:batch=8")
    for options in (HERE, (*THROUGH_SLURM, *more)):
        output = sent.run(*options)
        assert "Nothing to be done" in output
        assert not submissions(output)


def test_a_killed_job_is_tried_again_with_more(here: Study, sent: Study, slurm: Slurm) -> None:
    (killed,) = (job for job in slurm.submissions("") if job.number == sent.victim)
    first, second = slurm.submissions(killed.comment.removeprefix("rule_"))
    assert (first.number, first.state) == (sent.victim, "FAILED")
    assert (first.memory_mb, first.minutes) == (3000, 120)
    assert (second.memory_mb, second.minutes, second.state) == (6000, 240, "COMPLETED")
    assert not list((sent.folder / "results").rglob(".*.partial"))
    digests = files(here, "features/**/*.digest.json")
    assert len(digests) == 2 * 2
    for path in digests:
        assert numbers(sent, path) == numbers(here, path)


def test_jobs_without_enough_memory_get_more(sent: Study, slurm: Slurm) -> None:
    jobs = slurm.submissions("compute_spectra")
    assert sorted(job.memory_mb for job in jobs) == [100, 100, 2000, 2000]
    for job in jobs:
        if job.memory_mb == 2000:
            assert job.state == "COMPLETED"
            continue
        assert job.state != "COMPLETED"
        (log,) = (sent.folder / ".snakemake/slurm_logs").rglob(f"{job.number}.log")
        assert "Exceeded job memory limit" in log.read_text()

"""What a run says at its end."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from bandprobe.data.manifest import write_table
from bandprobe.scoring.flags import FLAG_MEANINGS
from bandprobe.study.study import Study
from bandprobe.workflow.closing import closing_lines, flag_lines, killed_lines, skipped_lines
from bandprobe.workflow.targets import all_interventions
from tests.unit.workflow.conftest import study_of

FAILED = "The run failed; logs/ has the log of each job that ran"


def test_an_empty_folder_has_no_target(tiny: Study, tmp_path: Path) -> None:
    count = len(all_interventions(tiny, "tiny"))
    line = f"bandprobe: 0 of {count} targets are there"
    assert closing_lines(tiny, finished=True, directory=tmp_path) == [line]
    assert closing_lines(tiny, finished=False, directory=tmp_path) == [line, FAILED]


def test_targets_are_counted_and_places_named(tiny: Study, tmp_path: Path) -> None:
    paths = all_interventions(tiny, "tiny")
    for path in paths[:3]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    flag = next(iter(FLAG_MEANINGS))
    table = tmp_path / "results/tiny/summary/flags.csv"
    table.parent.mkdir()
    table.write_text(f"model,flag\na,{flag}\nb,{flag}\nc,other\n")
    lines = closing_lines(tiny, finished=True, directory=tmp_path)
    assert lines[0] == f"bandprobe: 3 of {len(paths)} targets are there"
    assert lines[1] == "tiny: tables in results/tiny/summary, targets in results/tiny/targets"
    assert lines[2] == f"3 flags in {table}:"
    assert lines[3].split(maxsplit=2) == ["2", f"{flag}:", FLAG_MEANINGS[flag]]
    assert len(lines) == 5
    page = tmp_path / "results/tiny/report.html"
    page.touch()
    assert closing_lines(tiny, finished=True, directory=tmp_path) == [
        *lines,
        "Open results/tiny/report.html",
    ]
    failed = closing_lines(tiny, finished=False, directory=tmp_path)
    assert failed == [*lines[:2], FAILED], "a table of a run before says nothing of this one"


def test_a_table_without_flags_says_so(tmp_path: Path) -> None:
    (tmp_path / "flags.csv").write_text("model,flag\n")
    assert flag_lines(tmp_path / "flags.csv") == [f"no flags in {tmp_path / 'flags.csv'}"]


def test_images_that_were_left_out_are_counted_by_their_reason(tmp_path: Path) -> None:
    reasons = [None, "truncated", "empty", "also evaluated on, as val/a.png"]
    rows = {
        "image": list("abcd"),
        "split": ["train", *["skipped"] * 3],
        "reason": reasons,
    }
    path = tmp_path / "results/own/manifest.parquet"
    write_table(path, pa.table(rows))
    own = {"kind": "imagefolder", "root": "images"}
    ends = f"; {path} says which, and why"
    bad = f"2 images of own were left out (on_bad_image: skip){ends}"
    shared = f"1 images of own were left out (on_shared_images: drop){ends}"
    for keys, lines in [
        ({}, []),
        ({"on_bad_image": "skip"}, [bad]),
        ({"on_shared_images": "drop"}, [shared]),
        ({"on_bad_image": "skip", "on_shared_images": "drop"}, [bad, shared]),
    ]:
        study = study_of(datasets={"own": own | keys})
        assert skipped_lines(study, "own", tmp_path) == lines


@pytest.mark.parametrize(
    "end", ["died with <Signals.SIGKILL: 9>.", "returned non-zero exit status 137."]
)
def test_a_job_that_was_killed_is_named_with_the_setting(
    tiny: Study, tmp_path: Path, end: str
) -> None:
    log = tmp_path / "snakemake.log"
    log.write_text(f"rule a:\nCommand 'set -e; python \"$X\"/fit_probes.py --code 1 2> l' {end}\n")
    (line,) = killed_lines(tiny, log)
    assert line.startswith("A job of fit_probes was killed (signal 9)")
    assert "set scale.memory" in line
    for of_run in (str(log), [str(log)]):
        assert line in closing_lines(tiny, finished=False, directory=tmp_path, log=of_run)
    (limited,) = killed_lines(study_of(scale={"memory": "2GB"}), log)
    assert "lower scale.memory" in limited


def test_other_failures_say_nothing_of_memory(tiny: Study, tmp_path: Path) -> None:
    log = tmp_path / "snakemake.log"
    log.write_text("Command 'python a.py' returned non-zero exit status 1.\n")
    assert killed_lines(tiny, log) == killed_lines(tiny, tmp_path / "none") == []

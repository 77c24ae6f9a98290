"""What a run says at its end."""

from __future__ import annotations

from pathlib import Path

from bandprobe.scoring.flags import FLAG_MEANINGS
from bandprobe.study.study import Study
from bandprobe.workflow.closing import closing_lines, flag_lines
from bandprobe.workflow.targets import all_interventions

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
    failed = closing_lines(tiny, finished=False, directory=tmp_path)
    assert failed == [*lines[:2], FAILED], "a table of a run before says nothing of this one"


def test_a_table_without_flags_says_so(tmp_path: Path) -> None:
    (tmp_path / "flags.csv").write_text("model,flag\n")
    assert flag_lines(tmp_path / "flags.csv") == [f"no flags in {tmp_path / 'flags.csv'}"]

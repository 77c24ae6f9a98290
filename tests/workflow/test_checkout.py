"""A checkout may lie at any path. Starts two short jobs of the tiny study."""

from __future__ import annotations

from pathlib import Path

from tests.workflow.conftest import TinyStudy


def test_a_checkout_whose_path_has_blanks_quotes_and_braces_runs(
    fresh: TinyStudy, own_home: Path, tmp_path: Path
) -> None:
    fresh.home = own_home.rename(tmp_path / "a b'c{d}\"e")
    done = fresh.run("results/tiny/folds.parquet")
    assert done.code == 0, done.output
    assert done.jobs == {"make_manifest": 1, "assign_folds": 1}
    assert not fresh.run("results/tiny/folds.parquet", options=["--dry-run"]).jobs

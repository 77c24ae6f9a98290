"""Results for print, from a finished study: one page, and tables for LaTeX."""

from __future__ import annotations

from pathlib import Path

from tests.workflow.conftest import TinyStudy, traces
from tests.workflow.test_commands import fails, prints

STUDY = ("--config", "study.yaml", "--cores", "2")


def test_a_page_and_tables_are_written_and_nothing_else(study: TinyStudy) -> None:
    (study.folder / ".snakemake" / "locks").mkdir(exist_ok=True)
    before = traces(study.folder)
    page = prints(study.folder, "export", "--pdf", *STUDY).splitlines()[-1]
    assert page == "results/tiny/export/verdict.pdf"
    assert (study.folder / page).read_bytes().startswith(b"%PDF")
    tables = prints(study.folder, "export", "--latex", *STUDY).splitlines()[-1]
    assert tables == "results/tiny/export/effects.tex"
    text = (study.folder / tables).read_text()
    assert text.count(r"\begin{table}") == 2
    assert "map readout" in text
    assert "pattern readout" in text
    assert before
    assert traces(study.folder) == before
    assert {path.name for path in Path(study.folder, page).parent.iterdir()} == {
        "verdict.pdf",
        "effects.tex",
    }


def test_tables_are_those_that_were_asked_for(study: TinyStudy, tmp_path: Path) -> None:
    output = tmp_path / "own.tex"
    words = ["export", "--latex", *STUDY, "--readout", "head", "--mode", "remove"]
    prints(study.folder, *words, "--standalone", "--output", str(output))
    text = output.read_text()
    assert text.startswith(r"\documentclass")
    assert text.count(r"\begin{table}") == 1
    assert "pixels" not in text, "heads have no result for pixels"


def test_wrong_options_of_an_export_are_named(finished: TinyStudy, tmp_path: Path) -> None:
    def wrong(*words: str) -> str:
        return fails(finished.folder, "export", *words, *STUDY)

    assert "Did you mean 'pattern'" in wrong("--latex", "--readout", "patterm")
    assert "Did you mean 'remove'" in wrong("--latex", "--mode", "remov")
    assert "the page has no --mode" in wrong("--pdf", "--mode", "remove")
    assert "the suffix of the file does not fit" in wrong("--pdf", "--output", "page.png")
    assert "Did you mean 'pixels'" in wrong("--latex", "--model", "pixel")
    folder = tmp_path / "folder.tex"
    folder.mkdir()
    assert "is a directory" in wrong("--latex", "--output", str(folder))
    assert "no result" in wrong("--latex", "--readout", "head", "--model", "pixels")
    assert not (finished.folder / "results/tiny/export").exists()

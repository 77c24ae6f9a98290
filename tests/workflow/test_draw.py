"""Figures for print: as wide as a column, with their fonts, and nothing outside the page."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg

from bandprobe.figures.drawing import STYLE, as_wide_as, save
from bandprobe.figures.entry import COLUMNS
from bandprobe.figures.gallery import VERDICT, gallery
from bandprobe.figures.registry import KINDS, draw
from bandprobe.study.parse import parse_study
from bandprobe.study.paths import Paths
from tests.cases import quick_and_slow
from tests.workflow.conftest import TinyStudy, tiny_config, traces
from tests.workflow.test_commands import fails, prints

EVERY = gallery(parse_study(tiny_config()))
FIGURES = {name: entry for name, entry in EVERY.items() if entry.kind != VERDICT}
# Of each kind one figure is enough before a push.
FIRST = {entry.kind: name for name, entry in reversed(FIGURES.items())}.values()
MM = 72 / 25.4


def test_every_kind_of_figure_is_in_the_tiny_study() -> None:
    more = gallery(parse_study(tiny_config() | {"replicates": {"count": 1}}))
    assert {entry.kind for entry in more.values()} == set(KINDS) | {VERDICT}
    assert {entry.kind for entry in FIGURES.values()} == set(KINDS) - {"replicates"}
    assert set(EVERY) - set(FIGURES) == {VERDICT}


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize(
    "name", quick_and_slow(FIRST, [name for name in FIGURES if name not in FIRST])
)
def test_nothing_lies_outside_the_page(
    finished: TinyStudy, tmp_path: Path, name: str, columns: int
) -> None:
    entry = FIGURES[name]
    path = finished.folder / Paths.SUMMARY.format(dataset="tiny", table=entry.table)
    summary = xr.load_dataset(path)
    if columns == 1:
        summary = summary.sel(model=["resnet18"])
    with as_wide_as(COLUMNS[columns]):
        figure = draw(entry, summary)
    save(figure, [tmp_path / "figure.png"])
    page, renderer = figure.bbox, FigureCanvasAgg(figure).get_renderer()
    parts = [*figure.texts, *figure.legends, *(panel for panel in figure.axes if panel.axison)]
    for part in parts:
        # Ticks depend on the style, as when it was written.
        with plt.rc_context(STYLE):
            box = part.get_tightbbox(renderer)
        assert page.x0 - 1 <= box.x0 <= box.x1 <= page.x1 + 1, part
        assert page.y0 - 1 <= box.y0 <= box.y1 <= page.y1 + 1, part
    plt.close(figure)


def test_a_pdf_is_as_wide_as_a_column_and_holds_its_fonts(study: TinyStudy) -> None:
    words = ["draw", "top1_drop_map", "--config", "study.yaml", "--cores", "2"]
    printed = prints(study.folder, *words, "--columns", "1", "--model", "resnet18")
    name = "results/tiny/figures/top1_drop_map_1_columns.pdf"
    assert printed.splitlines()[-1] == name
    content = (study.folder / name).read_bytes()
    found = re.search(rb"/MediaBox \[ ?0 0 ([0-9.]+)", content)
    assert found
    assert float(found[1]) == pytest.approx(89 * MM, abs=0.1)
    assert b"/FontFile2" in content, "TrueType"
    wrong = fails(study.folder, *words[:1], "top1_drop_mp", *words[2:])
    assert "Did you mean 'top1_drop_map'?" in wrong
    nothing = fails(study.folder, "draw", "top1_drop_head", *words[2:], "--model", "pixels")
    assert "shows nothing of pixels" in nothing


def test_the_verdict_is_drawn_from_several_summaries(study: TinyStudy) -> None:
    (study.folder / ".snakemake" / "locks").mkdir(exist_ok=True)
    words = ["draw", "verdict", "--config", "study.yaml", "--cores", "2"]
    before = traces(study.folder)
    printed = prints(study.folder, *words, "--columns", "1", "--model", "resnet18")
    (name,) = printed.splitlines()
    assert name == "results/tiny/figures/verdict_1_columns.pdf"
    assert (study.folder / name).read_bytes().startswith(b"%PDF")
    picture = study.folder / "results/tiny/figures/verdict.svg"
    assert picture.is_file()
    assert traces(study.folder) == before
    assert "no modes" in fails(study.folder, *words, "--mode", "remove")


def test_a_transfer_between_any_two_layers(study: TinyStudy) -> None:
    words = ["draw", "transfer", "--config", "study.yaml", "--cores", "2"]
    ends = ["--model", "resnet18", "--from", "layer1", "--to", "layer3", "--columns", "1"]
    printed = prints(study.folder, *words, *ends).splitlines()
    pair, table = (study.folder / name for name in printed[-2:])
    assert pair.read_bytes().startswith(b"%PDF")
    cells = pd.read_csv(table)
    summary = pd.read_csv(study.folder / "results/tiny/summary/transfer.csv")
    pd.testing.assert_frame_equal(cells, summary[summary["model"] == "resnet18"])
    assert "one model" in fails(study.folder, *words, *ends[2:])
    assert "needs both" in fails(study.folder, *words, *ends[:4])
    wrong = fails(study.folder, *words, *ends[:5], "layer2")
    assert "unknown layer of resnet18" in wrong
    other = fails(study.folder, "draw", "orientation", *words[2:], *ends)
    assert "orientation is not drawn between two layers" in other


def test_drawing_what_is_up_to_date_leaves_no_trace(study: TinyStudy, tmp_path: Path) -> None:
    # The copy of the study lacks this folder, in which nothing is left after a run.
    (study.folder / ".snakemake" / "locks").mkdir(exist_ok=True)
    before = traces(study.folder)
    words = ["draw", "band_energy", "--config", "study.yaml", "--model", "resnet18"]
    prints(study.folder, *words, "--output", str(tmp_path / "figure.svg"))
    assert (tmp_path / "figure.svg").is_file()
    assert before
    assert traces(study.folder) == before


def test_other_modes_are_drawn_if_the_figure_has_modes(study: TinyStudy, tmp_path: Path) -> None:
    words = ["draw", "top1_drop_map", "--config", "study.yaml"]
    output = tmp_path / "figure.svg"
    prints(study.folder, *words, "--mode", "lowpass", "noise", "--output", str(output))
    assert output.is_file()
    assert "Did you mean 'lowpass'" in fails(study.folder, *words, "--mode", "lowpas")
    other = ["draw", "band_energy", "--config", "study.yaml", "--mode", "remove"]
    assert "no modes that could be chosen" in fails(study.folder, *other)


def test_kernels_of_a_network(study: TinyStudy) -> None:
    words = ["draw", "kernels", "--config", "study.yaml", "--cores", "2", "--columns", "1"]
    printed = prints(study.folder, *words, "--model", "resnet18").splitlines()
    pair, table, planes = (study.folder / name for name in printed[-3:])
    assert pair.read_bytes().startswith(b"%PDF")
    cells = pd.read_csv(table)
    found = xr.load_dataset(planes, engine="h5netcdf")
    # Of 20 convolutions three shortcuts are pointwise.
    assert found.sizes == {"layer": 17, "band": 7, "frequency_y": 64, "frequency_x": 64}
    stem = cells[cells["layer"] == "conv1"].set_index("band")
    assert stem[["height", "width", "stride", "groups"]].iloc[0].tolist() == [7, 7, 2, 1]
    weighted = (stem["power"] * stem["bins"]).sum() / stem["bins"].sum()
    assert weighted == pytest.approx(found["response"].sel(layer="conv1").mean().item())
    few = [*words, "--model", "resnet18", "--layer"]
    assert "has no kernels" in fails(study.folder, *few, "layer1")
    assert "layer1.0.conv1" in fails(study.folder, *few, "layer1")
    assert "the image itself" in fails(study.folder, *words, "--model", "pixels")
    assert "of one model" in fails(study.folder, *words)
    other = fails(study.folder, "draw", "orientation", *words[2:], "--layer", "conv1")
    assert "orientation has no --layer" in other


@pytest.mark.slow
def test_verify_prints_a_line_a_stage(finished: TinyStudy) -> None:
    text = prints(finished.folder, "verify", "--config", "study.yaml")
    assert [line.split()[1] for line in text.splitlines() if line.startswith("tiny")] == [
        *("manifest", "features", "spectra", "probes", "band_logits", "heads"),
        *("outcomes", "targets", "summary"),
    ]
    assert all(line.endswith("ok") for line in text.splitlines())

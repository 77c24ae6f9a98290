"""Tables for LaTeX: what is marked, what the captions say, and that a real LaTeX reads them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bandprobe.errors import BandprobeError
from bandprobe.report.latex_tables import (
    MOST_LAYERS,
    PACKAGES,
    EffectTable,
    Setting,
    caption,
    document,
    effect_table,
    escaped,
    fragment,
    latex_table,
    page_parts,
)
from bandprobe.scoring.flags import NO_BETTER_THAN_CHANCE
from bandprobe.summary.names import CONTROLS
from bandprobe.summary.verdict import NOT_SHOWN, USED, Cell
from tests.unit.summary.test_verdict import (
    EFFECT,
    LAYERS,
    MODE,
    NO_FLAGS,
    flag,
    interventions,
    put,
)

SETTING = Setting("photos", 0.95, "class")
# All that LaTeX reads otherwise than it is written.
SPECIAL = '[a]_b&50%#1{x}~2^n\\end$*<|>"'


def table(flags: pd.DataFrame = NO_FLAGS, readout: str = "pattern") -> EffectTable:
    """An effect, one that random masks have too, a fixed value, and one that does not exist."""
    data = interventions().assign_attrs(layers=json.dumps(LAYERS))
    data["clean_top1_low"], data["clean_top1_high"] = (
        data["clean_top1"] - 0.1,
        data["clean_top1"] + 0.1,
    )
    put(data, "last", "middle", **EFFECT)
    alike = {f"{name}_top1_drop_excess_low": -0.01 for name in CONTROLS}
    put(data, "first", "top", **(EFFECT | alike | {"top1_drop": 0.15}))
    put(data, "first", "lowest", structural=1.0)
    put(data, "last", "top", top1_drop=np.nan)
    return effect_table(data, flags, readout, MODE, ["net"], 0.95)


def rows(text: str) -> list[str]:
    body = text.split(r"\midrule", 1)[1].split(r"\bottomrule")[0]
    return [" ".join(line.split()) for line in body.splitlines()[1:] if line.strip()]


def test_values_have_intervals_and_marks() -> None:
    small = r"{\scriptsize [$0.60$, $0.80$]}"
    nothing = r"{\scriptsize [$-0.05$, $0.06$]}"
    effect = r"{\scriptsize [$0.10$, $0.30$]}"
    assert rows(latex_table(table(), SETTING)) == [
        r"first & $0.70$ & $\circ$ & $0.01$ & $0.15^{*}$ \\[-2pt]",
        rf" & {small} & & {nothing} & {effect} \\".strip(),
        r"last & $0.70$ & $0.01$ & $0.20^{*\dagger}$ & -- \\[-2pt]",
        rf" & {small} & {nothing} & {effect} & \\".strip(),
    ]


def test_a_readout_at_chance_has_no_marks() -> None:
    text = latex_table(table(flag("last", "pattern", NO_BETTER_THAN_CHANCE)), SETTING)
    (row,) = [row for row in rows(text) if row.startswith("last")]
    assert row.startswith(r"last & $0.70$$^{c}$ & $0.01$ & $0.20$ &")
    assert "not distinguishable from chance" in text
    assert "not distinguishable from chance" not in latex_table(table(), SETTING)


def test_captions_say_what_was_corrected_and_how() -> None:
    text = caption(table(), SETTING)
    for words in (
        "pattern readout",
        MODE,
        r"95\,\% intervals, each for itself, over classes",
        "passes at 0.05, corrected in levels for each model apart",
        "Benjamini and Hochberg",
        "fixed by construction",
        "no result",
    ):
        assert words in text
    assert "passes at 0.1," in caption(table(), replace(SETTING, level=0.9))


def test_models_without_a_result_are_left_out_or_named() -> None:
    data = interventions().assign_attrs(layers=json.dumps(LAYERS))
    data["top1_drop"][:] = np.nan
    with pytest.raises(BandprobeError, match="no result under remove-mean for net"):
        effect_table(data, NO_FLAGS, "map", MODE, ["net"], 0.95)


def many(layers: int, bands: int = 7, name: str = "blocks.") -> EffectTable:
    """A table with as many layers of two models as are asked for, in halves."""
    labels = tuple(f"band-{number}" for number in range(bands))
    cells = {}
    for model, count in (("one", layers // 2), ("two", layers - layers // 2)):
        names = [f"{name}{number}" for number in range(count)]
        cells[model] = tuple(
            Cell(layer, band, USED if at else NOT_SHOWN, -0.12, -0.3, 0.1, 0.5, (), True)
            for layer in names
            for at, band in enumerate(labels)
        )
    clean = {(model, cell.layer): (0.5, 0.4, 0.6) for model in cells for cell in cells[model]}
    return EffectTable("map", MODE, labels, cells, clean)


def test_long_tables_go_on_and_lose_no_layer() -> None:
    full = many(2 * MOST_LAYERS + 10)
    parts = page_parts(full)
    assert len(parts) == 3
    for model, cells in full.cells.items():
        assert sum((part.cells.get(model, ()) for part in parts), ()) == cells
    text = fragment([full], SETTING)
    labels = re.findall(r"\\label\{(.*?)\}", text)
    assert labels == [f"tab:photos-map-{MODE}{end}" for end in ("", "-2", "-3")]
    assert text.count("continued.") == 2
    assert len(page_parts(table())) == 1


def test_names_are_escaped() -> None:
    assert escaped("a_b & 50 %") == r"a\_b \& 50 \%"
    assert escaped("\\") == r"\textbackslash{}"
    assert escaped("blocks.11-x") == "blocks.11-x"


def test_a_fragment_names_what_it_needs() -> None:
    text = fragment([table()], SETTING)
    assert all(package in text for package in PACKAGES)
    assert not [line for line in text.split(r"\begin{table}")[0].splitlines() if line[:1] != "%"]


@pytest.mark.skipif(
    shutil.which("pdflatex") is None,
    reason="there is no pdflatex. Debian: apt-get install texlive-latex-recommended",
)
@pytest.mark.parametrize("standalone", [True, False])
def test_latex_compiles_the_tables(tmp_path: Path, standalone: bool) -> None:
    if standalone:
        text = document([table(), many(MOST_LAYERS + 1)], SETTING)
    else:
        odd = replace(many(4, name=SPECIAL), mode="other")
        inner = fragment([table(), odd], replace(SETTING, dataset=SPECIAL))
        (tmp_path / "tables.tex").write_text(inner)
        head = "\n".join(["\\documentclass[a4paper]{article}", *PACKAGES])
        text = head + "\n\\begin{document}\n\\input{tables}\n\\end{document}\n"
    (tmp_path / "main.tex").write_text(text)
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "main.tex"]
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:]
    log = (tmp_path / "main.log").read_text(errors="replace")
    assert "undefined" not in log.lower()
    assert "multiply-defined" not in log
    assert "too large for page" not in log
    if standalone:
        assert "Overfull \\hbox" not in log
        assert "(3 pages" in log

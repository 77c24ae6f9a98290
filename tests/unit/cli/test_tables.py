"""Tables of effects: brackets, what does not exist, what is forced."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from bandprobe.cli.tables import console, layer_table, p_text


def text_of(table: Table) -> str:
    output = Console(file=io.StringIO(), width=120)
    output.print(table)
    assert isinstance(output.file, io.StringIO)
    return output.file.getvalue()


def record(drop: float, low: float, high: float, *flags: str) -> dict[str, Any]:
    return {
        "clean_top1": 0.75,
        "top1_drop": drop,
        "top1_drop_ci": [low, high],
        "flags": list(flags),
    }


def test_brackets_are_around_intervals_that_include_zero() -> None:
    rows = {
        "layer1": [record(0.25, 0.1, 0.4), record(0.02, -0.1, 0.1), record(-0.1, -0.2, 0.0)],
        "layer2": [record(0.0, 0.0, 0.0, "empty-band"), record(0.1, 0.0, 0.1), record(0, 0, 0)],
    }
    rows["layer2"][1]["flags"] = ["structural:readout-blind"]
    lines = text_of(layer_table("title", ["low", "mid", "high"], rows, "top1_drop")).splitlines()
    first = next(line for line in lines if "layer1" in line)
    second = next(line for line in lines if "layer2" in line)
    assert first.split("│")[2:6] != []
    for cell in ("0.750", "+0.250", "(+0.020)", "(-0.100)"):
        assert cell in first
    assert "(+0.250)" not in first
    for cell in ("N/A", "forced", "(+0.000)"):
        assert cell in second


def test_a_console_that_is_no_terminal_is_wide_and_shows_square_brackets(capsys) -> None:
    output = console()
    assert output.width == 120
    output.print("one of [low, high]")
    assert "one of [low, high]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1.0000"), (0.0312, "0.0312"), (0.0001, "0.0001"), (2.4e-7, "2.4e-07"), (None, "N/A")],
)
def test_no_p_value_is_shown_as_zero(value: float | None, text: str) -> None:
    assert p_text(value) == text

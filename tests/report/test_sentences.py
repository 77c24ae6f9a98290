"""Sentences say the summary's numbers, and only of cells that may be findings."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from bandprobe.report.context import Results
from bandprobe.report.findings import (
    AXES,
    Finding,
    candidates,
    excludes_zero,
    mode_counts,
    model_lines,
    number,
    passing,
    span,
)
from bandprobe.scoring.flags import DISAGREE, NO_BETTER_THAN_CHANCE, STRUCTURAL
from bandprobe.scoring.head_flags import PREFIX_BYPASS


def all_findings(results: Results, figures: Sequence[str] | None = None) -> list[Finding]:
    return passing(
        results.interventions,
        results.flags,
        results.config["modes"],
        level=results.level,
        figures=results.figures if figures is None else figures,
    )


def add_flag(results: Results, cell: dict[str, str], flag: str) -> Results:
    row = {**cell, "dataset": results.dataset, "flag": flag, "meaning": ""}
    results.flags.loc[len(results.flags)] = pd.Series(row)
    return results


def set_cell(results: Results, cell: dict[str, str], **values: float) -> None:
    for name, value in values.items():
        results.interventions[name].loc[cell] = value


CELL = {"model": "net", "layer": "layer3", "readout": "map", "mode": "remove", "band": "high"}
LARGE = {"top1_drop": 0.87654, "top1_drop_low": 0.81234, "top1_drop_high": 0.9, "p_holm": 0.001}


def test_numbers_in_sentences_are_the_summarys(results: Results) -> None:
    findings = all_findings(results)
    assert len(findings) > 20
    for finding in findings:
        cell = results.interventions.sel(finding.cell)
        drop, low, high = (float(cell[f"top1_drop{end}"]) for end in ("", "_low", "_high"))
        assert (finding.value, finding.low, finding.high) == (drop, low, high)
        verb = "falls by" if drop >= 0 else "rises by"
        sign = 1 if drop >= 0 else -1
        interval = span(low, high) if sign > 0 else span(-high, -low)
        assert f"{verb} {number(sign * drop)} (95 % interval {interval})" in finding.text
        clean, changed = float(cell["clean_top1"]), float(cell["top1"])
        assert (finding.clean, finding.changed) == (clean, changed)
        assert (finding.p_holm, finding.p_levels) == (cell["p_holm"], cell["p_levels"])
        assert f"from {number(clean)} to {number(changed)}." in finding.text
        assert finding.text.startswith(finding.headline)
        assert finding.headline.endswith(f"to {number(changed)}.")
        for axis in ("model", "layer", "readout", "band"):
            assert finding.cell[axis] in finding.text


def test_controls_in_sentences_are_the_summarys(results: Results) -> None:
    told = [one for one in all_findings(results) if "random masks with as much energy" in one.text]
    assert told
    for finding in told:
        cell = results.interventions.sel(finding.cell)
        own = [float(cell[f"equal_energy_top1_drop{end}"]) for end in ("", "_low", "_high")]
        more = [float(cell[f"equal_energy_top1_drop_excess{e}"]) for e in ("", "_low", "_high")]
        assert finding.excess["equal_energy"] == tuple(more)
        assert f"the drop is {number(own[0])} ({span(*own[1:])})" in finding.text
        assert f"band minus masks, is {number(more[0])} ({span(*more[1:])})" in finding.text
        includes = more[1] <= 0 <= more[2]
        assert (f"({span(*more[1:])}), which includes zero" in finding.text) == includes


def test_a_cell_whose_interval_includes_zero_is_never_called_an_effect(results: Results) -> None:
    assert all_findings(results)
    assert all(one.low > 0 or one.high < 0 for one in all_findings(results))
    set_cell(results, CELL, **LARGE)
    assert CELL in [one.cell for one in all_findings(results)]
    for low, high in ((-0.01, 2.0), (0.0, 2.0), (-2.0, 0.0), (np.nan, np.nan)):
        set_cell(results, CELL, top1_drop=0.99, top1_drop_low=low, top1_drop_high=high)
        assert CELL not in [one.cell for one in all_findings(results)]


def test_a_structural_cell_is_never_a_finding(results: Results) -> None:
    forced = results.flags[results.flags["flag"].isin(STRUCTURAL)]
    names = {tuple(row) for row in forced[list(AXES)].to_numpy()}
    assert names
    # Some of them lose everything, which would be the largest effect of all.
    drops = [
        float(results.interventions["top1_drop"].sel(dict(zip(AXES, n, strict=True))))
        for n in names
    ]
    assert max(drops) > 0.5
    for finding in all_findings(results):
        assert tuple(finding.cell[axis] for axis in AXES) not in names


@pytest.mark.parametrize("flag", [*STRUCTURAL, DISAGREE, NO_BETTER_THAN_CHANCE])
def test_a_flag_alone_keeps_a_cell_out(results: Results, flag: str) -> None:
    """Also where the summary's own column says otherwise."""
    set_cell(results, CELL, **LARGE)
    assert CELL in [one.cell for one in all_findings(results)]
    add_flag(results, CELL, flag)
    assert CELL not in [one.cell for one in all_findings(results)]


def test_the_structural_column_alone_keeps_a_cell_out(results: Results) -> None:
    set_cell(results, CELL, **LARGE, structural=1)
    assert CELL not in [one.cell for one in all_findings(results)]


def test_a_gain_is_said_as_a_gain(results: Results) -> None:
    values = {"top1_drop": -0.7, "top1_drop_low": -0.8, "top1_drop_high": -0.6, "p_holm": 0.001}
    set_cell(results, CELL, **values)
    (one,) = [one for one in all_findings(results) if one.cell == CELL]
    assert "rises by 0.700 (95 % interval 0.600 to 0.800)" in one.text


def test_counts_are_those_of_the_summary(results: Results) -> None:
    table = candidates(results.interventions, results.flags)
    counts = mode_counts(
        results.interventions, results.flags, results.config["modes"], results.level
    )
    assert [one["mode"] for one in counts] == list(results.config["modes"])
    for one in counts:
        rows = table[table["mode"] == one["mode"]]
        shown = excludes_zero(rows["top1_drop_low"], rows["top1_drop_high"])
        assert one["cells"] == len(rows)
        assert one["effects"] == shown.sum()
        assert one["holm"] == (rows["p_holm"][shown] < 0.05).sum()


def test_all_that_passes_is_listed_the_largest_first(results: Results) -> None:
    table = candidates(results.interventions, results.flags)
    shown = excludes_zero(table["top1_drop_low"], table["top1_drop_high"])
    rows = table[shown & (table["p_holm"] < 0.05)]
    findings = all_findings(results)
    assert sorted(one.value for one in findings) == sorted(rows["top1_drop"])
    sizes = [abs(one.value) for one in findings]
    assert sizes == sorted(sizes, reverse=True)


def test_one_line_of_each_model_has_its_largest_effect_outside_the_lowest_band(
    results: Results,
) -> None:
    findings = all_findings(results)
    lines = model_lines(findings, results.layers, "ultra-low")
    assert [line["model"] for line in lines] == list(results.layers)
    assert sum(line["count"] for line in lines) == len(findings)
    for line in lines:
        own = [one for one in findings if one.cell["model"] == line["model"]]
        outside = [abs(one.value) for one in own if one.cell["band"] != "ultra-low"]
        assert abs(line["largest"].value) == max(outside)
    # Without any outside it, the largest within; without any at all, none.
    within = [one for one in findings if one.cell["band"] == "ultra-low"]
    assert model_lines(within, ["net"], "ultra-low")[0]["largest"].cell["band"] == "ultra-low"
    assert model_lines([], ["net"], "ultra-low") == [{"model": "net", "count": 0, "largest": None}]


def test_a_study_without_effects_says_nothing(results: Results) -> None:
    assert all_findings(results)
    results.interventions["top1_drop_low"][:] = -1
    results.interventions["top1_drop_high"][:] = 1
    assert not all_findings(results)


def test_an_uncorrected_effect_is_not_listed(results: Results) -> None:
    for p_holm, listed in ((0.049, True), (0.31, False), (np.nan, False)):
        set_cell(results, CELL, **(LARGE | {"p_holm": p_holm}))
        assert (CELL in [one.cell for one in all_findings(results)]) == listed


def test_a_bypass_is_said(results: Results) -> None:
    set_cell(results, CELL, **LARGE)
    add_flag(results, CELL, PREFIX_BYPASS)
    (one,) = [one for one in all_findings(results) if one.cell == CELL]
    assert "lower bound" in one.text


def test_each_sentence_links_its_figure_and_its_target(results: Results) -> None:
    assert all_findings(results)
    for finding in all_findings(results):
        assert finding.target == "targets/" + "/".join(finding.cell[a] for a in AXES) + ".json"
        assert finding.figure == f"figures/top1_drop_{finding.cell['readout']}.svg"


def test_a_figure_that_does_not_exist_is_not_linked(results: Results) -> None:
    figures = [one.figure for one in all_findings(results, figures=[])]
    assert figures
    assert not any(figures)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.000"), (0.12345, "0.123"), (-0.5, "-0.500"), (0.00012, "0.00012"), (np.nan, "N/A")],
)
def test_small_numbers_are_not_rounded_to_zero(value: float, text: str) -> None:
    assert number(value) == text
    assert re.fullmatch(r"-?\d.*|N/A", text)


def test_a_study_in_which_everything_is_fixed_has_nothing_to_count(results: Results) -> None:
    results.interventions["structural"] = results.interventions["structural"] * 0 + 1
    assert all_findings(results) == []
    counts = mode_counts(results.interventions, results.flags, results.config["modes"], 0.95)
    assert {row["cells"] for row in counts} == {0}
    assert {row["unseen"] for row in counts} == {"N/A"}

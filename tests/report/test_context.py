"""What the page shows is what the summaries hold."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from bandprobe.report.context import (
    Results,
    checks,
    flag_groups,
    kind_of,
    page_context,
    share_error,
    task_sentence,
)
from bandprobe.report.findings import AXES, cell_table
from bandprobe.report.payload import CURVES, SPECTRA, packed, page_data, plain
from bandprobe.scoring.flags import DISAGREE, MISSING, STRUCTURAL
from tests.report.conftest import SHAPE, embedded, page_of, unpacked
from tests.report.test_sentences import CELL, add_flag
from tests.unit.report.test_parts import summary
from tests.unit.report.test_replicates import summary as drawn_anew


def test_embedded_targets_are_the_summarys_to_the_last_digit(shared: Results) -> None:
    stored = embedded(page_of(shared))["targets"]["columns"]
    found = {name: unpacked(column) for name, column in stored.items()}
    table = cell_table(shared.interventions)
    assert list(found) == list(table.columns)
    for name in table.columns:
        if table[name].dtype.kind == "f":
            values = np.array([np.nan if v is None else v for v in found[name]])
            np.testing.assert_array_equal(values, table[name].to_numpy())
        else:
            assert found[name] == list(table[name])


def test_every_target_carries_its_own_flags(shared: Results) -> None:
    targets = embedded(page_of(shared))["targets"]
    flags = shared.flags.groupby(list(AXES))["flag"].apply(list).to_dict()
    assert flags
    keys = zip(*(unpacked(targets["columns"][axis]) for axis in AXES), strict=True)
    for key, found in zip(keys, unpacked(targets["flags"]), strict=True):
        assert sorted(found) == sorted(flags.get(key, []))


def test_missing_numbers_are_null_and_never_zero() -> None:
    assert plain(np.array([0.0, np.nan, np.inf, -1.5])) == [0.0, None, None, -1.5]


def test_what_repeats_itself_is_stored_once() -> None:
    column = [0.25, None, 0.25, "a", 0.25, None, 0.25]
    stored = packed(column)
    assert stored == {"values": [0.25, None, "a"], "at": [0, 1, 0, 2, 0, 1, 0]}
    assert unpacked(stored) == column
    different = [0.1, 0.2, 0.1]
    assert packed(different) is different


def test_embedded_spectra_are_the_summarys(shared: Results) -> None:
    rows = page_data(shared)["spectra"]["rows"]
    assert [(row["model"], row["layer"]) for row in rows] == [
        (model, layer) for model, layers in shared.layers.items() for layer in layers
    ]
    for row in rows:
        one = shared.spectra.sel(model=row["model"], layer=row["layer"])
        for name in SPECTRA:
            for values, end in zip(row["bands"][name], ("", "_low", "_high"), strict=True):
                np.testing.assert_array_equal(values, one[f"{name}{end}"])
        size = SHAPE.models[row["model"]][row["layer"]]
        for name in CURVES:
            frequency, mean, low, high = row["curves"][name]
            assert len(frequency) == len(mean) == len(low) == len(high)
        # A padded axis ends where the layer's own ends, and DC is not on a logarithmic axis.
        assert len(row["curves"]["profile"][0]) == size // 2
        assert min(row["curves"]["profile"][0]) > 0
        assert len(row["curves"]["delta_log_amplitude"][0]) == size // 2


def test_embedded_shapley_values_are_the_summarys(shared: Results) -> None:
    assert shared.shapley is not None
    for row in page_data(shared)["shapley"]["rows"]:
        one = shared.shapley.sel({axis: row[axis] for axis in ("model", "layer", "readout")})
        np.testing.assert_array_equal(row["scores"]["accuracy"][1], one["accuracy_low"])
        np.testing.assert_array_equal(row["structural"], one["structural"])


def test_a_study_without_probes_and_shapley_has_a_page(results: Results) -> None:
    import dataclasses

    page = page_of(dataclasses.replace(results, probes=None, shapley=None))
    assert 'id="shapley-view"' not in page
    assert embedded(page)["shapley"] is None


def test_flags_are_grouped_with_their_counts(shared: Results) -> None:
    groups = flag_groups(shared.flags)
    assert {g["flag"]: g["count"] for g in groups} == shared.flags["flag"].value_counts().to_dict()
    for group in groups:
        assert sum(row["count"] for row in group["where"]) == group["count"]
        assert group["meaning"]
    kinds = [group["kind"] for group in groups]
    assert kinds == sorted(kinds, key=["forced", "no number", "caution"].index)


def test_kinds_of_flags() -> None:
    assert {kind_of(flag) for flag in STRUCTURAL} == {"forced"}
    assert {kind_of(flag) for flag in MISSING} == {"no number"}
    assert kind_of(DISAGREE) == "caution"


def test_no_flags_at_all(results: Results) -> None:
    import dataclasses

    empty = dataclasses.replace(results, flags=results.flags.iloc[:0])
    context = page_context(empty)
    assert context["unflagged"] == context["n_targets"]
    assert "No target has a flag" in page_of(empty)


def test_a_disagreement_is_shown_as_one(results: Results) -> None:
    assert page_context(results)["checks"]["disagree"] == 0
    add_flag(results, CELL, DISAGREE)
    assert page_context(results)["checks"]["disagree"] == 1
    assert "Do not use these" in page_of(results)


def test_shares_that_do_not_add_up_are_seen(results: Results) -> None:
    assert share_error(results.spectra) < 1e-12
    spectra = results.spectra.copy(deep=True)
    spectra["share"].loc[{"model": "net", "layer": "layer1", "band": "low"}] += 0.25
    assert share_error(spectra) == pytest.approx(0.25)


def test_tests_are_counted(shared: Results) -> None:
    table = pd.DataFrame(cell_table(shared.interventions))
    checks = page_context(shared)["checks"]
    assert checks["tested"] == table["p_holm"].notna().sum()
    assert checks["holm"] == (table["p_holm"] < 0.05).sum()
    assert checks["bh"] == (table["p_bh"] < 0.05).sum()
    rows = table[(table["structural"] == 0) & table["equal_bins_top1_drop_excess"].notna()]
    low, high = (rows[f"equal_bins_top1_drop_excess_{end}"] for end in ("low", "high"))
    assert checks["controls"][0]["cells"] == len(rows)
    assert checks["controls"][0]["differ"] == ((low > 0) | (high < 0)).sum()


def test_what_was_run_is_said(shared: Results) -> None:
    context = page_context(shared)
    layers = {row["name"]: row["layers"] for row in context["models"]}
    assert layers["net"][0] == {"name": "layer1", "bins": 256}
    assert [band["low"] for band in context["bands"]][:2] == ["0", "0.05"]
    assert context["bands"][-1]["high"] == "1.414"
    page = page_of(shared)
    for text in ("1" * 64, "0" * 64, "2" * 64, shared.interventions.attrs["code_digest"]):
        assert text in page


def test_the_page_begins_with_the_task_and_the_bands(results: Results) -> None:
    splits = [{"split": "train", "samples": 96}, {"split": "eval", "samples": 32}]
    scored = {("net", "map"): {"chance": 0.25}, ("net", "pooled"): {"chance": 0.25}}
    facts = dataclasses.replace(
        results.facts, splits=splits, class_names=["a", "b", "c", "d"], scored=scored
    )
    found = task_sentence(dataclasses.replace(results, facts=facts))
    assert (
        "4 classes apart (chance: 0.250); they are trained on 96 images and scored on 32" in found
    )
    assert "ultra-low to 0.05, very-low to 0.15" in found
    assert "very-high to 0.9, ultra-high above." in found
    bands = {"names": ["dc", "low", "above"], "edges": [1, 8], "unit": "cycles-per-image"}
    other = dataclasses.replace(results, config={**results.config, "bands": bands})
    assert task_sentence(other) == "Bands, in cycles per image: dc to 1, low to 8, above above."


def test_bands_in_cycles_per_image_have_their_unit(results: Results) -> None:
    bands = {"names": ["dc", "low", "above"], "edges": [1, 8], "unit": "cycles-per-image"}
    other = dataclasses.replace(results, config={**results.config, "bands": bands})
    found = page_context(other)["bands"]
    assert [(band["low"], band["high"]) for band in found] == [("0", "1"), ("1", "8"), ("8", "")]
    assert 'Bands, in <a href="#term-cycles-per-image">cycles per image</a>' in page_of(other)
    # No page says both of the same bands.
    one, every = 'different <a href="#term-cycles', "the same frequency of the image in"
    assert (one in page_of(other), every in page_of(other)) == (False, True)
    assert (one in page_of(results), every in page_of(results)) == (True, False)
    assert 'Bands, in units of <a href="#term-nyquist">Nyquist</a>' in page_of(results)


def test_tests_that_repeat_and_tests_that_cannot_pass_are_counted(results: Results) -> None:
    data = results.interventions
    data["p_smallest"] = data["p_smallest"].where(data["p_smallest"].isnull(), 1e-9)
    before = checks(results, cell_table(data))
    assert (before["repeats"], before["unreachable"]) == (0, 0)
    # One readout of a layer has right answers in six units: 2^-5 does not pass.
    weak = {"model": "net", "layer": results.layers["net"][1], "readout": "map"}
    data["p_smallest"].loc[weak] = 2 * 0.5**6
    count = int((data["distinct"].sel(weak) == 1).sum())
    where = {**weak, "mode": "remove"}
    repeated = int((data["distinct"].sel(where) == 1).sum())
    assert 0 < repeated < count
    data["distinct"].loc[where] = data["distinct"].sel(where) * 0
    found = checks(results, cell_table(data))
    assert found["repeats"] == repeated
    assert found["tested"] == before["tested"] - repeated
    assert found["unreachable"] == count - repeated


def test_the_two_parts_are_a_table_before_the_bands(results: Results) -> None:
    assert 'id="parts-table"' not in page_of(results)
    page = page_of(dataclasses.replace(results, parts=summary()))
    assert page.index('id="parts-table"') < page.index('id="used-view"')
    (table,) = re.findall(r'<table id="parts-table">(.*?)</table>', page, re.S)
    rows = [re.findall(r"<td.*?>(.*?)</td>", row) for row in table.split("<tr>")[2:]]
    left = ["0.250", "0.125 to 0.375", "0.250", "0.5"]
    assert rows == [
        ["net", "one", "map", "0.500", *left, *left],
        ["net", "two", "map", "0.500", *left, "fixed", "", "0.250", ""],
    ]
    assert "<code>remove-mean</code>" in page


def test_replicates_are_a_section_of_a_study_that_has_them(results: Results) -> None:
    plain = page_of(results)
    for words in ("If other images had been drawn", 'href="#replicates"', "replicates.csv"):
        assert words not in plain
    data = drawn_anew()
    data["few_train_groups"].loc[{"model": "cnn", "layer": "last"}] = 1.0
    figures = ["replicates_map"]
    page = page_of(dataclasses.replace(results, replicates=data, figures=figures))
    section = page[page.index('<h3 id="replicates">') : page.index('<section id="structural"')]
    assert page.count('href="#replicates"') == 1
    assert "fitted to 5 splits of the same images" in section
    (table,) = re.findall(r'<table id="replicates-table">(.*?)</table>', section, re.S)
    first = re.findall(r"<td.*?>(.*?)</td>", table.split("<tr>")[2])
    assert first[:5] == ["cnn", "last", "map", "low", "0.300"]
    assert "<code>few_train_groups</code>" in section
    assert "cnn last." in section
    links = re.findall(r'href="(.*?)"', section)
    assert "figures/replicates_map.svg" in links
    assert "figures/replicates_pattern.svg" not in links
    assert "summary/replicates.csv" in links
    without = page_of(dataclasses.replace(results, replicates=drawn_anew(count=0)))
    assert "splits drawn anew" not in without
    assert "drawn anew" not in without


def test_each_kind_of_figure_has_its_link_and_what_it_answers(results: Results) -> None:
    names = ["power_planes", "orientation", "transfer", "interactions_accuracy"]
    every = page_of(dataclasses.replace(results, figures=[*results.figures, *names]))
    others = [name for name in results.figures if name not in names]
    none = page_of(dataclasses.replace(results, figures=others))
    for name in names:
        link = f'<dt><a href="figures/{name}.svg">'
        assert (every.count(link), none.count(link)) == (1, 0)
    assert re.findall(r"draw kernels --model (\S+)</code>", every) == ["net"]


def test_layers_of_the_clean_accuracies_are_in_the_order_of_the_study(results: Results) -> None:
    shuffled = dataclasses.replace(
        results, interventions=results.interventions.isel(layer=slice(None, None, -1))
    )
    table = page_of(shuffled).split("Top-1 accuracy on untouched maps")[1].split("</table>")[0]
    found = re.findall(r"<tr><td>(\w+)</td><td>(\w+)</td>", table)
    assert list(dict.fromkeys(found)) == [
        (model, layer) for model, layers in results.layers.items() for layer in layers
    ]

"""End to end on a tiny study: every target, every store, every figure, and what they say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bandprobe.interventions.compare_routes import largest_difference
from bandprobe.study.parse import parse_study
from tests.cases import quick_and_slow
from tests.report.conftest import embedded, unpacked
from tests.workflow.conftest import OUTPUT, TinyStudy, tiny_config


def results(study: TinyStudy) -> Path:
    return study.folder / "results" / "tiny"


def test_targets_on_disk_are_all_combinations(finished: TinyStudy) -> None:
    found = list((results(finished) / "targets").rglob("*.json"))
    study = parse_study(finished.config)
    # layers x readouts x modes x bands; of the heads, layers of the network and its two modes
    assert len(list(study.targets())) == 3 * 5 * 7 * 7
    assert len(list(study.head_targets())) == 2 * 1 * 2 * 7
    assert len(found) == 3 * 5 * 7 * 7 + 2 * 1 * 2 * 7


def test_every_store_opens_with_plain_xarray(finished: TinyStudy) -> None:
    stores = sorted(results(finished).rglob("*.zarr"))
    # features, spectra, masks, probes, band logits, outcomes, those of refit, Shapley values; the
    # head, its logits, and its outcomes
    assert len(stores) == 4 + 3 + 3 + 15 + 12 + 84 + 6 + 12 + 1 + 1 + 4
    for path in stores:
        with xr.open_zarr(path) as dataset:
            assert dataset.attrs["code_digest"]
            assert json.loads(dataset.attrs["versions"])["numpy"]
            assert dataset.attrs["weights_sha256"]
            assert json.loads(dataset.attrs["config"])


def test_features_keep_sample_label_and_group(finished: TinyStudy) -> None:
    with xr.open_zarr(results(finished) / "features/resnet18/pass-0/eval.zarr") as dataset:
        assert dataset["layer1"].dims[0] == "sample"
        assert {"sample", "label", "group"} <= set(dataset.coords)
        assert dataset["layer1"].dtype == np.float16
        assert dataset["layer1"].shape == (12, 64, 8, 8)
        assert dataset["layer3"].shape == (12, 256, 2, 2)


def test_probe_repeats_its_logits_from_the_store_alone(finished: TinyStudy) -> None:
    with (
        xr.open_zarr(results(finished) / "features/pixels/pass-0/eval.zarr") as features,
        xr.open_zarr(results(finished) / "probes/pixels/input/map.zarr") as probe,
    ):
        x = features["input"].astype(float)
        z = (x - probe["channel_mean"]) / probe["channel_scale"]
        logits = (probe["W"] * z).sum(("channel", "y", "x")) + probe["intercept"]
        expected = probe["clean_logits"].transpose(*logits.dims)
        spread = float(expected.std())
        np.testing.assert_allclose(logits, expected, atol=1e-4 * spread)


def test_empty_bands_are_null_and_say_why(finished: TinyStudy) -> None:
    folder = results(finished) / "targets/resnet18/layer3/map/remove"
    record = json.loads((folder / "very-low.json").read_text())
    assert record["bins"] == 0
    assert record["top1_drop"] is None
    assert record["top1_drop_ci"] is None
    assert "empty-band" in record["flags"]


def test_pooled_cells_without_dc_are_exactly_zero_and_flagged(finished: TinyStudy) -> None:
    folder = results(finished) / "targets"
    seen = 0
    for path in folder.glob("*/*/pooled/*/*.json"):
        record = json.loads(path.read_text())
        if record["bins"] == 0 or record["band"] == "ultra-low":
            continue
        if record["mode"] in ("isolate-mean", "highpass"):
            assert "structural:nothing-left" in record["flags"]
            continue
        assert {"structural:readout-blind", "structural:nothing-changed"} & set(record["flags"])
        assert record["top1_drop"] == 0
        assert record["rank_degradation"] == 0
        assert record["top1_drop_ci"] == [0, 0]
        seen += 1
    assert seen > 30


def test_no_rule_disagrees_with_the_numbers(finished: TinyStudy) -> None:
    flags = pd.read_csv(results(finished) / "summary/flags.csv")["flag"]
    assert "rule-and-numbers-disagree" not in set(flags)
    assert {"structural:readout-blind", "structural:nothing-left", "not-defined"} <= set(flags)


def target_records(study: TinyStudy) -> list[dict[str, Any]]:
    """All target files."""
    files = (results(study) / "targets").rglob("*.json")
    return [json.loads(path.read_text()) for path in files]


def test_summary_follows_from_the_targets(finished: TinyStudy) -> None:
    with xr.open_dataset(results(finished) / "summary/interventions.nc") as summary:
        assert summary["top1_drop"].dims == ("model", "layer", "readout", "mode", "band")
        for record in target_records(finished):
            cell = summary.sel(
                {axis: record[axis] for axis in ("model", "layer", "readout", "mode", "band")}
            )
            expected = np.nan if record["top1_drop"] is None else record["top1_drop"]
            np.testing.assert_equal(float(cell["top1_drop"]), expected)
        missing = summary.sel(model="pixels", layer="layer1")
        assert bool(missing["top1_drop"].isnull().all())
    table = pd.read_csv(results(finished) / "summary/interventions.csv")
    assert len(table) == 3 * 5 * 7 * 7 + 2 * 1 * 2 * 7


def test_flags_table_lists_every_flag(finished: TinyStudy) -> None:
    table = pd.read_csv(results(finished) / "summary/flags.csv")
    assert len(table) == sum(len(record["flags"]) for record in target_records(finished))


def test_spectra_tables_hold_what_the_figures_show(finished: TinyStudy) -> None:
    folder = results(finished) / "summary"
    with xr.open_dataset(folder / "spectra.nc") as summary:
        assert len(pd.read_csv(folder / "spectra.csv")) == 3 * 7
        for table, name in (("profiles", "profile"), ("diagonal", "delta_log_amplitude")):
            found = pd.read_csv(folder / f"spectra_{table}.csv")
            values = summary[name].to_numpy()
            expected = values[~np.isnan(values)]
            np.testing.assert_allclose(found[name].dropna(), expected)
        # Grids of 32, 8 and 2.
        assert summary["diagonal_frequency"].notnull().sum().item() == 16 + 4 + 1


def test_stored_spectra_add_up(finished: TinyStudy) -> None:
    for path in (results(finished) / "spectra").glob("*/*.zarr"):
        with xr.open_zarr(path) as spectra:
            for end in ("", "_without_dc"):
                product = spectra[f"density{end}"] * spectra[f"bins{end}"]
                np.testing.assert_allclose(product.fillna(0), spectra[f"energy{end}"])
            assert (spectra["delta_log_amplitude"][:, 0] == 0).all()
            bins = int(spectra["bins"].sum())
            assert int(spectra["bins_without_dc"].sum()) == bins - 1


def test_figures_are_written_in_both_formats(finished: TinyStudy) -> None:
    found = {path.name for path in (results(finished) / "figures").iterdir()}
    names = {
        "verdict",
        "band_energy",
        "radial_profiles",
        "delta_log_amplitude",
        "spectral_centroid",
    }
    names |= {"penalty_paths", "power_planes", "orientation", "transfer"}
    names |= {f"readouts_{mode}" for mode in tiny_config()["modes"]}
    readouts = ("map", "pattern", "pooled", "energy", "refit", "head")
    names |= {f"{s}_{r}" for s in ("top1_drop", "rank_degradation") for r in readouts}
    names |= {
        f"{f}_{m}" for f in ("controls", "used_available") for m in ("remove", "isolate-mean")
    }
    names |= {"sweeps", "shapley_accuracy", "shapley_margin"}
    names |= {"interactions_accuracy", "interactions_margin"}
    assert found == {f"{name}.{suffix}" for name in names for suffix in ("png", "svg")}


def test_the_report_holds_every_target_and_links_what_exists(finished: TinyStudy) -> None:
    page = (results(finished) / "report.html").read_text()
    targets = embedded(page)["targets"]
    table = pd.read_csv(results(finished) / "summary/interventions.csv")
    for name in table.columns:
        values = pd.Series(unpacked(targets["columns"][name]), dtype=table[name].dtype)
        pd.testing.assert_series_equal(values, table[name], check_names=False)
    flags = pd.read_csv(results(finished) / "summary/flags.csv")
    assert sum(map(len, unpacked(targets["flags"]))) == len(flags)
    links = set(re.findall(r'href="((?:figures|summary|targets|config)[^"]*)"', page))
    assert len(links) > 10
    for link in links:
        assert (results(finished) / link).exists(), link
    for record in ("manifest.parquet", "features/resnet18/pass-0/eval.zarr"):
        digest = json.loads((results(finished) / f"{record}.digest.json").read_text())["sha256"]
        assert digest in page


def test_resolved_configuration_is_a_configuration(finished: TinyStudy) -> None:
    import yaml

    text = (results(finished) / "config.yaml").read_text()
    again = parse_study(yaml.safe_load(text))
    assert again == parse_study(finished.config)


@pytest.mark.parametrize(
    ("goal", "last"), quick_and_slow([("manifests", "make_manifest")], [("spectra", "spectra")])
)
def test_stage_targets_stop_after_their_stage(fresh: TinyStudy, goal: str, last: str) -> None:
    fresh.config["models"].pop("resnet18")
    done = fresh.run(goal)
    assert done.code == 0, done.output
    assert any(last in rule for rule in done.jobs)
    assert "fit_probes" not in done.jobs


def test_a_configfile_stands_alone(finished: TinyStudy) -> None:
    assert {path.name for path in (finished.folder / "results").iterdir()} == {"tiny"}


def test_the_run_ends_with_a_count_of_its_flags(finished: TinyStudy) -> None:
    said = (finished.folder / OUTPUT).read_text()
    table = pd.read_csv(results(finished) / "summary/flags.csv")
    assert f"{len(table)} flags in results/tiny/summary/flags.csv" in said
    for flag, count in table["flag"].value_counts().items():
        assert f"{count} {flag}:" in said


def test_masks_are_stored_and_match_their_bands(finished: TinyStudy) -> None:
    with xr.open_zarr(results(finished) / "controls/pixels/input.zarr") as masks:
        assert masks["mask"].dims == ("control", "control_draw", "band", "y", "x")
        equal = masks["mask"].sel(control="equal-bins").sum(("y", "x"))
        np.testing.assert_array_equal(equal[0], masks["bins"])
        energy = masks["mask_energy"].sel(control="equal-energy").to_numpy()
        assert (energy[np.isfinite(energy)] <= 1 + 1e-6).all()
        assert np.nanmin(energy) > 0.8


def test_shapley_values_add_up_for_every_image(finished: TinyStudy) -> None:
    for path in (results(finished) / "shapley").glob("*/*/*.zarr"):
        with xr.open_zarr(path) as values:
            for score in ("accuracy", "margin"):
                brought = values[f"{score}_all"] - values[f"{score}_none"]
                np.testing.assert_allclose(values[score].sum("band"), brought, atol=1e-5)


def test_interactions_of_the_summary_are_means_of_the_stored_ones(finished: TinyStudy) -> None:
    """And no pair of bands is left out that both have bins."""
    with xr.open_dataset(results(finished) / "summary/shapley.nc") as summary:
        for path in (results(finished) / "shapley").glob("*/*/*.zarr"):
            model, layer, readout = path.parts[-3], path.parts[-2], path.stem
            of_layer = summary.sel(model=model, layer=layer, readout=readout)
            with xr.open_zarr(path) as values:
                for score in ("accuracy", "margin"):
                    means = values[f"{score}_interaction"].mean("sample", skipna=False)
                    for pair, mean in zip(values["pair"].values, means.values, strict=True):
                        band, other = pair.split(" + ")
                        found = of_layer[f"{score}_interaction"].sel(band=band, other_band=other)
                        np.testing.assert_allclose(found, mean)
    table = pd.read_csv(results(finished) / "summary/shapley_interactions.csv")
    assert table[["accuracy_interaction", "margin_interaction_low"]].notna().all(axis=None)


def test_readouts_of_permuted_labels_are_in_the_summary(finished: TinyStudy) -> None:
    with xr.open_dataset(results(finished) / "summary/probes.nc") as probes:
        assert probes["permuted_accuracy"].notnull().sum() == 3 * 4
        assert float(probes["permuted_accuracy"].max()) <= 1


@pytest.mark.parametrize("readout", ["map", "pattern", "pooled", "energy"])
@pytest.mark.parametrize("layer", [("pixels", "input"), ("resnet18", "layer1")])
def test_fast_route_equals_the_literal_one_for_all_modes(
    finished: TinyStudy, readout: str, layer: tuple[str, str]
) -> None:
    study = parse_study(finished.config)
    folder = results(finished)
    features = folder / "features" / layer[0] / "pass-0" / "eval.zarr"
    probe = folder / "probes" / layer[0] / layer[1] / f"{readout}.zarr"
    for mode in study.modes.values():
        found = largest_difference(mode, features, layer[1], probe, study.bands, 12)
        # Logarithms of energies near their floor lose what single precision has lost before.
        assert found < (1e-3 if readout == "energy" else 1e-4), mode.name

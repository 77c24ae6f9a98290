"""End to end on a tiny study: every target, every store, every figure, and what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bandprobe.study import parse_study
from tests.workflow.conftest import TinyStudy


def results(study: TinyStudy) -> Path:
    return study.folder / "results" / "tiny"


def test_targets_on_disk_are_all_combinations(finished: TinyStudy) -> None:
    found = list((results(finished) / "targets").rglob("*.json"))
    study = parse_study(finished.config)
    # layers x readouts x modes x bands; of the heads, layers of the network and its two modes
    assert len(list(study.targets())) == 3 * 2 * 3 * 7
    assert len(list(study.head_targets())) == 2 * 1 * 2 * 7
    assert len(found) == 3 * 2 * 3 * 7 + 2 * 1 * 2 * 7


def test_every_store_opens_with_plain_xarray(finished: TinyStudy) -> None:
    stores = sorted(results(finished).rglob("*.zarr"))
    # features, spectra, probes, band logits, outcomes; the head, and its outcomes
    assert len(stores) == 4 + 3 + 6 + 6 + 18 + 1 + 4
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
            assert "structural:readout-blind" not in record["flags"]
            continue
        assert "structural:readout-blind" in record["flags"]
        if record["mode"] != "isolate-mean":
            assert record["top1_drop"] == 0
            assert record["rank_degradation"] == 0
            assert record["top1_drop_ci"] == [0, 0]
            seen += 1
    assert seen > 10


def linear_records(study: TinyStudy) -> list[dict[str, Any]]:
    """The target files of the linear readouts, which are those of the summary."""
    files = (results(study) / "targets").rglob("*.json")
    records = [json.loads(path.read_text()) for path in files]
    return [record for record in records if record["readout"] in study.config["readouts"]]


def test_summary_follows_from_the_targets(finished: TinyStudy) -> None:
    with xr.open_dataset(results(finished) / "summary/interventions.nc") as summary:
        assert summary["top1_drop"].dims == ("model", "layer", "readout", "mode", "band")
        for record in linear_records(finished):
            cell = summary.sel(
                {axis: record[axis] for axis in ("model", "layer", "readout", "mode", "band")}
            )
            expected = np.nan if record["top1_drop"] is None else record["top1_drop"]
            np.testing.assert_equal(float(cell["top1_drop"]), expected)
        missing = summary.sel(model="pixels", layer="layer1")
        assert bool(missing["top1_drop"].isnull().all())
    table = pd.read_csv(results(finished) / "summary/interventions.csv")
    assert len(table) == 3 * 2 * 3 * 7


def test_flags_table_lists_every_flag(finished: TinyStudy) -> None:
    table = pd.read_csv(results(finished) / "summary/flags.csv")
    assert len(table) == sum(len(record["flags"]) for record in linear_records(finished))


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
    names = {"band_energy", "radial_profiles", "delta_log_amplitude", "spectral_centroid"}
    names |= {"penalty_paths"}
    names |= {f"{s}_{r}" for s in ("top1_drop", "rank_degradation") for r in ("map", "pooled")}
    assert found == {f"{name}.{suffix}" for name in names for suffix in ("png", "svg")}


def test_resolved_configuration_is_a_configuration(finished: TinyStudy) -> None:
    import yaml

    text = (results(finished) / "config.yaml").read_text()
    again = parse_study(yaml.safe_load(text))
    assert again == parse_study(finished.config)


@pytest.mark.parametrize(("goal", "last"), [("manifests", "make_manifest"), ("spectra", "spectra")])
def test_stage_targets_stop_after_their_stage(fresh: TinyStudy, goal: str, last: str) -> None:
    fresh.config["models"].pop("resnet18")
    done = fresh.run(goal)
    assert done.code == 0, done.output
    assert any(last in rule for rule in done.jobs)
    assert "fit_probes" not in done.jobs


def test_a_configfile_stands_alone(finished: TinyStudy) -> None:
    assert {path.name for path in (finished.folder / "results").iterdir()} == {"tiny"}

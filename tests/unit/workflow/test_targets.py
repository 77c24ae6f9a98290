"""Which files a study asks for."""

from __future__ import annotations

from pathlib import Path

from bandprobe.study.paths import Paths
from bandprobe.study.study import Study
from bandprobe.workflow import targets
from tests.unit.workflow.conftest import study_of

LAYERS = [("pixels", "input"), ("resnet18", "layer1"), ("resnet18", "layer3")]


def test_manifests_configurations_and_reports_are_one_per_data_set(tiny: Study) -> None:
    assert targets.manifest(tiny, "tiny") == ["results/tiny/manifest.parquet.digest.json"]
    assert targets.config(tiny, "tiny") == ["results/tiny/config.yaml"]
    assert targets.report(tiny, "tiny") == ["results/tiny/report.html"]


def test_features_are_one_store_per_pass_and_split(tiny: Study) -> None:
    assert targets.features(tiny, "tiny") == [
        f"results/tiny/features/{model}/pass-0/{split}.zarr.digest.json"
        for model in ("pixels", "resnet18")
        for split in ("train", "eval")
    ]
    model = dict(tiny.resolved["models"]["resnet18"]) | {"layers": [["layer1"], ["layer3"]]}
    two_passes = study_of(models={"resnet18": model})
    assert len(targets.features(two_passes, "tiny")) == 4
    assert "pass-1" in targets.features(two_passes, "tiny")[-1]


def test_spectra_and_readouts_are_one_store_per_layer(tiny: Study) -> None:
    stores = [f"results/tiny/spectra/{model}/{layer}.zarr" for model, layer in LAYERS]
    assert targets.spectra_stores(tiny, "tiny") == stores
    assert targets.spectra(tiny, "tiny") == [f"{path}.digest.json" for path in stores]
    additive = [
        f"results/tiny/probes/{model}/{layer}/{readout}.zarr"
        for model, layer in LAYERS
        for readout in ("map", "pattern", "pooled", "energy")
    ]
    assert targets.additive_probe_stores(tiny, "tiny") == additive
    assert targets.additive_probes(tiny, "tiny") == Paths.digests(additive)
    refits = [f"results/tiny/probes/{m}/{layer}/refit.zarr.digest.json" for m, layer in LAYERS]
    assert set(targets.probes(tiny, "tiny")) == {*Paths.digests(additive), *refits}
    shapley = [path.replace("/probes/", "/shapley/") for path in additive]
    assert targets.shapley_stores(tiny, "tiny") == shapley
    assert targets.shapley(tiny, "tiny") == Paths.digests(shapley)


def test_interventions_are_one_file_per_target(tiny: Study, bare: Study) -> None:
    paths = targets.interventions(tiny, "tiny")
    # Layers, readouts, modes, bands.
    assert len(paths) == len(set(paths)) == 3 * 5 * 7 * 7
    assert paths[0] == "results/tiny/targets/pixels/input/map/remove/ultra-low.json"
    heads = targets.heads(tiny, "tiny")
    # Layers of the network, one readout, modes that a head scores, bands.
    assert len(heads) == 2 * 1 * 2 * 7
    assert all("/resnet18/" in path and "/head/" in path for path in heads)
    assert targets.all_interventions(tiny, "tiny") == paths + heads
    assert targets.heads(bare, "tiny") == []


def test_one_target_is_sampled_of_each_readout_of_each_model(tiny: Study) -> None:
    sampled = targets.sampled_interventions(tiny, "tiny")
    owners = [tuple(Path(path).parts[i] for i in (3, 5)) for path in sampled]
    readouts = ["map", "pattern", "pooled", "energy", "refit"]
    assert sorted(owners) == sorted(
        [(model, readout) for model in ("pixels", "resnet18") for readout in readouts]
        + [("resnet18", "head")]
    )
    assert set(sampled) <= set(targets.all_interventions(tiny, "tiny"))


def test_a_study_has_the_tables_of_its_results(tiny: Study, bare: Study) -> None:
    assert targets.tables(tiny) == [
        "interventions",
        "spectra",
        "planes",
        "transfer",
        "probes",
        "shapley",
    ]
    assert targets.tables(bare) == ["interventions", "spectra", "planes", "transfer", "probes"]
    assert targets.tables(study_of(readouts=["refit"])) == [
        "interventions",
        "spectra",
        "planes",
        "transfer",
    ]
    folder = "results/tiny/summary"
    assert targets.summaries(bare, "tiny") == [
        *(f"{folder}/{name}.nc" for name in targets.tables(bare)),
        *(f"{folder}/{name}.csv" for name in targets.tables(bare)),
        f"{folder}/spectra_profiles.csv",
        f"{folder}/spectra_diagonal.csv",
        f"{folder}/flags.csv",
    ]
    assert f"{folder}/shapley_interactions.csv" in targets.summaries(tiny, "tiny")


def test_figures_are_png_and_svg(tiny: Study) -> None:
    figures = targets.figures(tiny, "tiny")
    assert figures[:2] == [
        "results/tiny/figures/verdict.png",
        "results/tiny/figures/verdict.svg",
    ]
    spectral = targets.spectral_figures(tiny, "tiny")
    assert set(spectral) < set(figures)
    assert {Path(path).stem for path in spectral} == {
        "band_energy",
        "radial_profiles",
        "delta_log_amplitude",
        "spectral_centroid",
        "power_planes",
        "orientation",
        "transfer",
    }


def test_all_data_sets_are_served_stage_by_stage(tiny: Study) -> None:
    spec = tiny.resolved["datasets"]["tiny"]
    both = study_of(datasets={"one": spec, "two": spec})
    assert targets.of_all_datasets(both, targets.config, targets.report) == [
        "results/one/config.yaml",
        "results/two/config.yaml",
        "results/one/report.html",
        "results/two/report.html",
    ]
    paths = targets.of_all_datasets(both, targets.interventions)
    assert len(paths) == 2 * len(targets.interventions(both, "one"))
    assert all(path.startswith("results/two/") for path in targets.interventions(both, "two"))


def test_images_are_drawn_for_data_sets_whose_page_may_show_them(tiny: Study) -> None:
    assert targets.explorer(tiny, "tiny") == []
    assert targets.explored_datasets(tiny) == []
    shown = study_of(report={"images": True})
    assert targets.explorer(shown, "tiny") == ["results/tiny/explorer.json"]
    assert targets.explored_datasets(shown) == ["tiny"]
    assert targets.explorer(study_of(report={"images": True}, readouts=["pooled"]), "tiny") == []
    modes = {"noise": {"kind": "noise"}}
    without = study_of(report={"images": True}, modes=modes, refit={}, head=None)
    assert targets.explorer(without, "tiny") == []
    assert targets.explorer_stores(without, "tiny") == []


def test_images_wait_for_what_they_show(tiny: Study) -> None:
    stores = targets.explorer_stores(tiny, "tiny")
    features = [f"results/tiny/features/{m}/pass-0/eval.zarr" for m in ("pixels", "resnet18")]
    assert sorted(stores[:2]) == features
    assert set(stores[2:]) == {
        path
        for model, layer in LAYERS
        for readout in ("pattern", "map")
        for path in (
            f"results/tiny/probes/{model}/{layer}/{readout}.zarr",
            f"results/tiny/band_logits/{model}/{layer}/{readout}.zarr",
            f"results/tiny/outcomes/{model}/{layer}/{readout}/remove.zarr",
        )
    }
    assert targets.explorer_digests(tiny, "tiny") == Paths.digests(stores)

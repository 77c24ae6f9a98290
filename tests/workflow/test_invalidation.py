"""Only what a change invalidates runs again: the jobs of a real tiny study are counted.

Snakemake decides before the first job what runs, so a plan says it; of each of the reasons (params,
code, images, files that are not there) one change is also run, as far as its first results.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.conftest import TinyStudy

# Whatever changes a summary or the configuration changes the page that shows them.
REPORT = {"write_report": 1}
VERDICT = {"plot_verdict": 1} | REPORT
SUMMARY = {"summarise_interventions": 1, "plot_interventions": 1} | VERDICT
SHAPLEY = {"summarise_shapley": 1, "plot_shapley": 1}
PARTS = {"summarise_parts": 1}
PLANES = {"summarise_planes": 1, "plot_planes": 1, "summarise_transfer": 1, "plot_transfer": 1}
SPECTRA = {"summarise_spectra": 1, "plot_spectra": 1} | PLANES | PARTS | VERDICT
PROBES = {"summarise_probes": 1, "plot_probes": 1} | REPORT
CONFIG = {"write_config": 1} | REPORT
PARAMS = "params have changed since last execution"
MISSING = "output files have to be generated"
# pixels/input, resnet18/layer1, resnet18/layer3
LAYERS = 3
# Scores are flagged where a band's energy is below the rounding of the format.
BY_SPECTRA = {"compute_spectra": LAYERS, "score_targets": LAYERS} | SPECTRA | SUMMARY


def layer_jobs(layers: int) -> dict[str, int]:
    """The jobs of some layers, from their features to their targets."""
    return {
        "compute_spectra": layers,
        "fit_probes": layers,
        "split_logits": layers,
        "intervene_linear": layers,
        "intervene_random": 2 * layers,
        "score_targets": layers,
    }


def head_jobs(layers: int) -> dict[str, int]:
    """The jobs of some layers of networks, from a fitted head to its targets."""
    return {"intervene_head": layers, "score_head": layers}


def test_a_second_run_does_nothing(study: TinyStudy) -> None:
    done = study.run()
    assert done.code == 0
    assert not done.jobs
    assert "Nothing to be done" in done.output


PERTURBED = {"intervene_random": LAYERS, "score_targets": LAYERS} | SUMMARY | CONFIG


def test_another_perturbation_seed_runs_perturb_alone(planner: TinyStudy) -> None:
    planner.config["modes"]["perturb"]["seed"] = 1
    plan = planner.plan()
    assert plan.jobs == PERTURBED
    assert plan.reasons[PARAMS] == {"intervene_random", "write_config"}


@pytest.mark.slow
def test_what_another_seed_runs_ends_what_was_to_be_done(study: TinyStudy) -> None:
    study.config["modes"]["perturb"]["seed"] = 1
    done = study.run("summaries")
    assert done.code == 0, done.output
    later = {"plot_interventions": 1} | VERDICT | CONFIG
    assert done.jobs == {n: count for n, count in PERTURBED.items() if n not in later} | {
        "summaries": 1
    }
    assert study.plan().jobs == later


def test_other_bootstrap_settings_run_scores_and_summaries_alone(planner: TinyStudy) -> None:
    planner.config["statistics"]["resamples"] = 200
    own = {"score_targets": LAYERS, "score_head": 2}
    assert planner.plan().jobs == own | SUMMARY | SHAPLEY | SPECTRA | CONFIG


def test_another_window_runs_spectra_alone(planner: TinyStudy) -> None:
    planner.config["spectra"] = {"window": "hann"}
    assert planner.plan().jobs == BY_SPECTRA | CONFIG


def test_the_window_that_is_the_default_runs_nothing(planner: TinyStudy) -> None:
    planner.config["spectra"] = {"window": "none"}
    assert not planner.plan().jobs


def test_a_new_model_runs_that_model_alone(planner: TinyStudy) -> None:
    model = planner.config["models"]["resnet18"] | {"seed": 1, "layers": [["layer2"]]}
    planner.config["models"]["another"] = model
    own = {"extract_features": 1, "fit_head": 1, "run_head": 1} | layer_jobs(1) | head_jobs(1)
    assert planner.plan().jobs == own | SUMMARY | SHAPLEY | SPECTRA | PROBES | CONFIG


def test_an_appended_pass_runs_that_pass_alone(study: TinyStudy) -> None:
    study.config["models"]["resnet18"]["layers"].append(["layer2", "layer4"])
    own = {"extract_features": 1, "run_head": 1} | layer_jobs(2) | head_jobs(2)
    expected = own | SUMMARY | SHAPLEY | SPECTRA | PROBES | CONFIG
    plan = study.plan()
    assert plan.jobs == expected
    assert plan.reasons[MISSING] >= set(own)
    assert study.run("features").jobs == {"extract_features": 1, "features": 1}
    assert study.plan().jobs == {n: c for n, c in expected.items() if n != "extract_features"}


def test_another_band_edge_runs_no_network_but_the_heads(planner: TinyStudy) -> None:
    planner.config["bands"]["edges"][2] = 0.35
    own = layer_jobs(LAYERS) | {"run_head": 1} | head_jobs(2)
    assert planner.plan().jobs == own | SUMMARY | SHAPLEY | SPECTRA | PROBES | CONFIG


def test_more_control_masks_run_no_readout_again(planner: TinyStudy) -> None:
    planner.config["controls"]["draws"] = 2
    own = {
        n: count
        for n, count in layer_jobs(LAYERS).items()
        if n not in ("fit_probes", "compute_spectra")
    }
    assert planner.plan().jobs == own | SUMMARY | SHAPLEY | PARTS | CONFIG


def test_an_edited_formula_runs_its_stage_alone(study: TinyStudy, own_home: Path) -> None:
    study.home = own_home
    assert not study.plan().jobs, "the same code in another place is the same code"
    module = own_home / "bandprobe" / "fourier" / "spectra.py"
    text = module.read_text()
    module.write_text(text.replace("] = np.bincount(", "] = 1.0 * np.bincount(", 1))
    assert module.read_text() != text
    assert study.plan().jobs == BY_SPECTRA
    done = study.run("spectra")
    assert done.code == 0, done.output
    assert done.jobs == {
        "compute_spectra": LAYERS,
        "summarise_spectra": 1,
        "plot_spectra": 1,
        **PLANES,
        "spectra": 1,
    }
    assert study.plan().jobs == VERDICT, "equal numbers run no stage that reads them"


def test_an_edited_comment_runs_nothing(planner: TinyStudy, own_home: Path) -> None:
    planner.home = own_home
    module = own_home / "bandprobe" / "fourier" / "spectra.py"
    text = module.read_text()
    module.write_text(text.replace('"""What a', '"""So: what a', 1) + "\n# a word\n")
    assert '"""So: what a' in module.read_text()
    assert not planner.plan().jobs


def test_a_changed_image_runs_everything_after_the_manifest(study: TinyStudy) -> None:
    image = study.folder / "images" / "class_0" / "0.png"
    image.write_bytes((study.folder / "images" / "class_0" / "1.png").read_bytes())
    plan = study.plan()
    heads = {"fit_head": 1, "run_head": 1} | head_jobs(2)
    own = {"make_manifest": 1, "assign_folds": 1, "extract_features": 2}
    own |= layer_jobs(LAYERS) | heads
    assert plan.jobs == own | SUMMARY | SHAPLEY | SPECTRA | PROBES
    assert plan.reasons[PARAMS] == {"make_manifest"}
    done = study.run("features")
    assert done.code == 0, done.output
    assert done.jobs["make_manifest"] == 1
    assert done.jobs["extract_features"] == 2


def test_the_same_images_run_nothing(study: TinyStudy) -> None:
    images = study.folder / "images"
    for file in images.rglob("*.png"):
        file.touch()
    assert not study.plan().jobs
    images.rename(study.folder / "photographs")
    study.config["datasets"]["tiny"]["root"] = "photographs"
    assert study.plan().jobs == CONFIG, "the configuration alone says where they lie"


def test_equal_data_end_a_run_of_one_stage(study: TinyStudy) -> None:
    """Snakemake takes what a run makes again for new in that run, and compares in the next."""
    assert study.run("manifests", options=["--forcerun", "make_manifest"]).code == 0
    assert not study.plan().jobs


def test_an_edited_template_writes_the_report_alone(study: TinyStudy, own_home: Path) -> None:
    study.home = own_home
    sheet = own_home / "bandprobe" / "report" / "templates" / "report.css"
    sheet.write_text(sheet.read_text() + "p { color: red; }\n")
    assert study.run().jobs == REPORT
    assert "p { color: red; }" in (study.folder / "results/tiny/report.html").read_text()

"""Only what a change invalidates runs again: the jobs of a real tiny study are counted."""

from __future__ import annotations

from pathlib import Path

from tests.workflow.conftest import TinyStudy

# Whatever changes a summary or the configuration changes the page that shows them.
REPORT = {"write_report": 1}
SUMMARY = {"summarise_interventions": 1, "plot_interventions": 1} | REPORT
SHAPLEY = {"summarise_shapley": 1, "plot_shapley": 1}
SPECTRA = {"summarise_spectra": 1, "plot_spectra": 1} | REPORT
PROBES = {"summarise_probes": 1, "plot_probes": 1} | REPORT
CONFIG = {"write_config": 1} | REPORT
# pixels/input, resnet18/layer1, resnet18/layer3
LAYERS = 3


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


def test_another_perturbation_seed_runs_perturb_alone(study: TinyStudy) -> None:
    study.config["modes"]["perturb"]["seed"] = 1
    done = study.run()
    expected = {"intervene_random": LAYERS, "score_targets": LAYERS} | SUMMARY | CONFIG
    assert done.jobs == expected


def test_other_bootstrap_settings_run_scores_and_summaries_alone(study: TinyStudy) -> None:
    study.config["statistics"]["resamples"] = 200
    done = study.run()
    own = {"score_targets": LAYERS, "score_head": 2}
    assert done.jobs == own | SUMMARY | SHAPLEY | SPECTRA | CONFIG


def test_another_window_runs_spectra_alone(study: TinyStudy) -> None:
    study.config["spectra"] = {"window": "hann"}
    done = study.run()
    assert done.jobs == {"compute_spectra": LAYERS} | SPECTRA | CONFIG


def test_the_window_that_is_the_default_runs_nothing(study: TinyStudy) -> None:
    study.config["spectra"] = {"window": "none"}
    assert not study.run().jobs


def test_a_new_model_runs_that_model_alone(study: TinyStudy) -> None:
    model = study.config["models"]["resnet18"] | {"seed": 1, "layers": [["layer2"]]}
    study.config["models"]["another"] = model
    done = study.run()
    own = {"extract_features": 1, "fit_head": 1, "run_head": 1} | layer_jobs(1) | head_jobs(1)
    assert done.jobs == own | SUMMARY | SHAPLEY | SPECTRA | PROBES | CONFIG


def test_an_appended_pass_runs_that_pass_alone(study: TinyStudy) -> None:
    study.config["models"]["resnet18"]["layers"].append(["layer2", "layer4"])
    done = study.run()
    own = {"extract_features": 1, "run_head": 1} | layer_jobs(2) | head_jobs(2)
    assert done.jobs == own | SUMMARY | SHAPLEY | SPECTRA | PROBES | CONFIG


def test_another_band_edge_runs_no_network_but_the_heads(study: TinyStudy) -> None:
    study.config["bands"]["edges"][2] = 0.35
    done = study.run()
    own = layer_jobs(LAYERS) | {"run_head": 1} | head_jobs(2)
    assert done.jobs == own | SUMMARY | SHAPLEY | SPECTRA | PROBES | CONFIG


def test_more_control_masks_run_no_readout_again(study: TinyStudy) -> None:
    study.config["controls"]["draws"] = 2
    done = study.run()
    own = {
        n: count
        for n, count in layer_jobs(LAYERS).items()
        if n not in ("fit_probes", "compute_spectra")
    }
    assert done.jobs == own | SUMMARY | SHAPLEY | CONFIG


def test_an_edited_formula_runs_its_stage_alone(study: TinyStudy, own_home: Path) -> None:
    study.home = own_home
    assert not study.run().jobs, "the same code in another place is the same code"
    module = own_home / "bandprobe" / "fourier" / "spectra.py"
    text = module.read_text()
    module.write_text(text.replace("np.rint(", "np.floor(0.5 + ", 1))
    assert module.read_text() != text
    assert study.run().jobs == {"compute_spectra": 3} | SPECTRA


def test_an_edited_comment_runs_nothing(study: TinyStudy, own_home: Path) -> None:
    study.home = own_home
    module = own_home / "bandprobe" / "fourier" / "spectra.py"
    module.write_text(module.read_text().replace('"""What a', '"""So: what a', 1) + "\n# a word\n")
    assert not study.run().jobs


def test_a_changed_image_runs_everything_after_the_manifest(study: TinyStudy) -> None:
    image = study.folder / "images" / "class_0" / "0.png"
    image.write_bytes((study.folder / "images" / "class_0" / "1.png").read_bytes())
    done = study.run()
    assert done.jobs["make_manifest"] == 1
    assert done.jobs["extract_features"] == 2


def test_a_touched_image_runs_the_manifest_and_no_features(study: TinyStudy) -> None:
    (study.folder / "images" / "class_0" / "0.png").touch()
    study.run("manifests")
    assert study.run().jobs["extract_features"] == 0


def test_an_edited_template_writes_the_report_alone(study: TinyStudy, own_home: Path) -> None:
    study.home = own_home
    sheet = own_home / "bandprobe" / "report" / "templates" / "report.css"
    sheet.write_text(sheet.read_text() + "p { color: red; }\n")
    assert study.run().jobs == REPORT
    assert "p { color: red; }" in (study.folder / "results/tiny/report.html").read_text()

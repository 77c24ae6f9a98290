"""Bad input gives one clear error: what is wrong, what was expected, what to do; no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import HOME, TinyStudy


def test_misspelt_config_key(fresh: TinyStudy) -> None:
    fresh.config["statistics"]["resampels"] = fresh.config["statistics"].pop("resamples")
    output = fresh.fails()
    assert "statistics: unknown key 'resampels'" in output
    assert "did you mean 'resamples'?" in output


def test_a_mode_that_is_given_twice(fresh: TinyStudy) -> None:
    text = yaml.safe_dump(fresh.config) + "modes:\n  remove: {kind: isolate}\n"
    first, second = (n for n, line in enumerate(text.splitlines(), 1) if line == "modes:")
    (fresh.folder / "config.yaml").write_text(text)
    (fresh.folder / "twice.json").write_text('{"modes": {},\n "modes": {}}')
    own = fresh.command(fresh.folder / "config.yaml")
    place = own.index("--configfile")
    for command, found in (
        ([*own[:place], *own[place + 2 :]], f"modes in lines {first} and {second}"),
        (fresh.command(fresh.folder / "twice.json"), "modes in lines 1 and 2"),
    ):
        done = subprocess.run(
            [*command, "--dry-run"], capture_output=True, text=True, check=False, cwd=fresh.folder
        )
        assert done.returncode != 0
        assert found in done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr


def test_band_edges_that_do_not_increase(fresh: TinyStudy) -> None:
    fresh.config["bands"]["edges"][1] = 0.4
    output = fresh.fails()
    assert "edges must increase strictly" in output
    assert "0.4" in output


def test_unknown_layer(fresh: TinyStudy) -> None:
    fresh.config["models"]["resnet18"]["layers"] = [["layer5"]]
    output = fresh.fails("features")
    assert "unknown layer 'layer5'" in output
    assert "layer4" in output


def test_unreadable_images_are_named_all_at_once(fresh: TinyStudy) -> None:
    bad = [fresh.folder / "images" / f"class_{n}" / "0.png" for n in (0, 2)]
    for path in bad:
        path.write_bytes(path.read_bytes()[:60])
    output = fresh.fails("manifests")
    assert "2 unreadable image(s)" in output
    assert all(f"{path.parent.name}/0.png" in output for path in bad)


def test_class_with_one_image(fresh: TinyStudy) -> None:
    for number in range(1, 8):
        (fresh.folder / "images" / "class_1" / f"{number}.png").unlink()
    output = fresh.fails("manifests")
    assert "single image cannot be split" in output
    assert "class_1" in output


def test_wrong_digest(fresh: TinyStudy) -> None:
    fresh.config["models"] = {"pixels": fresh.config["models"]["pixels"]}
    fresh.config["datasets"] = {"photos": {"kind": "photos", "asset": "photos"}}
    wheel = fresh.folder / "resources" / "wheels" / "photos.whl"
    wheel.parent.mkdir(parents=True)
    wheel.write_bytes(b"not the wheel")
    output = fresh.fails("manifests")
    assert "wrong digest" in output
    assert "11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb" in output


def test_missing_wheel_without_network(fresh: TinyStudy) -> None:
    fresh.config["datasets"] = {"photos": {"kind": "photos", "asset": "photos"}}
    offline = os.environ | {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "",
        "PIP_CONFIG_FILE": os.devnull,
    }
    output = fresh.fails("manifests", env=offline)
    assert "cannot download foolbox==3.3.4" in output
    assert "pip download" in output


def test_missing_data_folder(fresh: TinyStudy) -> None:
    fresh.config["datasets"]["tiny"]["root"] = "nowhere"
    assert "nowhere is not a directory" in fresh.fails("manifests")


@pytest.mark.parametrize(
    ("option", "wrong", "valid"),
    [
        ("--model", "resnet19", "resnet18"),
        ("--layer", "layer9", "layer1, layer3"),
        ("--band", "ultra-lo", "ultra-low"),
        ("--mode", "delete", "remove, isolate-mean, lowpass, highpass, resample, perturb"),
        ("--dataset", "imagenet", "tiny"),
    ],
)
def test_commands_list_the_valid_names(option: str, wrong: str, valid: str) -> None:
    options = {
        "--model": "resnet18",
        "--layer": "layer1",
        "--band": "ultra-low",
        "--mode": "remove",
        "--dataset": "tiny",
    } | {option: wrong}
    script = HOME / "workflow" / "scripts" / "run_layerwise_intervention.py"
    config = ["--config", str(HOME / "configs" / "tiny.yaml")]
    flat = [word for pair in options.items() for word in pair]
    done = subprocess.run(
        [sys.executable, str(script), *flat, *config], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert wrong in done.stderr
    assert valid in done.stderr


def command(study: TinyStudy, name: str, *options: str) -> subprocess.CompletedProcess[str]:
    script = HOME / "workflow" / "scripts" / f"{name}.py"
    return subprocess.run(
        [sys.executable, str(script), "--config", "study.yaml", "--cores", "2", *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=study.folder,
    )


@pytest.mark.slow
def test_one_target_runs_and_prints(fresh: TinyStudy) -> None:
    fresh.run("manifests")
    done = command(
        fresh,
        "run_layerwise_intervention",
        *("--model", "pixels", "--layer", "input", "--band", "mid", "--mode", "perturb"),
    )
    assert done.returncode == 0, done.stderr
    assert "drop in top-1 accuracy" in done.stdout
    assert "literal route" in done.stdout
    made = list((fresh.folder / "results/tiny/targets").rglob("*.json"))
    # One job scores all readouts, modes and bands of a layer, and no other layer's.
    assert fresh.folder / "results/tiny/targets/pixels/input/map/perturb/mid.json" in made
    assert {path.relative_to(fresh.folder).parts[3:5] for path in made} == {("pixels", "input")}
    assert not Path(fresh.folder, "results/tiny/figures").exists()


def test_all_layers_print_as_tables(study: TinyStudy) -> None:
    done = command(study, "batch_all_layers", "--model", "resnet18", "--mode", "remove")
    assert done.returncode == 0, done.stderr
    assert "layer1" in done.stdout
    assert "N/A" in done.stdout
    assert "forced" in done.stdout


def test_spectrum_is_drawn(study: TinyStudy) -> None:
    done = command(study, "plot_layerwise_spectrum", "--model", "resnet18", "--output", "s.png")
    assert done.returncode == 0, done.stderr
    assert (study.folder / "s.png").stat().st_size > 10_000


def test_another_figure_of_the_spectrum_comes_out_of_one_command(study: TinyStudy) -> None:
    done = command(study, "plot_layerwise_spectrum", "--figure", "delta-log-amplitude")
    assert done.returncode == 0, done.stderr
    folder = study.folder / "results/tiny/figures"
    for suffix in ("png", "svg", "csv"):
        path = folder / f"layerwise_delta_log_amplitude.{suffix}"
        assert str(path.relative_to(study.folder)) in done.stdout
        assert path.stat().st_size > 1_000

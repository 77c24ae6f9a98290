"""The command line on a finished tiny study, and on copies of it that differ."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml
import zarr
from PIL import Image

from bandprobe.cli.main import main
from bandprobe.inspection.finished import find_results
from bandprobe.inspection.two_studies import compare
from bandprobe.scoring.fields import EFFECTS
from tests.workflow.conftest import HOME, TinyStudy, make_images, traces

CELL = ("resnet18", "layer1", "map", "remove", "low")


def bandprobe(folder: Path, *words: str) -> tuple[int, str, str]:
    """Exit status, output and errors of a command in a folder."""
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), redirect_stdout(output), redirect_stderr(errors):
        status = main(words)
    return status, output.getvalue(), errors.getvalue()


def prints(folder: Path, *words: str) -> str:
    status, output, errors = bandprobe(folder, *words)
    assert status == 0, errors
    return output


def fails(folder: Path, *words: str) -> str:
    status, output, errors = bandprobe(folder, *words)
    assert status == 1, output
    assert errors.startswith("Error: ")
    return errors


def results(study: TinyStudy) -> Path:
    return study.folder / "results" / "tiny"


def target(folder: Path, cell: tuple[str, ...] = CELL) -> Path:
    return folder / "targets" / Path(*cell).with_suffix(".json")


def edit_target(folder: Path, cell: tuple[str, ...] = CELL, **fields: object) -> None:
    path = target(folder, cell)
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_list_names_everything_of_a_study(finished: TinyStudy) -> None:
    text = prints(finished.folder, "list", "--config", "study.yaml")
    for name in ("tiny", "resnet18", "layer3", "ultra-high", "refit", "resample", "head"):
        assert name in text
    assert "763 targets in all, 28 of them of heads" in text
    assert prints(finished.folder, "list", "bands", "--config", "study.yaml").split() == [
        *("ultra-low", "very-low", "low", "mid", "high", "very-high", "ultra-high")
    ]


def test_modules_of_a_model_have_their_shapes_at_its_input_size(finished: TinyStudy) -> None:
    text = prints(finished.folder, "list", "--layers", "resnet18", "--config", "study.yaml")
    row = next(line for line in text.splitlines() if " layer3 " in line)
    assert row.count("256 x 2 x 2") == 2
    assert "gives no map" in text
    wrong = fails(finished.folder, "list", "--layers", "resnet19", "--config", "study.yaml")
    assert "Did you mean 'resnet18'?" in wrong


def test_inspect_a_store_and_draw_it(study: TinyStudy) -> None:
    path = "results/tiny/features/resnet18/pass-0/eval.zarr"
    text = prints(study.folder, "inspect", path, "--array", "layer3", "--png", "map.png")
    recorded = json.loads((study.folder / f"{path}.digest.json").read_text())["sha256"]
    for word in ("feature maps", recorded, "12 x 256 x 2 x 2", "float16", "weights_sha256"):
        assert word in text
    assert "layer3: sample 0, root mean square over channel" in text
    with Image.open(study.folder / "map.png") as picture:
        assert picture.width > 300


def test_inspect_a_target_by_its_names(finished: TinyStudy) -> None:
    name = "/".join(("tiny", *CELL))
    record = json.loads(target(results(finished)).read_text())
    text = prints(finished.folder, "inspect", name)
    assert f"untouched {'#' * round(40 * record['clean_top1'])}" in text
    assert record["provenance"]["outcomes_sha256"] in text
    wrong = fails(finished.folder, "inspect", name.replace("low", "lo"))
    assert "ultra-low.json" in wrong


def test_inspect_tables(finished: TinyStudy) -> None:
    text = prints(finished.folder, "inspect", "results/tiny/summary/interventions.nc")
    assert "top1_drop" in text
    assert "drop in top-1" in text
    text = prints(finished.folder, "inspect", "results/tiny/manifest.parquet")
    assert "image_sha256" in text


def test_show_draws_a_map_with_everything_done_to_it(study: TinyStudy) -> None:
    words = ["--config", "study.yaml", "--cores", "2", "--model", "resnet18", "--layer", "layer1"]
    (study.folder / ".snakemake" / "locks").mkdir(exist_ok=True)
    before = traces(study.folder)
    text = prints(study.folder, "show", *words, "--sample", "13", "--mode", "remove", "perturb")
    picture = study.folder / "results/tiny/figures/map_resnet18_layer1_13.png"
    assert text.splitlines()[-1] == str(picture.relative_to(study.folder))
    with Image.open(picture) as image:
        assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 200
    assert before
    assert traces(study.folder) == before, "nothing was to be made"
    wrong = fails(study.folder, "show", *words, "--sample", "3")
    assert "a number from 12 to 23" in wrong
    assert "Valid: layer1, layer3" in fails(study.folder, "show", *words[:-1], "layer9")


def test_a_study_does_not_differ_from_itself(finished: TinyStudy) -> None:
    text = prints(finished.folder, "compare", ".", "results/tiny")
    assert "Paired: both studies scored the same images" in text
    assert "0 of " in text
    found = compare(*[find_results(results(finished))] * 2, "top1_drop")
    assert found.same_images
    assert not found.configuration
    assert all(cell.paired and cell.difference for cell in found.counted)
    assert not any(cell.difference.differs for cell in found.counted if cell.difference)
    # Every target is either compared or says why not.
    assert len(found.cells) == 763
    assert len(found.counted) + sum(found.reasons.values()) == 763
    records = [json.loads(p.read_text()) for p in (results(finished) / "targets").rglob("*.json")]
    dropped = ("empty-band", "not-defined", "structural:")
    kept = [
        record
        for record in records
        if not any(flag.startswith(dropped) for flag in record["flags"])
    ]
    bypassed = sum("structural:prefix-bypass" in record["flags"] for record in records)
    assert len(found.counted) == len(kept) + bypassed


def test_paired_differences_are_those_of_the_images(pair: tuple[Path, Path]) -> None:
    one, other = pair
    store = other / "outcomes" / Path(*CELL[:3]) / "remove.zarr"
    group = zarr.open_group(store, mode="r+")
    band = list(group["band"][:]).index("low")
    group["correct"][band] = 0.0
    found = compare(find_results(one), find_results(other), "top1_drop")
    by_key = {cell.key: cell for cell in found.cells}
    changed = by_key[CELL].difference
    original = xr.open_zarr(one / store.relative_to(other)).correct.sel(band="low")
    assert changed is not None
    # Nothing is right any more, so the drop grows by what was right.
    assert changed.value == pytest.approx(-float(original.mean()))
    assert changed.differs
    assert sum(bool(cell.difference and cell.difference.differs) for cell in found.cells) == 1
    assert by_key[CELL].p_holm == pytest.approx(min(1, changed.p_value * len(found.counted)))


def test_without_the_same_images_intervals_are_put_together(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    one, other = pair
    (other / "manifest.parquet").unlink()
    edit_target(other, top1_drop=0.9, top1_drop_ci=[0.8, 0.95])
    edit_target(one, top1_drop=0.1, top1_drop_ci=[0.0, 0.2])
    text = prints(tmp_path, "compare", "one", "other", "--csv", "d.csv")
    assert "Not paired" in text
    assert "1 of " in text
    rows = pd.read_csv(tmp_path / "d.csv").set_index(["model", "layer", "readout"])
    row = rows.loc[CELL[:3]].query("mode == 'remove' and band == 'low'").iloc[0]
    assert row["method"] == "unpaired"
    assert row["differs"]
    assert row["low"] == pytest.approx(-0.8 - np.hypot(0.1, 0.05))
    assert row["high"] == pytest.approx(-0.8 + np.hypot(0.1, 0.1))
    assert len(rows) == 7 * 7


@pytest.fixture
def pair(finished: TinyStudy, tmp_path: Path) -> tuple[Path, Path]:
    """Two equal results folders with the targets and outcomes of one readout of one layer."""
    folders = tmp_path / "one", tmp_path / "other"
    for folder in folders:
        for kind in ("targets", "outcomes"):
            part = Path(kind, *CELL[:3])
            shutil.copytree(results(finished) / part, folder / part)
        for name in ("manifest.parquet", "config.yaml"):
            shutil.copy(results(finished) / name, folder / name)
    return folders


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"flags": ["empty-band"]}, "N/A"),
        ({"flags": ["structural:readout-blind"]}, "forced"),
        ({"flags": ["rule-and-numbers-disagree"]}, "flagged"),
        ({"n_classes": 4}, "classes"),
        ({"n_groups": 1}, "single group"),
        ({"provenance": {"config": '{"level": 0.95}', "mode": '{"kind": "isolate"}'}}, "mode"),
    ],
)
def test_what_cannot_be_compared_never_counts(
    pair: tuple[Path, Path], fields: dict[str, object], reason: str
) -> None:
    edit_target(pair[1], top1_drop=0.9, top1_drop_ci=[0.8, 0.95], **fields)
    for order in (pair, pair[::-1]):
        found = compare(*map(find_results, order), "top1_drop")
        cell = next(cell for cell in found.cells if cell.key == CELL)
        assert cell.difference is None
        assert reason in cell.reason
        assert not any(c.difference.differs for c in found.counted if c.difference)


def test_other_edges_are_another_band(pair: tuple[Path, Path]) -> None:
    one, other = pair
    config = (other / "config.yaml").read_text()
    assert "- 0.3\n" in config
    (other / "config.yaml").write_text(config.replace("- 0.3\n", "- 0.35\n"))
    found = compare(find_results(one), find_results(other), "margin_drop")
    assert {cell.key[4] for cell in found.counted}.isdisjoint({"low", "mid"})
    assert found.counted
    assert found.reasons["the band has different edges"] > 0
    assert list(found.configuration) == ["bands.edges"]


def test_studies_that_share_nothing_say_so(finished: TinyStudy, tmp_path: Path) -> None:
    assert "contains no targets" in fails(finished.folder, "compare", "results/tiny", str(tmp_path))
    lonely = target(tmp_path / "x", ("alexnet", *CELL[1:]))
    lonely.parent.mkdir(parents=True)
    record = json.loads(target(results(finished)).read_text()) | {"model": "alexnet"}
    lonely.write_text(json.dumps(record))
    error = fails(finished.folder, "compare", "results/tiny", str(tmp_path / "x"))
    assert "models pixels, resnet18 in A, alexnet in B" in error


def test_targets_left_from_an_earlier_configuration_do_not_count(pair: tuple[Path, Path]) -> None:
    for folder in pair:
        shutil.copytree(
            folder / "targets" / Path(*CELL[:3]), folder / "targets/resnet18/layer4/map"
        )
        for path in (folder / "targets/resnet18/layer4/map").rglob("*.json"):
            path.write_text(json.dumps(json.loads(path.read_text()) | {"layer": "layer4"}))
    found = compare(*map(find_results, pair), "top1_drop")
    assert {cell.key[1] for cell in found.counted} == {"layer1"}
    assert found.reasons["left over from an earlier configuration of one or both"] == 49


@pytest.mark.parametrize("score", EFFECTS)
def test_every_effect_can_be_compared(pair: tuple[Path, Path], score: str) -> None:
    assert compare(*map(find_results, pair), score).counted


def test_init_writes_once_and_only_what_is_valid(tmp_path: Path) -> None:
    make_images(tmp_path / "data" / "flowers")
    words = ["init", "--images", "data/flowers", "--model", "timm/resnet18"]
    assert "flowers/rose" not in prints(tmp_path, *words)
    text = (tmp_path / "study.yaml").read_text()
    assert "layers: [[layer1, layer2, layer3, layer4]]" in text
    assert "weights: pretrained/a1_in1k" in text
    assert "study.yaml exists and is not overwritten" in fails(tmp_path, *words)
    assert (tmp_path / "study.yaml").read_text() == text
    assert "is not a directory" in fails(
        tmp_path, *words, "--images", "nowhere", "--output", "b.yaml"
    )
    wrong = fails(tmp_path, *words, "--model", "timm/resnet1", "--output", "b.yaml")
    assert "resnet18" in wrong
    assert not (tmp_path / "b.yaml").exists()


def test_init_takes_the_input_of_a_network_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_images(tmp_path / "flowers")
    code = "from torch import nn\n\ndef make():\n    return nn.Sequential(nn.Conv2d(3, 8, 4, 4))\n"
    (tmp_path / "nets_of_mine.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    words = ["init", "--images", "flowers", "--model", "python/nets_of_mine:make"]
    assert "the network brings none of its own" in fails(tmp_path, *words)
    own = {"size": [32, 48], "crop_fraction": 1.0, "interpolation": "bicubic"}
    own |= {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    assert "maps of 8 x 8 x 12" in prints(tmp_path, *words, "--preprocess", json.dumps(own))
    written = yaml.safe_load((tmp_path / "study.yaml").read_text())
    assert written["models"]["make"]["preprocess"] == own


def test_the_run_ends_with_what_there_is(study: TinyStudy) -> None:
    (results(study) / "config.yaml").unlink()
    target(results(study)).unlink()
    done = study.run("results/tiny/config.yaml")
    assert done.code == 0
    assert done.jobs == {"write_config": 1}
    assert "bandprobe: 762 of 763 targets are there" in done.output
    assert "figures in results/tiny/figures" in done.output
    assert "empty-band" in done.output


def test_jobs_log_their_progress_in_whole_lines(finished: TinyStudy) -> None:
    logs = finished.folder / "logs" / "tiny"
    extraction = [path.read_text() for path in (logs / "extract_features").rglob("*.log")]
    assert "resnet18/pass-0/eval: 12 of 12 images in " in "".join(extraction)
    assert b"decoding images: 24 of 24 images in " in (logs / "make_manifest.log").read_bytes()
    stages = ("compute_spectra", "fit_probes", "split_logits", "intervene_random")
    for stage in (*stages, "run_head", "fit_head"):
        texts = [path.read_bytes() for path in (logs / stage).rglob("*.log")]
        assert texts, stage
        for text in texts:
            assert b" of " in text, stage
            assert b"\r" not in text, stage


NETWORK = """
import os
from pathlib import Path
from torch import nn

Path("seen.txt").write_text(os.environ["BANDPROBE_TERMINAL"])

def make():
    return nn.Conv2d(3, 2, 8, 8)
"""


def test_jobs_know_the_terminal_of_a_local_run(fresh: TinyStudy) -> None:
    (fresh.folder / "nets.py").write_text(NETWORK)
    full = {"crop_fraction": 1.0, "interpolation": "bilinear", "mean": [0.5] * 3, "std": [0.5] * 3}
    fresh.config["models"] = {
        "mine": {
            "architecture": "python/nets:make",
            "weights": "random",
            "preprocess": {"size": [32, 32], **full},
            "layers": [["0"]],
        }
    }
    fresh.config.pop("head")
    goal = "results/tiny/features/mine/pass-0/eval.zarr.digest.json"
    (fresh.folder / "study.yaml").write_text(yaml.safe_dump(fresh.config))
    screen, end = pty.openpty()
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(HOME / "Snakefile")]
    command += ["--workflow-profile", str(HOME / "profiles" / "default"), "--cores", "2"]
    command += ["--configfile", "study.yaml", "--quiet", "all", "--", goal]
    subprocess.run(
        command, cwd=fresh.folder, stderr=end, stdout=subprocess.DEVNULL, check=False, timeout=600
    )
    name = os.ttyname(end)
    os.close(end)
    os.close(screen)
    assert (fresh.folder / "seen.txt").read_text() == name

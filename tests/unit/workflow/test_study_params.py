"""Options and values of single jobs."""

from __future__ import annotations

import os
import re
import shlex
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bandprobe.data.list_samples import list_samples
from bandprobe.errors import DatasetError
from bandprobe.fourier.bands import Bands
from bandprobe.study.study import Study
from bandprobe.workflow import stores, study_params
from bandprobe.workflow.params import from_json
from tests.unit.workflow.conftest import study_of

ROOT = Path(__file__).parents[3]


def words(option: str) -> list[str]:
    return shlex.split(option)


def test_options_are_quoted_for_the_shell_and_left_out_without_a_value() -> None:
    assert words(study_params.option("weights", "a b'c.pt")) == ["--weights", "a b'c.pt"]
    assert study_params.option("weights", "") == ""


@pytest.mark.parametrize("count", [2, 5000])
def test_thousands_of_shards_and_slabs_fit_into_a_command(count: int) -> None:
    """Linux takes 128 KiB for an argument, and a job's command is one argument of its shell."""
    study = study_of(scale={"shards": count, "slabs": count})
    job = {"dataset": "tiny", "model": "resnet18", "passname": "pass-0", "layer": "layer1"}
    job["split"] = "train"
    shards: Any = SimpleNamespace(shards=[path.format(**job) for path in stores.shards(study)])
    sums: Any = SimpleNamespace(sums=[path.format(**job) for path in stores.slab_sums(study)])
    limit = 128 * 1024
    assert (len(" ".join(shards.shards)) > limit) == (count == 5000), "a list would not fit"
    joined = study_params.shards_option(study, job, shards)
    assert words(joined) == [
        *("--shards", "results/tiny/features/resnet18/pass-0/shards"),
        *("--count", str(count), "--split", "train"),
    ]
    fitted = study_params.sums_option(study, job, sums)
    assert words(fitted) == ["--sums", "results/tiny/sums/resnet18/layer1", "--slabs", str(count)]
    none: Any = SimpleNamespace(sums=[])
    assert study_params.sums_option(study, job, none) == ""


def test_no_command_lists_shards_or_slabs() -> None:
    texts = [path.read_text() for path in sorted((ROOT / "rules").glob("*.smk"))]
    declared = [
        (name, text)
        for text in texts
        for name in re.findall(r"(\w+)=ancient\(stores\.(?:shards|slab_sums)\(", text)
    ]
    assert sorted(name for name, _ in declared) == ["shards", "sums"]
    assert not [name for name, text in declared if f"{{input.{name}" in text]


def test_images_that_are_written_do_not_depend_on_what_is_done_with_shared_ones() -> None:
    cifar = {"kind": "cifar10", "root": "data", "on_shared_images": "drop"}
    study, job = study_of(datasets={"own": cifar}), {"dataset": "own"}
    made = study_params.made_images_spec(study, job)
    assert made == {"kind": "cifar10", "seed": 0}
    assert study_params.dataset_spec(study, job) == made | {"on_shared_images": "drop"}


def test_a_data_set_and_its_folder(tiny: Study, tmp_path: Path) -> None:
    job = {"dataset": "tiny"}
    spec = study_params.dataset_spec(tiny, job)
    assert spec["kind"] == "imagefolder"
    assert "root" not in spec, "the same images elsewhere are the same data"
    assert study_params.dataset_places(tiny, job) == {"root": "images"}
    none: Any = SimpleNamespace(images=[])
    made: Any = SimpleNamespace(images="elsewhere/images")
    assert study_params.dataset_root(tiny, job, none) == "images"
    assert study_params.dataset_root(tiny, job, made) == "elsewhere/images"
    folder = {"kind": "imagefolder", "root": str(tmp_path)}
    study = study_of(datasets={"own": folder, "photos": {"kind": "photos", "asset": "photos"}})
    assert study_params.dataset_state(study, {"dataset": "photos"}) == "none"
    before = study_params.dataset_state(study, {"dataset": "own"})
    assert study_params.dataset_state(study, {"dataset": "own"}) == before
    study_params._state.cache_clear()
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(b"x")
    assert study_params.dataset_state(study, {"dataset": "own"}) != before


def test_files_that_cannot_be_listed_are_left_to_the_job(tmp_path: Path) -> None:
    """Snakemake shows a traceback of an error in a plan; the job names the file without one."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / os.fsdecode(b"image\xe9.png")).touch()
    study = study_of(datasets={"own": {"kind": "imagefolder", "root": str(tmp_path)}})
    assert study_params.dataset_state(study, {"dataset": "own"}) == "none", "a value of an option"
    with pytest.raises(DatasetError, match="is not UTF-8"):
        list_samples(tmp_path / "manifest.parquet", study.datasets["own"], tmp_path)


def test_layers_and_axes_of_a_job(tiny: Study) -> None:
    job = {"dataset": "tiny", "model": "resnet18", "passname": "pass-0", "layer": "layer1"}
    assert study_params.layers_of_pass(tiny, job) == ("layer1", "layer3")
    axes = {"dataset": "tiny", "model": "resnet18", "layer": "layer1"}
    assert study_params.layer_axes(tiny, job) == axes


def test_folders_count_by_where_they_lie_among_each_other(tmp_path: Path) -> None:
    def spec(*folders: str) -> dict[str, Any]:
        names = dict(zip(("root", "train_root"), folders, strict=False))
        own = {"kind": "imagenet-val", "classes": ["n01440764", "n01443537"]} | names
        return study_params.dataset_spec(study_of(datasets={"own": own}), {"dataset": "own"})

    assert spec("/a/val", "/a/train") == spec("/b/c/val", "/b/c/train")
    assert spec("/a/val", "/a/train") != spec("/a/val", "/a/more/train")
    assert spec("/a/val") == spec("/b")


def test_weights_count_by_their_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study_params.kept_digests.cache_clear()
    model = {"architecture": "timm/resnet18", "weights": "file/w.pth", "layers": [["layer1"]]}
    study = study_of(models={"own": model, "blank": model | {"weights": "random"}})
    assert study_params.weights_content(study, {"model": "blank"}) == ""
    assert study_params.weights_content(study, {"model": "own"}) == "", (
        "the job names what is missing"
    )
    Path("w.pth").write_bytes(b"weights")
    first = study_params.weights_content(study, {"model": "own"})
    assert first == sha256(b"weights").hexdigest()
    Path("older.pth").write_bytes(b"another")
    os.utime("older.pth", (0, 0))
    os.replace("older.pth", "w.pth")
    assert study_params.weights_content(study, {"model": "own"}) == sha256(b"another").hexdigest()


def test_weights_are_an_option_where_there_is_a_file() -> None:
    model = {"architecture": "timm/resnet18", "weights": "file/a b.pt", "layers": [["layer1"]]}
    study = study_of(models={"own": model, "blank": model | {"weights": "random"}})
    none: Any = SimpleNamespace(weights=[])
    fetched: Any = SimpleNamespace(weights="resources/w.safetensors")
    assert words(study_params.weights_option(study, {"model": "own"}, none)) == [
        "--weights",
        "a b.pt",
    ]
    assert study_params.weights_option(study, {"model": "blank"}, none) == ""
    option = study_params.weights_option(study, {"model": "blank"}, fetched)
    assert words(option) == ["--weights", "resources/w.safetensors"]


def test_shards_and_slabs_have_a_number_and_a_count(tiny: Study) -> None:
    assert study_params.shard_option(tiny, {}) == ""
    sharded = study_of(scale={"shards": 4, "slabs": 3})
    assert words(study_params.shard_option(sharded, {"shard": "0003"})) == ["--shard", "3/4"]
    assert study_params.slab_position(sharded, {"slab": "0010"}) == "10 3"
    assert study_params.slab_pattern_option(sharded) == "--pattern"
    assert study_params.slab_pattern_option(study_of(readouts=["map"])) == ""


def test_only_networks_have_a_precision(tiny: Study) -> None:
    assert study_params.precision_option(tiny, {"model": "pixels"}) == ""
    option = study_params.precision_option(study_of(precision="bfloat16"), {"model": "resnet18"})
    assert words(option) == ["--precision", "bfloat16"]


def test_bands_are_an_option_of_readouts_by_band(tiny: Study, bare: Study) -> None:
    assert study_params.fit_bands_option(bare) == study_params.slab_bands_option(bare) == ""
    name, text = words(study_params.slab_bands_option(tiny))
    assert name == "--bands"
    assert from_json(Bands)(text) == tiny.bands
    bands = study_params.fit_bands(tiny)
    assert bands is not None
    assert bands.kinds == ("remove", "isolate")
    assert '"kinds"' in study_params.fit_bands_option(tiny)
    # Penalties by band need them too.
    by_band = study_of(readouts=["map"], probe={"by_band": True}, refit=None)
    assert study_params.fit_bands(study_of(readouts=["map"], refit=None)) is None
    found = study_params.fit_bands(by_band)
    assert found is not None
    assert found.bands == by_band.bands


def test_modes_by_name_and_of_a_job(tiny: Study, bare: Study) -> None:
    assert study_params.modes(tiny, ["noise", "remove"]) == (
        tiny.modes["noise"],
        tiny.modes["remove"],
    )
    assert study_params.mode_of_job(tiny, {"mode": "perturb"}) is tiny.modes["perturb"]
    heads = study_params.head_modes(tiny)
    assert [mode.name for mode in heads] == ["remove", "isolate-mean"]
    assert study_params.head_modes(bare) == ()


def test_figures_of_all_tables_are_those_of_the_gallery(tiny: Study) -> None:
    tables = ("spectra", "probes", "interventions", "shapley")
    names = [name for table in tables for name in study_params.figures_of(tiny, table)]
    assert len(names) == len(set(names))
    assert {"band_energy", "penalty_paths", "shapley_margin"} <= set(names)
    assert study_params.figures_of(tiny, "nothing") == {}


@pytest.mark.parametrize("heads", [True, False])
def test_a_study_without_heads_has_no_axes_of_heads(bare: Study, heads: bool) -> None:
    assert study_params.summary_axes(bare, bare.readouts, heads=heads).heads is None


def test_sweeps_show_a_readout_that_has_them() -> None:
    """`refit` comes first and is fitted for another mode."""
    only = {"readouts": ["refit", "energy"], "refit": {"modes": ["remove"]}}
    entries = study_params.figures_of(study_of(**only), "interventions")
    assert entries["sweeps"].options == {"readout": "energy", "modes": ["lowpass", "highpass"]}
    only["refit"] = {"modes": ["highpass"]}
    entries = study_params.figures_of(study_of(**only), "interventions")
    assert entries["sweeps"].options == {"readout": "refit", "modes": ["highpass"]}
    only = {"readouts": ["refit"], "refit": {"modes": ["remove"]}}
    assert "sweeps" not in study_params.figures_of(study_of(**only), "interventions")


def test_random_masks_of_energy_are_changed_as_the_modes_say(tiny: Study, bare: Study) -> None:
    assert study_params.energy_changes(tiny) == (
        "remove/zero",
        "isolate/mean",
        "lowpass/mean",
        "highpass/zero",
    )
    assert study_params.energy_changes(bare) == ()
    assert study_params.energy_changes(study_of(readouts=["map"])) == ()
    assert study_params.energy_changes(study_of(controls={"draws": 0})) == ()

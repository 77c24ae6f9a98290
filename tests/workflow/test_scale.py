"""Shards and slabs change no result, and memory stays within what the rules declare."""

from __future__ import annotations

import re
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import xarray as xr

from bandprobe.data.manifest import CROP, SIZE, Split, read_split, write_table
from bandprobe.store.zarr_store import Variable, write_store
from tests.workflow.conftest import HOME, TinyStudy, make_images

N, CHANNELS, SIDE, CLASSES = 20_000, 6, 7, 5
RESERVED = 1000
STAGES = (
    "compute_spectra",
    "fit_probes",
    "split_logits",
    "intervene_linear",
    "intervene_random",
    "score_targets",
)


@pytest.mark.slow
def test_shards_and_slabs_change_no_result(finished: TinyStudy, fresh: TinyStudy) -> None:
    fresh.config["scale"] = {"shards": 2, "slabs": 3}
    done = fresh.run("probes")
    assert done.code == 0, done.output
    assert (done.jobs["extract_features"], done.jobs["join_features"]) == (4, 4)
    assert (done.jobs["sum_slab"], done.jobs["fit_probes"]) == (9, 3)
    assert not list((fresh.folder / "results").rglob("shards/*/*.zarr"))
    assert not list((fresh.folder / "results").rglob("sums/*/*/*.zarr"))
    for path in finished.folder.rglob("features/*/*/*.zarr"):
        with xr.open_zarr(path) as whole, xr.open_zarr(twin(path, finished, fresh)) as joined:
            assert list(whole.coords) == list(joined.coords)
            xr.testing.assert_allclose(whole, joined, rtol=2e-3, atol=1e-3)
    for path in finished.folder.rglob("probes/*/*/*.zarr"):
        with xr.open_zarr(path) as whole, xr.open_zarr(twin(path, finished, fresh)) as joined:
            assert set(whole.variables) == set(joined.variables)
            name = "clean_logits" if "clean_logits" in whole else "logits"
            spread = float(whole[name].std())
            np.testing.assert_allclose(joined[name], whole[name], atol=2e-2 * spread)
    assert not fresh.run("probes").jobs


def twin(path: Path, one: TinyStudy, other: TinyStudy) -> Path:
    return other.folder / path.relative_to(one.folder)


def test_more_shards_than_images_are_refused(fresh: TinyStudy) -> None:
    fresh.config["scale"] = {"shards": 40}
    assert "cannot be cut into 40 shards" in fresh.fails("features")


def big_config() -> dict[str, Any]:
    return {
        "datasets": {"big": {"kind": "imagefolder", "root": "images", "eval_share": 0.5}},
        "models": {
            "pixels": {
                "architecture": "pixels",
                "preprocess": {"size": [SIDE, SIDE]},
                "layers": [["input"]],
            }
        },
        "bands": {"names": ["low", "middle", "high"], "edges": [0.3, 0.7]},
        "readouts": ["map", "pattern", "pooled", "energy", "refit"],
        "modes": {
            "remove": {"kind": "remove"},
            "isolate": {"kind": "isolate", "fill": "mean"},
            "perturb": {"kind": "phase", "draws": 1},
        },
        "probe": {"penalties": [0.01, 1.0], "folds": 3},
        "controls": {"draws": 1, "permutations": 1},
        "statistics": {"resamples": 100},
    }


@pytest.fixture
def big(tmp_path: Path) -> TinyStudy:
    """A study whose features are there: N maps of noise a split, a class its own wave."""
    make_images(tmp_path / "images", classes=2, count=4, size=8)
    study = TinyStudy(tmp_path, big_config())
    done = study.run("manifests")
    assert done.code == 0, done.output
    results = tmp_path / "results" / "big"
    label = np.arange(2 * N) % CLASSES
    table = manifest(label)
    write_table(results / "manifest.parquet", table)
    for name in ("train", "eval"):
        path = results / "features" / "pixels" / "pass-0" / f"{name}.zarr"
        write_features(path, read_split(results / "manifest.parquet", name))
    return study


def manifest(label: np.ndarray) -> pa.Table:
    total = len(label)
    numbers = np.arange(total)
    return pa.table(
        {
            "sample": numbers,
            "id": [str(number) for number in numbers],
            "image": ["class_0/0.png"] * total,
            "image_sha256": ["0"] * total,
            "label": label,
            "class_name": [f"class_{one}" for one in label],
            "group": numbers // 4,
            "group_name": [str(number // 4) for number in numbers],
            "split": ["train"] * N + ["eval"] * N,
            "imagenet_index": pa.nulls(total, pa.int64()),
        }
        | {name: pa.nulls(total, pa.int64()) for name in CROP}
        | {name: np.full(total, 8) for name in SIZE}
    )


def write_features(path: Path, split: Split) -> None:
    rng = np.random.default_rng(int(split.sample[0]))
    wave = np.cos(np.outer(1 + np.arange(CLASSES), np.arange(SIDE)) * 2 * np.pi / SIDE)
    maps = rng.normal(size=(N, CHANNELS, SIDE, SIDE)).astype(np.float32)
    maps[:, 0] += wave[split.label][:, None, :].astype(np.float32)
    variable = Variable(("sample", "channel", "y", "x"), maps.astype(np.float16))
    coordinates = {
        name: Variable(("sample",), getattr(split, name)) for name in ("sample", "label", "group")
    }
    write_store(path, {"input": variable}, coordinates, {"weights_sha256": "none"})


def declared() -> dict[str, int]:
    """Memory in MB that each rule declares for a first attempt."""
    found: dict[str, int] = {}
    for file in (HOME / "rules").glob("*.smk"):
        for rule in re.split(r"\n\s*rule ", file.read_text())[1:]:
            memory = re.search(r"mem_mb=\D*(\d+)", rule)
            if memory:
                found[rule.partition(":")[0]] = int(memory[1])
    return found


@pytest.mark.slow
def test_twenty_thousand_maps_stay_within_the_declared_memory(
    big: TinyStudy, own_processes: None
) -> None:
    """What is touched stays within each rule's number, and a hard limit is in force as well.

    The system's limit counts what is reserved: threads and the allocator reserve a gigabyte that
    is never touched.
    """
    goals = ["spectra", "interventions"]
    memory = declared()
    limit = (max(memory[rule] for rule in STAGES) + RESERVED) * 1_000_000

    def obey() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    done = big.run(*goals, options=["--set-threads", "fit_probes=1"], before=obey)
    assert done.code == 0, done.output
    assert {"make_manifest", "extract_features"}.isdisjoint(done.jobs)
    assert set(STAGES) <= set(done.jobs)
    for file in big.folder.rglob("*.tsv"):
        rule = file.relative_to(big.folder / "logs" / "big").parts[0].removesuffix(".tsv")
        if rule not in STAGES:
            continue
        header, row = (line.split("\t") for line in file.read_text().splitlines()[:2])
        peak = float(row[header.index("max_rss")])
        print(f"{rule:<20}{peak:>8.0f} MB of {memory[rule]}")
        assert peak <= memory[rule]
    with xr.open_zarr(big.folder / "results/big/probes/pixels/input/map.zarr") as probe:
        assert (probe["clean_logits"].shape) == (N, CLASSES)
        correct = probe["clean_logits"].argmax("class") == probe["label"]
        assert float(correct.mean()) > 2 / CLASSES

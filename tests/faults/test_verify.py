"""A clean study passes; each kind of harm is named, and nothing is changed by looking."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import xarray as xr

from bandprobe.errors import BandprobeError
from bandprobe.store.digests import write_digest
from bandprobe.store.zarr_store import Store, StoreWriter, Variable
from bandprobe.verify.study import require_intact
from tests.faults.conftest import results, verified
from tests.workflow.conftest import TinyStudy

FEATURES = "features/pixels/pass-0/eval.zarr"
PROBE = "probes/pixels/input/map.zarr"
OUTCOMES = "outcomes/pixels/input/map/remove.zarr"
TARGET = "targets/pixels/input/map/remove/low.json"


def test_a_clean_study_passes(whole: TinyStudy) -> None:
    done = whole.run("verify")
    assert done.code == 0, done.output
    lines = [line for line in done.output.splitlines() if line.endswith(" ok")]
    # None of heads and replicates, which the study does not have.
    stages = ["resources", "manifest", "features", "spectra", "probes", "band_logits"]
    stages += ["outcomes", "targets", "summary"]
    assert [line[17:].split()[0] for line in lines] == stages
    counts = {line[17:].split()[0]: int(line[17:].split()[1]) for line in lines}
    # 2 layers x 2 readouts x 2 modes; x 3 bands; 5 tables in two forms, 2 curves, flags
    assert counts["outcomes"] == 8
    assert counts["targets"] == 24
    assert counts["summary"] == 13
    assert counts["manifest"] == 2 + 1 + 16


def replace_values(path: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Write a store again with other values, whole and with its own digest."""
    with xr.open_zarr(path) as found:
        found.load()
    store = Store(path)
    attrs = {k: v for k, v in store.attrs.items() if k not in ("coordinates", "metadata_sha256")}
    with StoreWriter(path, attrs) as writer:
        for key in store.names():
            array = store.raw(key)
            values = found[key].to_numpy()
            dims = tuple(found[key].dims)
            values = change(values) if key == name else values
            coordinate = key in found.coords
            writer.write(key, Variable(dims, values, dict(array.attrs)), coordinate=coordinate)


def edit_json(path: Path, key: str, value: object) -> None:
    content = json.loads(path.read_text())
    content[key] = value
    path.write_text(json.dumps(content))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def first_chunk(study: TinyStudy, store: str, array: str) -> Path:
    return next(p for p in sorted(results(study, store, array, "c").rglob("*")) if p.is_file())


def other_manifest_label(study: TinyStudy) -> None:
    path = results(study, "manifest.parquet")
    table = pq.read_table(path)
    labels = table["label"].to_pylist()
    position = table.column_names.index("label")
    table = table.set_column(position, "label", [[1 - labels[0], *labels[1:]]])
    pq.write_table(table, path)
    write_digest(path)


def other_cell(study: TinyStudy) -> None:
    path = results(study, "summary", "interventions.nc")
    with xr.open_dataset(path) as found:
        found = found.load()
    found["top1_drop"][0, 0, 0, 0, 0] += 0.01
    found.to_netcdf(path, engine="h5netcdf")


def other_row(study: TinyStudy) -> None:
    path = results(study, "summary", "spectra.csv")
    table = pd.read_csv(path)
    table.loc[0, "share"] += 0.01
    table.to_csv(path, index=False)


Harm = tuple[Callable[[TinyStudy], object], str, str]
NET = "outcomes/net/act/map/remove.zarr"
POOLED = "outcomes/net/act/pooled/remove.zarr"
PERTURB = "outcomes/pixels/input/map/perturb.zarr"
# Harms that do not hide each other are done together, and all have to be named.
HARMS: dict[str, list[Harm]] = {
    "bytes on disk": [
        (
            lambda s: flip(first_chunk(s, FEATURES, "input")),
            "features",
            rf"{FEATURES}: chunk input/c/0/0/0/0 .*checksum",
        ),
        (
            lambda s: first_chunk(s, PROBE, "W").unlink(),
            "probes",
            rf"{PROBE}: chunk W/c/0/0/0/0 is missing",
        ),
        (
            lambda s: flip(results(s, OUTCOMES, "zarr.json")),
            "outcomes",
            rf"{OUTCOMES}: zarr.json is damaged",
        ),
        (
            lambda s: shutil.rmtree(results(s, "band_logits/net/act/map.zarr")),
            "band_logits",
            r"band_logits/net/act/map\.zarr: is missing",
        ),
        (
            lambda s: flip(s.folder / "images" / "class_0" / "0.png"),
            "manifest",
            r"images/class_0/0\.png: the image is not the one",
        ),
        (
            lambda s: (s.folder / "images" / "class_0" / "1.png").unlink(),
            "manifest",
            r"images/class_0/1\.png: the image is missing",
        ),
        (other_cell, "summary", "top1_drop does not follow .* in 1 cells"),
        (other_row, "summary", r"spectra\.csv: does not follow from its source: line 2 differs"),
        (
            lambda s: results(s, "summary", "flags.csv").unlink(),
            "summary",
            r"flags\.csv: cannot be read",
        ),
    ],
    "files in the wrong place": [
        (
            lambda s: results(s, PROBE, "W", "c", "9").write_bytes(b"x"),
            "probes",
            "W: more chunks than the array has",
        ),
        (
            lambda s: edit_json(results(s, NET, "rank", "zarr.json"), "shape", [1, 1, 1]),
            "outcomes",
            rf"{NET}: rank/zarr.json differs from the copy in zarr.json: shape",
        ),
        (
            lambda s: (
                shutil.rmtree(results(s, OUTCOMES)),
                shutil.copytree(results(s, PERTURB), results(s, OUTCOMES)),
            ),
            "outcomes",
            rf"{OUTCOMES}: does not match its digest",
        ),
        (
            lambda s: results(s, "spectra/net/act.zarr.digest.json").unlink(),
            "spectra",
            r"spectra/net/act\.zarr: has no digest",
        ),
        (
            lambda s: results(s, "spectra/pixels/input.zarr.digest.json").write_text(
                '{"sha256": "0123"}'
            ),
            "spectra",
            r"spectra/pixels/input\.zarr: has a digest of an earlier version",
        ),
        (
            lambda s: results(s, "band_logits/net/act/map.zarr.digest.json").write_text("{"),
            "band_logits",
            r"map\.zarr: .*digest\.json cannot be read",
        ),
        (
            lambda s: edit_json(
                results(s, "targets/net/act/pooled/remove/low.json"), "top1_drop", 0.123
            ),
            "targets",
            r"pooled/remove/low\.json: .*top1_drop is 0\.123, computed",
        ),
        (
            lambda s: results(s, "targets/net/act/pooled/remove/mid.json").write_text('{"a": 0.'),
            "targets",
            "pooled/remove/mid.json: cannot be read",
        ),
        (
            lambda s: results(s, "summary", "probes.nc").write_bytes(b"x" * 99),
            "summary",
            "probes.nc: cannot be read",
        ),
    ],
    "other data, whole and with digests of their own": [
        (
            lambda s: replace_values(results(s, OUTCOMES), "correct", lambda v: 1 - v),
            "targets",
            rf"{TARGET.replace('low', 'mid')}: does not follow from its outcomes: .*top1",
        ),
        (
            lambda s: replace_values(results(s, NET), "group", lambda v: v * 0),
            "outcomes",
            rf"{NET}: groups are not those of the manifest",
        ),
        (
            lambda s: replace_values(results(s, POOLED), "band", lambda v: v[::-1]),
            "outcomes",
            rf"{POOLED}: band is high, mid, low, not low, mid, high",
        ),
        (
            lambda s: replace_values(results(s, "spectra/net/act.zarr"), "bins", lambda v: v[::-1]),
            "spectra",
            r"spectra/net/act\.zarr: bins are .*, but the grid has",
        ),
    ],
    "a label": [(other_manifest_label, "features", "labels are not those")],
    "the manifest": [
        (
            lambda s: flip(results(s, "manifest.parquet")),
            "manifest",
            r"manifest\.parquet: does not match its digest",
        )
    ],
}


def tree(study: TinyStudy) -> dict[str, bytes]:
    files = (p for p in study.folder.joinpath("results").rglob("*") if p.is_file())
    return {str(p.relative_to(study.folder)): p.read_bytes() for p in files}


@pytest.mark.parametrize("kind", HARMS)
def test_each_harm_is_named(study: TinyStudy, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for do, _, _ in HARMS[kind]:
        do(study)
    before = tree(study)
    found = verified(study, monkeypatch)
    with pytest.raises(BandprobeError) as caught:
        require_intact(found.values())
    for _, stage, message in HARMS[kind]:
        assert re.search(message, str(caught.value)), str(caught.value)
        assert any(re.search(message, problem) for problem in found[stage].problems)
        assert found[stage].line.endswith("problems")
    assert tree(study) == before, "looking changes nothing"


@pytest.mark.slow
def test_verify_ends_with_status_1_and_a_command_that_makes_it_again(study: TinyStudy) -> None:
    flip(first_chunk(study, FEATURES, "input"))
    edit_json(results(study, TARGET), "top1_drop", 0.123)
    jobs: list[dict[str, int]] = []
    while "problems" in (output := study.run("verify").output):
        (command,) = re.findall(r"make it again: snakemake --cores all --force ([^;]*);", output)
        jobs.append(dict(study.run(*command.split(), options=["--force"]).jobs))
        assert len(jobs) < 4, output
    assert jobs == [{"extract_features": 1}, {"score_targets": 1}]
    assert not study.run("summaries").jobs, "equal data run nothing again"


def test_verify_fails_as_a_job_does(study: TinyStudy) -> None:
    results(study, TARGET).unlink()
    output = study.fails("verify")
    assert f"{TARGET}: cannot be read" in output

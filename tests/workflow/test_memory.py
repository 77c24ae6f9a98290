"""A study with `scale.memory`: what it is refused, what its jobs are given, and what they take."""

from __future__ import annotations

import re
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from bandprobe.base.blocks import block_share
from bandprobe.features.spectra import write_spectra
from bandprobe.fourier.bands import Bands
from bandprobe.probes.fit import read_splits
from bandprobe.probes.layer import fit_layer
from bandprobe.probes.settings import MaskSettings
from bandprobe.probes.split import split_layer
from bandprobe.study.parse import parse_study
from bandprobe.workflow import study_params
from tests.workflow.conftest import TinyStudy

LIMIT_MB, OWN_MB = 1250, 250
# Rules that declare all of that, so that their jobs run alone.
ALONE = {"extract_features", "fit_head", "run_head", "summarise_interventions", "plot_verdict"}
# What the system counts and nobody touches: threads' stacks, and PyTorch's libraries as they load.
RESERVED_MB = 1500


def test_it_makes_nothing_again(planner: TinyStudy) -> None:
    planner.config["scale"] = {"memory": "2GB"}
    assert not planner.plan().jobs


def only_pixels(study: TinyStudy, side: int) -> dict[str, Any]:
    """The study of images alone, so large; nothing imports a network to know its maps."""
    config = study.config
    config["models"] = {"pixels": config["models"]["pixels"]}
    config["models"]["pixels"]["preprocess"]["size"] = [side, side]
    config["controls"] |= {"random_weights": []}
    config.pop("head", None)
    return config


def test_a_job_that_cannot_fit_is_refused_before_the_first_one(fresh: TinyStudy) -> None:
    only_pixels(fresh, 2000)["scale"] = {"memory": "1GB"}
    output = fresh.fails("probes")
    assert "fit_probes of pixels input does not fit into memory" in output
    assert "750 MB or less: what scale.memory leaves to jobs" in output
    assert "Hint: set scale.memory to" in output
    assert "readouts without energy, refit (" in output
    assert not list((fresh.folder / "results").rglob("*"))


def test_a_value_that_is_no_size_is_named(fresh: TinyStudy) -> None:
    fresh.config["scale"] = {"memory": "much"}
    assert "scale.memory: not a size" in fresh.fails("manifests")


def test_results_do_not_depend_on_blocks(finished: TinyStudy, tmp_path: Path) -> None:
    """To rounding in single precision, with blocks as small as they get."""
    study, place = parse_study(finished.config), finished.folder / "results" / "tiny"
    features = place / "features" / "resnet18" / "pass-0"
    bands = Bands.from_spec(finished.config["bands"])
    for name, share in (("usual", 1.0), ("small", 1e-9)):
        with block_share(share):
            folder = tmp_path / name
            splits = read_splits(
                features / "train.zarr",
                features / "eval.zarr",
                "layer1",
                place / "manifest.parquet",
                place / "folds.parquet",
                study_params.fit_settings(study),
            )
            probes = {readout: folder / f"{readout}.zarr" for readout in study.readouts}
            fit_layer(splits, probes, study_params.fit_bands(study), (), code="digest")
            spectra, evaluation = folder / "spectra.zarr", features / "eval.zarr"
            write_spectra(spectra, evaluation, "layer1", bands, code="digest")
            masks = MaskSettings(1, 0, 2, ("remove/zero",))
            of_probe = {probes[one]: folder / f"logits-{one}.zarr" for one in ("map", "pooled")}
            split_layer(
                of_probe,
                evaluation,
                "layer1",
                bands,
                folder / "masks.zarr",
                masks,
                code="digest",
            )
    stores = sorted(path.name for path in (tmp_path / "usual").glob("*.zarr"))
    assert len(stores) == len(study.readouts) + 4
    for store in stores:
        paths = [tmp_path / name / store for name in ("usual", "small")]
        with xr.open_zarr(paths[0]) as usual, xr.open_zarr(paths[1]) as small:
            assert set(usual.variables) == set(small.variables)
            for name in usual.data_vars:
                values = usual[name].to_numpy()
                if values.dtype.kind != "f":
                    np.testing.assert_array_equal(small[name], values)
                    continue
                # What is zero but for rounding, as logits of a mean map, has no scale of its own.
                spread = max(float(np.nanmax(np.abs(values), initial=0)), 0.01)
                np.testing.assert_allclose(
                    small[name], values, rtol=1e-4, atol=1e-4 * spread, err_msg=f"{store} {name}"
                )


@pytest.mark.slow
def test_a_study_stays_within_its_memory(fresh: TinyStudy, own_processes: None) -> None:
    """Also where the system gives no process more; jobs wait until what they declare is free."""
    fresh.config["scale"] = {"memory": f"{LIMIT_MB}MB"}
    limit = (LIMIT_MB + RESERVED_MB) * 1_000_000

    def obey() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    done = fresh.run(before=obey)
    assert done.code == 0, done.output
    rules = dict(re.findall(r"Finished jobid: (\d+) \(Rule: (\w+)\)", done.output))
    running: set[str] = set()
    most_at_once = 0
    for start, end in re.findall(r"Job (\d+): |Finished jobid: (\d+)", done.output):
        running = running | {start} if start else running - {end}
        # What takes no time is not counted.
        names = [
            rules[number] for number in running if rules[number] not in ("write_config", "all")
        ]
        most_at_once = max(most_at_once, len(names))
        assert len(names) == 1 or not ALONE & set(names), names
    assert most_at_once == 2
    peaks = {file: peak_mb(file) for file in fresh.folder.rglob("*.tsv")}
    assert len(peaks) > 20
    for file, peak in peaks.items():
        assert peak <= LIMIT_MB - OWN_MB, file


def peak_mb(file: Path) -> float:
    """Memory that a job took, of the table that Snakemake writes."""
    header, row = (line.split("\t") for line in file.read_text().splitlines()[:2])
    found = row[header.index("max_rss")]
    return 0.0 if found == "NA" else float(found)

"""A finished study as a notebook sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml

from bandprobe.errors import ConfigError, StoreError
from bandprobe.inspection.open_study import StudyResults, open_study
from bandprobe.store.zarr_store import Variable, write_store

MAPS = np.random.default_rng(0).normal(size=(4, 3, 5, 5)).astype(np.float32)
CORRECT = np.array([[1.0, 0.0, 1.0, 1.0]])


@pytest.fixture
def results(tmp_path: Path, config: dict[str, object]) -> StudyResults:
    """A study with the maps and outcomes of one layer."""
    folder = tmp_path / "results" / "mine"
    (folder / "targets").mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    (folder / "summary").mkdir()
    table = xr.Dataset({"top1_drop": ("band", [0.25, 0.5])}, {"band": ["low", "high"]})
    table.to_netcdf(folder / "summary" / "interventions.nc", engine="h5netcdf")
    sample = {"sample": Variable(("sample",), np.arange(4))}
    dims = ("sample", "layer2.channel", "layer2.y", "layer2.x")
    write_store(
        folder / "features/net/pass-0/eval.zarr", {"layer2": Variable(dims, MAPS)}, sample, {}
    )
    outcomes = {"correct": Variable(("band", "sample"), CORRECT)}
    write_store(folder / "outcomes/net/layer2/map/remove.zarr", outcomes, sample, {})
    write_store(folder / "spectra/net/layer2.zarr", outcomes, sample, {})
    return open_study(tmp_path)


def test_a_study_says_what_it_has(results: StudyResults) -> None:
    assert results.layers == {"pixels": ("input",), "net": ("layer1", "layer2", "layer3")}
    assert results.bands.names == ("low", "high")
    assert results.folder.name == "mine"


def test_arrays_come_with_their_labels(results: StudyResults) -> None:
    assert float(results.summary().top1_drop.sel(band="high")) == 0.5
    outcomes = results.outcomes("net", "layer2", "map", "remove")
    np.testing.assert_array_equal(outcomes.correct, CORRECT)
    np.testing.assert_array_equal(results.spectra("net", "layer2").correct, CORRECT)
    maps = results.maps("net", "layer2")
    assert maps.dims == ("sample", "channel", "y", "x")
    np.testing.assert_array_equal(maps, MAPS)


def test_unknown_names_list_the_valid_ones(results: StudyResults) -> None:
    with pytest.raises(ConfigError, match="Valid: pixels, net"):
        results.outcomes("nut", "layer2", "map", "remove")
    with pytest.raises(ConfigError, match="Did you mean 'layer3'"):
        results.spectra("net", "layer33")
    with pytest.raises(ConfigError, match="Valid: map"):
        results.outcomes("net", "layer2", "pooled", "remove")
    with pytest.raises(StoreError, match="Valid: interventions"):
        results.summary("probes")
    with pytest.raises(StoreError, match="Valid: train, eval"):
        results.maps("net", "layer2", "test")


def test_what_is_not_there_is_named(results: StudyResults, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"layer3/map/remove\.zarr does not exist"):
        results.outcomes("net", "layer3", "map", "remove")
    (results.folder / "config.yaml").unlink()
    with pytest.raises(StoreError, match=r"config\.yaml does not exist"):
        open_study(tmp_path)
    with pytest.raises(StoreError, match="targets"):
        open_study(tmp_path / "elsewhere")

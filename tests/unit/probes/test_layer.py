"""All readouts of a layer: which stores there are, and that neither slabs nor neighbours matter."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr

from bandprobe.errors import ConfigError
from bandprobe.fourier.bands import Bands
from bandprobe.linear import inner_products, map_sums, penalty_search
from bandprobe.linear.standardise import readout_logits
from bandprobe.probes import fit
from bandprobe.probes.fit import Splits
from bandprobe.probes.layer import fit_layer
from bandprobe.probes.settings import FitBands, FitSettings
from bandprobe.probes.slab_sums import sum_slab
from bandprobe.store import zarr_store
from bandprobe.store.zarr_store import Store, Variable, write_store

SETTINGS = FitSettings((0.1, 10.0), "ridge", permutations=1, seed=0)
BANDS = FitBands(("low", "high"), (0.5,), ("remove",))
READOUTS = ("map", "pattern", "pooled", "energy", "refit")
GRIDS = [(5, 6), (1, 2)]


def splits_of(folder: Path, grid: tuple[int, int]) -> Splits:
    """Both splits of a layer of four channels, of which one tells three classes apart."""
    rng = np.random.default_rng(0)
    for name, count in (("train", 18), ("eval", 9)):
        label = np.arange(count) % 3
        maps = rng.normal(2, 1, size=(count, 4, *grid)).astype(np.float32)
        maps[:, 1] += label[:, None, None]
        facts = {"sample": np.arange(count), "label": label, "group": np.arange(count)}
        variables = {"layer": Variable(("sample", "channel", "y", "x"), maps)}
        coordinates = {key: Variable(("sample",), values) for key, values in facts.items()}
        write_store(folder / f"{name}.zarr", variables, coordinates, {"weights_sha256": "abc"})
    stores = (Store(folder / f"{name}.zarr") for name in ("train", "eval"))
    return Splits(*stores, "layer", np.arange(18) // 6, ["a", "b", "c"], SETTINGS)


def stores_of(folder: Path, splits: Splits, *readouts: str, slabs: tuple[Path, ...] = ()) -> dict:
    """The readouts' stores, fitted into a folder."""
    outputs = {name: folder / f"{name}.zarr" for name in readouts}
    bands = BANDS if {"energy", "refit"} & set(readouts) else None
    fit_layer(splits, outputs, bands, slabs, code="digest")
    assert sorted(folder.glob("*.zarr")) == sorted(outputs.values())
    return {name: Store(path) for name, path in outputs.items()}


@pytest.mark.parametrize("grid", GRIDS, ids=["more dimensions", "more samples"])
@pytest.mark.parametrize("readout", READOUTS)
def test_a_readout_does_not_depend_on_the_others(
    tmp_path: Path, grid: tuple[int, int], readout: str
) -> None:
    splits = splits_of(tmp_path, grid)
    alone = stores_of(tmp_path / "alone", splits, readout)[readout]
    among = stores_of(tmp_path / "among", splits, *READOUTS)[readout]
    assert alone.names() == among.names()
    for name in alone.names():
        found, expected = alone.read(name), among.read(name)
        if found.dtype.kind == "f":
            # Without bands the Gram matrix is added up in another order.
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
        else:
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("grid", GRIDS, ids=["more dimensions", "more samples"])
@pytest.mark.parametrize("readout", ["map", "pattern", "pooled"])
def test_stored_weights_give_the_stored_logits(
    tmp_path: Path, grid: tuple[int, int], readout: str
) -> None:
    splits = splits_of(tmp_path, grid)
    store = stores_of(tmp_path / "out", splits, readout)[readout]
    names = ("W", "intercept", "channel_mean", "channel_scale")
    raw, without_dc = splits.evaluation.read("layer"), readout == "pattern"
    logits = readout_logits(raw, *(store.read(n) for n in names), without_dc=without_dc)
    np.testing.assert_allclose(logits, store.read("clean_logits"), atol=1e-4)


def test_slabs_of_other_jobs_give_the_same_readouts(tmp_path: Path) -> None:
    splits = splits_of(tmp_path, (5, 6))
    slabs = tuple(tmp_path / f"slab-{number}.zarr" for number in range(3))
    for number, path in enumerate(slabs):
        features = (tmp_path / "train.zarr", tmp_path / "eval.zarr")
        slab = (number, 3)
        sum_slab(path, *features, "layer", BANDS.bands, slab, code="digest", pattern=True)
    config = json.loads(Store(slabs[1]).attrs["config"])
    assert config == {
        "layer": "layer",
        "bands": {"names": ["low", "high"], "edges": [0.5]},
        "slab": [1, 3],
    }
    shared = stores_of(tmp_path / "shared", splits, *READOUTS, slabs=slabs)
    single = stores_of(tmp_path / "single", splits, *READOUTS)
    for name in READOUTS:
        array = "logits" if name == "refit" else "clean_logits"
        np.testing.assert_allclose(shared[name].read(array), single[name].read(array), atol=1e-4)


def test_a_store_says_how_its_readout_was_fitted(tmp_path: Path) -> None:
    stores = stores_of(tmp_path / "out", splits_of(tmp_path, (5, 6)), "map", "energy")
    for name, store in stores.items():
        config = json.loads(store.attrs["config"])
        assert config.pop("penalty") in SETTINGS.penalties
        assert config == {
            "layer": "layer",
            "readout": name,
            "penalties": [0.1, 10.0],
            "estimator": "ridge",
            "permutations": 1,
            "seed": 0,
            "by_band": False,
        }
        assert (store.attrs["weights_sha256"], store.attrs["code_digest"]) == ("abc", "digest")
    assert stores["energy"].labels("band") == ("low", "high")
    assert "band" not in stores["map"]


def test_energies_of_the_mean_map_are_stored_beside_those_that_are_scored(tmp_path: Path) -> None:
    splits = splits_of(tmp_path, (5, 6))
    store = stores_of(tmp_path / "out", splits, "energy")["energy"]
    mean_map = splits.train.read("layer").mean(0, dtype=np.float64)
    power = np.square(np.abs(np.fft.fft2(mean_map))) / 30
    band = Bands(("low", "high"), (0.5,)).on_grid(5, 6).index
    expected = np.stack([power[:, band == number].sum(1) for number in (0, 1)], axis=1)
    np.testing.assert_allclose(store.read("mean_map_energy"), expected, rtol=1e-4)
    # What differs between maps cancels in their mean.
    usual = store.read("eval_energy").mean(0)
    assert (store.read("mean_map_energy")[:, 1] < usual[:, 1] / 5).all()


def test_readouts_by_band_need_bands(tmp_path: Path) -> None:
    splits, outputs = splits_of(tmp_path, (5, 6)), {"refit": tmp_path / "refit.zarr"}
    with pytest.raises(ConfigError, match="refit of layer layer need bands"):
        fit_layer(splits, outputs, None, code="digest")
    assert not outputs["refit"].exists()
    assert isinstance(BANDS.bands, Bands)


def test_a_store_says_where_its_path_was_not_visited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = splits_of(tmp_path, (5, 6))
    penalties = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
    splits = replace(splits, settings=replace(SETTINGS, penalties=penalties))
    full = stores_of(tmp_path / "full", splits, "map", "refit")
    monkeypatch.setattr(fit, "LEAST_IMAGES", 0)
    monkeypatch.setattr(fit, "LEAST_IMAGES_OF_REFIT", 0)
    monkeypatch.setattr(penalty_search, "CHANCE_SHARE", np.inf)
    part = stores_of(tmp_path / "part", splits, "map", "refit")
    paths = {"map": ("cv_log_loss", "eval_accuracy"), "refit": ("cv_log_loss",)}
    for readout, names in paths.items():
        for name in names:
            values, whole = (found[readout].read(name) for found in (part, full))
            seen = ~np.isnan(values)
            assert not seen.all()
            np.testing.assert_allclose(values[seen], whole[seen], atol=1e-4)
            assert "note" in part[readout].array(name).attrs
            assert "note" not in full[readout].array(name).attrs
    assert part["map"].attrs["penalty"] == full["map"].attrs["penalty"]
    scale = np.abs(full["map"].read("W")).max()
    np.testing.assert_allclose(part["map"].read("W"), full["map"].read("W"), atol=1e-5 * scale)


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_weights_of_many_classes_are_in_smaller_chunks_each_written_once(
    tmp_path: Path, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = splits_of(tmp_path, (5, 6))
    monkeypatch.setattr(inner_products, "SINGLE_FROM", 0)
    expected = stores_of(tmp_path / "large", splits, "map", "pattern", "pooled")
    channel = 4 * 3 * 5 * 6
    monkeypatch.setattr(zarr_store, "LARGEST_CHUNK", 3 * channel)
    monkeypatch.setattr(map_sums, "PART_BYTES", at_once * 4 * 18 * 5 * 6)
    written: list[int] = []
    write = zarr.Array.__setitem__

    def note(array: zarr.Array, where: tuple, values: np.ndarray) -> None:
        if array.basename == "W":
            written.append(where[1].start)
        write(array, where, values)

    monkeypatch.setattr(zarr.Array, "__setitem__", note)
    found = stores_of(tmp_path / "small", splits, "map", "pattern", "pooled")
    assert sorted(written) == [0, 0, 0, 3, 3, 3]
    for name, store in found.items():
        assert store.array("W").chunks == (3, 3, 5, 6)
        scale = np.abs(expected[name].read("W")).max()
        np.testing.assert_allclose(
            store.read("W"), expected[name].read("W"), atol=1e-5 * scale, err_msg=name
        )

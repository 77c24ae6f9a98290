"""Readouts evaluated by their weights are those evaluated by inner products of both splits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bandprobe.features import blocks
from bandprobe.linear import inner_products, penalty_search, ridge_search, strips
from bandprobe.probes import fit, layer
from bandprobe.probes.by_weights import is_cheaper
from bandprobe.probes.fit import Splits
from bandprobe.probes.layer import fit_layer
from bandprobe.probes.settings import FitSettings
from bandprobe.store.zarr_store import Store, StoreWriter, Variable

TRAIN, EVALUATION, CHANNELS, CLASSES = 36, 20, 5, 3
PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
SETTINGS = FitSettings(PENALTIES, "ridge", permutations=2, seed=0)
READOUTS = ("map", "pattern", "pooled")
GRIDS = [(5, 5), (4, 6), (5, 6), (7, 4)]


def splits_of(folder: Path, grid: tuple[int, int]) -> Splits:
    """Both splits of a layer of unlike channels, stored in halves and in chunks of two channels."""
    rng = np.random.default_rng(0)
    level, spread = (np.array(v)[:, None, None] for v in ([3, 20, 0, 1, 0.5], [1, 5, 0.2, 1, 2]))
    stores = []
    for name, count in (("train", TRAIN), ("eval", EVALUATION)):
        label = np.arange(count) % CLASSES
        maps = rng.normal(size=(count, CHANNELS, *grid)) * spread + level
        maps[:, 1] += 3 * label[:, None, None] * np.cos(np.arange(grid[1]))
        maps[:, 3] += label[:, None, None]
        with StoreWriter(folder / f"{name}.zarr", {"weights_sha256": "abc"}) as writer:
            facts = {"sample": np.arange(count), "label": label, "group": np.arange(count)}
            for key, values in facts.items():
                writer.write(key, Variable(("sample",), values), coordinate=True)
            dims = ("sample", "channel", "y", "x")
            array = writer.create("layer", dims, maps.shape, "float16", chunks=(8, 2, *grid))
            array[...] = maps.astype(np.float16)
        stores.append(Store(folder / f"{name}.zarr"))
    names = [f"class-{c}" for c in range(CLASSES)]
    return Splits(*stores, "layer", np.arange(TRAIN) // CLASSES % 4, names, SETTINGS)


def stores_of(folder: Path, splits: Splits, *readouts: str) -> dict[str, Store]:
    outputs = {name: folder / f"{name}.zarr" for name in readouts}
    fit_layer(splits, outputs, None, code="digest")
    return {name: Store(path) for name, path in outputs.items()}


@pytest.fixture
def factorised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few maps are fitted as very many are."""
    monkeypatch.setattr(fit, "LEAST_IMAGES", 0)
    monkeypatch.setattr(ridge_search, "HALF_FROM", 20)
    monkeypatch.setattr(inner_products, "SINGLE_FROM", 0)
    monkeypatch.setattr(penalty_search, "CHANCE_SHARE", np.inf)


def compare(found: Store, expected: Store) -> None:
    """Equal to single precision; accuracies only where the penalty was chosen."""
    assert found.names() == expected.names()
    assert found.attrs["penalty"] == expected.attrs["penalty"]
    for name in set(found.names()) - {"eval_accuracy", "cv_log_loss"}:
        values, wanted = found.read(name), expected.read(name)
        if values.dtype.kind != "f":
            np.testing.assert_array_equal(values, wanted)
            continue
        assert values.dtype == wanted.dtype
        np.testing.assert_allclose(values, wanted, atol=2e-5 * np.abs(wanted).max(), err_msg=name)
    for name in ("W", "clean_logits"):
        assert found.array(name).attrs == expected.array(name).attrs
    losses, wanted = found.read("cv_log_loss"), expected.read("cv_log_loss")
    np.testing.assert_allclose(losses, wanted, rtol=1e-4)


@pytest.mark.usefixtures("factorised")
@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("strip", [10**9, 4 * TRAIN * 60, 4 * TRAIN * 8, 1], ids=str)
def test_readouts_are_those_of_inner_products(
    tmp_path: Path, grid: tuple[int, int], strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = splits_of(tmp_path, grid)
    assert is_cheaper(splits)
    # Strips of all channels, of two, of rows of one, and of a single row; slabs of chunks.
    monkeypatch.setattr(strips, "STRIP_BYTES", strip)
    monkeypatch.setattr(strips, "MOMENT_BYTES", 4 * 7 * CHANNELS * 30)
    monkeypatch.setattr(strips, "LOGIT_ROWS", 6)
    monkeypatch.setattr(blocks, "LARGEST_SLAB_BYTES", strip)
    found = stores_of(tmp_path / "found", splits, *READOUTS)
    monkeypatch.setattr(layer, "is_cheaper", lambda _: False)
    expected = stores_of(tmp_path / "expected", splits, *READOUTS)
    for name in READOUTS:
        compare(found[name], expected[name])
    for name in ("map", "pattern"):
        accuracy, whole = (s[name].read("eval_accuracy") for s in (found, expected))
        chosen = PENALTIES.index(found[name].attrs["penalty"])
        assert np.flatnonzero(~np.isnan(accuracy)).tolist() == [chosen]
        assert accuracy[chosen] == whole[chosen] > 1 / CLASSES
        assert "the chosen penalty alone" in found[name].array("eval_accuracy").attrs["note"]
        assert "not visited" in found[name].array("cv_log_loss").attrs["note"]


@pytest.mark.usefixtures("factorised")
@pytest.mark.parametrize("readout", READOUTS)
def test_a_readout_does_not_depend_on_the_others(tmp_path: Path, readout: str) -> None:
    splits = splits_of(tmp_path, (5, 6))
    alone = stores_of(tmp_path / "alone", splits, readout)[readout]
    among = stores_of(tmp_path / "among", splits, *READOUTS)[readout]
    assert not (tmp_path / "alone" / "map.zarr").exists() or readout == "map"
    for name in alone.names():
        np.testing.assert_allclose(
            *(
                values if values.dtype.kind == "f" else np.zeros(1)
                for values in (alone.read(name), among.read(name))
            ),
            rtol=1e-4,
            atol=1e-4,
        )


@pytest.mark.usefixtures("factorised")
def test_maps_that_never_change_are_left_to_the_other_route(tmp_path: Path) -> None:
    flat = np.full((TRAIN, CHANNELS, 5, 6), 3.0, np.float32)
    for name, count in (("train", TRAIN), ("eval", EVALUATION)):
        with StoreWriter(tmp_path / f"{name}.zarr", {}) as writer:
            label = np.arange(count) % CLASSES
            for key in ("sample", "label", "group"):
                writer.write(
                    key,
                    Variable(("sample",), label if key == "label" else np.arange(count)),
                    coordinate=True,
                )
            writer.write("layer", Variable(("sample", "channel", "y", "x"), flat[:count]))
    stores = (Store(tmp_path / f"{name}.zarr") for name in ("train", "eval"))
    folds = np.arange(TRAIN) // CLASSES % 4
    splits = Splits(*stores, "layer", folds, ["a", "b", "c"], SETTINGS)
    assert is_cheaper(splits)
    found = stores_of(tmp_path / "out", splits, "map")["map"]
    np.testing.assert_allclose(found.read("clean_logits"), 1 / CLASSES)


def test_inner_products_are_cheaper_for_many_sets_of_labels_and_few_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = splits_of(tmp_path, (5, 6))
    assert not is_cheaper(splits)
    monkeypatch.setattr(fit, "LEAST_IMAGES", TRAIN)
    assert is_cheaper(splits)
    assert not is_cheaper(replace(splits, settings=replace(SETTINGS, estimator="logistic")))
    # 3 classes: weights of n - 1 more sets on 36 images, logits of n on 20; 720 products.
    for permutations, cheaper in ((3, True), (4, False)):
        settings = replace(SETTINGS, permutations=permutations)
        assert is_cheaper(replace(splits, settings=settings)) == cheaper
    # No more dimensions than images: nothing is made of inner products.
    assert not is_cheaper(splits_of(tmp_path / "small", (2, 3)))

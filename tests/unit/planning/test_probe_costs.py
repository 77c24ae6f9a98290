"""What the plan says of fits, compared with the peak of the arrays of fits that run."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from bandprobe.features import blocks
from bandprobe.linear import factor_ridge, inner_products, ridge_search, strips
from bandprobe.planning.counts import Counts
from bandprobe.planning.layer import Layer
from bandprobe.planning.map_shapes import LayerShape
from bandprobe.planning.probe_costs import (
    Fitting,
    by_factors,
    by_weights,
    direct_memory,
    fit_memory,
    fit_operations,
    search_operations,
)
from bandprobe.probes import fit
from bandprobe.probes.fit import Splits
from bandprobe.probes.layer import fit_layer
from bandprobe.probes.settings import FitSettings
from bandprobe.store.zarr_store import Store, StoreWriter, Variable, feature_chunks

PENALTIES = tuple(np.geomspace(1e-3, 1e2, 6))
FULL = Counts(25_000, 25_000, 1000, "")
FITTING = Fitting(folds=5, penalties=13, permutations=2)


def splits_of(folder: Path, images: int, shape: tuple[int, int, int], permutations: int) -> Splits:
    """Both splits of made-up maps of 20 classes, in chunks as features are stored in."""
    rng, stores = np.random.default_rng(0), []
    for name in ("train", "eval"):
        label = np.arange(images) % 20
        maps = rng.normal(size=(images, *shape)).astype(np.float16)
        maps[:, 0] += (label[:, None, None] * np.cos(np.arange(shape[2]))).astype(np.float16)
        with StoreWriter(folder / f"{name}.zarr", {}) as writer:
            for key in ("sample", "label", "group"):
                values = label if key == "label" else np.arange(images)
                writer.write(key, Variable(("sample",), values), coordinate=True)
            dims, chunks = ("sample", "channel", "y", "x"), feature_chunks(maps.shape, 2)
            array = writer.create("layer", dims, maps.shape, "float16", chunks=chunks)
            array[...] = maps
        stores.append(Store(folder / f"{name}.zarr"))
    settings = FitSettings(PENALTIES, "ridge", permutations, 0)
    folds = np.random.default_rng(1).integers(0, 5, images)
    return Splits(*stores, "layer", folds, [str(number) for number in range(20)], settings)


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is imported at first use is imported."""
    folder = tmp_path_factory.mktemp("warm")
    splits = splits_of(folder, 40, (2, 5, 5), 1)
    fit_layer(splits, {"map": folder / "map.zarr"}, None, code="digest")


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize(
    ("route", "images", "pattern"),
    [
        ("weights", 1000, False),
        ("weights", 1500, False),
        ("weights", 1000, True),
        ("inner products", 600, False),
        ("inner products", 1000, True),
        ("eigenvalues", 500, False),
        ("eigenvalues", 1000, True),
    ],
)
def test_fits_take_the_memory_that_the_plan_says(
    tmp_path: Path, route: str, images: int, *, pattern: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    least = 10**9 if route == "eigenvalues" else 0
    monkeypatch.setattr(fit, "LEAST_IMAGES", least)
    monkeypatch.setattr(ridge_search, "HALF_FROM", least)
    monkeypatch.setattr(inner_products, "SINGLE_FROM", least)
    # Blocks as small against the matrices as they are of very many images.
    for module, name, size in (
        (factor_ridge, "TRIANGLE_ROWS", 64),
        (strips, "STRIP_BYTES", 500_000),
        (strips, "MOMENT_BYTES", 200_000),
        (blocks, "SLAB_BYTES", 500_000),
        (blocks, "LARGEST_SLAB_BYTES", 500_000),
    ):
        monkeypatch.setattr(module, name, size)
    permutations = 30 if route == "inner products" else 2
    shape = (12, 12, 12)
    splits = splits_of(tmp_path, images, shape, permutations)
    layer = Layer("m", LayerShape("layer", *shape), Counts(images, images, 20, ""), 2)
    fitting = Fitting(5, len(PENALTIES), permutations, pattern=pattern)
    assert by_weights(layer, fitting) == (route == "weights")
    assert by_factors(layer, fitting) == (route != "eigenvalues")
    planned = fit_memory(layer, fitting, 5 * layer.slab)
    names = ("map", "pattern", "pooled") if pattern else ("map", "pooled")
    tracemalloc.start()
    try:
        outputs = {name: tmp_path / "out" / f"{name}.zarr" for name in names}
        fit_layer(splits, outputs, None, code="digest")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < max(planned, direct_memory(layer, fitting, 12)) < 2 * peak


def test_the_largest_study_fits_in_sixteen_gigabytes() -> None:
    """The layers of configs/imagenet.yaml: images of 224 pixels, ResNet-50, ViT-B/16."""
    for shape in ((3, 224, 224), (256, 56, 56), (2048, 7, 7), (768, 14, 14)):
        layer = Layer("m", LayerShape("l", *shape), FULL, 2)
        assert by_weights(layer, FITTING)
        assert 10e9 < fit_memory(layer, FITTING, 0) < 16e9
        assert direct_memory(layer, FITTING, shape[0]) < 16e9


def test_operations_are_those_of_the_gram_matrix_of_the_search_and_of_the_weights() -> None:
    layer = Layer("m", LayerShape("l", 768, 14, 14), FULL, 2)
    size, n = 768 * 14 * 14, 25_000.0
    sums, weights = n**2 * size, 2 * 3 * 1000 * (n + n) * size
    search = search_operations(layer, FITTING)
    assert fit_operations(layer, FITTING) == pytest.approx(sums + weights + search)
    # A factor, half an inverse, and a fifth of a third for the folds: at each penalty visited.
    assert 3.4 * (2 / 3 + 1 / 15) * n**3 < search < 3.4 * n**3


def test_inner_products_of_both_splits_cost_more_where_weights_are_cheaper(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = Layer("m", LayerShape("l", 256, 28, 28), FULL, 2)
    slabs = Fitting(5, 13, 2, slabs=True)
    assert not by_weights(layer, slabs)
    by_products = fit_operations(layer, slabs)
    assert fit_operations(layer, FITTING) < 0.7 * by_products
    monkeypatch.setattr(fit, "LEAST_IMAGES", 10**9)
    assert not by_factors(layer, FITTING)
    assert by_products < 0.75 * fit_operations(layer, FITTING)

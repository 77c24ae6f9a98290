"""Replicates of a layer, from stored maps to a store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bandprobe.data.manifest import Split, write_folds
from bandprobe.fourier.modes import Mode
from bandprobe.probes.replicate_settings import ReplicateSettings
from bandprobe.probes.replicate_store import group_counts, write_replicates
from bandprobe.probes.replicates import Samples
from bandprobe.store.zarr_store import Store, Variable, write_store
from tests.unit.redrawn_maps import BANDS, CLASSES, PENALTIES, TRAIN, made_maps

MODES = [Mode("remove-mean", "remove", fill="mean"), Mode("alone", "isolate", fill="mean")]


@pytest.fixture
def written(rng: np.random.Generator, tmp_path: Path) -> Store:
    maps, labels = made_maps(rng, (5, 6))
    groups = np.arange(len(labels)) // CLASSES % 4 * CLASSES + labels
    groups[TRAIN:] += 100
    features = []
    for name, part in (("train", slice(0, TRAIN)), ("eval", slice(TRAIN, None))):
        facts = {
            "sample": np.arange(len(labels))[part],
            "label": labels[part],
            "group": groups[part],
        }
        variables = {"layer": Variable(("sample", "channel", "y", "x"), maps[part])}
        coordinates = {key: Variable(("sample",), values) for key, values in facts.items()}
        features.append(tmp_path / f"{name}.zarr")
        write_store(features[-1], variables, coordinates, {"weights_sha256": "abc"})
    manifest, folds, probe = (tmp_path / name for name in ("m.parquet", "f.parquet", "map.zarr"))
    names = [f"class-{label}" for label in labels]
    sides_of = ["train"] * TRAIN + ["eval"] * (len(labels) - TRAIN)
    columns = {"label": labels, "class_name": names, "split": sides_of}
    pq.write_table(pa.table(columns), manifest)
    sides = np.full(TRAIN, 8)
    images, crops = ["image"] * TRAIN, [None] * TRAIN
    own = Split(np.arange(TRAIN), labels[:TRAIN], groups[:TRAIN], images, crops, sides, sides)
    write_folds(folds, own, np.arange(TRAIN) // CLASSES % 4)
    write_store(probe, {"W": Variable(("x",), np.zeros(1))}, {}, {"penalty": 0.1})
    output = tmp_path / "replicates.zarr"
    write_replicates(
        output,
        (features[0], features[1]),
        "layer",
        manifest,
        folds,
        {"map": probe, "pattern": probe},
        BANDS,
        MODES,
        ReplicateSettings(4, True, 0, tuple(PENALTIES), 4, 0),
        code="digest",
    )
    return Store(output)


def test_all_readouts_modes_bands_and_fits_are_stored(written: Store) -> None:
    assert written.labels("readout") == ("map", "pattern")
    assert written.labels("mode") == ("remove-mean", "alone")
    assert written.read("drop").shape == (2, 2, 3)
    assert written.read("replicate_drop").shape == (2, 2, 3, 4)
    assert written.read("left_out_drop").shape == (2, 2, 3, 12)
    assert written.read("left_out_accuracy").shape == (2, 12)
    assert written.read("stratum").tolist() == np.repeat(np.arange(3), 4).tolist()
    assert set(written.read("replicate_penalty").ravel()) <= set(PENALTIES)
    assert np.isfinite(written.read("drop_variance")).all()
    np.testing.assert_array_equal(written.read("groups"), [[12, 3, 0], [12, 3, 0]])
    assert written.attrs["weights_sha256"] == "abc"


def test_groups_on_both_sides_are_counted() -> None:
    labels = np.array([0, 0, 1, 1, 0, 1])
    samples = Samples(labels, np.array([0, 1, 2, 3, 1, 4]), np.zeros(4, int), 2)
    np.testing.assert_array_equal(group_counts(samples), [[4, 2, 1], [2, 2, 1]])

"""A stored head gives the logits it was fitted for."""

from pathlib import Path

import numpy as np

from bandprobe.head.classifier import EmbeddingProbe
from bandprobe.head.store import Head, ProbeFit, read_head, write_head
from bandprobe.store.zarr_store import Store

SAMPLES = {"sample": np.array([4, 7]), "label": np.array([1, 0]), "group": np.array([2, 2])}


def test_a_probe_reads_back(tmp_path: Path, rng: np.random.Generator) -> None:
    weights, intercept = rng.normal(size=(3, 5)), rng.normal(size=3)
    mean, scale = rng.normal(size=5).astype(np.float32), np.full(5, 2, np.float32)
    probe = EmbeddingProbe(weights, intercept, mean, scale)
    embeddings = rng.normal(size=(2, 5)).astype(np.float32)
    head = Head(**SAMPLES, clean_logits=probe.logits(embeddings), probe=probe)
    penalties = np.array([0.1, 1])
    losses = np.array([[3.0, 1.0], [2.0, 2.5]])
    fit = ProbeFit(probe, losses, penalties, 1.0, np.array([1, 2, 3]))
    write_head(tmp_path / "a.zarr", head, fit, {"code": "x"})
    found = read_head(tmp_path / "a.zarr")
    np.testing.assert_array_equal(found.logits(embeddings), found.clean_logits)
    np.testing.assert_array_equal(found.clean_logits, head.clean_logits)
    assert found.penalty_at_end
    for name, values in SAMPLES.items():
        np.testing.assert_array_equal(getattr(found, name), values)
    np.testing.assert_array_equal(Store(tmp_path / "a.zarr").read("train_sample"), [1, 2, 3])


def test_outputs_of_the_own_classifier_are_logits(tmp_path: Path, rng: np.random.Generator) -> None:
    outputs = rng.normal(size=(2, 1000)).astype(np.float32)
    head = Head(**SAMPLES, clean_logits=outputs.astype(float), probe=None)
    write_head(tmp_path / "a.zarr", head, None, {})
    found = read_head(tmp_path / "a.zarr")
    assert found.probe is None
    assert not found.penalty_at_end
    np.testing.assert_array_equal(found.logits(outputs), outputs)

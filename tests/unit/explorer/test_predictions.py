"""Classes in the order of their logits, and logits of a few images out of many."""

from __future__ import annotations

import numpy as np
import pytest

from bandprobe.explorer.predictions import Prediction, best, logits_of_images
from bandprobe.fourier.modes import Mode
from bandprobe.linear import compose
from bandprobe.store.zarr_store import Store
from tests.unit.explorer.conftest import Layer


def test_the_best_classes_with_their_margins() -> None:
    logits = np.array([0.5, 2.0, -1.0, 1.25])
    assert best(logits, 3) == [Prediction(1, 0.75), Prediction(3, -0.75), Prediction(0, -1.5)]
    assert len(best(logits, 9)) == 4


@pytest.mark.parametrize(
    "mode",
    [
        Mode("remove", "remove"),
        Mode("remove-mean", "remove", "mean"),
        Mode("isolate", "isolate"),
        Mode("resample", "resample", draws=2, seed=3),
    ],
    ids=lambda mode: mode.name,
)
def test_logits_of_some_images_are_those_of_all(layer: Layer, mode: Mode) -> None:
    split = layer.routes.split(layer.maps)
    intercept = layer.routes.intercept
    partner = compose.partners(layer.labels, 3, 0) if mode.kind == "resample" else None
    expected = compose.change(mode, split, layer.routes.fill(mode.fill), intercept, partner)
    rows = np.array([7, 2, 29])
    before, after = logits_of_images(Store(layer.stores.logits), mode, rows)
    np.testing.assert_allclose(before, compose.clean(split, intercept)[rows], rtol=1e-12)
    np.testing.assert_allclose(after, expected[:, rows], rtol=1e-9, atol=1e-9)

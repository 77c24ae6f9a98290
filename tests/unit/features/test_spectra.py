"""Spectra as they are stored are those of all maps at once."""

import json
from pathlib import Path

import numpy as np
import pytest

from bandprobe.features import blocks
from bandprobe.features.spectra import write_spectra
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.spectra import map_spectra
from bandprobe.store.zarr_store import Store, Variable, write_store


@pytest.mark.parametrize("window", ["none", "hann"])
def test_stored_spectra_are_those_of_all_maps(
    tmp_path: Path,
    bands: Bands,
    rng: np.random.Generator,
    window: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1)
    maps = rng.normal(2, 1, size=(5, 3, 8, 8)).astype(np.float32)
    samples = {name: Variable(("sample",), np.arange(5)) for name in ("sample", "label", "group")}
    features = {"layer": Variable(("sample", "channel", "y", "x"), maps)}
    write_store(tmp_path / "features.zarr", features, samples, {"weights_sha256": "abc"})
    path = tmp_path / "spectra.zarr"
    write_spectra(path, tmp_path / "features.zarr", "layer", bands, window, code="digest")  # type: ignore[arg-type]
    store, expected = Store(path), map_spectra(maps, bands.on_grid(8, 8), window)  # type: ignore[arg-type]
    np.testing.assert_allclose(store.read("energy"), expected.energy)
    np.testing.assert_allclose(store.read("profile_by_sample"), expected.profile)
    np.testing.assert_allclose(store.read("centroid"), expected.centroid)
    np.testing.assert_array_equal(store.read("bins"), bands.on_grid(8, 8).counts)
    assert store.labels("band") == bands.names
    assert json.loads(store.attrs["config"]) == {
        "layer": "layer",
        "bands": {"names": list(bands.names), "edges": list(bands.edges)},
        "window": window,
        "grid": [8, 8],
    }
    assert (store.attrs["code_digest"], store.attrs["weights_sha256"]) == ("digest", "abc")

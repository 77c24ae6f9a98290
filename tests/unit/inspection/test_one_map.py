"""What is drawn of a map is what the workflow scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text

from bandprobe.errors import StoreError
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.intervene import intervene
from bandprobe.fourier.modes import Mode
from bandprobe.inspection.map_figures import Around, interventions
from bandprobe.inspection.one_map import changed_map
from bandprobe.interventions.compare_routes import BothRoutes, Maps, fast_logits
from bandprobe.probes.read import Readout
from bandprobe.store.zarr_store import Store, Variable, write_store

N, C, H, W = 6, 3, 7, 7
MODES = [
    Mode("remove", "remove"),
    Mode("isolate-mean", "isolate", "mean"),
    Mode("resample", "resample", draws=2, seed=4),
    Mode("perturb", "phase", draws=2, seed=5),
    Mode("noise", "noise", seed=6),
]


@pytest.fixture
def values(rng: np.random.Generator) -> np.ndarray:
    values = rng.normal(size=(N, C, H, W)).astype(np.float32)
    values[:, 1] *= 3
    values[:, 2] += 50
    return values


@pytest.fixture
def store(tmp_path: Path, values: np.ndarray) -> Store:
    coordinates = {
        "sample": Variable(("sample",), np.arange(10, 10 + N)),
        "label": Variable(("sample",), np.array([0, 0, 1, 1, 2, 2])),
        "group": Variable(("sample",), np.arange(N)),
    }
    maps = {"layer1": Variable(("sample", "channel", "y", "x"), values)}
    write_store(tmp_path / "eval.zarr", maps, coordinates, {})
    return Store(tmp_path / "eval.zarr")


def test_bands_add_up_and_the_liveliest_channel_is_shown(
    store: Store, values: np.ndarray, bands: Bands
) -> None:
    found = changed_map(store, "layer1", 13, None, bands, [], None)
    # Not the channel with the most energy, which is DC, but with the most outside it.
    assert (found.sample, found.label, found.channel) == (13, 1, 1)
    np.testing.assert_array_equal(found.untouched, values[3, 1])
    np.testing.assert_allclose(found.bands.sum(0), values[3, 1], atol=1e-5)
    assert found.bins.tolist() == [1, 0, 4, 4, 12, 8, 20]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_every_mode_is_the_literal_one_on_the_whole_map(
    store: Store, values: np.ndarray, bands: Bands, mode: Mode
) -> None:
    maps = Maps(values, store.read("sample"), store.read("label"))
    noise = None if mode.is_linear else maps.noise(mode, 0)
    other = values[maps.others(mode, 0)] if mode.kind == "resample" else None
    mean = values.mean(0)
    found = changed_map(store, "layer1", 12, 0, bands, [mode], mean)
    partition = bands.on_grid(H, W)
    for band in range(len(bands)):
        expected = intervene(mode, values, partition, band, mean_map=mean, noise=noise, other=other)
        np.testing.assert_allclose(found.changed[mode.name][band], expected[2, 0], atol=1e-5)


def test_an_unknown_sample_or_channel_says_which_there_are(store: Store, bands: Bands) -> None:
    with pytest.raises(StoreError, match="from 10 to 15"):
        changed_map(store, "layer1", 2, None, bands, [], None)
    with pytest.raises(StoreError, match="0 to 2"):
        changed_map(store, "layer1", 12, 3, bands, [], None)


def test_the_picture_has_a_row_a_mode_and_marks_what_does_not_exist(
    store: Store, values: np.ndarray, bands: Bands
) -> None:
    modes = [MODES[0], Mode("lowpass", "lowpass")]
    found = changed_map(store, "layer1", 12, 0, bands, modes, None)
    figure = interventions(found.of_bands(["very-low", "ultra-high"]), "title")
    panels = np.array(figure.axes[:15]).reshape(5, 3)
    titles = np.vectorize(lambda panel: panel.get_title())(panels)
    assert titles[0, 1] == "very-low\nno bin"
    assert titles[0, 2].startswith("ultra-high\n±")
    assert set(titles[1:, 1]) == {"N/A"}
    # The low-pass at the highest band takes nothing away.
    assert titles[3, 2] == "unchanged"
    assert titles[1, 2] == ""
    assert [panels[row, 0].get_ylabel() for row in (1, 3)] == ["remove", "lowpass"]
    # Each changed map, and below it what has changed.
    for row, mode in ((1, "remove"), (3, "lowpass")):
        shown = [panels[at, 2].images[0].get_array() for at in (row, row + 1)]
        np.testing.assert_array_equal(shown[0], found.changed[mode][-1])
        np.testing.assert_array_equal(shown[1], found.changed[mode][-1] - found.untouched)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_a_readout_scores_all_channels_of_the_changed_maps(
    store: Store, values: np.ndarray, bands: Bands, mode: Mode, rng: np.random.Generator
) -> None:
    readout = Readout(
        weights=rng.normal(size=(4, C, H, W)).astype(np.float32),
        intercept=rng.normal(size=4),
        channel_mean=values.mean((0, 2, 3)),
        channel_scale=values.std((0, 2, 3)),
        mean_map=values.mean(0),
    )
    found = changed_map(store, "layer1", 12, 1, bands, [mode], readout.mean_map, readout)
    maps = Maps(values, store.read("sample"), store.read("label"))
    expected = fast_logits(mode, maps, BothRoutes(readout, bands.on_grid(H, W)))[:, 0, 2]
    full = found.bins > 0
    np.testing.assert_allclose(found.changed_logits[mode.name][full], expected[full], atol=1e-3)
    plain = changed_map(store, "layer1", 12, 1, bands, [mode], readout.mean_map)
    np.testing.assert_allclose(found.changed[mode.name], plain.changed[mode.name], atol=1e-5)
    np.testing.assert_array_equal(found.untouched, plain.untouched)


def test_the_picture_has_the_image_and_the_best_classes_at_a_size_to_read(
    store: Store, values: np.ndarray, bands: Bands, rng: np.random.Generator
) -> None:
    readout = Readout(
        weights=rng.normal(size=(4, C, H, W)).astype(np.float32),
        intercept=rng.normal(size=4),
        channel_mean=np.zeros(C, np.float32),
        channel_scale=np.ones(C, np.float32),
        mean_map=values.mean(0),
    )
    found = changed_map(store, "layer1", 12, 0, bands, MODES[:1], None, readout)
    image = rng.random((3, 16, 16)).astype(np.float32)
    names = ["cat", "dog", "a-class-with-a-very-long-name", "owl"]
    figure = interventions(found.of_bands(["low", "ultra-high"]), "title", Around(image, names))
    panels = np.array(figure.axes[:9]).reshape(3, 3)
    np.testing.assert_allclose(panels[0, 0].images[0].get_array(), image.transpose(1, 2, 0))
    assert found.logits is not None
    for panel, logits in (
        (panels[1, 0], found.logits),
        (panels[1, 2], found.changed_logits["remove"][-1]),
    ):
        lines = panel.get_xlabel().splitlines()
        order = np.argsort(-logits)
        assert len(lines) == 3
        assert lines[0].split()[0] == (names[order[0]][:16] + ("…" if order[0] == 2 else ""))
        assert float(lines[0].split()[1]) == pytest.approx(
            logits[order[0]] - logits[order[1]], abs=0.006
        )
        assert float(lines[2].split()[1]) == pytest.approx(
            logits[order[2]] - logits[order[0]], abs=0.006
        )
    sizes = {text.get_fontsize() for text in figure.findobj(Text) if text.get_text()}
    assert min(sizes) >= 6

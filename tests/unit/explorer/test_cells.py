"""A cell shows what is stored: chosen by the rule, changed as by definition, predicted alike."""

from __future__ import annotations

import numpy as np

from bandprobe.explorer.cells import Cell, cells_of
from bandprobe.explorer.choose import chosen_images
from bandprobe.fourier.modes import Mode
from bandprobe.scoring.outcomes import outcomes
from bandprobe.store.zarr_store import Store
from tests.unit.explorer.conftest import BANDS, FIRST, MODE, SIDE, Layer


def literally_changed(layer: Layer, band: int) -> np.ndarray:
    """The maps after the band was replaced by the mean's, on the full complex plane."""
    radius = np.hypot(*np.meshgrid(*[2 * np.fft.fftfreq(SIDE)] * 2, indexing="ij"))
    bounds = (0, *BANDS.edges, np.inf)
    mask = (bounds[band] <= radius) & (radius < bounds[band + 1])
    mean = layer.routes.mean_map
    assert mean is not None
    plane = np.where(
        mask,
        np.fft.fft2(mean.astype(np.float64)),
        np.fft.fft2(layer.maps.astype(np.float64)),
    )
    return np.fft.ifft2(plane).real


def cells(layer: Layer, mode: Mode = MODE) -> dict[int, Cell]:
    return {cell.band: cell for cell in cells_of(layer.stores, mode, BANDS, 0)}


def test_bands_that_are_empty_or_not_seen_have_no_pictures(layer: Layer) -> None:
    # The second band has no bin on this grid, and the last is not seen.
    assert list(cells(layer)) == [0, 2]


def test_images_are_those_of_the_rule(layer: Layer) -> None:
    stored = Store(layer.stores.outcomes)
    clean, changed = stored.read("clean_margin"), stored.read("margin")
    for band, cell in cells(layer).items():
        drop = clean - changed[band, 0]
        found = {image.rule: image.sample - FIRST for image in cell.images}
        assert found == chosen_images(clean, changed[band, 0], 0)
        assert found["most hurt"] == int(drop.argmax())
        assert found["most helped"] == int(drop.argmin())


def test_maps_are_those_of_a_literal_transform(layer: Layer) -> None:
    for band, cell in cells(layer).items():
        rows = [image.sample - FIRST for image in cell.images]
        changed = literally_changed(layer, band)
        squares = np.square(changed[rows] - layer.maps[rows]).sum((0, 2, 3))
        assert cell.channel == int(squares.argmax())
        assert cell.n_channels == 3
        np.testing.assert_array_equal(cell.before, layer.maps[rows, cell.channel])
        np.testing.assert_allclose(cell.after, changed[rows, cell.channel], atol=1e-4)


def test_predictions_are_those_of_the_changed_maps_and_margins_those_stored(layer: Layer) -> None:
    stored = Store(layer.stores.outcomes)
    clean = layer.routes.by_definition(layer.maps)
    wrong = 0
    for band, cell in cells(layer).items():
        changed = layer.routes.by_definition(literally_changed(layer, band).astype(np.float32))
        expected = outcomes(changed, layer.labels)
        for image in cell.images:
            row = image.sample - FIRST
            assert image.label == layer.labels[row]
            assert image.before.label == int(clean[row].argmax())
            assert image.after.label == int(changed[row].argmax())
            assert image.before.margin == float(stored.read("clean_margin")[row])
            assert image.after.margin == float(stored.read("margin")[band, 0, row])
            np.testing.assert_allclose(image.after.margin, expected.margin[row], atol=1e-3)
            # The predicted class is the true one exactly where its margin is above zero.
            for one in (image.before, image.after):
                assert (one.label == image.label) == (one.margin > 0)
                wrong += one.label != image.label
    assert wrong > 0

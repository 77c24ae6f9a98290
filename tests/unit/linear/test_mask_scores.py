"""Scores of masks by classes, against the outcomes that all other logits get."""

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.linear import mask_scores
from bandprobe.linear.decompose import pack_weights, transform
from bandprobe.linear.mask_scores import (
    SCORES,
    MaskTally,
    Untouched,
    mask_logits,
    relative,
    scores,
    unit_logits,
)
from bandprobe.scoring.outcomes import outcomes


def test_scores_are_outcomes_with_ties(rng: np.random.Generator) -> None:
    # Whole numbers have many ties.
    logits, labels = rng.integers(0, 4, (6, 30, 5)).astype("f4"), rng.integers(0, 5, 30)
    by_class = np.ascontiguousarray(logits.transpose(0, 2, 1))
    found = scores(relative(by_class, labels), labels)
    expected = outcomes(logits, labels)
    assert (expected.rank % 1).any()
    for name, values in found.items():
        np.testing.assert_array_equal(values, getattr(expected, name))


@pytest.mark.parametrize("without_dc", [False, True])
def test_units_have_the_logits_of_their_bins(
    rng: np.random.Generator, bands: Bands, monkeypatch: pytest.MonkeyPatch, *, without_dc: bool
) -> None:
    """A mask made of units has the same logits by units as by single bins, and one by hand."""
    height, width, n_classes, n_images = 6, 7, 5, 4
    partition = bands.on_grid(height, width)
    weights = pack_weights(
        rng.standard_normal((n_classes, 3, height, width)).astype("f4"),
        partition,
        without_dc=without_dc,
    )
    assert len(weights.bins) == height * 4 - without_dc
    maps = rng.standard_normal((n_images, 3, height, width)).astype("f4")
    coefficients = transform(maps, [weights])
    units = rng.permutation(np.repeat(np.arange(-1, 7), 3))
    member = rng.integers(0, 2, (9, 7)).astype(bool)
    masks = np.where(units < 0, np.False_, member[:, units])
    by_bin = mask_logits(weights, coefficients, masks)
    assert np.ptp(by_bin) > 0
    for size in (mask_scores.UNIT_BYTES, 4 * n_classes * n_images * 2):
        monkeypatch.setattr(mask_scores, "UNIT_BYTES", size)
        found = unit_logits(weights, coefficients, masks, units)
        np.testing.assert_allclose(found, by_bin, rtol=1e-4, atol=1e-5)


def test_scores_do_not_depend_on_how_masks_are_taken_together(
    rng: np.random.Generator, bands: Bands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All masks at once by single bins, and a few at a time by units, of two sets."""
    partition = bands.on_grid(8, 8)
    weights = pack_weights(rng.standard_normal((3, 2, 8, 8)).astype("f4"), partition)
    maps = rng.standard_normal((6, 2, 8, 8)).astype("f4")
    units = np.stack([rng.permutation(np.arange(40) % 9 - 1) for _ in range(2)])
    owner = np.repeat([0, 1], 7)
    member = rng.integers(0, 2, (14, 8)).astype(bool)
    of_mask = units[owner]
    masks = np.where(of_mask < 0, np.False_, np.take_along_axis(member, np.maximum(of_mask, 0), 1))
    labels = rng.integers(0, 3, 6)
    clean = rng.standard_normal((6, 3))
    fills = {"zero": np.zeros(3), "mean": rng.standard_normal(3)}
    found = []
    for by_unit, size in ((False, 10**9), (True, 10**9), (True, 4 * 18 * 4), (False, 4 * 18 * 4)):
        monkeypatch.setattr(mask_scores, "LOGIT_BYTES", size)
        spread = units if by_unit else np.where(units < 0, units, np.arange(40))
        mean = transform(maps[:1], [weights])
        tally = MaskTally(weights, masks, spread, ["remove/mean", "isolate/zero"], mean, owner, 6)
        tally.add(transform(maps, [weights]), Untouched(clean, fills), labels, slice(0, 6))
        found.append(tally)
    for tally in found[1:]:
        for name in SCORES:
            expected = found[0].by_mask[name]
            np.testing.assert_allclose(tally.by_mask[name], expected, rtol=1e-4, atol=1e-4)
            of_sample = found[0].by_sample[name]
            np.testing.assert_allclose(tally.by_sample[name], of_sample, rtol=1e-4, atol=1e-4)

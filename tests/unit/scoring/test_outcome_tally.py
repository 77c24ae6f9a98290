"""Outcomes that are scored some images at a time are those of all images at once."""

import numpy as np
import pytest

from bandprobe.scoring.outcome_tally import OutcomeTally
from bandprobe.scoring.outcomes import outcomes


def test_where_nothing_is_left_rounding_orders_no_class(rng: np.random.Generator) -> None:
    """All logits equal: the rank is (k + 1) / 2 and no image is right."""
    labels = np.arange(24) % 8
    clean = rng.normal(size=(24, 8))
    logits = rng.normal(size=(3, 1, 24, 8))
    logits[1] = 0.125 + 1e-5 * rng.uniform(-1, 1, 8)
    logits[2] = np.nan
    found = OutcomeTally.of(clean, labels, logits).outcomes()
    assert (found.rank[1] == 4.5).all()
    assert (found.correct[1] == 0).all()
    assert (found.margin[1] == 0).all()
    np.testing.assert_allclose(found.top5[1], 5 / 8)
    np.testing.assert_array_equal(found.rank[0], outcomes(logits[0], labels).rank)


def test_logits_that_do_differ_stay_in_order(rng: np.random.Generator) -> None:
    """Unlike classes, as of unbalanced labels, or unlike images."""
    clean, labels = rng.normal(size=(6, 3)), np.arange(6) % 3
    priors = np.tile([0.3, 0.3 + 1e-6, 0.4], (6, 1))
    found = OutcomeTally.of(clean, labels, priors).outcomes()
    assert found.rank.tolist() == [2.5, 2.5, 1.0] * 2
    np.testing.assert_allclose(found.margin, [-0.1, -0.1, 0.1] * 2, atol=1e-5)
    images = 1e-5 * rng.normal(size=(6, 3))
    for logits in (images, priors[:1]):
        of_images = labels[: len(logits)]
        found = OutcomeTally.of(clean[: len(logits)], of_images, logits).outcomes()
        for got, want in zip(found, outcomes(logits, of_images), strict=True):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("step", [1, 2, 5, 12])
def test_blocks_of_images_change_no_outcome(rng: np.random.Generator, step: int) -> None:
    """To the bit, where images differ, where none does, and where only the last one does."""
    labels = rng.integers(0, 4, 12)
    clean = rng.normal(size=(12, 4))
    logits = rng.normal(size=(4, 2, 12, 4)).round(1)
    logits[1, 0] = 0.3 + 1e-5 * rng.uniform(-1, 1, 4) + 1e-11 * rng.uniform(-1, 1, (12, 4))
    logits[2, 1] = logits[1, 0]
    logits[2, 1, -1] += 1e-5
    logits[3] = np.nan
    at_once = OutcomeTally.of(clean, labels, logits).outcomes()
    assert (at_once.margin[1, 0] == 0).all()
    assert (at_once.margin[2, 1] != 0).all()
    tally = OutcomeTally(clean, labels, (4, 2))
    for start in range(0, 12, step):
        part = slice(start, min(start + step, 12))
        for draw in range(2):
            tally.add(part, logits[:, draw, part], (slice(None), draw))
    for got, want in zip(tally.outcomes(), at_once, strict=True):
        np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(tally.not_finite, [[0, 0]] * 3 + [[48, 48]])
    # The definition, written out for the cell in which nothing is left.
    common = logits[1, 0].mean(0)
    tied = np.broadcast_to(common.mean(), (12, 4))
    for got, want in zip(at_once, outcomes(tied, labels), strict=True):
        np.testing.assert_array_equal(got[1, 0], want)

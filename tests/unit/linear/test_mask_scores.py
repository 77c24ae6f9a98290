"""Scores of masks by classes, against the outcomes that all other logits get."""

import numpy as np

from bandprobe.linear.mask_scores import relative, scores
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

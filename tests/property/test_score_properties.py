"""Outcomes against their definition, sample by sample."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from bandprobe.scoring.outcomes import outcomes

SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6)


# Few distinct values, so that ties are common.
@given(
    SHAPES.flatmap(lambda shape: arrays(np.float64, shape, elements=st.integers(-2, 2))), st.data()
)
def test_outcomes_follow_their_definition(logits: np.ndarray, data: st.DataObject) -> None:
    n_samples, n_classes = logits.shape
    chosen = st.lists(st.integers(0, n_classes - 1), min_size=n_samples, max_size=n_samples)
    labels = data.draw(chosen)
    found = outcomes(logits, np.array(labels))
    for sample, label in enumerate(labels):
        truth = logits[sample, label]
        others = [value for k, value in enumerate(logits[sample]) if k != label]
        optimistic = 1 + sum(value > truth for value in others)
        pessimistic = 1 + sum(value >= truth for value in others)
        assert found.rank[sample] == (optimistic + pessimistic) / 2
        assert found.correct[sample] == all(truth > value for value in others)
        assert found.margin[sample] == truth - max(others)

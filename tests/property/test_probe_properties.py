"""Ridge readouts on data of any shape."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from bandprobe.probe import coordinates_from_gram, fit_ridge

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 25), st.integers(1, 25), st.integers(2, 5), st.floats(1e-3, 100), SEEDS)
def test_ridge_and_its_dual_are_that_of_scikit_learn(
    n_samples: int, n_dimensions: int, n_classes: int, penalty: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    train, new = rng.normal(1.0, 1.0, (2, n_samples, n_dimensions))
    labels = rng.integers(0, n_classes, n_samples)
    alpha = penalty * np.square(train - train.mean(0)).sum(1).mean()
    ridge = Ridge(alpha=alpha, solver="svd").fit(train, np.eye(n_classes)[labels])
    expected = ridge.predict(new).reshape(n_samples, n_classes)
    direct = fit_ridge(train, labels, n_classes, np.array([penalty]))
    np.testing.assert_allclose(direct.logits(new)[0], expected, atol=1e-7)
    through = coordinates_from_gram(train @ train.T)
    path = fit_ridge(through.values, labels, n_classes, np.array([penalty]))
    projected = new @ train.T @ through.dual
    np.testing.assert_allclose(path.logits(projected)[0], expected, atol=1e-4)

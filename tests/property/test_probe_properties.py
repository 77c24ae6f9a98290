"""Ridge readouts on data of any shape."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from bandprobe.linear.basis import basis_from_gram, basis_from_maps
from bandprobe.linear.estimators import fit_ridge, held_out_ridge

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 25), st.integers(1, 25), st.integers(2, 5), st.floats(1e-3, 100), SEEDS)
def test_ridge_and_its_held_out_folds_are_those_of_scikit_learn(
    n_samples: int, n_dimensions: int, n_classes: int, penalty: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    train, new = rng.normal(1.0, 1.0, (2, n_samples, n_dimensions))
    labels = rng.integers(0, n_classes, n_samples)
    target = np.eye(n_classes)[labels]
    alpha = penalty * np.square(train - train.mean(0)).sum(1).mean()
    ridge = Ridge(alpha=alpha, solver="svd")
    expected = ridge.fit(train, target).predict(new).reshape(n_samples, n_classes)
    folds = np.arange(n_samples) % 2
    for basis, rows in (
        (basis_from_maps(train), new),
        (basis_from_gram(train @ train.T), new @ train.T),
    ):
        given = (basis.train, basis.eigenvalues, labels, n_classes, np.array([alpha]))
        found = fit_ridge(*given).logits(basis.project(rows))[0]
        np.testing.assert_allclose(found, expected, atol=1e-4)
        for fold, logits in held_out_ridge(*given, folds).items():
            held = folds == fold
            outside = ridge.fit(train[~held], target[~held]).predict(train[held])
            np.testing.assert_allclose(logits[0], outside.reshape(logits[0].shape), atol=1e-4)

"""Ridge by factorisations of a Gram matrix against scikit-learn on the maps themselves."""

import numpy as np
import pytest
from scipy.linalg import LinAlgError
from sklearn.linear_model import Ridge

from bandprobe.linear.basis import basis_from_gram
from bandprobe.linear.gram_ridge import GramRidge, LabelSets, kernel_logits
from bandprobe.linear.inner_products import ROWS
from bandprobe.linear.probe import fit_probe

# More samples than a block of rows has.
SAMPLES, DIMENSIONS, CLASSES = ROWS + 44, 500, 4
PENALTIES = [1e-4, 0.1, 30.0]


@pytest.fixture
def maps(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(2.0, 1.0, (SAMPLES, DIMENSIONS)) * np.geomspace(3, 0.1, DIMENSIONS)


@pytest.fixture
def sets(rng: np.random.Generator) -> LabelSets:
    """True labels, unequally many of each class, and a permutation of them."""
    labels = np.minimum(rng.integers(0, 6, SAMPLES), CLASSES - 1)
    return LabelSets(np.stack([labels, rng.permutation(labels)]), CLASSES)


def mean_norm(maps: np.ndarray) -> float:
    return float(np.square(maps - maps.mean(0)).sum(1).mean())


def reference(maps: np.ndarray, labels: np.ndarray, penalty: float, new: np.ndarray) -> np.ndarray:
    model = Ridge(alpha=penalty, solver="svd").fit(maps, np.eye(CLASSES)[labels])
    return np.asarray(model.predict(new))


@pytest.mark.parametrize("penalty", PENALTIES)
def test_logits_are_those_of_scikit_learn_for_every_set_of_labels(
    maps: np.ndarray, sets: LabelSets, penalty: float, rng: np.random.Generator
) -> None:
    new = rng.normal(2.0, 1.0, (ROWS + 9, DIMENSIONS))
    bands = maps[:, :200], maps[:, 200:]
    ridge = GramRidge([part @ part.T for part in bands])
    duals = ridge.duals(penalty, sets)
    np.testing.assert_allclose(duals.sum(-1), 0, atol=1e-8 * np.abs(duals).max())
    kernels = [new[:, :200] @ bands[0].T, new[:, 200:] @ bands[1].T]
    assert ridge.norm == pytest.approx(mean_norm(maps))
    for labels, own, intercept in zip(
        sets.labels, duals, ridge.intercepts(duals, sets), strict=True
    ):
        expected = reference(maps, labels, penalty * mean_norm(maps), new)
        found = kernel_logits(kernels, own, intercept)
        np.testing.assert_allclose(found, expected, atol=1e-7)
        np.testing.assert_allclose(new @ (maps.T @ own.T) + intercept, expected, atol=1e-7)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_held_out_logits_are_those_of_fits_without_the_fold(
    maps: np.ndarray, sets: LabelSets, penalty: float
) -> None:
    labels, folds = sets.labels[0], np.arange(SAMPLES) % 7 // 2
    ridge = GramRidge([maps @ maps.T])
    duals = ridge.duals(penalty, sets)
    seen = np.zeros(SAMPLES, int)
    for held, logits in ridge.held_out(penalty, duals[0], labels, folds):
        # The unit of the penalty is that of all training maps.
        absolute = penalty * mean_norm(maps)
        expected = reference(maps[~held], labels[~held], absolute, maps[held])
        np.testing.assert_allclose(logits, expected, atol=1e-6)
        seen += held
    assert (seen == 1).all()


def test_sums_in_single_precision_give_the_readout_of_the_eigendecomposition(
    maps: np.ndarray, sets: LabelSets
) -> None:
    gram = (maps @ maps.T).astype(np.float32)
    ridge = GramRidge([gram])
    basis = basis_from_gram(gram.astype(np.float64))
    folds = np.arange(SAMPLES) % 5
    probe = fit_probe(basis, sets.labels[0], folds, CLASSES, np.array(PENALTIES))
    for row, penalty in enumerate(PENALTIES):
        duals = ridge.duals(penalty, sets)
        expected = basis.loadings @ probe.path.coefficients[row]
        np.testing.assert_allclose(duals[0].T, expected, atol=1e-6 * np.abs(expected).max())


def test_maps_that_differ_by_rounding_alone_are_flat(
    maps: np.ndarray, rng: np.random.Generator
) -> None:
    same = np.repeat(maps[:1], 40, axis=0)
    jitter = same * (1 + 1e-8 * rng.normal(size=same.shape))
    assert GramRidge([same @ same.T]).is_flat
    assert GramRidge([(jitter @ jitter.T).astype(np.float32)]).is_flat
    assert GramRidge([np.zeros((40, 40))]).is_flat
    part = maps[:40] * 1e-8
    assert not GramRidge([part @ part.T]).is_flat
    assert GramRidge([part @ part.T], total=float(np.square(maps).sum())).is_flat


def test_a_penalty_below_the_rounding_of_the_matrix_cannot_be_fitted(
    maps: np.ndarray, rng: np.random.Generator
) -> None:
    few = maps[:40, :5]
    noise = 1e-3 * rng.normal(size=(40, 40))
    ridge = GramRidge([few @ few.T + noise + noise.T])
    sets = LabelSets(np.arange(40)[None] % CLASSES, CLASSES)
    with pytest.raises(LinAlgError):
        ridge.duals(1e-9, sets)
    assert np.isfinite(ridge.duals(1.0, sets)).all()


def test_single_precision_says_how_far_it_may_be_off(maps: np.ndarray, sets: LabelSets) -> None:
    # Without what most maps share: eigenvalues within two orders of magnitude.
    gram = ((maps - maps.mean(0)) @ (maps - maps.mean(0)).T).astype(np.float32)
    single, double = GramRidge([gram]), GramRidge([gram])
    folds = np.arange(SAMPLES) % 5
    for penalty in (0.1, 30.0):
        found, expected = single.duals(penalty, sets, single=True), double.duals(penalty, sets)
        assert found.dtype == np.float32
        assert 0 < single.rounding < 1e-3
        limit = single.rounding * np.abs(expected).max()
        np.testing.assert_allclose(found, expected, atol=limit)
        for (_, logits), (_, wanted) in zip(
            single.held_out(penalty, found[0], sets.labels[0], folds),
            double.held_out(penalty, expected[0], sets.labels[0], folds),
            strict=True,
        ):
            np.testing.assert_allclose(logits, wanted, atol=10 * single.rounding)


def test_what_single_precision_cannot_hold_is_fitted_in_double(
    maps: np.ndarray, sets: LabelSets
) -> None:
    few = maps[:, :5]
    gram = (few @ few.T).astype(np.float32)
    ridge, expected = GramRidge([gram]), GramRidge([gram])
    found = ridge.duals(1e-4, sets, single=True)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, expected.duals(1e-4, sets))
    assert ridge.duals(1.0, sets, single=True).dtype == np.float32

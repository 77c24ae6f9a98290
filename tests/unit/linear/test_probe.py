"""Readouts on principal coordinates against scikit-learn on the maps themselves."""

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss

from bandprobe.linear.basis import Basis, basis_from_gram, basis_from_maps
from bandprobe.linear.probe import FittedProbe, at_end, fit_at, fit_probe, scale_free_log_loss

PENALTIES = np.array([1e-4, 1e-2, 1.0, 30.0])
SHAPES = [(40, 6), (40, 40), (12, 60)]


def mean_norm(maps: np.ndarray) -> float:
    return float(np.square(maps - maps.mean(0)).sum(1).mean())


def reference_logits(
    train: np.ndarray,
    labels: np.ndarray,
    penalty: float,
    new: np.ndarray,
    norm: float | None = None,
) -> np.ndarray:
    """scikit-learn's ridge on class indicators of four classes, with the relative penalty."""
    alpha = penalty * (mean_norm(train) if norm is None else norm)
    return np.asarray(Ridge(alpha=alpha, solver="svd").fit(train, np.eye(4)[labels]).predict(new))


def bases(train: np.ndarray, new: np.ndarray) -> dict[str, tuple[Basis, np.ndarray]]:
    """Coordinates through the maps and through their Gram matrix, with those of new maps."""
    maps, gram = basis_from_maps(train), basis_from_gram(train @ train.T)
    return {"maps": (maps, maps.project(new)), "gram": (gram, gram.project(new @ train.T))}


def fit(basis: Basis, labels: np.ndarray, estimator: str = "ridge") -> FittedProbe:
    folds = np.arange(len(labels)) % 4
    return fit_probe(basis, labels, folds, 4, PENALTIES, estimator)


@pytest.mark.parametrize("route", ["maps", "gram"])
@pytest.mark.parametrize("shape", SHAPES)
def test_ridge_is_that_of_scikit_learn_on_the_maps(
    shape: tuple[int, int], route: str, rng: np.random.Generator
) -> None:
    train, new = rng.normal(3.0, 2.0, shape), rng.normal(3.0, 2.0, (9, shape[1]))
    labels = rng.integers(0, 4, shape[0])
    basis, projected = bases(train, new)[route]
    probe = fit(basis, labels)
    for penalty, logits in zip(PENALTIES, probe.path.logits(projected), strict=True):
        expected = reference_logits(train, labels, penalty, new)
        np.testing.assert_allclose(logits, expected, atol=1e-6)


@pytest.mark.parametrize("route", ["maps", "gram"])
@pytest.mark.parametrize("shape", SHAPES)
def test_weights_and_intercept_are_those_of_the_maps(
    shape: tuple[int, int], route: str, rng: np.random.Generator
) -> None:
    train, new = rng.normal(1.0, 1.0, shape), rng.normal(1.0, 1.0, (7, shape[1]))
    basis, projected = bases(train, new)[route]
    probe = fit(basis, rng.integers(0, 4, shape[0]))
    weights = probe.weights(basis)
    on_maps = weights if route == "maps" else train.T @ weights
    found = new @ on_maps + probe.intercept(basis)
    np.testing.assert_allclose(found, probe.logits(projected), atol=1e-8)


@pytest.mark.parametrize("route", ["maps", "gram"])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_logistic_is_that_of_scikit_learn_on_the_maps(
    route: str, n_classes: int, rng: np.random.Generator
) -> None:
    labels = np.arange(40) % n_classes
    train, new = rng.normal(2.0, 1.0, (40, 90)), rng.normal(2.0, 1.0, (9, 90))
    train[:, :n_classes] += np.eye(n_classes)[labels]
    basis, projected = bases(train, new)[route]
    probe = fit(basis, labels, "logistic")
    norm = mean_norm(train)
    for penalty, logits in zip(PENALTIES, probe.path.logits(projected), strict=True):
        model = LogisticRegression(C=1 / (penalty), tol=1e-9, max_iter=20000)
        model.fit((train - train.mean(0)) / np.sqrt(norm), labels)
        expected = model.predict_log_proba((new - train.mean(0)) / np.sqrt(norm))
        shown = logits[:, :n_classes]
        found = shown - logsumexp(shown, axis=1, keepdims=True)
        np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


def test_logistic_gives_a_class_without_samples_the_lowest_logit(rng: np.random.Generator) -> None:
    basis = basis_from_maps(rng.normal(size=(30, 5)))
    logits = fit(basis, np.arange(30) % 3, "logistic").logits(basis.train)
    assert (logits[:, 3] < logits[:, :3].max(1)).all()


def test_ridge_bears_the_same_map_with_two_labels(rng: np.random.Generator) -> None:
    train, labels = np.repeat(rng.normal(size=(6, 30)), 2, axis=0), np.arange(12) % 3
    for basis, projected in bases(train, train).values():
        assert basis.train.shape == (12, 5)
        for penalty, logits in zip(
            PENALTIES, fit(basis, labels).path.logits(projected), strict=True
        ):
            expected = reference_logits(train, labels, penalty, train)
            np.testing.assert_allclose(logits, expected, atol=1e-6)


@pytest.mark.parametrize("estimator", ["ridge", "logistic"])
def test_maps_that_never_change_give_the_share_of_each_class(estimator: str) -> None:
    train, labels = np.full((8, 3), 7.0), np.array([0, 0, 0, 0, 1, 1, 1, 1])
    for basis, projected in bases(train, train).values():
        logits = fit(basis, labels, estimator).logits(projected)
        assert basis.train.shape[1] == 0
        np.testing.assert_allclose(logits, np.broadcast_to(logits[0], logits.shape))
        assert logits[0, 0] == pytest.approx(logits[0, 1])
        assert logits[0, 0] > logits[0, 2]


def test_penalties_do_not_depend_on_the_unit_of_the_maps(rng: np.random.Generator) -> None:
    train, labels = rng.normal(size=(20, 5)), np.arange(20) % 3
    for estimator in ("ridge", "logistic"):
        one, other = (basis_from_maps(unit * train) for unit in (1.0, 1000.0))
        found = fit(one, labels, estimator).path.logits(one.train)
        scaled = fit(other, labels, estimator).path.logits(other.train)
        np.testing.assert_allclose(found, scaled, atol=1e-3 * found.std())


def test_coordinates_have_the_inner_products_of_the_centred_maps(rng: np.random.Generator) -> None:
    maps = rng.normal(5.0, 1.0, size=(10, 25))
    maps[7] = maps[2]
    centred = maps - maps.mean(0)
    for basis, _ in bases(maps, maps).values():
        assert basis.train.shape == (10, 8)
        np.testing.assert_allclose(basis.train @ basis.train.T, centred @ centred.T, atol=1e-8)
        products = basis.train.T @ basis.train
        np.testing.assert_allclose(products, np.diag(basis.eigenvalues), atol=1e-8)


@pytest.mark.parametrize("estimator", ["ridge", "logistic"])
def test_held_out_losses_are_of_readouts_fitted_on_the_other_folds_alone(
    estimator: str, rng: np.random.Generator
) -> None:
    train, labels = rng.normal(2.0, 1.0, (40, 8)), rng.integers(0, 4, 40)
    train += 0.8 * np.eye(4, 8)[labels]
    folds = np.repeat([4, 1, 7, 2], 10)
    norm = mean_norm(train)
    found = fit_probe(basis_from_maps(train), labels, folds, 4, PENALTIES, estimator).losses
    assert found.shape == (4, len(PENALTIES))
    for row, fold in zip(found, (1, 2, 4, 7), strict=True):
        held = folds == fold
        for loss, penalty in zip(row, PENALTIES, strict=True):
            if estimator == "ridge":
                given = (train[~held], labels[~held], penalty, train[held], norm)
                logits = reference_logits(*given)
            else:
                model = LogisticRegression(C=1 / penalty, tol=1e-9, max_iter=20000)
                model.fit(train[~held] / np.sqrt(norm), labels[~held])
                logits = model.decision_function(train[held] / np.sqrt(norm))
            expected = scale_free_log_loss(logits, labels[held])
            assert loss == pytest.approx(expected, abs=1e-5 if estimator == "ridge" else 5e-3)


def test_what_can_only_be_memorised_earns_nothing_in_cross_validation(
    rng: np.random.Generator,
) -> None:
    noise, labels = rng.normal(size=(60, 400)), np.arange(60) % 4
    basis = basis_from_maps(noise)
    probe = fit_probe(basis, labels, np.arange(60) // 20, 4, PENALTIES[:2])
    memorised = probe.path.logits(basis.train)
    assert max(scale_free_log_loss(logits, labels) for logits in memorised) < 0.01
    assert probe.losses.mean() > 0.9 * np.log(4)


def test_probe_takes_the_penalty_of_least_mean_loss(rng: np.random.Generator) -> None:
    train, labels = rng.normal(size=(60, 50)), np.arange(60) % 3
    train[:, 0] += labels
    basis = basis_from_maps(train)
    probe = fit(basis, labels)
    assert probe.losses[:, probe.chosen].mean() == probe.losses.mean(0).min()
    alone = fit_at(basis, labels, 4, float(PENALTIES[probe.chosen]), "ridge")
    np.testing.assert_allclose(alone.logits(basis.train)[0], probe.logits(basis.train))


def noisy_logits(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    labels = rng.integers(0, 5, 200)
    return rng.normal(size=(200, 5)) + 1.2 * np.eye(5)[labels], labels


def test_log_loss_is_the_least_over_temperatures(rng: np.random.Generator) -> None:
    logits, labels = noisy_logits(rng)
    truth = logits[np.arange(200), labels]
    losses = [
        (logsumexp(inverse * logits, axis=1) - inverse * truth).mean()
        for inverse in np.geomspace(1e-2, 1e2, 4001)
    ]
    assert scale_free_log_loss(logits, labels) == pytest.approx(min(losses), abs=1e-6)
    probabilities = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
    assert scale_free_log_loss(logits, labels) <= log_loss(labels, probabilities) + 1e-9


@pytest.mark.parametrize("factor", [1e-8, 0.03, 7.0, 1e6])
def test_log_loss_does_not_depend_on_the_scale_of_the_logits(
    factor: float, rng: np.random.Generator
) -> None:
    logits, labels = noisy_logits(rng)
    expected = scale_free_log_loss(logits, labels)
    assert scale_free_log_loss(factor * logits, labels) == pytest.approx(expected, rel=1e-6)
    assert scale_free_log_loss(factor * (logits + 3), labels) == pytest.approx(expected, rel=1e-5)


def test_log_loss_of_perfect_and_of_useless_logits(rng: np.random.Generator) -> None:
    labels = np.arange(40) % 4
    assert scale_free_log_loss(np.eye(4)[labels], labels) < 1e-6
    assert scale_free_log_loss(-np.eye(4)[labels], labels) == pytest.approx(np.log(4), abs=1e-2)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 1 / 3])
def test_log_loss_of_logits_that_are_all_equal_is_that_of_chance(value: float) -> None:
    labels = np.arange(30) % 10
    found = scale_free_log_loss(np.full((30, 10), value), labels)
    assert found == pytest.approx(np.log(10), abs=1e-6)


def test_a_penalty_at_an_end_is_one_of_several_that_matter() -> None:
    falling = np.array([3.0, 2.0, 1.0])
    assert at_end(falling, 2)
    assert at_end(falling[::-1], 0)
    assert not at_end(falling, 1)
    assert not at_end(falling[:1], 0), "a single penalty leaves no choice"
    assert not at_end(np.full(3, np.log(4)), 0), "any penalty is as good"
    assert not at_end(np.array([2.0, 2.0019, 2.5]), 0), "a longer list would change nothing"
    assert at_end(np.array([2.0, 2.0021, 2.5]), 0)
    unseen = np.array([np.nan, 2.0, 1.0])
    assert at_end(unseen, 2)
    assert not at_end(np.array([np.nan, 1.0, 2.0]), 1)


def test_exponentials_in_single_precision_give_the_same_log_loss(rng: np.random.Generator) -> None:
    logits, labels = noisy_logits(rng)
    expected = scale_free_log_loss(logits, labels)
    assert scale_free_log_loss(logits, labels, np.float32) == pytest.approx(expected, abs=1e-6)
    # What differs by rounding alone is told from what differs little before precision is given up.
    level = 1 + 1e-9 * logits
    assert scale_free_log_loss(level, labels, np.float32) == pytest.approx(expected, abs=1e-4)

"""Ridge readouts against scikit-learn, and the Gram matrix against the maps themselves."""

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss

from bandprobe.probe import (
    channel_moments,
    coordinates_from_gram,
    cross_validated_loss,
    fit_probe,
    fit_ridge,
    one_hot,
    readout_logits,
    scale_free_log_loss,
)

PENALTIES = np.array([1e-4, 1e-2, 1.0, 30.0])


def reference_logits(
    train: np.ndarray, labels: np.ndarray, n_classes: int, penalty: float, new: np.ndarray
) -> np.ndarray:
    """scikit-learn's ridge on class indicators, with the relative penalty."""
    alpha = penalty * np.square(train - train.mean(0)).sum(1).mean()
    indicators = np.eye(n_classes)[labels]
    return np.asarray(Ridge(alpha=alpha, solver="svd").fit(train, indicators).predict(new))


@pytest.mark.parametrize("shape", [(40, 6), (40, 40), (12, 60)])
def test_ridge_is_that_of_scikit_learn(shape: tuple[int, int], rng: np.random.Generator) -> None:
    train, new = rng.normal(3.0, 2.0, shape), rng.normal(3.0, 2.0, (9, shape[1]))
    labels = rng.integers(0, 4, shape[0])
    found = fit_ridge(train, labels, 4, PENALTIES).logits(new)
    for penalty, logits in zip(PENALTIES, found, strict=True):
        expected = reference_logits(train, labels, 4, penalty, new)
        np.testing.assert_allclose(logits, expected, atol=1e-8)


def test_ridge_bears_the_same_map_with_two_labels(rng: np.random.Generator) -> None:
    train = np.repeat(rng.normal(size=(6, 30)), 2, axis=0)
    labels = np.arange(12) % 3
    found = fit_ridge(train, labels, 3, PENALTIES).logits(train)
    for penalty, logits in zip(PENALTIES, found, strict=True):
        expected = reference_logits(train, labels, 3, penalty, train)
        np.testing.assert_allclose(logits, expected, atol=1e-7)


def test_ridge_on_maps_that_never_change_gives_the_share_of_each_class() -> None:
    path = fit_ridge(np.ones((5, 3)), np.array([0, 0, 0, 1, 1]), 2, PENALTIES)
    np.testing.assert_allclose(path.logits(np.ones((1, 3))), [[[0.6, 0.4]]] * 4)


def test_ridge_does_not_depend_on_the_unit_of_the_maps(rng: np.random.Generator) -> None:
    train, labels = rng.normal(size=(20, 5)), np.arange(20) % 3
    found = fit_ridge(train, labels, 3, PENALTIES).logits(train)
    scaled = fit_ridge(1000 * train, labels, 3, PENALTIES).logits(1000 * train)
    np.testing.assert_allclose(found, scaled, atol=1e-9)


@pytest.mark.parametrize("shape", [(15, 80), (30, 12)])
def test_fit_through_the_gram_matrix_is_the_fit_on_the_maps(
    shape: tuple[int, int], rng: np.random.Generator
) -> None:
    train, new = rng.normal(1.0, 1.0, shape), rng.normal(1.0, 1.0, (7, shape[1]))
    labels = rng.integers(0, 3, shape[0])
    coordinates = coordinates_from_gram(train @ train.T)
    assert coordinates.dual is not None
    assert coordinates.values.shape[1] <= min(shape)
    direct = fit_ridge(train, labels, 3, PENALTIES)
    through = fit_ridge(coordinates.values, labels, 3, PENALTIES)
    np.testing.assert_allclose(through.intercepts, direct.intercepts, atol=1e-8)
    for found, expected in zip(through.coefficients, direct.coefficients, strict=True):
        np.testing.assert_allclose(train.T @ (coordinates.dual @ found), expected, atol=1e-8)
    projected = new @ train.T @ coordinates.dual
    np.testing.assert_allclose(through.logits(projected), direct.logits(new), atol=1e-8)


def test_coordinates_have_the_inner_products_of_the_maps(rng: np.random.Generator) -> None:
    maps = rng.normal(size=(10, 25))
    maps[7] = maps[2]
    values = coordinates_from_gram(maps @ maps.T).values
    assert values.shape == (10, 9)
    np.testing.assert_allclose(values @ values.T, maps @ maps.T, atol=1e-9)


def test_indicators_have_a_one_for_each_label() -> None:
    np.testing.assert_array_equal(one_hot(np.array([2, 0]), 3), [[0, 0, 1], [1, 0, 0]])


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


def test_cross_validation_fits_on_the_other_folds_alone(rng: np.random.Generator) -> None:
    train, labels = rng.normal(2.0, 1.0, (30, 8)), rng.integers(0, 3, 30)
    train += 0.8 * np.eye(3, 8)[labels]
    folds = np.repeat([4, 1, 7], 10)
    found = cross_validated_loss(train, labels, folds, 3, PENALTIES)
    assert found.shape == (3, len(PENALTIES))
    for row, fold in zip(found, (1, 4, 7), strict=True):
        held = folds == fold
        for loss, penalty in zip(row, PENALTIES, strict=True):
            logits = reference_logits(train[~held], labels[~held], 3, penalty, train[held])
            expected = scale_free_log_loss(logits, labels[held])
            assert loss == pytest.approx(expected, abs=1e-6)


def test_what_can_only_be_memorised_earns_nothing_in_cross_validation(
    rng: np.random.Generator,
) -> None:
    noise, labels = rng.normal(size=(60, 400)), np.arange(60) % 4
    memorised = fit_ridge(noise, labels, 4, PENALTIES[:2]).logits(noise)
    assert max(scale_free_log_loss(logits, labels) for logits in memorised) < 0.01
    held_out = cross_validated_loss(noise, labels, np.arange(60) // 20, 4, PENALTIES[:2])
    assert held_out.mean() > 0.9 * np.log(4)


def test_probe_takes_the_penalty_of_least_mean_loss(rng: np.random.Generator) -> None:
    train, labels = rng.normal(size=(60, 50)), np.arange(60) % 3
    train[:, 0] += labels
    folds = np.arange(60) // 15
    probe = fit_probe(train, labels, folds, 3, PENALTIES)
    assert probe.losses[:, probe.chosen].mean() == probe.losses.mean(0).min()
    whole = fit_ridge(train, labels, 3, PENALTIES)
    np.testing.assert_array_equal(probe.path.coefficients, whole.coefficients)


def test_channel_moments_are_those_of_numpy_in_double_precision(rng: np.random.Generator) -> None:
    mean = np.array([0.0, 5.0, 300.0])[:, None, None]
    maps = rng.normal(mean, [[[1.0]], [[0.01]], [[2.0]]], (40, 3, 9, 7)).astype(np.float32)
    found = channel_moments(maps)
    double = maps.astype(np.float64)
    np.testing.assert_allclose(found[0], double.mean((0, 2, 3)), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found[1], double.std((0, 2, 3)), rtol=1e-4)


@pytest.mark.parametrize("value", [0.0, 1.0, -7.0, 0.1, 1 / 3, 1000.7])
@pytest.mark.parametrize("grid", [(7, 7), (14, 14), (1, 1)])
def test_a_channel_that_never_changes_has_scale_one(value: float, grid: tuple[int, int]) -> None:
    maps = np.full((6, 2, *grid), np.float32(value), np.float32)
    mean, scale = channel_moments(maps)
    np.testing.assert_allclose(mean, value, rtol=1e-6)
    np.testing.assert_array_equal(scale, 1.0)


def test_readout_logits_follow_the_definition(rng: np.random.Generator) -> None:
    maps = rng.normal(2.0, 1.0, (4, 3, 5, 6)).astype(np.float32)
    weights = rng.normal(size=(2, 3, 5, 6)).astype(np.float32)
    intercept = np.array([1.0, -2.0])
    mean, scale = np.array([2, 1, 0], np.float32), np.array([1, 2, 0.5], np.float32)
    found = readout_logits(maps, weights, intercept, mean, scale)
    for sample in range(4):
        for label in range(2):
            z = (maps[sample].astype(float) - mean[:, None, None]) / scale[:, None, None]
            expected = (z * weights[label]).sum() + intercept[label]
            assert found[sample, label] == pytest.approx(expected, abs=1e-4)

"""Factorisations on a device are those of LAPACK."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest
import torch
from scipy.linalg import LinAlgError

from bandprobe.base.devices import computing_on, opened_device
from bandprobe.linear import factorise
from bandprobe.linear.basis import basis_from_maps
from bandprobe.linear.factor_ridge import FactorRidge
from bandprobe.linear.gram_ridge import GramRidge, LabelSets
from bandprobe.linear.probe import fit_probe

PENALTIES = np.array([1e-3, 1e-1, 10.0])
GPU = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
)


@pytest.fixture(params=["cpu", "torch-cpu", GPU])
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    with computing_on(request.param):
        yield request.param


@pytest.fixture
def positive() -> np.ndarray:
    rows = np.random.default_rng(0).standard_normal((30, 40))
    return rows @ rows.T


def lower(matrix: np.ndarray) -> np.ndarray:
    """The same with numbers in the upper triangle that are none of its own."""
    return np.tril(matrix) + np.triu(np.full_like(matrix, 1e3), 1)


def test_eigenvectors_make_up_the_matrix(device: str, positive: np.ndarray) -> None:
    values, vectors = factorise.symmetric_eigen(lower(positive))
    assert (np.diff(values) > 0).all(), device
    np.testing.assert_allclose((vectors * values) @ vectors.T, positive, atol=1e-10)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(30), atol=1e-12)


def test_a_solution_solves(device: str, positive: np.ndarray) -> None:
    skew = positive + np.triu(positive)
    values = np.arange(60.0).reshape(30, 2)
    found = factorise.solve(skew, values)
    np.testing.assert_allclose(skew @ found, values, atol=1e-9, err_msg=device)


def test_an_inverse_inverts(device: str, positive: np.ndarray) -> None:
    found = factorise.positive_inverse(lower(positive))
    np.testing.assert_allclose(positive @ found, np.eye(30), atol=1e-9, err_msg=device)


@pytest.mark.parametrize(
    "attempt",
    [
        lambda matrix: factorise.solve(matrix, np.ones((30, 1))),
        lambda matrix: factorise.symmetric_solve(matrix, np.ones((30, 1))),
        factorise.positive_inverse,
        factorise.cholesky,
    ],
    ids=["solve", "symmetric solve", "inverse", "factor"],
)
def test_a_singular_matrix_is_an_error(
    device: str, attempt: Callable[[np.ndarray], object]
) -> None:
    with pytest.raises(LinAlgError):
        attempt(np.zeros((30, 30)))
    assert opened_device() == device


@pytest.mark.parametrize("n_dimensions", [12, 200], ids=["by coordinates", "by samples"])
def test_a_whole_path_is_fitted_there(monkeypatch: pytest.MonkeyPatch, n_dimensions: int) -> None:
    labels, folds = np.arange(90) % 3, np.arange(90) // 3 % 5
    maps = np.random.default_rng(0).standard_normal((90, n_dimensions)) + labels[:, None]
    fit = partial(fit_probe, labels=labels, folds=folds, n_classes=3, penalties=PENALTIES)
    expected = fit(basis_from_maps(maps), estimator="ridge")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("computed by LAPACK")

    for name in ("eigh", "solve"):
        monkeypatch.setattr(np.linalg, name, refuse)
    with computing_on("torch-cpu"):
        found = fit(basis_from_maps(maps), estimator="ridge")
    assert found.chosen == expected.chosen
    np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-9)


@pytest.mark.parametrize("kind", [GramRidge, FactorRidge])
@pytest.mark.parametrize("single", [False, True], ids=["double", "single"])
def test_a_ridge_is_the_same_wherever_it_is_factorised(
    monkeypatch: pytest.MonkeyPatch, kind: type[GramRidge], *, single: bool
) -> None:
    labels, folds = np.arange(90) % 3, np.arange(90) // 3 % 5
    maps = np.random.default_rng(1).standard_normal((90, 200)) + labels[:, None]
    gram = (maps @ maps.T).astype(np.float32 if single else np.float64)
    sets = LabelSets(labels[None], 3)

    def fitted() -> tuple[np.ndarray, list[np.ndarray]]:
        ridge = kind([gram])
        duals = ridge.duals(0.5, sets, single=single)
        assert duals.dtype == gram.dtype
        return duals, [logits for _, logits in ridge.held_out(0.5, duals[0], labels, folds)]

    expected = fitted()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("computed by LAPACK")

    for name in ("get_lapack_funcs", "cho_factor"):
        monkeypatch.setattr(factorise, name, refuse)
    with computing_on("torch-cpu"):
        found = fitted()
    tolerance = 1e-3 if single else 1e-9
    np.testing.assert_allclose(found[0], expected[0], atol=tolerance * np.abs(expected[0]).max())
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(one, other, atol=tolerance)

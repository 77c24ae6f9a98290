"""Ridge and multinomial logistic regression on principal coordinates of the training maps.

Both have an L2 penalty on the weights and an unpenalised intercept, so the optimum on the
coordinates is the optimum on the maps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from bandprobe.base.arrays import FloatArray, LabelArray
from bandprobe.linear.factorise import solve

Solve = Callable[[FloatArray], FloatArray]
PathFit = Callable[[FloatArray, FloatArray, LabelArray, int, FloatArray], "LinearPath"]
HeldOutLogits = Callable[
    [FloatArray, FloatArray, LabelArray, int, FloatArray, LabelArray], dict[int, FloatArray]
]


@dataclass(frozen=True)
class LinearPath:
    """Linear classifiers for a list of penalties, on centred coordinates.

    Attributes
    ----------
    coefficients : array of shape (n_penalties, n_coordinates, n_classes)
    intercepts : array of shape (n_penalties, n_classes)
    """

    coefficients: FloatArray
    intercepts: FloatArray

    def logits(self, coordinates: FloatArray) -> FloatArray:
        """Logits of shape (n_penalties, n_samples, n_classes)."""
        logits: FloatArray = coordinates @ self.coefficients + self.intercepts[:, None]
        return logits

    def logits_at(self, penalty: int, coordinates: FloatArray) -> FloatArray:
        """Logits at one position of the path, (n_samples, n_classes)."""
        logits: FloatArray = coordinates @ self.coefficients[penalty] + self.intercepts[penalty]
        return logits


@dataclass(frozen=True)
class Estimator:
    """How a path is fitted, and how held-out folds are scored along it."""

    fit: PathFit
    held_out: HeldOutLogits


def one_hot(labels: LabelArray, n_classes: int) -> FloatArray:
    """Indicator matrix of shape (n_samples, n_classes)."""
    member: FloatArray = np.equal(labels[:, None], np.arange(n_classes)).astype(np.float64)
    return member


def fit_ridge(
    train: FloatArray,
    eigenvalues: FloatArray,
    labels: LabelArray,
    n_classes: int,
    penalties: FloatArray,
) -> LinearPath:
    """Least squares on class indicators with an L2 penalty and an unpenalised intercept.

    Parameters
    ----------
    train : array of shape (n_samples, n_coordinates)
        Centred, its columns orthogonal.
    eigenvalues : array of shape (n_coordinates,)
        Squared norms of the columns: the eigenvalues of the Gram matrix.
    labels : array of shape (n_samples,)
    n_classes : int
    penalties : array of shape (n_penalties,)
        scikit-learn's `alpha`.

    Notes
    -----
    One eigendecomposition, that of the coordinates, serves all penalties (Hastie, Tibshirani and
    Friedman, The Elements of Statistical Learning, 2nd ed., section 3.4.1).
    """
    target = one_hot(labels, n_classes)
    projected = train.T @ target
    coefficients = projected / (eigenvalues[:, None] + penalties[:, None, None])
    return LinearPath(coefficients, np.tile(target.mean(0), (len(penalties), 1)))


def held_out_ridge(
    train: FloatArray,
    eigenvalues: FloatArray,
    labels: LabelArray,
    n_classes: int,
    penalties: FloatArray,
    folds: LabelArray,
) -> dict[int, FloatArray]:
    """Logits of each fold by the ridge fitted without it, each (n_penalties, n_held, n_classes).

    Nothing is fitted again: with the smoother ``H`` of all samples, fold F has the residuals
    ``(I - H_FF)^-1 (y_F - H_F y)`` under the fit without F at the same penalty (Cook and Weisberg,
    Residuals and Influence in Regression, 1982, section 3.2).
    """
    target = one_hot(labels, n_classes)
    projected, base = train.T @ target, target.mean(0)
    logits: dict[int, FloatArray] = {}
    for fold in np.unique(folds):
        held = folds == fold
        inside = train[held]
        solvers = _by_coordinates if train.shape[1] < len(inside) else _by_samples
        rows = []
        solves = solvers(inside, eigenvalues, penalties, len(train))
        for penalty, solver in zip(penalties, solves, strict=True):
            fitted = base + inside @ (projected / (eigenvalues + penalty)[:, None])
            rows.append(target[held] - solver(target[held] - fitted))
        logits[int(fold)] = np.stack(rows)
    return logits


def _by_samples(
    inside: FloatArray, eigenvalues: FloatArray, penalties: FloatArray, n_samples: int
) -> Iterator[Solve]:
    """``(I - H_FF)^-1`` for each penalty, as a matrix of the fold's samples."""
    for penalty in penalties:
        # A matrix times its own transpose takes half as long as another product.
        half = inside / np.sqrt(eigenvalues + penalty)
        yield partial(solve, np.eye(len(inside)) - half @ half.T - 1.0 / n_samples)


def _by_coordinates(
    inside: FloatArray, eigenvalues: FloatArray, penalties: FloatArray, n_samples: int
) -> Iterator[Solve]:
    """The same by Woodbury's identity, for folds of more samples than there are coordinates.

    With ``H_FF = M D M'`` it is ``I + M (D^-1 - M'M)^-1 M'`` (Golub and Van Loan, Matrix
    Computations, 4th ed., section 2.1.4).
    """
    wide = np.concatenate([inside, np.ones((len(inside), 1))], axis=1)
    square = wide.T @ wide
    for penalty in penalties:
        diagonal = np.append(eigenvalues + penalty, n_samples)
        yield partial(_woodbury, wide, np.diag(diagonal) - square)


def _woodbury(wide: FloatArray, inner: FloatArray, values: FloatArray) -> FloatArray:
    solved: FloatArray = values + wide @ solve(inner, wide.T @ values)
    return solved


def fit_logistic(
    train: FloatArray,
    eigenvalues: FloatArray,
    labels: LabelArray,
    n_classes: int,
    penalties: FloatArray,
) -> LinearPath:
    """Multinomial logistic regression, arguments as for `fit_ridge`.

    The loss is the sum over samples of the log loss plus half the penalty, relative to the mean
    squared norm of a map, times the squared norm of the weights on maps of unit mean norm:
    scikit-learn's ``C = 1 / penalty``. A class without a sample has a constant logit below
    those of all others.
    """
    # It takes a second to import; ridge does not need it.
    from sklearn.linear_model import LogisticRegression

    norm = max(float(eigenvalues.sum()) / len(train), np.finfo(float).tiny)
    unit = train / np.sqrt(norm)
    present = np.unique(labels)
    coefficients = np.zeros((len(penalties), train.shape[1], n_classes))
    # For a class without samples: as if half a sample had been seen.
    intercepts = np.full((len(penalties), n_classes), np.log(0.5 / len(train)))
    model = LogisticRegression(warm_start=True, max_iter=5000, tol=1e-8)
    for row, penalty in enumerate(penalties / norm):
        if not train.shape[1] or len(present) < 2:
            intercepts[row, present] = np.log(np.bincount(labels)[present] / len(labels))
            continue
        model.set_params(C=1.0 / penalty)
        model.fit(unit, labels)
        weights, constant = model.coef_.T, model.intercept_
        if len(present) == 2:
            # With two classes there is one logit: the second class against the first.
            weights, constant = weights * [0, 1], constant * np.array([0, 1])
        coefficients[row][:, present] = weights / np.sqrt(norm)
        intercepts[row, present] = constant
    return LinearPath(coefficients, intercepts)


def held_out_logistic(
    train: FloatArray,
    eigenvalues: FloatArray,
    labels: LabelArray,
    n_classes: int,
    penalties: FloatArray,
    folds: LabelArray,
) -> dict[int, FloatArray]:
    """As `held_out_ridge`, by fitting without each fold in turn."""
    norm = max(float(eigenvalues.sum()) / len(train), np.finfo(float).tiny)
    logits: dict[int, FloatArray] = {}
    for fold in np.unique(folds):
        held = folds == fold
        rest = train[~held]
        # The unit of the penalty is that of all training maps.
        squared_norm = np.full(1, norm * len(rest))
        path = fit_logistic(rest, squared_norm, labels[~held], n_classes, penalties)
        logits[int(fold)] = path.logits(train[held])
    return logits


ESTIMATORS: dict[str, Estimator] = {
    "ridge": Estimator(fit_ridge, held_out_ridge),
    "logistic": Estimator(fit_logistic, held_out_logistic),
}

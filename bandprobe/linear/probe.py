"""Linear readouts whose penalty is chosen by grouped cross-validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.optimize import minimize_scalar

from bandprobe.base.arrays import FloatArray, MapArray
from bandprobe.linear.basis import Basis
from bandprobe.linear.estimators import ESTIMATORS, LinearPath

# Share of the loss below which a step along the path of penalties makes no difference.
FLAT = 1e-3
# Limits of the logarithm of the inverse temperature, for logits of unit spread.
LOGS = (-7.0, 7.0)
# Newton's method ends where the loss would fall by no more than this share of it, and gives up
# after so many steps.
PRECISION, NEWTON_STEPS = 1e-8, 8


def scale_free_log_loss(
    logits: FloatArray, labels: NDArray[np.integer], precision: DTypeLike = np.float64
) -> float:
    """Log loss in nats per image, at the temperature that fits the logits best.

    Parameters
    ----------
    logits : array of shape (n_samples, n_classes)
        Ridge logits regress indicators; their scale says nothing about confidence, so a temperature
        is fitted.
    labels : array of shape (n_samples,)
    precision : dtype
        Of the exponentials, which take most of the time of many logits.

    Notes
    -----
    Temperature scaling, Guo et al., On Calibration of Modern Neural Networks (ICML 2017).
    """
    centred = logits - logits.mean(1, keepdims=True)
    spread = float(np.sqrt(np.vdot(centred, centred) / centred.size))
    # Logits that differ only by rounding errors do not tell classes apart.
    if spread <= 1e-12 * max(float(logits.max()), -float(logits.min())):
        return float(np.log(logits.shape[1]))
    scaled = np.multiply(centred, 1 / spread, dtype=precision, casting="same_kind")
    del centred
    average = float(np.take_along_axis(scaled, labels[:, None], 1).mean(dtype=np.float64))
    # Relative to the highest logit no exponential overflows.
    scaled -= scaled.max(1, keepdims=True)
    path = _TemperaturePath(scaled, labels)
    # Where logits tell little, the loss is this parabola of the inverse temperature.
    return path.least(start=average)


class _TemperaturePath:
    """The mean log loss of logits times an inverse temperature, which it is a convex function of.

    Parameters
    ----------
    logits : array of shape (n_samples, n_classes)
        The highest of each sample is zero.
    labels : array of shape (n_samples,)
    """

    def __init__(self, logits: MapArray | FloatArray, labels: NDArray[np.integer]) -> None:
        self._logits = logits
        self._truth = float(np.take_along_axis(logits, labels[:, None], 1).mean(dtype=np.float64))
        self._powers = np.empty_like(logits)

    def least(self, start: float) -> float:
        """The least loss at inverse temperatures within `LOGS`, by Newton's method from `start`."""
        lowest, highest = np.exp(LOGS)
        inverse = min(max(start, lowest), highest)
        for _ in range(NEWTON_STEPS):
            loss, slope, curvature = self._derivatives(inverse)
            at_limit = (inverse == lowest and slope >= 0) or (inverse == highest and slope <= 0)
            # By so much a parabola would still fall.
            if at_limit or (curvature > 0 and slope**2 <= 2 * PRECISION * loss * curvature):
                return loss
            if curvature <= 0:
                break
            inverse = min(max(inverse - slope / curvature, lowest), highest)
        # Of logits that tell everything the least loss is at the end, or far from a parabola's.
        found = minimize_scalar(self._loss, bounds=LOGS, method="bounded", options={"xatol": 1e-3})
        return float(found.fun)

    def _loss(self, log_inverse: float) -> float:
        inverse = float(np.exp(log_inverse))
        return float(np.log(self._exponentials(inverse)).mean(dtype=np.float64)) - (
            inverse * self._truth
        )

    def _derivatives(self, inverse: float) -> tuple[float, float, float]:
        """The loss, its slope and its curvature: the variance of the logits that it expects."""
        sums = self._exponentials(inverse)
        first = np.einsum("ij,ij->i", self._powers, self._logits) / sums
        self._powers *= self._logits
        second = np.einsum("ij,ij->i", self._powers, self._logits) / sums
        loss = float(np.log(sums).mean(dtype=np.float64)) - inverse * self._truth
        slope = float(first.mean(dtype=np.float64)) - self._truth
        return loss, slope, float((second - np.square(first)).mean(dtype=np.float64))

    def _exponentials(self, inverse: float) -> MapArray | FloatArray:
        """Their sums over classes; they stay in place."""
        np.multiply(self._logits, inverse, out=self._powers, casting="same_kind")
        np.exp(self._powers, out=self._powers)
        sums: MapArray | FloatArray = self._powers.sum(1)
        return sums


def at_end(losses: FloatArray, chosen: int) -> bool:
    """Whether a penalty is at an end of its list, where the loss still falls.

    Where the step to the end lowers the loss by less than `FLAT` of it, a longer list would change
    nothing: the smallest penalties of a list are one and the same for maps that they do not touch.

    Parameters
    ----------
    losses : array of shape (n_penalties,)
        NaN at penalties that were not visited; the neighbours of the chosen one were.
    chosen : int
    """
    if len(losses) < 2 or chosen not in (0, len(losses) - 1):
        return False
    step = losses[1 if chosen == 0 else chosen - 1] - losses[chosen]
    return bool(step > FLAT * losses[chosen])


@dataclass(frozen=True)
class FittedProbe:
    """A readout whose penalty was chosen by grouped cross-validation.

    Attributes
    ----------
    path : LinearPath
        Fitted on all training maps, for every penalty.
    losses : array of shape (n_folds, n_penalties)
        Scale-free log loss on held-out folds.
    chosen : int
        Position of the penalty with the least mean loss.
    """

    path: LinearPath
    losses: FloatArray
    chosen: int

    def logits(self, coordinates: FloatArray) -> FloatArray:
        """Logits of the chosen penalty, shape (n_samples, n_classes)."""
        return self.path.logits_at(self.chosen, coordinates)

    def weights(self, basis: Basis) -> FloatArray:
        """Weights on what the basis was made of, shape (n_columns, n_classes)."""
        weights: FloatArray = basis.loadings @ self.path.coefficients[self.chosen]
        return weights

    def intercept(self, basis: Basis) -> FloatArray:
        """Intercept for rows that are not centred, shape (n_classes,)."""
        shift: FloatArray = basis.centre @ self.weights(basis)
        intercept: FloatArray = self.path.intercepts[self.chosen] - shift
        return intercept


def fit_probe(
    basis: Basis,
    labels: NDArray[np.integer],
    folds: NDArray[np.integer],
    n_classes: int,
    penalties: FloatArray,
    estimator: str = "ridge",
) -> FittedProbe:
    """Fit the whole path and choose its penalty.

    Parameters
    ----------
    basis : Basis
    labels, folds : arrays of shape (n_samples,)
        Samples that are not independent share a fold.
    n_classes : int
    penalties : array of shape (n_penalties,)
        Relative: 1 is the mean over samples of the squared norm of a centred map.
    estimator : {"ridge", "logistic"}
    """
    method = ESTIMATORS[estimator]
    # Maps that never change have no norm; any penalty gives the same readout.
    norm = float(basis.eigenvalues.sum()) / len(basis.train)
    absolute = penalties * max(norm, np.finfo(float).tiny)
    training = (basis.train, basis.eigenvalues, labels, n_classes, absolute)
    held_out = method.held_out(*training, folds)
    losses = np.array(
        [
            [scale_free_log_loss(logits, labels[folds == fold]) for logits in by_penalty]
            for fold, by_penalty in held_out.items()
        ]
    )
    return FittedProbe(method.fit(*training), losses, int(losses.mean(0).argmin()))


def fit_at(
    basis: Basis, labels: NDArray[np.integer], n_classes: int, penalty: float, estimator: str
) -> LinearPath:
    """Fit at a single relative penalty, as for permuted labels."""
    norm = float(basis.eigenvalues.sum()) / len(basis.train)
    absolute = np.array([penalty * max(norm, np.finfo(float).tiny)])
    return ESTIMATORS[estimator].fit(basis.train, basis.eigenvalues, labels, n_classes, absolute)

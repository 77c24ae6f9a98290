"""Linear readouts fitted on the Gram matrix of the training maps.

An L2-regularised linear classifier of N training maps lies in their span, so it is fitted on
at most N coordinates, however many dimensions a map has: ``W = sum_i a_i z_i``. Where maps have
fewer dimensions than there are images the maps are the coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

FloatArray = NDArray[np.float64]
# Eigenvalues below this share of the largest are rounding of a single-precision Gram matrix.
RANK_TOLERANCE = 1e-7


@dataclass(frozen=True)
class Coordinates:
    """Training maps in coordinates whose inner products are those of the maps.

    Attributes
    ----------
    values : array of shape (n_samples, n_coordinates)
    dual : array of shape (n_samples, n_coordinates), or None
        Turns weights on the coordinates into weights ``a`` on the training maps; None where the
        coordinates are the maps themselves.
    """

    values: FloatArray
    dual: FloatArray | None


def coordinates_from_gram(gram: FloatArray) -> Coordinates:
    """Coordinates ``U sqrt(S)`` of a Gram matrix ``U S U'`` of shape (n_samples, n_samples)."""
    eigenvalues, vectors = np.linalg.eigh(gram)
    kept = eigenvalues > RANK_TOLERANCE * eigenvalues[-1]
    root = np.sqrt(eigenvalues[kept])
    return Coordinates(vectors[:, kept] * root, vectors[:, kept] / root)


@dataclass(frozen=True)
class RidgePath:
    """Ridge classifiers for a list of penalties.

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


def one_hot(labels: NDArray[np.integer], n_classes: int) -> FloatArray:
    """Indicator matrix of shape (n_samples, n_classes)."""
    member: FloatArray = np.equal(labels[:, None], np.arange(n_classes)).astype(np.float64)
    return member


def fit_ridge(
    coordinates: FloatArray, labels: NDArray[np.integer], n_classes: int, penalties: FloatArray
) -> RidgePath:
    """Least squares on class indicators with an L2 penalty and a free intercept.

    Parameters
    ----------
    coordinates : array of shape (n_samples, n_coordinates)
    labels : array of shape (n_samples,)
    n_classes : int
    penalties : array of shape (n_penalties,)
        Relative: 1 is the mean over samples of the squared norm of a centred map. scikit-learn's
        ``Ridge(alpha)`` has alpha = penalty times that mean.

    Notes
    -----
    One eigendecomposition on the smaller side of the centred data serves all penalties (Hastie,
    Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed., section 3.4.1).
    """
    centre = coordinates.mean(0)
    centred = coordinates - centre
    target = one_hot(labels, n_classes)
    base = target.mean(0)
    target = target - base
    absolute = penalties * max(float(np.square(centred).sum(1).mean()), np.finfo(float).tiny)
    if centred.shape[1] <= centred.shape[0]:
        eigenvalues, basis = np.linalg.eigh(centred.T @ centred)
        projected = basis.T @ (centred.T @ target)
    else:
        eigenvalues, vectors = np.linalg.eigh(centred @ centred.T)
        basis = centred.T @ vectors
        projected = vectors.T @ target
    shrunk = projected / (np.maximum(eigenvalues, 0)[:, None] + absolute[:, None, None])
    coefficients = basis @ shrunk
    return RidgePath(coefficients, base - centre @ coefficients)


def scale_free_log_loss(logits: FloatArray, labels: NDArray[np.integer]) -> float:
    """Log loss in nats an image, at the one temperature that suits the logits best.

    Parameters
    ----------
    logits : array of shape (n_samples, n_classes)
        Ridge logits regress indicators; their scale carries no confidence, so it is fitted away.
    labels : array of shape (n_samples,)

    Notes
    -----
    Temperature scaling, Guo et al., On Calibration of Modern Neural Networks (ICML 2017).
    """
    centred = logits - logits.mean(1, keepdims=True)
    spread = float(centred.std())
    # Logits that differ by rounding alone tell no class from another.
    if spread <= 1e-12 * float(np.abs(logits).max()):
        return float(np.log(logits.shape[1]))
    scaled = centred / spread
    truth = np.take_along_axis(scaled, labels[:, None], axis=1)[:, 0]

    def loss(log_inverse_temperature: float) -> float:
        inverse = np.exp(log_inverse_temperature)
        return float((logsumexp(inverse * scaled, axis=1) - inverse * truth).mean())

    best = minimize_scalar(loss, bounds=(-7.0, 7.0), method="bounded", options={"xatol": 1e-3})
    return float(best.fun)


def cross_validated_loss(
    coordinates: FloatArray,
    labels: NDArray[np.integer],
    folds: NDArray[np.integer],
    n_classes: int,
    penalties: FloatArray,
) -> FloatArray:
    """Scale-free log loss of each penalty on held-out folds, shape (n_folds, n_penalties).

    Parameters
    ----------
    coordinates : array of shape (n_samples, n_coordinates)
    labels, folds : arrays of shape (n_samples,)
        What is not independent shares a fold.
    n_classes : int
    penalties : array of shape (n_penalties,)
    """
    rows = []
    for fold in np.unique(folds):
        held = folds == fold
        path = fit_ridge(coordinates[~held], labels[~held], n_classes, penalties)
        held_logits = path.logits(coordinates[held])
        rows.append([scale_free_log_loss(logits, labels[held]) for logits in held_logits])
    return np.array(rows)


@dataclass(frozen=True)
class FittedProbe:
    """A ridge readout whose penalty was chosen by grouped cross-validation.

    Attributes
    ----------
    path : RidgePath
        Fitted on all training maps, for every penalty.
    losses : array of shape (n_folds, n_penalties)
    chosen : int
        Position of the penalty with the least mean loss.
    """

    path: RidgePath
    losses: FloatArray
    chosen: int


def fit_probe(
    coordinates: FloatArray,
    labels: NDArray[np.integer],
    folds: NDArray[np.integer],
    n_classes: int,
    penalties: FloatArray,
) -> FittedProbe:
    """Fit the whole path and choose its penalty; arguments as for `cross_validated_loss`."""
    losses = cross_validated_loss(coordinates, labels, folds, n_classes, penalties)
    path = fit_ridge(coordinates, labels, n_classes, penalties)
    return FittedProbe(path, losses, int(losses.mean(0).argmin()))


def channel_moments(
    maps: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and scale of each channel over samples and positions, as `centre_channels` has them."""
    _, mean, scale = centre_channels(maps)
    return mean, scale


def centre_channels(
    maps: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Maps minus the mean of each channel over samples and positions, and the channels' moments.

    Parameters
    ----------
    maps : array of shape (n_samples, n_channels, height, width)

    Returns
    -------
    centred : array of the shape of `maps`
    mean, scale : arrays of shape (n_channels,)
        The scale is the standard deviation, and 1 for a channel that never changes.

    Notes
    -----
    In two passes over each map, so that a large mean costs no precision; maps are summed in
    float32, pairwise, and their sums in float64.
    """
    mean = maps.mean((2, 3)).mean(0, dtype=np.float64).astype(np.float32)
    centred = maps - mean[:, None, None]
    flat = centred.reshape(*maps.shape[:2], -1)
    square = np.einsum("ncp,ncp->nc", flat, flat).mean(0, dtype=np.float64)
    scale = np.sqrt(square / flat.shape[-1])
    # A channel whose values differ from their mean by rounding alone does not change.
    rounding = 8 * np.finfo(np.float32).eps * np.abs(mean)
    return centred, mean, np.where(scale > rounding, scale, 1.0).astype(np.float32)


def readout_logits(
    maps: NDArray[np.float32],
    weights: NDArray[np.float32],
    intercept: FloatArray,
    channel_mean: NDArray[np.float32],
    channel_scale: NDArray[np.float32],
) -> FloatArray:
    """Logits of raw maps, by the definition of the stored probe.

    ``sum(W * (x - channel_mean) / channel_scale) + intercept``, shape (n_samples, n_classes).
    """
    # In double precision: hundreds of thousands of terms cost single precision four digits.
    deviation = maps.astype(np.float64) - channel_mean[:, None, None]
    standardised = (deviation / channel_scale[:, None, None]).reshape(len(maps), -1)
    logits: FloatArray = standardised @ weights.reshape(len(weights), -1).T.astype(np.float64)
    return logits + intercept

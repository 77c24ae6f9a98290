"""Readouts of the script by hand: scikit-learn's ridge, its penalty chosen on folds of groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.preprocessing import KernelCenterer, StandardScaler

Array = NDArray[Any]


def calibrated_log_loss(logits: Array, labels: Array) -> float:
    """Log loss a sample at the best temperature, as the study scores its held-out folds."""
    logits = logits - logits.mean(1, keepdims=True)
    logits = logits / logits.std()
    truth = logits[np.arange(len(labels)), labels]

    def loss(log_scale: float) -> float:
        scaled = np.exp(log_scale) * logits
        return float((logsumexp(scaled, axis=1) - np.exp(log_scale) * truth).mean())

    return float(minimize_scalar(loss, bounds=(-7, 7), method="bounded").fun)


def choose_penalty(
    held_out: Callable[[Array, Array], Callable[[float], Array]],
    labels: Array,
    folds: Array,
    penalties: Array,
) -> int:
    """Position of the penalty with the least mean loss over the folds that are left out."""
    losses = []
    for fold in np.unique(folds):
        rest, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        predict = held_out(rest, held)
        losses.append([calibrated_log_loss(predict(one), labels[held]) for one in penalties])
    return int(np.mean(losses, axis=0).argmin())


@dataclass(frozen=True)
class Linear:
    """A linear classifier of raw features (n_samples, n_features) and the penalty it has."""

    weights: Array
    intercept: Array
    penalty: float

    def logits(self, features: Array) -> Array:
        """Logits, (n_samples, n_classes)."""
        found: Array = features @ self.weights + self.intercept
        return found


def fit_map(maps: Array, labels: Array, folds: Array, penalties: Sequence[float]) -> Linear:
    """Ridge on whole standardised maps by its kernel, as there are far fewer images than values."""
    var, mean = torch.var_mean(torch.from_numpy(maps).float(), dim=(0, 2, 3), correction=0)
    deviation = torch.sqrt(var).numpy()
    # A channel that never changes but by rounding has scale 1.
    deviation[deviation <= 1e-6 * np.abs(mean.numpy())] = 1
    shape = (1, len(mean), 1, 1)
    z = maps.astype(np.float32)
    z -= mean.numpy().reshape(shape)
    z /= deviation.reshape(shape)
    z = z.reshape(len(z), -1)
    kernel = (z @ z.T).astype(np.float64)
    target = np.eye(labels.max() + 1)[labels]
    centred = KernelCenterer().fit_transform(kernel)
    scaled = np.asarray(penalties) * np.trace(centred) / len(kernel)

    def held_out(rest: Array, held: Array) -> Callable[[float], Array]:
        centre = KernelCenterer().fit(kernel[np.ix_(rest, rest)])
        inner = centre.transform(kernel[np.ix_(rest, rest)])
        outer = centre.transform(kernel[np.ix_(held, rest)])
        base = target[rest].mean(0)

        def predict(alpha: float) -> Array:
            ridge = KernelRidge(alpha=alpha, kernel="precomputed").fit(inner, target[rest] - base)
            return np.asarray(ridge.predict(outer) + base)

        return predict

    chosen = choose_penalty(held_out, labels, folds, scaled)
    ridge = KernelRidge(alpha=scaled[chosen], kernel="precomputed")
    ridge.fit(centred, target - target.mean(0))
    dual = (ridge.dual_coef_ - ridge.dual_coef_.mean(0)).astype(np.float32)
    weights = z.T @ dual
    # Of raw maps: the standardisation goes into the weights.
    intercept = target.mean(0) - z.mean(0) @ weights
    weights = (weights.reshape(*maps.shape[1:], -1) / deviation.reshape(*shape[1:], 1)).reshape(
        weights.shape
    )
    by_channel = weights.reshape(len(mean), -1, weights.shape[1]).sum(1, dtype=np.float64)
    return Linear(weights, intercept - mean.numpy() @ by_channel, penalties[chosen])


def fit_pooled(maps: Array, labels: Array, folds: Array, penalties: Sequence[float]) -> Linear:
    """Ridge on the standardised spatial means."""
    means = maps.mean((2, 3), dtype=np.float32).astype(np.float64)
    scaler = StandardScaler().fit(means)
    z = scaler.transform(means)
    target = np.eye(labels.max() + 1)[labels]
    scaled = np.asarray(penalties) * np.square(z - z.mean(0)).sum() / len(z)

    def held_out(rest: Array, held: Array) -> Callable[[float], Array]:
        return lambda alpha: np.asarray(
            Ridge(alpha=alpha).fit(z[rest], target[rest]).predict(z[held])
        )

    chosen = choose_penalty(held_out, labels, folds, scaled)
    ridge = Ridge(alpha=scaled[chosen]).fit(z, target)
    weights = ridge.coef_.T / scaler.scale_[:, None]
    return Linear(weights, ridge.intercept_ - scaler.mean_ @ weights, penalties[chosen])

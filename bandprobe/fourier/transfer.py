"""How the energy of bands after a block goes with that of bands before it, over images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from bandprobe.base.arrays import FloatArray

# Keeps resamples in which bands cannot be told apart solvable; relative to the mean square.
RIDGE = 1e-9


@dataclass(frozen=True)
class Transfer:
    """Shares of the energy of each output band that go with each input band.

    Attributes
    ----------
    share : array of shape (n_outputs, n_inputs)
        Of the mean energy of the output band; at least 0. NaN for bands without energy.
    constant : array of shape (n_outputs,)
        What goes with no input band: the same energy in all images.
    gain : array of shape (n_outputs, n_inputs)
        The same in units of output energy per input energy.
    explained : array of shape (n_outputs,)
        Share of the variance of the output energy between images that this accounts for.
    low, high : arrays of shape (n_outputs, n_inputs)
        Interval of the share.
    """

    share: FloatArray
    constant: FloatArray
    gain: FloatArray
    explained: FloatArray
    low: FloatArray
    high: FloatArray


def band_transfer(
    inputs: FloatArray,
    outputs: FloatArray,
    units: NDArray[np.integer],
    draws: FloatArray,
    level: float,
) -> Transfer:
    """Regress the energies of output bands on those of input bands, none of which takes any away.

    Parameters
    ----------
    inputs : array of shape (n_samples, n_inputs)
        Energy of each band before the block.
    outputs : array of shape (n_samples, n_outputs)
        Energy of each band after it, of the same images.
    units : array of shape (n_samples,)
        Independent units of the images.
    draws : array of shape (n_draws, n_units)
        How often each unit is drawn in each resample, in the order of the sorted units.
    level : float
        Of the intervals, as 0.95.

    Returns
    -------
    Transfer
        All NaN if there are not more units than bands to be told apart.

    Notes
    -----
    Through a linear, shift-invariant layer, with or without subsampling, a band of random phases
    adds its energy to the bands that it, or its aliases, fall into: the expected output energy is
    a sum over input bands with gains that are not negative. They are found by least squares under
    that condition (Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23), with a
    constant for what does not depend on the image. Images count by the inverse of their input
    energy, as the scatter of an energy grows with it. A block with nonlinear parts has no such
    gains; the result then describes how energies go together over images, at the same energy of
    all other bands, and not what one band would cause. The intervals resample units.
    """
    x, mean_in, known_in = _relative(inputs)
    y, mean_out, known_out = _relative(outputs)
    shape = (outputs.shape[1], inputs.shape[1])
    cells = np.ix_(known_out, known_in)
    found = {name: np.full(shape, np.nan) for name in ("share", "low", "high")}
    rest = {name: np.full(shape[0], np.nan) for name in ("constant", "explained")}
    n_units = len(np.unique(units))
    if known_in.any() and known_out.any() and n_units > known_in.sum() + 1:
        products, targets = _products(x, y, units)
        solved = _solve(products.sum(0), targets.sum(0))
        found["share"][cells] = solved[:, :-1]
        rest["constant"][known_out] = solved[:, -1]
        rest["explained"][known_out] = _explained(x, y, solved)
        # The drawn units one by one would take as much memory as all resamples of all bands.
        drawn = np.stack(
            [
                _solve(np.tensordot(counts, products, 1), np.tensordot(counts, targets, 1))[:, :-1]
                for counts in draws
            ]
        )
        tail = (1 - level) / 2
        found["low"][cells], found["high"][cells] = np.quantile(drawn, [tail, 1 - tail], axis=0)
    gain = found["share"] * mean_out[:, None] / np.where(known_in, mean_in, np.nan)
    return Transfer(gain=gain, **found, **rest)


def _relative(energy: FloatArray) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Energies of the bands that have any, relative to their means; the means; which they are."""
    mean: FloatArray = energy.mean(0)
    known = mean > 0
    return energy[:, known] / mean[known], mean, known


def _weights(x: FloatArray) -> FloatArray:
    """Squared weights of the images, shape (n_samples,)."""
    total = x.mean(1)
    weights: FloatArray = np.divide(1, total, out=np.zeros_like(total), where=total > 0) ** 2
    return weights


def _products(
    x: FloatArray, y: FloatArray, units: NDArray[np.integer]
) -> tuple[FloatArray, FloatArray]:
    """Weighted products of the inputs with each other and with the outputs, of each unit."""
    design = np.column_stack([x, np.ones(len(x))])
    weighted = design * _weights(x)[:, None]
    _, number = np.unique(units, return_inverse=True)
    products = np.zeros((number.max() + 1, design.shape[1], design.shape[1]))
    targets = np.zeros((number.max() + 1, design.shape[1], y.shape[1]))
    np.add.at(products, number, weighted[:, :, None] * design[:, None, :])
    np.add.at(targets, number, weighted[:, :, None] * y[:, None, :])
    return products, targets


def _solve(products: FloatArray, targets: FloatArray) -> FloatArray:
    """Non-negative least squares of each output from sums of products, (n_outputs, n_inputs)."""
    size = len(products)
    ridge = RIDGE * np.trace(products) / size
    factor = np.linalg.cholesky(products + ridge * np.eye(size)).T
    right = np.linalg.solve(factor.T, targets)
    return np.stack([nnls(factor, column)[0] for column in right.T])


def _explained(x: FloatArray, y: FloatArray, solved: FloatArray) -> FloatArray:
    weights = _weights(x)
    residual = y - x @ solved[:, :-1].T - solved[:, -1]
    centred = y - weights @ y / weights.sum()
    left, total = weights @ np.square(residual), weights @ np.square(centred)
    missed = np.divide(left, total, out=np.full_like(total, np.nan), where=total > 0)
    explained: FloatArray = 1 - missed
    return explained

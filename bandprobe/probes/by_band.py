"""A readout with one penalty for each band, in the place of the one with a shared penalty."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.linalg import LinAlgError

from bandprobe.base.arrays import FloatArray
from bandprobe.linear.band_penalties import BandProducts, search_bands
from bandprobe.linear.gram_ridge import GramRidge, LabelSets, kernel_logits
from bandprobe.linear.ridge_search import held_out_losses
from bandprobe.probes.fit import BandPenalties, FittedReadout, Splits, accuracy_of, permuted_sets


def fit_by_band(
    splits: Splits, products: BandProducts, shared: FittedReadout, train: FloatArray | None = None
) -> FittedReadout:
    """Fit a readout whose bands have a penalty each, chosen by grouped cross-validation.

    Parameters
    ----------
    splits : Splits
    products : BandProducts
        Of the standardised maps.
    shared : FittedReadout
        Fitted with one penalty, where the search begins; its path of penalties is kept.
    train : array of shape (n_train, n_dimensions), optional
        The standardised maps themselves, if the weights are to be on their values. Each band of
        these weights is still to be multiplied by its factor.
    """
    penalties, holds = splits.penalties, products.holds
    unit = penalties[shared.chosen] * products.norm()

    def factors_at(positions: tuple[int, ...]) -> FloatArray:
        found: FloatArray = penalties[shared.chosen] / penalties[list(positions)]
        return np.where(holds, found, 1.0)

    def ridge_at(factors: FloatArray) -> tuple[GramRidge, float]:
        ridge = GramRidge([products.weighted(factors)[0]])
        return ridge, unit / ridge.norm if ridge.norm > 0 else np.inf

    if GramRidge([products.weighted(np.ones(len(holds)))[0]]).is_flat:
        return shared
    labels, folds = splits.train_labels, splits.folds
    truth = LabelSets(labels[None], len(splits.classes))

    def mean_loss(positions: tuple[int, ...]) -> float:
        ridge, penalty = ridge_at(factors_at(positions))
        try:
            duals = ridge.duals(penalty, truth)
        except LinAlgError:
            return np.inf
        return float(held_out_losses(ridge, penalty, duals[0], labels, folds).mean())

    best = search_bands(mean_loss, shared.chosen, holds, len(penalties))
    factors = factors_at(best)
    ridge, penalty = ridge_at(factors)
    sets = LabelSets(np.stack([labels, *permuted_sets(splits)]), truth.n_classes)
    duals = ridge.duals(penalty, sets)
    losses = held_out_losses(ridge, penalty, duals[0], labels, folds)
    intercepts = ridge.intercepts(duals, sets)
    kernel = products.weighted(factors)[1]
    logits = [
        kernel_logits([kernel], of_set, intercept)
        for of_set, intercept in zip(duals, intercepts, strict=True)
    ]
    weights = duals[0].copy().T
    return replace(
        shared,
        weights=weights if train is None else train.T @ weights,
        intercept=intercepts[0],
        clean_logits=logits[0],
        permuted_accuracy=np.array([accuracy_of(one, splits.eval_labels) for one in logits[1:]]),
        by_band=BandPenalties(np.where(holds, penalties[list(best)], np.nan), factors, losses),
    )

"""How the drops of a readout depend on which images train and which evaluate.

Nothing but inner products of the maps is needed: neither the network nor the maps again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, LabelArray, MaskArray
from bandprobe.base.progress import tracked
from bandprobe.data.folds import assign_folds
from bandprobe.fourier.modes import Mode
from bandprobe.linear import compose
from bandprobe.linear.dual_fits import DualFit, band_logits, fit_duals, without
from bandprobe.linear.joint_grams import JointGrams
from bandprobe.probes.replicate_settings import ReplicateSettings
from bandprobe.scoring.outcome_tally import OutcomeTally
from bandprobe.scoring.outcomes import outcomes
from bandprobe.scoring.resplits import cluster_variance, left_out_sets, redrawn_split


@dataclass(frozen=True)
class Samples:
    """All images of a layer, those that train in the study first.

    Attributes
    ----------
    labels, groups : arrays of shape (n_samples,)
    folds : array of shape (n_train,)
        Of the study's own cross-validation.
    n_classes : int
    """

    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    folds: NDArray[np.int64]
    n_classes: int

    @property
    def is_train(self) -> MaskArray:
        """Which images train in the study, shape (n_samples,)."""
        mask: MaskArray = np.less(np.arange(len(self.labels)), len(self.folds))
        return mask


@dataclass(frozen=True)
class Scores:
    """What a fit is worth on its evaluation images.

    Attributes
    ----------
    accuracy : array of shape (...)
        Top-1, of the untouched maps.
    accuracy_variance : array of shape (...)
        Owing to which groups of each class evaluate.
    drop, drop_variance : arrays of shape (n_modes, n_bands, ...)
        The same of the drop in accuracy; NaN for bands without bins.
    """

    accuracy: FloatArray
    accuracy_variance: FloatArray
    drop: FloatArray
    drop_variance: FloatArray

    @classmethod
    def missing(cls, n_modes: int, n_bands: int) -> Scores:
        """Of maps that do not differ."""
        nothing, cells = np.array(np.nan), np.full((n_modes, n_bands), np.nan)
        return cls(nothing, nothing, cells, cells)

    @classmethod
    def stacked(cls, scores: Sequence[Scores], n_modes: int, n_bands: int) -> Scores:
        """Scores of several fits, along a last axis."""
        shape = (n_modes, n_bands, 0)
        if not scores:
            return cls(np.zeros(0), np.zeros(0), np.zeros(shape), np.zeros(shape))
        return cls(
            *(
                np.stack([getattr(one, name) for one in scores], axis=-1)
                for name in ("accuracy", "accuracy_variance", "drop", "drop_variance")
            )
        )


@dataclass(frozen=True)
class Replicates:
    """Scores of one readout.

    Attributes
    ----------
    own : Scores
        Of the split of the study.
    left_out : Scores
        Without each set of `bandprobe.scoring.resplits.left_out_sets`, along the last axis.
    redrawn : Scores
        Of splits that were drawn anew, along the last axis.
    penalty : array of shape (n_replicates,)
        Relative penalties of these.
    """

    own: Scores
    left_out: Scores
    redrawn: Scores
    penalty: FloatArray


@dataclass(frozen=True)
class Redraw:
    """A readout of a layer, to be fitted to other images.

    Attributes
    ----------
    grams : JointGrams
        Of all maps, in the order of the samples.
    readout : str
    samples : Samples
    penalty : float
        Relative, of the study's own fit. It is kept where training groups are left out, and chosen
        anew where a split is drawn anew.
    modes : sequence of Mode
        That keep some bands, and put the mean of the training maps in the place of the others.
    settings : ReplicateSettings
    """

    grams: JointGrams
    readout: str
    samples: Samples
    penalty: float
    modes: Sequence[Mode]
    settings: ReplicateSettings

    @cached_property
    def own(self) -> DualFit | None:
        """The fit to the study's own training images; None where their maps do not differ."""
        rows = np.flatnonzero(self.samples.is_train)
        return self._fitted(rows, self.samples.folds, np.array([self.penalty]))

    def all(self) -> Replicates:
        """Everything that the settings ask for."""
        sizes = len(self.modes), len(self.grams.partition.bands)
        others = np.flatnonzero(~self.samples.is_train)
        redrawn = list(self._redrawn())
        return Replicates(
            self._scores(self.own, others),
            Scores.stacked(list(self._left_out(others)), *sizes),
            Scores.stacked([scores for scores, _ in redrawn], *sizes),
            np.array([penalty for _, penalty in redrawn]),
        )

    def _left_out(self, others: NDArray[np.intp]) -> Iterator[Scores]:
        """Without each set of training groups in turn."""
        own, rows = self.own, np.flatnonzero(self.samples.is_train)
        if not self.settings.jackknife:
            return
        labels = self.samples.labels[rows]
        sets = left_out_sets(labels, self.samples.groups[rows], self.settings.seed).members
        fits = [None] * len(sets) if own is None else without(self._matrices, own, labels, sets)
        for fit, gone in zip(fits, sets, strict=True):
            yield self._scores(fit, others, ~gone)

    def _redrawn(self) -> Iterator[tuple[Scores, float]]:
        """Of each split that is drawn anew, with its penalty."""
        samples, settings = self.samples, self.settings
        penalties = np.array(settings.penalties)
        start = int(np.abs(np.log(penalties / self.penalty)).argmin())
        numbers = tracked(range(settings.count), settings.count, "splits", self.readout)
        for number in numbers:
            drawn = redrawn_split(
                samples.labels, samples.groups, samples.is_train, settings.seed, number
            )
            rows = np.flatnonzero(drawn)
            seed = settings.fold_seed + number
            folds = assign_folds(samples.labels[rows], samples.groups[rows], settings.folds, seed)
            fit = self._fitted(rows, folds, penalties, start)
            chosen = np.nan if fit is None else float(penalties[fit.chosen])
            yield self._scores(fit, np.flatnonzero(~drawn)), chosen

    @property
    def _matrices(self) -> Sequence[NDArray[np.floating]]:
        return self.grams.grams[self.readout]

    def _fitted(
        self,
        rows: NDArray[np.intp],
        folds: LabelArray,
        penalties: FloatArray,
        start: int | None = None,
    ) -> DualFit | None:
        labels, total = self.samples.labels[rows], self.grams.total[self.readout]
        classes = self.samples.n_classes
        return fit_duals(self._matrices, total, rows, labels, folds, classes, penalties, start)

    def _scores(
        self, fit: DualFit | None, others: NDArray[np.intp], trained: MaskArray | None = None
    ) -> Scores:
        """Scores of a fit on some images."""
        filled = self.grams.partition.counts > 0
        if fit is None:
            return Scores.missing(len(self.modes), len(filled))
        labels, groups = self.samples.labels[others], self.samples.groups[others]
        logits, fill = band_logits(self._matrices, fit, others, trained)
        clean = compose.clean(logits, fit.intercept)
        correct = outcomes(clean, labels).correct.astype(np.float64)
        changed = [
            OutcomeTally.of(clean, labels, compose.change(mode, logits, fill, fit.intercept))
            for mode in self.modes
        ]
        lost = correct - np.stack([tally.outcomes().correct for tally in changed])
        lost[:, ~filled] = np.nan
        return Scores(
            correct.mean(),
            cluster_variance(correct, labels, groups),
            lost.mean(-1),
            cluster_variance(lost, labels, groups),
        )

"""Memory of the jobs that fit readouts and score targets, for a study as it is configured.

Peaks of their arrays, as `bandprobe.planning.memory` and `bandprobe.planning.probe_costs` count.
"""

from __future__ import annotations

import numpy as np

from bandprobe.fourier.modes import Mode
from bandprobe.linear.coordinates import refit_subsets
from bandprobe.linear.inner_products import SINGLE_FROM
from bandprobe.planning.layer import DOUBLE, SINGLE, Layer
from bandprobe.planning.probe_costs import Fitting, direct_memory, fit_memory
from bandprobe.scoring.fields import CONTROLLED, EFFECTS, SCORES
from bandprobe.study.study import BY_BAND, Study

# Correct, rank, margin, top5.
OUTCOMES = 4
# Values per image that are held once for all bands while targets are scored.
FACTS = 30


def fitting_of(study: Study) -> Fitting:
    """How the readouts of a study are fitted."""
    readouts, probe = set(study.readouts), study.probe
    return Fitting(
        probe.folds,
        len(probe.penalties),
        study.controls.permutations,
        probe.estimator == "ridge",
        "pattern" in readouts,
        len(study.bands) if readouts & set(BY_BAND) or probe.by_band else 0,
        study.scale.slabs > 1,
        most_subsets(study) - 1 if "refit" in readouts else 0,
    )


def most_subsets(study: Study) -> int:
    """Largest number of sets of bands that `refit` is fitted for, including that of all bands."""
    kinds = [study.modes[mode].kind for mode in study.refit_modes]
    return len(refit_subsets(kinds, np.ones(len(study.bands), np.int64)))


def linear_readouts(study: Study) -> list[str]:
    """Readouts whose weights are maps."""
    return [readout for readout in study.readouts if readout not in BY_BAND]


def pattern_by_band(layer: Layer, study: Study) -> int:
    """Bytes of the sums of the pattern, which are kept apart by band for penalties of its own."""
    if not study.probe.by_band or "pattern" not in study.readouts:
        return 0
    return DOUBLE * len(study.bands) * layer.counts.train * layer.counts.total


def needs_maps(study: Study) -> bool:
    """Whether a readout is fitted to more of a map than its spatial mean."""
    return bool({"map", "pattern", *BY_BAND} & set(study.readouts))


def probe_memory(layer: Layer, study: Study) -> int:
    """Bytes of the job that fits the readouts of a layer."""
    counts, fitting, memory = layer.counts, fitting_of(study), 0
    slabs = _slabs(layer)
    if needs_maps(study):
        held = pattern_by_band(layer, study)
        memory = held + fit_memory(layer, fitting, slabs * (3 if fitting.bands else 1))
    if "pooled" in study.readouts:
        few = min(layer.shape.channels, counts.train)
        alone = 0 if needs_maps(study) else slabs
        memory = max(memory, direct_memory(layer, fitting, few), alone)
    return memory


def _slabs(layer: Layer) -> int:
    """Bytes of slabs of both splits as read, in single precision, and standardised."""
    counts = layer.counts
    return 5 * layer.slab * counts.total // (2 * max(counts.train, counts.eval))


def slab_memory(layer: Layer, study: Study) -> int:
    """Bytes of the job that adds up a slab of channels: sums, and the same as they are stored."""
    counts, fitting = layer.counts, fitting_of(study)
    slabs = _slabs(layer) * (3 if fitting.bands else 1)
    if layer.direct:
        share = SINGLE * counts.total * layer.shape.dimensions // max(1, study.scale.slabs)
        sums = share * (1 + fitting.pattern + bool(fitting.bands))
    else:
        itemsize = SINGLE if counts.train >= SINGLE_FROM else DOUBLE
        matrices = max(1, fitting.bands) + fitting.pattern
        sums = matrices * itemsize * counts.train * counts.total
    return max(sums + slabs, 2 * sums)


def replicate_memory(layer: Layer, study: Study) -> int:
    """Bytes of the job that fits readouts to other images of a layer."""
    if study.replicates is None:
        return 0
    counts = layer.counts
    # Of each band of each readout, over the images of both splits.
    grams = len(study.replicates.readouts) * len(study.bands) * DOUBLE * counts.total**2
    slabs = 5 * layer.slab * counts.total // counts.train
    # Bands of fewer values than maps are decomposed: vectors, workspace, products.
    return grams + max(slabs, 5 * DOUBLE * counts.total**2)


def target_memory(layer: Layer, study: Study) -> int:
    """Bytes of the job that scores the targets of a layer, one mode at a time."""
    values = max(scored_values(study, mode) for mode in study.modes.values())
    return DOUBLE * layer.counts.eval * values


def scored_values(study: Study, mode: Mode) -> int:
    """Values in double precision per image, each a group of its own, while a mode is scored."""
    bands, resamples = len(study.bands), study.statistics.resamples
    draws = study.controls.draws
    controls = len(mode.controls) if draws and linear_readouts(study) else 0
    # What is stored, in single precision, with labels, groups and scores of the untouched maps.
    held = OUTCOMES * bands * (mode.draws + controls * draws) // 2 + FACTS
    # Scores of the changed maps; effects, of which two of each control and two in excess of it.
    effects = bands * (len(EFFECTS) + 2 * len(CONTROLLED) * controls)
    scores = bands * len(SCORES)
    # One effect at a time: its values in the order of the groups, and their sums. How often each
    # group is drawn, as integers first.
    interval = 2 * bands
    if study.statistics.interval == "bootstrap":
        interval = max(2 * resamples, resamples + interval)
    # The effects come after the draws of the mode, and before those of its controls.
    later = effects + max(scores * draws if controls else 0, interval)
    return held + scores + max(scores * mode.draws, later)

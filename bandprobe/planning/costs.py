"""What a study will cost, from its configuration: bytes stored, memory of the jobs, operations.

Stored bytes are those of the arrays before compression. Memory is the peak size of the arrays of a
job, according to the code of its stage; Python and its libraries come on top. Operations are the
multiplications and additions of the forward passes and of linear algebra that grows with the square
or the cube of the number of images; the rest is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bandprobe.base.blocks import sized
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import KEEPING
from bandprobe.fourier.outside_masks import MOST_UNITS
from bandprobe.fourier.random_masks import KINDS as CONTROL_KINDS
from bandprobe.fourier.spectra import radial_bins
from bandprobe.linear.coordinates import refit_subsets
from bandprobe.linear.mask_scores import LOGIT_BYTES
from bandprobe.planning.counts import Counts
from bandprobe.planning.layer import DOUBLE, SINGLE, Layer
from bandprobe.planning.map_shapes import PassShape
from bandprobe.planning.memory import (
    OF_MAPS,
    block_images,
    features_memory,
    half_bins,
    linear_memory,
    logits_bytes,
    mask_sets,
    outside_sets,
    random_memory,
    spectra_memory,
    split_memory,
)
from bandprobe.planning.probe_costs import (
    direct_operations,
    fit_operations,
)
from bandprobe.planning.readout_memory import (
    OUTCOMES,
    fitting_of,
    linear_readouts,
    needs_maps,
    probe_memory,
    replicate_memory,
    target_memory,
)
from bandprobe.scoring.resplits import MOST_SETS
from bandprobe.study.study import Study

BATCH = 16
# Factorisations with inverses, each of N**3 operations, in the search for the bands' penalties.
BAND_FITS = 40
TARGET_BYTES = 3000
# Scores of the blank and of the complete map: accuracy, the same with ties at random, margin.
ENDS_OF_SCORES = 6
# Penalties that are visited for a split that is drawn anew, as a rule.
VISITED = 4


@dataclass(frozen=True)
class Cost:
    """What one stage costs.

    Attributes
    ----------
    stage : str
    jobs : int
    stored : int
        Bytes that stay on disk.
    memory : int
        Bytes of the largest job.
    operations : float
    """

    stage: str
    jobs: int
    stored: int
    memory: int
    operations: float = 0.0


def stage_costs(
    study: Study, counts: Counts, shapes: Mapping[str, Sequence[PassShape]]
) -> list[Cost]:
    """The cost of every stage of one data set, in the order of the workflow."""
    itemsize = study.storage.itemsize
    layers = layers_of(counts, shapes, itemsize)
    costs = [
        _features(counts, shapes, itemsize),
        _spectra(layers, study.bands),
        _controls(layers, study),
        _probes(layers, study),
        _band_logits(layers, study),
        _outcomes(layers, study),
        _shapley(layers, study),
        _replicates(layers, study),
        _targets(layers, study),
    ]
    return [cost for cost in costs if cost.jobs]


def layers_of(
    counts: Counts, shapes: Mapping[str, Sequence[PassShape]], itemsize: int
) -> list[Layer]:
    """Every layer of a study, with samples whose values are stored in so many bytes."""
    return [
        Layer(model, shape, counts, itemsize)
        for model, passes in shapes.items()
        for forward in passes
        for shape in forward.layers
    ]


def _features(counts: Counts, shapes: Mapping[str, Sequence[PassShape]], itemsize: int) -> Cost:
    stored, memory, operations, jobs = 0, 0, 0.0, 0
    for passes in shapes.values():
        for forward in passes:
            values = sum(layer.stored for layer in forward.layers)
            stored += counts.total * values * itemsize
            memory = max(memory, features_memory(forward, BATCH, itemsize))
            operations += float(counts.total) * forward.flops
            jobs += 2
    return Cost("features", jobs, stored, memory, operations)


def _spectra(layers: Sequence[Layer], bands: Bands) -> Cost:
    stored = 0
    for layer in layers:
        radii = len(radial_bins(layer.shape.height, layer.shape.width)[0])
        stored += DOUBLE * layer.counts.eval * (2 * len(bands) + radii)
    return Cost("spectra", len(layers), stored, max(map(spectra_memory, layers)))


def _probes(layers: Sequence[Layer], study: Study) -> Cost:
    stored, memory, operations = 0, 0, 0.0
    fitting = fitting_of(study)
    for layer in layers:
        counts, shape = layer.counts, layer.shape
        logits = DOUBLE * counts.eval * counts.classes
        maps = SINGLE * shape.dimensions
        stored += len(linear_readouts(study)) * (layer.weights + maps + logits)
        stored += _by_band(layer, study, logits)
        memory = max(memory, probe_memory(layer, study))
        if needs_maps(study):
            operations += fit_operations(layer, fitting)
            operations += _by_band_operations(layer, study)
        if "pooled" in study.readouts:
            few = min(shape.channels, counts.train)
            operations += direct_operations(layer, fitting, few)
    return Cost("probes", len(layers), stored, memory, operations)


def _by_band_operations(layer: Layer, study: Study) -> float:
    """Operations of the search for penalties by band."""
    readouts = len({"map", "pattern"} & set(study.readouts)) if study.probe.by_band else 0
    return readouts * BAND_FITS * float(layer.counts.train) ** 3


def _with_dc(layer: Layer, study: Study) -> int:
    """Number of readouts that split at DC; `energy` does where a band is DC alone."""
    lowest = study.bands.on_grid(layer.shape.height, layer.shape.width).counts[0]
    return len(linear_readouts(study)) + int("energy" in study.readouts and lowest == 1)


def _by_band(layer: Layer, study: Study, logits: int) -> int:
    """Stored bytes of the readouts that are fitted by band."""
    energies = layer.counts.eval + layer.counts.classes
    cells = layer.shape.channels * len(study.bands)
    stored = DOUBLE * energies * cells + logits if "energy" in study.readouts else 0
    if "refit" in study.readouts:
        kinds = [study.modes[mode].kind for mode in study.refit_modes]
        bins = study.bands.on_grid(layer.shape.height, layer.shape.width).counts
        stored += len(refit_subsets(kinds, bins)) * logits
    return stored


def _band_logits(layers: Sequence[Layer], study: Study) -> Cost:
    total = sum(logits_bytes(layer, study.bands) for layer in layers)
    readouts, masks = len(study.additive), mask_sets(study)
    memory = max(split_memory(layer, study) for layer in layers)
    by_readout = sum(_split_operations(layer, study) for layer in layers)
    operations = len(OF_MAPS & set(study.additive)) * by_readout
    # Random masks in single precision, of the readouts whose weights are maps.
    linear = len(linear_readouts(study))
    stored = readouts * total + linear * masks * total * SINGLE // DOUBLE
    stored += sum(
        _with_dc(layer, study) * DOUBLE * layer.counts.eval * layer.counts.classes
        for layer in layers
    )
    jobs = len(layers) if readouts else 0
    return Cost("band_logits", jobs, stored, memory, operations)


def _split_operations(layer: Layer, study: Study) -> float:
    """Operations of splitting the logits of one readout of maps, with masks outside the bands."""
    half, channels = half_bins(layer), layer.shape.channels
    logits = float(layer.counts.eval * layer.counts.classes)
    # Real and imaginary parts.
    products = 2.0 * logits * 2 * channels * half
    sets = outside_sets(layer, study)
    masks = sets * study.controls.masks
    if half >= 2 * MOST_UNITS:
        # Bins of a unit are multiplied together, for each set of masks.
        return products * (1 + sets) + 2.0 * logits * masks * MOST_UNITS
    every = SINGLE * masks * block_images(layer) * layer.counts.classes
    return products * (1 - (-every // sized(LOGIT_BYTES))) + 2.0 * logits * masks * half


def _controls(layers: Sequence[Layer], study: Study) -> Cost:
    draws, bands = study.controls.draws, len(study.bands)
    planes = [layer.shape.height * layer.shape.width for layer in layers]
    masks = len(CONTROL_KINDS) * draws * bands
    # The job of the band logits draws them.
    return Cost("controls", len(layers) if draws else 0, masks * sum(planes), masks * max(planes))


def _shapley(layers: Sequence[Layer], study: Study) -> Cost:
    readouts = len(study.additive) if study.shapley_fill != "none" else 0
    bands, scores = len(study.bands), 2
    # Values, scores alone and without each band; interactions; scores of the ends.
    by_image = scores * (3 * bands + bands * (bands - 1) // 2) + ENDS_OF_SCORES
    stored = sum(readouts * DOUBLE * by_image * layer.counts.eval for layer in layers)
    memory = max(DOUBLE * (scores + 1) * 2**bands * layer.counts.eval for layer in layers)
    return Cost("shapley", len(layers) if readouts else 0, stored, memory)


def _replicates(layers: Sequence[Layer], study: Study) -> Cost:
    own = study.replicates
    if own is None:
        return Cost("replicates", 0, 0, 0)
    fits = 1 + own.count + (MOST_SETS if own.jackknife else 0)
    numbers = 2 * len(own.readouts) * (1 + len(own.modes) * len(study.bands))
    memory, operations = 0, 0.0
    for layer in layers:
        counts = layer.counts
        memory = max(memory, replicate_memory(layer, study))
        products = float(counts.total**2 * layer.shape.dimensions)
        inverses = 2.0 * (1 + VISITED * own.count) * counts.train**3
        operations += len(own.readouts) * (products + inverses)
    return Cost(
        "replicates", len(layers), len(layers) * DOUBLE * numbers * fits, memory, operations
    )


def _outcomes(layers: Sequence[Layer], study: Study) -> Cost:
    bands, readouts = len(study.bands), len(study.additive)
    cells = readouts * sum(bands * mode.draws + 1 for mode in study.modes.values())
    cells += len(linear_readouts(study)) * bands * study.controls.draws * _controlled(study)
    if "energy" in study.readouts:
        kept = [mode for mode in study.modes.values() if mode.kind in KEEPING]
        cells += bands * study.controls.draws * sum(len(mode.controls) for mode in kept)
    if "refit" in study.readouts:
        cells += len(study.refit_modes) * (bands + 1)
    per_image = SINGLE * OUTCOMES
    stored = sum(per_image * layer.counts.eval * cells for layer in layers)
    # DC alone and all but DC.
    parts = 2 * len(study.removals)
    stored += sum(
        per_image * layer.counts.eval * parts * _with_dc(layer, study) for layer in layers
    )
    if study.head:
        heads = len(study.head.readouts) * len(study.head.modes) * (bands + 1)
        networks = [layer for layer in layers if layer.model in study.networks()]
        stored += sum(per_image * min(study.head.samples, n.counts.eval) * heads for n in networks)
    random = [mode for mode in study.modes.values() if not mode.is_linear]
    linear = len(random) < len(study.modes)
    memory = 0
    for layer in layers:
        needs = [random_memory(layer, study, mode) for mode in random]
        memory = max([memory, *needs, *([linear_memory(layer, study)] if linear else [])])
    return Cost("outcomes", len(layers) * (linear + len(random)), stored, memory)


def _controlled(study: Study) -> int:
    """Number of pairs of a mode and a kind of random masks that controls it."""
    return sum(len(mode.controls) for mode in study.modes.values())


def _targets(layers: Sequence[Layer], study: Study) -> Cost:
    bands, readouts, modes = len(study.bands), len(study.readouts), len(study.modes)
    count = len(layers) * readouts * modes * bands
    memory = max(target_memory(layer, study) for layer in layers)
    return Cost("targets", len(layers), TARGET_BYTES * count, memory)

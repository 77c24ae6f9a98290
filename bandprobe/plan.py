"""What a study will cost, from its configuration: bytes stored, memory of the jobs, operations.

Stored bytes are those of the arrays, before compression where there is any. Memory is that of the
arrays a job holds at its peak, by the code of its stage; Python and its libraries come on top.
Operations are multiplications and additions of the forward passes and of the linear algebra that
grows with the square or the cube of the number of images; all else is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bandprobe.bands import Bands
from bandprobe.counting import Counts
from bandprobe.features import BLOCK_BYTES, SLAB_BYTES
from bandprobe.shapes import LayerShape, PassShape
from bandprobe.spectra import radial_bins
from bandprobe.store import CHUNK_BYTES, feature_chunks
from bandprobe.study import Study

SINGLE, DOUBLE = 4, 8
BATCH = 16
# N x N matrices in double precision that a fit holds at once: the Gram matrix, coordinates and
# their dual, a fold's copy and its centred copy, and an eigendecomposition with its workspace.
# Measured at N = 2000, with as many evaluation images (one more matrix): 9.8.
SQUARES = 9
# Operations of a symmetric eigendecomposition with vectors, in units of N**3.
EIGEN = 9
TARGET_BYTES = 1300
CORRECT_RANK_MARGIN = 3


@dataclass(frozen=True)
class Cost:
    """What one stage takes.

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


@dataclass(frozen=True)
class Layer:
    """A layer of a model in a study, with the samples that it is stored for."""

    model: str
    shape: LayerShape
    counts: Counts
    itemsize: int

    @property
    def direct(self) -> bool:
        """Whether maps have no more dimensions than there are training images."""
        return self.shape.dimensions <= self.counts.train

    @property
    def gram(self) -> int:
        """Bytes of the N x N matrix of training images, 0 where none is made."""
        return 0 if self.direct else DOUBLE * self.counts.train**2

    @property
    def weights(self) -> int:
        """Bytes of one readout's W."""
        return SINGLE * self.counts.classes * self.shape.dimensions

    @property
    def slab(self) -> int:
        """Bytes of one slab of channels of all training images, in single precision."""
        shape = (self.counts.train, self.shape.channels, self.shape.height, self.shape.width)
        chunk = feature_chunks(shape, self.itemsize)[1]
        one = SINGLE * self.counts.train * self.shape.height * self.shape.width
        channels = max(1, SLAB_BYTES // (one * chunk)) * chunk
        return one * min(channels, self.shape.channels)


def stage_costs(
    study: Study, counts: Counts, shapes: Mapping[str, Sequence[PassShape]]
) -> list[Cost]:
    """Every stage of one data set, in the order of the workflow."""
    itemsize = int(study.dtype.removeprefix("float")) // 8
    layers = [
        Layer(model, shape, counts, itemsize)
        for model, passes in shapes.items()
        for one in passes
        for shape in one.layers
    ]
    return [
        _features(counts, shapes, itemsize),
        _spectra(layers, study.bands),
        _probes(layers, study),
        _band_logits(layers, study),
        _outcomes(layers, study),
        _targets(layers, study),
    ]


def _features(counts: Counts, shapes: Mapping[str, Sequence[PassShape]], itemsize: int) -> Cost:
    stored, memory, operations, jobs = 0, 0, 0.0, 0
    for passes in shapes.values():
        for one in passes:
            values = sum(layer.stored for layer in one.layers)
            stored += counts.total * values * itemsize
            # The file, its tensors and the network; maps of a batch; chunks that wait.
            held = 3 * SINGLE * one.parameters + BATCH * values * (SINGLE + itemsize)
            memory = max(memory, held + len(one.layers) * 2 * CHUNK_BYTES)
            operations += float(counts.total) * one.flops
            jobs += 2
    return Cost("features", jobs, stored, memory, operations)


def _spectra(layers: Sequence[Layer], bands: Bands) -> Cost:
    stored = 0
    for layer in layers:
        radii = len(radial_bins(layer.shape.height, layer.shape.width)[0])
        stored += DOUBLE * layer.counts.eval * (2 * len(bands) + radii)
    blocks = 4 * max(_block(layer) for layer in layers)
    return Cost("spectra", len(layers), stored, blocks)


def _probes(layers: Sequence[Layer], study: Study) -> Cost:
    stored, memory, operations = 0, 0, 0.0
    penalties = len(study.probe.penalties)
    for layer in layers:
        counts, shape = layer.counts, layer.shape
        logits = DOUBLE * counts.eval * counts.classes
        maps = SINGLE * shape.dimensions
        stored += len(study.readouts) * (layer.weights + maps + logits)
        path = penalties * (logits + DOUBLE * counts.classes * _coordinates(layer))
        # Slabs of both splits as read, in single precision, and standardised.
        slabs = 5 * layer.slab * counts.total // (2 * counts.train)
        memory = max(memory, slabs, path)
        if "map" in study.readouts:
            kernel = DOUBLE * counts.eval * _coordinates(layer)
            # The Gram matrix grows while slabs are read; the fit comes after them.
            memory = max(memory, layer.gram + kernel + slabs, _squares(layer) + kernel + path)
            operations += fit_operations(layer, study.probe.folds)
    return Cost("probes", len(layers), stored, memory, operations)


def _coordinates(layer: Layer) -> int:
    """Coordinates of a map: its own values, or one a training image."""
    return min(layer.shape.dimensions, layer.counts.train)


def _squares(layer: Layer) -> int:
    """Bytes of the matrices of a fit."""
    if not layer.direct:
        return SQUARES * layer.gram
    dimensions, train = layer.shape.dimensions, layer.counts.train
    return DOUBLE * (3 * train * dimensions + 4 * dimensions**2)


def fit_operations(layer: Layer, folds: int) -> float:
    """Operations of fitting the map readout: Gram matrices, eigendecompositions, W."""
    train, size = float(layer.counts.train), float(_coordinates(layer))
    dimensions = float(layer.shape.dimensions)
    gram = 0.0 if layer.direct else 2 * train * layer.counts.total * dimensions + EIGEN * size**3
    part = train * (folds - 1) / folds
    solves = folds * (2 * part * size**2 + EIGEN * size**3) + 2 * train * size**2 + EIGEN * size**3
    weights = 0.0 if layer.direct else 2 * train * layer.counts.classes * dimensions
    return gram + solves + weights


def _band_logits(layers: Sequence[Layer], study: Study) -> Cost:
    one = [_logits(layer, study.bands) for layer in layers]
    readouts = len(study.readouts)
    memory = max(
        readouts * (2 * layer.weights + 2 * logits) + 2 * layer.weights + 4 * _block(layer)
        for layer, logits in zip(layers, one, strict=True)
    )
    operations = sum(
        2.0 * readouts * layer.counts.eval * layer.counts.classes * layer.shape.dimensions
        for layer in layers
    )
    return Cost("band_logits", len(layers), readouts * sum(one), memory, operations)


def _outcomes(layers: Sequence[Layer], study: Study) -> Cost:
    draws = [mode.draws for mode in study.modes.values()]
    bands, readouts = len(study.bands), len(study.readouts)
    cells = sum(bands * count + 1 for count in draws)
    stored = sum(
        readouts * SINGLE * CORRECT_RANK_MARGIN * layer.counts.eval * cells for layer in layers
    )
    phase = [mode.draws for mode in study.modes.values() if mode.kind == "phase"]
    memory = 0
    for layer in layers:
        logits = _logits(layer, study.bands)
        memory = max(memory, 4 * logits)
        if phase:
            # Logits and changed logits of all readouts, what scoring one of them takes, weights.
            turned = readouts * (1 + max(phase)) * logits + 2 * max(phase) * logits
            memory = max(memory, turned + 2 * (readouts + 1) * layer.weights)
    return Cost("outcomes", len(layers) * (1 + len(phase)), stored, memory)


def _targets(layers: Sequence[Layer], study: Study) -> Cost:
    bands, readouts, modes = len(study.bands), len(study.readouts), len(study.modes)
    count = len(layers) * readouts * modes * bands
    # Of the bootstrap: resampled weights, and the indicator of groups, of which an image is one.
    images = max(layer.counts.eval for layer in layers)
    memory = DOUBLE * images * (2 * study.statistics.resamples + images)
    return Cost("targets", len(layers), TARGET_BYTES * count, memory)


def _logits(layer: Layer, bands: Bands) -> int:
    return DOUBLE * len(bands) * layer.counts.eval * layer.counts.classes


def _block(layer: Layer) -> int:
    """Bytes of a block of samples: whole chunks, however large one map is."""
    shape = (layer.counts.eval, layer.shape.channels, layer.shape.height, layer.shape.width)
    chunk = feature_chunks(shape, layer.itemsize)[0]
    return max(BLOCK_BYTES, chunk * SINGLE * layer.shape.dimensions)

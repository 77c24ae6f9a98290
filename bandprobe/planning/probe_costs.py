"""What fitting the readouts of a layer costs, by the routes that `bandprobe.probes` takes.

Operations are multiplications and additions; a matrix times its own transpose counts as one
triangle. Memory is the peak of the arrays, with what NumPy's eigendecomposition works in.
"""

from __future__ import annotations

from dataclasses import dataclass

from bandprobe.base.blocks import sized
from bandprobe.features.blocks import stored_channels
from bandprobe.linear import factor_ridge, ridge_search, strips
from bandprobe.linear.ridge_search import PART
from bandprobe.planning.layer import DOUBLE, SINGLE, Layer
from bandprobe.probes import fit
from bandprobe.store.zarr_store import feature_chunks

# N x N matrices in double precision that an eigendecomposition needs at once: the Gram matrix and
# its centred copy, the vectors with their workspace, the coordinates and their loadings.
SQUARES = 8
# Operations of a symmetric eigendecomposition with vectors, in units of N**3.
EIGEN = 9
# Penalties that a search visits on average, where the least loss is inside the path: measured on
# layers of the default study, begun from a quarter of their images. In single precision they take
# half the time, after which the chosen one is fitted in double precision.
VISITED = 3.4
# How often the best so far is a better one, and other sets of labels are fitted too.
IMPROVED = 2
# Chunks that Zarr reads at once, each as bytes and as values.
READ_AT_ONCE = 10
# Copies of the weights on training maps and of a fold's logits that are made at once.
WEIGHT_COPIES, LOGIT_COPIES, FOLD_COPIES = 3, 7, 5


@dataclass(frozen=True)
class Fitting:
    """How the readouts of a study are fitted.

    Attributes
    ----------
    folds, penalties, permutations : int
    ridge : bool
    pattern : bool
        Whether there is this readout beside `map`.
    bands : int
        Bands whose sums are kept apart; 0 if they are not.
    slabs : bool
        Whether other jobs add up the sums.
    refits : int
        Sets of bands that the map readout is fitted for again.
    """

    folds: int
    penalties: int
    permutations: int
    ridge: bool = True
    pattern: bool = False
    bands: int = 0
    slabs: bool = False
    refits: int = 0

    @property
    def sets(self) -> int:
        """Sets of labels: the true ones, and permutations of them."""
        return 1 + self.permutations


def by_factors(layer: Layer, fitting: Fitting) -> bool:
    """Whether readouts of the maps are fitted by factorisations of their Gram matrix."""
    return fitting.ridge and not layer.direct and layer.counts.train >= fit.LEAST_IMAGES


def by_weights(layer: Layer, fitting: Fitting) -> bool:
    """Whether evaluation maps are scored by weights, without inner products of both splits."""
    n = layer.counts
    cheaper = strips.weights_are_cheaper(n.train, n.eval, n.classes, fitting.sets)
    return by_factors(layer, fitting) and not fitting.bands and not fitting.slabs and cheaper


def fit_operations(layer: Layer, fitting: Fitting) -> float:
    """Operations of the readouts of the map and of its pattern, and of `refit`."""
    n, dimensions = layer.counts, float(layer.shape.dimensions)
    train, evaluation, classes = float(n.train), float(n.eval), n.classes
    fits = (1 + fitting.pattern) * fitting.sets
    if layer.direct:
        rows = (1 + fitting.pattern) * direct_operations(layer, fitting, layer.shape.dimensions)
        return rows * (1 + fitting.refits)
    sums = (1 + fitting.pattern) * train**2 * dimensions
    weights = 2 * (1 + fitting.pattern) * train * classes * dimensions
    if by_weights(layer, fitting):
        scored = 2 * fits * evaluation * classes * dimensions
        weights *= fitting.sets
        return sums + weights + scored + (1 + fitting.pattern) * search_operations(layer, fitting)
    sums += 2 * (1 + fitting.pattern) * evaluation * train * dimensions
    logits = 2 * evaluation * train * classes
    if by_factors(layer, fitting):
        once = search_operations(layer, fitting) + VISITED * logits
        readouts = (1 + fitting.pattern) * (once + fitting.sets * logits)
        return sums + weights + readouts + fitting.refits * (once - (VISITED - 1) * logits)
    once = (
        EIGEN * train**3
        + 2 * evaluation * train**2
        + fitting.penalties * (train**3 / fitting.folds + 4 * train**2 * classes + logits)
    )
    return sums + weights + (1 + fitting.pattern + fitting.refits) * once


def search_operations(layer: Layer, fitting: Fitting) -> float:
    """Operations of factorisations: all penalties of a part of the maps, and those visited."""
    train, classes, folds = float(layer.counts.train), layer.counts.classes, fitting.folds
    # What is solved with the diagonal blocks of the inverse.
    cubes, squares, others = 1 / (3 * folds**2), 2 * classes / folds, 0.0
    if ridge_search.half_is_cheaper(layer.counts.train, classes, folds):
        # The factor, its inverse, these blocks, and the weights of each set of labels.
        cubes += 2 / 3 + 1 / (3 * folds)
        squares += classes
        others = IMPROVED * (fitting.sets - 1) * classes * train**2
    else:
        # The factor and the whole inverse, of which all else is a part or a sum of a few rows.
        cubes += 1
    part = train / PART
    return float(
        VISITED * (cubes * train**3 + squares * train**2)
        + fitting.penalties * (cubes * part**3 + squares * part**2)
        + others
    )


def direct_operations(layer: Layer, fitting: Fitting, dimensions: int) -> float:
    """Operations of a readout of so many dimensions, no more than there are training maps."""
    n, size = layer.counts, float(dimensions)
    coordinates = (3.0 * n.train + 2 * n.eval) * size**2 + EIGEN * size**3
    # Held-out folds by the smaller of two matrices; the logits of the path.
    held = n.train / fitting.folds
    solve = fitting.folds * min(
        2 / 3 * size**3 + 4 * held * size * n.classes, held**2 * (size + held + 2 * n.classes)
    )
    path = solve + 2.0 * (n.train + n.eval) * size * n.classes
    return float(coordinates + fitting.penalties * path)


def fit_memory(layer: Layer, fitting: Fitting, slabs: int) -> int:
    """Bytes of fitting `map`, and what is fitted along with it.

    Parameters
    ----------
    layer : Layer
    fitting : Fitting
    slabs : int
        Bytes of slabs of both splits, where they are read in single precision.
    """
    n, readouts = layer.counts, 1 + fitting.pattern
    if by_weights(layer, fitting):
        return _memory_by_weights(layer, fitting)
    if layer.direct:
        stored = SINGLE * n.total * layer.shape.dimensions * (readouts + bool(fitting.bands))
        own = direct_memory(layer, fitting, layer.shape.dimensions)
        return max(slabs + stored, stored + readouts * own)
    matrices = max(1, fitting.bands) + fitting.pattern
    itemsize = SINGLE if by_factors(layer, fitting) else DOUBLE
    held = matrices * itemsize * n.train * n.total
    # What a fitted readout keeps until it is written.
    kept = readouts * DOUBLE * n.classes * (n.train + n.eval)
    own = search_memory(layer, fitting) if by_factors(layer, fitting) else 0
    if fitting.refits or not by_factors(layer, fitting):
        # Of bands with fewer dimensions than images, refits are decomposed however many these are.
        path = DOUBLE * fitting.penalties * n.classes * (2 * n.train)
        eigen = SQUARES * DOUBLE * n.train**2 + 2 * DOUBLE * n.eval * n.train + path
        own = max(own, eigen)
    return max(held + slabs, held + own + kept + LOGIT_COPIES * DOUBLE * n.eval * n.classes)


def search_memory(layer: Layer, fitting: Fitting) -> int:
    """Bytes of factorisations: a matrix in double precision, weights, and what a fold needs."""
    n, train = layer.counts, layer.counts.train
    fold = -(-train // fitting.folds)
    weights = WEIGHT_COPIES * fitting.sets * n.classes * train
    blocks = 3 * min(train, factor_ridge.TRIANGLE_ROWS) * (train + n.classes)
    held = FOLD_COPIES * fold**2 + LOGIT_COPIES * fold * n.classes
    part = 2 * (train // PART) ** 2
    return DOUBLE * (train**2 + weights + max(blocks, held) + part)


def direct_memory(layer: Layer, fitting: Fitting, dimensions: int) -> int:
    """Bytes of a readout of so many dimensions, no more than there are training maps."""
    n, penalties = layer.counts, fitting.penalties
    maps = 4 * n.total * dimensions + 5 * dimensions**2
    # Held-out logits of all penalties, and their weights.
    path = penalties * n.classes * (n.train + 2 * dimensions)
    fold = -(-n.train // fitting.folds)
    held = 2 * penalties * fold * n.classes + min(3 * fold**2, 3 * dimensions**2)
    logits = LOGIT_COPIES * n.eval * n.classes
    return DOUBLE * (maps + path + max(held, logits))


def _memory_by_weights(layer: Layer, fitting: Fitting) -> int:
    n, shape, readouts = layer.counts, layer.shape, 1 + fitting.pattern
    most = max(n.train, n.eval)
    plane = shape.height * shape.width
    samples, chunk, *_ = feature_chunks(
        (most, shape.channels, shape.height, shape.width), layer.itemsize
    )
    channel = layer.itemsize * most * plane
    channels = min(shape.channels, stored_channels(channel, chunk))
    chunks = READ_AT_ONCE * min(samples, most) * chunk * layer.itemsize * plane
    slab = channel * channels
    read = slab + 2 * min(slab, chunks)
    first, rows = strips.strips((most, channels, shape.height, shape.width))[0]
    strip = SINGLE * most * (first.stop - first.start) * (rows.stop - rows.start) * shape.width
    gram = readouts * SINGLE * n.train**2
    means = SINGLE * n.total * shape.channels + readouts * SINGLE * n.train * channels
    summing = gram + max(read, slab + strip) + means + 3 * sized(strips.MOMENT_BYTES)
    sets = fitting.sets * n.classes
    fits = gram + search_memory(layer, fitting) + (readouts - 1) * DOUBLE * sets * n.train
    weights = SINGLE * sets * channels * plane * readouts
    product = SINGLE * sets * strip // (SINGLE * most)
    written = 3 * SINGLE * n.classes * channels * plane
    scored = readouts * (SINGLE * n.train + DOUBLE * n.eval) * sets
    # Slabs come first, then the outcomes of their logits.
    logits = LOGIT_COPIES * DOUBLE * n.eval * n.classes
    second = scored + means + max(weights + max(read, slab + strip + product, written), logits)
    return int(max(summing, fits + means, second))

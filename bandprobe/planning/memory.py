"""Memory of the jobs that extract maps, compute their spectra, split logits and score changes.

Peaks of their arrays, as the code holds them; tests compare them with the memory of jobs that run.
"""

from __future__ import annotations

from bandprobe.base.blocks import sized
from bandprobe.features.blocks import BLOCK_BYTES
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import Mode
from bandprobe.fourier.random_masks import KINDS as CONTROL_KINDS
from bandprobe.interventions.additive import SCORED_BYTES
from bandprobe.linear.decompose import PACKED_BYTES, PRODUCT_BYTES
from bandprobe.linear.mask_scores import LOGIT_BYTES, UNIT_BYTES
from bandprobe.planning.layer import DOUBLE, SINGLE, Layer
from bandprobe.planning.map_shapes import PassShape
from bandprobe.scoring.fields import CONTROL_NAMES
from bandprobe.store.zarr_store import (
    CHUNK_BYTES,
    LARGEST_CHUNK,
    feature_chunks,
    weight_chunks,
)
from bandprobe.study.study import BY_BAND, Study

# Readouts whose weights are maps with more than DC.
OF_MAPS = {"map", "pattern"}
# Chunks that Zarr reads or writes at once, each as values, as bytes and compressed.
AT_ONCE, COPIES = 10, 3


def split_memory(layer: Layer, study: Study) -> int:
    """Bytes of the job that splits the logits of a layer: while it packs, computes or writes."""
    readouts = set(study.additive)
    logits = logits_bytes(layer, study.bands)
    clean = logits // len(study.bands)
    # Of random masks in single precision, of readouts that are sums over bins.
    of_masks = mask_sets(study) * logits * SINGLE // DOUBLE
    kept = len(readouts) * (logits + clean) + len(readouts - set(BY_BAND)) * of_masks
    kept += _energy_memory(layer, study) if "energy" in readouts else 0
    packed, maps, coefficients = _packed(layer, study), _maps_of_block(layer), _coefficients(layer)
    by_block = (1 + mask_sets(study)) * logits * block_images(layer) // layer.counts.eval
    # With what is left of the block before it.
    transforming = 2 * maps + 2 * coefficients + by_block
    products = maps + coefficients + _products(layer) + 5 * by_block // 2
    computing = max(transforming, products + _outside_memory(layer, study))
    # What is kept is filled block by block.
    filled = kept * (layer.counts.eval - block_images(layer)) // layer.counts.eval
    return max(
        packed + _packing(layer),
        filled + packed + computing,
        kept + _writing(logits) + clean,
    )


def _energy_memory(layer: Layer, study: Study) -> int:
    """Bytes of the energies that a readout of energies scores, with their logarithms."""
    energies = DOUBLE * layer.counts.eval * layer.shape.channels * len(study.bands)
    return 3 * energies + _changed_logits(layer, study)


def half_bins(layer: Layer) -> int:
    """Bins that the real FFT of a map keeps."""
    return layer.shape.height * (layer.shape.width // 2 + 1)


def _packed(layer: Layer, study: Study) -> int:
    """Bytes of the weights of all readouts by bin; a pooled one has next to none."""
    readouts = len(set(study.additive) & OF_MAPS)
    return readouts * 2 * SINGLE * layer.counts.classes * layer.shape.channels * half_bins(layer)


def _packing(layer: Layer) -> int:
    """Bytes of a chunk of W as it is read and scaled, of the one before it, and of a transform."""
    shape = layer.shape
    most = (layer.counts.train, shape.channels, shape.height, shape.width)
    of_features = feature_chunks(most, layer.itemsize)[1:]
    channels = weight_chunks(layer.counts.classes, of_features)[1]
    chunk = layer.weights * channels // shape.channels
    transformed = 2 * min(max(sized(PACKED_BYTES), chunk // channels), chunk) * half_bins(layer)
    return 4 * chunk + transformed // (shape.height * shape.width)


def block_images(layer: Layer) -> int:
    """Images of a block of samples: complete chunks, however large one map is."""
    shape = (layer.counts.eval, layer.shape.channels, layer.shape.height, layer.shape.width)
    chunk = feature_chunks(shape, layer.itemsize)[0]
    blocks = max(1, sized(BLOCK_BYTES) // (SINGLE * layer.shape.dimensions * chunk))
    return min(layer.counts.eval, blocks * chunk)


def _maps_of_block(layer: Layer) -> int:
    return SINGLE * layer.shape.dimensions * block_images(layer)


def _coefficients(layer: Layer) -> int:
    """Bytes of the transform of a block."""
    return 2 * SINGLE * layer.shape.channels * half_bins(layer) * block_images(layer)


def _products(layer: Layer) -> int:
    """Bytes of the coefficients of a few bins, of their products, and of those before them."""
    channels, classes = 2 * layer.shape.channels, layer.counts.classes
    of_bin = SINGLE * block_images(layer) * (channels + classes)
    held = min(max(sized(PRODUCT_BYTES), of_bin), of_bin * half_bins(layer))
    return held + held * classes // (channels + classes)


def outside_sets(layer: Layer, study: Study) -> int:
    """Number of sets of masks outside a band that a readout of maps is scored with, at most.

    A band of DC alone and a band without bins have none.
    """
    counts = study.bands.on_grid(layer.shape.height, layer.shape.width).counts
    filled = int((counts > 0).sum()) - int(counts[0] == 1)
    return len(CONTROL_NAMES) * filled if _changes(study) and study.controls.masks else 0


def _changes(study: Study) -> int:
    """Number of changes that masks outside the bands stand for."""
    kinds = ("remove", "isolate")
    return len({(m.kind, m.fill) for m in study.modes.values() if m.kind in kinds})


def _outside_memory(layer: Layer, study: Study) -> int:
    """Bytes of the masks outside the bands, their scores, and their logits for a block."""
    readouts, sets = len(OF_MAPS & set(study.additive)), outside_sets(layer, study)
    masks = sets * study.controls.masks
    if not readouts or not masks:
        return 0
    drawn = 2 * (masks + DOUBLE * sets) * half_bins(layer)
    # Sums over masks, those of a readout as means too.
    scores = 3 * DOUBLE * _changes(study) * sets * layer.counts.eval
    every = SINGLE * masks * block_images(layer) * layer.counts.classes
    # Sums, what is added to them, and those of the masks before.
    at_once = sized(LOGIT_BYTES)
    logits = 2 * min(every, at_once)
    logits += min(max(0, 2 * every - 3 * at_once), at_once)
    return readouts * (drawn + 2 * scores) + logits + max(_products(layer) // 2, sized(UNIT_BYTES))


def mask_sets(study: Study) -> int:
    """Number of sets of random masks, each with one mask per band."""
    return len(CONTROL_KINDS) * study.controls.draws


def _writing(array: int) -> int:
    """Bytes of what is written of an array at once: itself, or several of its chunks."""
    return 2 * array if array <= LARGEST_CHUNK else AT_ONCE * COPIES * CHUNK_BYTES


def _read_logits(layer: Layer, study: Study) -> int:
    """Bytes of the stored band logits of a readout, with those of its random masks."""
    logits = logits_bytes(layer, study.bands)
    return logits + mask_sets(study) * logits * SINGLE // DOUBLE


def linear_memory(layer: Layer, study: Study) -> int:
    """Bytes of a job of linear modes: logits of one readout at a time, scored by blocks."""
    logits = logits_bytes(layer, study.bands)
    read = _read_logits(layer, study) + 2 * logits // len(study.bands)
    read += _changed_logits(layer, study) if "energy" in study.readouts else 0
    # Those of masks are converted to double precision.
    scored = (10 + 2 * bool(study.controls.draws)) * min(logits, sized(SCORED_BYTES)) // 2
    shapley = 0
    if study.shapley_fill != "none":
        shapley = DOUBLE * 3 * 2 ** len(study.bands) * layer.counts.eval + scored
    # One readout's are there until the next one's have been read.
    reading = read + _writing(logits) if len(study.additive) > 1 else _writing(logits)
    return read + max(scored, shapley, reading)


def _changed_logits(layer: Layer, study: Study) -> int:
    """Bytes of the logits of maps whose random masks were changed, of a readout of energies."""
    kinds = {(m.kind, m.fill) for m in study.modes.values() if m.is_linear}
    logits = logits_bytes(layer, study.bands)
    return mask_sets(study) * len(kinds) * logits * SINGLE // DOUBLE


def random_memory(layer: Layer, study: Study, mode: Mode) -> int:
    """Bytes of a job of one random mode: logits and weights of all readouts, a block of maps."""
    readouts, logits = len(study.additive), logits_bytes(layer, study.bands)
    masks = study.controls.draws * len(mode.controls)
    by_block = (1 + masks) * logits * block_images(layer) // layer.counts.eval
    maps, packed = _maps_of_block(layer), _packed(layer, study)
    # Maps, their coefficients, noise, and changed coefficients; then phases, or logits.
    scoring = max(_products(layer) + 5 * by_block // 2, 9 * by_block // 2)
    changing = 17 * maps // 4 + max(4 * maps, scoring)
    read = readouts * (_read_logits(layer, study) + logits // len(study.bands))
    return read + packed + max(changing, _packing(layer))


def logits_bytes(layer: Layer, bands: Bands) -> int:
    """Bytes of the band logits of one readout, in double precision."""
    return DOUBLE * len(bands) * layer.counts.eval * layer.counts.classes


def spectra_memory(layer: Layer) -> int:
    """Bytes of the job of a layer's spectra: a block, its transform and powers, their sums."""
    maps = _maps_of_block(layer)
    # Sums over channels are in double precision.
    return 7 * maps // 2 + 5 * maps // (2 * layer.shape.channels)


def features_memory(forward: PassShape, batch: int, itemsize: int) -> int:
    """Bytes of a pass: a network with the file of its weights, maps of a batch, waiting chunks."""
    values = sum(layer.stored for layer in forward.layers)
    held = 3 * SINGLE * forward.parameters + batch * values * (SINGLE + itemsize)
    return held + len(forward.layers) * 2 * CHUNK_BYTES

"""What each job of a layer needs under a limit of memory: bytes, and the share of blocks it takes.

The plan of a job's arrays depends on the sizes of the parts that they are worked on in, so it is
made for smaller and smaller parts until the job fits; larger parts are taken where a job would read
the same chunks of a store several times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from bandprobe.base.blocks import LARGER, SMALLER, block_share
from bandprobe.base.units import in_bytes
from bandprobe.errors import BandprobeError
from bandprobe.features.blocks import channels_within, stored_channels
from bandprobe.planning.layer import SINGLE, Layer
from bandprobe.planning.memory import (
    linear_memory,
    random_memory,
    spectra_memory,
    split_memory,
)
from bandprobe.planning.probe_costs import by_weights
from bandprobe.planning.readout_memory import (
    fitting_of,
    needs_maps,
    probe_memory,
    replicate_memory,
    slab_memory,
    target_memory,
)
from bandprobe.store.zarr_store import feature_chunks
from bandprobe.study.study import BY_BAND, Study

# Python with the libraries that a job of a layer imports, and what they take on first use; with a
# GPU, PyTorch and the driver too.
LIBRARIES = {"cpu": 300_000_000, "cuda": 3_000_000_000}
# What a process keeps beyond its arrays, as a share of them: freed blocks between those in use.
KEPT = 0.15

Formula = Callable[[Layer, Study], int]
# Bytes of arrays of the rules whose jobs are of one layer.
ARRAYS: Mapping[str, Formula] = {
    "compute_spectra": lambda layer, _study: spectra_memory(layer),
    "sum_slab": slab_memory,
    "fit_probes": probe_memory,
    "split_logits": split_memory,
    "intervene_linear": linear_memory,
    "intervene_random": lambda layer, study: max(
        (random_memory(layer, study, mode) for mode in study.modes.values() if not mode.is_linear),
        default=0,
    ),
    "score_targets": target_memory,
    "redraw_splits": replicate_memory,
}
# Rules that read all samples of some channels at a time.
OF_SLABS = ("sum_slab", "fit_probes", "redraw_splits")


def rules_of(study: Study) -> list[str]:
    """Those of `ARRAYS` that a study has jobs of, in the order of the workflow."""
    random = any(not mode.is_linear for mode in study.modes.values())
    linear = any(mode.is_linear for mode in study.modes.values())
    exists = {
        "sum_slab": study.scale.slabs > 1,
        "split_logits": bool(study.additive),
        "intervene_linear": linear or study.shapley_fill != "none",
        "intervene_random": random and bool(study.additive),
        "redraw_splits": study.replicates is not None,
    }
    return [rule for rule in ARRAYS if exists.get(rule, True)]


@dataclass(frozen=True)
class Need:
    """What a job needs.

    Attributes
    ----------
    memory : int
        Bytes of its process.
    share : float
        Of the usual sizes of blocks, as of `bandprobe.base.blocks`.
    """

    memory: int
    share: float


def process_memory(rule: str, layer: Layer, study: Study) -> int:
    """Bytes of a job's process, with blocks of the sizes that are in force."""
    return LIBRARIES[study.device] + int((1 + KEPT) * ARRAYS[rule](layer, study))


def job_need(rule: str, layer: Layer, study: Study, most: int, at_once: int = 1) -> Need:
    """What a job needs that may have so much.

    Parameters
    ----------
    rule : str
        One of `ARRAYS`.
    layer : Layer
    study : Study
    most : int
        Bytes that it may have.
    at_once : int
        Jobs that could run at the same time. A job takes larger blocks only if as many still fit.

    Returns
    -------
    Need
        The least that is possible, if that is still too much.
    """
    for share in SMALLER:
        found = _need_at(share, rule, layer, study)
        if found.memory <= most:
            break
    return found if found.share < 1 else _larger(found, rule, layer, study, most // at_once)


def _need_at(share: float, rule: str, layer: Layer, study: Study) -> Need:
    with block_share(share):
        return Need(process_memory(rule, layer, study), share)


def _larger(found: Need, rule: str, layer: Layer, study: Study, most: int) -> Need:
    """With blocks as large as they have to be to read a chunk the fewest times."""
    fewest = _readings(1.0, rule, layer, study)
    for share in LARGER:
        if fewest == 1:
            break
        readings, wanted = (
            _readings(share, rule, layer, study),
            _need_at(share, rule, layer, study),
        )
        if wanted.memory > most:
            break
        if readings < fewest:
            found, fewest = wanted, readings
    return found


def _readings(share: float, rule: str, layer: Layer, study: Study) -> int:
    """How many times a chunk of the maps is read in one pass over a layer's channels."""
    if rule not in OF_SLABS or (rule == "fit_probes" and not needs_maps(study)):
        return 1
    most, shape = max(layer.counts.train, layer.counts.eval), layer.shape
    plane = most * shape.height * shape.width
    chunk = feature_chunks((most, shape.channels, shape.height, shape.width), layer.itemsize)[1]
    with block_share(share):
        if rule == "fit_probes" and by_weights(layer, fitting_of(study)):
            channels = stored_channels(layer.itemsize * plane, chunk)
        else:
            channels = channels_within(SINGLE * plane, chunk)
    return -(-chunk // channels)


def refusal(rule: str, layer: Layer, study: Study, most: int) -> BandprobeError | None:
    """What to say of a job that does not fit, whatever its blocks; None if it fits.

    The error has what the job needs, and the settings that lower it.
    """
    need = job_need(rule, layer, study, most).memory
    if need <= most:
        return None
    total = need + (study.scale.memory or most) - most
    lower = "; ".join([*_lowered(rule, layer, study, most), "fewer images or classes"])
    return BandprobeError(
        f"{rule} of {layer.model} {layer.shape.layer} does not fit into memory",
        expected=f"{in_bytes(most)} or less: what scale.memory leaves to jobs",
        found=f"{in_bytes(need)}, with the smallest blocks",
        hint=f"set scale.memory to {in_bytes(total)} or more, or let the job take less: {lower}",
    )


def _lowered(rule: str, layer: Layer, study: Study, most: int) -> Iterator[str]:
    """Settings that lower what a job needs, and to how much."""
    need = job_need(rule, layer, study, most).memory
    for text, other in lighter_studies(study):
        lower = job_need(rule, layer, other, most).memory
        if lower < need:
            yield f"{text} ({in_bytes(lower)})"


def lighter_studies(study: Study) -> Iterator[tuple[str, Study]]:
    """Studies that do without something, each with what is said of it."""
    # Sums are kept by band as long as one readout needs them.
    by_band = [name for name in BY_BAND if name in study.readouts]
    pattern = [name for name in study.readouts if name == "pattern"]
    for names in (by_band, [*by_band, *pattern] if pattern else []):
        left = tuple(name for name in study.readouts if name not in names)
        if names and left:
            yield f"readouts without {', '.join(names)}", replace(study, readouts=left)
    if study.probe.by_band:
        yield "probe.by_band: false", replace(study, probe=replace(study.probe, by_band=False))
    if study.scale.slabs > 1:
        yield "scale.slabs: 1", replace(study, scale=replace(study.scale, slabs=1))
    if study.controls.masks:
        yield "controls.masks: 0", replace(study, controls=replace(study.controls, masks=0))
    if study.controls.draws:
        yield "controls.draws: 0", replace(study, controls=replace(study.controls, draws=0))
    if study.shapley_fill != "none":
        yield "shapley.fill: none", replace(study, shapley_fill="none")
    if study.statistics.interval == "bootstrap":
        other = replace(study.statistics, interval="cluster-t")
        yield "statistics.interval: cluster-t", replace(study, statistics=other)

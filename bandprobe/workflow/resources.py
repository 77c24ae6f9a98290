"""Threads and memory of jobs. Resources trigger nothing: no result is made again for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bandprobe.study.study import Study

# Threads of a forward pass on another machine, where nothing else is said.
REMOTE_THREADS = 4
# What extraction waits for is done first: extraction can take all cores of a small machine, and
# whatever has started before it on one of two cores leaves the other without work.
EARLY = 20
# Kinds of data sets with few images.
FEW_IMAGES = ("photos", "phantom")
# Memory of a job that decodes images and lists them, in megabytes: 1.2 KB of rows per image, and
# about as much of what is known of the files, for 1.28 million images.
DECODING_MB = 3000


def by_attempt(amount: int) -> Callable[..., int]:
    """A resource that doubles with each attempt; a failed job is repeated with `--retries`."""

    def of_attempt(wildcards: Mapping[str, str], attempt: int) -> int:  # noqa: ARG001
        return int(amount * 2 ** (attempt - 1))

    return of_attempt


def forward_threads(
    study: Study, model: str, cores: int, *, is_remote: bool, max_threads: int | None
) -> int:
    """Threads of a network's forward passes: half of the cores, so that two jobs run side by side.

    A batch is too small to feed many: on two cores one job with two threads uses 1.4 of them. A
    study whose forward passes are one job has two threads at least.

    Parameters
    ----------
    study : Study
    model : str
        Images as layer input (`pixels`) need one thread.
    cores : int
        Of this machine's share.
    is_remote : bool
        A job that is sent to another machine has as many threads as `max_threads` allows: here the
        number of cores is that of one node, and on the node it is whatever Snakemake finds there,
        which may be more than the job was given.
    max_threads : int or None
        Of `--max-threads`.
    """
    if study.models[model].architecture == "pixels":
        return 1
    if is_remote:
        return max_threads or REMOTE_THREADS
    networks = study.networks()
    jobs = sum(len(study.models[name].passes) for name in networks)
    alone = jobs * len(study.datasets) * study.scale.shards == 1
    return max(min(2, cores) if alone else 1, cores // 2)


def decoding_threads(
    study: Study, dataset: str, cores: int, *, is_remote: bool, max_threads: int | None
) -> int:
    """Images that are decoded at the same time: one on each core.

    Nothing else of a data set can run before its manifest is there. A few images that come with the
    study need one thread, so that they wait for no other job.

    Parameters
    ----------
    study : Study
    dataset : str
    cores, is_remote, max_threads
        As of `forward_threads`.
    """
    if study.datasets[dataset]["kind"] in FEW_IMAGES:
        return 1
    if is_remote:
        return max_threads or REMOTE_THREADS
    return cores


def drawing_threads(n_figures: int) -> int:
    """Figures that are drawn at once: two use the cores that would wait at the end of a run."""
    return min(2, n_figures)

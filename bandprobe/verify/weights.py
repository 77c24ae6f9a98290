"""Whether stored features come from the weights that lie where the study says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bandprobe.errors import BandprobeError
from bandprobe.store.digests import file_digest
from bandprobe.store.zarr_store import Store
from bandprobe.study.paths import SPLITS, Paths
from bandprobe.study.study import Study


def weights_problems(study: Study) -> Iterator[tuple[str, str, list[str]]]:
    """Each file of weights, a store of features from it, and what does not agree.

    Published weights count where they are in a cache; nothing is fetched.
    """
    for model in study.models.values():
        # An untrained twin has none of the numbers of its weights.
        file = None if model.untrained else _file(model.architecture, model.weights)
        if file is None:
            continue
        problem, digest = "", ""
        try:
            digest = file_digest(file)
        except OSError as error:
            problem = f"cannot be read: {error.strerror}"
        for dataset in study.datasets:
            for number, _ in enumerate(model.passes):
                for split in SPLITS:
                    names = {"model": model.name, "passname": f"pass-{number}", "split": split}
                    store = Paths.FEATURES.format(dataset=dataset, **names)
                    found = [problem] if problem else list(_differs(Path(store), digest))
                    yield str(file), store, found


def _file(architecture: str, weights: str) -> Path | None:
    kind, _, name = weights.partition("/")
    if kind == "file":
        return Path(name)
    if kind == "pretrained":
        from bandprobe.backbones.published import cached_file  # timm takes seconds

        return cached_file(architecture, weights)
    return None


def _differs(store: Path, digest: str) -> Iterator[str]:
    try:
        used = Store(store).attrs.get("weights_sha256", "")
    except BandprobeError:
        return  # the stage of the features says so
    if used != digest:
        yield f"has the SHA-256 {digest}, but {store} was made from {used}"

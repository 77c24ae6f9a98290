"""Whether the stored files of a study are intact, and follow from the files they were made from.

Every chunk is read and compared with its checksum, every digest is computed again, coordinates are
compared with the manifest, and targets and summaries are computed again from their sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.data.datasets import MADE_HERE, root_of
from bandprobe.data.manifest import (
    Split,
    class_names,
    image_rows,
    imagenet_indices,
    read_folds,
    read_split,
)
from bandprobe.errors import BandprobeError
from bandprobe.store.digests import file_digest
from bandprobe.store.zarr_store import Store
from bandprobe.study.paths import SPLITS, Paths
from bandprobe.study.study import Study
from bandprobe.verify.stores import Expected, file_problems, store_problems
from bandprobe.verify.summaries import summary_problems, target_problems
from bandprobe.verify.weights import weights_problems

# Paths in the command that makes things again.
MOST_PATHS = 20
# Stores of a stage, each with what it must agree with.
Stores = Iterator[tuple[str, Expected]]


@dataclass
class Stage:
    """What was checked in one stage, and what is wrong.

    Attributes
    ----------
    dataset, name, unit : str
    count : int
    problems : list of str
    again : list of str
        Paths to ask Snakemake for, to have the stage made again.
    """

    dataset: str
    name: str
    unit: str
    count: int = 0
    problems: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)

    def check(self, path: str, again: str | None, findings: Iterable[str]) -> None:
        """Count one path, with what is wrong with it."""
        self.count += 1
        try:
            problems = list(findings)
        except BandprobeError as error:
            problems = [" ".join(str(error).split())]
        self.problems += [f"{path}: {problem}" for problem in problems]
        if problems and again is not None:
            self.again.append(again)

    @property
    def line(self) -> str:
        """Stage, number of paths checked, and result, in one line."""
        result = f"{len(self.problems)} problems" if self.problems else "ok"
        return f"{self.dataset:<16} {self.name:<12} {self.count:>6} {self.unit:<8} {result}"


@dataclass(frozen=True)
class DatasetFiles:
    """One data set of a study, on disk below the working directory."""

    study: Study
    dataset: str

    def path(self, pattern: str, **names: str) -> str:
        """A path of this data set."""
        return pattern.format(dataset=self.dataset, **names)

    @cached_property
    def manifest(self) -> Path:
        """Path of the manifest."""
        return Path(self.path(Paths.MANIFEST))

    @cached_property
    def splits(self) -> dict[str, Split]:
        """The samples by split."""
        return {split: read_split(self.manifest, split) for split in SPLITS}

    @cached_property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """Names of the bands and of the classes."""
        return {"band": self.study.bands.names, "class": tuple(class_names(self.manifest))}

    @property
    def root(self) -> Path:
        """Folder of the images."""
        spec = self.study.datasets[self.dataset]
        if spec["kind"] in MADE_HERE:
            return Path(self.path(Paths.IMAGES))
        return Path(Paths.PHOTOS) if "asset" in spec else root_of(spec)

    def bins(self, model: str, layer: str) -> NDArray[np.int64] | None:
        """Bins of each band on the grid of a layer; None if its features cannot be opened."""
        passname = self.study.models[model].pass_of(layer)
        path = self.path(Paths.FEATURES, model=model, passname=passname, split="eval")
        try:
            height, width = Store(path).array(layer).shape[-2:]
        except BandprobeError:
            return None
        return self.study.bands.on_grid(height, width).counts

    def expected(self, model: str, layer: str) -> Expected:
        """What the stores of a layer must agree with."""
        return Expected(self.splits["eval"], self.labels, self.bins(model, layer))

    def expected_of_head(self, model: str, layer: str | None = None) -> Expected:
        """What the stores of a network's own head must agree with."""
        bins = None if layer is None else self.bins(model, layer)
        bands = {"band": self.study.bands.names}
        indices = imagenet_indices(self.manifest)
        return Expected(self.splits["eval"], bands, bins, some=True, head_labels=indices)

    def layers(self) -> Iterator[tuple[dict[str, str], Expected]]:
        """Every layer as wildcards of its paths, with what its stores must agree with."""
        for model, layer in self.study.layers():
            yield {"model": model, "layer": layer}, self.expected(model, layer)


def verify_study(study: Study, report: Callable[[str], Any] = print) -> list[Stage]:
    """Check all stored files of a study, and report one line per stage.

    Parameters
    ----------
    study : Study
        Its results are below the working directory.
    report : callable
        Called with each line as soon as its stage has been checked.

    Returns
    -------
    list of Stage
        With all problems by name; nothing on disk is changed.
    """
    stages = []
    for stage in _stages(study):
        report(stage.line)
        stages.append(stage)
    return stages


def require_intact(stages: Iterable[Stage]) -> None:
    """Raise `BandprobeError` if there are problems: all of them, and the command that repairs them.

    The command makes the first stage with problems again. Forcing a later one as well would run all
    stages between them.
    """
    stages = list(stages)
    problems = [problem for stage in stages for problem in stage.problems]
    if not problems:
        return
    again = next((list(dict.fromkeys(stage.again)) for stage in stages if stage.again), [])
    hint = None
    if again:
        more = f" (and {len(again) - MOST_PATHS} more)" if len(again) > MOST_PATHS else ""
        paths = " ".join(again[:MOST_PATHS]) + more
        hint = (
            f"make it again: snakemake --cores all --force {paths}; then snakemake --cores all "
            "and snakemake --cores 1 verify, each with the --configfile and "
            "--directory of the study"
        )
    raise BandprobeError(
        f"{len(problems)} problems", found="\n    " + "\n    ".join(problems), hint=hint
    )


def _stages(study: Study) -> Iterator[Stage]:
    """Every stage, checked, in the order of the workflow."""
    yield _assets(study)
    for dataset in study.datasets:
        files = DatasetFiles(study, dataset)
        images = _images(files)
        yield images
        # Without an intact manifest there is nothing to compare the rest with.
        if Paths.digest(str(files.manifest)) in images.again:
            continue
        for name, stores in STORES.items():
            stage = Stage(dataset, name, "stores")
            for path, expected in stores(files):
                stage.check(path, Paths.digest(path), store_problems(Path(path), expected))
            # What a study does not ask for is no stage of it.
            if stage.count:
                yield stage
        for name, computed in COMPUTED.items():
            stage = Stage(dataset, name, "files")
            for path, problems in computed(study, dataset):
                stage.check(path, path, problems)
            yield stage


def _assets(study: Study) -> Stage:
    stage = Stage("", "resources", "files")
    weights = [model.weights.partition("/") for model in study.models.values()]
    assets = sorted({name for kind, _, name in weights if kind == "asset"})
    paths = [Paths.WEIGHTS.format(asset=name) for name in assets]
    paths += [Paths.PHOTOS] if any("asset" in spec for spec in study.datasets.values()) else []
    for path in paths:
        stage.check(path, Paths.digest(path), file_problems(Path(path)))
    for file, store, problems in weights_problems(study):
        stage.check(file, Paths.digest(store), problems)
    return stage


def _images(files: DatasetFiles) -> Stage:
    stage = Stage(files.dataset, "manifest", "files")
    made_here = files.study.datasets[files.dataset]["kind"] in MADE_HERE
    for pattern in (Paths.MANIFEST, Paths.FOLDS, *([Paths.IMAGES] if made_here else ())):
        path = files.path(pattern)
        stage.check(path, Paths.digest(path), file_problems(Path(path)))
    if files.manifest.is_file() and not stage.problems:
        stage.check(str(files.manifest), None, _fold_problems(files))
        for name, digest in image_rows(files.manifest).items():
            image = files.root / name
            stage.check(str(image), None, _image_problems(image, digest))
    return stage


def _fold_problems(files: DatasetFiles) -> Iterator[str]:
    n_folds = len(read_folds(Path(files.path(Paths.FOLDS))))
    n_train = len(files.splits["train"].sample)
    if n_folds != n_train:
        yield f"{n_train} training samples, but {n_folds} in the folds"


def _image_problems(image: Path, digest: str) -> Iterator[str]:
    if not image.is_file():
        yield "the image is missing"
    elif file_digest(image) != digest:
        yield "the image is not the one that the manifest was made from"


def _features(files: DatasetFiles) -> Stores:
    for model in files.study.models.values():
        for number, _ in enumerate(model.passes):
            for split in SPLITS:
                names = {"model": model.name, "passname": f"pass-{number}", "split": split}
                yield files.path(Paths.FEATURES, **names), Expected(files.splits[split])


def _spectra(files: DatasetFiles) -> Stores:
    for names, expected in files.layers():
        yield files.path(Paths.SPECTRA, **names), expected


def _probes(files: DatasetFiles) -> Stores:
    for names, expected in files.layers():
        for readout in files.study.readouts:
            yield files.path(Paths.PROBE, **names, readout=readout), expected


def _band_logits(files: DatasetFiles) -> Stores:
    study = files.study
    for names, expected in files.layers():
        if study.additive and study.controls.draws:
            yield files.path(Paths.MASKS, **names), expected
        for readout in study.additive:
            yield files.path(Paths.LOGITS, **names, readout=readout), expected


def _replicates(files: DatasetFiles) -> Stores:
    for names, expected in files.layers() if files.study.replicates else ():
        yield files.path(Paths.REPLICATES, **names), expected


def _heads(files: DatasetFiles) -> Stores:
    study = files.study
    for model in study.networks() if study.head else ():
        expected = files.expected_of_head(model)
        yield files.path(Paths.HEAD, model=model), expected
        for number, _ in enumerate(study.models[model].passes):
            yield files.path(Paths.HEAD_LOGITS, model=model, passname=f"pass-{number}"), expected


def _outcomes(files: DatasetFiles) -> Stores:
    study = files.study
    for names, expected in files.layers():
        for readout in study.readouts:
            for mode in study.modes:
                if study.is_defined(readout, mode):
                    yield files.path(Paths.OUTCOMES, **names, readout=readout, mode=mode), expected
        if study.shapley_fill != "none":
            for readout in study.additive:
                yield files.path(Paths.SHAPLEY, **names, readout=readout), expected
    heads = {(t.model, t.layer, t.readout, t.mode) for t in study.head_targets()}
    for model, layer, readout, mode in sorted(heads):
        names = {"model": model, "layer": layer, "readout": readout, "mode": mode}
        yield files.path(Paths.OUTCOMES, **names), files.expected_of_head(model, layer)


STORES: Mapping[str, Callable[[DatasetFiles], Stores]] = {
    "features": _features,
    "spectra": _spectra,
    "probes": _probes,
    "band_logits": _band_logits,
    "replicates": _replicates,
    "heads": _heads,
    "outcomes": _outcomes,
}
# Files that can be computed again from what is stored.
COMPUTED: Mapping[str, Callable[[Study, str], Iterator[tuple[str, list[str]]]]] = {
    "targets": target_problems,
    "summary": summary_problems,
}

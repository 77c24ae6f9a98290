"""Whether everything that a study has left on disk is whole, and follows from what came before.

Every chunk is read and held against its checksum, every digest is taken again, coordinates are held
against the manifest, and targets and summaries are computed again from what they were made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
from bandprobe.store.chunks import only_looking
from bandprobe.store.digests import file_digest
from bandprobe.store.zarr_store import Store
from bandprobe.study.paths import SPLITS, Paths
from bandprobe.study.study import Study
from bandprobe.verify.stores import Expected, file_problems, store_problems
from bandprobe.verify.summaries import summary_problems, target_problems

NAMED = 20


@dataclass
class Stage:
    """What was looked at of one stage, and what is wrong.

    Attributes
    ----------
    dataset, name, unit : str
    count : int
    problems : list of str
    again : list of str
        Paths that Snakemake can be asked for, to have the stage made again.
    """

    dataset: str
    name: str
    unit: str
    count: int = 0
    problems: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)

    def look(self, path: str, again: str | None, found: Iterable[str]) -> None:
        """Count one thing, with what is wrong with it."""
        self.count += 1
        try:
            problems = list(found)
        except BandprobeError as error:
            problems = [" ".join(str(error).split())]
        self.problems += [f"{path}: {problem}" for problem in problems]
        if problems and again is not None:
            self.again.append(again)

    @property
    def line(self) -> str:
        """One line: stage, how many were looked at, and the result."""
        result = f"{len(self.problems)} problems" if self.problems else "ok"
        return f"{self.dataset:<16} {self.name:<12} {self.count:>6} {self.unit:<8} {result}"


@dataclass(frozen=True)
class Verified:
    """One data set of a study, on disk below the working directory."""

    study: Study
    dataset: str

    def path(self, pattern: str, **names: str) -> str:
        """A path of this data set."""
        return pattern.format(dataset=self.dataset, **names)

    @cached_property
    def manifest(self) -> Path:
        """Where the manifest lies."""
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
        """Bins of each band on the grid of a layer, as far as its features can be opened."""
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
        """What the stores of a network's own end must agree with."""
        bins = None if layer is None else self.bins(model, layer)
        bands = {"band": self.study.bands.names}
        indices = imagenet_indices(self.manifest)
        return Expected(self.splits["eval"], bands, bins, some=True, own_labels=indices)


def verify_study(study: Study, report: Callable[[str], Any] = print) -> list[Stage]:
    """Look at all that a study has left, and report one line a stage.

    Parameters
    ----------
    study : Study
        Its results lie below the working directory.
    report : callable
        Takes each line as soon as its stage was looked at.

    Returns
    -------
    list of Stage
        With all problems by name; nothing on disk is changed.
    """
    stages = []
    with only_looking():
        for stage in _stages(study):
            report(stage.line)
            stages.append(stage)
    return stages


def require_intact(stages: Iterable[Stage]) -> None:
    """Raise `BandprobeError` that names every problem, and the command that makes things again."""
    stages = list(stages)
    problems = [problem for stage in stages for problem in stage.problems]
    if not problems:
        return
    # Of the first stage alone: to force a later one as well would run all that lies between them.
    again = next((list(dict.fromkeys(stage.again)) for stage in stages if stage.again), [])
    hint = None
    if again:
        more = f" (and {len(again) - NAMED} more)" if len(again) > NAMED else ""
        hint = (
            f"make it again: snakemake --cores all --force {' '.join(again[:NAMED])}{more}; then "
            "snakemake --cores all and snakemake --cores 1 verify, each with the --configfile and "
            "--directory of the study"
        )
    raise BandprobeError(
        f"{len(problems)} problems", found="\n    " + "\n    ".join(problems), hint=hint
    )


def _stages(study: Study) -> Iterator[Stage]:
    yield _assets(study)
    for dataset in study.datasets:
        part = Verified(study, dataset)
        images = _images(part)
        yield images
        # Nothing can be held against a manifest that is not there or not whole.
        if str(part.manifest) + Paths.digest("") in images.again:
            continue
        for look in (_features, _spectra, _probes, _logits, _heads, _outcomes, _targets, _summary):
            yield look(part)


def _assets(study: Study) -> Stage:
    stage = Stage("", "resources", "files")
    names = {
        m.weights.partition("/")[2] for m in study.models.values() if m.weights[:6] == "asset/"
    }
    paths = [Paths.WEIGHTS.format(asset=name) for name in sorted(names)]
    paths += [Paths.PHOTOS] if any("asset" in spec for spec in study.datasets.values()) else []
    for path in paths:
        stage.look(path, Paths.digest(path), file_problems(Path(path)))
    return stage


def _images(part: Verified) -> Stage:
    stage = Stage(part.dataset, "manifest", "files")
    for pattern in (Paths.MANIFEST, Paths.FOLDS):
        path = part.path(pattern)
        stage.look(path, Paths.digest(path), file_problems(Path(path)))
    if part.study.datasets[part.dataset]["kind"] in MADE_HERE:
        path = part.path(Paths.IMAGES)
        stage.look(path, Paths.digest(path), file_problems(Path(path)))
    if part.manifest.is_file() and not stage.problems:
        stage.look(str(part.manifest), None, _fold_problems(part))
        for name, digest in image_rows(part.manifest).items():
            file = part.root / name
            stage.look(str(file), None, _image_problems(file, digest))
    return stage


def _fold_problems(part: Verified) -> Iterator[str]:
    n_folds, n_train = (
        len(read_folds(Path(part.path(Paths.FOLDS)))),
        len(part.splits["train"].sample),
    )
    if n_folds != n_train:
        yield f"{n_train} training samples, and folds of {n_folds}"


def _image_problems(file: Path, digest: str) -> Iterator[str]:
    if not file.is_file():
        yield "the image is missing"
    elif file_digest(file) != digest:
        yield "the image is not the one that the manifest was made of"


def _features(part: Verified) -> Stage:
    stage = Stage(part.dataset, "features", "stores")
    for model in part.study.models.values():
        for number, _ in enumerate(model.passes):
            for split in SPLITS:
                names = {"model": model.name, "passname": f"pass-{number}", "split": split}
                _look(stage, part.path(Paths.FEATURES, **names), Expected(part.splits[split]))
    return stage


def _look(stage: Stage, path: str, expected: Expected) -> None:
    stage.look(path, Paths.digest(path), store_problems(Path(path), expected))


def _of_layers(part: Verified, name: str, paths: Callable[[str, str], Iterable[str]]) -> Stage:
    """A stage with stores of every layer."""
    stage = Stage(part.dataset, name, "stores")
    for model, layer in part.study.layers():
        expected = part.expected(model, layer)
        for path in paths(model, layer):
            _look(stage, path, expected)
    return stage


def _spectra(part: Verified) -> Stage:
    return _of_layers(
        part, "spectra", lambda model, layer: [part.path(Paths.SPECTRA, model=model, layer=layer)]
    )


def _probes(part: Verified) -> Stage:
    def paths(model: str, layer: str) -> Iterator[str]:
        for readout in part.study.readouts:
            yield part.path(Paths.PROBE, model=model, layer=layer, readout=readout)

    return _of_layers(part, "probes", paths)


def _logits(part: Verified) -> Stage:
    def paths(model: str, layer: str) -> Iterator[str]:
        if part.study.additive and part.study.controls.draws:
            yield part.path(Paths.MASKS, model=model, layer=layer)
        for readout in part.study.additive:
            yield part.path(Paths.LOGITS, model=model, layer=layer, readout=readout)

    return _of_layers(part, "band_logits", paths)


def _heads(part: Verified) -> Stage:
    stage = Stage(part.dataset, "heads", "stores")
    for model in part.study.networks() if part.study.head else ():
        expected = part.expected_of_head(model)
        _look(stage, part.path(Paths.HEAD, model=model), expected)
        for number, _ in enumerate(part.study.models[model].passes):
            names = {"model": model, "passname": f"pass-{number}"}
            _look(stage, part.path(Paths.HEAD_LOGITS, **names), expected)
    return stage


def _outcomes(part: Verified) -> Stage:
    study = part.study

    def paths(model: str, layer: str) -> Iterator[str]:
        for readout in study.readouts:
            for mode in study.modes:
                if study.is_defined(readout, mode):
                    names = {"model": model, "layer": layer, "readout": readout, "mode": mode}
                    yield part.path(Paths.OUTCOMES, **names)
        if study.shapley_fill != "none":
            for readout in study.additive:
                yield part.path(Paths.SHAPLEY, model=model, layer=layer, readout=readout)

    stage = _of_layers(part, "outcomes", paths)
    heads = {(t.model, t.layer, t.readout, t.mode) for t in study.head_targets()}
    for model, layer, readout, mode in sorted(heads):
        names = {"model": model, "layer": layer, "readout": readout, "mode": mode}
        _look(stage, part.path(Paths.OUTCOMES, **names), part.expected_of_head(model, layer))
    return stage


def _targets(part: Verified) -> Stage:
    stage = Stage(part.dataset, "targets", "files")
    for path, problems in target_problems(part.study, part.dataset):
        stage.look(path, path, problems)
    return stage


def _summary(part: Verified) -> Stage:
    stage = Stage(part.dataset, "summary", "files")
    for path, problems in summary_problems(part.study, part.dataset):
        stage.look(path, path, problems)
    return stage

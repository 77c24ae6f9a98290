"""What a study tells the jobs of each rule, as the values that their scripts read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bandprobe.backbones.model_spec import ModelSpec
from bandprobe.figures.entry import Entry
from bandprobe.figures.gallery import gallery
from bandprobe.fourier.modes import Mode
from bandprobe.head.settings import ClassifierSettings
from bandprobe.probes.settings import FitBands, FitSettings, MaskSettings
from bandprobe.study.study import BY_BAND, Study
from bandprobe.summary.axes import HeadAxes, SummaryAxes
from bandprobe.workflow.params import as_plain
from bandprobe.workflow.user_code import source_digest


def model_spec(study: Study, model: str) -> ModelSpec:
    """What a job that runs a model has to know of it; `python/` code counts by its source."""
    chosen = study.models[model]
    is_own_code = chosen.architecture.startswith("python/")
    return ModelSpec(
        architecture=chosen.architecture,
        preprocess=chosen.preprocess,
        seed=chosen.seed,
        weights_sha256=study.resolved["models"][model].get("weights_sha256"),
        layout=chosen.layout or None,
        weights=chosen.weights,
        arguments=chosen.arguments,
        source_sha256=source_digest(chosen.architecture) if is_own_code else None,
    )


def modes(study: Study, names: Sequence[str]) -> tuple[Mode, ...]:
    """Modes by their names."""
    return tuple(study.modes[name] for name in names)


def fit_settings(study: Study) -> FitSettings:
    """How readouts are fitted, and how many on permuted labels."""
    return FitSettings(
        penalties=study.probe.penalties,
        estimator=study.probe.estimator,
        permutations=study.controls.permutations,
        seed=study.controls.seed,
    )


def fit_bands(study: Study) -> FitBands | None:
    """Bands for the readouts that are fitted by band; None where there are none of these."""
    if not set(study.readouts) & set(BY_BAND):
        return None
    kinds = dict.fromkeys(study.modes[mode].kind for mode in study.refit_modes)
    return FitBands(study.bands.names, study.bands.edges, tuple(kinds))


def mask_settings(study: Study) -> MaskSettings:
    """Random masks that effects are compared with."""
    return MaskSettings(study.controls.draws, study.controls.seed)


def classifier_settings(study: Study) -> ClassifierSettings | None:
    """Images and classifier of the heads; None in a study without the section `head`."""
    if study.head is None:
        return None
    head = study.head
    return ClassifierSettings(head.samples, head.train_samples, head.classifier, head.seed)


def summary_axes(study: Study, readouts: Sequence[str], *, heads: bool = False) -> SummaryAxes:
    """All names along all axes of a summary, for some readouts, with or without the heads'."""
    head_axes = None
    if heads and study.head:
        head_axes = HeadAxes(study.networks(), study.head.readouts, study.head.modes)
    return SummaryAxes(
        layers={name: model.layers for name, model in study.models.items()},
        readouts=tuple(readouts),
        modes=tuple(study.modes),
        bands=study.bands.names,
        heads=head_axes,
    )


def figures_of(study: Study, table: str) -> dict[str, Entry]:
    """Entries of the gallery that show a summary, by the names of the figures."""
    entries = {name: entry for name, entry in gallery(study).items() if entry.table == table}
    # Options are as a script reads them: lists, where the gallery has tuples.
    return {name: replace(item, options=as_plain(item.options)) for name, item in entries.items()}

"""Which files a study asks for, stage by stage: what `snakemake STAGE` makes.

Each function of a data set returns the files of that data set in the order of the configuration;
`of_all_datasets` returns those of the whole study.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bandprobe.explorer.settings import may_show
from bandprobe.figures.gallery import gallery, has_blocks
from bandprobe.study.paths import SPLITS, Paths, fill
from bandprobe.study.study import Study
from bandprobe.workflow.study_params import explorer_settings, figures_of

SUFFIXES = ("png", "svg")
# Curves of the spectra, as tables beside theirs.
CURVES = ("spectra_profiles", "spectra_diagonal")
# Interactions of pairs of bands, likewise.
PAIRS = "shapley_interactions"

# Summaries of the spectra.
SPECTRAL = ("spectra", "planes", "transfer")

DatasetFiles = Callable[[Study, str], list[str]]


def of_all_datasets(study: Study, *stages: DatasetFiles) -> list[str]:
    """The files of some stages for every data set of a study."""
    return [path for stage in stages for name in study.datasets for path in stage(study, name)]


def tables(study: Study) -> list[str]:
    """Names of the summaries."""
    with_shapley = study.additive and study.shapley_fill != "none"
    return [
        "interventions",
        "spectra",
        "planes",
        *(["transfer"] if has_blocks(study) else []),
        *(["probes"] if study.additive else []),
        *(["shapley"] if with_shapley else []),
        *(["replicates"] if study.replicates else []),
    ]


def config(_study: Study, dataset: str) -> list[str]:
    """The resolved configuration."""
    return fill(Paths.CONFIG, dataset=dataset)


def manifest(_study: Study, dataset: str) -> list[str]:
    """The digest of the manifest."""
    return Paths.digests(fill(Paths.MANIFEST, dataset=dataset))


def features(study: Study, dataset: str) -> list[str]:
    """Digests of the feature maps of all passes and both splits."""
    return [
        path
        for model in study.models.values()
        for number in range(len(model.passes))
        for path in Paths.digests(
            fill(
                Paths.FEATURES,
                dataset=dataset,
                model=model.name,
                passname=f"pass-{number}",
                split=SPLITS,
            )
        )
    ]


def spectra_stores(study: Study, dataset: str) -> list[str]:
    """Stores of the spectra of all layers."""
    return _of_layers(study, Paths.SPECTRA, dataset)


def probe_stores(study: Study, dataset: str, readouts: Sequence[str]) -> list[str]:
    """Stores of some fitted readouts of all layers."""
    return _of_layers(study, Paths.PROBE, dataset, readouts)


def additive_probe_stores(study: Study, dataset: str) -> list[str]:
    """Stores of the fitted readouts whose logits are sums over bands, of all layers."""
    return probe_stores(study, dataset, study.additive)


def shapley_stores(study: Study, dataset: str) -> list[str]:
    """Stores of the Shapley values of all layers."""
    return _of_layers(study, Paths.SHAPLEY, dataset, study.additive)


def replicate_stores(study: Study, dataset: str) -> list[str]:
    """Stores of the replicates of all layers."""
    return _of_layers(study, Paths.REPLICATES, dataset) if study.replicates else []


def spectra(study: Study, dataset: str) -> list[str]:
    """Digests of the spectra of all layers."""
    return Paths.digests(spectra_stores(study, dataset))


def probes(study: Study, dataset: str) -> list[str]:
    """Digests of the fitted readouts of all layers."""
    return Paths.digests(probe_stores(study, dataset, study.readouts))


def additive_probes(study: Study, dataset: str) -> list[str]:
    """Digests of the fitted readouts whose logits are sums over bands, of all layers."""
    return Paths.digests(additive_probe_stores(study, dataset))


def shapley(study: Study, dataset: str) -> list[str]:
    """Digests of the Shapley values of all layers."""
    return Paths.digests(shapley_stores(study, dataset))


def replicates(study: Study, dataset: str) -> list[str]:
    """Digests of the replicates of all layers."""
    return Paths.digests(replicate_stores(study, dataset))


def interventions(study: Study, dataset: str) -> list[str]:
    """One file for each target of the readouts of maps."""
    return [
        Paths.TARGET.format(**vars(target))
        for target in study.targets()
        if target.dataset == dataset
    ]


def heads(study: Study, dataset: str) -> list[str]:
    """One file for each target of the networks' own heads."""
    return [
        Paths.TARGET.format(**vars(target))
        for target in study.head_targets()
        if target.dataset == dataset
    ]


def all_interventions(study: Study, dataset: str) -> list[str]:
    """One file for each target, of the readouts of maps and of the heads."""
    return interventions(study, dataset) + heads(study, dataset)


def sampled_interventions(study: Study, dataset: str) -> list[str]:
    """One target of each readout of each model: what was scored is the same in all of them."""
    first: dict[tuple[str, str], str] = {}
    for target in [*study.targets(), *study.head_targets()]:
        if target.dataset == dataset:
            path = Paths.TARGET.format(**vars(target))
            first.setdefault((target.model, target.readout), path)
    return list(first.values())


def summaries(study: Study, dataset: str) -> list[str]:
    """Labelled arrays and tables of all results, curves and flags."""
    names = tables(study)
    curves = [*CURVES, *([PAIRS] if "shapley" in names else [])]
    return [
        *fill(Paths.SUMMARY, dataset=dataset, table=names),
        *fill(Paths.TABLE, dataset=dataset, table=[*names, *curves]),
        *fill(Paths.FLAGS, dataset=dataset),
    ]


def figures(study: Study, dataset: str) -> list[str]:
    """All figures in all formats."""
    return fill(Paths.FIGURE, dataset=dataset, figure=gallery(study), suffix=SUFFIXES)


def spectral_figures(study: Study, dataset: str) -> list[str]:
    """The figures that show spectra."""
    names = [name for table in SPECTRAL for name in figures_of(study, table)]
    return fill(Paths.FIGURE, dataset=dataset, figure=names, suffix=SUFFIXES)


def explorer(study: Study, dataset: str) -> list[str]:
    """Images beside their maps, if the page may show them and the study changes maps."""
    settings = explorer_settings(study)
    is_shown = may_show(study.datasets[dataset], study.report.images)
    return fill(Paths.EXPLORER, dataset=dataset) if settings and is_shown else []


def explored_datasets(study: Study) -> list[str]:
    """Data sets whose page shows images."""
    return [name for name in study.datasets if explorer(study, name)]


def explorer_stores(study: Study, dataset: str) -> list[str]:
    """Stores of what the explorer shows: maps, readouts, band logits and outcomes."""
    settings = explorer_settings(study)
    if settings is None:
        return []
    features = [
        Paths.FEATURES.format(dataset=dataset, model=one.model, passname=one.passname, split="eval")
        for one in settings.layers
    ]
    readouts, mode = settings.readouts, settings.mode.name
    return [
        *dict.fromkeys(features),
        *_of_layers(study, Paths.PROBE, dataset, readouts),
        *_of_layers(study, Paths.LOGITS, dataset, readouts),
        *_of_layers(study, Paths.OUTCOMES.replace("{mode}", mode), dataset, readouts),
    ]


def explorer_digests(study: Study, dataset: str) -> list[str]:
    """Digests of these stores."""
    return Paths.digests(explorer_stores(study, dataset))


def report(_study: Study, dataset: str) -> list[str]:
    """The page of results."""
    return fill(Paths.REPORT, dataset=dataset)


def _of_layers(
    study: Study, pattern: str, dataset: str, readouts: Sequence[str] | None = None
) -> list[str]:
    chosen = {} if readouts is None else {"readout": readouts}
    return [
        path
        for model, layer in study.layers()
        for path in fill(pattern, dataset=dataset, model=model, layer=layer, **chosen)
    ]

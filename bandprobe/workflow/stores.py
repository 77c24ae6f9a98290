"""Which files a job reads and writes.

Functions of a study alone return patterns whose wildcards Snakemake fills in. Those of a study and
the wildcards of a job, a mapping of names to values, return paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from bandprobe.data.assets import find_asset
from bandprobe.data.datasets import MADE_HERE
from bandprobe.study.parts import part_names
from bandprobe.study.paths import SPLITS, Paths, fill
from bandprobe.study.study import BY_BAND, Study

Wildcards = Mapping[str, str]


def made_datasets(study: Study) -> list[str]:
    """Data sets whose images a rule writes."""
    return [name for name, spec in study.datasets.items() if spec["kind"] in MADE_HERE]


def phantoms(study: Study) -> list[str]:
    """Data sets whose images are generated."""
    return [name for name in made_datasets(study) if study.datasets[name]["kind"] == "phantom"]


def unpacked_datasets(study: Study) -> list[str]:
    """Data sets whose images are written as PNG out of other files."""
    return [name for name in made_datasets(study) if name not in phantoms(study)]


def dataset_images(study: Study, wildcards: Wildcards) -> list[str]:
    """The folder of images that an asset holds or a rule writes; none where they are a user's."""
    dataset = wildcards["dataset"]
    if dataset in made_datasets(study):
        return fill(Paths.IMAGES, dataset=dataset)
    return [Paths.PHOTOS] if "asset" in study.datasets[dataset] else []


def dataset_digests(study: Study, wildcards: Wildcards) -> list[str]:
    """What the manifest of a data set waits for."""
    return Paths.digests(dataset_images(study, wildcards))


def weights_file(study: Study, model: str) -> str | None:
    """Path of the file of a model's weights; None where they are random or a library's own."""
    kind, _, name = study.models[model].weights.partition("/")
    if kind == "asset":
        find_asset(name)
        return Paths.WEIGHTS.format(asset=name)
    return name if kind == "file" else None


def asset_weights(study: Study, wildcards: Wildcards) -> list[str]:
    """The file of weights that come from an asset; the job with the largest input starts first."""
    is_asset = study.models[wildcards["model"]].weights.startswith("asset/")
    path = weights_file(study, wildcards["model"])
    return [path] if is_asset and path else []


def asset_weights_digests(study: Study, wildcards: Wildcards) -> list[str]:
    """The digest of weights that come from an asset, which are compared by their content."""
    return Paths.digests(asset_weights(study, wildcards))


def user_weights(study: Study, wildcards: Wildcards) -> list[str]:
    """A user's own file of weights, on this machine wherever results go."""
    path = weights_file(study, wildcards["model"])
    return [path] if path and not asset_weights(study, wildcards) else []


def is_sharded(study: Study) -> bool:
    """Whether several jobs share the images of a pass."""
    return study.scale.shards > 1


def shards(study: Study) -> list[str]:
    """Parts of the feature maps of a pass and split."""
    return fill(Paths.SHARD, shard=part_names(study.scale.shards))


def extracted(study: Study) -> list[str]:
    """What an extraction writes, one store for each split: feature maps, or a shard of them."""
    return fill(Paths.SHARD if is_sharded(study) else Paths.FEATURES, split=SPLITS)


def extraction_name(study: Study) -> str:
    """What tells one extraction from another within a data set, for its log."""
    return "{model}/{passname}/{shard}" if is_sharded(study) else "{model}/{passname}"


def train_features(study: Study, wildcards: Wildcards) -> str:
    """The store with the training maps of a layer."""
    return _of_pass(study, wildcards, Paths.FEATURES, split="train")


def eval_features(study: Study, wildcards: Wildcards) -> str:
    """The store with the evaluation maps of a layer."""
    return _of_pass(study, wildcards, Paths.FEATURES, split="eval")


def head_logits(study: Study, wildcards: Wildcards) -> str:
    """The store with the logits of a layer's changed maps under the network's head."""
    return _of_pass(study, wildcards, Paths.HEAD_LOGITS)


def train_digest(study: Study, wildcards: Wildcards) -> str:
    """The digest of the training maps of a layer."""
    return Paths.digest(train_features(study, wildcards))


def eval_digest(study: Study, wildcards: Wildcards) -> str:
    """The digest of the evaluation maps of a layer."""
    return Paths.digest(eval_features(study, wildcards))


def head_logits_digest(study: Study, wildcards: Wildcards) -> str:
    """The digest of the logits of a layer's changed maps."""
    return Paths.digest(head_logits(study, wildcards))


def slab_sums(study: Study) -> list[str]:
    """Sums over the slabs of a layer's channels; none where no readout needs whole maps."""
    is_shared = study.scale.slabs > 1 and set(study.readouts) & {"map", "pattern", *BY_BAND}
    return fill(Paths.SUMS, slab=part_names(study.scale.slabs)) if is_shared else []


def probes(study: Study) -> list[str]:
    """All fitted readouts of a layer."""
    return fill(Paths.PROBE, readout=study.readouts)


def additive_probes(study: Study) -> list[str]:
    """Fitted readouts of a layer whose logits are sums over bands."""
    return fill(Paths.PROBE, readout=study.additive)


def refits(study: Study) -> list[str]:
    """The readout of a layer that is fitted again on changed maps, if the study has it."""
    return fill(Paths.PROBE, readout="refit") if "refit" in study.readouts else []


def band_logits(study: Study) -> list[str]:
    """Logits of a layer split into bands, one store for each readout."""
    return fill(Paths.LOGITS, readout=study.additive)


def masks(study: Study) -> list[str]:
    """Random masks of a layer that logits are split into too, if the study has any."""
    return [Paths.MASKS] if study.controls.draws else []


def linear_modes(study: Study) -> list[str]:
    """Modes whose outcomes follow from band logits."""
    return [name for name, mode in study.modes.items() if mode.is_linear]


def random_modes(study: Study) -> list[str]:
    """Modes that change the coefficients of a band at random."""
    return [name for name, mode in study.modes.items() if not mode.is_linear]


def outcomes(study: Study, modes: str | Iterable[str]) -> list[str]:
    """Outcomes of some modes for the readouts of a layer that are sums over bands."""
    return fill(Paths.OUTCOMES, readout=study.additive, mode=modes)


def refit_outcomes(study: Study) -> list[str]:
    """Outcomes of the readout of a layer that is fitted again."""
    modes = study.refit_modes if refits(study) else []
    return fill(Paths.OUTCOMES, readout="refit", mode=modes)


def unscored_refits(study: Study) -> list[str]:
    """The readout of a layer that is fitted again, if there is no mode that it was fitted for.

    Its targets have no result then, but say how it scores untouched maps.
    """
    return [] if study.refit_modes else refits(study)


def shapley(study: Study) -> list[str]:
    """Shapley values of a layer, one store for each readout; none where they are switched off."""
    readouts = study.additive if study.shapley_fill != "none" else []
    return fill(Paths.SHAPLEY, readout=readouts)


def replicates(study: Study) -> list[str]:
    """How the drops of a layer depend on which images train, if the study asks for it."""
    return [Paths.REPLICATES] if study.replicates else []


def replicated_probes(study: Study) -> list[str]:
    """Fitted readouts of a layer that are fitted to other images too."""
    return fill(Paths.PROBE, readout=study.replicates.readouts if study.replicates else [])


def head_outcomes(study: Study) -> list[str]:
    """Outcomes of a layer under the network's own head."""
    if study.head is None:
        return []
    return fill(Paths.OUTCOMES, readout=study.head.readouts, mode=study.head.modes)


def layer_targets(study: Study) -> list[str]:
    """All target files of a layer's readouts."""
    return fill(Paths.TARGET, readout=study.readouts, mode=study.modes, band=study.bands.names)


def head_layer_targets(study: Study) -> list[str]:
    """All target files of a layer under the network's own head."""
    if study.head is None:
        return []
    readouts, modes = study.head.readouts, study.head.modes
    return fill(Paths.TARGET, readout=readouts, mode=modes, band=study.bands.names)


def undefined_outcomes(study: Study) -> list[str]:
    """Readouts and modes without a result, as READOUT/MODE, whose targets are N/A."""
    return [
        f"{readout}/{mode}"
        for readout in study.readouts
        for mode in study.modes
        if not study.is_defined(readout, mode)
    ]


def folder_above(path: str, levels: int) -> str:
    """The folder some levels above a file."""
    return str(Path(path).parents[levels - 1])


def _of_pass(study: Study, wildcards: Wildcards, pattern: str, **values: str) -> str:
    passname = study.models[wildcards["model"]].pass_of(wildcards["layer"])
    names = {"dataset": wildcards["dataset"], "model": wildcards["model"], "passname": passname}
    return pattern.format(**names, **values)

"""What a study tells the jobs of each rule.

Values are what scripts read back with `bandprobe.workflow.params.from_json`. Functions of a job
take the study and the job's wildcards, a mapping of names to values.
"""

from __future__ import annotations

import functools
import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from bandprobe.backbones.model_spec import ModelSpec
from bandprobe.data.datasets import PLACES, root_of, state_of, without_places
from bandprobe.data.image_files import keep_times
from bandprobe.errors import DatasetError
from bandprobe.explorer.settings import READOUTS, LayerPlace, PictureSettings, last_first
from bandprobe.figures.entry import Entry
from bandprobe.figures.gallery import gallery
from bandprobe.fourier.modes import KEEPING, Mode, removals
from bandprobe.head.settings import ClassifierSettings
from bandprobe.probes.replicate_settings import ReplicateSettings
from bandprobe.probes.settings import FitBands, FitSettings, MaskSettings
from bandprobe.store.provenance import network_versions
from bandprobe.study.paths import Paths
from bandprobe.study.study import BY_BAND, Study
from bandprobe.summary.axes import HeadAxes, SummaryAxes
from bandprobe.workflow.kept_digests import KeptDigests
from bandprobe.workflow.params import as_json, as_plain
from bandprobe.workflow.stores import Wildcards, folder_above, user_weights, weights_file
from bandprobe.workflow.user_code import source_digest


class ImageInput(Protocol):
    """The input of a job that reads images; empty where they are a user's."""

    images: Sequence[str]


class ShardsInput(Protocol):
    """The input of a job that joins shards."""

    shards: Sequence[str]


class SumsInput(Protocol):
    """The input of a job that fits readouts; empty where no slabs were summed before."""

    sums: Sequence[str]


class WeightsInput(Protocol):
    """The input of a job that runs a network; empty where its weights are not an asset."""

    weights: Sequence[str]


def dataset_spec(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    """A data set's part of the configuration, defaults filled in, but for where its files lie."""
    return without_places(study.datasets[wildcards["dataset"]])


def dataset_places(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    """Where a data set's files lie, which changes no result as long as they are the same."""
    spec = study.datasets[wildcards["dataset"]]
    return {key: spec[key] for key in PLACES if key in spec}


def made_images_spec(study: Study, wildcards: Wildcards) -> dict[str, Any]:
    """What images that the workflow writes depend on, of a data set's configuration."""
    spec = dataset_spec(study, wildcards)
    return {key: value for key, value in spec.items() if key != "on_shared_images"}


def dataset_root(study: Study, wildcards: Wildcards, input: ImageInput) -> str:  # noqa: A002
    """Folder of a data set's images, which is an input of the job where a rule made it."""
    return str(input.images or root_of(study.datasets[wildcards["dataset"]]))


def dataset_state(study: Study, wildcards: Wildcards) -> str:
    """What a user's files are known by, which Snakemake cannot watch; the manifest reads them."""
    dataset = wildcards["dataset"]
    spec = study.datasets[dataset]
    record = Path(Paths.IMAGE_FILES.format(dataset=dataset)).absolute()
    # An empty text would be no value of an option.
    return _state(as_json(spec), str(record)) or "none"


@functools.cache
def _state(spec: str, record: str) -> str:
    """As of `state_of`, once in each process: rules that ask for it must get the same answer.

    Empty where the files cannot be listed, which the job then says: of an error in here Snakemake
    would show a traceback.
    """
    try:
        return state_of(json.loads(spec), Path(record))
    except DatasetError:
        return ""


def layers_of_pass(study: Study, wildcards: Wildcards) -> tuple[str, ...]:
    """Layers that a pass of a model stores."""
    return study.models[wildcards["model"]].layers_of(wildcards["passname"])


def model_spec(study: Study, wildcards: Wildcards) -> ModelSpec:
    """What a job that runs a model has to know of it; `python/` code counts by its source."""
    model = wildcards["model"]
    chosen = study.models[model]
    is_network, reruns = chosen.architecture != "pixels", study.on_other_versions == "rerun"
    own_input = chosen.preprocess.get("function")
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
        preprocess_sha256=source_digest(own_input) if own_input else None,
        versions=network_versions() if is_network and reruns else None,
        weights_key=study.resolved["models"][model].get("weights_key"),
        weights_prefix=study.resolved["models"][model].get("weights_prefix"),
        untrained=chosen.untrained or None,
    )


def weights_option(study: Study, wildcards: Wildcards, input: WeightsInput) -> str:  # noqa: A002
    """The option `--weights`, if the weights lie in a file."""
    return option("weights", str(input.weights or weights_file(study, wildcards["model"]) or ""))


def weights_content(study: Study, wildcards: Wildcards) -> str:
    """SHA-256 of a user's own file of weights: what it contains counts, not when it was written.

    Empty where there is none, and where it cannot be read, which the job then says.
    """
    try:
        return "".join(kept_digests().of(Path(path)) for path in user_weights(study, wildcards))
    except OSError:
        return ""


@functools.cache
def kept_digests() -> KeptDigests:
    """Those of this process, which end up in the folder of the results."""
    return KeptDigests()


def keep_what_was_read() -> None:
    """Write down what planning has read of a user's files, so that it need not read them again.

    At the end of each process that is no dry run: Snakemake calls nothing of ours where there is
    nothing to do.
    """
    kept_digests().save()
    keep_times()


def shard_option(study: Study, wildcards: Wildcards) -> str:
    """The option `--shard`, if a job extracts a part of the images."""
    if study.scale.shards == 1:
        return ""
    return option("shard", f"{int(wildcards['shard'])}/{study.scale.shards}")


def shards_option(study: Study, wildcards: Wildcards, input: ShardsInput) -> str:  # noqa: A002
    """The shards of a split by their folder and number: a list of thousands would be too long."""
    folder, count = folder_above(input.shards[0], 2), study.scale.shards
    return f"{option('shards', folder)} --count {count} {option('split', wildcards['split'])}"


def sums_option(study: Study, _wildcards: Wildcards, input: SumsInput) -> str:  # noqa: A002
    """The sums of a layer's slabs by their folder and number, if it has any."""
    if not input.sums:
        return ""
    return f"{option('sums', folder_above(input.sums[0], 1))} --slabs {study.scale.slabs}"


def precision_option(study: Study, wildcards: Wildcards) -> str:
    """The option `--precision` of a forward pass; images as layer input have none."""
    is_network = study.models[wildcards["model"]].architecture != "pixels"
    return option("precision", study.precision if is_network else "")


def mode_of_job(study: Study, wildcards: Wildcards) -> Mode:
    """The mode of a job."""
    return study.modes[wildcards["mode"]]


def modes(study: Study, names: Sequence[str]) -> tuple[Mode, ...]:
    """Modes by their names."""
    return tuple(study.modes[name] for name in names)


def head_modes(study: Study) -> tuple[Mode, ...]:
    """Modes that the networks' own heads score."""
    return modes(study, study.head.modes if study.head else ())


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
    bands = study.bands
    return FitBands(bands.names, bands.edges, tuple(kinds), bands.unit)


def fit_bands_option(study: Study) -> str:
    """The option `--bands` of a fit, if a readout is fitted by band."""
    bands = fit_bands(study)
    return option("bands", as_json(bands) if bands else "")


def slab_bands_option(study: Study) -> str:
    """The option `--bands` of a slab's sums, if a readout is fitted by band."""
    return option("bands", as_json(study.bands) if fit_bands(study) else "")


def slab_pattern_option(study: Study) -> str:
    """The option `--pattern` of a slab's sums, if a readout needs maps without their means."""
    return "--pattern" if "pattern" in study.readouts else ""


def slab_position(study: Study, wildcards: Wildcards) -> str:
    """Number of a slab, from 0, and their count."""
    return f"{int(wildcards['slab'])} {study.scale.slabs}"


def mask_settings(study: Study) -> MaskSettings:
    """Random masks that effects are compared with."""
    controls = study.controls
    kinds = (mode for mode in study.modes.values() if mode.kind in ("remove", "isolate"))
    changes = tuple(dict.fromkeys(f"{mode.kind}/{mode.fill}" for mode in kinds))
    return MaskSettings(controls.draws, controls.seed, controls.masks, changes)


def energy_changes(study: Study) -> tuple[str, ...]:
    """Modes by which random masks are changed for `energy`, as KIND/FILL, each once."""
    if "energy" not in study.readouts or not study.controls.draws:
        return ()
    keeping = (mode for mode in study.modes.values() if mode.kind in KEEPING)
    return tuple(dict.fromkeys(f"{mode.kind}/{mode.fill}" for mode in keeping))


def classifier_settings(study: Study) -> ClassifierSettings | None:
    """Images and classifier of the heads; None in a study without the section `head`."""
    if study.head is None:
        return None
    head = study.head
    return ClassifierSettings(head.samples, head.train_samples, head.classifier, head.seed)


def replicate_settings(study: Study) -> ReplicateSettings | None:
    """Splits that are drawn anew, and groups that are left out; None where there are none."""
    if study.replicates is None:
        return None
    own, probe = study.replicates, study.probe
    return ReplicateSettings(
        own.count, own.jackknife, own.seed, probe.penalties, probe.folds, probe.seed
    )


def replicate_modes(study: Study) -> tuple[Mode, ...]:
    """Modes that other fits are scored under."""
    return modes(study, study.replicates.modes if study.replicates else ())


def replicate_axes(study: Study) -> SummaryAxes | None:
    """All names along the axes of the summary of replicates; None where there is none."""
    if study.replicates is None:
        return None
    axes = summary_axes(study, study.replicates.readouts)
    return replace(axes, modes=study.replicates.modes)


def layer_axes(_study: Study, wildcards: Wildcards) -> dict[str, str]:
    """The names that say whose targets a job scores."""
    return {name: wildcards[name] for name in ("dataset", "model", "layer")}


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
        networks=study.networks(),
        heads=head_axes,
    )


def explorer_settings(study: Study) -> PictureSettings | None:
    """What the page shows beside images; None where no reader has a map without a band."""
    mode = next(iter(removals(study.modes.values())), None)
    readouts = tuple(name for name in READOUTS if name in study.readouts)
    if mode is None or not readouts:
        return None
    layers = last_first({name: model.layers for name, model in study.models.items()})
    return PictureSettings(
        layers=tuple(
            LayerPlace(model, layer, study.models[model].pass_of(layer)) for model, layer in layers
        ),
        readouts=readouts,
        mode=study.modes[mode],
        bands=study.bands,
        megabytes=study.report.images_megabytes,
        seed=study.report.seed,
    )


def figures_of(study: Study, table: str) -> dict[str, Entry]:
    """Entries of the gallery that show a summary, by the names of the figures."""
    entries = {name: entry for name, entry in gallery(study).items() if entry.table == table}
    # Options are as a script reads them: lists, where the gallery has tuples.
    return {name: replace(item, options=as_plain(item.options)) for name, item in entries.items()}


def option(name: str, value: str) -> str:
    """An option of a command line, quoted for the shell; empty where there is no value."""
    return f"--{name} {shlex.quote(value)}" if value else ""

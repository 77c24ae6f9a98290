# Helpers of all rules. Nothing here computes; it finds paths, and the params of each stage.
import json
import os
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod

from bandprobe.data.assets import ASSETS, find_asset
from bandprobe.workflow.startup import none_later_than_now
from bandprobe.data.datasets import MADE_HERE, root_of, state_of
from bandprobe.errors import BandprobeError
from bandprobe.figures.gallery import gallery
from bandprobe.base.progress import TERMINAL
from bandprobe.workflow.closing import flag_lines
from bandprobe.workflow.code import PACKAGE, code_digest, files_digest
from bandprobe.workflow.script import KEEP_MEMORY
from bandprobe.study.parse import parse_study
from bandprobe.study.paths import SPLITS, Paths
from bandprobe.study.study import BY_BAND
from bandprobe.workflow.user_code import source_digest

HOME = Path(workflow.basedir)
SCRIPTS = HOME / "workflow" / "scripts"
ENVIRONMENT = str(HOME / "envs" / "bandprobe.yaml")

# Jobs find the scripts wherever the workflow lies, and run them with the interpreter that runs
# Snakemake, unless it makes environments of its own; as part of the prefix none of these paths counts
# as a change of the rule.
INTERPRETER = f"PATH='{Path(sys.executable).parent}':$PATH "
CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
ALLOCATOR = " ".join(f"{name}={value}" for name, value in KEEP_MEMORY.items())
# A user's own networks may lie on the path that was given to Snakemake.
SEARCH = os.pathsep.join(filter(None, [str(HOME), os.environ.get("PYTHONPATH")]))
# Jobs write to their logs; on this machine their progress goes to the terminal too.
SCREEN = os.ttyname(2) if workflow.local_exec and os.isatty(2) else ""
shell.prefix(
    f"export {'' if CONDA else INTERPRETER}{ALLOCATOR} BANDPROBE='{SCRIPTS}' PYTHONPATH='{SEARCH}'"
    f" {TERMINAL}='{SCREEN}'; "
)

try:
    STUDY = parse_study(config)
except BandprobeError as error:
    raise WorkflowError(str(error))

RANDOM_MODES = [name for name, mode in STUDY.modes.items() if not mode.is_linear]
LINEAR_MODES = [name for name in STUDY.modes if name not in RANDOM_MODES]
# Data sets whose images a rule writes.
WRITTEN = [name for name, spec in STUDY.datasets.items() if spec["kind"] in MADE_HERE]
PHANTOMS = [name for name in WRITTEN if STUDY.datasets[name]["kind"] == "phantom"]
UNPACKED = [name for name in WRITTEN if name not in PHANTOMS]
# Stores of one layer, one a readout.
PROBES = expand(Paths.PROBE, readout=STUDY.readouts, allow_missing=True)
ADDITIVE_PROBES = expand(Paths.PROBE, readout=STUDY.additive, allow_missing=True)
LOGITS = expand(Paths.LOGITS, readout=STUDY.additive, allow_missing=True)
REFIT = expand(
    Paths.PROBE, readout=[r for r in STUDY.readouts if r == "refit"], allow_missing=True
)
REFIT_OUTCOMES = expand(
    Paths.OUTCOMES,
    readout="refit",
    mode=STUDY.refit_modes if REFIT else [],
    allow_missing=True,
)
MASKS = [Paths.MASKS] if STUDY.controls.draws else []
WITH_SHAPLEY = STUDY.shapley_fill != "none"
SHAPLEY = expand(
    Paths.SHAPLEY, readout=STUDY.additive if WITH_SHAPLEY else [], allow_missing=True
)
TABLES = ["interventions", "spectra"]
TABLES += (["probes"] if STUDY.additive else []) + (["shapley"] if SHAPLEY else [])
# Curves of the spectra, as tables beside theirs.
CURVES = ["spectra_profiles", "spectra_diagonal"]
# Shards are temporary: the joined store has their chunks.
SHARD_NUMBERS = [f"{number:04d}" for number in range(STUDY.scale.shards)]
SHARDS = expand(Paths.SHARD, shard=SHARD_NUMBERS, allow_missing=True)
SHARDED = STUDY.scale.shards > 1
EXTRACTED_PATHS = expand(
    Paths.SHARD if SHARDED else Paths.FEATURES, split=SPLITS, allow_missing=True
)
EXTRACTED_NAME = "{model}/{passname}/{shard}" if SHARDED else "{model}/{passname}"
EXTRACTED = [
    temp(directory(path)) if SHARDED else directory(path) for path in EXTRACTED_PATHS
]
EXTRACTED_DIGESTS = [
    temp(Paths.digest(path)) if SHARDED else Paths.digest(path)
    for path in EXTRACTED_PATHS
]
# Slabs are temporary too; without a readout of whole maps there is nothing to share.
SLAB_NUMBERS = [f"{number:04d}" for number in range(STUDY.scale.slabs)]
BY_SLAB = STUDY.scale.slabs > 1 and set(STUDY.readouts) & {"map", *BY_BAND}
SUMS = expand(Paths.SUMS, slab=SLAB_NUMBERS, allow_missing=True) if BY_SLAB else []
# Readouts and modes of the networks' own heads; none without the section `head`.
HEAD_READOUTS = STUDY.head.readouts if STUDY.head else ()
HEAD_MODES = STUDY.head.modes if STUDY.head else ()
HEAD_OUTCOMES = expand(
    Paths.OUTCOMES, readout=HEAD_READOUTS, mode=HEAD_MODES, allow_missing=True
)
TRAIN_FEATURES = expand(Paths.FEATURES, split="train", allow_missing=True)[0]
FIGURES = gallery(STUDY)
SUFFIXES = ["png", "svg"]
CATEGORIES = {"spectra": "Spectra", "probes": "Readouts"}
# Threads of a forward pass on another machine, if nothing else is said.
SENT_THREADS = 4


def one_of(names):
    """A regular expression for exactly these names."""
    import re

    return "|".join(re.escape(name) for name in names) or "(?!)"


wildcard_constraints:
    dataset=one_of(STUDY.datasets),
    model=one_of(STUDY.models),
    layer="[^/]+",
    readout=one_of(STUDY.readouts),
    mode=one_of(STUDY.modes),
    band=one_of(STUDY.bands.names),
    passname="pass-[0-9]+",
    split=one_of(SPLITS),
    asset=one_of(ASSETS),
    table=one_of(TABLES),


def code(script):
    """Digest of a script and of the modules that it uses, so that an edit re-runs its stage."""
    return code_digest(SCRIPTS / f"{script}.py")


def as_json(value):
    """A param that a script takes as JSON."""
    return json.dumps(value)


def digest(path):
    """The digest beside a store: what readers of the store depend on."""
    return Paths.digest(path)


def dataset_images(wildcards):
    """The folder of images that come from an asset or are written; not that of a user."""
    if wildcards.dataset in WRITTEN:
        return [Paths.IMAGES.format(dataset=wildcards.dataset)]
    return [Paths.PHOTOS] if "asset" in STUDY.datasets[wildcards.dataset] else []


def dataset_root(wildcards, input):
    """Folder of a data set's images, which is an input of the job where a rule made it."""
    return str(input.images or root_of(STUDY.datasets[wildcards.dataset]))


def dataset_files(wildcards):
    """What the manifest of a data set waits for: images that come from an asset or are written."""
    return [digest(path) for path in dataset_images(wildcards)]


def dataset_state(wildcards):
    """A fingerprint of a user's folder, which Snakemake cannot watch; the manifest reads it."""
    spec = STUDY.datasets[wildcards.dataset]
    return "asset" if "asset" in spec else state_of(spec)


def model_spec(wildcards):
    """What extraction has to know of a model."""
    model = STUDY.models[wildcards.model]
    spec = STUDY.resolved["models"][wildcards.model]
    kept = ("architecture", "preprocess", "seed")
    optional = ("weights_sha256", "layout")
    return as_json(
        {key: spec[key] for key in kept}
        | {key: spec[key] for key in optional if spec.get(key)}
        | {"weights": model.weights, "arguments": dict(model.arguments)}
        | own_code(model)
    )


def own_code(model):
    """The digest of a user's own code, so that an edit runs its model again."""
    if not model.architecture.startswith("python/"):
        return {}
    return {"source_sha256": source_digest(model.architecture)}


def model_layers(wildcards):
    """Layers of a pass."""
    model = STUDY.models[wildcards.model]
    number = int(wildcards.passname.removeprefix("pass-"))
    return as_json(model.passes[number])


def weights_file(model):
    """Path of a model's weights, or None where it has none on disk."""
    kind, _, name = STUDY.models[model].weights.partition("/")
    if kind == "asset":
        find_asset(name)
        return Paths.WEIGHTS.format(asset=name)
    return name if kind == "file" else None


def weights_input(wildcards):
    """What extraction waits for: a file of weights, by its content where it is an asset."""
    path = weights_file(wildcards.model)
    if path is None:
        return []
    is_asset = STUDY.models[wildcards.model].weights.startswith("asset/")
    return [digest(path)] if is_asset else [local(path)]


def asset_weights(wildcards):
    """The weights themselves; the job with the largest input is started first."""
    is_asset = STUDY.models[wildcards.model].weights.startswith("asset/")
    return [weights_file(wildcards.model)] if is_asset else []


def weights_option(wildcards, input):
    """Command line option for the weights."""
    path = input.weights or weights_file(wildcards.model)
    return f"--weights {shlex.quote(str(path))}" if path else ""


def shard_option(wildcards):
    """Which part of the images a job extracts; nothing where it extracts them all."""
    shards = STUDY.scale.shards
    return f"--shard {int(wildcards.shard)}/{shards}" if shards > 1 else ""


def precision_option(wildcards):
    """Number format of the forward pass; images themselves have none."""
    if STUDY.models[wildcards.model].architecture == "pixels":
        return ""
    return f"--precision {STUDY.precision}"


def by_attempt(amount):
    """A resource that doubles with each attempt; Snakemake repeats a failed job after `--retries`.

    Resources are no trigger: whatever an attempt was given, its result is not made again.
    """

    def of_attempt(wildcards, attempt):
        return amount * 2 ** (attempt - 1)

    return of_attempt


# What extraction waits for is done first: it takes all cores of a small machine, and whatever has
# started before it on one of two cores leaves the other without work.
EARLY = 20


def extraction_threads(wildcards):
    """Half of the cores, but two at least: a batch is too small to feed many.

    A job that is sent to another machine has as many as `--max-threads` allows: here the number of
    cores is that of one node, and on the node it is whatever Snakemake finds there, which may be
    more than the job was given.
    """
    if STUDY.models[wildcards.model].architecture == "pixels":
        return 1
    if workflow.remote_exec or not workflow.local_exec:
        return workflow.resource_settings.max_threads or SENT_THREADS
    return max(min(2, workflow.cores), workflow.cores // 2)


def features_path(wildcards, split):
    """The store that holds a layer."""
    passname = STUDY.models[wildcards.model].pass_of(wildcards.layer)
    return Paths.FEATURES.format(
        dataset=wildcards.dataset, model=wildcards.model, passname=passname, split=split
    )


def head_logits(wildcards):
    """The store with the logits of a layer's changed maps under the head."""
    passname = STUDY.models[wildcards.model].pass_of(wildcards.layer)
    return Paths.HEAD_LOGITS.format(
        dataset=wildcards.dataset, model=wildcards.model, passname=passname
    )


def head_logits_digest(wildcards):
    return digest(head_logits(wildcards))


def train_features(wildcards):
    return features_path(wildcards, "train")


def eval_features(wildcards):
    return features_path(wildcards, "eval")


def train_digest(wildcards):
    return digest(train_features(wildcards))


def eval_digest(wildcards):
    return digest(eval_features(wildcards))


def bands_spec():
    """Names and edges of the bands."""
    return as_json({"names": STUDY.bands.names, "edges": STUDY.bands.edges})


def mode_spec(wildcards):
    """One mode as its script takes it."""
    return as_json({"name": wildcards.mode} | STUDY.resolved["modes"][wildcards.mode])


def modes_spec(modes):
    """Several modes as a script takes them."""
    return as_json([{"name": mode} | STUDY.resolved["modes"][mode] for mode in modes])


def outcomes_of(modes):
    """Outcome stores of some modes, for all readouts of a layer that are sums over bands."""
    return expand(
        Paths.OUTCOMES, readout=STUDY.additive, mode=modes, allow_missing=True
    )


def probe_settings():
    """How readouts are fitted, and how many on permuted labels."""
    return as_json(
        {
            "penalties": STUDY.probe.penalties,
            "estimator": STUDY.probe.estimator,
            "permutations": STUDY.controls.permutations,
            "seed": STUDY.controls.seed,
        }
    )


def bands_option():
    """Bands for the readouts that are fitted by band; others do not depend on them."""
    if not set(STUDY.readouts) & set(BY_BAND):
        return ""
    kinds = list(dict.fromkeys(STUDY.modes[mode].kind for mode in STUDY.refit_modes))
    spec = {"names": STUDY.bands.names, "edges": STUDY.bands.edges, "kinds": kinds}
    return f"--bands {shlex.quote(as_json(spec))}"


def slab_bands_option():
    """Bands for the sums of a slab, where a readout is fitted by band."""
    by_band = set(STUDY.readouts) & set(BY_BAND)
    return f"--bands {shlex.quote(bands_spec())}" if by_band else ""


def undefined_outcomes():
    """Readouts and modes without a result, whose targets are N/A."""
    return " ".join(
        f"{readout}/{mode}"
        for readout in STUDY.readouts
        for mode in STUDY.modes
        if not STUDY.is_defined(readout, mode)
    )


def controls_spec():
    """Random masks as their script takes them."""
    return as_json({"draws": STUDY.controls.draws, "seed": STUDY.controls.seed})


def targets_of_layer():
    """All target files of a layer."""
    return expand(
        Paths.TARGET,
        readout=STUDY.readouts,
        mode=STUDY.modes,
        band=STUDY.bands.names,
        allow_missing=True,
    )


def sample_targets(wildcards):
    """A target of each readout of each model: what was scored is the same in all of them."""
    found = {}
    for target in [*STUDY.targets(), *STUDY.head_targets()]:
        if target.dataset == wildcards.dataset:
            path = Paths.TARGET.format(**vars(target))
            found.setdefault((target.model, target.readout), path)
    return list(found.values())


def layer_axes(wildcards):
    """The names that say whose targets these are."""
    return as_json({name: wildcards[name] for name in ("dataset", "model", "layer")})


def statistics_spec():
    return as_json(STUDY.resolved["statistics"])


def head_spec():
    """What the fit of a head has to know: images and classifier."""
    kept = ("samples", "train_samples", "classifier", "seed")
    return as_json({key: STUDY.resolved["head"][key] for key in kept})


def head_targets_of_layer():
    """All target files of a layer's head readouts."""
    return expand(
        Paths.TARGET,
        readout=HEAD_READOUTS,
        mode=HEAD_MODES,
        band=STUDY.bands.names,
        allow_missing=True,
    )


def study_axes(readouts, heads=False):
    """All names along all axes, for some readouts, with or without those of the heads."""
    return as_json(STUDY.axes(readouts, heads=heads))


def layer_paths(pattern, **fixed):
    """A pattern for every data set and layer."""
    return [
        expand(pattern, dataset=dataset, model=model, layer=layer, **fixed)
        for dataset in STUDY.datasets
        for model, layer in STUDY.layers()
    ]


def of_dataset(paths, wildcards):
    """Those of some paths that belong to a data set."""
    return [path for path in paths if path.startswith(f"results/{wildcards.dataset}/")]


def stores_of(digests, wildcards):
    """The stores of a data set that some digests lie beside."""
    ending = digest("")
    return [path.removesuffix(ending) for path in of_dataset(digests, wildcards)]


def input_folder(levels):
    """The folder some levels above a job's first input, where Snakemake has put it: in object storage
    that is not where its name says."""

    def of_job(wildcards, input):
        return str(Path(input[0]).parents[levels - 1])

    return of_job


def output_folder(levels):
    """The same of its first output."""

    def of_job(wildcards, output):
        return str(Path(output[0]).parents[levels - 1])

    return of_job


def all_manifests():
    return expand(digest(Paths.MANIFEST), dataset=STUDY.datasets)


def all_features():
    return [
        digest(
            Paths.FEATURES.format(
                dataset=dataset,
                model=model.name,
                passname=f"pass-{number}",
                split=split,
            )
        )
        for dataset in STUDY.datasets
        for model in STUDY.models.values()
        for number, _ in enumerate(model.passes)
        for split in SPLITS
    ]


def all_spectra():
    return layer_paths(digest(Paths.SPECTRA))


def all_probes(readouts=STUDY.readouts):
    return layer_paths(digest(Paths.PROBE), readout=readouts)


def all_shapley():
    return layer_paths(digest(Paths.SHAPLEY), readout=STUDY.additive)


def all_targets():
    return [Paths.TARGET.format(**vars(target)) for target in STUDY.targets()]


def all_head():
    """All target files of the heads."""
    return [Paths.TARGET.format(**vars(target)) for target in STUDY.head_targets()]


def all_summaries():
    tables = expand([Paths.SUMMARY, Paths.TABLE], dataset=STUDY.datasets, table=TABLES)
    tables += expand(Paths.TABLE, dataset=STUDY.datasets, table=CURVES)
    return [*tables, *expand(Paths.FLAGS, dataset=STUDY.datasets)]


def figures_of(table):
    """Entries of the gallery that show a summary, as what a script takes."""
    return {
        name: vars(entry) for name, entry in FIGURES.items() if entry.table == table
    }


def all_figures():
    return expand(
        Paths.FIGURE,
        dataset=STUDY.datasets,
        figure=FIGURES,
        suffix=SUFFIXES,
    )


def all_reports():
    return expand(Paths.REPORT, dataset=STUDY.datasets)


def spectral_figures():
    return expand(
        Paths.FIGURE,
        dataset=STUDY.datasets,
        figure=figures_of("spectra"),
        suffix=SUFFIXES,
    )


def reported_figures(table):
    """All files of the figures that show a summary, with their captions in Snakemake's own report."""
    files = []
    for name in figures_of(table):
        caption = f"../workflow/report/{FIGURES[name].kind}.rst"
        category = CATEGORIES.get(table, "Interventions")
        paths = expand(Paths.FIGURE, figure=name, suffix=SUFFIXES, allow_missing=True)
        files.append(report(paths, caption=caption, category=category))
    return files


def resolved_configs():
    return expand(Paths.CONFIG, dataset=STUDY.datasets)


def prepare_results():
    """End at once where nothing can be written, and undo what a clock set back would do to a run.

    Verifying does not write.
    """
    if not any(job.output for job in workflow.dag.needrun_jobs()):
        return
    found = Path("results")
    if found.exists() and not os.access(found, os.W_OK):
        raise WorkflowError(
            f"results/ cannot be written in {Path.cwd()}\n"
            "  Hint: give yourself the right to write there, mount it for writing, or take another --directory"
        )
    for folder in (found, Path("resources")):
        none_later_than_now(folder)


def pace_local_jobs():
    """Take away Snakemake's limit on submissions where jobs run on this machine.

    Each finished job starts a timer that looks for free slots once a second and renews itself: with
    hundreds of short jobs the scheduler takes a core for itself. There is nobody here to protect
    from too many submissions.
    """
    if workflow.local_exec and getattr(workflow, "scheduler", None) is not None:
        workflow.scheduler.job_rate_limiter = None


def closing_lines(finished):
    """What a run says at its end: how many targets are there, what is flagged, where to look."""
    targets = [*all_targets(), *all_head()]
    done = sum(map(os.path.exists, targets))
    lines = [f"bandprobe: {done} of {len(targets)} targets are there"]
    for dataset in STUDY.datasets:
        places = {
            "figures": str(Path(Paths.FIGURE).parent),
            "tables": str(Path(Paths.TABLE).parent),
            "targets": str(Path(Paths.TARGET).parents[4]),
        }
        found = {name: path.format(dataset=dataset) for name, path in places.items()}
        there = [
            f"{name} in {path}" for name, path in found.items() if Path(path).is_dir()
        ]
        lines += [f"{dataset}: {', '.join(there)}"] if there else []
        path = Path(Paths.FLAGS.format(dataset=dataset))
        lines += flag_lines(path) if finished and path.exists() else []
        lines += skipped_lines(dataset)
    if not finished:
        lines += ["The run failed; logs/ holds the log of each job that ran"]
    return "\n".join(lines)


def skipped_lines(dataset):
    """How many images were left out of a data set, if it may leave out any."""
    path = Path(Paths.MANIFEST.format(dataset=dataset))
    if STUDY.datasets[dataset].get("on_bad_image") != "skip" or not path.exists():
        return []
    # Reading Parquet takes longer to import than all else here.
    from bandprobe.data.manifest import skipped_images

    count = len(skipped_images(path))
    return [
        f"{count} images of {dataset} were left out (on_bad_image: skip); {path} says which, and why"
    ]

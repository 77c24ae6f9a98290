"""A study of one made-up layer: its features are written here, its jobs are the workflow's own.

A dry run of Snakemake tells the commands of the jobs, so that what is measured is what users run.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from bandprobe.base.files import write_text
from bandprobe.cli.shared import HOME
from bandprobe.data.manifest import CROP, SIZE, Split, read_split, write_table
from bandprobe.store.zarr_store import StoreWriter, Variable, feature_chunks
from bandprobe.study.paths import Paths
from bandprobe.workflow.script import KEEP_MEMORY

DATASET, MODEL, LAYER = "made-up", "pixels", "input"
# In the order of the workflow; what is left out reads or draws images.
STAGES = (
    "assign_folds",
    "compute_spectra",
    "fit_probes",
    "split_logits",
    "intervene_linear",
    "intervene_random",
    "score_targets",
    "summarise_spectra",
    "summarise_probes",
    "summarise_shapley",
    "summarise_interventions",
)
# Of the channels, those that differ between classes, and how strongly in units of the noise.
TELLING, STRENGTH = 4, 0.5
COMMAND = re.compile(
    r'^Shell command: python "?\$BANDPROBE"?/(\w+)\.py (.*?) 2> (\S+)$', re.MULTILINE
)
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Build:
    """A checkout and the interpreter that its jobs are run by."""

    home: Path
    python: Path


HERE = Build(HOME, Path(sys.executable))


@dataclass(frozen=True)
class Layer:
    """How much there is of everything; samples are dealt out among classes in turn."""

    train: int
    evaluation: int
    channels: int
    side: int
    classes: int
    bands: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a map."""
        return self.channels, self.side, self.side


@dataclass(frozen=True)
class Job:
    """A job of the workflow: its rule, the arguments of its script, where its log goes."""

    rule: str
    arguments: tuple[str, ...]
    log: Path

    @property
    def name(self) -> str:
        """Its rule, and the mode where a job is of one mode."""
        return self.rule if self.rule != "intervene_random" else f"{self.rule} {self.log.stem}"


@dataclass(frozen=True)
class Taken:
    """What a job took; memory is the most at a time."""

    wall_s: float = 0.0
    processor_s: float = 0.0
    peak_bytes: float = 0.0


def bands_of(count: int) -> dict[str, list[Any]]:
    """Bands that hold about equally many bins each, DC's among them."""
    edges = [round(float(edge), 4) for edge in np.sqrt(np.linspace(0, 1.27, count + 1)[1:-1])]
    return {"names": [f"band-{number}" for number in range(count)], "edges": edges}


def study_of(config: Mapping[str, Any], layer: Layer, bands: Mapping[str, Any]) -> dict[str, Any]:
    """The study of a made-up layer: readouts, modes and statistics as in a configuration."""
    pixels = {
        "architecture": "pixels",
        "preprocess": {"size": [layer.side, layer.side]},
        "layers": [[LAYER]],
    }
    kept = ("readouts", "modes", "probe", "refit", "shapley", "controls", "spectra", "statistics")
    own = {
        "datasets": {DATASET: {"kind": "imagefolder", "root": "images", "eval_share": 0.5}},
        "models": {MODEL: pixels},
        "bands": dict(bands),
        "storage": {"dtype": "float16"},
    }
    return own | {name: config[name] for name in kept if name in config}


def environment(threads: int, home: Path = HOME) -> dict[str, str]:
    """That of a job of a checkout's workflow, with as many threads."""
    found = {**os.environ, **KEEP_MEMORY, **dict.fromkeys(THREADS, str(threads))}
    # Another checkout finds nothing of this one.
    search = [str(home), os.environ.get("PYTHONPATH", "") if home == HOME else ""]
    return found | {"PYTHONPATH": os.pathsep.join(filter(None, search))}


def plan_jobs(
    folder: Path, study: Mapping[str, Any], stages: Sequence[str] = STAGES, build: Build = HERE
) -> list[Job]:
    """The jobs of some stages as Snakemake would run them, in an order in which they can run.

    Parameters
    ----------
    folder : Path
        Empty, for the configuration and the images that it names.
    study : mapping
        As of `study_of`.
    stages : sequence of str
        Rules, in an order in which they can run.
    build : Build
        Whose workflow.
    """
    for label in range(2):
        image = folder / "images" / f"class-{label}" / "0.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (100 * label, 0, 0)).save(image)
    write_text(folder / "study.yaml", json.dumps(study))
    command = [str(build.python), "-m", "snakemake", "--snakefile", str(build.home / "Snakefile")]
    command += ["--workflow-profile", str(build.home / "profiles" / "default"), "--cores", "1"]
    command += ["--directory", str(folder), "--configfile", str(folder / "study.yaml")]
    done = subprocess.run(
        [*command, "--dry-run", "--printshellcmds"],
        env=environment(1, build.home),
        # Python looks for modules in the working directory first, and that is this checkout.
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"Snakemake cannot plan the study:\n{done.stdout}{done.stderr}")
    found = [
        Job(rule, tuple(shlex.split(arguments)), Path(log))
        for rule, arguments, log in COMMAND.findall(done.stdout + done.stderr)
    ]
    missing = set(stages) - {job.rule for job in found}
    if missing:
        raise RuntimeError(f"the dry run shows no command of {', '.join(sorted(missing))}")
    chosen = [job for job in found if job.rule in stages]
    return sorted(chosen, key=lambda job: (stages.index(job.rule), job.log))


def run_job(folder: Path, job: Job, threads: int, build: Build = HERE) -> Taken:
    """Run a job's script as the workflow of its build does, and measure it."""
    log, result = folder / job.log, folder / "taken.json"
    log.parent.mkdir(parents=True, exist_ok=True)
    script = build.home / "workflow" / "scripts" / f"{job.rule}.py"
    measure = [sys.executable, "-I", "-S", str(Path(__file__).with_name("measured.py"))]
    done = subprocess.run(
        [*measure, str(result), str(log), str(build.python), str(script), *job.arguments],
        env=environment(threads, build.home),
        cwd=folder,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{job.rule} failed:\n{log.read_text()}")
    return Taken(**json.loads(result.read_text()))


def write_layer(folder: Path, layer: Layer, seed: int = 0) -> None:
    """Write the manifest and the features of both splits, some samples at a time."""
    manifest = folder / Paths.MANIFEST.format(dataset=DATASET)
    write_table(manifest, _manifest(layer))
    generator = np.random.default_rng(seed)
    telling = (layer.classes, min(TELLING, layer.channels), layer.side, layer.side)
    classes = STRENGTH * generator.standard_normal(telling, np.float32)
    for split in ("train", "eval"):
        where = {"dataset": DATASET, "model": MODEL, "passname": "pass-0", "split": split}
        path = folder / Paths.FEATURES.format(**where)
        _write_features(path, layer, read_split(manifest, split), classes, generator)


def _manifest(layer: Layer) -> pa.Table:
    """Samples of both splits; each is a group of its own."""
    counts = {"train": layer.train, "eval": layer.evaluation}
    label = np.concatenate([np.arange(count) % layer.classes for count in counts.values()])
    total = len(label)
    numbers = np.arange(total)
    return pa.table(
        {
            "sample": numbers,
            "id": [str(number) for number in numbers],
            "image": ["class-0/0.png"] * total,
            "image_sha256": ["0"] * total,
            "label": label,
            "class_name": [f"class-{one}" for one in label],
            "group": numbers,
            "group_name": [str(number) for number in numbers],
            "split": [name for name, count in counts.items() for _ in range(count)],
            "imagenet_index": pa.nulls(total, pa.int64()),
        }
        | {name: pa.nulls(total, pa.int64()) for name in CROP}
        | {name: np.full(total, layer.side) for name in SIZE}
    )


def _write_features(
    path: Path,
    layer: Layer,
    split: Split,
    classes: NDArray[np.float32],
    generator: np.random.Generator,
) -> None:
    """Noise, in some channels on top of what each class has of its own."""
    shape = (len(split.label), *layer.shape)
    chunks = feature_chunks(shape, 2)
    with StoreWriter(path, {"weights_sha256": "none"}) as writer:
        dims = ("sample", "channel", "y", "x")
        array = writer.create(LAYER, dims, shape, "float16", {}, chunks, "none")
        for part in _parts(len(split.label), chunks[0]):
            label = split.label[part]
            maps = generator.standard_normal((len(label), *layer.shape), np.float32)
            maps[:, : classes.shape[1]] += classes[label]
            array[part] = maps.astype(np.float16)
        for name in ("sample", "label", "group"):
            writer.write(name, Variable(("sample",), getattr(split, name)), coordinate=True)


def _parts(total: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, total)) for start in range(0, total, step))

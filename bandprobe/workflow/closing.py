"""What a run says at its end: how much is there, what is flagged, where to look."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bandprobe.scoring.flags import FLAG_MEANINGS
from bandprobe.study.paths import Paths
from bandprobe.study.study import Study
from bandprobe.workflow.job_memory import without_limit
from bandprobe.workflow.targets import all_interventions, of_all_datasets

# How Python, a shell, and Slurm say that the system has killed a command.
KILLED = ("died with <Signals.SIGKILL: 9>", "returned non-zero exit status 137", "OUT_OF_MEMORY")
SCRIPT = re.compile(r"/(\w+)\.py ")


def closing_lines(
    study: Study, *, finished: bool, directory: Path = Path(), log: str | Sequence[str] = ()
) -> list[str]:
    """Lines on the results below a directory, after a run that has finished or failed.

    Parameters
    ----------
    study : Study
    finished : bool
    directory : Path
    log : str or sequence of str
        Snakemake's own log, or its several ones, which say how jobs ended.
    """
    targets = of_all_datasets(study, all_interventions)
    count = sum((directory / path).exists() for path in targets)
    lines = [f"bandprobe: {count} of {len(targets)} targets are there"]
    for dataset in study.datasets:
        lines += _places(dataset, directory)
        flags = directory / Paths.FLAGS.format(dataset=dataset)
        lines += flag_lines(flags) if finished and flags.exists() else []
        lines += skipped_lines(study, dataset, directory)
    if not finished:
        for path in [log] if isinstance(log, str) else log:
            lines += killed_lines(study, Path(path))
        return [*lines, "The run failed; logs/ has the log of each job that ran"]
    return lines + opening_lines(study, directory)


def opening_lines(study: Study, directory: Path = Path()) -> list[str]:
    """Which pages to open: those of the data sets that are there."""
    pages = (Path(Paths.REPORT.format(dataset=dataset)) for dataset in study.datasets)
    return [f"Open {page}" for page in pages if (directory / page).exists()]


def killed_lines(study: Study, log: Path) -> list[str]:
    """What to change where the system has killed jobs, which it does where memory is short."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    killed = [line for line in text.splitlines() if any(words in line for words in KILLED)]
    if not killed:
        return []
    rules = dict.fromkeys(name for line in killed for name in SCRIPT.findall(line))
    what = f"A job of {', '.join(rules)}" if rules else "A job"
    change = (
        without_limit()
        if study.scale.memory is None
        else "lower scale.memory to what is free here: other programs take some of it"
    )
    return [f"{what} was killed (signal 9), most likely because memory ran out: {change}"]


def _places(dataset: str, directory: Path) -> list[str]:
    """Folders of a data set that are there."""
    patterns = {
        "figures": Path(Paths.FIGURE).parent,
        "tables": Path(Paths.TABLE).parent,
        "targets": Path(Paths.TARGET).parents[4],
    }
    folders = {name: str(path).format(dataset=dataset) for name, path in patterns.items()}
    present = [f"{name} in {f}" for name, f in folders.items() if (directory / f).is_dir()]
    return [f"{dataset}: {', '.join(present)}"] if present else []


def flag_lines(path: Path) -> list[str]:
    """How many targets carry each flag of a table of flags, and what it means."""
    with path.open(encoding="utf-8", newline="") as stream:
        counts = Counter(row["flag"] for row in csv.DictReader(stream))
    lines = [f"{sum(counts.values())} flags in {path}:"] if counts else [f"no flags in {path}"]
    return lines + [
        f"  {count:>5} {flag}: {FLAG_MEANINGS.get(flag, '')}"
        for flag, count in counts.most_common()
    ]


def skipped_lines(study: Study, dataset: str, directory: Path = Path()) -> list[str]:
    """How many images were left out of a data set, if it may leave out any."""
    path = directory / Paths.MANIFEST.format(dataset=dataset)
    spec = study.datasets[dataset]
    may_skip, may_drop = spec.get("on_bad_image") == "skip", spec.get("on_shared_images") == "drop"
    if not (may_skip or may_drop) or not path.exists():
        return []
    # Reading Parquet takes longer to import than all else here.
    from bandprobe.data.manifest import skipped_images
    from bandprobe.data.shared_images import SHARED

    reasons = skipped_images(path).values()
    shared = sum(reason.startswith(SHARED) for reason in reasons)
    counts = {}
    if may_skip:
        counts["on_bad_image: skip"] = len(reasons) - shared
    if may_drop:
        counts["on_shared_images: drop"] = shared
    return [
        f"{count} images of {dataset} were left out ({key}); {path} says which, and why"
        for key, count in counts.items()
    ]

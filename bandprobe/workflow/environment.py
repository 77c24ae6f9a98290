"""What the environment of every job says: where scripts and modules lie, and how memory is kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from bandprobe.base.progress import NOTES, TERMINAL
from bandprobe.workflow.job_memory import memory_variables
from bandprobe.workflow.script import KEEP_MEMORY

# Names the folder of the scripts, so that the commands of rules hold no path of this machine: a
# project that has moved has the same rules.
SCRIPTS = "BANDPROBE"


def job_environment(
    environment: Mapping[str, str],
    home: Path,
    interpreter: Path | None,
    terminal: str = "",
    memory: int | None = None,
) -> dict[str, str]:
    """Variables that jobs need, beside those that Snakemake was started with.

    Parameters
    ----------
    environment : mapping
        What Snakemake was started with. A user's own networks may lie on its PYTHONPATH.
    home : Path
        Root of the project.
    interpreter : Path or None
        The interpreter that jobs run under the name `python`; None where Snakemake makes
        environments of its own.
    terminal : str
        Device that jobs show their progress on beside their logs; empty for none. Jobs of
        `bandprobe run` leave it alone: there is a status line.
    memory : int, optional
        Bytes of `scale.memory`, where it is set.
    """
    variables = {
        **KEEP_MEMORY,
        **memory_variables(memory),
        SCRIPTS: str(home / "workflow" / "scripts"),
        "PYTHONPATH": _first(str(home), environment.get("PYTHONPATH", "")),
        TERMINAL: "" if environment.get(NOTES) else terminal,
    }
    if interpreter is not None:
        variables["PATH"] = _first(str(interpreter.parent), environment.get("PATH", ""))
    return variables


def _first(folder: str, search: str) -> str:
    """A search path that begins with a folder; one that does already stays as it is."""
    folders = [item for item in search.split(os.pathsep) if item]
    return os.pathsep.join(folders if folders[:1] == [folder] else [folder, *folders])

"""Where the workflow is: the Snakefile with its rules, scripts, profiles and environments."""

from __future__ import annotations

from pathlib import Path

from bandprobe.errors import BandprobeError
from bandprobe.workflow.code import PACKAGE

# The workflow is at the root of a checkout; hatch_build.py puts it into the package of a wheel.
PLACES = (PACKAGE.parent, PACKAGE / "_snakemake")


def workflow_home() -> Path:
    """Folder of the Snakefile: the root of the checkout, or the copy that came with a wheel.

    Raises
    ------
    BandprobeError
        If there is neither.
    """
    for folder in PLACES:
        if (folder / "Snakefile").is_file():
            return folder
    raise BandprobeError(
        "the workflow is missing from this installation of bandprobe",
        expected=" or ".join(str(folder / "Snakefile") for folder in PLACES),
        hint="reinstall bandprobe",
    )

"""Say whether all that a study has left on disk is whole, one line a stage; nothing is changed.

Every chunk is held against its checksum, every digest is taken again, coordinates are held against
the manifest, and targets and summaries are computed again from what they were made of. The status
is 1 if anything is wrong. `snakemake verify` does the same.
"""

from __future__ import annotations

import argparse

from bandprobe.cli.shared import add_config, described, load_study

EXAMPLES = """
bandprobe verify
bandprobe verify --config study.yaml
"""


def parser() -> argparse.ArgumentParser:
    """The options of `bandprobe verify`."""
    found = described(__doc__, "bandprobe verify", EXAMPLES)
    add_config(found)
    return found


def execute(arguments: argparse.Namespace) -> None:
    """Look at the study whose results lie below the working directory."""
    study = load_study(arguments.config)
    # SciPy and PyArrow take a second to import.
    from bandprobe.verify.study import require_intact, verify_study

    require_intact(verify_study(study))

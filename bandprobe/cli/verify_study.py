"""Check that the stored files of a study are intact; print one line per stage, change nothing.

Every chunk is compared with its checksum, every digest is computed again, coordinates are compared
with the manifest, and targets and summaries are recomputed from their inputs. The exit status is 1
if anything is wrong. `snakemake verify` does the same.
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
    options = described(__doc__, "bandprobe verify", EXAMPLES)
    add_config(options)
    return options


def execute(arguments: argparse.Namespace) -> None:
    """Check the study whose results are in the working directory."""
    study = load_study(arguments.config)
    # SciPy and PyArrow take a second to import.
    from bandprobe.verify.study import require_intact, verify_study

    require_intact(verify_study(study))

"""A dry run of Snakemake that writes nothing, not even its inventory of files for a next run."""

from __future__ import annotations

import sys

from snakemake import cli
from snakemake.persistence import PersistenceBase


def main() -> None:
    """What `snakemake --dry-run --nolock` does with the command line, without a trace."""
    PersistenceBase.save_iocache = lambda _: None
    cli.main(["--dry-run", "--nolock", *sys.argv[1:]])


if __name__ == "__main__":
    main()

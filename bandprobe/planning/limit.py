"""How much of `scale.memory` the jobs of a run may have."""

from __future__ import annotations

from bandprobe.study.study import Study

# Bytes that Snakemake itself takes where jobs run beside it.
OWN = 250_000_000


def jobs_memory(study: Study, *, is_remote: bool = False) -> int | None:
    """Bytes that jobs may have together on this machine, or each elsewhere; None if unlimited."""
    if study.scale.memory is None:
        return None
    return study.scale.memory - (0 if is_remote else OWN)

"""What a benchmark's numbers were measured on, as facts that go into its results."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

GIB = 2**30
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "timm", "zarr")
# What makes the largest difference to products and transforms.
INSTRUCTIONS = ("avx2", "fma", "avx512f", "amx_bf16")


def machine() -> dict[str, Any]:
    """Facts of this machine and of the libraries that do the work.

    Returns
    -------
    dict
        `cores` that this process may use, `processor` (model name), `instructions`, `memory_gib`,
        `system`, and `versions` by name. Nothing in it names the host.
    """
    facts = _processor()
    return {
        "cores": _cores(),
        "processor": facts.get("model name") or platform.processor() or platform.machine(),
        "instructions": [one for one in INSTRUCTIONS if one in facts.get("flags", "").split()],
        "memory_gib": round(psutil.virtual_memory().total / GIB, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"python": platform.python_version()} | {p: version(p) for p in PACKAGES},
    }


def describe(facts: dict[str, Any]) -> str:
    """The facts of `machine` in one line."""
    instructions = ", ".join(facts["instructions"]) or "no vector instructions known"
    names = ("python", "numpy", "torch")
    versions = ", ".join(f"{name} {facts['versions'][name]}" for name in names)
    return (
        f"{facts['cores']} cores, {facts['processor']} ({instructions}), "
        f"{facts['memory_gib']} GiB; {versions}"
    )


def _cores() -> int:
    """Cores that this process may run on, which a container or `taskset` may have restricted."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> dict[str, str]:
    """What Linux says of the first core; empty elsewhere."""
    file = Path("/proc/cpuinfo")
    if not file.is_file():
        return {}
    first = file.read_text(encoding="utf-8").partition("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


if __name__ == "__main__":
    print(describe(machine()))

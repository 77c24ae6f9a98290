"""The memory of a job, within it: its blocks, its own limit, and what is said where that is short.

With `scale.memory` a job limits itself to what it has declared, so that it ends with an error and
leaves the other jobs of the machine alone; the system would kill one of them without a word.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import os
import resource
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bandprobe.base.blocks import PARTS, set_block_share
from bandprobe.base.units import in_bytes
from bandprobe.errors import BandprobeError

# Says to jobs what `scale.memory` is, in bytes; empty or missing without it.
MEMORY = "BANDPROBE_MEMORY"
MEGABYTE = 1_000_000
# Bytes that a job's threads and its allocator reserve after its start and never touch.
RESERVED = 250 * MEGABYTE
# Of glibc's `mallopt`: when freed memory is given back, what is asked for at once, and from which
# size on an allocation is the system's own, which takes it back at once.
GIVEN_BACK = {-1: 16 * MEGABYTE, -2: MEGABYTE, -3: MEGABYTE}
# What PyTorch and others say of memory that they did not get, without an error of its own kind.
SAID = ("can't allocate memory", "not enough memory", "can't start new thread", "std::bad_alloc")
ON_GPU = ("CUDA", "cuda")
LIGHTER = "readouts without refit and energy, and fewer images or classes, take less"
ASK_PLAN = "`bandprobe plan` says what each job takes"


def add_memory_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that a rule tells its job's memory by; they hold as soon as they are read."""
    parser.add_argument(
        "--memory",
        action=_Limit,
        type=int,
        metavar="MB",
        help=f"megabytes that the job may have, a limit of its own where {MEMORY} is set",
    )
    parser.add_argument(
        "--blocks",
        action=_Blocks,
        type=int,
        metavar="PARTS",
        help=f"sizes of blocks in parts of the usual ones, which are {PARTS}",
    )


class _Limit(argparse.Action):
    """Limit the process as soon as the option is read."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        setattr(namespace, self.dest, values)
        # A GPU's driver reserves many times what is touched.
        if os.environ.get(MEMORY) and isinstance(values, int) and ON_GPU[1] not in sys.argv:
            give_memory_back()
            limit_memory(values * MEGABYTE)


class _Blocks(argparse.Action):
    """Set the share of blocks as soon as the option is read."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        setattr(namespace, self.dest, values)
        if not isinstance(values, int) or values < 1:
            parser.error(f"--blocks: expected 1 or more, found {values}")
        set_block_share(values / PARTS)


def give_memory_back() -> None:
    """Let this process give the system back what it has freed.

    Kept, as jobs keep it otherwise, holes between arrays add up to as much as the arrays. Nothing
    happens where the C library is another than glibc.
    """
    with suppress(AttributeError, OSError):
        tune = ctypes.CDLL(None).mallopt
        for number, size in GIVEN_BACK.items():
            tune(number, size)


def limit_memory(allowed: int) -> None:
    """Let this process touch no more than about so many bytes, where the system can see to it.

    The system limits what is reserved (RLIMIT_DATA), of which a process touches a part: what has
    been reserved and not touched by now is granted on top.
    """
    found = reserved_and_touched()
    if found is None:
        return
    reserved, touched = found
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = allowed + max(0, reserved - touched) + RESERVED
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def reserved_and_touched(status: Path = Path("/proc/self/status")) -> tuple[int, int] | None:
    """Bytes of data that this process has reserved, and of memory that it has touched.

    None where the system does not say.
    """
    try:
        lines = status.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    try:
        data, resident = (1024 * int(fields[name].split()[0]) for name in ("VmData", "VmRSS"))
    except (KeyError, ValueError, IndexError):
        return None
    return data, resident


def out_of_memory(error: BaseException) -> BandprobeError | None:
    """What to say of an error that lack of memory has made, whichever library has wrapped it."""
    found = next(filter(_is_lack, causes(error)), None)
    if found is None:
        return None
    text = " ".join(str(found).split())[:300] or type(found).__name__
    job = Path(sys.argv[0]).stem
    if any(name in text for name in ON_GPU):
        return BandprobeError(
            f"{job}: the GPU is out of memory",
            found=text,
            hint=f"send fewer images at a time: --set-resources {job}:batch=8; or set device: cpu",
        )
    total = os.environ.get(MEMORY)
    if total:
        soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
        limited = "" if soft == resource.RLIM_INFINITY else f"; {in_bytes(soft)} of data"
        hint = (
            f"raise scale.memory, which is {in_bytes(int(total))}; or give this rule more of it: "
            f"--set-resources {job}:mem_mb=MEGABYTES; {LIGHTER}; {ASK_PLAN}"
        )
        expected = f"no more than the job has declared (resources: mem_mb{limited})"
        return BandprobeError(f"{job}: out of memory", expected=expected, found=text, hint=hint)
    return BandprobeError(f"{job}: out of memory", found=text, hint=without_limit())


def without_limit() -> str:
    """What to change where no memory was set."""
    most = machine_memory()
    such = f", such as scale.memory: {most * 85 // 100 // MEGABYTE}MB here" if most else ""
    return (
        f"set scale.memory to what jobs may have together{such}: blocks and the number of jobs at "
        f"once then follow from it; {LIGHTER}; {ASK_PLAN}"
    )


def machine_memory() -> int | None:
    """Bytes of memory of this machine, or those that a container may have if these are fewer."""
    try:
        most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            text = Path("/sys/fs/cgroup", name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        most = min(most, int(text)) if text.isdigit() else most
    return most


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error, those that it was raised from or while handling, and those that it gathers."""
    waiting, seen = [error], set()
    while waiting:
        found = waiting.pop(0)
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        others = [found.__cause__, found.__context__]
        if isinstance(found, BaseExceptionGroup):
            others += found.exceptions
        waiting += [other for other in others if other is not None]


def _is_lack(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(words in str(error) for words in SAID)


def memory_variables(memory: int | None) -> dict[str, str]:
    """Variables that tell jobs what `scale.memory` is, in bytes, and let them reserve less."""
    if memory is None:
        return {MEMORY: ""}
    # Arrow's own allocator reserves a gigabyte at its first use.
    return {MEMORY: str(memory), "ARROW_DEFAULT_MEMORY_POOL": "system"}

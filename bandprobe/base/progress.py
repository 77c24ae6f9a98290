"""How far a long loop has come: a bar in a terminal, plain lines in a log."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from bandprobe.base.units import in_time

# Seconds between two lines of a log.
INTERVAL_S = 30.0
# Names the terminal of a workflow that runs on this machine: its jobs write to logs, and here too.
TERMINAL = "BANDPROBE_TERMINAL"
# Names a file in which `bandprobe run` reads how far the loops of its jobs have come.
NOTES = "BANDPROBE_PROGRESS"
# Seconds between two notes of a loop.
NOTE_INTERVAL_S = 0.5
Item = TypeVar("Item")


def one(_item: object) -> int:
    """The size of an item that counts once."""
    return 1


def tracked(
    items: Iterable[Item],
    total: int,
    unit: str,
    what: str,
    size: Callable[[Item], int] = one,
) -> Iterator[Item]:
    """The same items, while it is said how many are done, how many a second, and the time left.

    On a terminal that is a bar. Otherwise it is a line in the log every `INTERVAL_S` seconds and
    one at the end; a log of a cluster stays legible.

    Parameters
    ----------
    items : iterable
    total : int
        Of all items, in units.
    unit : str
        What is counted, in the plural.
    what : str
        Whose progress it is.
    size : callable
        Units of one item.
    """
    if sys.stderr.isatty():
        with tqdm(total=total, unit=f" {unit}", desc=what, dynamic_ncols=True) as bar:
            for item in items:
                yield item
                bar.update(size(item))
        return
    lines = Lines(total, unit, what)
    for item in items:
        yield item
        lines.add(size(item))
    lines.end()


class Lines:
    """Progress as lines of a log, and of the terminal of the workflow if there is one."""

    def __init__(
        self, total: int, unit: str, what: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total, self._unit, self._what, self._clock = total, unit, what, clock
        self._begin = self._last = self._noted = clock()
        self._done = 0

    def add(self, count: int) -> None:
        """Count what is done, and say so if the last line is old enough."""
        self._done += count
        now = self._clock()
        if now - self._noted >= NOTE_INTERVAL_S or self._done >= self._total:
            self._noted = now
            self._note()
        if now - self._last < INTERVAL_S or self._done >= self._total:
            return
        self._last = now
        rate = self._done / (now - self._begin)
        share = f"{100 * self._done / self._total:.0f} %"
        left = f"{in_time((self._total - self._done) / rate)} left"
        line = f"{self._told()} ({share}), {rate:.3g} {self._unit}/s, {left}"
        logging.info(line)
        _to_terminal(line)

    def end(self) -> None:
        """Say how long all of it took."""
        seconds = max(self._clock() - self._begin, 1e-9)
        speed = f"{self._done / seconds:.3g} {self._unit}/s"
        logging.info(f"{self._told()} in {in_time(seconds)}, {speed}")

    def _told(self) -> str:
        return f"{self._what}: {self._done} of {self._total} {self._unit}"

    def _note(self) -> None:
        note = {"what": self._what, "unit": self._unit, "done": self._done, "total": self._total}
        _append(os.environ.get(NOTES), json.dumps(note))


def _to_terminal(line: str) -> None:
    # The terminal may be gone, or another user's; the log has the line all the same.
    _append(os.environ.get(TERMINAL), line)


def _append(path: str | None, line: str) -> None:
    if path:
        with suppress(OSError), Path(path).open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")

"""SHA-256 digests of files that were read before, so that planning reads each content once.

A file that has kept its size and both of its times has kept its content; the second of these times
changes also where an older file is moved to its place.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from bandprobe.base.files import write_json
from bandprobe.store.digests import file_digest
from bandprobe.study.paths import RESULTS

KEPT = Path(RESULTS, ".file_digests.json")


class KeptDigests:
    """Digests of files by absolute path, from a file of them.

    Parameters
    ----------
    file : Path
        It need not exist; what cannot be read in it is read anew.
    """

    def __init__(self, file: Path = KEPT) -> None:
        self._file = file.absolute()
        self._known = _read(self._file)
        self._new = False

    def of(self, path: Path) -> str:
        """SHA-256 of a file.

        Raises
        ------
        OSError
            If the file cannot be read.
        """
        status, name = path.stat(), str(path.absolute())
        state = [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
        known = self._known.get(name)
        if known is None or known["state"] != state:
            known = {"state": state, "sha256": file_digest(path)}
            self._known[name] = known
            self._new = True
        return str(known["sha256"])

    def save(self) -> None:
        """Keep what was read, where results can be written; without it files are read again."""
        if self._new and os.access(self._file.parent, os.W_OK):
            there = {name: entry for name, entry in self._known.items() if Path(name).exists()}
            write_json(self._file, there)
            self._new = False


def _read(file: Path) -> dict[str, dict[str, object]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {
            name: {"state": list(entry["state"]), "sha256": str(entry["sha256"])}
            for name, entry in content.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}

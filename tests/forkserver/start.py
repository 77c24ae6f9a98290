"""Start the server, or move into the one that another process of the tests has started."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

HERE = Path(__file__).parent
# In the environment of what shall run in processes of its own.
OWN_PROCESSES = "OWN_PROCESSES"


def start_server(folder: Path) -> None:
    """Start it in a folder, with the stand-in for `python` beside it; return when it listens."""
    place, python = folder / "socket", folder / "python"
    client = (HERE / "client.py").read_text()
    client = client.replace("@PYTHON@", sys.executable).replace("@SOCKET@", str(place))
    python.write_text(f"#!{sys.executable} -IS\n{client}")
    python.chmod(0o755)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    # It returns when the server listens, which lives on as a process of its own.
    subprocess.run(
        [sys.executable, "-P", str(HERE / "server.py"), str(place)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
        check=True,
    )


@contextmanager
def forking_python(shared: Path) -> Iterator[Path]:
    """The stand-in for `python`, one for all processes that share a folder."""
    # The path of a socket may not be long, as that of a temporary folder may be.
    note = shared / "forkserver"
    tenant = socket.socket(socket.AF_UNIX)
    with FileLock(f"{note}.lock"):
        try:
            tenant.connect(f"{note.read_text()}/socket")
        except OSError:
            note.write_text(tempfile.mkdtemp(prefix="forkserver-"))
            start_server(Path(note.read_text()))
            tenant.connect(f"{note.read_text()}/socket")
        tenant.sendall(b"%-16d" % 0)
    with tenant:
        yield Path(note.read_text()) / "python"

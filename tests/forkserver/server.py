"""Import the libraries once, then fork a process for each request.

Run as `python -P server.py SOCKET`. A client (client.py) hands over its arguments, environment,
folder and standard streams, and gets the status back. The server ends with the last of its tenants,
which are the processes of the tests that are connected to it.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import shutil
import signal
import socket
import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What jobs, commands and Snakemake import; nothing of the project, which tests edit.
LIBRARIES = (
    "docutils.core",
    "h5netcdf.legacyapi",
    "h5py._hl.dims",
    "huggingface_hub",
    "jinja2",
    "jsonschema",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "matplotlib.pyplot",
    "multiprocessing.popen_fork",
    "multiprocessing.synchronize",
    "narwhals",
    "numcodecs",
    "onnx",
    "pandas.io.formats.csvs",
    "PIL.Image",
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "PIL.TiffImagePlugin",
    "pyarrow.dataset",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
    "pygments.formatters.html",
    "requests",
    "rich.progress",
    "safetensors.torch",
    "scipy.fft",
    "scipy.linalg",
    "scipy.ndimage",
    "scipy.optimize",
    "scipy.stats",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "smart_open",
    "snakemake.assets",
    "snakemake.benchmark",
    "snakemake.cli",
    "snakemake.profiles",
    "snakemake.report.html_reporter",
    "snakemake.storage",
    "snakemake.workflow",
    "statsmodels.stats.multitest",
    "timm",
    "torch",
    "torchvision.models",
    "tqdm",
    "xarray",
    "xarray.computation.nanops",
    "yaml",
    "yte",
    "zarr",
)
# Some libraries put folders on the path.
PATH = tuple(sys.path)
# PyArrow's allocator has a thread, and starts it again in each fork.
KNOWN = {"jemalloc_bg_thd"}
# The longest request: arguments and an environment.
MOST_BYTES = 1 << 22


@dataclass(frozen=True)
class Request:
    """What a client wants to be run."""

    python: str
    arguments: list[str]
    environment: dict[str, str]
    folder: str
    umask: int


def receive(connection: socket.socket) -> tuple[Request | None, list[int]]:
    """A request and its standard streams; no request where a tenant has moved in."""
    head, streams, _, _ = socket.recv_fds(connection, 16, 3)
    length = int(head)
    if not length:
        return None, streams
    content = bytearray()
    while len(content) < min(length, MOST_BYTES):
        content += connection.recv(length - len(content))
    return Request(**json.loads(content)), streams


def become(request: Request, streams: list[int]) -> None:
    """Put this process into the state of one that was started with the request."""
    signal.set_wakeup_fd(-1)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(  # noqa: SIM115
        2, "w", buffering=1, errors="backslashreplace", closefd=False
    )
    os.environ.clear()
    os.environ.update(request.environment)
    os.chdir(request.folder)
    os.umask(request.umask)
    sys.executable = request.python
    # It reads the environment when it is imported, as no other of these libraries does.
    importlib.reload(sys.modules["huggingface_hub.constants"])
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdecimal():
        sys.modules["torch"].set_num_threads(int(threads))
    added = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    sys.path[:] = [*added, *PATH]
    importlib.invalidate_caches()
    # As an interpreter does when it starts; tests of faults have their hook there.
    sys.modules.pop("sitecustomize", None)
    with contextlib.suppress(ModuleNotFoundError):
        importlib.import_module("sitecustomize")


def execute(arguments: list[str]) -> None:
    """What `python` does with these arguments."""
    first, rest = arguments[0], arguments[1:]
    if first == "-m":
        sys.argv = rest
        sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path.insert(0, "")
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = arguments
        sys.path.insert(0, str(Path(first).resolve().parent))
        runpy.run_path(first, run_name="__main__")


def status_of(arguments: list[str]) -> int:
    """Run, and return the status that the process ends with."""
    try:
        execute(arguments)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def child(request: Request, streams: list[int]) -> None:
    """Run a request in a process that was forked for it, and end it as an interpreter ends."""
    become(request, streams)
    status = status_of(request.arguments)
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            status = status or 120
    os._exit(status & 0xFF)


class Server:
    """Forks processes, waits for them, and tells their clients."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.selector = selectors.DefaultSelector()
        self.selector.register(listener, selectors.EVENT_READ, self.accept)
        self.tenants: set[socket.socket] = set()
        self.clients: dict[socket.socket, int] = {}

    def serve(self) -> None:
        """Until the last tenant has moved out."""
        moved_in = False
        while self.tenants or not moved_in:
            for key, _ in self.selector.select():
                key.data(key.fileobj)
            moved_in = moved_in or bool(self.tenants)
        for process in self.clients.values():
            os.kill(process, signal.SIGKILL)

    def accept(self, _: Any) -> None:
        """A tenant moves in, or a process is forked."""
        connection, _ = self.listener.accept()
        request, streams = receive(connection)
        if request is None:
            self.tenants.add(connection)
            self.selector.register(connection, selectors.EVENT_READ, self.move_out)
            return
        process = os.fork()
        if not process:
            for key in list(self.selector.get_map().values()):
                os.close(key.fd)
            connection.close()
            self.selector.close()
            child(request, streams)
        for stream in streams:
            os.close(stream)
        self.clients[connection] = process
        # A client that dies takes its process with it.
        self.selector.register(connection, selectors.EVENT_READ, self.leave)
        ended = os.pidfd_open(process)
        self.selector.register(ended, selectors.EVENT_READ, lambda fd: self.finish(fd, connection))

    def move_out(self, tenant: socket.socket) -> None:
        """A tenant has gone."""
        self.selector.unregister(tenant)
        self.tenants.remove(tenant)
        tenant.close()

    def leave(self, connection: socket.socket) -> None:
        """A client has gone."""
        self.selector.unregister(connection)
        os.kill(self.clients[connection], signal.SIGKILL)

    def finish(self, ended: int, connection: socket.socket) -> None:
        """A process has ended: tell its client."""
        self.selector.unregister(ended)
        os.close(ended)
        _, status = os.waitpid(self.clients.pop(connection), 0)
        if connection in self.selector.get_map():
            self.selector.unregister(connection)
            connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
        connection.close()


def main() -> None:
    """Import, listen, and leave a process that serves."""
    for name in LIBRARIES:
        importlib.import_module(name)
    threads = {(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()}
    assert len(threads - KNOWN) == 1, f"a process with threads cannot be forked: {threads}"
    gc.collect()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen(64)
    if not os.fork():
        Server(listener).serve()
        shutil.rmtree(Path(sys.argv[1]).parent)


if __name__ == "__main__":
    main()

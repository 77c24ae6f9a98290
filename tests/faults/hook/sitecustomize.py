"""Found by every job's interpreter: one harm when a file of a certain name is opened for writing.

FAULT_FILE is a regular expression for its path; FAULT_DO is `kill` (this process dies at once),
`pause` (it waits for the file `go`) or `limit` (from then on it may write 10 KB to a file);
FAULT_FOLDER holds the marks. The harm is done once.
"""

import os
import re
import resource
import signal
import sys
import time

PATTERN = re.compile(os.environ.get("FAULT_FILE") or "(?!)")
FOLDER = os.environ.get("FAULT_FOLDER", "")


def mark(name: str) -> str:
    return os.path.join(FOLDER, name)  # noqa: PTH118


def hook(event: str, arguments: tuple) -> None:
    if event != "open" or not isinstance(arguments[0], str | bytes | os.PathLike):
        return
    path, mode, flags = os.fsdecode(arguments[0]), arguments[1], arguments[2]
    writes = bool(flags & (os.O_WRONLY | os.O_RDWR)) or "w" in (mode or "")
    if not writes or not PATTERN.search(path):
        return
    try:
        os.close(os.open(mark("done"), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    with open(mark("pid"), "w") as stream:  # noqa: PTH123
        stream.write(str(os.getpid()))
    if os.environ["FAULT_DO"] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if os.environ["FAULT_DO"] == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        return
    while not os.path.exists(mark("go")):  # noqa: PTH110
        time.sleep(0.02)


if FOLDER:
    sys.addaudithook(hook)

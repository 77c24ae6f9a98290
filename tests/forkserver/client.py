"""Stand-in for `python`: have a fork of the server run the arguments, or else run them here.

Real processes run whatever has options for the interpreter, and everything below a process with
OWN_PROCESSES in its environment.
"""

import json
import os
import signal
import socket
import sys

PYTHON, SOCKET = "@PYTHON@", "@SOCKET@"
arguments = sys.argv[1:]
plain = arguments and (arguments[0] in ("-m", "-c") or not arguments[0].startswith("-"))
if not plain or "OWN_PROCESSES" in os.environ:
    os.execv(PYTHON, [PYTHON, *arguments])

umask = os.umask(0)
os.umask(umask)
request = json.dumps(
    {
        "python": __file__,
        "arguments": arguments,
        "environment": dict(os.environ),
        "folder": os.getcwd(),  # noqa: PTH109
        "umask": umask,
    }
).encode()
server = socket.socket(socket.AF_UNIX)
server.connect(SOCKET)
socket.send_fds(server, [b"%-16d" % len(request)], [0, 1, 2])
server.sendall(request)
status = int(server.recv(16) or b"1")
if status < 0:
    if -status != signal.SIGKILL:
        signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)

"""Run one command and say what it took: wall and processor seconds, and the most memory.

A process of its own that imports next to nothing: what the system reports as the most memory of a
command includes that of the process it was started from.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    """`measured.py RESULT LOG COMMAND...`: the result as JSON, the command's errors to the log."""
    result, log, *command = sys.argv[1:]
    start = time.perf_counter()
    with Path(log).open("w", encoding="utf-8") as errors:
        code = subprocess.run(command, stderr=errors, check=False).returncode
    wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Linux counts in KiB, macOS in bytes.
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    found = {"wall_s": wall, "processor_s": used.ru_utime + used.ru_stime, "peak_bytes": peak}
    Path(result).write_text(json.dumps(found), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())

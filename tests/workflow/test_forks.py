"""A fork does what a process of its own does, to the bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.forkserver.start import OWN_PROCESSES
from tests.workflow.conftest import PYTHON, TinyStudy

STATE = """
import json, os, sys
import told
print(json.dumps({
    "arguments": sys.argv, "folder": os.getcwd(), "word": os.environ.get("WORD"),
    "path": sys.path, "name": __name__, "stdin": sys.stdin.read(), "told": told.__file__,
    "umask": os.umask(0), "customised": os.environ.get("CUSTOMISED"),
}))
print("a complaint", file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [["script.py", "a", "b c"], ["-m", "script", "a"], ["-c", STATE, "a"]],
    ids=["a script", "a module", "a command"],
)
def test_a_fork_finds_what_a_process_of_its_own_finds(
    forks: Path, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "script.py").write_text(STATE)
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "told.py").touch()
    custom = tmp_path / "library" / "sitecustomize.py"
    custom.write_text("import os; os.environ['CUSTOMISED'] = '1'")
    environment = os.environ | {"WORD": "w", "PYTHONPATH": str(tmp_path / "library")}
    found = [
        subprocess.run(
            [python, *arguments],
            input="said",
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env=environment,
            umask=0o027,
        )
        for python in (PYTHON, str(forks))
    ]
    own, fork = (json.loads(done.stdout) for done in found)
    assert own.pop("path") == fork.pop("path")
    assert own == fork
    assert own["customised"] == "1"
    assert [done.stderr for done in found] == ["a complaint\n"] * 2


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit('why')", 1),
        ("raise ValueError", 1),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
    ],
)
def test_a_fork_ends_as_a_process_of_its_own_ends(forks: Path, code: str, status: int) -> None:
    for python in (PYTHON, str(forks)):
        done = subprocess.run([python, "-c", code], capture_output=True, check=False)
        assert done.returncode == status


def test_a_fork_ends_with_its_client(forks: Path, tmp_path: Path) -> None:
    code = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))"
    client = subprocess.Popen([str(forks), "-c", f"{code}; time.sleep(600)"])
    end = time.monotonic() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < end
        time.sleep(0.05)
    client.kill()
    client.wait()
    running = Path("/proc") / (tmp_path / "pid").read_text()
    while running.exists():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
def test_forks_store_the_same_bits(finished: TinyStudy, fresh: TinyStudy) -> None:
    # One layer of a network, from its images to its readouts, by processes of their own.
    fresh.config["models"].pop("pixels")
    goal = "results/tiny/probes/resnet18/layer3/map.zarr.digest.json"
    done = fresh.run(goal, env=os.environ | {OWN_PROCESSES: "1"})
    assert done.code == 0, done.output
    digests = sorted(fresh.folder.glob("results/tiny/**/*.zarr.digest.json"))
    names = [str(path.relative_to(fresh.folder)) for path in digests]
    assert goal in names
    assert len(names) >= 4
    for name in names:
        if "/probes/resnet18/layer3/" in name or "/features/" in name:
            assert (fresh.folder / name).read_text() == (finished.folder / name).read_text(), name

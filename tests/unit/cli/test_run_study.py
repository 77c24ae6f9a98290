"""`bandprobe run` hands everything to Snakemake, and gives its status back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from bandprobe.cli.main import main
from bandprobe.cli.run_study import gives_cores
from bandprobe.cli.shared import ASKER, HOME, NOTHING_TO_DO, RUNNER, run_workflow
from bandprobe.errors import BandprobeError

PYTHON = sys.executable
# In place of Python: writes down what it is called with, and ends with a status.
RECORDER = """#!{python}
import json, os, signal, sys, time
json.dump(sys.argv[1:], open("called.json", "w"))
{code}
"""

# The command, with another module in the place of Snakemake. A shell has Ctrl-C ignored by what it
# starts in the background, such as tests.
COMMAND = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from bandprobe.cli import main, shared; "
    "shared.RUNNER = 'bandprobe_fake'; sys.exit(main.main())"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any]) -> Path:
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.chdir(tmp_path)
    replace_snakemake(tmp_path, monkeypatch, "sys.exit(3)")
    return tmp_path


def replace_snakemake(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    recorder = folder / "python"
    recorder.write_text(RECORDER.format(python=PYTHON, code=code))
    recorder.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(recorder))


def called(folder: Path) -> list[str]:
    words: list[str] = json.loads((folder / "called.json").read_text())
    return words


def test_options_and_targets_reach_snakemake_as_they_are(folder: Path) -> None:
    given = ["--dry-run", "--set-resources", "a:b=1", "--cores=2", "-n", "--", "spectra"]
    assert main(["run", "study.yaml", *given]) == 3
    words = called(folder)
    module = ["-m", "bandprobe.workflow.run_snakemake"]
    assert words[:4] == [*module, "--snakefile", str(HOME / "Snakefile")]
    assert words[4:6] == ["--configfile", "study.yaml"]
    assert words[6:8] == ["--workflow-profile", str(HOME / "profiles" / "default")]
    assert words[8:] == ["--logger", "bandprobe", *given]


def test_all_cores_are_used_unless_something_says_how_many(folder: Path) -> None:
    main(["run", "study.yaml", "spectra"])
    assert called(folder)[10:] == ["--cores", "all", "spectra"]
    for words in (["--cores", "2"], ["-c2"], ["-j", "1"], ["--jobs=3"], ["--profile", "slurm"]):
        assert gives_cores(words)
    for words in ([], ["--configfile"], ["--conda-prefix", "x"], ["-n"]):
        assert not gives_cores(words)


def test_a_mistake_in_the_study_is_told_before_snakemake_starts(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "nowhere.yaml"]) == 1
    assert "cannot read the configuration nowhere.yaml" in capsys.readouterr().err
    assert not (folder / "called.json").exists()


def test_a_killed_workflow_has_the_status_that_a_shell_gives(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_snakemake(folder, monkeypatch, "os.kill(os.getpid(), signal.SIGKILL)")
    assert main(["run", "study.yaml"]) == 128 + signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_snakemake_ends_in_its_own_time_when_it_is_told_to(
    folder: Path, number: signal.Signals
) -> None:
    fake = folder / "fake" / "bandprobe_fake.py"
    fake.parent.mkdir()
    fake.write_text(
        "import pathlib, signal, sys, time\n"
        f"signal.signal({int(number)}, lambda *_: (time.sleep(0.6), sys.exit(7)))\n"
        "pathlib.Path('started').touch()\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [PYTHON, "-c", COMMAND, "run", "study.yaml"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(fake.parent), str(HOME)])},
        start_new_session=True,
    )
    while not (folder / "started").exists():
        assert process.poll() is None
        time.sleep(0.05)
    # Ctrl-C reaches both, as they share a terminal; a batch system's signal one alone.
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    assert process.wait(30) == (130 if number == signal.SIGINT else 7)


def test_commands_say_that_the_workflow_failed(folder: Path) -> None:
    with pytest.raises(BandprobeError, match="the workflow did not finish"):
        run_workflow(["a.json", "b.json"], Path("study.yaml"), "2")
    assert called(folder)[10:] == ["--cores", "2", "--", "a.json", "b.json"]


def test_nothing_is_started_for_files_that_are_up_to_date(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.json").touch()
    says = f"print('{NOTHING_TO_DO} (all requested files are present and up to date).')"
    replace_snakemake(folder, monkeypatch, says)
    run_workflow(["a.json"], Path("study.yaml"), "2")
    words = called(folder)
    assert words[:2] == ["-m", ASKER]
    replace_snakemake(folder, monkeypatch, "print('Job stats:')")
    run_workflow(["a.json"], Path("study.yaml"), "2")
    assert called(folder)[:2] == ["-m", RUNNER], "the run itself is the last call"


def test_what_to_look_for_is_what_snakemake_says() -> None:
    from snakemake.common import NOTHING_TO_BE_DONE_MSG

    assert NOTHING_TO_BE_DONE_MSG.startswith(NOTHING_TO_DO)

"""The command line: quick help, commands that take their own examples, clear endings."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from bandprobe.cli.main import COMMANDS, main
from bandprobe.errors import ConfigError

HEAVY = ("torch", "timm", "matplotlib", "numpy", "zarr", "xarray", "pandas")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from bandprobe.cli.main import main; assert main(['--help']) == 0; "
        f"print(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.split() == []
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_needs_neither_torch_nor_matplotlib(name: str) -> None:
    code = (
        "import sys; from bandprobe.cli.main import COMMANDS; "
        f"COMMANDS[{name!r}].load().parser().format_help(); "
        "print(*[name for name in ('torch', 'timm', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_of_a_command_are_valid(name: str) -> None:
    module = COMMANDS[name].load()
    lines = module.EXAMPLES.strip().splitlines()
    assert lines
    assert module.__doc__.strip().splitlines()[0] in module.parser().format_help()
    for line in lines:
        # Where the output goes is the shell's.
        words = shlex.split(line.partition(">")[0])
        assert words[:2] == ["bandprobe", name]
        module.parser().parse_args(words[2:])


def test_an_unknown_command_lists_the_valid_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspct"]) == 2
    error = capsys.readouterr().err
    assert "Did you mean 'inspect'?" in error
    assert "compare" in error


def test_without_a_command_there_is_help_and_an_error() -> None:
    assert main([]) == 2
    assert main(["--version"]) == 0


def test_a_mistake_of_the_user_ends_with_its_message(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(_: object) -> None:
        raise ConfigError("a thing", expected="this", found="that")

    module = COMMANDS["list"].load()
    monkeypatch.setattr(module, "execute", wrong)
    assert main(["list"]) == 1
    assert capsys.readouterr().err == "Error: a thing\n  expected: this\n  found:    that\n"


def test_a_missing_configuration_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--config", "nowhere.yaml"]) == 1
    assert "cannot read the configuration nowhere.yaml" in capsys.readouterr().err

"""What bash completes after the script that the command prints."""

from __future__ import annotations

import subprocess

import pytest

from bandprobe.cli.complete_words import script
from bandprobe.cli.main import COMMANDS, main


def completed(*words: str) -> list[str]:
    """What bash offers for the last of these words."""
    typed = " ".join(f'"{word}"' for word in words)
    code = f"COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _bandprobe; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(
        ["bash", "-c", f"{script()}\n{code}"], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("bandprobe", "i"), ["init", "inspect"]),
        (("bandprobe", "draw", "--col"), ["--columns"]),
        (("bandprobe", "draw", "x", "--columns", ""), ["1", "2"]),
        (("bandprobe", "completion", ""), ["--help", "bash", "zsh"]),
        (("bandprobe", "nothing", "--"), []),
    ],
)
def test_what_is_offered(words: tuple[str, ...], offered: list[str]) -> None:
    assert completed(*words) == offered


def test_all_commands_are_offered() -> None:
    assert completed("bandprobe", "") == [*COMMANDS, "--help", "--version"]


def test_zsh_gets_the_functions_of_bash(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "zsh"]) == 0
    printed = capsys.readouterr().out
    assert "bashcompinit" in printed.splitlines()[0]
    assert printed.endswith(script())

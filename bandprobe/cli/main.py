"""The command `bandprobe`: runs the module of a subcommand, and reports errors clearly.

Only that module is imported, so that help appears at once.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bandprobe
from bandprobe.base.glossary import FIRST_TERMS, first_sentence
from bandprobe.errors import BandprobeError, unknown_name


@dataclass(frozen=True)
class Command:
    """A command's module within `bandprobe.cli`, and what it does in one line."""

    module: str
    text: str

    def load(self) -> Any:
        """The module, with `parser() -> ArgumentParser` and `execute(Namespace) -> int | None`."""
        return importlib.import_module(f"bandprobe.cli.{self.module}")


# In the order of the help: from a folder of images to results.
COMMANDS: Mapping[str, Command] = {
    "init": Command("init_study", "write a configuration for a folder of images and a model"),
    "plan": Command("plan_study", "estimate what a study costs before it runs"),
    "run": Command("run_study", "run a study, with any options of Snakemake"),
    "list": Command("list_names", "list the names in a configuration, or the layers of a model"),
    "inspect": Command("inspect_file", "describe a store, a table or a target"),
    "show": Command("show_map", "draw a map, its bands, and the map after each intervention"),
    "draw": Command("draw_figure", "draw a figure at the width of a printed page's column"),
    "export": Command("export_results", "write the verdict as a page, or effects as LaTeX tables"),
    "compare": Command("compare_studies", "say which targets of two studies differ"),
    "verify": Command("verify_study", "check that the stored files of a study are intact"),
    "completion": Command("complete_words", "print a script that completes words in a shell"),
}
USAGE, FAILED, INTERRUPTED = 2, 1, 130


def help_text() -> str:
    """What `bandprobe --help` prints."""
    lines = [f"  {name:<10} {command.text}" for name, command in COMMANDS.items()]
    terms = [f"  {term:<8} {first_sentence(term)}" for term in FIRST_TERMS]
    return "\n".join(
        [
            "usage: bandprobe COMMAND [options]",
            "",
            "Which spatial frequencies does a layer of a vision backbone hold, and which are used?",
            "",
            "commands:",
            *lines,
            "",
            "bandprobe COMMAND --help shows the options of a command, with examples.",
            "A study runs by: bandprobe run study.yaml",
            "",
            "options:",
            "  -h, --help  show this text",
            "  --version   show the version",
            "",
            "terms:",
            *terms,
        ]
    )


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, 1 after an error, 2 for a wrong command line."""
    arguments = list(sys.argv[1:] if words is None else words)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(help_text())
        return 0 if arguments else USAGE
    if arguments[0] == "--version":
        print(f"bandprobe {bandprobe.__version__}")
        return 0
    if arguments[0] not in COMMANDS:
        print(f"Error: {unknown_name('command', arguments[0], COMMANDS)}", file=sys.stderr)
        return USAGE
    return _run(COMMANDS[arguments[0]], arguments[1:])


def _run(command: Command, words: Sequence[str]) -> int:
    module = command.load()
    parser: argparse.ArgumentParser = module.parser()
    arguments = parser.parse_args(words)
    try:
        return module.execute(arguments) or 0
    except BandprobeError as error:
        print(f"Error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # A reader such as `head` has seen enough; what is still buffered must not raise again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0

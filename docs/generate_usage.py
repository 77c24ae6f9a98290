"""Write docs/usage.md from the parsers of the commands.

Run ``python docs/generate_usage.py`` after a change of an option. With ``--check`` nothing is
written, and the script ends with status 1 if the page does not fit them.
"""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

DOCS = Path(__file__).resolve().parent
HOME = DOCS.parent
sys.path[:0] = [str(HOME), str(DOCS)]

from generate_config import write_or_check  # noqa: E402

from bandprobe.cli.main import COMMANDS  # noqa: E402

PAGE = DOCS / "usage.md"
SCRIPTS = ("run_layerwise_intervention", "batch_all_layers", "plot_layerwise_spectrum")
OPENING = """\
# Every option

Generated from the commands by `docs/generate_usage.py`: edit them, not this page.

## Running a study

    snakemake --cores all [TARGET] [--configfile FILE] [--directory FOLDER]
    bandprobe run FILE [TARGET] [--directory FOLDER]

The first is for a checkout. The second takes the same options, and works without one too. `TARGET`
is a stage ({stages}) or the path of any [file that comes out](outputs.md); all by default.
[workflow.md](workflow.md) says what runs again after which change.

| option of Snakemake | meaning |
| --- | --- |
| `--cores N` | how many cores to use |
| `--configfile FILE` | the [study](config.md), in place of `config.yaml` |
| `--directory FOLDER` | where results go, and where relative paths start |
| `--dry-run` | say what would run, and why |
| `--resources mem_mb=N` | memory of all running jobs together |
| `--set-resources RULE:batch=N` | images a pass of `extract_features`, `intervene_head` |
| `--unlock` | after a run was killed |
| `--sdm conda` | build the environment of `envs/bandprobe.yaml` for the jobs |
| **environment variable** | |
| `HF_HOME`, `TORCH_HOME` | caches of published weights |
| `HF_HUB_OFFLINE` | at 1 nothing is fetched |
| `PYTHONPATH` | where the modules of `python/` architectures are looked for |

`make study`, `plan`, `test`, `test-all`, `check`, `docs` and `bench` set up an environment in
`.venv` first; variables `CORES` (all), `CONFIG` (config.yaml), `PLAN` (--measure), `PYTHON`
(python3).

## The command bandprobe

`bandprobe COMMAND`, or `python -m bandprobe COMMAND`, ends with status 0, with 1 after an error,
and with 2 after a misspelt command line; `--help` gives examples. `show`, `draw`, `export` and the
scripts let Snakemake make what is missing first, and have `--dataset` (default: the only one),
`--config` (`config.yaml`) and `--cores` (all).

{head}
"""
SCRIPTS_OPENING = """
## The three scripts

Run them with `python workflow/scripts/NAME.py`.

{head}
"""
HEAD = "| option | meaning |\n| --- | --- |"
# Options of all commands that run the workflow.
COMMON = ("dataset", "config", "cores")
STAGES = ("manifests", "features", "spectra", "probes", "interventions", "head", "summaries")


class Caught(Exception):  # noqa: N818 - it carries a parser, it is no error
    """Ends a script at the point where it would read its options."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def script_parser(name: str) -> argparse.ArgumentParser:
    """The parser of a script, which is stopped before it does anything."""

    def stop(parser: argparse.ArgumentParser, *_: object) -> None:
        raise Caught(parser)

    with mock.patch.object(argparse.ArgumentParser, "parse_args", stop):
        try:
            runpy.run_path(str(HOME / "workflow" / "scripts" / f"{name}.py"), run_name="__main__")
        except Caught as caught:
            caught.parser.prog = f"python workflow/scripts/{name}.py"
            return caught.parser
    raise RuntimeError(f"{name} reads no options")


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Parsers of all commands, then of the scripts, by what one types."""
    found = {f"bandprobe {name}": command.load().parser() for name, command in COMMANDS.items()}
    return found | {name: script_parser(name) for name in SCRIPTS}


def rows(title: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """One command: what it does in a sentence, and its options."""
    description = (parser.description or "").strip().split("\n\n")[0]
    yield f"| **{title}** | {' '.join(description.split())} |"
    yield from (row(action) for action in parser._actions if not is_common(action, parser))


def is_common(action: argparse.Action, parser: argparse.ArgumentParser) -> bool:
    """Whether an option is `--help`, or stands once for all commands that run the workflow."""
    runs = any(other.dest == "cores" for other in parser._actions)
    return action.dest == "help" or (runs and action.dest in COMMON)


def row(action: argparse.Action) -> str:
    """An option with what it takes, and its meaning."""
    names = ", ".join(f"`{name}`" for name in action.option_strings)
    value = action.metavar or action.dest.upper()
    if action.choices:
        value = " or ".join(map(str, action.choices))
    several = action.nargs in ("+", argparse.REMAINDER)
    takes = "" if action.nargs == 0 else f" `{value}`" + (" ..." if several else "")
    text = (action.help or "").replace("|", "\\|").replace("*", "\\*")
    if action.required and action.option_strings:
        text += " (required)"
    return f"| {names}{takes.replace('|', chr(92) + '|')} | {text} |".replace("|  `", "| `")


def page() -> str:
    """Compose the whole page."""
    stages = ", ".join(f"`{stage}`" for stage in STAGES)
    lines = [OPENING.format(stages=stages, head=HEAD).rstrip()]
    for title, parser in parsers().items():
        if title == SCRIPTS[0]:
            lines.append(SCRIPTS_OPENING.format(head=HEAD).rstrip())
        lines += rows(title, parser)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page()))

"""Tables of benchmarks: beside their numbers in results/benchmarks, and in the page of the docs.

`python -m benchmarks.tables` puts the tables of the last runs into `docs/benchmarks.md`, each
between the comments that name it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bandprobe.base.files import write_json, write_text
from bandprobe.cli.shared import HOME
from benchmarks.machine import describe, machine

PAGE = HOME / "docs" / "benchmarks.md"
FOLDER = HOME / "results" / "benchmarks"
PLACE = re.compile(r"(<!-- table (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def publish(output: Path, found: Mapping[str, Any], text: str) -> None:
    """Write numbers as JSON with the facts of the machine, and their table beside; print it.

    Parameters
    ----------
    output : Path
        The JSON file; the table gets its name with `.md`.
    found : mapping
        What was measured.
    text : str
        The same in Markdown.
    """
    facts = machine()
    whole = f"{text}\n\n{describe(facts)}.\n"
    write_json(output, {"machine": facts, **found})
    write_text(output.with_suffix(".md"), whole)
    print(whole)


def fill(page: str, tables: Mapping[str, str]) -> str:
    """A page with the tables that it has a place for; places without a table stay as they are.

    The line about the machine, at the end of each table, is left out where the page has it above.
    """
    above = page.partition("<!-- table ")[0]

    def table(place: re.Match[str]) -> str:
        begin, name, end = place.groups()
        if name not in tables:
            return place[0]
        text, _, machine = tables[name].strip().rpartition("\n\n")
        text = text if text and machine in above else tables[name].strip()
        return f"{begin}\n{text}\n\n{end}"

    return PLACE.sub(table, page)


def main() -> None:
    """Fill the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the tables")
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    tables = {file.stem: file.read_text(encoding="utf-8") for file in arguments.folder.glob("*.md")}
    page = arguments.page.read_text(encoding="utf-8")
    write_text(arguments.page, fill(page, tables))
    print(f"{arguments.page.name}: {', '.join(sorted(tables)) or 'no tables'}")


if __name__ == "__main__":
    main()

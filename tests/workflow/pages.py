"""Commands and snippets of the documentation, and the table of those that are not run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.workflow.conftest import HOME

DEFAULT, SMALL, CLONE = "the default study", "a small study", "a clone with images"
PLACES = (DEFAULT, SMALL, CLONE)
PLACE = re.compile(r"<!-- commands run in: (.+?) -->")
FENCE = re.compile(r"^( *)```(\w*)\s*$")
SHELL, PYTHON = "bash", "python"
KINDS = (SHELL, PYTHON, "yaml", "text", "")
TABLE = HOME / "docs" / "tested.md"


@dataclass(frozen=True)
class Block:
    """A fenced block, the page and line where it begins, and where its commands run."""

    page: str
    line: int
    kind: str
    text: str
    place: str | None

    @property
    def commands(self) -> list[str]:
        """Commands of the shell, one each, without comments and with lines joined."""
        joined = self.text.replace("\\\n", " ")
        lines = [re.sub(r"(^|\s+)#.*$", "", line).strip() for line in joined.splitlines()]
        return [" ".join(line.split()) for line in lines if line]


def pages() -> list[Path]:
    """All pages, those of the root first."""
    return [HOME / "README.md", HOME / "CONTRIBUTING.md", *sorted((HOME / "docs").glob("*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """Fenced blocks of a page in their order."""
    place: str | None = None
    opened: tuple[int, str, str] | None = None
    lines: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = FENCE.match(line)
        if opened and fence:
            at, indent, kind = opened
            text = "\n".join(one.removeprefix(indent) for one in lines)
            yield Block(str(page.relative_to(HOME)), at, kind, text, place)
            opened, lines = None, []
        elif opened:
            lines.append(line)
        elif fence:
            opened = number, fence[1], fence[2]
        else:
            found = PLACE.search(line)
            place = found[1] if found else place
    assert opened is None, f"{page}: a fence is not closed"


@dataclass(frozen=True)
class Listed:
    """A command that is not run as it stands."""

    command: str
    pages: tuple[str, ...]
    instead: str


def listed() -> list[Listed]:
    """The rows of the table in docs/tested.md."""
    found = []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and cells[0].startswith("`"):
            found.append(Listed(cells[0].strip("`"), tuple(cells[1].split(", ")), cells[3]))
    return found

"""Write docs/glossary.md from the terms that the report and `bandprobe --help` explain.

Run ``python docs/generate_glossary.py`` after a change of a term. With ``--check`` nothing is
written, and the script ends with status 1 if the page is out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS)]

from generate_config import write_or_check  # noqa: E402

from bandprobe.base.glossary import GLOSSARY  # noqa: E402

PAGE = DOCS / "glossary.md"
OPENING = """\
# Glossary

This page is generated from `bandprobe/base/glossary.py` by `docs/generate_glossary.py`. Edit the
terms there, not on this page. The report of a study explains the same terms, and
[method.md](method.md) gives the definitions in full.
"""


def lines() -> Iterator[str]:
    """The opening, then a heading for each term, in alphabetical order, with its meaning."""
    yield OPENING
    for term in sorted(GLOSSARY, key=str.lower):
        yield f"## {term}\n\n{fill(GLOSSARY[term], 100, break_on_hyphens=False)}\n"


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, "\n".join(lines())))

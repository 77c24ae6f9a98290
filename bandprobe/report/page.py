"""One HTML file that contains everything: numbers, words, styles and scripts."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from bandprobe.report.answer import answer
from bandprobe.report.context import Results, page_context
from bandprobe.report.explorer import explorer_note
from bandprobe.report.findings import number, span
from bandprobe.report.payload import FIRST_COLUMNS, page_data, target_columns

TEMPLATES = Path(__file__).parent / "templates"
FIRST_SCRIPT = ("first.js",)
SCRIPTS = ("core.js", "heat.js", "plots.js", "table.js", "explorer.js", "view.js", "main.js")
STYLES = ("report.css",)
# These would end a script element, or change how its end is found. Scripts have them only in
# strings and regular expressions, where the escape means the same.
ENDINGS = re.compile(r"<(?=!--|script|/script)", re.IGNORECASE)


def inline_script(text: str) -> str:
    """The text of a script in a form that is safe inside an element and means the same."""
    return ENDINGS.sub(r"\\x3c", text.replace("\r\n", "\n").replace("\r", "\n"))


def inline_json(value: Any) -> str:
    """JSON that is safe inside an element: nothing in it can end the element."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def content_policy(scripts: Sequence[str]) -> str:
    """A policy that allows only these scripts to run, and nothing to be fetched."""
    hashes = " ".join(f"'sha256-{_base64_digest(script)}'" for script in scripts)
    rules = {
        "default-src": "'none'",
        "script-src": hashes,
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
        "connect-src": "'none'",
        "form-action": "'none'",
        "base-uri": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _base64_digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def read_template(names: Sequence[str]) -> str:
    """The text of some of the templates, one after the other."""
    return "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in names)


def own_script(names: Sequence[str]) -> str:
    """The text of a script of the page, from some of the templates."""
    return inline_script(f'"use strict";(() => {{\n{read_template(names)}\n}})();')


def render_page(
    results: Results,
    config_text: str,
    provenance: Mapping[str, str],
    explorer: Mapping[str, Any] | None = None,
) -> str:
    """The page as one text.

    Parameters
    ----------
    results : Results
    config_text : str
        The resolved configuration as stored.
    provenance : mapping
        Of the page itself: version and digest of the code.
    explorer : mapping, optional
        Images beside maps, as of `bandprobe.explorer.pictures.draw_pictures`.
    """
    first_script, page_script = map(own_script, (FIRST_SCRIPT, SCRIPTS))
    columns = {name: inline_json(values) for name, values in target_columns(results).items()}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Inserted without escaping: styles, and texts made safe for their elements above.
    return environment.get_template("report.html").render(
        **page_context(results),
        answer=answer(results),
        number=number,
        span=span,
        policy=content_policy([first_script, page_script]),
        own_style=read_template(STYLES),
        first_script=first_script,
        own_script=page_script,
        data=inline_json(page_data(results)),
        first_columns={name: columns.pop(name) for name in FIRST_COLUMNS},
        columns=columns,
        explorer=inline_json(explorer) if explorer else None,
        explorer_note=explorer_note(results, explorer),
        config_text=config_text,
        note=results.config.get("note"),
        provenance=provenance,
    )

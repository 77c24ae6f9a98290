"""One HTML file that contains everything: numbers, words and libraries."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from bandprobe.errors import BandprobeError
from bandprobe.report.context import Results, page_context
from bandprobe.report.payload import page_data

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = ("core.js", "heat.js", "plots.js", "table.js", "main.js")
STYLES = ("report.css",)
# These would end a script element, or change how its end is found. Scripts have them only in
# strings and regular expressions, where the escape means the same.
ENDINGS = re.compile(r"<(?=!--|script|/script)", re.IGNORECASE)
EXPORTS = re.compile(r"\bexport\s*\{([^{}]*)\}\s*;?")


@dataclass(frozen=True)
class Library:
    """JavaScript and styles from an installed package.

    Attributes
    ----------
    name, version, licence : str
    script : str
        Source text, which sets an object of `window`.
    style : str
    """

    name: str
    version: str
    licence: str
    script: str
    style: str = ""


def package_text(package: str, path: str) -> str:
    """A text file of an installed package.

    Raises
    ------
    BandprobeError
        If the package or the file is missing.
    """
    try:
        return importlib.resources.files(package).joinpath(path).read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise BandprobeError(
            f"the report needs {path} from the package {package}",
            found=error,
            hint="install the pinned packages: python -m pip install -c constraints.txt -e .",
        ) from error


def plots_library() -> Library:
    """plotly.js from the package plotly."""
    script = package_text("plotly", "package_data/plotly.min.js")
    return Library("plotly.js", _version(r"plotly\.js v([0-9.]+)", script), "MIT", script)


def tables_library() -> Library:
    """DataTables with jQuery from the package itables.

    The bundle is a module; its default export becomes `window.DataTables`.
    """
    text = package_text("itables", "html/dt_bundle.js")
    matches = list(EXPORTS.finditer(text))
    exports = matches[0][1].split(",") if len(matches) == 1 else []
    names = {new: local for local, _, new in (part.partition(" as ") for part in exports)}
    if "default" not in names:
        raise BandprobeError(
            "html/dt_bundle.js of the package itables has an unexpected form",
            expected="a module with one list of exports that includes a default",
            hint="install the pinned packages: python -m pip install -c constraints.txt -e .",
        )
    # The licences follow the exports.
    body = text[: matches[0].start()] + text[matches[0].end() :]
    script = f"(()=>{{{body}\n;window.DataTables={names['default']};}})();"
    version = _version(r"\*! DataTables ([0-9.]+)\s", text)
    return Library(
        "DataTables", version, "MIT", script, package_text("itables", "html/dt_bundle.css")
    )


def _version(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1] if match else "unknown"


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


def render_page(results: Results, config_text: str, provenance: Mapping[str, str]) -> str:
    """The page as one text.

    Parameters
    ----------
    results : Results
    config_text : str
        The resolved configuration as stored.
    provenance : mapping
        Of the page itself: version and digest of the code.

    Raises
    ------
    BandprobeError
        If a library is missing.
    """
    plots, tables = plots_library(), tables_library()
    page_script = inline_script(f'"use strict";(() => {{\n{read_template(SCRIPTS)}\n}})();')
    libraries = {library.name: inline_script(library.script) for library in (plots, tables)}
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
        policy=content_policy([page_script, *libraries.values()]),
        own_style=read_template(STYLES),
        library_style=tables.style,
        own_script=page_script,
        plots_script=libraries[plots.name],
        tables_script=libraries[tables.name],
        libraries=[plots, tables],
        data=inline_json(page_data(results)),
        config_text=config_text,
        note=results.config.get("note"),
        provenance=provenance,
    )

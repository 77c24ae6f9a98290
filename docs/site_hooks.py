"""What MkDocs asks while it builds the site: the order of the pages, and pages made from the code.

Pages that no section names are put under "How to", so that a new page is in the site at once.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

from draw_rooms import draw_rooms
from mkdocs.structure.files import File, Files
from pygments.formatters import HtmlFormatter
from pymdownx.slugs import slugify

DOCS = Path(__file__).resolve().parent
HOME = DOCS.parent
SECTIONS = {
    "Tutorial": ["own-data.md", "notebook.md", "python.md"],
    "How to": ["workflow.md", "cost.md"],
    "Reference": [
        *("glossary.md", "usage.md", "config.md", "outputs.md", "stores.md", "api/index.md"),
        *("benchmarks.md", "dependencies.md", "tested.md", "CHANGELOG.md"),
    ],
    "Explanation": [
        "cycles.md",
        "interactions.md",
        "method.md",
        "orientation.md",
        "replicates.md",
        "transfer.md",
        "kernels.md",
        "traps.md",
        "findings.md",
    ],
}
REST = "How to"
# Pages of the root, which the site has too.
ROOT = {
    "README.md": "overview.md",  # MkDocs would take README.md for the first page
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "LICENSE": "LICENSE.md",
    "CITATION.cff": "CITATION.md",
}
# What stands in CONTRIBUTING.md where the site has a picture of the package's imports.
ROOMS, PICTURE = "<!-- picture: rooms -->", "assets/rooms.svg"
Config = dict[str, Any]


def on_config(config: Config) -> Config:
    """Order the pages that there are."""
    own = {path.name for path in DOCS.glob("*.md")}
    made = {"notebook.md", "api/index.md", *ROOT.values()}
    named = {page for pages in SECTIONS.values() for page in pages}
    sections = {title: [p for p in pages if p in own | made] for title, pages in SECTIONS.items()}
    sections[REST] += sorted(own - named - {"index.md"})
    sections["Project"] = ["overview.md", "CONTRIBUTING.md", "LICENSE.md", "CITATION.md"]
    # As on the pages that show the repository: letters of every alphabet stay in the anchors.
    config["mdx_configs"].setdefault("toc", {})["slugify"] = slugify(case="lower")
    config["nav"] = ["index.md", *({title: pages} for title, pages in sections.items())]
    return config


def on_files(files: Files, config: Config) -> Files:
    """Add the pages of the root, the notebook as a page, modules, the rooms, and colours."""
    for name, source in ROOT.items():
        text = (HOME / name).read_text(encoding="utf-8")
        if name.endswith(".cff"):
            text = f"# How to cite\n\n```yaml\n{text}```\n"
        # Their links start at the root, and here they lie beside the other pages.
        text = re.sub(r"\]\(docs/", "](", text)
        text = text.replace(ROOMS, f"![Rooms of the package]({PICTURE})")
        files.append(File.generated(config, source, content=text))
    files.append(File.generated(config, "notebook.md", content=notebook_page()))
    modules = python_modules()
    for name in modules:
        page = f"# {name}\n\n::: {name}\n"
        files.append(File.generated(config, f"api/{name}.md", content=page))
    files.append(File.generated(config, "api/index.md", content=api_index(modules)))
    files.append(File.generated(config, "assets/code.css", content=code_colours()))
    files.append(File.generated(config, PICTURE, content=draw_rooms()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links out of docs/ go to the copies of those pages."""
    up = "../" * page.file.src_uri.count("/")
    for name, source in ROOT.items():
        for link in (name, f"../{name}"):
            markdown = markdown.replace(f"]({link})", f"]({up}{source})")
    return markdown


def notebook_page() -> str:
    """The notebook as text and code, without outputs."""
    notebook = json.loads((DOCS / "notebook.ipynb").read_text(encoding="utf-8"))
    parts = []
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    parts.insert(1, "[The notebook itself](notebook.ipynb), to open in Jupyter.")
    return "\n\n".join(parts)


def python_modules() -> dict[str, str]:
    """Modules of the package and the first lines of their docstrings."""
    found = {}
    for path in sorted((HOME / "bandprobe").rglob("*.py")):
        parts = path.relative_to(HOME).with_suffix("").parts
        if parts[-1] in ("__init__", "__main__"):
            continue
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        found[".".join(parts)] = text.splitlines()[0] if text else ""
    return found


def api_index(modules: dict[str, str]) -> str:
    """A table of the modules."""
    rows = [f"| [{name}]({name}.md) | {text} |" for name, text in modules.items()]
    opening = (
        "# The programming interface\n\nFrom the docstrings. Which module may import which is in "
        "[CONTRIBUTING.md](../CONTRIBUTING.md).\n\n| module | what it is |\n| --- | --- |\n"
    )
    return opening + "\n".join(rows) + "\n"


def code_colours() -> str:
    """Colours of code in the light and in the dark."""
    light = HtmlFormatter(style="default").get_style_defs(".codehilite")
    dark = HtmlFormatter(style="github-dark").get_style_defs("[data-bs-theme=dark] .codehilite")
    return f"{light}\n{dark}\n"

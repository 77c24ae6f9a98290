"""Write docs/config.md from the schema that every configuration is checked against.

Run ``python docs/generate_config.py`` after a change of the schema. With ``--check`` nothing is
written, and the script ends with status 1 if the page does not fit the schema.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

DOCS = Path(__file__).resolve().parent
SCHEMA = DOCS.parent / "bandprobe" / "study" / "config.schema.yaml"
PAGE = DOCS / "config.md"
OPENING = """\
# Every key of a configuration

This page is generated from `bandprobe/study/config.schema.yaml` by `docs/generate_config.py`. Edit
the schema, not this page.

{description} A configuration given with `--configfile` stands alone: it is
not merged with `config.yaml`. What was used, defaults filled in, is written to
`results/<dataset>/config.yaml`.

Keys with a dot are nested: `preprocess.size` is the key `size` below `preprocess`. *required* in
the column of defaults means that there is none; an empty field means that the key may be left out.

Blocks: {blocks}.
"""
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
WORDS = {"object": "mapping", "array": "list", "string": "text"}
Schema = Mapping[str, Any]


def resolve(schema: Schema, root: Schema) -> Schema:
    """Follow the references of a schema to its definition."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def type_text(schema: Schema, root: Schema) -> str:
    """Say the type and the allowed values in words."""
    if schema.get("$ref", "").endswith("/name"):
        return "name"
    schema = resolve(schema, root)
    if "const" in schema:
        return f"`{value_text(schema['const'])}`"
    if "enum" in schema:
        return " or ".join(f"`{value_text(value)}`" for value in schema["enum"])
    kinds = schema.get("type", "any")
    if kinds == "array":
        return _list_text(schema, root)
    names = kinds if isinstance(kinds, list) else [kinds]
    text = " or ".join(WORDS.get(name, str(name)) for name in names)
    other = schema.get("additionalProperties")
    if isinstance(other, dict) and "type" in resolve(other, root):
        return f"{text} to {type_text(other, root)}"
    bounds = [f"{sign} {value_text(schema[key])}" for key, sign in BOUNDS.items() if key in schema]
    return ", ".join([f"{text} {bounds[0]}", *bounds[1:]]) if bounds else text


def _list_text(schema: Schema, root: Schema) -> str:
    items = type_text(schema["items"], root) if "items" in schema else "any"
    least, most = schema.get("minItems"), schema.get("maxItems")
    count = f"of {least}" if least is not None and least == most else "of"
    return f"list {count} ({items})" + (", not empty" if least and least != most else "")


def value_text(value: Any) -> str:
    """Write a value as it stands in YAML, in one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.split("\n...")[0].strip()


def rows(schema: Schema, root: Schema, prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield key, type, default and description of every property, in the order of the schema."""
    for name, reference in schema.get("properties", {}).items():
        inner = resolve(reference, root)
        default = f"`{value_text(inner['default'])}`" if "default" in inner else ""
        if name in schema.get("required", ()):
            default = "*required*"
        key = f"{prefix}{name}"
        yield f"`{key}`", type_text(reference, root), default, inner.get("description", "")
        yield from rows(inner, root, f"{key}.")


def table(schema: Schema, root: Schema) -> list[str]:
    """Lay out the properties of an object as a Markdown table."""
    lines = ["| key | type, allowed values | default | description |", "| --- | --- | --- | --- |"]
    for row in rows(schema, root):
        cells = (" ".join(cell.split()).replace("|", "\\|") for cell in row)
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def section(name: str, schema: Schema, root: Schema, required: bool) -> list[str]:
    """Describe one block of the configuration, with a table of each kind of entry."""
    needed = "Required." if required else "May be left out."
    lines = [f"## {name}", "", f"{schema.get('description', '')} {needed}", ""]
    if schema.get("properties"):
        return [*lines, *table(schema, root)]
    other = schema.get("additionalProperties")
    if not isinstance(other, dict):
        default = f" Default: `{value_text(schema['default'])}`." if "default" in schema else ""
        return [*lines, f"Type: {type_text(schema, root)}.{default}", ""]
    kinds = [resolve(kind, root) for kind in other.get("oneOf", [other])]
    for kind in kinds:
        if len(kinds) > 1:
            lines += [f"### {name}, kind {kind['title']}", ""]
        lines += [f"Of each entry: {kind.get('description', '')}", "", *table(kind, root)]
    return lines


def page(root: Schema) -> str:
    """Compose the whole page."""
    blocks = ", ".join(f"[{name}](#{name})" for name in root["properties"])
    lines = [OPENING.format(description=root["description"], blocks=blocks)]
    for name, schema in root["properties"].items():
        lines += section(name, schema, root, name in root["required"])
    name = root["$defs"]["name"]
    lines += ["## Names", "", f"{name['description']} Pattern: `{name['pattern']}`."]
    return "\n".join(lines) + "\n"


def write_or_check(page: Path, text: str) -> int:
    """Write a generated page, or with `--check` say whether it is up to date; the exit status."""
    script = Path(sys.argv[0]).name
    parser = argparse.ArgumentParser(description=f"Write {page.name} from what it describes.")
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if outdated")
    arguments = parser.parse_args()
    if not arguments.check:
        page.write_text(text, encoding="utf-8")
    elif not page.is_file() or page.read_text(encoding="utf-8") != text:
        print(f"{page} is out of date: run python docs/{script}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page(yaml.safe_load(SCHEMA.read_text(encoding="utf-8")))))

"""Reading a configuration: safe YAML, the closed schema, its defaults."""

from __future__ import annotations

import copy
import difflib
import functools
import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from bandprobe.errors import ConfigError

# ImageNet's classes by name are a thousand.
MOST_VALUES = 50_000
WHOLE = "the configuration"
SCHEMA = Path(__file__).with_name("config.schema.yaml")


def load_config(path: Path) -> dict[str, Any]:
    """A YAML configuration, safely loaded."""
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}", found=error.strerror) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"the configuration {path} is not valid YAML", found=error) from error
    if not isinstance(config, dict):
        raise ConfigError(f"the configuration {path} has no keys", expected="a mapping")
    return config


def resolve_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Check a configuration against the schema and fill in its defaults.

    Raises
    ------
    ConfigError
        Naming the key, what was expected, what was found, and a hint.
    """
    check_plain(config)
    schema = _schema()
    validate(config, schema)
    resolved: dict[str, Any] = _with_defaults(config, schema, schema)
    return resolved


@functools.cache
def _schema() -> dict[str, Any]:
    """The schema, read once: that takes longer than all checks of a configuration."""
    schema: dict[str, Any] = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    return schema


def check_plain(config: Any) -> None:
    """Raise `ConfigError` unless a configuration is plain data of a reasonable size.

    YAML can refer to itself, unfold to more than fits any memory, and give dates, sets, and
    characters that end a line of the command that a value becomes part of.
    """
    waiting: list[tuple[str, Any]] = [(WHOLE, config)]
    for count in itertools.count():
        if not waiting:
            return
        if count == MOST_VALUES:
            raise ConfigError(
                "the configuration is too large, or refers to itself",
                expected=f"at most {MOST_VALUES} values",
                hint="YAML's anchors (&) and aliases (*) unfold wherever they are used",
            )
        where, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [(f"{where}: key", key) for key in value]
            inside = "" if where == WHOLE else f"{where}."
            waiting += [(f"{inside}{key}", item) for key, item in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [(where, item) for item in value]
        else:
            _check_value(where, value)


def _check_value(where: str, value: Any) -> None:
    if isinstance(value, str):
        if not value.isprintable():
            raise ConfigError(f"{where}: a character that cannot be printed", found=repr(value))
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ConfigError(f"{where}: a number that is not finite", found=value)
    elif value is not None and not isinstance(value, bool | int):
        kind = type(value).__name__
        raise ConfigError(
            f"{where}: a value of type {kind}",
            expected="text, a number, true or false, a list, or a mapping",
            found=value,
            hint="put quotes around it" if kind in ("date", "datetime") else None,
        )


def validate(config: Any, schema: Mapping[str, Any]) -> None:
    """Raise the most telling `ConfigError` if a configuration does not fit a schema."""
    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(config), key=lambda error: len(error.absolute_path))
    if not errors:
        return
    error = errors[0]
    if error.validator == "oneOf":
        error = _of_the_same_kind(error)
    where = ".".join(str(part) for part in error.absolute_path) or WHOLE
    if error.validator == "additionalProperties":
        valid = sorted(error.schema.get("properties", {}))
        wrong = [key for key in error.instance if key not in valid]
        close = difflib.get_close_matches(str(wrong[0]), valid, n=1)
        raise ConfigError(
            f"{where}: unknown key {wrong[0]!r}",
            expected=f"one of {', '.join(valid)}",
            hint=f"did you mean {close[0]!r}?" if close else "docs/config.md describes every key",
        )
    described = error.schema.get("description") if isinstance(error.schema, dict) else None
    raise ConfigError(f"{where}: {error.message}", expected=described)


def _of_the_same_kind(error: Any) -> Any:
    """Of the alternatives of a `oneOf`, the first error within the one whose kind was named."""
    kind = error.instance.get("kind") if isinstance(error.instance, dict) else None
    for number in range(len(error.validator_value)):
        inner = [e for e in error.context if e.schema_path[0] == number]
        if inner and not any(list(e.absolute_path)[-1:] == ["kind"] for e in inner):
            return inner[0]
    names = (str(choice.get("$ref", "")).rsplit("/", 1)[-1] for choice in error.validator_value)
    kinds = f"one of {', '.join(names)}"
    raise ConfigError(f"{'.'.join(map(str, error.absolute_path))}.kind", expected=kinds, found=kind)


def _resolve(schema: Mapping[str, Any], root: Mapping[str, Any], value: Any) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    for alternative in schema.get("oneOf", ()):
        inner = _resolve(alternative, root, value)
        if isinstance(value, dict) and inner["properties"]["kind"]["const"] == value.get("kind"):
            return inner
    return schema


def _with_defaults(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """A copy of `value` with the schema's defaults where keys are missing."""
    schema = _resolve(schema, root, value)
    if isinstance(value, list):
        return [_with_defaults(item, schema.get("items", {}), root) for item in value]
    if not isinstance(value, dict):
        # 1.0 is an integer to the schema, and none to a random generator.
        return int(value) if schema.get("type") == "integer" else value
    result: dict[str, Any] = {}
    properties = schema.get("properties", {})
    other = schema.get("additionalProperties")
    # In the schema's order: a default that is written out is not another configuration.
    for key, inner in properties.items():
        if key in value:
            result[key] = _with_defaults(value[key], inner, root)
        elif "default" in inner:
            result[key] = copy.deepcopy(inner["default"])
        elif inner.get("type") == "object" and _all_optional(inner):
            result[key] = _with_defaults({}, inner, root)
    for key, item in value.items():
        if key not in properties:
            result[key] = _with_defaults(item, other if isinstance(other, dict) else {}, root)
    return result


def _all_optional(schema: Mapping[str, Any]) -> bool:
    return bool(schema.get("properties")) and not schema.get("required")

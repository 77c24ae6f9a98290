"""Parameters of jobs as JSON text: how a rule writes a value, and how its script reads it back.

A parameter is a frozen dataclass, or a tuple or dictionary of such. Its JSON has the fields of the
dataclass as keys, in their order, so the class is all that writer and reader have to share.

Examples
--------
>>> from bandprobe.fourier.bands import Bands
>>> text = as_json(Bands(("low", "high"), (0.5,)))
>>> text
'{"names": ["low", "high"], "edges": [0.5]}'
>>> from_json(Bands)(text)
Bands(names=('low', 'high'), edges=(0.5,), unit=None)
"""

from __future__ import annotations

import argparse
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from bandprobe.errors import BandprobeError

Value = TypeVar("Value")


def as_json(value: object) -> str:
    """The JSON text of a parameter, as a rule hands it to a script."""
    return json.dumps(as_plain(value))


def as_plain(value: object) -> Any:
    """A parameter as dictionaries, lists, text and numbers, as provenance stores it.

    Fields that are None are left out: an option that was not given has no key.
    """
    if is_dataclass(value) and not isinstance(value, type):
        items = ((item.name, getattr(value, item.name)) for item in fields(value))
        return {name: as_plain(item) for name, item in items if item is not None}
    if isinstance(value, Mapping):
        return {key: as_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(item) for item in value]
    return value


def from_json(kind: type[Value]) -> Callable[[str], Value]:
    """The inverse of `as_json`, as the `type` of an option of argparse.

    Parameters
    ----------
    kind : type
        A dataclass, a plain type, or a tuple or dictionary of these: ``tuple[Mode, ...]``.

    Returns
    -------
    callable
        From text to a value. It raises `argparse.ArgumentTypeError` for text that is not JSON, has
        unknown or missing keys or a value of another type, or that the dataclass refuses.
    """

    def read(text: str) -> Value:
        try:
            return cast(Value, _typed(json.loads(text), kind, "the value"))
        except json.JSONDecodeError as error:
            raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
        except BandprobeError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read


def _typed(plain: Any, kind: Any, where: str) -> Any:
    """What JSON has given, as a value of a type."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return plain
    if origin in (Union, types.UnionType):
        (kind,) = (option for option in inner if option is not types.NoneType)
        return None if plain is None else _typed(plain, kind, where)
    if origin is Literal:
        if plain not in inner:
            raise _wrong(where, f"one of {', '.join(map(str, inner))}", plain)
        return plain
    if origin is tuple:
        _check(plain, list, where, "a list")
        return tuple(_typed(item, inner[0], f"{where}[{n}]") for n, item in enumerate(plain))
    if origin in (dict, Mapping):
        _check(plain, dict, where, "a mapping")
        return {key: _typed(item, inner[1], f"{where}.{key}") for key, item in plain.items()}
    if is_dataclass(kind):
        _check(plain, dict, where, "a mapping")
        return _dataclass(plain, cast(type, kind), where)
    if kind is float:
        # 1 is a number to JSON, and stays as it was written.
        _check(plain, (int, float), where, "a number")
    else:
        _check(plain, kind, where, f"a value of type {kind.__name__}")
    return plain


def _dataclass(plain: dict[str, Any], kind: type, where: str) -> Any:
    known = fields(kind)
    unknown = sorted(plain.keys() - {item.name for item in known})
    if unknown:
        expected = f"one of {', '.join(item.name for item in known)}"
        raise _wrong(f"{where}: unknown key", expected, ", ".join(unknown))
    required = {
        item.name for item in known if item.default is MISSING and item.default_factory is MISSING
    }
    missing = sorted(required - plain.keys())
    if missing:
        raise _wrong(f"{where}: a key is missing", ", ".join(missing), ", ".join(plain) or "none")
    hints = get_type_hints(kind)
    return kind(**{key: _typed(item, hints[key], f"{where}.{key}") for key, item in plain.items()})


def _check(plain: Any, kind: type | tuple[type, ...], where: str, expected: str) -> None:
    if not isinstance(plain, kind) or (isinstance(plain, bool) and kind is not bool):
        raise _wrong(where, expected, plain)


def _wrong(where: str, expected: str, found: Any) -> BandprobeError:
    return BandprobeError(where, expected=expected, found=found)

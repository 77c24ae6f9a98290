"""What Python code says, as a text that is the same under every version of Python."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable
from typing import Any

# Where a name stands, how a string was quoted, and comments.
LEFT_OUT = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
Put = Callable[[str], None]


def meaning(tree: ast.AST) -> str:
    """A syntax tree in words: kinds of nodes with their fields, in the order of the names.

    `ast.dump` changes with Python: new versions add fields and print others. Here fields that are
    empty are left out, and so are positions, so that a field that older code cannot fill changes
    nothing. In f-strings, texts side by side are one text, and a format without text is none.

    Parameters
    ----------
    tree : ast.AST
        Not changed.

    Examples
    --------
    >>> meaning(ast.parse("x = 1"))
    'Module(body=[Assign(targets=[Name(id=x,),],value=Constant(int 1),),],)'
    """
    parts: list[str] = []
    _put_value(tree, parts.append)
    return "".join(parts)


def _put_value(value: Any, put: Put) -> None:
    if isinstance(value, ast.Constant):
        # Not repr: which characters it prints as they are changes with Unicode.
        put(f"Constant({type(value.value).__name__} {value.value!a})")
    elif isinstance(value, ast.AST):
        _put_node(value, put)
    elif isinstance(value, list):
        put("[")
        for item in value:
            _put_value(item, put)
            put(",")
        put("]")
    else:
        # A name, a number of the grammar such as an f-string's conversion, or None in a list.
        put(value if isinstance(value, str) else ascii(value))


def _put_node(node: ast.AST, put: Put) -> None:
    put(f"{type(node).__name__}(")
    for name in _named(node._fields):
        value = getattr(node, name, None)
        if isinstance(node, ast.JoinedStr):
            value = _joined(node.values)
        if value is None or value == [] or (name == "format_spec" and not _joined(value.values)):
            continue
        put(f"{name}=")
        _put_value(value, put)
        put(",")
    put(")")


@functools.cache
def _named(fields: tuple[str, ...]) -> list[str]:
    return sorted(set(fields) - LEFT_OUT)


def _joined(values: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string with no two texts side by side, and no empty ones."""
    parts: list[ast.expr] = []
    for value in values:
        before = parts[-1] if parts else None
        if not isinstance(value, ast.Constant):
            parts.append(value)
        elif isinstance(before, ast.Constant):
            parts[-1] = ast.Constant(str(before.value) + str(value.value))
        elif value.value:
            parts.append(value)
    return parts

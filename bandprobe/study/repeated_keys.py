"""Keys that a configuration file gives twice, of which readers of YAML and JSON keep the last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from bandprobe.errors import ConfigError

# libyaml reads a study in a millisecond; PyYAML's wheels have it, builds from source may not.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NAMED = 5
KeyPath = tuple[str, ...]


@dataclass
class _Open:
    """A mapping or list that has begun: its path, and of a mapping the line of each key.

    `key` is the key whose value comes next; a mapping without one awaits a key.
    """

    path: KeyPath
    is_mapping: bool
    lines: dict[str, int] = field(default_factory=dict)
    key: str | None = None


def refuse_repeated_keys(files: Iterable[Path]) -> None:
    """Raise `ConfigError` if one of some YAML or JSON files has a key twice in one mapping.

    Keys of one file that occur in another too are no mistake: Snakemake merges the files that it is
    given. Files that cannot be read are left to the reader of the configuration.
    """
    for path in files:
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        found = list(repeated_keys(text))
        if found:
            named = [f"{key} in lines {first} and {second}" for key, first, second in found[:NAMED]]
            more = [f"{len(found) - NAMED} more"] if len(found) > NAMED else []
            raise ConfigError(
                f"the configuration {path} has a key twice",
                expected="each key once; of two, only the last would count",
                found="; ".join(named + more),
                hint="rename or remove one of them",
            )


def repeated_keys(text: str) -> Iterator[tuple[str, int, int]]:
    r"""Keys that occur more than once in one mapping, with their line before and that line.

    Parameters
    ----------
    text : str
        YAML, of which JSON is a part but for tabs between its values. Of a text that is neither,
        what stands before the mistake counts.

    Examples
    --------
    >>> list(repeated_keys("modes:\n  a: 1\n  a: 2"))
    [('modes.a', 2, 3)]
    """
    # Between values tabs are blanks to JSON and an error to YAML; no line and no key moves.
    events = yaml.parse(text.replace("\t", " "), Loader=LOADER)
    stack: list[_Open] = []
    try:
        for event in events:
            if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                stack.append(_Open(_inside(stack), isinstance(event, yaml.MappingStartEvent)))
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                stack.pop()
                _close_value(stack)
            elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent) and stack:
                if stack[-1].is_mapping and stack[-1].key is None:
                    yield from _open_key(stack[-1], event)
                else:
                    _close_value(stack)
    except (yaml.YAMLError, RecursionError):
        return


def _inside(stack: list[_Open]) -> KeyPath:
    """The path of what stands in the innermost open mapping or list."""
    if not stack:
        return ()
    return stack[-1].path if stack[-1].key is None else (*stack[-1].path, stack[-1].key)


def _open_key(
    mapping: _Open, event: yaml.ScalarEvent | yaml.AliasEvent
) -> Iterator[tuple[str, int, int]]:
    line = event.start_mark.line + 1 if event.start_mark else 0
    # An alias that stands for a key is compared by its name.
    mapping.key = event.value if isinstance(event, yaml.ScalarEvent) else f"*{event.anchor}"
    # Several mappings may be merged into one.
    if mapping.key in mapping.lines and mapping.key != "<<":
        yield ".".join((*mapping.path, mapping.key)), mapping.lines[mapping.key], line
    mapping.lines[mapping.key] = line


def _close_value(stack: list[_Open]) -> None:
    """The value of a key has ended; a mapping or list that is a key itself counts as one."""
    if stack and stack[-1].is_mapping:
        stack[-1].key = None if stack[-1].key is not None else ""

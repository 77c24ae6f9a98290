"""A key that a configuration gives twice is refused, with both lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from bandprobe.errors import ConfigError
from bandprobe.study import repeated_keys as module
from bandprobe.study.config import load_config
from bandprobe.study.repeated_keys import NAMED, refuse_repeated_keys, repeated_keys

HOME = Path(__file__).parents[3]


@pytest.fixture(params=["libyaml", "python"])
def either_loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML with libyaml, and as it is without."""
    loaders = {"libyaml": yaml.CSafeLoader, "python": yaml.SafeLoader}
    monkeypatch.setattr(module, "LOADER", loaders[request.param])


@pytest.mark.usefixtures("either_loader")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("modes:\n  a: {kind: remove}\n  b: 1\n  a: {kind: isolate}\n", [("modes.a", 2, 4)]),
        ("modes: {a: 1}\nbands: 2\nmodes: {b: 1}\n", [("modes", 1, 3)]),
        ("models:\n  net: {seed: 1,\n    seed: 2}", [("models.net.seed", 2, 3)]),
        ("a: 1\n'a': 2\n\"a\": 3\n", [("a", 1, 2), ("a", 2, 3)]),
        ("list:\n- {x: 1}\n- {x: 1}\n- {x: 1, y: 2,\n   y: 3}\n", [("list.y", 4, 5)]),
        ("a: {b: 1}\nb: {b: 1}\nc: [a, a, b, b]\n", []),
        ("base: &b {x: 1, y: 2}\none: {<<: *b, x: 3}\ntwo: {<<: *b, <<: *b}\n", []),
        ("? {a: 1}\n: {b: 1}\nb: 2\nb: 3\n", [("b", 3, 4)]),
        ("x: &k name\n*k : 1\n*k : 2\n", [("*k", 2, 3)]),
        ("a: 1\na: 2\nb: [\n", [("a", 1, 2)]),
        ("just text", []),
        ("", []),
    ],
)
def test_keys_of_one_mapping(text: str, expected: list[tuple[str, int, int]]) -> None:
    assert list(repeated_keys(text)) == expected


@pytest.mark.usefixtures("either_loader")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"modes": {\n\t"a": 1,\n\t"b": 2,\n\t"a": 3\n}}', [("modes.a", 2, 4)]),
        ('{"modes":{"a":{"x":1},"b":[1,{"x":2}],"a":"\\u00e4\\/"}}', [("modes.a", 1, 1)]),
        ('{"a":{"x":1},"b":{"x":1}}', []),
    ],
)
def test_json_is_read_too(text: str, expected: list[tuple[str, int, int]]) -> None:
    json.loads(text)
    assert list(repeated_keys(text)) == expected


def test_the_error_names_file_keys_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("modes:\n  a: 1\n  a: 2\n")
    expected = r"(?s)study\.yaml has a key twice.*modes\.a in lines 2 and 3"
    with pytest.raises(ConfigError, match=expected):
        refuse_repeated_keys([path])
    keys = [f"k{number}: 0\n" for number in range(NAMED + 2)]
    path.write_text("".join([*keys, *keys]))
    with pytest.raises(ConfigError, match=r"k0 in lines 1 and 8; .*; k4 in lines 5 and 12; 2 more"):
        refuse_repeated_keys([path])


def test_files_that_are_merged_may_have_the_same_keys(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("a: 1\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")
    refuse_repeated_keys([tmp_path / name for name in ("a.yaml", "b.yaml", "binary", "missing")])
    (tmp_path / "b.yaml").write_text("a: 1\na: 2\n")
    with pytest.raises(ConfigError, match=r"b\.yaml has a key twice"):
        refuse_repeated_keys([tmp_path / "a.yaml", tmp_path / "b.yaml"])


def test_studies_that_come_along_have_no_key_twice() -> None:
    files = [HOME / "config.yaml", *sorted((HOME / "configs").glob("*.yaml"))]
    assert len(files) >= 4
    refuse_repeated_keys(files)


@pytest.mark.usefixtures("either_loader")
def test_lists_in_lists_come_to_an_end() -> None:
    deep = "a: 1\na: 2\nb: " + "[" * 300 + "]" * 300
    assert ("a", 1, 2) in list(repeated_keys(deep))
    assert list(repeated_keys("a: &a [*a, *a]\nb: *a\n")) == []


def test_what_yaml_makes_of_it_is_what_is_refused(tmp_path: Path) -> None:
    """Without the check the second one would count, and nobody would know."""
    path = tmp_path / "study.yaml"
    path.write_text("modes:\n  a: {kind: remove}\n  a: {kind: isolate}\n")
    assert load_config(path) == {"modes": {"a": {"kind": "isolate"}}}
    with pytest.raises(ConfigError, match=r"modes\.a in lines 2 and 3"):
        refuse_repeated_keys([path])

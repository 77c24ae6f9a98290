"""The order in which pictures are drawn."""

from __future__ import annotations

from bandprobe.explorer.settings import READOUTS, last_first, may_show
from bandprobe.summary.verdict import READERS


def test_the_last_layers_come_first() -> None:
    assert last_first({"a": ["1", "2", "3"], "b": ["x"], "c": ["p", "q"]}) == [
        ("a", "3"),
        ("b", "x"),
        ("c", "q"),
        ("a", "2"),
        ("c", "p"),
        ("a", "1"),
    ]
    assert last_first({}) == []


def test_readouts_are_those_of_the_answer() -> None:
    assert tuple(READERS) == READOUTS


def test_only_images_that_come_with_the_package_are_shown_unasked() -> None:
    own = [
        {"kind": "imagefolder", "root": "images"},
        {"kind": "photos", "root": "photos"},
        {"kind": "table", "root": ".", "table": "t.csv"},
        {"kind": "cifar10", "root": "cifar"},
    ]
    ours = [{"kind": "photos", "asset": "photos"}, {"kind": "phantom"}]
    assert [may_show(spec, None) for spec in own + ours] == [False] * 4 + [True] * 2
    assert all(may_show(spec, True) for spec in own + ours)
    assert not any(may_show(spec, False) for spec in own + ours)

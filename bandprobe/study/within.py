"""Paths within the results folder of one data set, wherever that folder is."""

from __future__ import annotations

from pathlib import Path

ROOT = "{dataset}/"


def relative(pattern: str, **names: str) -> str:
    """A path of `bandprobe.study.paths.Paths`, relative to the results folder of its data set."""
    return pattern.partition(ROOT)[2].format(**names)


def inside(folder: Path, pattern: str, **names: str) -> Path:
    """A path of `bandprobe.study.paths.Paths` within a results folder."""
    return folder / relative(pattern, **names)


def top(folder: Path, pattern: str) -> Path:
    """The folder within a results folder below which all paths of a pattern are."""
    return folder / pattern.partition(ROOT)[2].partition("/{")[0]

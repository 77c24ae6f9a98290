"""Paths in a results folder that was moved are those of the study, below another folder."""

from pathlib import Path

from bandprobe.study.paths import Paths
from bandprobe.study.within import inside, relative, top

NAMES = {"model": "net", "layer": "act", "readout": "map", "mode": "remove", "band": "low"}


def test_paths_are_those_of_the_study() -> None:
    moved = Path("elsewhere")
    assert relative(Paths.TARGET, **NAMES) == "targets/net/act/map/remove/low.json"
    assert inside(moved, Paths.CONFIG) == moved / "config.yaml"
    for pattern in (Paths.TARGET, Paths.SPECTRA, Paths.SUMMARY, Paths.FEATURES):
        names = NAMES | {"table": "probes", "passname": "pass-0", "split": "eval"}
        path = Path(pattern.format(dataset="mine", **names))
        assert inside(Path("results/mine"), pattern, **names) == path
        assert top(Path("results/mine"), pattern) in path.parents


def test_the_folder_of_a_pattern_has_no_wildcard() -> None:
    assert top(Path("mine"), Paths.TARGET) == Path("mine/targets")
    assert top(Path("mine"), Paths.SUMMARY) == Path("mine/summary")

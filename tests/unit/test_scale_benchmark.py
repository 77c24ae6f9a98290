"""The benchmark of one large layer runs each build's jobs on the same maps, and compares them."""

from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bandprobe.store.zarr_store import Store
from benchmarks import scale
from benchmarks.made_up import COMMAND, HERE, LAYER, Build, Job, Layer, Taken, environment

TINY = Layer(train=6, evaluation=4, channels=2, side=4, classes=2, bands=7)
FEATURES = "results/made-up/features/pixels/pass-0/train.zarr"


@pytest.fixture
def other(tmp_path: Path) -> Build:
    """Another checkout, with the configuration of this one."""
    home = tmp_path / "other"
    home.mkdir()
    (home / "config.yaml").write_text((HERE.home / "config.yaml").read_text())
    return Build(home, Path("python-of-the-other"))


def test_each_build_runs_its_jobs_on_the_same_maps(
    tmp_path: Path, other: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []

    def plan(_: Path, study: Mapping[str, Any], stages: Sequence[str], build: Build) -> list[Job]:
        assert study["readouts"] == ["map"]
        names = stages if build == HERE else stages[:1]
        return [Job(name, (), Path(f"{name}.log")) for name in names]

    def run(folder: Path, job: Job, threads: int, build: Build) -> Taken:
        maps = Store(folder / FEATURES).read(LAYER)
        assert maps.shape == (6, 2, 4, 4)
        assert threads == 2
        ran.append((job.rule, build, float(maps.sum())))
        return Taken(1.0, 1.5, 2**30) if build == HERE else Taken(4.0, 6.0, 3 * 2**30)

    monkeypatch.setattr(scale, "plan_jobs", plan)
    monkeypatch.setattr(scale, "run_job", run)
    stages = ["fit_probes", "split_logits"]
    rows = scale.measure(tmp_path / "run", TINY, [HERE, other], 2, ["map"], stages)
    assert [(rule, build) for rule, build, _ in ran] == [
        ("fit_probes", HERE),
        ("fit_probes", other),
        ("split_logits", HERE),
    ]
    assert len({total for *_, total in ran}) == 1
    fit, split, whole = (scale._cells(row) for row in rows)
    assert fit == ["`fit_probes`", "1.0", "1.5", "1.00", "4.0", "6.0", "3.00", "4.00", "3.00"]
    assert split[4:] == ["-"] * 5
    assert whole[:4] == ["`all`", "2.0", "3.0", "1.00"]
    found = {"layer": vars(TINY), "threads": 2, "readouts": ["map"], "limit": 16 * 2**30}
    text = scale.table(found | {"against": "52fda48", "jobs": rows})
    head = text.splitlines()[0]
    assert head.count("|") == len(fit) + 1
    assert "wall s, 52fda48" in head
    assert "16.0 GiB" in text


def test_commands_are_found_with_and_without_quotes() -> None:
    text = (
        'Shell command: python "$BANDPROBE"/fit_probes.py --one 1 2> logs/a.log\n'
        "Shell command: python $BANDPROBE/score_targets.py --two 2 2> logs/b.log\n"
    )
    assert COMMAND.findall(text) == [
        ("fit_probes", "--one 1", "logs/a.log"),
        ("score_targets", "--two 2", "logs/b.log"),
    ]


def test_another_checkout_finds_nothing_of_this_one(
    other: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE.home))
    assert environment(2, other.home)["PYTHONPATH"] == str(other.home)
    assert environment(2)["OMP_NUM_THREADS"] == "2"


def test_maps_are_square_and_a_checkout_has_its_interpreter(tmp_path: Path) -> None:
    assert scale.parse_layer("64,14,14") == (64, 14)
    for text in ("64,14", "64,14,28", "0,4,4"):
        with pytest.raises(ArgumentTypeError, match="C,H,W"):
            scale.parse_layer(text)
    with pytest.raises(ArgumentTypeError, match="make study"):
        scale.checkout(str(tmp_path))

"""Parts that jobs share lie where the workflow has put them, however many they are."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from bandprobe.study.parse import parse_study
from bandprobe.study.parts import shard_paths, slab_paths
from bandprobe.study.paths import Paths
from bandprobe.workflow import stores

WILDCARDS = {"dataset": "d", "model": "m", "passname": "pass-0", "layer": "a.b"}


@pytest.mark.parametrize("count", [2, 11, 12_345])
def test_parts_are_those_that_the_workflow_names(config: dict[str, Any], count: int) -> None:
    study = parse_study(deepcopy(config) | {"scale": {"shards": count, "slabs": count}})
    shards = [path.format(split="eval", **WILDCARDS) for path in stores.shards(study)]
    folder = Path(shards[0]).parents[1]
    assert [str(path) for path in shard_paths(folder, count, "eval")] == shards
    sums = [path.format(**WILDCARDS) for path in stores.slab_sums(study)]
    assert [str(path) for path in slab_paths(Path(sums[0]).parent, count)] == sums
    assert len(set(sums)) == len(set(shards)) == count
    assert sums[0].startswith(Paths.DATASET.format(dataset="d"))

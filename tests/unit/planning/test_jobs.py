"""What jobs need under a limit of memory, and what is said of those that do not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bandprobe.base.blocks import SMALLER, block_share
from bandprobe.planning.counts import Counts
from bandprobe.planning.jobs import (
    ARRAYS,
    LIBRARIES,
    job_need,
    lighter_studies,
    process_memory,
    refusal,
    rules_of,
)
from bandprobe.planning.layer import Layer
from bandprobe.planning.map_shapes import LayerShape
from bandprobe.study.config import load_config
from bandprobe.study.parse import parse_study
from bandprobe.study.study import Study

ROOT = Path(__file__).parents[3]
GB = 10**9
LAYER = Layer("net", LayerShape("layer1", 64, 14, 14), Counts(3000, 3000, 100, ""), 2)
# Of which one channel of all images is larger than a slab.
WIDE = Layer("net", LayerShape("layer1", 64, 112, 112), Counts(20_000, 20_000, 10, ""), 2)


@pytest.fixture(scope="module")
def study() -> Study:
    """The default study, with random modes and every readout."""
    return parse_study(load_config(ROOT / "config.yaml"))


def test_a_job_that_fits_keeps_the_usual_blocks(study: Study) -> None:
    for rule in rules_of(study):
        need = job_need(rule, LAYER, study, 100 * GB)
        assert need.share == 1
        assert need.memory == process_memory(rule, LAYER, study) > LIBRARIES["cpu"]


def test_smaller_blocks_are_taken_one_step_at_a_time(study: Study) -> None:
    # Without refits, of which some are decomposed whatever the blocks are.
    study = replace(study, readouts=("map", "energy"))
    needs = []
    for share in SMALLER:
        with block_share(share):
            needs.append(process_memory("fit_probes", LAYER, study))
    assert needs == sorted(needs, reverse=True)
    assert needs[-1] < needs[0] / 2
    for share, memory in zip(SMALLER, needs, strict=True):
        found = job_need("fit_probes", LAYER, study, memory)
        assert (found.share, found.memory) == (share, memory)
    least = job_need("fit_probes", LAYER, study, needs[-1] - 1)
    assert (least.share, least.memory) == (SMALLER[-1], needs[-1])


def test_larger_blocks_are_taken_where_chunks_are_read_several_times(study: Study) -> None:
    by_band = replace(study, readouts=("map", "energy"))
    usual = job_need("fit_probes", WIDE, by_band, 10**12, at_once=10**6)
    assert usual.share == 1
    larger = job_need("fit_probes", WIDE, by_band, 10**12)
    assert larger.share > 1
    assert usual.memory < larger.memory <= 10**12
    # As many jobs as can run still fit.
    limit = larger.memory + GB
    assert job_need("fit_probes", WIDE, by_band, limit, at_once=2).memory <= limit // 2
    assert job_need("score_targets", WIDE, by_band, 10**12).share == 1
    assert job_need("fit_probes", LAYER, by_band, 10**12).share == 1


def test_a_job_that_does_not_fit_is_named_with_what_lowers_it(study: Study) -> None:
    least = job_need("fit_probes", LAYER, study, 0).memory
    assert refusal("fit_probes", LAYER, study, least) is None
    limited = replace(study, scale=replace(study.scale, memory=least))
    text = str(refusal("fit_probes", LAYER, limited, least - GB // 4))
    assert "fit_probes of net layer1 does not fit into memory" in text
    assert "what scale.memory leaves to jobs" in text
    assert "readouts without energy, refit (" in text
    # A setting that changes nothing of this job is none to change.
    assert "controls.masks" not in text
    assert "controls.masks: 0 (" in str(refusal("split_logits", LAYER, study, 0))


def test_lighter_studies_need_no_more_of_anything(study: Study) -> None:
    found = dict(lighter_studies(study))
    for text, other in found.items():
        for rule in ARRAYS:
            lower, usual = (process_memory(rule, LAYER, one) for one in (other, study))
            assert lower <= usual, (text, rule)
    lower = process_memory("fit_probes", LAYER, found["readouts without energy, refit"])
    assert lower < process_memory("fit_probes", LAYER, study) / 2


def test_jobs_are_those_of_the_study(study: Study) -> None:
    assert "sum_slab" not in rules_of(study)
    assert "redraw_splits" not in rules_of(study)
    slabs = replace(study, scale=replace(study.scale, slabs=2), modes={})
    assert "sum_slab" in rules_of(slabs)
    assert "intervene_random" not in rules_of(slabs)

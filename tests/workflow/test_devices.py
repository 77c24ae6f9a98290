"""Where a study is computed is no part of what its results are made from."""

import pytest
import torch

from tests.workflow.conftest import TinyStudy


def test_another_device_runs_nothing_again(planner: TinyStudy) -> None:
    planner.config["device"] = "cuda"
    assert not planner.plan().jobs


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_log_says_so(fresh: TinyStudy) -> None:
    fresh.config["device"] = "cuda"
    fresh.config["models"].pop("pixels")
    output = fresh.fails("features")
    assert "device: cuda, but PyTorch finds no GPU here" in output
    assert "device: cpu gives the same results" in output


def test_an_unknown_device_is_refused_with_the_known_ones(fresh: TinyStudy) -> None:
    fresh.config["device"] = "tpu"
    output = fresh.fails("features")
    assert "device: 'tpu' is not one of ['cpu', 'cuda']" in output

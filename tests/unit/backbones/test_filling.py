"""Files as training frameworks save them: which tensors fill a network, and which cannot."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bandprobe.backbones.checkpoints import has_initial_statistics, read_checkpoint
from bandprobe.backbones.filling import Filled, Library, filled
from bandprobe.errors import ModelError
from tests.unit.networks import scramble

Tensors = dict[str, torch.Tensor]


class Net(nn.Module):
    """A small network with blocks, batch statistics and a classifier."""

    def __init__(self, num_classes: int = 5, depth: int = 2, in_chans: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_chans, 4, 3)
        self.layers = nn.ModuleList([nn.Conv2d(4, 4, 1) for _ in range(depth)])
        self.bn1 = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, num_classes) if num_classes else nn.Identity()


def tensors_of(seed: int = 1, **arguments: Any) -> Tensors:
    """The tensors of a network, none of which are as it was built."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return dict(scramble(Net(**arguments), seed).state_dict())


def without(tensors: Mapping[str, torch.Tensor], start: str) -> Tensors:
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(start)}


def behind(prefix: str, tensors: Mapping[str, torch.Tensor]) -> Tensors:
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def fill_from(
    folder: Path,
    content: Any,
    arguments: Mapping[str, Any] | None = None,
    key: str | None = None,
    prefix: str | None = None,
    sets_classes: bool = False,
) -> Filled:
    """Fill `Net` from a file with some content."""
    torch.save(content, folder / "a.ckpt.pth")
    checkpoint = read_checkpoint(folder / "a.ckpt.pth", "a file")
    library = Library(lambda given: Net(**given), sets_classes)
    return filled(checkpoint, library, arguments or {}, key, prefix)


def assert_filled(done: Filled, expected: Mapping[str, torch.Tensor]) -> None:
    found = done.network.state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert set(found) - set(expected) <= {"fc.weight", "fc.bias", "bn1.num_batches_tracked"}


PLAIN = tensors_of()
BODY = without(PLAIN, "fc.")
OTHER = tensors_of(2)
METRIC = {"accuracy.confmat": torch.zeros(5, 5), "accuracy.total": torch.tensor(3)}
CASES = {
    "flat": PLAIN,
    "lightning": {
        "epoch": 3,
        "state_dict": behind("model.", PLAIN),
        "hyper_parameters": {"lr": 0.1, "betas": [0.9, 0.99], "name": "resnet"},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(4)}}}],
        "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.5)}},
    },
    "a metric's buffer": {"state_dict": behind("model.", PLAIN) | METRIC},
    "a loss with weights": {"state_dict": behind("net.", PLAIN) | {"loss.weight": torch.ones(5)}},
    "ddp": behind("module.", PLAIN),
    "compiled": behind("_orig_mod.", PLAIN),
    "ddp, compiled": {"model": behind("module._orig_mod.", PLAIN)},
    "compiled, ddp": {"model": behind("_orig_mod.module.", PLAIN)},
    "lightning, compiled": {"state_dict": behind("model._orig_mod.", PLAIN)},
    "a compiled block": {
        name.replace("layers.0.", "layers.0._orig_mod."): tensor for name, tensor in PLAIN.items()
    },
    "backbone": behind("backbone.", PLAIN) | {"neck.weight": torch.zeros(4, 4)},
    "nested": {"checkpoint": {"weights": {"net": behind("encoder.trunk.", PLAIN)}}},
    "an optimizer that looks like it": {"model": PLAIN, "optimizer": {"exp_avg": OTHER}},
    "stored twice": {"state_dict": behind("model.", PLAIN) | behind("alias.", PLAIN)},
    "a student of another depth": {
        "teacher": behind("backbone.", PLAIN),
        "student": behind("module.backbone.", tensors_of(3, depth=4)),
    },
    "no counts": {name: t for name, t in PLAIN.items() if "num_batches" not in name},
}


@pytest.mark.parametrize("case", CASES)
def test_what_fills_the_network_is_found(tmp_path: Path, case: str) -> None:
    done = fill_from(tmp_path, CASES[case])
    expected = {name: t for name, t in PLAIN.items() if "num_batches" not in name}
    assert_filled(done, expected)
    assert done.lacking == ()


NO_CLASSIFIER = {
    "backbone alone": BODY,
    "dino teacher": {
        "teacher": behind("backbone.", BODY) | {"head.mlp.0.weight": OTHER["bn1.bias"]}
    },
    "moco": behind("module.encoder_q.", BODY | {"fc.0.weight": torch.ones(4, 4)})
    | {"module.queue": torch.zeros(3), "module.queue_ptr": torch.zeros(1)},
    "mae": {
        "model": BODY
        | {"mask_token": torch.zeros(4), "decoder_embed.weight": torch.zeros(4, 4)}
        | {"decoder_blocks.0.mlp.fc1.weight": torch.zeros(4, 4)}
    },
    "a head of another kind": BODY | {"head.mlp.weight": torch.zeros(9, 4)},
}


@pytest.mark.parametrize("case", NO_CLASSIFIER)
def test_a_backbone_without_classifier_fills_all_else(tmp_path: Path, case: str) -> None:
    done = fill_from(tmp_path, NO_CLASSIFIER[case])
    assert_filled(done, BODY)
    assert done.lacking == ("fc",)


def test_a_classifier_is_left_where_the_network_has_none(tmp_path: Path) -> None:
    done = fill_from(tmp_path, behind("model.", PLAIN), {"num_classes": 0})
    assert_filled(done, BODY)
    assert done.lacking == ()


AMBIGUOUS = {
    "ema": (
        {"state_dict": PLAIN, "state_dict_ema": OTHER},
        {"key": "state_dict"},
        ["weights_key 'state_dict', weights_prefix ''", "weights_key 'state_dict_ema'"],
    ),
    "ema of lightning": (
        {"state_dict": behind("model.", PLAIN) | behind("ema_model.module.", OTHER)},
        {"prefix": "model."},
        ["weights_prefix 'model.'", "weights_prefix 'ema_model.module.'"],
    ),
    "teacher and student": (
        {
            "teacher": behind("backbone.", PLAIN),
            "student": behind("module.backbone.", OTHER) | {"module.head.weight": torch.ones(3)},
        },
        {"key": "teacher"},
        ["weights_key 'teacher', weights_prefix 'backbone.'", "weights_prefix 'module.backbone.'"],
    ),
    "query and key": (
        {"state_dict": behind("module.encoder_q.", BODY) | behind("module.encoder_k.", OTHER)},
        {"prefix": "module.encoder_q"},
        ["weights_prefix 'module.encoder_q.'", "weights_prefix 'module.encoder_k.'"],
    ),
    "beside the file's own": (
        PLAIN | {"ema": OTHER},
        {"key": ""},
        ["weights_key '', weights_prefix ''", "weights_key 'ema'"],
    ),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_of_several_sets_none_is_taken_before_one_is_chosen(tmp_path: Path, case: str) -> None:
    content, choice, listed = AMBIGUOUS[case]
    with pytest.raises(ModelError) as caught:
        fill_from(tmp_path, content)
    assert "more than one set of weights that fills the network" in str(caught.value)
    for one in listed:
        assert one in str(caught.value)
    done = fill_from(tmp_path, content, **choice)
    assert_filled(done, BODY)
    assert not torch.equal(done.network.conv1.weight, OTHER["conv1.weight"])


def test_the_source_says_where_the_tensors_were(tmp_path: Path) -> None:
    done = fill_from(tmp_path, CASES["lightning"])
    assert done.checkpoint.source == ("a file (weights_key 'state_dict', weights_prefix 'model.')")
    assert fill_from(tmp_path, PLAIN).checkpoint.source == "a file"


def test_a_key_or_prefix_that_does_not_occur_lists_those_that_do(tmp_path: Path) -> None:
    content = {"teacher": behind("backbone.", PLAIN), "student": behind("backbone.", OTHER)}
    with pytest.raises(ModelError, match=r"weights_key(?s:.*)tutor(?s:.*)teacher(?s:.*)student"):
        fill_from(tmp_path, content, key="tutor")
    with pytest.raises(ModelError, match=r"weights_prefix(?s:.*)trunk(?s:.*)backbone\."):
        fill_from(tmp_path, content, key="teacher", prefix="trunk")


def message(folder: Path, content: Any, **arguments: Any) -> str:
    with pytest.raises(ModelError) as caught:
        fill_from(folder, content, arguments)
    return str(caught.value)


def test_what_does_not_fit_is_told_by_counts_and_three_examples(tmp_path: Path) -> None:
    text = message(tmp_path, {"state_dict": behind("model.", PLAIN)}, depth=6)
    assert "a.ckpt.pth does not fill the architecture" in text
    assert "expected: 21 tensors" in re.sub(" +", " ", text)
    assert "13 of them (weights_key 'state_dict', weights_prefix 'model.'); 8 missing: " in text
    assert "layers.2.weight, layers.2.bias, layers.3.weight ..." in text
    assert "layers.4" not in text

    text = message(tmp_path, PLAIN, depth=1)
    assert "2 left over: layers.1.weight, layers.1.bias\n" in text
    text = message(tmp_path, PLAIN, in_chans=1)
    assert "1 of another shape: conv1.weight (4x3x3x3, not 4x1x3x3)" in text


def test_tensors_of_another_network_are_told_by_both_names(tmp_path: Path) -> None:
    text = message(tmp_path, {"state_dict": {f"stem.{n}.gamma": torch.ones(1) for n in range(9)}})
    assert "such as conv1.weight, conv1.bias, layers.0.weight ..." in text
    assert "none of these names; 9 tensors under 'state_dict', such as stem.0.gamma" in text


@pytest.mark.parametrize("name", ["conv1.weight", "bn1.running_mean", "layers.1.bias"])
def test_a_single_missing_tensor_is_never_left_random(tmp_path: Path, name: str) -> None:
    text = message(tmp_path, behind("model.", without(PLAIN, name)))
    assert f"1 missing: {name}" in text


@pytest.mark.parametrize("name", ["fc.weight", "fc.bias"])
def test_half_a_classifier_is_no_classifier(tmp_path: Path, name: str) -> None:
    done = fill_from(tmp_path, without(PLAIN, name))
    assert done.lacking == ("fc",)
    left = ({"fc.weight", "fc.bias"} - {name}).pop()
    assert not torch.equal(done.network.state_dict()[left], PLAIN[left])


def test_a_classifier_of_another_size_gives_the_number_of_classes(tmp_path: Path) -> None:
    done = fill_from(tmp_path, tensors_of(1, num_classes=9), sets_classes=True)
    assert done.network.fc.out_features == 9
    assert_filled(done, tensors_of(1, num_classes=9))
    assert done.lacking == ()


def test_or_the_hint_where_it_cannot_be_set(tmp_path: Path) -> None:
    text = message(tmp_path, tensors_of(1, num_classes=9))
    assert "expected: that of the network, 5" in re.sub(" +", " ", text)
    assert "found: 9" in re.sub(" +", " ", text)
    assert "arguments: {num_classes: 9}" in text
    with pytest.raises(ModelError, match="num_classes: 9"):
        fill_from(tmp_path, tensors_of(1, num_classes=9), {"num_classes": 4}, sets_classes=True)


def test_a_network_that_ends_in_a_block_has_no_classifier(tmp_path: Path) -> None:
    """Its last linear layer is part of the backbone, and must not be left random."""

    def make(_: Mapping[str, Any]) -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 4, 1), nn.Linear(4, 4))

    content = without(make({}).state_dict(), "1.")
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ModelError, match=r"2 missing: 1\.weight, 1\.bias"):
        filled(read_checkpoint(tmp_path / "a.pth", ""), Library(make, False), {})


def test_batch_statistics_tell_whether_a_network_was_trained() -> None:
    network = Net()
    assert has_initial_statistics(network)
    network.train()
    network.bn1(torch.rand(2, 4, 3, 3))
    assert not has_initial_statistics(network)
    assert not has_initial_statistics(nn.Linear(2, 2)), "without statistics nothing is known"

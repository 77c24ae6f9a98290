"""Checkpoints become safetensors under the architecture's names, or are refused."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file

from bandprobe.backbones.convert import check_shapes, convert_weights, in_order
from bandprobe.data.assets import ASSETS, Asset
from bandprobe.errors import AssetError


@pytest.fixture
def asset() -> Asset:
    return dataclasses.replace(
        ASSETS["efficientnet-lite0"], architecture="resnet10t", convert="state-dict"
    )


def test_a_state_dict_takes_the_names_of_the_architecture(tmp_path: Path, asset: Asset) -> None:
    state = timm.create_model("resnet10t").state_dict()
    content = io.BytesIO()
    torch.save({f"old.{number}": tensor for number, tensor in enumerate(state.values())}, content)
    convert_weights(asset, content.getvalue(), tmp_path / "weights.safetensors")
    converted = load_file(tmp_path / "weights.safetensors")
    assert set(converted) == set(state)
    assert all(torch.equal(converted[name], state[name]) for name in state)


def test_an_asset_without_weights_is_refused(tmp_path: Path, asset: Asset) -> None:
    wrong = dataclasses.replace(asset, convert="none")
    with pytest.raises(AssetError, match="weights"):
        convert_weights(wrong, b"", tmp_path / "weights.safetensors")
    assert not list(tmp_path.iterdir())


def test_another_number_of_tensors_is_refused() -> None:
    one, two = torch.zeros(1), torch.zeros(2)
    assert in_order({"x": one, "y": two}, {"a": one, "b": two}) == {"a": one, "b": two}
    with pytest.raises(AssetError, match=r"(?s)expected: 2 tensors.*found: +1 tensors"):
        in_order({"x": one}, {"a": one, "b": two})


def test_missing_surplus_and_misshapen_tensors_are_named() -> None:
    expected = {"a": torch.zeros(1), "b": torch.zeros(2)}
    check_shapes(dict(expected), expected, "wheel")
    with pytest.raises(AssetError, match=r"missing \['b'\].*\['c'\].*\['a'\]"):
        check_shapes({"a": torch.zeros(3), "c": torch.zeros(1)}, expected, "wheel")

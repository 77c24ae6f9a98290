"""Names of a vision transformer's tensors, from one library to the other and back."""

import timm
import torchvision.models

from bandprobe.backbones.renaming import (
    is_timm_vit,
    is_torchvision_vit,
    vit_to_timm,
    vit_to_torchvision,
)


def test_renaming_there_and_back_is_the_identity() -> None:
    names = torchvision.models.vit_b_16(image_size=32).state_dict()
    there = vit_to_timm(names)
    assert set(there) == set(timm.create_model("vit_base_patch16_224", img_size=32).state_dict())
    back = vit_to_torchvision(there)
    assert list(back) == list(names)
    assert all(back[name] is names[name] for name in names)


def test_each_library_is_known_by_its_names() -> None:
    names = torchvision.models.vit_b_16(image_size=32).state_dict()
    assert is_torchvision_vit(names)
    assert not is_timm_vit(names)
    assert is_timm_vit(vit_to_timm(names))
    assert not is_torchvision_vit(vit_to_timm(names))
    resnet = torchvision.models.resnet18().state_dict()
    assert not is_timm_vit(resnet)
    assert not is_torchvision_vit(resnet)


def test_unknown_names_are_kept_and_old_ones_renamed() -> None:
    block = "encoder.layers.encoder_layer_3."
    names = {f"{block}mlp.linear_1.weight": 1, f"{block}new": 2, "other": 3}
    assert vit_to_timm(names) == {"blocks.3.mlp.fc1.weight": 1, "blocks.3.new": 2, "other": 3}
    assert vit_to_torchvision({"blocks.3.new": 2, "other": 3}) == {f"{block}new": 2, "other": 3}

"""Families of networks, as the page lists them: a few of the smallest."""

from __future__ import annotations

import pytest
import timm

from bandprobe.backbones.backbone import load_backbone
from bandprobe.backbones.layouts import Layout
from bandprobe.planning.survey import head_fault, layouts_text, survey, survey_modules
from docs.generate_networks import PAGE, VARIANTS, table


@pytest.mark.parametrize(
    ("name", "layers", "layout"),
    [
        ("test_vit", [f"blocks.{number}" for number in range(6)], "tokens, 1 of them prefix"),
        ("test_convnext", [f"stages.{number}" for number in range(4)], "channels first"),
        ("test_mambaout", [f"stages.{number}" for number in range(4)], "channels last"),
        ("test_resnet", ["act1", *(f"layer{number}" for number in range(1, 5))], "channels first"),
    ],
)
def test_a_family_is_read_as_its_library_says(name: str, layers: list[str], layout: str) -> None:
    found = survey(f"timm/{name}")
    assert list(found.layouts) == layers
    assert layouts_text(found.layouts) == layout
    assert found.error == 0
    assert found.missing == 0
    assert found.head == ""
    assert found.oblong == (160, 240)
    assert found.oblong_error == 0


def test_what_goes_around_a_layer_is_said() -> None:
    backbone = load_backbone("timm/test_resnet", "random", {}, 0, None)
    assert "cannot go on" in head_fault(backbone, "layer1.0.bn2", (64, 64))


def test_a_network_that_declares_nothing_is_checked_by_place() -> None:
    assert survey_modules("torchvision/resnet18") == {
        f"layer{number}": "shown" for number in range(1, 5)
    }


def test_layouts_are_said_in_words() -> None:
    layouts = {
        "a": Layout(grid=(2, 2), order=(0, 2, 1, 3), element=1),
        "b": Layout(channels_last=True),
        "c": Layout(channels_last=True),
    }
    expected = "tokens, 0 of them prefix, in another order, element 1; channels last"
    assert layouts_text(layouts) == expected


def test_the_page_has_a_variant_of_every_module() -> None:
    modules = [
        timm.models.model_entrypoint(name).__module__.rpartition(".")[2] for name in VARIANTS
    ]
    assert sorted(modules) == sorted(timm.list_modules())
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in timm.list_modules() if f"| {name} |" not in text] == []
    assert table(("a", "b"), iter([("1", "2")])) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"

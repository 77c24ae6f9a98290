"""Errors name the thing, what was expected, what was found, and a way out."""

from bandprobe.errors import BandprobeError, ConfigError, closest, unknown_name


def test_message_holds_every_part() -> None:
    lines = str(ConfigError("wrong", expected="a", found=0, hint="do b")).splitlines()
    assert lines == ["wrong", "  expected: a", "  found:    0", "  Hint: do b"]


def test_message_leaves_out_what_was_not_given() -> None:
    assert str(BandprobeError("wrong")) == "wrong"


def test_unknown_name_suggests_only_what_is_near() -> None:
    assert "Did you mean 'layer1'?" in unknown_name("layer", "layr1", ["layer1", "stem"])
    far = unknown_name("layer", "zzz", ["layer1", "stem"])
    assert "Did you mean" not in far
    assert "layer1, stem" in far


def test_a_name_of_the_same_family_is_meant() -> None:
    """By letters alone, resnest14 would be as near as resnet18."""
    models = ["resnest14d", "resnext81", "resnet8", "resnet18", "resnet34", "seresnet81"]
    assert closest("resnet81", models) == "resnet18", "two digits in another order"
    assert closest("resnet35", models) == "resnet34"
    assert closest("restnet18", ["resnest14d", "resnet18"]) == "resnet18", "no family: the nearest"
    assert closest("zzz", models) is None
    assert closest("a", []) is None


def test_of_many_names_the_nearest_are_listed() -> None:
    names = [f"net{number}" for number in range(1000)]
    text = unknown_name("network", "net123x", names)
    assert "Did you mean 'net123'?" in text
    assert text.count(",") == 12
    assert text.endswith("and 988 more")

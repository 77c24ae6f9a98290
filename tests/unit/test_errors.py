"""Errors name the thing, what was expected, what was found, and a way out."""

from bandprobe.errors import BandprobeError, ConfigError, unknown_name


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

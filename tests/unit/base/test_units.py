"""Bytes and times as people read them."""

import pytest

from bandprobe.base.units import from_text, in_bytes, in_time
from bandprobe.errors import BandprobeError


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1_536_000, "1.54 MB"),
        (3.85e11, "385 GB"),
        (5e15, "5e+03 TB"),
    ],
)
def test_bytes_are_in_powers_of_1000(count: float, text: str) -> None:
    assert in_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.123, "0.12 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (5400, "1.5 h")],
)
def test_times_are_in_the_unit_that_suits_them(seconds: float, text: str) -> None:
    assert in_time(seconds) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("16GB", 16_000_000_000),
        ("12GiB", 12 * 2**30),
        ("800MB", 800_000_000),
        (" 1.5 gb ", 1_500_000_000),
        ("0.5TiB", 2**39),
    ],
)
def test_sizes_are_read_with_their_units(text: str, size: int) -> None:
    assert from_text(text, "scale.memory") == size


@pytest.mark.parametrize("text", ["16", "GB", "-3GB", "16 GO", "0GB", "1e3MB", "16GB or so", ""])
def test_what_is_no_size_is_named_with_what_was_expected(text: str) -> None:
    with pytest.raises(BandprobeError, match=r"scale\.memory: not a size") as caught:
        from_text(text, "scale.memory")
    assert "such as 16GB" in str(caught.value)

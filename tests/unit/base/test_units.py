"""Bytes and times as people read them."""

import pytest

from bandprobe.base.units import in_bytes, in_time


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

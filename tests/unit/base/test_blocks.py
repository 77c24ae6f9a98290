"""A share of the usual sizes of parts."""

from __future__ import annotations

import pytest

from bandprobe.base.blocks import block_share, sized


def test_usual_sizes_are_those_that_were_written_down() -> None:
    assert sized(64_000_000) == 64_000_000


def test_a_share_holds_within_a_block_and_ends_with_it() -> None:
    with block_share(0.25):
        assert sized(64_000_000) == 16_000_000
        with block_share(4.0):
            assert sized(64_000_000) == 256_000_000
        assert sized(3) == 1
    assert sized(64_000_000) == 64_000_000


def test_it_ends_with_an_error_too() -> None:
    with pytest.raises(KeyError), block_share(0.5):
        raise KeyError
    assert sized(10) == 10


def test_a_part_is_never_empty() -> None:
    with block_share(1e-9):
        assert sized(10) == 1
    with pytest.raises(ValueError, match="more than 0"), block_share(0):
        pass

"""Records of targets: numbers that are known, and flags that say why one is missing."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bandprobe.head_settings import NO_PREFIX_TOKENS, PREFIX_BYPASS
from bandprobe.results import (
    BLIND,
    EMPTY_BAND,
    FLAG_MEANINGS,
    NO_BETTER_THAN_CHANCE,
    score_mode,
)
from bandprobe.scores import ModeOutcomes, Outcomes, blank_empty

NAMES = ("low", "mid", "high")
NUMBERS = ("top1", "top1_drop", "rank", "rank_degradation", "margin")
INTERVALS = ("top1_drop_ci", "rank_degradation_ci")


def mode(n_samples: int = 40, clean_correct: float = 1.0, n_classes: int = 10) -> ModeOutcomes:
    """Band 0 changes nothing, band 1 is empty, band 2 loses a quarter; two draws."""
    right = (np.arange(n_samples) < clean_correct * n_samples).astype(np.float32)
    clean = Outcomes(right, 3 - 2 * right, 2 * right - 1)
    correct = np.stack([np.stack([right] * 2)] * 3)
    correct[2, 0, : n_samples // 2] = 0
    rank = np.stack([np.stack([clean.rank] * 2)] * 3)
    rank[2, 0, : n_samples // 2] = 5
    margin = np.zeros_like(rank)
    margin[2] = [[0.5], [1.5]]
    bins = np.array([1, 0, 20])
    changed = blank_empty(Outcomes(correct, rank, margin), bins)
    label = np.arange(n_samples) % n_classes
    sees = np.array([True, False, True])
    group = np.arange(n_samples) // 2
    return ModeOutcomes(changed, clean, label, group, bins, sees, n_classes)


def scored(found: ModeOutcomes) -> list[dict[str, Any]]:
    return score_mode(found, NAMES, 500, 0.95, 0)


def test_numbers_are_means_over_draws_and_paired_differences() -> None:
    same, _, lost = scored(mode())
    assert (same["top1"], same["top1_drop"], same["rank_degradation"]) == (1.0, 0.0, 0.0)
    assert same["top1_drop_ci"] == [0.0, 0.0]
    assert (lost["top1"], lost["top1_drop"]) == (0.75, 0.25)
    assert (lost["rank"], lost["rank_degradation"]) == (2.0, 1.0)
    assert lost["margin"] == pytest.approx(1.0)
    low, high = lost["top1_drop_ci"]
    assert 0 < low < 0.25 < high < 0.5
    assert [record["band"] for record in scored(mode())] == list(NAMES)


def test_every_record_describes_the_clean_map_and_the_sample() -> None:
    for record in scored(mode(clean_correct=0.5)):
        assert (record["n_samples"], record["n_groups"], record["n_classes"]) == (40, 20, 10)
        assert record["chance"] == 0.1
        assert (record["clean_top1"], record["clean_rank"]) == (0.5, 2.0)
        assert record["clean_margin"] == 0.0
        assert record["clean_top1_ci"][0] < 0.5 < record["clean_top1_ci"][1]


def test_an_empty_band_has_no_numbers_and_says_why() -> None:
    _, empty, _ = scored(mode())
    assert all(empty[name] is None for name in (*NUMBERS, *INTERVALS))
    assert empty["bins"] == 0
    assert empty["flags"] == [EMPTY_BAND]
    assert EMPTY_BAND == "empty-band"


def test_a_band_with_bins_has_all_numbers_and_no_flag() -> None:
    for record in scored(mode())[::2]:
        assert all(record[name] is not None for name in (*NUMBERS, *INTERVALS))
        assert record["flags"] == []


def test_a_band_that_the_readout_cannot_see_is_flagged_and_keeps_its_numbers() -> None:
    found = mode()
    found.sees[2] = False
    blind = scored(found)[2]
    assert blind["flags"] == [BLIND]
    assert blind["top1"] == 0.75


def test_a_clean_accuracy_near_chance_is_flagged_in_every_band() -> None:
    assert all(NO_BETTER_THAN_CHANCE in record["flags"] for record in scored(mode(40, 0.1)))
    assert all(NO_BETTER_THAN_CHANCE in record["flags"] for record in scored(mode(40, 0.0)))
    assert not any(NO_BETTER_THAN_CHANCE in record["flags"] for record in scored(mode(40, 0.6)))


def test_what_all_bands_share_stands_on_those_with_bins() -> None:
    found = replace(mode(), flags=(PREFIX_BYPASS,))
    assert [record["flags"] for record in scored(found)] == [
        [PREFIX_BYPASS],
        [EMPTY_BAND],
        [PREFIX_BYPASS],
    ]


def test_every_flag_has_a_meaning() -> None:
    head = {PREFIX_BYPASS, NO_PREFIX_TOKENS}
    assert set(FLAG_MEANINGS) == {EMPTY_BAND, BLIND, NO_BETTER_THAN_CHANCE} | head
    assert all(FLAG_MEANINGS.values())

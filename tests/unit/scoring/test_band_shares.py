"""Shares of the accuracy above chance: right values, intervals that selection does not break."""

import numpy as np
import pytest

from bandprobe.scoring.band_shares import Shares, is_above_chance, shares_above_chance, together
from bandprobe.scoring.intervals import IntervalSettings

SETTINGS = IntervalSettings(2000, 0.95, 0)
FREE = np.zeros(3, bool)


def test_shares_are_ratios_of_what_is_above_chance() -> None:
    complete = np.r_[np.ones(80), np.zeros(20)]
    alone = np.stack([np.r_[np.ones(50), np.zeros(50)], np.r_[np.ones(20), np.zeros(80)]])
    found = shares_above_chance(alone - 0.2, complete, 0.2, FREE[:2], np.arange(100), SETTINGS)
    np.testing.assert_allclose(found.value, [0.5, 0.0], atol=1e-12)
    assert (found.low < found.value).all()
    assert (found.value < found.high).all()
    assert found.largest() == (found.value[0], found.low[0], found.high.max())


def test_a_band_that_keeps_all_has_all() -> None:
    complete = np.r_[np.ones(80), np.zeros(20)]
    fixed = np.array([True, False, False])
    parts = np.stack([complete - 0.2, complete - 0.2, np.full(100, np.nan)])
    found = shares_above_chance(parts, complete, 0.2, fixed, np.arange(100), SETTINGS)
    np.testing.assert_allclose(found.value[:2], 1)
    assert found.low[0] == found.high[0] == found.value[0]
    assert found.low[1] < 1 < found.high[1]
    assert np.isnan([values[2] for values in found]).all()


def test_without_accuracy_above_chance_there_is_no_share() -> None:
    complete = np.r_[np.ones(25), np.zeros(75)]
    assert not is_above_chance(complete, 0.2, np.arange(100), SETTINGS)
    found = shares_above_chance(
        np.tile(complete - 0.2, (3, 1)), complete, 0.2, FREE, np.arange(100), SETTINGS
    )
    assert np.isnan(found).all()
    assert np.isnan(found.largest()).all()


@pytest.mark.parametrize("interval", ["cluster-t", "bootstrap"])
def test_more_bands_make_the_interval_of_each_wider(interval: str) -> None:
    settings = IntervalSettings(2000, 0.95, 0, interval)
    generator = np.random.default_rng(1)
    complete = (generator.random(300) < 0.8).astype(float)
    parts = (generator.random((7, 300)) < 0.4) - 0.1
    one = shares_above_chance(parts[:1], complete, 0.1, FREE[:1], np.arange(300), settings)
    seven = shares_above_chance(parts, complete, 0.1, np.zeros(7, bool), np.arange(300), settings)
    assert seven.low[0] < one.low[0] < one.high[0] < seven.high[0]
    assert together(settings, 5).level == pytest.approx(0.99)
    assert together(settings, 0).level == 0.95


def test_the_interval_of_the_best_band_holds_although_it_was_chosen() -> None:
    """Seven equal bands: the best looks better than it is, and its own interval would miss."""
    generator = np.random.default_rng(2)
    truth = (0.5 - 0.1) / (0.9 - 0.1)
    groups = np.repeat(np.arange(60), 2)
    held, alone = 0, 0
    for _ in range(300):
        # The answers of the two images of a group are the same.
        chosen = generator.random((7, 60)) < 0.5
        complete = np.maximum(chosen[0], generator.random(60) < 0.8)[groups].astype(float)
        parts = chosen[:, groups] - 0.1
        free = np.zeros(7, bool)
        _, low, high = shares_above_chance(parts, complete, 0.1, free, groups, SETTINGS).largest()
        held += low <= truth <= high
        best = int(parts.mean(1).argmax())
        single = shares_above_chance(parts[[best]], complete, 0.1, free[:1], groups, SETTINGS)
        alone += single.low[0] <= truth <= single.high[0]
    assert held / 300 >= 0.95
    assert alone < held


def test_a_ratio_knows_that_both_come_from_the_same_images() -> None:
    """Coverage of a single share whose numerator and denominator go together."""
    generator = np.random.default_rng(3)
    truth, held = (0.6 - 0.1) / (0.8 - 0.1), 0
    widths = []
    for _ in range(400):
        draws = generator.random(120)
        complete, part = (draws < 0.8).astype(float), (draws < 0.6) - 0.1
        share = shares_above_chance(part[None], complete, 0.1, FREE[:1], np.arange(120), SETTINGS)
        held += share.low[0] <= truth <= share.high[0]
        widths.append(share.high[0] - share.low[0])
    assert 0.93 <= held / 400 <= 0.98
    # Of independent ones the standard error would be 0.079, and the interval 0.31 wide.
    assert np.mean(widths) < 0.25


def test_largest_takes_the_largest_of_each_bound() -> None:
    found = Shares(np.array([0.5, 0.4]), np.array([0.1, 0.3]), np.array([0.9, 0.5]))
    assert found.largest() == (0.5, 0.3, 0.9)

"""The rule that chooses images."""

from __future__ import annotations

import numpy as np

from bandprobe.explorer.choose import HELPED, HURT, MEDIAN, RULES, UNHARMED, chosen_images


def margins(*drops: float) -> tuple[np.ndarray, np.ndarray]:
    clean = np.linspace(0.1, 0.9, len(drops)).astype(np.float32)
    return clean, (clean - np.array(drops)).astype(np.float32)


def test_each_rule_chooses_by_hand() -> None:
    # Median 1; the last is nearest to no change.
    found = chosen_images(*margins(5, -2, 1, 3, 0.25), 0)
    assert found == {HURT: 0, HELPED: 1, MEDIAN: 2, UNHARMED: 4}
    assert list(found) == list(RULES)


def test_no_image_stands_for_two_rules() -> None:
    # That of the median changes least of all, so the next takes the other place.
    found = chosen_images(*margins(4, -3, 0.0, 0.5, -0.75), 0)
    assert found == {HURT: 0, HELPED: 1, MEDIAN: 2, UNHARMED: 3}


def test_nobody_is_named_helped_or_hurt_who_was_not() -> None:
    assert chosen_images(*margins(1, 2, 3), 0) == {HURT: 2, MEDIAN: 1, UNHARMED: 0}
    assert chosen_images(*margins(-1, -2, -4), 0) == {HELPED: 2, MEDIAN: 1, UNHARMED: 0}
    assert HURT not in chosen_images(*margins(0, 0, 0), 0)


def test_few_images_are_each_shown_once() -> None:
    assert chosen_images(*margins(1), 0) == {HURT: 0}
    assert chosen_images(*margins(1, -1), 0) == {HURT: 0, HELPED: 1}


def test_a_seed_decides_between_equal_images() -> None:
    clean, changed = np.zeros(40, np.float32), np.full(40, -1, np.float32)
    found = [tuple(chosen_images(clean, changed, seed).values()) for seed in range(10)]
    assert found[3] == tuple(chosen_images(clean, changed, 3).values())
    assert len(set(found)) == 10
    assert all(len(set(one)) == 3 for one in found)


def test_a_seed_decides_nothing_else(rng: np.random.Generator) -> None:
    clean, changed = rng.normal(size=(2, 200)).astype(np.float32)
    assert chosen_images(clean, changed, 0) == chosen_images(clean, changed, 1)

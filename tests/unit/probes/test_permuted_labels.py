"""Permuted labels respect groups."""

import numpy as np

from bandprobe.probes.permuted_labels import permuted_labels


def test_permuted_labels_keep_groups_together_and_the_labels_of_groups() -> None:
    groups = np.repeat([5, 2, 9, 7], 3)
    labels = np.repeat([0, 1, 1, 2], 3)
    seen = set()
    for draw in range(60):
        dealt = permuted_labels(labels, groups, 0, draw)
        assert all(len(set(dealt[groups == group])) == 1 for group in groups)
        assert sorted(dealt) == sorted(labels)
        seen.add(tuple(dealt[::3]))
    assert len(seen) == 12, "all orders of 0, 1, 1, 2"


def test_permuted_labels_of_mixed_groups_are_dealt_to_samples() -> None:
    groups, labels = np.repeat([0, 1], 4), np.arange(8) % 4
    dealt = [permuted_labels(labels, groups, 0, draw) for draw in range(20)]
    assert all(sorted(one) == sorted(labels) for one in dealt)
    assert any(len(set(one[:4])) < 4 for one in dealt)

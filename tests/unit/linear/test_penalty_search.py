"""The search finds the minimum of a smooth path, and says what it has not seen."""

import numpy as np
import pytest

from bandprobe.linear.penalty_search import search_path

COUNT, CLASSES = 13, 20


def search(path: np.ndarray, start: int | None) -> tuple[np.ndarray, int]:
    """Two folds, whose mean is the path."""
    visited = []

    def visit(position: int) -> np.ndarray:
        visited.append(position)
        return path[position] + np.array([-0.1, 0.1])

    losses, chosen = search_path(visit, len(path), CLASSES, start)
    assert len(visited) == len(set(visited)), "a penalty was visited twice"
    assert losses.shape == (2, len(path))
    seen = ~np.isnan(losses).any(0)
    assert set(np.flatnonzero(seen)) == {p for p in visited if np.isfinite(path[p])}
    np.testing.assert_allclose(losses.mean(0)[seen], path[seen])
    return losses, chosen


def bowl(least: int) -> np.ndarray:
    return 1 + 0.01 * np.square(np.arange(COUNT) - least).astype(float)


@pytest.mark.parametrize("start", [None, 0, 5, 12])
@pytest.mark.parametrize("least", range(COUNT))
def test_the_minimum_is_found_from_anywhere(least: int, start: int | None) -> None:
    losses, chosen = search(bowl(least), start)
    assert chosen == least
    if start is None:
        assert np.isnan(losses[0]).sum() >= COUNT - 7


def test_next_to_the_minimum_three_or_four_penalties_are_visited() -> None:
    assert (~np.isnan(search(bowl(6), 6)[0][0])).sum() == 3
    assert (~np.isnan(search(bowl(6), 7)[0][0])).sum() == 4
    assert (~np.isnan(search(bowl(0), 0)[0][0])).sum() == 2


def test_a_path_at_the_level_of_chance_is_seen_as_a_whole() -> None:
    path = np.full(COUNT, np.log(CLASSES)) - 1e-3 * (np.arange(COUNT) == 2)
    path[10] -= 5e-4
    losses, chosen = search(path, 10)
    assert chosen == 2
    assert not np.isnan(losses).any()


def test_penalties_that_cannot_be_fitted_are_never_chosen() -> None:
    path = bowl(1)
    path[:3] = np.inf
    losses, chosen = search(path, 5)
    assert chosen == 3
    assert np.isnan(losses[:, :3]).all()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_paths(count: int) -> None:
    losses, chosen = search(bowl(0)[:count], None)
    assert chosen == 0
    assert not np.isnan(losses[:, :2]).any()

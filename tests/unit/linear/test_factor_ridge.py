"""The ridge from half of an inverse is that from all of it."""

import numpy as np
import pytest
from scipy.linalg import LinAlgError

from bandprobe.linear import factor_ridge
from bandprobe.linear.factor_ridge import FactorRidge
from bandprobe.linear.gram_ridge import GramRidge, LabelSets

SAMPLES, CLASSES = 150, 4
PENALTIES = [1e-4, 0.1, 30.0]
FOLDS = {
    "one after the other": np.arange(SAMPLES) // 40,
    "in turn": np.arange(SAMPLES) % 5,
    "at random": np.random.default_rng(0).integers(0, 3, SAMPLES),
}


@pytest.mark.parametrize("folds", FOLDS.values(), ids=list(FOLDS))
@pytest.mark.parametrize("rows", [1024, 64, 7])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_duals_and_held_out_logits_are_those_of_the_inverse(
    penalty: float,
    rows: int,
    folds: np.ndarray,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(factor_ridge, "TRIANGLE_ROWS", rows)
    maps = rng.normal(2.0, 1.0, (SAMPLES, 300)) * np.geomspace(3, 0.1, 300)
    labels = np.stack([rng.integers(0, CLASSES, SAMPLES) for _ in range(3)])
    true, others = LabelSets(labels[:1], CLASSES), LabelSets(labels[1:], CLASSES)
    grams = [(part @ part.T).astype(np.float32) for part in (maps[:, :100], maps[:, 100:])]
    half, whole = FactorRidge(grams), GramRidge(grams)
    for _ in range(2):  # The second time in what the first has left.
        each = []
        for ridge in (half, whole):
            own = ridge.duals(penalty, true)
            held = list(ridge.held_out(penalty, own[0], labels[0], folds))
            each.append((own, ridge.more_duals(others), held))
        (own, more, held), (expected, expected_more, expected_held) = each
        close(own, expected)
        close(more, expected_more)
        assert len(held) == len(expected_held) == len(np.unique(folds))
        for (rows_in, logits), (expected_rows, expected_logits) in zip(
            held, expected_held, strict=True
        ):
            np.testing.assert_array_equal(rows_in, expected_rows)
            close(logits, expected_logits)


def close(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-8 * np.abs(expected).max())


def test_a_penalty_below_the_rounding_of_the_matrix_cannot_be_fitted(
    rng: np.random.Generator,
) -> None:
    few, noise = rng.normal(size=(40, 5)), 1e-3 * rng.normal(size=(40, 40))
    ridge = FactorRidge([few @ few.T + noise + noise.T])
    sets = LabelSets(np.arange(40)[None] % CLASSES, CLASSES)
    with pytest.raises(LinAlgError):
        ridge.duals(1e-9, sets)
    assert np.isfinite(ridge.duals(1.0, sets)).all()

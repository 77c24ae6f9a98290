"""Corrections against their definitions."""

import numpy as np
import pytest

from bandprobe.scoring.corrections import corrected


@pytest.mark.parametrize("method", ["holm", "fdr_bh"])
def test_corrections_are_the_textbook_ones_and_leave_nan_out(method: str) -> None:
    p_values = np.array([[0.01, np.nan, 0.04], [0.03, 0.005, np.nan]])
    result = corrected(p_values, method)
    order = np.array([0.005, 0.01, 0.03, 0.04])
    expected = {
        "holm": np.maximum.accumulate(order * [4, 3, 2, 1]),
        "fdr_bh": np.minimum.accumulate((order * 4 / [1, 2, 3, 4])[::-1])[::-1],
    }[method]
    np.testing.assert_allclose(np.sort(result[np.isfinite(p_values)]), np.sort(expected))
    assert np.isnan(result[0, 1])
    assert np.isnan(result[1, 2])
    assert np.isnan(corrected(np.full(3, np.nan), method)).all()

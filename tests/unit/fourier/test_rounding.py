"""A band counts as rounding where its energy could be nothing else."""

import numpy as np

from bandprobe.fourier.rounding import ROUNDING_SHARE, is_rounding
from bandprobe.fourier.transform import full_fft


def test_half_of_rounding_or_the_error_of_a_transform_is_nothing() -> None:
    energy = np.array([1.0, 2.1e-8, 1.9e-8, 1e-14, 0.0])
    assert is_rounding(energy, np.full(5, 1e-8)).tolist() == [False, False, True, True, True]
    found = is_rounding(energy, np.zeros(5))
    assert found.tolist() == [False, False, False, True, True]
    assert is_rounding(np.zeros(2), np.zeros(2)).all()


def test_a_transform_leaves_less_than_the_share(rng: np.random.Generator) -> None:
    """Of waves on a grid with a prime side, and on the largest of the default study."""
    for side in (13, 224):
        wave = np.cos(2 * np.pi * 3 * np.arange(side) / side)
        maps = (np.ones((side, 1)) * wave * rng.uniform(1, 2, (3, 1, 1))).astype(np.float32)
        power = np.square(np.abs(full_fft(maps)), dtype=float)
        # All of it lies in one row.
        assert (power[:, 1:].sum((1, 2)) < ROUNDING_SHARE * power.sum((1, 2))).all()

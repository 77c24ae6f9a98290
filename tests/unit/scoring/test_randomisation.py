"""The randomisation test: right by enumeration, and valid where bands are random sets of bins."""

import numpy as np
import pytest

from bandprobe.scoring.randomisation import MaskScores, randomisation_test, spread, with_spread

NAN = np.nan


def test_p_values_count_the_masks_with_effects_as_large() -> None:
    masks = np.array([[1.0, 2.0, 2.0, 3.0], [0.0, 0.0, 0.0, 0.0], [5.0, 1.0, NAN, NAN]])
    value = np.array([2.0, 0.0, 6.0])
    greater, less = randomisation_test(value, masks, np.zeros(3))
    np.testing.assert_allclose(greater, [(1 + 3) / 5, 1, 1 / 3])
    np.testing.assert_allclose(less, [(1 + 3) / 5, 1, 1])


def test_deviations_beyond_the_mean_are_widened() -> None:
    """Of a band with 3/8 of the bins, those of the masks count twice."""
    masks = np.array([[-1.0, 0.0, 0.0, 1.0]] * 4)
    value = np.array([1.5, 2.5, -0.5, -2.5])
    greater, less = randomisation_test(value, masks, np.full(4, 3 / 8))
    np.testing.assert_allclose(greater, [2 / 5, 1 / 5, 4 / 5, 1])
    np.testing.assert_allclose(less, [1, 1, 2 / 5, 1 / 5])


def test_a_band_without_masks_has_no_test() -> None:
    masks = np.array([[NAN, NAN], [1.0, 2.0]])
    greater, less = randomisation_test(np.array([1.0, NAN]), masks, np.zeros(2))
    assert np.isnan(greater).all()
    assert np.isnan(less).all()
    scores = MaskScores({"rank": masks}, {}, np.zeros(2))
    assert scores.count.tolist() == [0, 2]


@pytest.mark.parametrize("share", [0.05, 0.2, 0.36, 0.45])
def test_p_values_are_uniform_where_the_band_is_a_random_set(share: float) -> None:
    """Contributions of bins add up, some far larger than others; masks are sets of other bins."""
    rng = np.random.default_rng(0)
    n_bins, n_masks, repetitions = 200, 99, 600
    size = int(share * n_bins)
    p_values, plain = [], []
    for _ in range(repetitions):
        parts = rng.standard_t(5, n_bins)
        own, rest = np.split(rng.permutation(parts), [size])
        masks = rng.permuted(np.tile(rest, (n_masks, 1)), axis=1)[:, :size].sum(1)
        for found, widened in ((p_values, share), (plain, 0.0)):
            greater, _ = randomisation_test(np.array([own.sum()]), masks[None], np.array([widened]))
            found.append(greater[0])
    for level in (0.05, 0.1, 0.25, 0.5):
        error = np.sqrt(level * (1 - level) / repetitions)
        assert abs(np.mean(np.array(p_values) <= level) - level) < 3.5 * error
    if share > 0.3:
        # Masks outside the band vary less than it does.
        assert np.mean(np.array(plain) <= 0.05) > 0.1


def test_the_spread_is_that_between_the_masks_that_there_are() -> None:
    masks = np.array([[1.0, 2.0, 4.0], [1.0, 3.0, NAN], [1.0, NAN, NAN], [NAN, NAN, NAN]])
    expected = [np.std(masks[0], ddof=1), np.std([1, 3], ddof=1), NAN, NAN]
    np.testing.assert_allclose(spread(masks), expected)


def test_intervals_cover_the_mean_over_all_masks() -> None:
    """Of few images and few masks, both of which vary; by images alone they are too short."""
    rng = np.random.default_rng(0)
    n_images, n_masks, repetitions = 40, 10, 600
    of_image = rng.normal(size=(repetitions, n_images, 1))
    of_mask = rng.normal(size=(repetitions, 1, n_masks))
    values = of_image + of_mask + rng.normal(size=(repetitions, n_images, n_masks))
    by_image, by_mask = values.mean(2), values.mean(1)
    mean = by_image.mean(1)
    half = 2.023 * by_image.std(1, ddof=1) / np.sqrt(n_images)
    low, high = with_spread(mean, mean - half, mean + half, by_mask, 0.95)
    assert 0.93 < np.mean((low < 0) & (high > 0)) < 0.99
    assert np.mean((mean - half < 0) & (mean + half > 0)) < 0.75

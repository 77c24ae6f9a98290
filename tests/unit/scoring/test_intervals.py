"""Intervals and tests against SciPy's and statsmodels', and what groups do to them."""

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar

from bandprobe.scoring.cluster_interval import DROP, cluster_interval
from bandprobe.scoring.intervals import (
    IntervalSettings,
    group_bootstrap,
    group_resamples,
    group_sign_test,
    joined,
    mcnemar,
    sign_test,
    smallest_p_value,
)


def width(values: np.ndarray, groups: np.ndarray, seed: int = 0) -> float:
    resamples = group_resamples(len(np.unique(groups)), 2000, seed)
    low, high = group_bootstrap(values[None], groups, resamples, 0.95)
    return float(high[0] - low[0])


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_one_sample_a_group_gives_the_ordinary_percentile_interval(
    level: float, rng: np.random.Generator
) -> None:
    values = rng.exponential(size=80)
    low, high = group_bootstrap(values[None], np.arange(80), group_resamples(80, 8000, 1), level)
    expected = bootstrap(
        (values,), np.mean, n_resamples=8000, confidence_level=level, method="percentile", rng=2
    ).confidence_interval
    error = 0.2 * values.std() / np.sqrt(80)
    assert low[0] == pytest.approx(expected.low, abs=error)
    assert high[0] == pytest.approx(expected.high, abs=error)


def test_correlated_groups_widen_the_interval(rng: np.random.Generator) -> None:
    groups = np.repeat(np.arange(25), 8)
    values = rng.normal(size=25)[groups] + 0.1 * rng.normal(size=200)
    ratio = width(values, groups) / width(values, np.arange(200))
    assert ratio == pytest.approx(np.sqrt(8), rel=0.25)


def test_independent_samples_in_groups_leave_the_interval_alone(rng: np.random.Generator) -> None:
    values = rng.normal(size=1600)
    ratio = width(values, np.repeat(np.arange(200), 8)) / width(values, np.arange(1600))
    assert ratio == pytest.approx(1, rel=0.25)


def test_interval_covers_the_true_mean_as_often_as_it_says(rng: np.random.Generator) -> None:
    groups = np.repeat(np.arange(40), 3)
    values = rng.normal(size=(400, 40))[:, groups] + rng.normal(size=(400, 120))
    low, high = group_bootstrap(values, groups, group_resamples(40, 1000, 0), 0.9)
    # Percentile intervals of 40 groups are slightly too narrow; 4 binomial errors are 0.06.
    assert ((low < 0) & (high > 0)).mean() == pytest.approx(0.9, abs=0.06)


def test_names_and_order_of_groups_do_not_matter(rng: np.random.Generator) -> None:
    values, groups = rng.normal(size=(2, 12)), np.repeat([40, 7, 13], 4)
    order = rng.permutation(12)
    resamples = group_resamples(3, 300, 0)
    found = group_bootstrap(values, groups, resamples, 0.9)
    np.testing.assert_allclose(
        found, group_bootstrap(values[:, order], groups[order], resamples, 0.9)
    )


def test_groups_of_unlike_size_weigh_by_their_samples() -> None:
    values, groups = np.array([[1.0, 1, 1, 0]]), np.array([0, 0, 0, 1])
    resamples = np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]])
    for row, expected in zip(resamples, (0.75, 1.0, 0.0), strict=True):
        low, high = group_bootstrap(values, groups, row[None], 0.95)
        assert low[0] == high[0] == expected


def test_a_constant_has_an_interval_of_no_width() -> None:
    low, high = group_bootstrap(
        np.full((1, 9), 0.25), np.arange(9) // 2, group_resamples(5, 200, 0), 0.95
    )
    np.testing.assert_allclose([low[0], high[0]], 0.25)


def test_nan_stays_in_its_cell(rng: np.random.Generator) -> None:
    values, groups = rng.normal(size=(3, 10)), np.arange(10) // 2
    resamples = group_resamples(5, 200, 0)
    clean = group_bootstrap(values, groups, resamples, 0.9)
    values[1, 4] = np.nan
    for found, expected in zip(group_bootstrap(values, groups, resamples, 0.9), clean, strict=True):
        assert np.isnan(found[1])
        np.testing.assert_allclose(found[[0, 2]], expected[[0, 2]])


def test_resamples_draw_as_many_groups_as_there_are_and_follow_the_seed() -> None:
    resamples = group_resamples(6, 100, 4)
    assert resamples.shape == (100, 6)
    assert (resamples.sum(1) == 6).all()
    np.testing.assert_array_equal(resamples, group_resamples(6, 100, 4))
    assert (resamples != group_resamples(6, 100, 5)).any()


def test_settings_choose_the_interval(rng: np.random.Generator) -> None:
    values, groups = rng.integers(-1, 2, (4, 30)).astype(float), np.arange(30) // 3
    found = IntervalSettings(300, 0.9, 2).bounds(values, groups, DROP)
    np.testing.assert_array_equal(found, cluster_interval(values, groups, 0.9, DROP))
    settings = IntervalSettings(300, 0.9, 2, interval="bootstrap")
    expected = group_bootstrap(values, groups, group_resamples(10, 300, 2), 0.9)
    np.testing.assert_array_equal(settings.bounds(values, groups, DROP), expected)
    intervals = settings.intervals(values, groups)
    np.testing.assert_array_equal(np.transpose(intervals), expected)
    values[1] = np.nan
    assert settings.intervals(values, groups)[1] is None


def test_units_are_groups_or_classes() -> None:
    label, group = np.array([3, 3, 3, 5, 5]), np.array([0, 0, 1, 2, 3])
    settings = IntervalSettings(100, 0.95, 0)
    assert settings.units(label, group).tolist() == group.tolist()
    settings = IntervalSettings(100, 0.95, 0, unit="class")
    assert settings.units(label, group).tolist() == [0, 0, 0, 1, 1]


def test_classes_that_share_a_group_are_one_unit() -> None:
    label = np.array([2, 2, 5, 5, 7, 7, 9, 9])
    group = np.array([0, 1, 2, 3, 3, 4, 4, 5])
    # 5 and 7 share group 3, 7 and 9 share group 4.
    assert joined(label, group).tolist() == [0, 0, 1, 1, 1, 1, 1, 1]


def test_sign_test_is_the_binomial_test_of_scipy() -> None:
    better, worse = np.mgrid[:12, :12]
    found = sign_test(better, worse)
    for a, b, p_value in zip(better.ravel(), worse.ravel(), found.ravel(), strict=True):
        expected = binomtest(int(a), int(a + b)).pvalue if a + b else 1.0
        assert p_value == pytest.approx(expected)


def test_no_drop_has_a_smaller_p_value_than_the_loss_of_every_right_answer() -> None:
    clean, units = np.array([1.0, 1, 0, 1, 0, 1, 1, 0]), np.array([0, 0, 1, 2, 2, 3, 4, 5])
    # Units 0, 2, 3 and 4 have a right answer.
    assert smallest_p_value(clean, units) == pytest.approx(2 * 0.5**4)
    assert smallest_p_value(clean, units) == group_sign_test(clean[None], units)[0]
    assert smallest_p_value(np.zeros(8), units) == 1


def test_mcnemar_is_that_of_statsmodels(rng: np.random.Generator) -> None:
    clean = rng.integers(0, 2, 60).astype(float)
    changed = np.where(rng.random((4, 1, 60)) < 0.3, 1 - clean, clean)
    for row, p_value in zip(changed[:, 0], mcnemar(clean, changed), strict=True):
        table = [[((clean == a) & (row == b)).sum() for b in (1, 0)] for a in (1, 0)]
        assert p_value == pytest.approx(reference_mcnemar(table, exact=True).pvalue)


def test_mcnemar_of_draws_is_twice_their_median() -> None:
    clean = np.ones(20)
    changed = np.ones((1, 3, 20))
    changed[0, 0, :3], changed[0, 1, :8], changed[0, 2, :15] = 0, 0, 0
    assert mcnemar(clean, changed)[0] == pytest.approx(2 * 2 * 0.5**8)
    assert np.isnan(mcnemar(clean, changed * np.nan)).all()


def test_groups_of_one_image_give_mcnemar(rng: np.random.Generator) -> None:
    clean = rng.integers(0, 2, 40).astype(float)
    changed = np.where(rng.random((5, 1, 40)) < 0.3, 1 - clean, clean)
    found = group_sign_test(clean - changed[:, 0], rng.permutation(40))
    np.testing.assert_allclose(found, mcnemar(clean, changed))


def test_a_group_counts_once(rng: np.random.Generator) -> None:
    groups = np.repeat(np.arange(6), 5)
    lost = np.zeros((2, 30))
    lost[0, :20] = 1
    lost[1] = np.nan
    found = group_sign_test(lost, groups)
    assert found[0] == pytest.approx(2 * 0.5**4)
    assert np.isnan(found[1])


def test_sign_test_over_dependent_groups_keeps_its_level(rng: np.random.Generator) -> None:
    groups = np.repeat(np.arange(20), 10)
    differences = np.sign(rng.normal(size=(600, 20)))[:, groups]
    assert (group_sign_test(differences, groups) < 0.05).mean() < 0.08
    singles = group_sign_test(differences, np.arange(200))
    assert (singles < 0.05).mean() > 0.3, "images taken for independent find what is not there"

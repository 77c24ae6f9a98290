"""Intervals against SciPy's and statsmodels', and against simulations with a known truth."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.linalg import sqrtm
from scipy.stats import norm, t, ttest_1samp
from statsmodels.stats.proportion import proportion_confint

from bandprobe.scoring.cluster_interval import (
    ANY,
    DROP,
    EXCESS,
    RANKS,
    SHARE,
    Scale,
    cluster_interval,
    degrees_of_freedom,
    design_effect,
    detectable_drop,
    effective_groups,
    mean_and_error,
)

UNEQUAL = np.round(np.geomspace(2, 40, 10)).astype(int)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_one_sample_a_group_gives_the_ordinary_t_interval(
    level: float, rng: np.random.Generator
) -> None:
    values = rng.exponential(size=(3, 12))
    low, high = cluster_interval(values, rng.permutation(12), level)
    expected = ttest_1samp(values, 0, axis=1).confidence_interval(level)
    np.testing.assert_allclose([low, high], [expected.low, expected.high])


def test_equal_groups_give_the_t_interval_of_their_means(rng: np.random.Generator) -> None:
    values = rng.normal(size=(2, 30))
    found = cluster_interval(values, np.arange(30) % 6, 0.9)
    means = values.reshape(2, 5, 6).mean(1)
    np.testing.assert_allclose(found, ttest_1samp(means, 0, axis=1).confidence_interval(0.9))


def test_equal_groups_have_the_robust_standard_error_of_statsmodels(
    rng: np.random.Generator,
) -> None:
    values, groups = rng.normal(size=40), np.arange(40) // 5
    low, high = cluster_interval(values[None], groups, 0.95)
    fit = sm.OLS(values, np.ones(40)).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, use_t=True
    )
    np.testing.assert_allclose([low[0], high[0]], fit.conf_int(0.05)[0])


def test_unequal_groups_have_the_variance_and_freedom_of_bell_and_mccaffrey(
    rng: np.random.Generator,
) -> None:
    """Computed from the matrices of the article, for a regression on a constant alone."""
    sizes = np.array([1, 4, 2, 9])
    groups = np.repeat(np.arange(4), sizes)
    values, total = rng.normal(size=16), 16
    residual_maker = np.eye(16) - 1 / 16
    vectors = []
    for group in range(4):
        inside = groups == group
        adjusted = np.linalg.inv(sqrtm(residual_maker[np.ix_(inside, inside)]).real)
        vectors.append(adjusted.sum(0) @ residual_maker[inside] / total)
    stacked = np.array(vectors)
    variance = float(np.square(stacked @ values).sum())
    eigenvalues = np.linalg.eigvalsh(stacked @ stacked.T)
    freedom = eigenvalues.sum() ** 2 / np.square(eigenvalues).sum()
    assert degrees_of_freedom(sizes.astype(float)) == pytest.approx(freedom)
    low, high = cluster_interval(values[None], groups, 0.95)
    assert (low[0] + high[0]) / 2 == pytest.approx(values.mean())
    half = t.ppf(0.975, freedom) * np.sqrt(variance)
    assert (high[0] - low[0]) / 2 == pytest.approx(half)


def test_degrees_of_freedom_of_equal_groups_are_one_less() -> None:
    for count in (2, 5, 40):
        assert degrees_of_freedom(np.full(count, 7.0)) == pytest.approx(count - 1)
    assert degrees_of_freedom(np.ones(1)) == 0
    assert degrees_of_freedom(np.array([1.0, 1, 1, 97])) < 1.1


def test_effective_groups_are_fewer_if_they_are_unequal() -> None:
    assert effective_groups(np.arange(30) % 6) == pytest.approx(6)
    assert effective_groups(np.repeat([0, 1, 2], [1, 1, 8])) == pytest.approx(100 / 66)


def test_single_images_give_the_interval_of_bonett_and_price() -> None:
    gains, losses, total = 12, 30, 400
    values = np.zeros((1, total))
    values[0, :losses], values[0, losses : losses + gains] = 1, -1
    low, high = cluster_interval(values, np.arange(total), 0.95, DROP)
    lost, gained = (losses + 1) / (total + 2), (gains + 1) / (total + 2)
    error = np.sqrt((lost + gained - (lost - gained) ** 2) / (total + 2))
    half = norm.ppf(0.975) * error
    expected = [lost - gained - half, lost - gained + half]
    np.testing.assert_allclose([low[0], high[0]], expected, atol=0.01 * half)


def test_single_images_give_the_interval_of_agresti_and_coull() -> None:
    for right in (3, 40, 200):
        values = (np.arange(400) < right)[None].astype(float)
        low, high = cluster_interval(values, np.arange(400), 0.95, SHARE)
        expected = proportion_confint(right, 400, method="agresti_coull")
        np.testing.assert_allclose([low[0], high[0]], expected, atol=0.001)


def test_no_interval_of_answers_has_length_zero_or_leaves_its_range() -> None:
    groups = np.repeat(np.arange(6), 3)
    for scale, values in ((SHARE, (0, 1)), (DROP, (-1, 0, 1)), (EXCESS, (-2, 0, 2)), (RANKS, (0,))):
        for value in values:
            low, high = cluster_interval(np.full((1, 18), float(value)), groups, 0.95, scale)
            assert low[0] <= value <= high[0]
            assert high[0] - low[0] > 0.1
            assert low[0] >= scale.low
            assert high[0] <= scale.high


def test_a_constant_on_any_scale_has_an_interval_of_no_width() -> None:
    low, high = cluster_interval(np.full((1, 9), 0.25), np.arange(9) // 2, 0.95)
    np.testing.assert_allclose([low[0], high[0]], 0.25)


def test_an_added_group_is_as_large_as_its_design_effect() -> None:
    """Eleven of a group are worth two: 1 + 10 x 0.1."""
    values = np.zeros((1, 44))
    low, high = cluster_interval(values, np.arange(44) // 11, 0.95, DROP)
    share = 2 / 48
    half = 3.182446 * np.sqrt(2 * 2**2 / (1 - share)) / 48
    np.testing.assert_allclose([low[0], high[0]], [-half, half], rtol=1e-6)


@pytest.mark.parametrize("scale", [SHARE, DROP])
def test_a_single_group_says_nothing(scale: Scale) -> None:
    low, high = cluster_interval(np.ones((2, 8)), np.zeros(8, int), 0.95, scale)
    assert (low == scale.low).all()
    assert (high == scale.high).all()
    low, high = cluster_interval(np.ones((1, 8)), np.zeros(8, int), 0.95, ANY)
    assert (low[0], high[0]) == (-np.inf, np.inf)


def test_nan_stays_in_its_cell(rng: np.random.Generator) -> None:
    values = rng.normal(size=(3, 10))
    for groups in (np.arange(10) // 2, np.zeros(10, int)):
        clean = cluster_interval(values, groups, 0.9, DROP)
        broken = values.copy()
        broken[1, 4] = np.nan
        for found, expected in zip(cluster_interval(broken, groups, 0.9, DROP), clean, strict=True):
            assert np.isnan(found[1])
            np.testing.assert_allclose(found[[0, 2]], expected[[0, 2]])


def test_names_and_order_of_groups_do_not_matter(rng: np.random.Generator) -> None:
    values, groups = rng.normal(size=(2, 12)), np.repeat([40, 7, 13], [2, 4, 6])
    order = rng.permutation(12)
    np.testing.assert_allclose(
        cluster_interval(values, groups, 0.9, DROP),
        cluster_interval(values[:, order], groups[order], 0.9, DROP),
    )


def rates(
    mean: float, correlation: float, count: int, repeats: int, rng: np.random.Generator
) -> np.ndarray:
    """Rates of groups, (repeats, count), with that correlation of two images of a group."""
    if not correlation:
        return np.full((repeats, count), mean)
    precision = (1 - correlation) / correlation
    return rng.beta(mean * precision, (1 - mean) * precision, (repeats, count))


def covered(
    sizes: np.ndarray,
    loss: float,
    gain: float,
    correlation: float,
    scale: Scale,
    rng: np.random.Generator,
) -> float:
    """How often the interval of losses minus gains contains its true value."""
    repeats, groups = 1000, np.repeat(np.arange(len(sizes)), sizes)
    own = rates(loss, correlation, len(sizes), repeats, rng)[:, groups]
    drawn = rng.random(own.shape)
    values = (drawn < own).astype(float) - (drawn > 1 - gain)
    low, high = cluster_interval(values, groups, 0.95, scale)
    return float(((low <= loss - gain) & (high >= loss - gain)).mean())


# 1000 repeats: three standard errors of a coverage of .95 are .02. Outcomes that are frequent
# have the coverage that is promised, rare ones at least that.
@pytest.mark.parametrize("sizes", [np.full(10, 4), UNEQUAL, np.full(20, 4), np.full(20, 1)])
@pytest.mark.parametrize("correlation", [0.0, 0.1])
def test_ten_groups_or_more_keep_what_the_level_promises(
    sizes: np.ndarray, correlation: float, rng: np.random.Generator
) -> None:
    for loss in (0.3, 0.5):
        assert 0.93 < covered(sizes, loss, 0.1, correlation, DROP, rng) < 0.992
        assert 0.93 < covered(sizes, loss, 0, correlation, SHARE, rng) < 0.992
    for loss in (0.05, 0.95):
        assert covered(sizes, loss, 0, correlation, DROP, rng) > 0.93
        assert covered(sizes, loss, 0, correlation, SHARE, rng) > 0.93


@pytest.mark.parametrize("count", [2, 3, 5])
def test_few_groups_have_wide_intervals_that_hold(count: int, rng: np.random.Generator) -> None:
    for sizes in (np.full(count, 4), UNEQUAL[:: 10 // count][:count]):
        for loss in (0.05, 0.3):
            assert covered(sizes, loss, 0, 0.1, DROP, rng) > 0.95
            assert covered(sizes, loss, 0, 0.1, SHARE, rng) > 0.93


def test_values_of_any_scale_keep_the_level_of_few_unequal_groups(
    rng: np.random.Generator,
) -> None:
    groups = np.repeat(np.arange(10), UNEQUAL)
    values = rng.normal(size=(1500, 10))[:, groups] + 2 * rng.normal(size=(1500, len(groups)))
    low, high = cluster_interval(values, groups, 0.95)
    assert 0.93 < ((low < 0) & (high > 0)).mean() < 0.97


@pytest.mark.parametrize("level", [0.95, 0.9995])
@pytest.mark.parametrize("sizes", [np.full(20, 16), np.full(80, 4)])
def test_a_detectable_drop_is_found_in_four_of_five_repetitions(
    sizes: np.ndarray, level: float, rng: np.random.Generator
) -> None:
    """Some answers change either way; of the others a share is lost, alike within a group."""
    repeats, groups = 500, np.repeat(np.arange(len(sizes)), sizes)
    noise = rng.choice([-1.0, 0, 1], (repeats, len(groups)), p=[0.03, 0.94, 0.03])
    _, error = mean_and_error(noise, groups, DROP)
    freedom = np.array([degrees_of_freedom(sizes.astype(float))])
    per_image = np.array([design_effect(sizes.mean()) / len(groups)])
    (drop,) = detectable_drop(np.median(error, keepdims=True), freedom, per_image, level)
    lost = rng.random(noise.shape) < rates(drop, 0.1, len(sizes), repeats, rng)[:, groups]
    low, _ = cluster_interval(noise + lost, groups, level, DROP)
    assert 0.7 < (low > 0).mean() < 0.9


def test_a_drop_of_many_images_without_losses_is_the_usual_closed_form() -> None:
    """With an error that outweighs the variance of what is lost."""
    found = detectable_drop(np.array([0.05]), np.array([1e6]), np.array([1e-9]), 0.95)
    np.testing.assert_allclose(found, 0.05 * (1.959964 + 0.841621), rtol=1e-4)
    assert np.isnan(detectable_drop(np.array([np.inf]), np.zeros(1), np.ones(1), 0.95)).all()

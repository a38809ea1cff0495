"""The corrected resampled t-test: by hand, and honest under the null."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from skastro.model_selection import corrected_resampled_ttest


def test_by_hand():
    a, b = [0.9, 0.8, 0.95, 0.85], [0.85, 0.8, 0.85, 0.8]
    # Differences .05 0 .1 .05: mean .05, variance .005/3.
    result = corrected_resampled_ttest(a, b, n_train=70, n_test=30)
    std = math.sqrt(0.005 / 3)
    error = std * math.sqrt(1 / 4 + 30 / 70)
    assert result.mean == pytest.approx(0.05)
    assert result.std == pytest.approx(std)
    assert result.standard_error == pytest.approx(error)
    assert result.naive_standard_error == pytest.approx(std / 2)
    assert result.t == pytest.approx(0.05 / error)
    assert (result.df, result.n) == (3, 4)
    assert result.p_value == pytest.approx(2 * stats.t.sf(0.05 / error, 3))
    half = 3.182446305284263 * error  # the table's t(.975, 3)
    assert result.confidence_interval == pytest.approx((0.05 - half, 0.05 + half))
    assert result.verdict == "undecided"
    assert str(result).startswith("undecided: mean difference +0.0500 +- 0.0336 (naive")


def test_without_overlap_it_is_scipys_paired_test():
    rng = np.random.default_rng(0)
    a, b = rng.random(12), rng.random(12)
    for alternative in ("two-sided", "greater", "less"):
        ours = corrected_resampled_ttest(
            a, b, n_train=1e12, n_test=1, alternative=alternative
        )
        theirs = stats.ttest_rel(a, b, alternative=alternative)
        assert ours.t == pytest.approx(theirs.statistic, rel=1e-9)
        assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
        assert ours.standard_error == pytest.approx(ours.naive_standard_error)


def test_differences_alone_swap_and_containers():
    rng = np.random.default_rng(1)
    a, b = rng.random(9), rng.random(9)
    sizes = {"n_train": 0.7, "n_test": 0.3}
    result = corrected_resampled_ttest(a, b, **sizes)
    assert corrected_resampled_ttest(a - b, **sizes) == result
    assert corrected_resampled_ttest(list(a), pd.Series(b), **sizes) == result
    swapped = corrected_resampled_ttest(b, a, **sizes)
    assert swapped.t == pytest.approx(-result.t)
    assert swapped.p_value == pytest.approx(result.p_value)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.mean = 0.0


@pytest.mark.parametrize(
    ("mean", "alternative", "margin", "verdict"),
    [
        (0.05, "two-sided", 0, "better"),
        (-0.05, "two-sided", 0, "worse"),
        (0.001, "two-sided", 0, "undecided"),
        (0.05, "greater", 0, "better"),
        (-0.05, "greater", 0, "worse"),
        (0.05, "less", 0, "better"),
        (-0.05, "less", 0, "worse"),
        (0.0, "non-inferior", 0.02, "non-inferior"),
        (0.05, "non-inferior", 0.02, "non-inferior"),
        (-0.05, "non-inferior", 0.02, "inferior"),
        (-0.019, "non-inferior", 0.02, "undecided"),
        (-0.021, "non-inferior", 0.02, "undecided"),
    ],
)
def test_verdicts_agree_with_the_interval(mean, alternative, margin, verdict):
    spread = np.tile([-0.01, 0.01], 15)
    result = corrected_resampled_ttest(
        mean + spread, n_train=420, n_test=180, margin=margin, alternative=alternative
    )
    assert result.verdict == verdict
    low, high = result.confidence_interval
    if verdict in ("better", "non-inferior"):
        assert low > -margin
    elif verdict in ("worse", "inferior"):
        assert high < -margin
    else:
        assert low < -margin < high
    assert (result.p_value < 0.05) == (
        verdict
        in {
            "two-sided": ("better", "worse"),
            "greater": ("better",),
            "less": ("worse",),
            "non-inferior": ("non-inferior",),
        }[alternative]
    )


@pytest.mark.parametrize("margin", [0.0, 0.01])
@pytest.mark.parametrize("offset", [0.0, 0.1])
def test_no_variation_decides_nothing(margin, offset):
    # 0.9 - 0.8 and 0.8 - 0.7 differ in the last bit: still no variation.
    a = np.array([0.9, 0.8, 0.7, 0.6])
    with pytest.warns(RuntimeWarning, match="do not vary"):
        result = corrected_resampled_ttest(
            a + offset,
            a,
            n_train=7,
            n_test=3,
            margin=margin,
            alternative="non-inferior" if margin else "two-sided",
        )
    assert result.verdict == "undecided"
    assert math.isnan(result.t)
    assert math.isnan(result.p_value)
    assert result.mean == pytest.approx(offset)


@pytest.mark.parametrize(
    ("a", "b", "options", "match"),
    [
        ([0.5], None, {}, "two are needed"),
        ([], [], {}, "two are needed"),
        ([0.5, np.nan, 0.3], None, {}, "not finite, the first at split 1"),
        ([0.5, 0.6], [0.5, np.inf], {}, "scores_b"),
        ([0.5, 0.6], [0.5, 0.6, 0.7], {}, "paired"),
        ([[0.5, 0.6]], None, {}, "one axis"),
        ([0.5, 0.6], None, {"n_train": 0}, "n_train"),
        ([0.5, 0.6], None, {"n_test": -3}, "n_test"),
        ([0.5, 0.6], None, {"n_test": np.nan}, "n_test"),
        ([0.5, 0.6], None, {"confidence": 95}, "confidence"),
        ([0.5, 0.6], None, {"alternative": "better"}, "alternative"),
        ([0.5, 0.6], None, {"margin": 0.01}, "only with"),
        ([0.5, 0.6], None, {"margin": -0.01}, "not negative"),
        ([0.5, 0.6], None, {"alternative": "non-inferior"}, "positive margin"),
    ],
)
def test_refusals(a, b, options, match):
    options = {"n_train": 70, "n_test": 30, **options}
    with pytest.raises(ValueError, match=match):
        corrected_resampled_ttest(a, b, **options)


def null_differences(rng, n_pools, n_repeats=30, size=200, share=0.3):
    """Score differences of two equally good learners, splits of one pool each.

    Learner A thresholds the first feature at the middle of the two class means of the
    training part, learner B the second one; the features have the same law.
    """
    n_test = int(share * size)
    for _ in range(n_pools):
        y = rng.integers(2, size=size)
        X = y[:, None] + rng.normal(size=(size, 2))
        order = rng.permuted(np.tile(np.arange(size), (n_repeats, 1)), axis=1)
        test, train = order[:, :n_test], order[:, n_test:]
        is_one = y[train][..., None] == 1
        n_one = is_one.sum(axis=1)
        total = X[train].sum(axis=1)
        one = np.where(is_one, X[train], 0.0).sum(axis=1)
        middle = 0.5 * (one / n_one + (total - one) / (train.shape[1] - n_one))
        right = (X[test] > middle[:, None, :]) == (y[test] == 1)[..., None]
        accuracy = right.mean(axis=1)
        yield accuracy[:, 0] - accuracy[:, 1]


def test_false_positive_rate_is_honest_where_the_naive_one_is_not():
    rng = np.random.default_rng(2003)
    corrected, naive, one_sided = [], [], []
    for differences in null_differences(rng, 2000):
        sizes = {"n_train": 140, "n_test": 60}
        result = corrected_resampled_ttest(differences, **sizes)
        corrected.append(result.verdict != "undecided")
        t = result.mean / result.naive_standard_error
        naive.append(2 * stats.t.sf(abs(t), result.df) < 0.05)
        # The margin as the truth: a learner that is worse by just that much.
        shifted = corrected_resampled_ttest(
            differences - 0.02, **sizes, margin=0.02, alternative="non-inferior"
        )
        one_sided.append(shifted.verdict == "non-inferior")
    assert np.mean(corrected) < 0.07
    assert np.mean(one_sided) < 0.07
    assert np.mean(naive) > 0.4

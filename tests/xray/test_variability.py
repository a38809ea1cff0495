"""VariabilityFeatures against the published formulas and simulated light curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skastro.datasets import make_light_curves
from skastro.xray import VariabilityFeatures, light_curve_array
from skastro.xray._variability_measures import MEASURES, PERIODOGRAM


@parametrize_with_checks(
    [VariabilityFeatures(features=["n_points", "max_over_median"])],
    expected_failed_checks=None,
)
def test_sklearn_checks_with_options(estimator: Any, check: Any) -> None:
    check(estimator)


def one(curve: Any, **parameters: Any) -> dict[str, float]:
    est = VariabilityFeatures(**parameters).set_output(transform="pandas")
    return est.fit_transform(np.asarray(curve, dtype=float)[None]).iloc[0].to_dict()


def test_formulas_of_vaughan_2003_written_out() -> None:
    rng = np.random.default_rng(0)
    n = 40
    x = rng.uniform(1, 5, n)
    s = rng.uniform(0.1, 0.4, n)
    found = one([np.arange(n), x, s])
    mean = x.mean()
    mean_square_error = np.mean(s**2)
    excess = x.var(ddof=1) - mean_square_error
    fvar = np.sqrt(excess / mean**2)
    assert found["n_points"] == n
    assert found["mean_rate"] == pytest.approx(mean, rel=1e-12)
    assert found["max_over_median"] == pytest.approx(x.max() / np.median(x), rel=1e-12)
    assert found["excess_variance"] == pytest.approx(excess / mean**2, rel=1e-12)
    assert found["fvar"] == pytest.approx(fvar, rel=1e-12)
    # Equation 11.
    first = np.sqrt(2 / n) * mean_square_error / mean**2
    second = np.sqrt(mean_square_error / n) * 2 * fvar / mean
    assert found["excess_variance_err"] == pytest.approx(np.hypot(first, second))
    # Equation B2.
    first = np.sqrt(1 / (2 * n)) * mean_square_error / (mean**2 * fvar)
    second = np.sqrt(mean_square_error / n) / mean
    assert found["fvar_err"] == pytest.approx(np.hypot(first, second))
    constant = np.average(x, weights=s**-2)
    chi2 = np.sum(((x - constant) / s) ** 2)
    assert found["chi2_red"] == pytest.approx(chi2 / (n - 1))
    assert found["chi2_prob"] == pytest.approx(stats.chi2.sf(chi2, n - 1), rel=1e-9)


def test_errors_are_the_spread_over_repeated_measurements() -> None:
    # One fixed history measured many times: that is what equations 11 and B2 mean.
    rng = np.random.default_rng(1)
    truth = 10 * np.exp(0.2 * np.sin(np.arange(60)))
    error = np.full((4000, 60), 0.8)
    rate = truth + error * rng.normal(size=error.shape)
    out = (
        VariabilityFeatures()
        .set_output(transform="pandas")
        .fit_transform(np.stack([rate, error], axis=1))
    )
    for name in ("excess_variance", "fvar"):
        expected = truth.std(ddof=1) / truth.mean()
        expected = expected**2 if name == "excess_variance" else expected
        assert out[name].mean() == pytest.approx(expected, rel=0.01)
        assert out[f"{name}_err"].mean() == pytest.approx(out[name].std(), rel=0.1)


def test_constant_sources_have_even_probabilities_and_no_excess() -> None:
    rng = np.random.default_rng(0)
    error = rng.uniform(0.5, 1.5, size=(3000, 30))
    rate = 20 + error * rng.normal(size=error.shape)
    out = VariabilityFeatures().fit(np.stack([rate, error], axis=1))
    frame = pd.DataFrame(
        out.transform(np.stack([rate, error], axis=1)), columns=list(MEASURES)
    )
    assert stats.kstest(frame["chi2_prob"], "uniform").pvalue > 0.01
    pull = frame["excess_variance"] / frame["excess_variance_err"]
    assert abs(pull.mean()) < 0.1
    # Half of them have less variance than the errors alone: no amplitude.
    assert 0.4 < frame["fvar"].isna().mean() < 0.6
    assert (frame["fvar"].isna() == (frame["excess_variance"] < 0)).all()


def test_layouts_agree_and_gaps_are_passed_over() -> None:
    curves = make_light_curves(12, n_points=30, gap_fraction=0.2, random_state=0).data
    axes = VariabilityFeatures().fit_transform(curves)
    flat = VariabilityFeatures(curve_shape=(3, 30)).fit_transform(
        curves.reshape(12, -1)
    )
    assert np.array_equal(axes, flat, equal_nan=True)
    two = VariabilityFeatures().fit_transform(curves[:, 1:])
    assert np.array_equal(axes, two, equal_nan=True)
    assert np.array_equal(
        axes, VariabilityFeatures().fit_transform(curves.tolist()), equal_nan=True
    )
    # Without the missing bins, one light curve at a time.
    for row, curve in zip(axes, curves, strict=True):
        short = curve[:, ~np.isnan(curve[1])]
        assert short.shape == (3, 24)
        again = VariabilityFeatures().fit_transform(short[None])[0]
        np.testing.assert_allclose(row, again, rtol=1e-12)
    # A longer array is the same kind of data; fewer rows of it are not.
    est = VariabilityFeatures().fit(curves)
    longer = np.pad(curves, [(0, 0), (0, 0), (0, 9)], constant_values=np.nan)
    np.testing.assert_allclose(est.transform(longer), axes, rtol=1e-12)
    with pytest.raises(ValueError, match="fitted on light curves"):
        est.transform(curves[:, 1:])


def test_rates_alone_give_no_noise_free_numbers() -> None:
    X = np.random.default_rng(0).uniform(1, 2, size=(5, 20))
    out = VariabilityFeatures().set_output(transform="pandas").fit_transform(X)
    assert list(out) == list(MEASURES)
    known = ["n_points", "mean_rate", "max_over_median"]
    assert out[known].notna().all().all()
    assert out.drop(columns=known).isna().all().all()


def test_what_is_undefined_is_missing() -> None:
    nan = np.nan
    empty = one([[0, 1, 2], [nan, nan, nan], [1, 1, 1]])
    assert empty["n_points"] == 0
    assert np.isnan(list(empty.values())[1:]).all()
    single = one([[0, 1, 2], [nan, 4, nan], [1, 1, 1]])
    assert single["mean_rate"] == 4
    assert single["max_over_median"] == 1
    assert np.isnan(single["chi2_prob"])
    assert np.isnan(single["excess_variance"])
    # Around zero there is no brightness to compare with; chi-squared stays.
    faint = one([[0, 1, 2], [-2.0, 1.0, 0.5], [1, 1, 1]])
    assert np.isnan([faint["fvar"], faint["excess_variance"]]).all()
    assert 0 < faint["chi2_prob"] < 1


@pytest.mark.parametrize("scale", [1e-200, 1e-14, 1e200])
def test_units_do_not_matter(scale: float) -> None:
    curve = make_light_curves(3, random_state=1).data[1]
    plain = one(curve)
    scaled = one(curve * np.array([1.0, scale, scale])[:, None])
    for name, value in plain.items():
        wanted = value * scale if name == "mean_rate" else value
        assert scaled[name] == pytest.approx(wanted, rel=1e-9), name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept(dtype: type) -> None:
    X = make_light_curves(3, random_state=0).data.astype(dtype)
    assert VariabilityFeatures().fit_transform(X).dtype == dtype


def test_points_without_error_or_time_are_refused() -> None:
    curve = np.ones((1, 3, 4))
    for bad in (0.0, -1.0, np.nan):
        wrong = curve.copy()
        wrong[0, 2, 1] = bad
        with pytest.raises(ValueError, match=r"no positive error.*curve 0, point 1"):
            VariabilityFeatures().fit_transform(wrong)
    wrong = curve.copy()
    wrong[0, 0, 3] = np.nan
    with pytest.raises(ValueError, match="no time"):
        VariabilityFeatures().fit_transform(wrong)
    with pytest.raises(ValueError, match="infinity"):
        VariabilityFeatures().fit_transform(np.full((1, 3, 4), np.inf))


@pytest.mark.parametrize(
    ("parameters", "X", "message"),
    [
        ({"features": ["size"]}, np.ones((2, 3, 5)), "out of"),
        ({"features": []}, np.ones((2, 3, 5)), "out of"),
        ({"features": ["fvar", "fvar"]}, np.ones((2, 3, 5)), "different names"),
        ({"features": ["ls_power"]}, np.ones((2, 2, 5)), "need times"),
        ({"curve_shape": (4, 5)}, np.ones((2, 20)), "curve_shape must"),
        ({"curve_shape": (3, 5)}, np.ones((2, 16)), "15 values"),
        ({"curve_shape": (3, 5)}, np.ones((2, 3, 6)), "a light curve of X is"),
        ({}, np.ones((2, 4, 5)), "Light curves are"),
        ({}, np.ones((2, 3, 5, 1)), "Light curves are"),
        ({}, [[[1, 2], [1, 2], [1, 2]], [[1], [1], [1]]], "light_curve_array"),
    ],
)
def test_wrong_shapes_and_names(parameters: dict, X: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VariabilityFeatures(**parameters).fit(X)


def test_periodogram_finds_a_period() -> None:
    pytest.importorskip("astropy")
    rng = np.random.default_rng(0)
    time = np.sort(rng.uniform(0, 5000, 150))
    pulse = 5 * (1 + 0.5 * np.sin(2 * np.pi * time / 137.0))
    error = np.full(150, 0.5)
    X = np.stack(
        [
            [time, pulse + error * rng.normal(size=150), error],
            [time, 5 + error * rng.normal(size=150), error],
            [time, np.full(150, 5.0), error],
        ]
    )
    names = [*PERIODOGRAM, "fvar"]
    est = VariabilityFeatures(features=names)
    out = est.set_output(transform="pandas").fit_transform(X)
    assert list(out) == names
    assert 1 / out["ls_frequency"][0] == pytest.approx(137.0, rel=0.01)
    assert out["ls_power"][0] > 0.8
    assert out["ls_fap"][0] < 1e-10
    assert out["ls_power"][1] < 0.3
    assert out["ls_fap"][1] > 1e-4
    assert out.iloc[2, :3].isna().all()


def test_long_tables_become_arrays() -> None:
    points = pd.DataFrame(
        {
            "id": ["b", "a", "b", "b", "a"],
            "t": [3, 0, 1, 2, 5],
            "ct": [30.0, 1.0, 10.0, 20.0, 2.0],
            "e": [3.0, 0.1, 1.0, 2.0, 0.2],
        },
        index=[9, 9, 1, 2, 3],
    )
    ids, X = light_curve_array(points, by="id", time="t", rate="ct", error="e")
    nan = np.nan
    assert ids.tolist() == ["b", "a"]
    expected = [
        [[1, 2, 3], [10, 20, 30], [1, 2, 3]],
        [[0, 5, nan], [1, 2, nan], [0.1, 0.2, nan]],
    ]
    assert np.array_equal(X, expected, equal_nan=True)
    triples = [curve[:, ~np.isnan(curve[1])][:, ::-1] for curve in X]
    again_ids, again = light_curve_array(triples)
    assert again_ids.tolist() == [0, 1]
    assert np.array_equal(again, X, equal_nan=True)
    mean = VariabilityFeatures(features=["mean_rate"]).fit_transform(X)
    np.testing.assert_allclose(mean[:, 0], [20, 1.5])
    assert light_curve_array(triples[:1])[1].shape == (1, 3, 3)


def test_wrong_tables_are_refused() -> None:
    points = pd.DataFrame({"source_id": [1.0, np.nan], "time": 0, "rate": 1})
    with pytest.raises(ValueError, match=r"lacks \['rate_err'\]"):
        light_curve_array(points)
    with pytest.raises(ValueError, match=r"1 row\(s\) have no value"):
        light_curve_array(points.assign(rate_err=1))
    with pytest.raises(ValueError, match="no rows"):
        light_curve_array(points.assign(rate_err=1)[:0])
    with pytest.raises(ValueError, match="empty"):
        light_curve_array([])
    with pytest.raises(ValueError, match="number 1 has the shapes"):
        light_curve_array([([1], [1], [1]), ([1, 2], [1], [1])])


def test_kinds_of_light_curves_can_be_told_apart() -> None:
    X, y = make_light_curves(150, return_X_y=True, random_state=0)
    pipe = make_pipeline(
        VariabilityFeatures(),
        SimpleImputer(strategy="constant", fill_value=0.0),
        RandomForestClassifier(30, random_state=0),
    )
    assert cross_val_score(pipe, X, y, cv=3).mean() > 0.85

"""HardnessRatio against closed forms, quadrature and real fluxes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats
from sklearn.compose import make_column_transformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from skastro.xray import HardnessRatio

VARIANTS = [
    HardnessRatio(errors=[(0, 1)], bands=[(0, 1)], kind="flux", negative="clip"),
    HardnessRatio(method="bayes", kind="counts", estimate="median"),
]


@parametrize_with_checks(VARIANTS, expected_failed_checks=None)
def test_sklearn_checks_with_options(estimator: Any, check: Any) -> None:
    check(estimator)


def test_formula_zeros_and_gaps() -> None:
    X = [[1.0, 3.0], [0.0, 2.0], [5.0, 0.0], [0.0, 0.0], [np.nan, 1.0], [4.0, 4.0]]
    ratio = HardnessRatio().fit_transform(X)[:, 0]
    np.testing.assert_array_equal(ratio, [0.5, 1.0, -1.0, np.nan, np.nan, 0.0])


def test_consecutive_columns_by_default() -> None:
    X = np.random.default_rng(0).uniform(1, 2, size=(20, 5))
    out = HardnessRatio().fit(X)
    assert list(out.get_feature_names_out()) == [f"hr{i}_rate" for i in (1, 2, 3, 4)]
    expected = (X[:, 1:] - X[:, :-1]) / (X[:, 1:] + X[:, :-1])
    np.testing.assert_allclose(out.transform(X), expected, rtol=1e-14)


def test_propagated_error_is_the_closed_form_and_the_spread_of_draws() -> None:
    rng = np.random.default_rng(0)
    a, b, sa, sb = 3.0, 5.0, 0.06, 0.09
    est = HardnessRatio(bands=[(0, 1)], errors=[(2, 3)])
    ratio, error = est.fit_transform([[a, b, sa, sb]])[0]
    assert ratio == 0.25
    closed = 2 * np.sqrt(a**2 * sb**2 + b**2 * sa**2) / (a + b) ** 2
    assert error == pytest.approx(closed, rel=1e-14)
    draws = rng.normal([a, b], [sa, sb], size=(200_000, 2))
    assert HardnessRatio().fit_transform(draws).std() == pytest.approx(error, rel=0.01)


@pytest.mark.parametrize("scale", [1e-30, 1e-14, 1.0, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tiny_fluxes_do_not_underflow(scale: float, dtype: type) -> None:
    est = HardnessRatio(bands=[(0, 1)], errors=[(2, 3)], kind="flux")
    X = (np.array([[1.0, 3.0, 0.2, 0.3]]) * scale).astype(dtype)
    out = est.fit_transform(X)
    assert out.dtype == dtype
    wanted = 2 * np.hypot(1 * 0.3, 3 * 0.2) / 16
    np.testing.assert_allclose(out, [[0.5, wanted]], rtol=1e-5)


def test_errors_at_the_ends_and_without_sense() -> None:
    est = HardnessRatio(bands=[(0, 1)], errors=[(2, 3)])
    out = est.fit_transform(
        [[0.0, 4.0, 1.0, 1.0], [1.0, 1.0, np.nan, 1.0], [1.0, 1.0, -1.0, 1.0]]
    )
    np.testing.assert_allclose(out, [[1.0, 0.5], [0.0, np.nan], [0.0, np.nan]])


def test_negative_values() -> None:
    X = [[-1.0, 3.0], [2.0, -1.0], [-1.0, -2.0], [1.0, 1.0]]
    ratio = {n: HardnessRatio(negative=n).fit(X) for n in ("nan", "clip", "raise")}
    nan = np.nan
    assert np.array_equal(
        ratio["nan"].transform(X)[:, 0], [nan, nan, nan, 0.0], equal_nan=True
    )
    assert np.array_equal(
        ratio["clip"].transform(X)[:, 0], [1.0, -1.0, nan, 0.0], equal_nan=True
    )
    with pytest.raises(ValueError, match=r"Column 0 has 2 negative .* row 0"):
        ratio["raise"].transform(X)


def test_a_data_frame_gives_named_features() -> None:
    frame = pd.DataFrame(
        {"flux_s": [1.0, 2.0], "flux_m": [2.0, 2.0], "flux_h": [2.0, 6.0]}
    )
    for name in list(frame):
        frame[f"{name}_err"] = 0.1
    est = HardnessRatio(
        bands=[("flux_s", "flux_m"), ("flux_m", "flux_h")],
        errors="suffix",
        kind="flux",
        names=["hr_ms", "hr_hm"],
    ).set_output(transform="pandas")
    out = est.fit_transform(frame)
    assert list(out) == ["hr_ms", "hr_ms_err", "hr_hm", "hr_hm_err"]
    np.testing.assert_allclose(out["hr_hm"], [0.0, 0.5])
    same = make_column_transformer((est, list(frame)), verbose_feature_names_out=False)
    assert np.array_equal(same.fit_transform(frame), out)
    assert list(same.get_feature_names_out()) == list(out)
    with pytest.raises(ValueError, match="feature names should match"):
        est.transform(frame[frame.columns[::-1]])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"bands": [("a", "b")]}, "no column names"),
        ({"bands": [(0, 7)]}, "numbers below 4"),
        ({"bands": [(0, True)]}, "numbers below 4"),
        ({"bands": [(0, 1, 2)]}, "pairs of columns"),
        ({"bands": ["ab"]}, "pairs of columns"),
        ({"bands": []}, "pairs of columns"),
        ({"bands": [(0, 1)], "errors": [(2, 3), (2, 3)]}, r"2 pair\(s\) for 1"),
        ({"bands": [(0, 1)], "errors": "suffix"}, "data frame"),
        ({"errors": [(2, 3)]}, "name the bands"),
        ({"names": ["one"]}, r"1 name\(s\) for 3"),
        ({"method": "bayes"}, "Poisson counts"),
        ({"background": [(2, 3)]}, 'background is for method="bayes"'),
        (
            {"method": "bayes", "kind": "counts", "errors": [(2, 3)]},
            "counts have their own",
        ),
        (
            {
                "method": "bayes",
                "kind": "counts",
                "bands": [(0, 1)],
                "background": [(2, 3)],
                "estimate": "mode",
            },
            "not available with a background",
        ),
    ],
)
def test_contradictions_are_refused(parameters: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HardnessRatio(**parameters).fit(np.ones((3, 4)))


def bayes(row: list[float], **parameters: Any) -> np.ndarray:
    est = HardnessRatio(bands=[(0, 1)], kind="counts", method="bayes", **parameters)
    return est.fit_transform([row])[0]


def test_bayes_is_the_beta_law() -> None:
    law = stats.beta(7 + 0.5, 3 + 0.5)
    mean = bayes([3, 7], prior_index=0.5, level=0.9)
    np.testing.assert_allclose(
        (mean + 1) / 2, [law.mean(), *law.interval(0.9)], rtol=1e-12
    )
    median = bayes([3, 7], prior_index=0.5, estimate="median")
    assert (median[0] + 1) / 2 == pytest.approx(law.median(), rel=1e-12)
    # With a flat prior the mode is the classical ratio.
    assert bayes([3, 7], estimate="mode")[0] == pytest.approx(0.4, rel=1e-14)


def test_bayes_without_counts_knows_nothing() -> None:
    value, lower, upper = bayes([0, 0])
    assert value == pytest.approx(0.0)
    assert upper == pytest.approx(0.6827)
    assert lower == pytest.approx(-0.6827)
    assert np.isnan(bayes([0, 0], estimate="mode")[0])
    assert bayes([0, 3], estimate="mode")[0] == 1.0
    assert bayes([3, 0], estimate="mode", prior_index=0.5)[0] == -1.0
    assert np.isnan(bayes([np.nan, 3])).all()
    names = HardnessRatio(method="bayes", kind="counts").fit([[1, 2]])
    assert list(names.get_feature_names_out()) == [
        "hr1_counts",
        "hr1_counts_lower",
        "hr1_counts_upper",
    ]


def test_bayes_nears_the_classical_ratio_for_many_counts() -> None:
    soft, hard = 40_000, 10_000
    value, lower, upper = bayes([soft, hard])
    classical, error = HardnessRatio(
        bands=[(0, 1)], errors=[(2, 3)], kind="counts"
    ).fit_transform([[soft, hard, np.sqrt(soft), np.sqrt(hard)]])[0]
    assert value == pytest.approx(classical, abs=2e-4)
    assert (upper - lower) / 2 == pytest.approx(error, rel=1e-3)


def test_background_is_integrated_out() -> None:
    """Three dimensions fewer by quadrature: intensities on a grid."""
    s, h, sb, hb, r, psi = 6, 9, 12, 8, 4.0, 1.0
    grid = np.linspace(1e-6, 60, 3001)

    def posterior(counts: int, off: int) -> np.ndarray:
        # Integrate the background out by quadrature, for every source intensity.
        xi = np.linspace(0, 30, 1501)[:, None]
        density = stats.poisson.pmf(counts, grid + xi) * stats.poisson.pmf(off, r * xi)
        source = integrate.simpson(density, x=xi[:, 0], axis=0) * grid ** (psi - 1)
        return source / integrate.simpson(source, x=grid)

    soft, hard = posterior(s, sb), posterior(h, hb)
    ratio = (grid[:, None] - grid) / (grid[:, None] + grid)
    weight = hard[:, None] * soft
    mean = integrate.simpson(integrate.simpson(weight * ratio, x=grid), x=grid)
    below = np.cumsum(soft) / soft.sum()

    def cdf(x: float) -> float:
        # P(HR < x) = P(soft > hard (1 - x) / (1 + x)).
        edge = np.interp(grid * (1 - x) / (1 + x), grid, below, right=1.0)
        return float(integrate.simpson(hard * (1 - edge), x=grid))

    common = {"background": [(2, 3)], "area_ratio": r, "level": 0.8}
    value, lower, upper = bayes([s, h, sb, hb], **common)
    assert value == pytest.approx(mean, abs=1e-4)
    assert cdf(lower) == pytest.approx(0.1, abs=2e-3)
    assert cdf(upper) == pytest.approx(0.9, abs=2e-3)
    median = bayes([s, h, sb, hb], estimate="median", **common)[0]
    assert cdf(median) == pytest.approx(0.5, abs=2e-3)


def test_background_that_is_nearly_nothing_changes_nothing() -> None:
    plain = bayes([4, 11])
    off = bayes([4, 11, 0, 0], background=[(2, 3)], area_ratio=1e9)
    np.testing.assert_allclose(off, plain, rtol=1e-6)
    # Many counts: no overflow, and the net counts decide.
    many = bayes([3000, 2000, 10_000, 10_000], background=[(2, 3)], area_ratio=10.0)
    assert many[0] == pytest.approx(-1000 / 3000, abs=5e-3)
    # Thinned sums of many terms agree with the whole ones.
    from skastro.xray import _hardness_posterior as posterior

    left, weight = posterior._source_counts(3000.0, 10_000.0, 10.0, 1.0)
    assert len(left) < 80
    j = np.arange(3001.0)
    log = stats.nbinom.logpmf(j, 10_001, 1 - 1 / 11.0)
    whole = np.exp(log - log.max()) / np.exp(log - log.max()).sum()
    for power in (1, 2, 3):
        assert weight @ left**power == pytest.approx(
            whole @ (3000 - j) ** power, rel=1e-10
        )
    with pytest.raises(ValueError, match="whole numbers"):
        bayes([4.5, 11, 0, 0], background=[(2, 3)])


def test_intervals_cover_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    # Intensities from the (nearly flat) prior: coverage is then exact.
    intensity = rng.uniform(0, 60, size=(4000, 2))
    X = rng.poisson(intensity)
    out = HardnessRatio(method="bayes", kind="counts", level=0.9).fit_transform(X)
    truth = HardnessRatio().fit_transform(intensity)[:, 0]
    inside = np.mean((out[:, 1] <= truth) & (truth <= out[:, 2]))
    assert inside == pytest.approx(0.9, abs=0.015)


@pytest.mark.real_data
def test_flux_ratios_of_lin_2024(data_home: Any) -> None:
    frame = pd.read_csv(data_home / "xray" / "lin2024_4xmm_dr13_custom.csv")
    bands = list(itertools.pairwise(f"F{i}" for i in range(1, 6)))
    columns = [f"F{i}" for i in range(1, 6)]
    ours = HardnessRatio(bands=bands, kind="flux").fit_transform(frame[columns])
    for i, n in enumerate([570, 632, 374, 117]):
        theirs = frame[f"HR{i + 1}"].to_numpy(float)
        known = np.isfinite(theirs)
        # The same rows are missing, and the rest differs by rounded digits only.
        assert known.sum() == n
        assert np.array_equal(known, np.isfinite(ours[:, i]))
        assert np.corrcoef(theirs[known], ours[known, i])[0, 1] > 0.9999
        assert np.abs(theirs[known] - ours[known, i]).max() < 0.01

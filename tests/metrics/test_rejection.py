"""Efficiency at a rejection: the numbers, their errors, and what is refused."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, binomtest, norm
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_curve
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_score,
    cross_validate,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skastro.metrics import (
    RejectionEfficiency,
    RejectionTable,
    abundance_weighted_purity,
    efficiency_at_rejection,
    make_rejection_scorer,
    rejection_curve,
    stratified_efficiency,
)

SIGNAL, BACKGROUND = "antideuteron", "antiproton"


def problem(
    n: int = 400, m: int = 2000, *, gap: float = 2.0, digits: int = 12, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat([SIGNAL, BACKGROUND], [n, m]))
    return y, rng.normal(np.where(y == SIGNAL, gap, 0.0)).round(digits)


def one(*args: Any, **settings: Any) -> RejectionEfficiency:
    result = efficiency_at_rejection(*args, **{"pos_label": SIGNAL} | settings)
    assert isinstance(result, RejectionEfficiency)
    return result


@pytest.mark.parametrize("digits", [12, 1, 0])
@pytest.mark.parametrize("rejection", [1, 1.5, 2, 10, 66.6, 100, 200])
def test_best_of_all_thresholds_that_reject_enough(
    digits: int, rejection: float
) -> None:
    y, score = problem(digits=digits)
    r = one(y, score, rejection)
    best = 0.0
    for threshold in np.append(np.unique(score), np.inf):
        passing = score >= threshold
        if passing[y == BACKGROUND].mean() <= 1 / rejection:
            best = max(best, passing[y == SIGNAL].mean())
    assert r.efficiency == best
    passing = score >= r.threshold
    assert passing[y == SIGNAL].mean() == best
    assert r.n_signal_passing == passing[y == SIGNAL].sum()
    assert r.n_background_passing == passing[y == BACKGROUND].sum()
    assert r.n_background_passing <= 2000 / rejection
    assert (r.n_signal, r.n_background) == (400, 2000)


def test_against_the_roc_curve_of_scikit_learn() -> None:
    y, score = problem()
    fpr, tpr, _ = roc_curve(y, score, pos_label=SIGNAL, drop_intermediate=False)
    for rejection in (2, 10, 50, 200):
        best = tpr[fpr <= 1 / rejection].max()
        assert one(y, score, rejection).efficiency == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("method", ["exact", "wilson", "wilsoncc"])
def test_intervals_are_those_of_scipy(method: Any) -> None:
    y, score = problem()
    r = one(y, score, 20, method=method, confidence_level=0.9)
    expected = binomtest(r.n_signal_passing, 400).proportion_ci(0.9, method)
    assert (r.low, r.high) == (expected.low, expected.high)
    share = binomtest(r.n_background_passing, 2000, alternative="less")
    limit = share.proportion_ci(0.9, "exact").high
    assert r.background_upper_limit == limit
    assert limit == pytest.approx(beta.ppf(0.9, r.n_background_passing + 1, 1900))
    assert r.low_total <= r.low <= r.efficiency <= r.high <= r.high_total
    assert r.efficiency < r.upper_limit <= r.high_total
    assert (r.method, r.confidence_level) == (method, 0.9)


def test_order_and_scale_of_the_scores_do_not_matter() -> None:
    y, score = problem(digits=1)
    order = np.random.default_rng(1).permutation(len(y))
    first, second = one(y, score, 50), one(y[order], score[order], 50)
    assert first == second
    third = one(pd.Series(y), pd.Series(np.exp(score)), 50)
    assert third.efficiency == first.efficiency
    assert third.low_total == first.low_total
    assert third.threshold == np.exp(first.threshold)


def test_ties_at_the_cut_are_all_rejected() -> None:
    y = np.repeat([1, 0], [4, 100])
    score = np.concatenate([[3.0, 2.0, 2.0, 1.0], [2.0] * 11, [0.0] * 89])
    r = efficiency_at_rejection(y, score, 10)
    assert isinstance(r, RejectionEfficiency)
    assert (r.efficiency, r.threshold, r.n_background_passing) == (0.25, 3.0, 0)
    constant = efficiency_at_rejection(y, np.zeros(104), 10)
    assert isinstance(constant, RejectionEfficiency)
    assert (constant.efficiency, constant.threshold) == (0.0, np.inf)


def test_infinite_scores() -> None:
    y = np.repeat([1, 0], [2, 20])
    score = np.concatenate([[np.inf, 1.0], [np.inf] * 2, np.zeros(17), [-np.inf]])
    r = efficiency_at_rejection(y, score, [2, 20, 1], min_background=1)
    assert isinstance(r, RejectionTable)
    assert [row.efficiency for row in r] == [1.0, 0.0, 1.0]
    # None passes a cut above infinity, so there is no threshold to tell.
    assert np.isnan(r[1].threshold)
    assert [row.n_background_passing for row in r] == [2, 0, 20]


def test_too_little_background_is_not_measured() -> None:
    y, score = problem(400, 2000)
    enough, few = one(y, score, 200), one(y, score, 201)
    assert np.isfinite(enough.efficiency)
    for name in ("efficiency", "low", "high", "low_total", "high_total"):
        assert np.isnan(getattr(few, name))
    assert 0 < few.upper_limit < 1
    assert np.isfinite(one(y, score, 201, min_background=9).efficiency)
    assert "not measured, below" in repr(few)
    assert "not measured" not in repr(enough)
    # No event of the background above the cut: some 3 in 2000 may be, at 95 %.
    none = one(y, score, 1e6)
    assert none.n_background_passing == 0
    assert none.background_upper_limit == pytest.approx(1 - 0.05 ** (1 / 2000))
    # The limit is that of the signal above all of the background.
    above = int((score[y == SIGNAL] > score[y == BACKGROUND].max()).sum())
    assert none.n_signal_passing == above
    limit = beta.ppf(0.95, above + 1, 400 - above)
    assert none.upper_limit == pytest.approx(limit, abs=1e-3)


def test_tiny_samples() -> None:
    r = one([SIGNAL, BACKGROUND], [1.0, 0.0], 1, min_background=1)
    assert (r.efficiency, r.threshold, r.high, r.high_total) == (1.0, 0.0, 1.0, 1.0)
    assert r.low == pytest.approx(0.025)
    with pytest.warns(UndefinedMetricWarning, match="no background"):
        r = one([SIGNAL] * 3, [1.0, 2.0, 3.0])
    assert np.isnan(r.efficiency)
    assert (r.upper_limit, r.background_upper_limit) == (1.0, 1.0)
    with pytest.warns(UndefinedMetricWarning, match="no signal"):
        r = one([BACKGROUND] * 300, np.arange(300), 10)
    assert np.isnan(r.efficiency)
    assert r.upper_limit == 1.0


def coverage(n: int, m: int, rejection: float, gap: float) -> tuple[float, ...]:
    """Repeat an experiment of which the truth is known."""
    rng, runs = np.random.default_rng(0), 150
    truth = norm.sf(norm.isf(1 / rejection) - gap)
    y = np.repeat([1, 0], [n, m])
    binomial = total = limit = 0
    for _ in range(runs):
        score = rng.normal(np.repeat([gap, 0.0], [n, m]))
        r = efficiency_at_rejection(y, score, rejection, confidence_level=0.9)
        assert isinstance(r, RejectionEfficiency)
        binomial += r.low <= truth <= r.high
        total += r.low_total <= truth <= r.high_total
        limit += truth <= r.upper_limit
    return binomial / runs, total / runs, limit / runs


@pytest.mark.parametrize(
    ("n", "m", "rejection", "gap"),
    [(500, 1000, 100, 2.5), (300, 300, 10, 1.5), (2000, 1000, 100, 2.5)],
)
def test_total_interval_covers_and_the_binomial_one_does_not(
    n: int, m: int, rejection: float, gap: float
) -> None:
    binomial, total, limit = coverage(n, m, rejection, gap)
    # Two standard deviations of 150 runs at 0.9 are 0.05.
    assert total > 0.85
    assert limit > 0.85
    assert binomial < 0.8


def test_one_sided_limit_covers_where_nothing_is_measured() -> None:
    binomial, total, limit = coverage(500, 50, 100, 2.5)
    assert binomial == total == 0
    assert limit > 0.85


def test_total_interval_ends_in_the_binomial_one() -> None:
    """With much background the threshold is known."""
    y, score = problem(300, 60_000, gap=1.0)
    r = one(y, score, 2)
    assert r.low_total == pytest.approx(r.low, abs=6e-3)
    assert r.high_total == pytest.approx(r.high, abs=6e-3)


def test_several_rejections_and_their_table() -> None:
    y, score = problem()
    table = efficiency_at_rejection(y, score, (10, 1000), pos_label=SIGNAL)
    assert isinstance(table, RejectionTable)
    assert len(table) == len(list(table)) == 2
    assert table[0] == one(y, score, 10)
    frame = table.to_frame()
    assert frame["rejection"].tolist() == [10, 1000]
    assert frame["efficiency"].isna().tolist() == [False, True]
    assert frame.shape == (2, 15)


@pytest.mark.parametrize("kind", [int, bool, float])
def test_zero_and_one_need_no_name(kind: type) -> None:
    y, score = problem()
    named = one(y, score, 20)
    plain = efficiency_at_rejection((y == SIGNAL).astype(kind), score, 20)
    assert plain == named
    signs = np.where(y == SIGNAL, 1, -1)
    assert efficiency_at_rejection(signs, score, 20) == named
    turned = efficiency_at_rejection(signs, -score, 20, pos_label=-1)
    assert turned == efficiency_at_rejection(-signs, -score, 20)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pos_label": None}, "say with pos_label"),
        ({"pos_label": "anti-deuteron"}, "is not among the classes"),
        ({"pos_label": 1}, "is not among the classes"),
        ({"y_true": ["a", "b", "c"], "y_score": [1, 2, 3]}, "has 3 classes"),
        ({"y_true": [0, 1], "y_score": [1.0, 2.0]}, "is not among the classes"),
        ({"y_true": [SIGNAL, None], "y_score": [1.0, 2.0]}, "missing classes"),
        ({"y_true": [], "y_score": []}, "empty"),
        ({"y_score": [1.0, 2.0]}, "y_score has 2 rows"),
        ({"y_score": np.zeros((2400, 2))}, "take the signal's column"),
        ({"y_score": np.full(2400, np.nan)}, "2400 NaN"),
        ({"y_score": ["a"] * 2400}, "one number a row"),
        ({"rejection": 0.5}, "at least 1"),
        ({"rejection": np.nan}, "at least 1"),
        ({"rejection": np.inf}, "at least 1"),
        ({"rejection": []}, "at least one number"),
        ({"confidence_level": 95}, "between 0 and 1"),
        ({"method": "wald"}, "method must be one of"),
        ({"min_background": -1}, "must not be negative"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], message: str) -> None:
    y, score = problem()
    given = {"y_true": y, "y_score": score, "rejection": 10, "pos_label": SIGNAL}
    with pytest.raises(ValueError, match=message):
        efficiency_at_rejection(**given | changes)  # type: ignore[arg-type]


def test_curve_has_every_threshold() -> None:
    y, score = problem(digits=1)
    curve = rejection_curve(y, score, pos_label=SIGNAL)
    assert curve.thresholds.tolist() == sorted(set(score), reverse=True)
    for i, threshold in enumerate(curve.thresholds):
        passing = score >= threshold
        assert curve.efficiency[i] == passing[y == SIGNAL].mean()
        assert curve.background_share[i] == passing[y == BACKGROUND].mean()
    finite = curve.background_share > 0
    assert (curve.rejection[finite] == 1 / curve.background_share[finite]).all()
    assert np.isinf(curve.rejection[~finite]).all()
    assert curve.to_frame().shape == (len(curve.thresholds), 6)
    passing = np.array([1, 10, 40, 2000])
    for kind in ("total", "binomial"):
        efficiency, low, high = curve.band(passing, kind=kind)  # type: ignore[arg-type]
        for i, k in enumerate(passing):
            r = one(y, score, 2000 / k, min_background=1)
            assert efficiency[i] == r.efficiency
            ends = (
                (r.low, r.high) if kind == "binomial" else (r.low_total, r.high_total)
            )
            assert (low[i], high[i]) == pytest.approx(ends, abs=1e-9)
    for bad in ([0], [2001], [1.5]):
        with pytest.raises(ValueError, match="from 1 to 2000"):
            curve.band(np.array(bad))
    with pytest.raises(ValueError, match="kind must be"):
        curve.band(passing, kind="both")  # type: ignore[arg-type]


def features(n: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.permutation(np.repeat([SIGNAL, BACKGROUND], [n // 3, n - n // 3]))
    X = rng.normal(size=(n, 3))
    X[:, 0] += 2.0 * (y == SIGNAL)
    return X, y


def test_scorer_is_the_efficiency_of_each_fold() -> None:
    X, y = features()
    folds = StratifiedKFold(2)
    scorer = pickle.loads(pickle.dumps(make_rejection_scorer(20, pos_label=SIGNAL)))
    models = [
        make_pipeline(
            StandardScaler(), HistGradientBoostingClassifier(max_iter=8, random_state=0)
        ),
        LogisticRegression(),
        GaussianNB(),
    ]
    for model in models:
        done = cross_validate(
            model, X, y, cv=folds, scoring=scorer, return_estimator=True
        )
        for fold, (_, test) in enumerate(folds.split(X, y)):
            fitted = done["estimator"][fold]
            assert list(fitted.classes_) == [SIGNAL, BACKGROUND]
            proba = fitted.predict_proba(X[test])[:, 0]
            expected = one(y[test], proba, 20).efficiency
            assert done["test_score"][fold] == pytest.approx(expected, abs=1e-12)
            assert expected > 0.2


def test_scorer_prefers_scores_that_do_not_saturate() -> None:
    """Probabilities of a sure model are 1.0 for many rows, which then tie."""
    X, y = features()
    model = LogisticRegression().fit(X, y == SIGNAL)
    model.coef_ *= 60
    scorer = make_rejection_scorer(20)
    decision = one(y, model.decision_function(X), 20).efficiency
    assert scorer(model, X, y == SIGNAL) == decision
    assert decision > one(y, model.predict_proba(X)[:, 1], 20).efficiency


def test_search_over_a_pipeline() -> None:
    X, y = features()
    model = make_pipeline(
        StandardScaler(), HistGradientBoostingClassifier(max_iter=8, random_state=0)
    )
    name = "histgradientboostingclassifier__max_leaf_nodes"
    scoring = {
        "r20": make_rejection_scorer(20, pos_label=SIGNAL),
        "accuracy": "accuracy",
    }
    search = GridSearchCV(
        model, {name: [2, 8]}, cv=2, scoring=scoring, refit="r20"
    ).fit(X, y)
    assert 0.2 < search.best_score_ < 1
    assert search.best_score_ == search.cv_results_["mean_test_r20"].max()


def test_folds_that_are_too_small_score_nan_with_a_warning() -> None:
    X, y = features()
    model = LogisticRegression().fit(X, y)
    scorer = make_rejection_scorer(100, pos_label=SIGNAL)
    assert np.isfinite(scorer(model, X, y))
    with pytest.warns(UndefinedMetricWarning, match=r"1000 background .* 250 and 500"):
        scores = cross_val_score(model, X, y, cv=2, scoring=scorer)
    assert np.isnan(scores).all()
    with pytest.warns(UndefinedMetricWarning, match="got 0 and 1000"):
        score = scorer(model, X[y == BACKGROUND], y[y == BACKGROUND])
    assert np.isnan(score)
    with (
        pytest.warns(UserWarning, match="non-finite"),
        pytest.warns(UndefinedMetricWarning, match="is not known"),
    ):
        GridSearchCV(model, {"C": [1.0, 2.0]}, cv=2, scoring=scorer).fit(X, y)
    low = make_rejection_scorer(100, pos_label=SIGNAL, min_background=5)
    assert np.isfinite(cross_val_score(model, X, y, cv=2, scoring=low)).all()
    with pytest.raises(ValueError, match="at least 1"):
        make_rejection_scorer(0)
    with pytest.raises(ValueError, match="must not be negative"):
        make_rejection_scorer(min_background=-1)


ABUNDANCES = {SIGNAL: 1.0, BACKGROUND: 1e4, "proton": 1e10}


def test_purity_is_bayes_rule() -> None:
    y = np.repeat([SIGNAL, BACKGROUND, "proton"], [100, 200, 400])
    predicted = y.copy()
    predicted[:20], predicted[100:103], predicted[300] = BACKGROUND, SIGNAL, SIGNAL
    result = abundance_weighted_purity(
        y, predicted, abundances=ABUNDANCES, pos_label=SIGNAL
    )
    rates = np.array([0.8, 1e4 * 3 / 200, 1e10 / 400])
    assert result.purity == pytest.approx(rates[0] / rates.sum(), rel=1e-12)
    assert result.per_class["rate"].tolist() == pytest.approx(rates.tolist())
    assert result.per_class.index.tolist() == [SIGNAL, BACKGROUND, "proton"]
    level = 0.95 ** (1 / 3)
    low, high = np.transpose(
        [
            binomtest(k, n).proportion_ci(level, "exact")
            for k, n in ((80, 100), (3, 200), (1, 400))
        ]
    )
    weight = np.array([1, 1e4, 1e10])
    worst = np.array([low[0], high[1], high[2]]) * weight
    best = np.array([high[0], low[1], low[2]]) * weight
    assert result.low == pytest.approx(worst[0] / worst.sum())
    assert result.high == pytest.approx(best[0] / best.sum())
    # Only the ratio counts, and acceptances multiply abundances.
    scaled = abundance_weighted_purity(
        y,
        predicted,
        abundances={k: 5 * v for k, v in ABUNDANCES.items()},
        acceptances={SIGNAL: 0.37, BACKGROUND: 0.37, "proton": 0.37},
        pos_label=SIGNAL,
    )
    assert scaled.purity == pytest.approx(result.purity, rel=1e-12)
    # As many more test events of a class change nothing.
    more = np.repeat(np.arange(700), np.where(y == BACKGROUND, 7, 1))
    again = abundance_weighted_purity(
        y[more], predicted[more], abundances=ABUNDANCES, pos_label=SIGNAL
    )
    assert again.purity == pytest.approx(result.purity, rel=1e-12)


def test_purity_of_scores_and_of_nothing() -> None:
    y, score = problem()
    abundances = {SIGNAL: 1, BACKGROUND: 1e4}
    settings: dict[str, Any] = {"abundances": abundances, "pos_label": SIGNAL}
    by_score = abundance_weighted_purity(y, score, threshold=1.5, **settings)
    predicted = np.where(score >= 1.5, SIGNAL, BACKGROUND)
    by_class = abundance_weighted_purity(y, predicted, **settings)
    assert by_score.purity == by_class.purity
    assert by_score.low < by_score.purity < by_score.high
    # No background passes: the estimate is 1, but not its lower end.
    clean = abundance_weighted_purity(y, score, threshold=3.7, **settings)
    assert (clean.purity, clean.high) == (1.0, 1.0)
    assert clean.low < 0.05
    with pytest.warns(UndefinedMetricWarning, match="nothing is selected"):
        nothing = abundance_weighted_purity(y, score, threshold=99, **settings)
    assert np.isnan(nothing.purity)
    assert (nothing.low, nothing.high) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"abundances": {SIGNAL: 1}}, r"lacks \['antiproton'\]"),
        ({"abundances": ABUNDANCES}, r"has \['proton'\], of which there are no test"),
        ({"abundances": {SIGNAL: 1, BACKGROUND: 0}}, "finite and above 0"),
        (
            {"acceptances": {SIGNAL: 1, BACKGROUND: np.nan}},
            "acceptances must be finite",
        ),
        ({"pos_label": "proton"}, "is not among"),
        ({"y_pred": ["electron"] * 2400}, "give a threshold"),
        ({"threshold": 0.5}, "y_pred must be one number a row"),
        ({"threshold": np.nan}, "threshold is NaN"),
        ({"confidence_level": 1}, "between 0 and 1"),
    ],
)
def test_purity_refuses(changes: dict[str, Any], message: str) -> None:
    y, _ = problem()
    given: dict[str, Any] = {
        "y_true": y,
        "y_pred": y,
        "abundances": {SIGNAL: 1, BACKGROUND: 1e4},
        "pos_label": SIGNAL,
    }
    with pytest.raises(ValueError, match=message):
        abundance_weighted_purity(**given | changes)


def test_purity_interval_covers() -> None:
    rng, runs, hits = np.random.default_rng(0), 200, 0
    abundances, shares = {1: 1.0, 0: 100.0}, (0.7, 0.01)
    truth = 0.7 / (0.7 + 100 * 0.01)
    y = np.repeat([1, 0], [200, 1500])
    for _ in range(runs):
        score = rng.random(1700) < np.repeat(shares, [200, 1500])
        r = abundance_weighted_purity(
            y, score, abundances=abundances, pos_label=1, threshold=1
        )
        hits += r.low <= truth <= r.high
    assert hits / runs >= 0.95


def strata() -> dict[str, Any]:
    rng = np.random.default_rng(3)
    beta = rng.uniform(0.26, 0.3, 2400)
    beta[:7] = np.nan
    return {
        "beta": beta,
        "layer": rng.integers(-1, 3, 2400),
        "stopped": rng.random(2400) < 0.5,
        "where": np.array(["in", "out"], dtype=object)[rng.integers(0, 2, 2400)],
    }


def test_strata_with_one_threshold() -> None:
    y, score = problem()
    groups = strata()
    predicted = np.where(score > 1, SIGNAL, BACKGROUND)
    table = stratified_efficiency(
        y, score, groups, rejection=20, pos_label=SIGNAL, y_pred=predicted
    )
    whole = one(y, score, 20)
    assert set(table["threshold"]) == {whole.threshold}
    assert table.iloc[0][["efficiency", "low_total", "high_total"]].tolist() == [
        whole.efficiency,
        whole.low_total,
        whole.high_total,
    ]
    for _, part in table.iloc[1:].groupby("quantity"):
        assert part["n_signal"].sum() == 400
        assert part["n_background"].sum() == 2000
        weighted = (part["efficiency"] * part["n_signal"]).sum() / 400
        assert weighted == pytest.approx(whole.efficiency)
        weighted = (part["background_share"] * part["n_background"]).sum() / 2000
        assert weighted == pytest.approx(whole.n_background_passing / 2000)
    beta = table[table["quantity"] == "beta"]
    assert beta["stratum"].tolist()[-1] == "missing"
    assert len(beta) == 5
    counts = (beta["n_signal"] + beta["n_background"]).tolist()
    assert counts[-1] == 7
    assert max(counts[:4]) - min(counts[:4]) <= 1
    layer = table[table["quantity"] == "layer"]
    assert layer["stratum"].tolist() == ["-1", "0", "1", "2"]
    for _, row in layer.iterrows():
        rows = groups["layer"] == int(row["stratum"])
        passing = score[rows] >= whole.threshold
        assert row["efficiency"] == passing[y[rows] == SIGNAL].mean()
        assert row["background_share"] == passing[y[rows] == BACKGROUND].mean()
        assert row["accuracy"] == (predicted == y)[rows].mean()
        assert row["low"] < row["efficiency"] < row["high"]
        assert row["background_low"] < row["background_share"] < row["background_high"]
        assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"]


def test_strata_with_thresholds_of_their_own() -> None:
    y, score = problem()
    groups = strata()
    table = stratified_efficiency(
        y,
        score,
        pd.DataFrame(groups),
        rejection=60,
        pos_label=SIGNAL,
        bins={"layer": [-1, 1, 2], "beta": [0.26, 0.28, 0.29]},
        threshold="stratum",
    )
    assert "accuracy" not in table
    for _, row in table.iterrows():
        known = row["n_background"] >= 600
        assert np.isfinite(row["efficiency"]) == known
        assert 0 < row["upper_limit"] <= 1
    part = table[table["quantity"] == "stopped"]
    for _, row in part.iterrows():
        rows = groups["stopped"] == (row["stratum"] == "True")
        own = one(y[rows], score[rows], 60)
        assert row["efficiency"] == own.efficiency
        assert row["threshold"] == own.threshold
    layer = table[table["quantity"] == "layer"]
    assert layer["stratum"].tolist() == ["-1 to 1", "1 to 2"]
    names = table.loc[table["quantity"] == "beta", "stratum"].tolist()
    assert names == ["0.26 to 0.28", "0.28 to 0.29", "outside", "missing"]


def test_empty_strata_and_bad_bins() -> None:
    y, score = problem()
    settings: dict[str, Any] = {"rejection": 20, "pos_label": SIGNAL}
    only = np.where(y == SIGNAL, "s", "b")
    table = stratified_efficiency(y, score, {"kind": only}, y_pred=y, **settings)
    b, s = (table[table["stratum"] == k].iloc[0] for k in "bs")
    assert np.isnan(b["efficiency"])
    assert np.isnan(s["background_share"])
    assert s["efficiency"] == one(y, score, 20).efficiency
    table = stratified_efficiency(
        y, score, {"z": np.zeros(2400), "nan": np.full(2400, np.nan)}, **settings
    )
    assert table["stratum"].tolist() == ["all", "0 to 0", "missing"]
    assert table["n_signal"].tolist() == [400, 400, 400]
    mixed = np.array([1, "1", "missing", None] * 600, dtype=object)
    table = stratified_efficiency(y, score, {"mixed": mixed}, **settings)
    assert table["stratum"].tolist() == ["all", "1", "'1'", "'missing'", "missing"]
    assert (table["n_signal"] + table["n_background"]).tolist() == [2400] + [600] * 4
    for bins, message in [
        ({"beta": [0.3, 0.2]}, "two or more and rise"),
        ({"beta": 0}, "1 or more"),
        ({"bata": 3}, "not in stratify"),
        ({"where": 3}, "no numbers"),
    ]:
        with pytest.raises(ValueError, match=message):
            stratified_efficiency(y, score, strata(), bins=bins, **settings)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must have shape"):
        stratified_efficiency(y, score, {"a": [1.0]}, **settings)
    with pytest.raises(ValueError, match='"global" or "stratum"'):
        stratified_efficiency(y, score, {}, threshold="own", **settings)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="y_pred has 1 rows"):
        stratified_efficiency(y, score, {}, y_pred=[SIGNAL], **settings)


@pytest.mark.parametrize(("n", "k"), [(1000, 15), (10_000, 7), (49, 1)])
def test_a_rejection_of_n_over_k_lets_k_events_pass(n: int, k: int) -> None:
    y = np.repeat([0, 1], [n, 10])
    score = np.append(np.arange(n), np.full(10, n - k + 0.5))
    found = efficiency_at_rejection(y, score, 1 / (k / n), min_background=1)
    assert found.efficiency == 1.0


@pytest.mark.parametrize("first", ["auc", "efficiency"])
def test_scorer_beside_others_that_take_another_class(first: str) -> None:
    # scikit-learn keeps the scores of the second class for all scorers of its own.
    y = np.repeat(["a_signal", "background"], 300)
    X = np.random.default_rng(0).normal(np.repeat([0.0, 2.0], 300))[:, None]
    scorer = make_rejection_scorer(10, pos_label="a_signal", min_background=1)
    scoring = {"auc": "roc_auc", "efficiency": scorer}
    if first == "efficiency":
        scoring = dict(reversed(scoring.items()))
    found = cross_validate(LogisticRegression(), X, y, scoring=scoring, cv=3)
    for name, alone in scoring.items():
        expected = cross_val_score(LogisticRegression(), X, y, scoring=alone, cv=3)
        assert np.array_equal(found[f"test_{name}"], expected)
    assert found["test_efficiency"].min() > 0.5


def test_strata_of_a_frame_are_those_of_its_columns() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat(["background", "signal"], 200)
    score = rng.normal(size=400) + (y == "signal")
    frame = pd.DataFrame(
        {"layer": rng.integers(0, 3, 400), "late": rng.random(400) > 0.5}
    )
    options: dict[str, Any] = {"rejection": 10, "pos_label": "signal"}
    of_frame = stratified_efficiency(y, score, frame, **options)
    of_columns = stratified_efficiency(y, score, dict(frame.items()), **options)
    pd.testing.assert_frame_equal(of_frame, of_columns)
    with pytest.raises(TypeError, match="must map names to values"):
        stratified_efficiency(y, score, frame["layer"], **options)

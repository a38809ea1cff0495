"""Prediction sets."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
from scipy import stats
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from skastro.calibration import ConformalSetClassifier
from skastro.calibration._out_of_fold import holdout_split

pytest.importorskip("crepes")

PRIORS = [0.75, 0.2, 0.05]


def sample(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.choice(3, n, p=PRIORS)
    X = rng.normal(np.array([[0, 0], [1.5, 0], [0, 2.0]])[y])
    return X, np.array(["AGN", "CV", "NS"])[y]


def by_hand(
    clf: ConformalSetClassifier, X_cal: np.ndarray, y_cal: np.ndarray, X: np.ndarray
) -> np.ndarray:
    """Count calibration rows, one p-value at a time."""
    classes = list(clf.classes_)
    cal = 1 - clf.estimator_.predict_proba(X_cal)
    alpha_cal = np.array([a[classes.index(c)] for a, c in zip(cal, y_cal, strict=True)])
    p_values = np.zeros((len(X), len(classes)))
    for i, alpha in enumerate(1 - clf.estimator_.predict_proba(X)):
        for c, label in enumerate(classes):
            mine = alpha_cal[y_cal == label] if clf.class_conditional else alpha_cal
            p_values[i, c] = (np.sum(mine >= alpha[c]) + 1) / (len(mine) + 1)
    return p_values


@pytest.mark.parametrize("class_conditional", [True, False])
def test_p_values_by_hand(class_conditional: bool) -> None:
    X, y = sample(600)
    clf = ConformalSetClassifier(
        cv=0.4, class_conditional=class_conditional, random_state=3
    ).fit(X, y)
    _, held = holdout_split(y, 0.4, None, 3)
    new = np.vstack([sample(200, seed=1)[0], X[held]])
    expected = by_hand(clf, X[held], y[held], new)
    np.testing.assert_allclose(clf.predict_p(new), expected, rtol=1e-12)
    for level in (0.5, 0.83, 0.9):
        np.testing.assert_array_equal(
            clf.predict_set(new, level), expected > 1 - level + 1e-9
        )
    assert list(clf.n_calibration_) == [(y[held] == c).sum() for c in clf.classes_]


def test_p_values_are_those_of_crepes() -> None:
    from crepes import WrapClassifier

    X, y = sample(500)
    model = LogisticRegression().fit(X[:200], y[:200])
    clf = ConformalSetClassifier(FrozenEstimator(model), cv=2).fit(X[200:], y[200:])
    peer = WrapClassifier(model)
    peer.calibrate(X[200:], y[200:], class_cond=True)
    new = sample(100, seed=1)[0]
    np.testing.assert_allclose(
        clf.predict_p(new), peer.predict_p(new, smoothing=False), rtol=1e-12
    )


@pytest.mark.parametrize("level", [0.6, 0.837, 0.9])
def test_sets_are_those_of_mapie(level: float) -> None:
    mapie = pytest.importorskip("mapie.classification")
    X, y = sample(500)
    model = LogisticRegression().fit(X[:150], y[:150])
    X_cal, y_cal, new = X[150:], y[150:], sample(300, seed=1)[0]
    clf = ConformalSetClassifier(
        FrozenEstimator(model), cv=2, class_conditional=False
    ).fit(X_cal, y_cal)
    peer = mapie.SplitConformalClassifier(
        model, confidence_level=level, conformity_score="lac", prefit=True
    ).conformalize(X_cal, y_cal)
    np.testing.assert_array_equal(
        clf.predict_set(new, level), peer.predict_set(new)[1][:, :, 0]
    )


@pytest.mark.parametrize("class_conditional", [True, False])
def test_coverage_over_many_calibrations(class_conditional: bool) -> None:
    """Of one new row a calibration, so that all trials are independent."""
    model = FrozenEstimator(LogisticRegression().fit(*sample(100)))
    hits: dict[str, list[bool]] = {"AGN": [], "CV": [], "NS": []}
    for trial in range(300):
        X, y = sample(400, seed=10 + trial)
        clf = ConformalSetClassifier(
            model, cv=2, confidence_level=0.8, class_conditional=class_conditional
        ).fit(X[:300], y[:300])
        sets = clf.predict_set(X[300:])
        for c, label in enumerate(clf.classes_):
            place = np.flatnonzero(y[300:] == label)
            if len(place):
                hits[label].append(bool(sets[place[0], c]))
    for label, found in hits.items():
        # Not below 0.8, nor above 0.8 + 1 / (n + 1), but for chance (0.1 %).
        n_cal = 300 * PRIORS[["AGN", "CV", "NS"].index(label)]
        low = stats.binom.ppf(0.001, len(found), 0.8)
        high = stats.binom.ppf(0.999, len(found), 0.8 + 1 / (0.5 * n_cal))
        if class_conditional:
            assert low <= sum(found) <= high, label
        elif label == "NS":
            # What Mondrian sets are for.
            assert sum(found) < low


def test_out_of_fold_calibration_covers_each_class() -> None:
    X, y = sample(4000)
    clf = ConformalSetClassifier(cv=5).fit(X[:1500], y[:1500])
    sets = clf.predict_set(X[1500:])
    assert clf.n_calibration_.sum() == 1500
    for c, label in enumerate(clf.classes_):
        mine = y[1500:] == label
        # One calibration and a finite test: both vary.
        error = np.sqrt(0.09 * (1 / mine.sum() + 1 / clf.n_calibration_[c]))
        assert abs(sets[mine, c].mean() - 0.9) < 3.5 * error
    assert set(clf.predict(X)) == {"AGN", "CV", "NS"}


def test_groups_are_kept_whole() -> None:
    X, y = sample(300)
    groups = np.arange(300) // 3
    by_splitter = ConformalSetClassifier(cv=GroupKFold(4)).fit(X, y, groups=groups)
    assert by_splitter.n_calibration_.sum() == 300
    with pytest.raises(ValueError, match="groups"):
        ConformalSetClassifier(cv=GroupKFold(4)).fit(X, y)
    clf = ConformalSetClassifier(cv=0.25, random_state=0).fit(X, y, groups=groups)
    assert 60 <= clf.n_calibration_.sum() <= 90


def test_a_class_of_few_rows_is_in_every_set() -> None:
    X, y = sample(400)
    few = np.append(np.flatnonzero(y != "NS"), np.flatnonzero(y == "NS")[:8])
    clf = ConformalSetClassifier(cv=4).fit(X[few], y[few])
    far = np.array([[-3.0, -3.0], [8.0, -4.0]])
    with pytest.warns(UserWarning, match=r"9 calibration rows.*in: NS \(8\)\."):
        sets = clf.predict_set(far)
    assert sets[:, 2].all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not clf.predict_set(far, 0.8)[:, 2].any()
    nine = np.append(few, np.flatnonzero(y == "NS")[8])
    clf.fit(X[nine], y[nine])
    assert not clf.predict_set(far)[:, 2].any()


def test_too_few_rows_altogether() -> None:
    X, y = sample(120)
    clf = ConformalSetClassifier(cv=2, class_conditional=False).fit(X, y)
    with pytest.warns(UserWarning, match="999 calibration rows.*all classes"):
        assert clf.predict_set(X, 0.999).all()


def test_rows_without_weight_do_not_calibrate() -> None:
    X, y = sample(300)
    weight = np.ones(300)
    weight[200:] = 0
    model = FrozenEstimator(LogisticRegression().fit(X, y))
    some = ConformalSetClassifier(model, cv=2).fit(X[:200], y[:200])
    all_ = ConformalSetClassifier(model, cv=2).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(some.predict_p(X), all_.predict_p(X))


def test_single_precision_makes_no_difference() -> None:
    X, y = sample(200)
    X = X.astype(np.float32)
    clf = ConformalSetClassifier(cv=0.5, random_state=0).fit(X, y)
    _, held = holdout_split(y, 0.5, None, 0)
    expected = by_hand(clf, X[held], y[held], X)
    np.testing.assert_allclose(clf.predict_p(X), expected)


def test_without_crepes_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "crepes", None)
    with pytest.raises(ImportError, match=r"skastro\[conformal\]"):
        ConformalSetClassifier().fit(*sample(50))


@pytest.mark.parametrize("level", [0.0, 1.0, 90])
def test_bad_levels_are_refused(level: float) -> None:
    X, y = sample(50)
    with pytest.raises(ValueError, match="confidence_level"):
        ConformalSetClassifier(confidence_level=level).fit(X, y)
    fitted = ConformalSetClassifier(cv=2).fit(X, y)
    with pytest.raises(ValueError, match="confidence_level"):
        fitted.predict_set(X, level)

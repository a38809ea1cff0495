"""Classifying a catalogue chunk by chunk."""

from __future__ import annotations

import gc
import gzip
import weakref

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skastro.xray import classify_catalogue

FEATURES = ["rate", "hr1_rate"]
BIG = 2**53 + 1


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    n = 103
    return pd.DataFrame(
        {
            "source_id": BIG + np.arange(n),
            "ra": rng.uniform(0, 360, n),
            "dec": rng.uniform(-90, 90, n),
            "rate": np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(size=n)),
            "hr1_rate": rng.uniform(-1, 1, n),
            "var_flag": pd.array([True, None, False] * 34 + [None], dtype="boolean"),
        }
    )


@pytest.fixture(scope="module")
def model(table):
    y = np.where(table["hr1_rate"] > 0.3, "AGN", "CV")
    y[::7] = "NS"
    return HistGradientBoostingClassifier(max_iter=3).fit(table[FEATURES], y)


@pytest.mark.parametrize("chunksize", [1, 10, 103, 1000])
def test_same_as_at_once(table, model, chunksize):
    parts = list(classify_catalogue(model, table, chunksize=chunksize))
    assert max(map(len, parts)) == min(chunksize, len(table))
    result = pd.concat(parts)
    assert list(result.columns) == [
        *("source_id", "ra", "dec", "predicted", "p_AGN", "p_CV", "p_NS")
    ]
    pd.testing.assert_frame_equal(
        result[["source_id", "ra"]], table[["source_id", "ra"]]
    )
    np.testing.assert_array_equal(
        result[["p_AGN", "p_CV", "p_NS"]], model.predict_proba(table[FEATURES])
    )
    assert result["predicted"].tolist() == model.predict(table[FEATURES]).tolist()


def test_order_of_columns_does_not_matter(table, model):
    turned = table[table.columns[::-1]]
    (a,), (b,) = (list(classify_catalogue(model, t)) for t in (table, turned))
    pd.testing.assert_frame_equal(a, b)


def test_pipeline_that_needs_few_of_its_columns(table):
    pipe = make_pipeline(
        make_column_transformer(("passthrough", ["hr1_rate"])), LogisticRegression()
    )
    pipe.fit(table.assign(extra=1.0), table["hr1_rate"] > 0)
    (result,) = classify_catalogue(pipe, table, keep=[])
    assert list(result.columns) == ["predicted", "p_False", "p_True"]
    with pytest.raises(ValueError, match="hr1_rate"):
        list(classify_catalogue(pipe, table.drop(columns="hr1_rate")))


def test_estimator_without_names(table):
    model = LogisticRegression().fit(table[["hr1_rate"]].to_numpy(), table["ra"] > 180)
    (result,) = classify_catalogue(model, table, features=["hr1_rate"])
    expected = model.predict_proba(table[["hr1_rate"]].to_numpy())
    np.testing.assert_array_equal(result["p_True"], expected[:, 1])


def test_nullable_columns_reach_the_estimator(table):
    names = ["hr1_rate", "var_flag"]
    y = table["ra"] > 90
    model = HistGradientBoostingClassifier(max_iter=2).fit(table[names], y)
    assert len(pd.concat(classify_catalogue(model, table, chunksize=50))) == len(table)
    array = table[names].to_numpy(dtype=float, na_value=np.nan)
    plain = HistGradientBoostingClassifier(max_iter=2).fit(array, y)
    (result,) = classify_catalogue(plain, table, features=names)
    assert len(result) == len(table)


class OwnRule(ClassifierMixin, BaseEstimator):
    """Predicts the second class always, whatever is more probable."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[1])

    def predict_proba(self, X):
        p = np.tile([0.9, 0.1], (len(X), 1))
        p[np.asarray(X["rate"] > 10**9)] = np.nan
        return p


def test_decision_rule_is_the_estimator_s(table):
    rule = OwnRule().fit(table, ["A", "B"] * 51 + ["A"])
    (result,) = classify_catalogue(rule, table)
    assert set(result["predicted"]) == {"B"}
    assert set(result["p_A"]) == {0.9}
    broken = table.copy()
    broken.loc[42, "rate"] = 1e10
    with pytest.raises(ValueError, match="row 42: a probability is not finite"):
        list(classify_catalogue(rule, broken, chunksize=10))


def test_one_chunk_at_a_time(table, model):
    """A chunk is gone before the next one is made."""
    alive: list[weakref.ref] = []
    most = 0

    def chunks():
        nonlocal most
        for start in range(0, 100, 10):
            chunk = table.iloc[start : start + 10].copy()
            alive.append(weakref.ref(chunk))
            yield chunk
            del chunk
            gc.collect()
            most = max(most, sum(ref() is not None for ref in alive))

    assert sum(len(part) for part in classify_catalogue(model, chunks())) == 100
    assert most == 0


def test_lazy(table, model):
    """Nothing is asked for before it is needed."""
    asked = []

    def chunks():
        for start in range(0, 100, 10):
            asked.append(start)
            yield table.iloc[start : start + 10]

    results = classify_catalogue(model, chunks())
    assert asked == []
    next(results)
    assert asked == [0]


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
def test_output(table, model, tmp_path, name):
    path = tmp_path / name
    path.write_text("old")
    counts = classify_catalogue(model, table, chunksize=20, output=path)
    content = path.read_bytes()
    assert content.startswith(b"\x1f\x8b") == name.endswith("gz")
    content = gzip.decompress(content) if name.endswith("gz") else content
    assert content.count(b"source_id") == 1
    found = pd.read_csv(path, dtype={"source_id": "int64"})
    expected = pd.concat(classify_catalogue(model, table))
    assert found["source_id"].tolist() == expected["source_id"].tolist()
    np.testing.assert_allclose(found["p_AGN"], expected["p_AGN"], rtol=1e-15)
    assert counts.to_dict() == expected["predicted"].value_counts().to_dict()
    assert counts.sum() == len(table)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_output_is_whole_or_not_there(table, model, tmp_path):
    def chunks():
        yield table
        raise OSError("the disk went away")

    (tmp_path / "old.csv").write_text("old")
    for name in ("new.csv", "old.csv"):
        with pytest.raises(OSError, match="went away"):
            classify_catalogue(model, chunks(), output=tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["old.csv"]
    assert (tmp_path / "old.csv").read_text() == "old"


def test_progress(table, model, capsys):
    list(classify_catalogue(model, table, chunksize=50, verbose=1))
    shown = capsys.readouterr().err
    assert "classified: 103row" in shown
    list(classify_catalogue(model, table))
    assert capsys.readouterr().err == ""


def test_errors(table, model):
    with pytest.raises(ValueError, match=r"lacks the columns \['name'\]"):
        next(classify_catalogue(model, table, keep=["name"]))
    with pytest.raises(ValueError, match=r"lacks the columns \['flux_8'\]"):
        next(classify_catalogue(model, table, features=["flux_8"]))
    with pytest.raises(ValueError, match="feature names"):
        next(classify_catalogue(model, table.drop(columns="rate")))
    with pytest.raises(ValueError, match=r"the same name: \['p_CV'\]"):
        classify_catalogue(model, table, keep=["p_CV"])
    with pytest.raises(ValueError, match="no rows"):
        list(classify_catalogue(model, iter([table.iloc[:0]])))
    with pytest.raises(TypeError, match="DataFrames, got ndarray"):
        next(classify_catalogue(model, [table.to_numpy()]))
    with pytest.raises(ValueError, match="chunksize must be"):
        classify_catalogue(model, table, chunksize=0)
    with pytest.raises(NotFittedError):
        classify_catalogue(LogisticRegression(), table)


def test_a_decision_rule_is_asked_once_and_gives_what_predict_gives():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from skastro.calibration import MacroF1Classifier

    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 2)), columns=["a", "b"])
    y = np.where(X["a"] + rng.normal(size=300) > 1.6, "CV", "AGN")
    asked = []

    class Spy(LogisticRegression):
        def predict_proba(self, X):
            asked.append(len(X))
            return super().predict_proba(X)

    rule = make_pipeline(StandardScaler(), MacroF1Classifier(Spy(), cv=3)).fit(X, y)
    expected = rule.predict(X)
    proba = rule.predict_proba(X)
    assert (expected != rule.classes_[proba.argmax(axis=1)]).any()
    asked.clear()
    parts = list(classify_catalogue(rule, X, keep=["a"], chunksize=200))
    assert asked == [200, 100]
    predicted = pd.concat(parts)["predicted"]
    assert predicted.tolist() == expected.tolist()

"""No source is in the training and in the test part."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from skastro.model_selection import (
    RepeatedSourceWarning,
    StratifiedSourceKFold,
    check_source_groups,
    sky_groups,
)


def catalogue(n_sources: int = 150, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Return detections of sources: one to four rows each, in random order."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(np.arange(n_sources).repeat(rng.integers(1, 5, n_sources)))
    ra, dec = rng.uniform(0, 5, n_sources), rng.uniform(-2, 2, n_sources)
    label = rng.choice(["AGN", "CV", "YSO"], n_sources, p=[0.6, 0.3, 0.1])
    frame = pd.DataFrame(
        {
            "source_id": rows + 200_000_000_000_000,
            "ra": ra[rows],
            "dec": dec[rows],
            "rate": rng.normal(size=n_sources)[rows],
        }
    )
    return frame, pd.Series(label[rows], name="label")


@pytest.mark.parametrize("names", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_sources_stay_together_and_classes_are_shared_out(
    names: bool, shuffle: bool
) -> None:
    X, y = catalogue()
    if names:
        X["source_id"] = "4XMM J" + X["source_id"].astype(str)
    seed = 0 if shuffle else None
    splitter = StratifiedSourceKFold(5, shuffle=shuffle, random_state=seed)
    tested = []
    for train, test in splitter.split(X, y):
        source = X["source_id"].to_numpy()
        assert not set(source[train]) & set(source[test])
        assert sorted([*train, *test]) == list(range(len(X)))
        shares = y.iloc[test].value_counts(normalize=True)
        for label, share in y.value_counts(normalize=True).items():
            assert abs(shares[label] - share) < 0.05
        tested += test.tolist()
    assert sorted(tested) == list(range(len(X)))
    assert splitter.get_n_splits() == splitter.get_n_splits(X, y) == 5


def test_folds_are_those_of_scikit_learn_with_these_groups() -> None:
    X, y = catalogue()
    ours = StratifiedSourceKFold(4, shuffle=True, random_state=3)
    theirs = StratifiedGroupKFold(4, shuffle=True, random_state=3)
    groups = ours.groups_of(X)
    for (_, a), (_, b) in zip(
        ours.split(X, y), theirs.split(X, y, groups), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    assert "source_id='source_id'" in repr(ours)


def test_searches_need_no_groups() -> None:
    X, y = catalogue()
    columns = make_column_transformer(("passthrough", ["rate"]))
    nearest = make_pipeline(columns, KNeighborsClassifier(1))
    leaking = cross_validate(nearest, X, y, cv=StratifiedKFold(5))["test_score"].mean()
    honest = cross_validate(nearest, X, y, cv=StratifiedSourceKFold(5))
    # The rate is noise, equal in all rows of a source: only a leak can score.
    assert leaking > honest["test_score"].mean() + 0.2
    search = GridSearchCV(
        make_pipeline(columns, LogisticRegression()),
        {"logisticregression__C": [0.1, 1.0]},
        cv=StratifiedSourceKFold(3),
    )
    assert search.fit(X, y).n_splits_ == 3


def test_fields_and_sources_stay_together() -> None:
    X, y = catalogue()
    splitter = StratifiedSourceKFold(3, linking_deg=0.05)
    groups = splitter.groups_of(X)
    fields = sky_groups(X["ra"], X["dec"], 0.05)
    assert groups.tolist() == fields.tolist()
    # A source with a second position far away joins the two fields.
    moved = X.copy()
    first = int(np.flatnonzero(X["source_id"].duplicated())[0])
    moved.loc[first, ["ra", "dec"]] = [200.0, 50.0]
    joined = splitter.groups_of(moved)
    assert check_source_groups(moved["source_id"], joined).tolist() == joined.tolist()
    assert len(set(sky_groups(moved["ra"], moved["dec"], 0.05))) > len(set(joined))
    alone = StratifiedSourceKFold(3, source_id=None, linking_deg=0.05)
    assert alone.groups_of(X[["ra", "dec"]]).tolist() == fields.tolist()
    for train, test in splitter.split(X, y):
        assert not set(fields[train]) & set(fields[test])


def test_given_groups_are_used_and_checked() -> None:
    X, y = catalogue()
    groups = (X["source_id"] % 30).to_numpy()
    for train, test in StratifiedSourceKFold(3).split(X, y, groups):
        assert not set(groups[train]) & set(groups[test])
    # Without a frame there is nothing to check.
    list(StratifiedSourceKFold(3).split(X.to_numpy(), y, groups))
    with pytest.raises(ValueError, match=r"groups split \d+ of 150 sources"):
        list(StratifiedSourceKFold(3).split(X, y, np.arange(len(X))))
    with pytest.raises(ValueError, match="linking_deg both say"):
        list(StratifiedSourceKFold(3, linking_deg=1.0).split(X, y, groups))


def test_a_class_of_few_sources_is_announced() -> None:
    X, y = catalogue()
    two = X["source_id"].isin(X["source_id"].unique()[:2])
    y[two] = "NS_BIN"
    assert two.sum() > 3
    with pytest.warns(UserWarning, match=r"fewer groups.*\{'NS_BIN': 2\}") as caught:
        folds = list(StratifiedSourceKFold(3).split(X, y))
    assert len(caught) == 1
    assert len(folds) == 3


def test_helper_warns_of_repeats_only_without_groups() -> None:
    X, _ = catalogue()
    with pytest.warns(RepeatedSourceWarning, match=r"\d+ of 150 sources") as caught:
        numbers = check_source_groups(X["source_id"])
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(set(check_source_groups(["a", "b", "c"]))) == 3
        assert (check_source_groups(X["source_id"], numbers) == numbers).all()
        assert set(check_source_groups(X["source_id"], ["all"] * len(X))) == {0}
    with pytest.raises(ValueError, match=r"split 1 of 2 sources, for instance \['b'\]"):
        check_source_groups(["a", "b", "b"], [0, 1, 2])
    with pytest.raises(ValueError, match="source_id has 2 rows, but groups has 1"):
        check_source_groups(["a", "b"], [0])


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (lambda X, y: (X.to_numpy(), y), {}, "X must be a DataFrame"),
        (lambda X, y: (X.drop(columns="source_id"), y), {}, "no column"),
        (lambda X, y: (X.drop(columns="ra"), y), {"linking_deg": 1}, r"\['ra'\]"),
        (lambda X, y: (X.assign(source_id=np.nan), y), {}, "source_id is missing"),
        (lambda X, y: (X, None), {}, "y is needed"),
        (lambda X, y: (X, y.where(y != "CV")), {}, "y is missing"),
        (lambda X, y: (X, y[:-1]), {}, "but y has"),
        (lambda X, y: (X, X["rate"]), {}, "Supported target types"),
    ],
)
def test_what_makes_no_sense_is_refused(
    change: Any, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        next(StratifiedSourceKFold(3, **settings).split(*change(*catalogue())))


def test_something_must_say_what_belongs_together() -> None:
    with pytest.raises(ValueError, match="Neither source_id nor linking_deg"):
        StratifiedSourceKFold(source_id=None)
    with pytest.raises(ValueError, match="random_state"):
        StratifiedSourceKFold(random_state=0)

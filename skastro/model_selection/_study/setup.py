"""Validation of what `repeated_holdout` is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import is_classifier, is_outlier_detector, is_regressor
from sklearn.utils import indexable
from sklearn.utils.validation import assert_all_finite, column_or_1d

from skastro.model_selection._study.engines import Study
from skastro.model_selection._study.fingerprint import describe, describe_data
from skastro.model_selection._study.preparation import ORIGINAL
from skastro.utils import as_lazy_rows


class Data(NamedTuple):
    """Validated data of a study."""

    X: Any
    y: np.ndarray
    labels: np.ndarray | None
    strata: np.ndarray | None
    groups: np.ndarray | None


def check_data(
    estimator: Any, X: Any, y: Any, groups: Any, stratify: Any, balance: Any
) -> Data:
    """Bring samples, targets, strata and groups into one form.

    Parameters
    ----------
    estimator : estimator
        Tells classes from numbers.
    X, y, groups, stratify, balance : object
        Of `repeated_holdout`.

    Returns
    -------
    Data
        Validated.

    Raises
    ------
    ValueError
        If they do not fit each other.
    """
    if y is None:
        raise ValueError("repeated_holdout requires y to be passed, got None.")
    if isinstance(X, (list, tuple)):
        X = np.asarray(X)
    rows = None if isinstance(X, np.ndarray) else as_lazy_rows(X)
    # Parts of what is on disk are then indices, not copies.
    X, y, groups = indexable(X if rows is None else rows, y, groups)
    # pandas' strings are Arrow arrays; labels are plain NumPy from here on.
    y = np.asarray(y)
    labels = None
    if is_outlier_detector(estimator) or not (
        is_classifier(estimator) or is_regressor(estimator)
    ):
        raise ValueError(
            f"{type(estimator).__name__} is neither a classifier nor a regressor."
        )
    missing = np.flatnonzero(np.asarray(pd.isna(y)).reshape(len(y), -1).any(axis=1))
    if len(missing):
        raise ValueError(
            f"y has missing values (NaN or None) in {len(missing)} rows, the first one "
            f"in row {missing[0]}."
        )
    if is_classifier(estimator):
        y = _as_labels(column_or_1d(y, warn=True))
        labels = y
        if len(np.unique(y)) < 2:
            raise ValueError(f"y has a single class, {np.unique(y).tolist()}.")
    assert_all_finite(y, input_name="y")
    if groups is not None:
        groups = _as_labels(column_or_1d(np.asarray(groups)))
        assert_all_finite(groups, input_name="groups")
    strata = labels if isinstance(stratify, (bool, np.bool_)) and stratify else None
    if stratify is not None and not isinstance(stratify, (bool, np.bool_)):
        strata = _as_labels(column_or_1d(np.asarray(stratify)))
        if len(strata) != len(y):
            raise ValueError(f"stratify has {len(strata)} labels for {len(y)} samples.")
    if balance not in (None, False) and labels is None:
        raise ValueError("balance needs a classifier: it draws by class.")
    return Data(X, y, labels, strata, groups)


def _as_labels(values: np.ndarray) -> np.ndarray:
    """Give strings NumPy's own type, which sorts and compares quickly."""
    if values.dtype == object and all(isinstance(v, str) for v in values):
        return values.astype(str)
    return values


def check_select(select: str, validation_size: Any, epochs: int | None) -> None:
    """See that the epoch can be chosen as asked.

    Parameters
    ----------
    select : str
        The rule.
    validation_size : float, int or None
        Of the study.
    epochs : int or None
        None if there is nothing to choose.

    Raises
    ------
    ValueError
        If it cannot.
    """
    if select == "validation" and not validation_size and epochs is not None:
        raise ValueError(
            'select="validation" needs a validation part, but validation_size='
            f'{validation_size!r}. Keep one, or fix the epochs in advance with "last".'
        )
    if select == "test-mean" and epochs is None:
        raise ValueError(
            'select="test-mean" chooses an epoch, but this estimator is fitted as a '
            "whole: it has no partial_fit with max_epochs or max_iter, it stops early "
            'by itself, or record="final" was given.'
        )


def check_variants(variants: Mapping[str, Any] | None) -> dict[str, Any]:
    """See that test variants are what they should be.

    Parameters
    ----------
    variants : mapping or None
        Of `repeated_holdout`.

    Returns
    -------
    dict
        A copy.

    Raises
    ------
    ValueError
        If a name is taken or a value cannot transform.
    """
    for name, variant in (variants or {}).items():
        if not isinstance(name, str) or not name or name == ORIGINAL:
            raise ValueError(
                f"Names of test_variants must be strings other than {ORIGINAL!r}, got "
                f"{name!r}."
            )
        able = hasattr(variant, "transform") and hasattr(variant, "fit")
        if isinstance(variant, type) or not (able or callable(variant)):
            raise ValueError(
                f"test_variants[{name!r}] must be a transformer or a callable, got "
                f"{variant!r}."
            )
    return dict(variants or {})


def study_facts(study: Study) -> dict[str, str]:
    """Say what a study is, for its checkpoint.

    Parameters
    ----------
    study : Study
        Without how it is run: engine, jobs and number of repeats may change.

    Returns
    -------
    dict of str to str
        Named facts.
    """
    plan = study.plan
    whole = study.n_epochs is None or study.only_last
    facts = {
        "X": describe_data(study.X),
        "y": describe_data(study.y),
        "groups": describe_data(plan.groups),
        "stratify": describe_data(plan.strata),
        "metrics": repr(study.scoring.names),
        # Nets that stack are trained by epoch for "final" scores too.
        "epochs": "final" if whole else repr(study.n_epochs),
    }
    for name in ("test_size", "train_size", "validation_size", "balance"):
        facts |= describe(getattr(plan, name), name)
    facts |= describe(study.estimator, "estimator")
    facts |= describe(dict(study.variants), "test_variants")
    return facts | describe(dict(study.scoring.scorers), "scoring")


def n_features(X: Any) -> int:
    """Count the values in one sample."""
    if sparse.issparse(X) or hasattr(X, "shape"):
        return int(np.prod(X.shape[1:]))
    return 1

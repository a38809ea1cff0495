"""What classifiers of this room make of probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def check_proba(proba: Any, classes: np.ndarray) -> np.ndarray:
    """Look at probabilities that come from outside.

    Parameters
    ----------
    proba : array-like or DataFrame of shape (n_samples, n_classes)
        A DataFrame has the classes as columns, in any order.
    classes : ndarray of shape (n_classes,)
        All classes, sorted.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        In the order of `classes`.

    Raises
    ------
    ValueError
        If columns are missing or too many, or a value is not finite.
    """
    if isinstance(proba, pd.DataFrame):
        names = classes.tolist()
        if sorted(map(str, proba.columns)) != sorted(map(str, names)):
            raise ValueError(
                f"proba has the columns {list(proba.columns)}, expected {names}."
            )
        proba = proba[names]
    values = np.asarray(proba, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(classes):
        raise ValueError(
            f"proba must have a column for each of {len(classes)} classes, got shape "
            f"{values.shape}."
        )
    if not np.isfinite(values).all():
        raise ValueError("proba has NaN or infinite values.")
    return values


class DecidesByProbability:
    """What `predict` makes of probabilities, for those who have these already."""

    classes_: np.ndarray

    def decide(self, proba: Any) -> np.ndarray:
        """Choose classes by probabilities that were predicted before.

        Parameters
        ----------
        proba : array-like or DataFrame of shape (n_samples, n_classes)
            What ``predict_proba`` gave; a second prediction is saved. The columns of
            a DataFrame are found by their names.

        Returns
        -------
        ndarray of shape (n_samples,)
            What ``predict`` would give for the same rows: the most probable classes.
        """
        check_is_fitted(self)
        out: np.ndarray = self.classes_[
            check_proba(proba, self.classes_).argmax(axis=1)
        ]
        return out

    def predict(self, X: Any) -> np.ndarray:
        """Predict the classes that `decide` chooses.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows, handed to the inner estimator as they are.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels, all of them out of ``classes_``.
        """
        check_is_fitted(self)
        proba = self.predict_proba(X)  # type: ignore[attr-defined]
        return self.decide(proba)


class DecidesLikeInner:
    """For wrappers that leave probabilities alone: decisions are left alone, too."""

    classes_: np.ndarray
    estimator_: Any

    def decide(self, proba: Any) -> np.ndarray:
        """Choose classes as the inner estimator does, from its probabilities.

        Parameters
        ----------
        proba : array-like or DataFrame of shape (n_samples, n_classes)
            What ``predict_proba`` gave. The columns of a DataFrame are found by their
            names.

        Returns
        -------
        ndarray of shape (n_samples,)
            By the rule of the inner estimator if it is one of this room, else the most
            probable classes.
        """
        check_is_fitted(self)
        values = check_proba(proba, self.classes_)
        inner = self.estimator_
        while isinstance(inner, Pipeline):
            inner = inner.steps[-1][1]
        if hasattr(inner, "decide") and np.array_equal(inner.classes_, self.classes_):
            chosen: np.ndarray = inner.decide(values)
        else:
            chosen = self.classes_[values.argmax(axis=1)]
        return chosen

    def predict(self, X: Any) -> np.ndarray:
        """Predict what the inner estimator predicts.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows, handed to the inner estimator as they are.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels, all of them out of ``classes_``.
        """
        check_is_fitted(self)
        if hasattr(self.estimator_, "predict"):
            return np.asarray(self.estimator_.predict(X))
        return self.decide(self.estimator_.predict_proba(X))

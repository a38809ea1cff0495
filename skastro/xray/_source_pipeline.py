"""A pipeline that knows that rows of one source belong together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils._metadata_requests import _routing_enabled
from sklearn.utils.validation import has_fit_parameter


class SourcePipeline(Pipeline):
    """scikit-learn's pipeline, which hands repeated sources on as groups.

    If X is a DataFrame with a column ``source_id`` that repeats, and the last step
    takes ``groups``, it is given the sources: its inner folds then do not part the
    detections of one, and what they calibrate holds for new sources. Groups that are
    given (``fit(X, y, classifier__groups=...)``) go first. With scikit-learn's metadata
    routing switched on, groups are the caller's to route.
    """

    def fit(self, X: Any, y: Any = None, **params: Any) -> SourcePipeline:
        """Fit all steps.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_features)
            The catalogue.
        y : array-like of shape (n_samples,)
            The labels.
        **params : dict
            ``step__name`` for the ``fit`` of a step.

        Returns
        -------
        SourcePipeline
            The fitted pipeline.
        """
        name, last = self.steps[-1]
        key = f"{name}__groups"
        ours = key not in params and not _routing_enabled()
        if ours and has_fit_parameter(last, "groups") and _repeats(X):
            params[key] = _numbered(X["source_id"])
        out: SourcePipeline = super().fit(X, y, **params)
        return out


def _repeats(X: Any) -> bool:
    known = isinstance(X, pd.DataFrame) and "source_id" in X
    return bool(known and X["source_id"].dropna().duplicated().any())


def _numbered(source_id: pd.Series) -> np.ndarray:
    """Number the sources; a row without an id is one of its own."""
    numbers = pd.factorize(source_id)[0].astype(np.int64)
    alone = numbers < 0
    numbers[alone] = numbers.max() + 1 + np.arange(alone.sum())
    return numbers

"""The expected calibration error as a scorer."""

from __future__ import annotations

from typing import Any

from skastro.metrics._calibration_error import expected_calibration_error


def neg_ece_scorer(
    estimator: Any, X: Any, y_true: Any, sample_weight: Any = None
) -> float:
    """Score a classifier by the negative of its expected calibration error.

    For ``scoring=`` of scikit-learn's searches and cross-validation, where greater is
    better. It is `expected_calibration_error` with its defaults (the largest
    probability, ten equal bins). The columns are named by ``estimator.classes_``, which
    ``make_scorer`` would not know: a test fold that lacks a rare class is scored too.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier with ``predict_proba``.
    X : array-like of shape (n_samples, ...)
        Test data.
    y_true : array-like of shape (n_samples,)
        Their true classes.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.

    Returns
    -------
    float
        The score, between -1 and 0.

    Raises
    ------
    ValueError
        As in `expected_calibration_error`.

    See Also
    --------
    expected_calibration_error : The error itself, with its options.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.model_selection import cross_val_score
    >>> from skastro.metrics import neg_ece_scorer
    >>> X, y = np.zeros((8, 1)), [0, 0, 0, 1, 0, 0, 0, 1]
    >>> cross_val_score(DummyClassifier(), X, y, cv=2, scoring=neg_ece_scorer)
    array([0., 0.])
    """
    error = expected_calibration_error(
        y_true,
        estimator.predict_proba(X),
        labels=estimator.classes_,
        sample_weight=sample_weight,
    )
    # Adding zero turns a negative zero into a plain one.
    return 0.0 - error

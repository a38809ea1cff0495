"""One number an event that grows with the signal, from any classifier."""

from __future__ import annotations

from typing import Any

import numpy as np


def signal_scores(estimator: Any, X: Any, pos_label: Any) -> np.ndarray:
    """Give the scores of the signal.

    Parameters
    ----------
    estimator : classifier
        Fitted, for two classes.
    X : array-like of shape (n_samples, ...)
        Data.
    pos_label : class or None
        The signal. None is the second class, where that is 1.

    Returns
    -------
    ndarray of shape (n_samples,)
        Of ``decision_function`` where there is one, since probabilities near 1 are
        rounded to the same number, else of ``predict_proba``.

    Raises
    ------
    ValueError
        If the classifier does not have two classes, or the signal is none of them.
    """
    classes = np.asarray(estimator.classes_).tolist()
    if len(classes) != 2:
        raise ValueError(f"The classifier must have two classes, got {classes}.")
    if pos_label is None and classes[1] != 1:
        raise ValueError(f"Say with pos_label which of {classes} is the signal.")
    label = classes[1] if pos_label is None else pos_label
    if label not in classes:
        raise ValueError(f"pos_label={label!r} is not among the classes {classes}.")
    place = classes.index(label)
    if hasattr(estimator, "decision_function"):
        score = np.asarray(estimator.decision_function(X))
        # It speaks for the second class.
        return score if place == 1 else -score
    proba = np.asarray(estimator.predict_proba(X))
    if proba.ndim != 2 or proba.shape[1] != 2:
        raise ValueError(
            f"predict_proba must give shape (n_samples, 2), it gives {proba.shape}."
        )
    return proba[:, place]

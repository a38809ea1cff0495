"""What is explained, read off any estimator through its public interface."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier


class Explained:
    """Probability of a class, or an output, of each event.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : array-like
        Whole events.
    target : object
        A label or column, one for each event, or None.

    Raises
    ------
    TypeError
        If a classifier has no ``predict_proba``.
    ValueError
        If a label is unknown or their number is not that of X.
    """

    def __init__(self, estimator: Any, X: Any, target: Any = None) -> None:
        self.estimator = estimator
        self.classifies = bool(is_classifier(estimator))
        if self.classifies and not hasattr(estimator, "predict_proba"):
            raise TypeError(f"{type(estimator).__name__} has no predict_proba.")
        whole = self._outputs(X)
        n, width = whole.shape
        self.reference: np.ndarray | None = None
        self.codes = np.zeros(n, dtype=np.int64)
        if target is None:
            if self.classifies:
                self.codes = self._predicted(X, whole)
            elif width > 1:
                self.reference = whole
        else:
            values = np.asarray(target)
            if values.ndim > 1 or (values.ndim and len(values) != n):
                raise ValueError(
                    "target must be None, one label or column, or one for each of the "
                    f"{n} events; got shape {values.shape}."
                )
            self.codes = np.broadcast_to(self._encode(values.reshape(-1), width), n)
        self.whole = self._read(whole, np.arange(n))

    def _encode(self, values: np.ndarray, width: int) -> np.ndarray:
        labels = self.estimator.classes_.tolist() if self.classifies else range(width)
        code_of = {label: i for i, label in enumerate(labels)}
        unknown = sorted({str(v) for v in values.tolist() if v not in code_of})
        if unknown:
            raise ValueError(f"target has {unknown}, but there are {list(labels)}.")
        return np.array([code_of[v] for v in values.tolist()], dtype=np.int64)

    def _predicted(self, X: Any, whole: np.ndarray) -> np.ndarray:
        """Give the column of the predicted class, which need not be the largest."""
        if not hasattr(self.estimator, "predict"):
            return np.asarray(whole.argmax(axis=1))
        labels = np.asarray(self.estimator.predict(X))
        return self._encode(labels.reshape(-1), whole.shape[1])

    def _outputs(self, X: Any) -> np.ndarray:
        predict = (
            self.estimator.predict_proba if self.classifies else self.estimator.predict
        )
        out = np.asarray(predict(X), dtype=np.float64)
        return out.reshape(len(out), -1)

    def _read(self, outputs: np.ndarray, rows: np.ndarray) -> np.ndarray:
        if self.reference is not None:
            # Minus the distance, so that a fall is positive here, too.
            read = -np.linalg.norm(outputs - self.reference[rows], axis=1)
        else:
            read = outputs[np.arange(len(outputs)), self.codes[rows]]
        return np.asarray(read)

    def of(self, X: Any, rows: np.ndarray) -> np.ndarray:
        """Give the probability or output of changed events, shape (n,)."""
        return self._read(self._outputs(X), rows)

    def fall(self, X: Any, rows: np.ndarray) -> np.ndarray:
        """Give by how much it is lower than that of the whole events, shape (n,)."""
        return np.asarray(self.whole[rows] - self.of(X, rows))

"""What all classifying nets have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    assert_all_finite,
    check_is_fitted,
    column_or_1d,
)
from torch import nn

from skastro.neural_network._base import BaseTorchEstimator
from skastro.neural_network._parameters import check_weights


class BaseTorchClassifier(ClassifierMixin, BaseTorchEstimator):
    """Base of the classifiers: softmax, cross-entropy, any labels."""

    _parameter_constraints: dict[str, Any] = {
        **BaseTorchEstimator._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Any:
        """Train the net.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, h, w) or \
                (n_samples, c, h, w)
            Training samples: flat rows or images, without NaN or infinity.
        y : array-like of shape (n_samples,)
            Labels: numbers or strings.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample in the loss; a weight of two is the same as the
            sample given twice in its batch.
        X_val : array-like, default=None
            Validation samples in one of the layouts of ``X``. They are scored after
            each epoch, and used by ``early_stopping`` instead of a part of ``X``.
        y_val : array-like of shape (n_val_samples,), default=None
            Their labels.

        Returns
        -------
        estimator
            The fitted estimator itself.

        Raises
        ------
        ValueError
            If the input is empty, not finite, of a wrong shape, or does not fit the
            parameters. The message says what was expected and what came.
        """
        return self._fit(X, y, sample_weight, X_val, y_val)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> Any:
        """Train for one epoch more.

        ``max_epochs`` calls on the same data give the net that one ``fit`` gives, to
        the bit: order of the samples, schedule and optimiser go on where they stood.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, h, w) or \
                (n_samples, c, h, w)
            Training samples.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come. Needed in the first call if ``y`` lacks
            some of them; in later calls it must be the same or None.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample.

        Returns
        -------
        estimator
            The estimator itself.

        Raises
        ------
        ValueError
            If ``early_stopping`` is set, ``class_weight`` is "balanced" or the classes
            change between calls.
        """
        if self.early_stopping:
            raise ValueError(
                f"partial_fit does not support early_stopping={self.early_stopping!r}."
            )
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not defined for partial_fit: one call may "
                "not see all classes. Give the weights as a dict, computed with "
                "sklearn.utils.class_weight.compute_class_weight."
            )
        if classes is not None:
            classes = np.unique(np.asarray(classes))
            if self.__sklearn_is_fitted__():
                if not np.array_equal(classes, self.classes_):
                    raise ValueError(
                        f"classes={classes.tolist()} is not the same as in the first "
                        f"call of partial_fit, {self.classes_.tolist()}."
                    )
            else:
                self._announced_classes = classes
        try:
            return self._fit(X, y, sample_weight, incremental=True)
        finally:
            self.__dict__.pop("_announced_classes", None)

    def _encode_target(self, y: Any, *, first: bool) -> np.ndarray:
        # pandas' strings are Arrow arrays; labels are plain NumPy from here on.
        y = column_or_1d(np.asarray(y), warn=True)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        announced = getattr(self, "_announced_classes", None)
        if first:
            self.classes_ = np.unique(y) if announced is None else announced
        codes = np.searchsorted(self.classes_, y)
        known = self.classes_[np.minimum(codes, len(self.classes_) - 1)] == y
        if not np.all(known):
            strange = np.unique(y[~known]).tolist()
            raise ValueError(
                f"`classes={strange}` were not expected: the classes are "
                f"{self.classes_.tolist()}. Give all classes to the first call of "
                "partial_fit, or fit a new estimator."
            )
        return np.asarray(codes, dtype=np.int64)

    def _check_sample_weight(
        self, sample_weight: Any, X: np.ndarray, y: np.ndarray
    ) -> np.ndarray | None:
        weight = super()._check_sample_weight(sample_weight, X, y)
        if self.class_weight is None:
            return weight
        by_class = compute_sample_weight(self.class_weight, self.classes_[y])
        # Again: a weight of a class may be negative or not finite, too.
        return check_weights(by_class if weight is None else weight * by_class, len(y))

    def _criterion(self) -> nn.Module:
        return nn.CrossEntropyLoss(reduction="none")

    def _validation_score(
        self, output: torch.Tensor, y: np.ndarray, weight: np.ndarray | None
    ) -> float:
        hits = output.argmax(dim=1).cpu().numpy() == y
        return float(np.average(hits, weights=weight))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Give the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, h, w) or \
                (n_samples, c, h, w)
            Samples in any of the layouts.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, in the order of ``classes_``; each row sums to one. They
            are the net's softmax and not calibrated.
        """
        return np.concatenate([out.softmax(dim=1).numpy() for out in self._forward(X)])

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Give the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, h, w) or \
                (n_samples, c, h, w)
            Samples in any of the layouts.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Natural logarithms, in the order of ``classes_``.
        """
        return np.concatenate(
            [p.numpy() for p in self._forward(X, self._log_probability)]
        )

    def _log_probability(self, batch: torch.Tensor) -> torch.Tensor:
        return self._apply(batch).log_softmax(dim=1)

    def predict(self, X: Any) -> np.ndarray:
        """Give the most probable class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, h, w) or \
                (n_samples, c, h, w)
            Samples in any of the layouts.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels, all from ``classes_``.
        """
        check_is_fitted(self)
        out: np.ndarray = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return out

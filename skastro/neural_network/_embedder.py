"""The penultimate layer of a net as a transformer."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
    clone,
)
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted

from skastro.neural_network._dense_classifier import DenseClassifier
from skastro.utils import as_lazy_rows


class NetEmbedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Replace samples by the features that a net's last layer sees.

    A net that was trained on one label set so serves another:
    ``make_pipeline(NetEmbedder(net), LogisticRegression())``.

    Parameters
    ----------
    estimator : estimator with ``embed``, or Pipeline ending in one, default=None
        The net. If it is fitted, it is used as it is: ``fit`` does not train it, and
        cloning the embedder, as cross-validation does, copies it. It must then not
        have seen the samples that a score is taken on. If it is not fitted, ``fit``
        trains a clone of it. None is ``DenseClassifier(random_state=0)``.

    Attributes
    ----------
    estimator_ : estimator
        The fitted net.
    n_features_in_ : int
        Values in one sample, as the net has it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of columns, if the net was fitted with names.

    See Also
    --------
    skastro.galaxy.GalaxyCNNClassifier.fine_tune : Train the layers on, too.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skastro.neural_network import DenseClassifier, NetEmbedder
    >>> X, y = load_digits(return_X_y=True)
    >>> odd = DenseClassifier(max_epochs=5, random_state=0).fit(X[:900], y[:900] % 2)
    >>> digits = make_pipeline(NetEmbedder(odd), LogisticRegression(max_iter=1000))
    >>> digits.fit(X[:900], y[:900]).score(X[900:], y[900:]) > 0.8
    True
    """

    _parameter_constraints: dict[str, Any] = {"estimator": [HasMethods("fit"), None]}

    def __init__(self, estimator: Any = None) -> None:
        self.estimator = estimator

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> NetEmbedder:
        """Train a clone of the net, unless it is fitted already.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, h, w) or \
                (n_samples, c, h, w)
            Samples; a net that is fitted already only checks their shape.
        y : array-like of shape (n_samples,), default=None
            Labels; not used if the net is fitted already.
        **fit_params : dict
            Passed to the net's ``fit``.

        Returns
        -------
        NetEmbedder
            The fitted embedder itself.

        Raises
        ------
        TypeError
            If the estimator has no ``embed``, or if there are ``fit_params`` for a net
            that is fitted already.
        """
        rows = as_lazy_rows(X)
        X = X if rows is None else rows
        if _is_fitted(self.estimator):
            if fit_params:
                raise TypeError(
                    "The net of this NetEmbedder is fitted already, so its fit takes "
                    f"no parameters; got {sorted(fit_params)}."
                )
            net = self.estimator
        else:
            net = (
                DenseClassifier(random_state=0)
                if self.estimator is None
                else clone(self.estimator)
            )
        if not hasattr(_last(net), "embed"):
            raise TypeError(
                f"NetEmbedder needs a net of skastro (with an `embed` method), or a "
                f"pipeline that ends in one; got {net!r}."
            )
        if net is self.estimator:
            _embed(net, X[:1])  # says at once if the samples do not fit the net
        else:
            net.fit(X, y, **fit_params)
        self.estimator_ = net
        self._n_features_out = _last(net).module_.head.in_features
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
            if hasattr(net, name):
                setattr(self, name, getattr(net, name))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Give the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, h, w) or \
                (n_samples, c, h, w)
            Samples of the shape that the net knows.

        Returns
        -------
        ndarray of shape (n_samples, n_embedded)
            The penultimate layer, without units.
        """
        check_is_fitted(self)
        rows = as_lazy_rows(X)
        return _embed(self.estimator_, X if rows is None else rows)

    def __sklearn_clone__(self) -> NetEmbedder:
        """Clone, keeping a net that is fitted."""
        estimator = self.estimator
        if _is_fitted(estimator):
            # A copy: set_params on a clone, as in a grid search, must not reach the
            # net of the caller.
            estimator = deepcopy(estimator)
        elif estimator is not None:
            estimator = clone(estimator)
        copy = type(self)(estimator=estimator)
        if hasattr(self, "_sklearn_output_config"):
            copy._sklearn_output_config = dict(self._sklearn_output_config)
        return copy

    def __sklearn_tags__(self) -> Any:
        """Say that labels are needed unless the net is fitted."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = not _is_fitted(self.estimator)
        return tags


def _last(estimator: Any) -> Any:
    """Look through a frozen estimator and to the end of a pipeline."""
    if isinstance(estimator, FrozenEstimator):
        return _last(estimator.estimator)
    if isinstance(estimator, Pipeline):
        return _last(estimator.steps[-1][1])
    return estimator


def _is_fitted(estimator: Any) -> bool:
    if estimator is None:
        return False
    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError):
        return False
    return True


def _embed(estimator: Any, X: Any) -> np.ndarray:
    if isinstance(estimator, FrozenEstimator):
        return _embed(estimator.estimator, X)
    if isinstance(estimator, Pipeline):
        if len(estimator) > 1:
            X = estimator[:-1].transform(X)
        return _embed(estimator[-1], X)
    features: np.ndarray = estimator.embed(X)
    return features

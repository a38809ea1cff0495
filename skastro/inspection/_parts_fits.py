"""The fits behind `NMFParts`: one a class, on rows that are ready for them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import NMF, MiniBatchNMF
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from skastro.inspection._event_rows import center_rows, check_rows
from skastro.inspection._explained import Explained, explain

# "auto" takes mini-batches from here on: below, coordinate descent is no slower.
_MANY_PARTS = 32

# The key of what has no class.
_ALL = "all"


class PartsFits(TransformerMixin, BaseEstimator):
    """What `NMFParts` does with rows that were validated, in private."""

    # Set by the class below; here so that the reader and mypy know them.
    n_components: int
    center: str
    center_axes: Sequence[int] | None
    image_shape: Sequence[int] | None
    models_: dict[Any, Any]
    mean_events_: dict[Any, np.ndarray]
    classes_: np.ndarray
    input_shape_: tuple[int, ...]
    solver: str
    init: str | None
    tol: float
    max_iter: int
    batch_size: int
    nmf_params: dict[str, Any] | None

    def _make_model(self, n: int, seed: int) -> Any:
        """Make scikit-learn's estimator for n events."""
        solver = self.solver
        if solver == "auto":
            many = self.n_components >= _MANY_PARTS and n > 2 * self.batch_size
            solver = "minibatch" if many else "cd"
        common: dict[str, Any] = {
            "n_components": self.n_components,
            "init": self.init,
            "tol": self.tol,
            "max_iter": self.max_iter,
            "random_state": seed,
        }
        if solver == "minibatch":
            model = MiniBatchNMF(batch_size=self.batch_size, **common)
        else:
            model = NMF(solver=solver, **common)
        return model.set_params(**(self.nmf_params or {}))

    def _fit_model(self, events: Any, seed: int) -> Any:
        """Find the parts of some events."""
        model = self._make_model(events.shape[0], seed)
        with _quiet(), _on_numpy():
            model.fit(events)
        if not np.isfinite(model.components_).all():
            raise ValueError(
                "The factorisation gave values that are not finite. Take other values "
                "of solver and init, or fewer parts."
            )
        return model

    def _weights(self, model: Any, events: Any) -> np.ndarray:
        """Approximate events by the parts of one model."""
        if not events.sum() > 0:
            # Multiplicative updates would divide by the norm of weights that are all 0.
            return np.zeros((events.shape[0], len(model.components_)), events.dtype)
        # scikit-learn refuses rows whose dtype is not that of the parts.
        events = events.astype(model.components_.dtype, copy=False)
        with _quiet(), _on_numpy():
            return np.asarray(model.transform(events))

    def _rows(self, X: Any) -> Any:
        """Validate rows after the fit, and centre them."""
        check_is_fitted(self)
        X, shape, _ = check_rows(self, X, self.image_shape, reset=False)
        return self._centered(X, shape)[0]

    def _centered(self, X: Any, shape: tuple[int, ...]) -> tuple[Any, tuple[int, ...]]:
        """Centre rows if that is asked for."""
        if self.center == "none":
            return X, shape
        if self.center_axes is None:
            if len(shape) == 1 and self.image_shape is None:
                raise ValueError(
                    'center="largest" shifts along the axes of an event; give '
                    "image_shape for flat rows."
                )
            axes = tuple(range(len(shape))[-3:])
        else:
            axes = _check_axes(self.center_axes, len(shape))
        return center_rows(X, shape, axes)

    def _groups(self, y: Any, n: int) -> dict[Any, Any]:
        """Give the rows of each class; a slice of all where there are no classes."""
        if y is None:
            return {_ALL: slice(None)}
        y = column_or_1d(y)
        if len(y) != n:
            raise ValueError(f"X has {n} events, but y has {len(y)} labels.")
        check_classification_targets(y)
        return {k: np.flatnonzero(y == k) for k in np.unique(y).tolist()}

    def _explained(self, X: Any, y: Any) -> dict[Any, Explained]:
        """Compare the events of each class with their approximation."""
        X = self._rows(X)
        own = len(self.classes_) > 0
        if own and y is None:
            raise ValueError(
                "The classes have parts of their own: give y, which says whose parts "
                "approximate which event."
            )
        groups = self._groups(y if own else None, X.shape[0])
        unknown = [k for k in groups if k not in self.models_]
        if unknown:
            raise ValueError(
                f"y has classes that were not seen in fit: {unknown}. Parts are there "
                f"for {list(self.models_)}."
            )
        return {k: self._explain(k, X[rows]) for k, rows in groups.items()}

    def _explain(self, label: Any, events: Any) -> Explained:
        model = self.models_[label]
        W = self._weights(model, events)
        return explain(events, W, model.components_, self.mean_events_[label])

    def _label(self, label: Any) -> Any:
        """Give the class that is meant."""
        check_is_fitted(self)
        if label is None and len(self.models_) == 1:
            return next(iter(self.models_))
        if label not in self.models_:
            raise ValueError(
                f"label must be one of {list(self.models_)}, got {label!r}."
            )
        return label

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the weights.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Only checked against the names seen in `fit`.

        Returns
        -------
        ndarray of str objects
            "part0", ... of common parts, "antiproton_part0", ... of a class
            "antiproton".
        """
        check_is_fitted(self)
        _check_feature_names_in(self, input_features, generate_names=False)
        own = len(self.classes_) > 0
        names = [
            f"{label}_part{k}" if own else f"part{k}"
            for label, model in self.models_.items()
            for k in range(len(model.components_))
        ]
        return np.array(names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        """Say that negative values are refused and sparse rows are not."""
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back two warnings of scikit-learn that say nothing new.

    `converged_` says whether a fit reached its limit. And where the approximation of
    sparse rows is exact, the error that is watched is the root of a rounding error,
    perhaps of a negative one; our own share does not use it.
    """
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _check_axes(axes: Sequence[int], n_axes: int) -> tuple[int, ...]:
    """Validate the axes along which events are shifted."""
    try:
        found = tuple(axes)
    except TypeError:
        found = ()
    whole = all(
        isinstance(a, (int, np.integer)) and not isinstance(a, bool) and 0 <= a < n_axes
        for a in found
    )
    if not found or not whole or len(set(found)) < len(found):
        raise ValueError(
            f"center_axes must be different axes from 0 to {n_axes - 1}, got {axes!r}."
        )
    return tuple(int(a) for a in found)


def _on_numpy() -> Any:
    """Keep scikit-learn from dispatching: rows are NumPy's and SciPy's here.

    Its start values by a singular value decomposition would warn otherwise.
    """
    return config_context(array_api_dispatch=False)

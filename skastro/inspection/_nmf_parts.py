"""Non-negative parts of events, of each class, and how much they explain."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skastro.inspection._event_rows import check_rows
from skastro.inspection._explained import mean_row
from skastro.inspection._parts_fits import PartsFits
from skastro.utils import own_random_state
from skastro.utils._typing import Seed


class NMFParts(PartsFits):
    """Non-negative matrix factorisation of events, class by class.

    X is approximated by W H: each event is a sum of a few parts (rows of H) with
    weights that are not negative. The factorisation is scikit-learn's `NMF` or
    `MiniBatchNMF`, on sparse rows where few entries are not zero, for each class alone.
    A few parts of sparse events explain little of them however plausible they look, so
    that the explained share is always computed, for the training events and, by
    `explained_share`, for others.

    Parameters
    ----------
    n_components : int, default=2
        Number of parts, of each class.
    per_class : bool, default=True
        Whether each class has parts of its own, if `fit` gets y. Else all events have
        common ones.
    solver : {"auto", "cd", "mu", "minibatch"}, default="auto"
        "cd" (coordinate descent) and "mu" (multiplicative updates) are those of `NMF`;
        "minibatch" is `MiniBatchNMF`, which is several times faster for many parts but
        explains somewhat less. "auto" takes "minibatch" for at least 32 parts of a
        class with more than two batches of events, else "cd".
    center : {"none", "largest"}, default="none"
        "largest" shifts each event so that its largest value lies in the middle of an
        enlarged grid: an axis of length s gets length 2 s - 1, so that nothing is cut
        off and explained shares can be compared with those of "none". Of equal values
        the first counts.
    center_axes : sequence of int, default=None
        Axes of an event, from 0, that "largest" shifts. None takes all if there are at
        most three, and the last three of four. Axes that are not shifted are channels;
        the first channel decides.
    image_shape : tuple of int, default=None
        Axes of an event that comes as a flat row, such as (10, 12, 12). None takes
        those with which events come in `fit`, and a flat row as one axis.
    init : {"nndsvd", "nndsvda", "nndsvdar", "random"}, default=None
        As in `NMF`.
    tol : float, default=1e-4
        As in `NMF`.
    max_iter : int, default=200
        As in `NMF`. Reaching it gives no warning; `converged_` tells.
    batch_size : int, default=1024
        Events of a mini-batch.
    random_state : int, RandomState instance or None, default=None
        Of the initialisation. All classes get the same seed.
    nmf_params : dict, default=None
        Further parameters of `NMF` or `MiniBatchNMF`, such as ``alpha_W``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Classes with parts of their own; empty if the parts are common.
    models_ : dict of class to NMF or MiniBatchNMF
        The fitted models. Common parts have the key "all", here and below.
    components_by_class_ : dict of class to ndarray of shape (n_components, n_columns)
        H, in the order of the models.
    components_ : ndarray of shape (n_features_out, n_columns)
        The same, one class below the other.
    explained_share_ : dict of class to float
        ``1 - ||X - W H||^2 / ||X||^2`` of the training events, with the weights that
        `transform` gives.
    explained_share_over_mean_ : dict of class to float
        ``1 - ||X - W H||^2 / ||X - m||^2`` with the mean event m: 0 or less if the
        mean event alone is as good. NaN if all events are equal.
    part_shares_ : dict of class to ndarray of shape (n_components,)
        What each part contributes to the explained share; they add up to it.
    mean_events_ : dict of class to ndarray of shape (n_columns,)
        The mean event m of training.
    converged_ : dict of class to bool
        Whether the fit ended before `max_iter`.
    n_iter_ : int
        Iterations, the most of any class.
    part_shape_ : tuple of int
        Axes of a part; `n_columns` is their product.
    input_shape_ : tuple of int
        Axes of an event.
    n_features_in_ : int
        Number of values of an event.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X was a data frame.

    See Also
    --------
    NMFPartsDisplay : The parts as images.

    Notes
    -----
    ``||X - W H||^2`` is computed as ``||X||^2 - 2 tr(W^T X H^T) + tr(W^T W H H^T)``, so
    that sparse events stay sparse. Events without a hit have weights 0; a class of
    nothing else is refused.

    Arrays on disk are read block by block, but the factorisation needs all events at
    once: those with few entries other than zero are held sparse, others dense.

    Centred events all have their largest value in one place, which explains much of
    ``||X||^2`` by itself: there, look at the share over the mean event.

    Multiplicative updates ("mu", "minibatch") start the weights in `transform` from the
    mean of the rows at hand, so those of one row depend a little on the others.

    References
    ----------
    D. D. Lee and H. S. Seung, "Learning the parts of objects by non-negative matrix
    factorization", Nature 401, 788 (1999).

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.inspection import NMFParts
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((40, 4, 6)) * (rng.random((40, 4, 6)) < 0.1)
    >>> y = np.repeat(["a", "b"], 20)
    >>> parts = NMFParts(n_components=2, random_state=0).fit(X[::2], y[::2])
    >>> parts.transform(X).shape, parts.part_images("a").shape
    ((40, 4), (2, 4, 6))
    >>> parts.explained_share_["a"] > parts.explained_share(X[1::2], y[1::2])["a"]
    True
    """

    _parameter_constraints: dict[str, Any] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "per_class": ["boolean"],
        "solver": [StrOptions({"auto", "cd", "mu", "minibatch"})],
        "center": [StrOptions({"none", "largest"})],
        "center_axes": ["array-like", None],
        "image_shape": ["array-like", None],
        "init": [StrOptions({"nndsvd", "nndsvda", "nndsvdar", "random"}), None],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "nmf_params": [dict, None],
    }

    def __init__(
        self,
        n_components: int = 2,
        *,
        per_class: bool = True,
        solver: str = "auto",
        center: str = "none",
        center_axes: Sequence[int] | None = None,
        image_shape: Sequence[int] | None = None,
        init: str | None = None,
        tol: float = 1e-4,
        max_iter: int = 200,
        batch_size: int = 1024,
        random_state: Seed = None,
        nmf_params: dict[str, Any] | None = None,
    ) -> None:
        self.n_components = n_components
        self.per_class = per_class
        self.solver = solver
        self.center = center
        self.center_axes = center_axes
        self.image_shape = image_shape
        self.init = init
        self.tol = tol
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.random_state = random_state
        self.nmf_params = nmf_params

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> NMFParts:
        """Find the parts of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, n_features) or array \
                of shape (n, ...)
            Events, not negative: flat rows, rows with their axes, or sparse rows.
        y : array-like of shape (n,), default=None
            Classes; None gives common parts.

        Returns
        -------
        NMFParts
            The transformer itself.

        Raises
        ------
        ValueError
            If a value is negative or not finite, a shape does not fit, y is no class
            label, or a class has no hit.
        """
        X, shape, self._with_axes = check_rows(self, X, self.image_shape, reset=True)
        X, self.part_shape_ = self._centered(X, shape)
        own = self.per_class and y is not None
        groups = self._groups(y if own else None, X.shape[0])
        self.classes_ = np.array(list(groups) if own else [])
        # An int goes on as it is: a class fitted alone gives the same.
        seed = self.random_state
        if not isinstance(seed, Integral):
            seed = int(own_random_state(seed).randint(np.iinfo(np.int32).max))
        self.models_: dict[Any, Any] = {}
        self.mean_events_: dict[Any, np.ndarray] = {}
        for label, rows in groups.items():
            events = X[rows]
            if not events.sum() > 0:
                of = f" of class {label!r}" if own else ""
                raise ValueError(f"No event{of} has a value above 0: there is no part.")
            self.models_[label] = self._fit_model(events, seed)
            self.mean_events_[label] = mean_row(events)
        models = self.models_
        done = {k: self._explain(k, X[rows]) for k, rows in groups.items()}
        self.components_by_class_ = {k: m.components_ for k, m in models.items()}
        self.components_ = np.concatenate(list(self.components_by_class_.values()))
        self.explained_share_ = {k: e.share() for k, e in done.items()}
        self.explained_share_over_mean_ = {k: e.share("mean") for k, e in done.items()}
        self.part_shares_ = {k: e.parts / e.total for k, e in done.items()}
        self.converged_ = {k: m.n_iter_ < m.max_iter for k, m in models.items()}
        self.n_iter_ = max(m.n_iter_ for m in models.values())
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Give the weights of the parts of every class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, n_features) or array \
                of shape (n, ...)
            Events.

        Returns
        -------
        ndarray of shape (n, n_features_out)
            The weights with which the parts of the first class alone approximate an
            event best, then those of the second, and so on.
        """
        X = self._rows(X)
        return np.concatenate(
            [self._weights(m, X) for m in self.models_.values()], axis=1
        )

    def inverse_transform(self, X: Any, label: Any = None) -> np.ndarray:
        """Give the approximation of events by the parts of one class.

        Parameters
        ----------
        X : array-like of shape (n, n_features_out) or (n, n_components)
            Weights, of all classes as `transform` gives them, or of this class.
        label : object, default=None
            The class. None is the mean of the approximations by every class's parts,
            and needs the weights of all.

        Returns
        -------
        ndarray of shape (n, n_columns) or (n, ...)
            With axes if events came with their axes in `fit`. Where events are centred
            they stay so, on the enlarged grid.

        Raises
        ------
        ValueError
            If the class is unknown, or the width does not fit.
        """
        check_is_fitted(self)
        H, scale = self.components_, len(self.models_)
        W = np.asarray(X)
        if label is not None:
            label = self._label(label)
            H, scale = self.components_by_class_[label], 1
        if label is not None and W.ndim == 2 and W.shape[1] == len(self.components_):
            first = list(self.models_).index(label) * len(H)
            W = W[:, first : first + len(H)]
        if W.ndim != 2 or W.shape[1] != len(H):
            raise ValueError(
                f"Weights must have {len(self.components_)} columns, or {len(H)} of "
                f"one class; got an array of shape {W.shape}."
            )
        out = W @ H / scale if scale > 1 else W @ H
        result: np.ndarray = (
            out.reshape(len(W), *self.part_shape_) if self._with_axes else out
        )
        return result

    def explained_share(
        self, X: Any, y: Any = None, *, relative_to: str = "zero"
    ) -> dict[Any, float]:
        """Give the explained share of events, for instance held-out ones, by class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, n_features) or array \
                of shape (n, ...)
            Events.
        y : array-like of shape (n,), default=None
            Their classes, which say whose parts approximate them. Needed, and used,
            only where classes have parts of their own.
        relative_to : {"zero", "mean"}, default="zero"
            "zero" compares with ``||X||^2``; "mean" with ``||X - m||^2``, where m is
            the mean of the training events of the class.

        Returns
        -------
        dict of class to float
            For the classes that occur in y. NaN if there is nothing to explain; below 0
            if the mean event is better.

        Raises
        ------
        ValueError
            If y is missing, or has a class that `fit` has not seen.
        """
        if relative_to not in ("zero", "mean"):
            raise ValueError(
                f'relative_to must be "zero" or "mean", got {relative_to!r}.'
            )
        return {k: e.share(relative_to) for k, e in self._explained(X, y).items()}

    def score(self, X: Any, y: Any = None) -> float:
        """Give the explained share of all events together, each by its class's parts.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, n_features) or array \
                of shape (n, ...)
            Events.
        y : array-like of shape (n,), default=None
            Their classes, as in `explained_share`.

        Returns
        -------
        float
            ``1 - ||X - W H||^2 / ||X||^2``; at most 1, larger is better.
        """
        first, *others = self._explained(X, y).values()
        return sum(others, first).share()

    def part_images(self, label: Any = None) -> np.ndarray:
        """Give the parts of a class with their axes.

        Parameters
        ----------
        label : object, default=None
            The class. None is the mean of the approximations by every class's parts,
            and needs the weights of all.

        Returns
        -------
        ndarray of shape (n_components, ...)
            In the order of `components_by_class_`.
        """
        H = self.components_by_class_[self._label(label)]
        out: np.ndarray = H.reshape(len(H), *self.part_shape_)
        return out

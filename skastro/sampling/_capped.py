"""Bring the classes of a training set to about the same size."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from imblearn.base import BaseSampler
from imblearn.over_sampling import SMOTE
from imblearn.under_sampling import RandomUnderSampler
from scipy import sparse
from sklearn.base import _fit_context
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets

from skastro.utils import own_random_state
from skastro.utils._typing import Seed


class CappedResampler(BaseSampler):
    """Cut large classes to a cap at random and let small ones grow to it by SMOTE.

    The resampling of the X-ray study: abundant classes lose random rows, scarce ones
    gain synthetic rows between a row and one of its nearest neighbours of the same
    class, and classes too rare to be multiplied tenfold grow by a factor of their own.
    The defaults give the class sizes of the study.

    Parameters
    ----------
    cap : int, default=500
        Rows that a class is to have afterwards.
    slack : float, default=0.05
        A class is cut only if it has more than ``(1 + slack) * cap`` rows: for a few
        per cent nothing real is thrown away. 0 cuts strictly.
    rare_below : int, default=100
        A class with fewer rows is rare: it grows by `rare_factor` at most. 0 means
        that none is.
    rare_factor : float, default=1.86
        Factor by which a rare class may grow; its size is rounded and never passes
        the cap. The default is the study's 80 / 43.
    sampling_strategy : "auto", dict or callable, default="auto"
        A dict of class to number of rows afterwards overrides the rule above for the
        classes that it names. A callable gets y and gives such a dict. "auto" is the
        rule alone.
    k_neighbors : int, default=5
        Nearest neighbours that SMOTE chooses among. A class of n rows uses
        ``min(k_neighbors, n - 1)``, the others keep theirs. A class of one row has no
        neighbour: its row is repeated.
    random_state : int, RandomState instance or None, default=None
        Same number, same rows. The global random state is never touched.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows of every class afterwards.
    k_neighbors_ : dict
        Neighbours used, for every class that grows; 0 where the one row is repeated.
    kept_indices_ : ndarray of shape (n_kept,)
        Which rows of X were kept, ascending; only after `fit_resample`. The result has
        these rows first, in this order, and the synthetic ones behind them.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X was a data frame.

    See Also
    --------
    imblearn.over_sampling.SMOTE : What makes the synthetic rows.
    imblearn.under_sampling.RandomUnderSampler : What chooses the rows that stay.

    Notes
    -----
    - It belongs into an `imblearn.pipeline.Pipeline`, which resamples in ``fit`` only.
      Resampling before a cross-validation puts neighbours of the test rows into the
      training set, and the score is far too good.
    - SMOTE measures distances, so columns should be on comparable scales and without
      gaps: NaN is refused. Columns that flag missing values become fractions between
      0 and 1 in synthetic rows; whole-number columns of a data frame are cut back to
      whole numbers.
    - Each class draws numbers of its own. (`SMOTE` with an integer seed alone gives
      every class the same ones.)
    - Probabilities of a classifier behind it are those for the resampled class shares.
    - Neighbours and new rows need all rows in memory: a file is loaded whole.

    References
    ----------
    N. V. Chawla et al., "SMOTE: Synthetic Minority Over-sampling Technique", Journal
    of Artificial Intelligence Research 16 (2002) 321-357.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.sampling import CappedResampler
    >>> y = np.repeat(["AGN", "NS_BIN", "YSO"], [5720, 43, 520])
    >>> X = np.random.default_rng(0).normal(size=(y.size, 3))
    >>> X_new, y_new = CappedResampler(random_state=0).fit_resample(X, y)
    >>> [int((y_new == name).sum()) for name in ("AGN", "NS_BIN", "YSO")]
    [500, 80, 520]
    """

    # imbalanced-learn's own readings of sampling_strategy are all of one direction.
    _sampling_type = "bypass"

    _parameter_constraints: dict[str, Any] = {
        "cap": [Interval(Integral, 1, None, closed="left")],
        "slack": [Interval(Real, 0, None, closed="left")],
        "rare_below": [Interval(Integral, 0, None, closed="left")],
        "rare_factor": [Interval(Real, 1, None, closed="left")],
        "sampling_strategy": [StrOptions({"auto"}), dict, callable],
        "k_neighbors": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        cap: int = 500,
        slack: float = 0.05,
        rare_below: int = 100,
        rare_factor: float = 1.86,
        sampling_strategy: str
        | dict[Any, int]
        | Callable[..., dict[Any, int]] = "auto",
        k_neighbors: int = 5,
        random_state: Seed = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.cap = cap
        self.slack = slack
        self.rare_below = rare_below
        self.rare_factor = rare_factor
        self.k_neighbors = k_neighbors
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any) -> CappedResampler:
        """Check the data and work out the class sizes, without resampling.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (n_samples, n_features)
            Data without missing values.
        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        CappedResampler
            The sampler itself.
        """
        _refuse_unlabelled(y)
        check_classification_targets(y)
        _, y, _ = self._check_X_y(X, y)
        self._plan(y)
        return self

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Resample the data.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (n_samples, n_features)
            Data without missing values.
        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        X_resampled : {array-like, data frame, sparse matrix} of shape \
                (n_samples_new, n_features)
            The rows that were kept, in their order, then the synthetic ones. Of the
            type, the columns and the precision of X.
        y_resampled : array-like of shape (n_samples_new,)
            Their labels, of the type of y.

        Raises
        ------
        ValueError
            If a value or a label is missing, if there is only one class, or if
            `sampling_strategy` names a class that is not there.
        """
        _refuse_unlabelled(y)
        # The base class validates and calls `_fit_resample`.
        out: tuple[Any, Any] = super().fit_resample(X, y)
        return out

    def _fit_resample(self, X: Any, y: np.ndarray) -> tuple[Any, np.ndarray]:
        """Resample validated arrays."""
        counts = self._plan(y)
        rng = own_random_state(self.random_state)
        final = self.sampling_strategy_
        self.kept_indices_ = _keep(
            y, {c: n for c, n in final.items() if n < counts[c]}, rng
        )
        X_parts = [_safe_indexing(X, self.kept_indices_)]
        y_parts = [y[self.kept_indices_]]
        for k in sorted(set(self.k_neighbors_.values())):
            names = [c for c, used in self.k_neighbors_.items() if used == k]
            if k == 0:
                rows = [np.flatnonzero(y == c).repeat(final[c] - 1) for c in names]
                X_parts += [_safe_indexing(X, r) for r in rows]
                y_parts += [y[r] for r in rows]
                continue
            smote = SMOTE(
                sampling_strategy={c: final[c] for c in names},
                k_neighbors=k,
                random_state=rng,
            )
            X_new, y_new = smote.fit_resample(X, y)
            X_parts.append(X_new[len(y) :])
            y_parts.append(y_new[len(y) :])
        if sparse.issparse(X):
            return sparse.vstack(X_parts, format=X.format), np.concatenate(y_parts)
        return np.concatenate(X_parts), np.concatenate(y_parts)

    def _plan(self, y: np.ndarray) -> dict[Any, int]:
        """Work out sizes and neighbours; return the sizes as they are."""
        classes, sizes = np.unique(y, return_counts=True)
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs more than 1 class, got 1 class only: "
                f"{classes.tolist()}."
            )
        # The keys are what y holds, so that a dict of the user's finds them.
        counts = dict(zip(classes.tolist(), sizes.tolist(), strict=True))
        final = {c: self._size(n) for c, n in counts.items()}
        final.update(self._overrides(y, counts))
        self.sampling_strategy_ = final
        self.k_neighbors_ = {
            c: min(self.k_neighbors, counts[c] - 1)
            for c, n in final.items()
            if n > counts[c]
        }
        return counts

    def _size(self, n: int) -> int:
        """Apply the rule to a class of n rows."""
        if n >= self.cap:
            return self.cap if n > (1 + self.slack) * self.cap else n
        if n < self.rare_below:
            return min(self.cap, round(n * self.rare_factor))
        return self.cap

    def _overrides(self, y: np.ndarray, counts: dict[Any, int]) -> dict[Any, int]:
        """Read the sizes that the user gave."""
        given = self.sampling_strategy
        if callable(given):
            given = given(y)
        if isinstance(given, str):
            return {}
        if not isinstance(given, dict):
            raise ValueError(
                "sampling_strategy must give a dict of class to number of rows, got "
                f"{given!r}."
            )
        unknown = [c for c in given if c not in counts]
        if unknown:
            raise ValueError(
                f"sampling_strategy names the class(es) {unknown}, which y does not "
                f"have; it has {list(counts)}."
            )
        for c, n in given.items():
            if isinstance(n, bool) or not isinstance(n, Integral) or n < 1:
                raise ValueError(
                    "sampling_strategy must give every class 1 row or more, a whole "
                    f"number; got {n!r} for {c!r}."
                )
        # y holds the key that compares equal: True may stand for 1, say.
        return {c: int(given[c]) for c in counts if c in given}


def _keep(y: np.ndarray, cut: dict[Any, int], rng: Any) -> np.ndarray:
    """Choose the rows that stay, ascending."""
    rows = np.arange(len(y))
    if not cut:
        return rows
    sampler = RandomUnderSampler(sampling_strategy=cut, random_state=rng)
    sampler.fit_resample(rows[:, None], y)
    return np.sort(sampler.sample_indices_)


def _refuse_unlabelled(y: Any) -> None:
    """Refuse rows without a label, which sorting would stumble over."""
    # No y at all is told by scikit-learn's own check.
    # The array: pandas 2 sums a frame by columns.
    unlabelled = 0 if y is None else int(np.asarray(pd.isna(y)).sum())
    if unlabelled:
        raise ValueError(
            f"Input y contains NaN or None: {unlabelled} row(s) have no label. Leave "
            "them out first."
        )

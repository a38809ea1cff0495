"""Stratified folds that keep each source, or each field, together."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.utils import column_or_1d

from skastro.model_selection._sky_groups import sky_groups
from skastro.model_selection._source_groups import check_source_groups, number_entries
from skastro.utils._typing import Seed


class StratifiedSourceKFold(StratifiedGroupKFold):
    """Stratified k-fold splits that take the sources from a column of the catalogue.

    It is `sklearn.model_selection.StratifiedGroupKFold` with groups that it finds
    itself, so that ``cross_validate`` and ``GridSearchCV`` need none: all rows of a
    source are in one fold. With `linking_deg`, all sources of a field are too.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    source_id : str or None, default="source_id"
        Column of X with the number or name of the source. None takes each row for a
        source of its own; then `linking_deg` is needed.
    linking_deg : float, default=None
        Linking length of `sky_groups`, in degrees, over the columns "ra" and "dec" of X
        (degrees). Rows of one source stay together even where their positions are
        further apart. None does not look at positions.
    shuffle : bool, default=False
        Whether to shuffle among groups of the same make-up before they are dealt out.
    random_state : int, RandomState instance or None, default=None
        Of the shuffling; only with ``shuffle=True``.

    Attributes
    ----------
    n_splits : int
        Number of folds.

    See Also
    --------
    sky_groups : The groups of neighbours on the sky.
    check_source_groups : A check for other splitters.

    Notes
    -----
    X must be a DataFrame, and the columns for the source and the position reach the
    estimator too: leave them out there, as a ``ColumnTransformer`` with
    ``remainder="drop"`` does. A source number among the features is a leak.

    If ``split`` is given groups, they are used as they are; a column `source_id` in X
    is then only compared with them, and groups that split a source are refused.

    Examples
    --------
    >>> import pandas as pd
    >>> from skastro.model_selection import StratifiedSourceKFold
    >>> X = pd.DataFrame({"source_id": [1, 1, 2, 3, 4, 4], "rate": range(6)})
    >>> y = ["AGN", "AGN", "AGN", "CV", "CV", "CV"]
    >>> for train, test in StratifiedSourceKFold(n_splits=2).split(X, y):
    ...     print(X["source_id"].iloc[test].tolist())
    [1, 1, 3]
    [2, 4, 4]
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        source_id: str | None = "source_id",
        linking_deg: float | None = None,
        shuffle: bool = False,
        random_state: Seed = None,
    ) -> None:
        super().__init__(n_splits=n_splits, shuffle=shuffle, random_state=random_state)
        if source_id is None and linking_deg is None:
            raise ValueError(
                "Neither source_id nor linking_deg says which rows belong together; "
                "StratifiedKFold takes all rows for independent."
            )
        self.source_id = source_id
        self.linking_deg = linking_deg

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give the rows of the training and of the test part of each fold.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_features)
            Catalogue with the columns named above. With `groups`, any array-like.
        y : array-like of shape (n_samples,)
            The classes.
        groups : array-like of shape (n_samples,), default=None
            Groups to use instead; refused together with `linking_deg`.

        Yields
        ------
        train : ndarray of int
            Rows to train on.
        test : ndarray of int
            Rows to test on.

        Raises
        ------
        ValueError
            If a column is not there, an entry is missing, the given groups split a
            source, or every class has fewer rows than there are folds.

        Warns
        -----
        UserWarning
            If a class has fewer groups than there are folds: some test parts lack it.
        """
        if y is None:
            raise ValueError("y is needed: the folds are stratified by class.")
        # pandas 3 keeps strings in Arrow arrays.
        y = column_or_1d(np.asarray(y))
        n_missing = int(pd.isna(y).sum())
        if n_missing:
            raise ValueError(
                f"y is missing in {n_missing} of {len(y)} rows: drop the rows without "
                "a label first."
            )
        groups = self.groups_of(X) if groups is None else self._check_groups(X, groups)
        if len(groups) != len(y):
            raise ValueError(f"X has {len(groups)} rows, but y has {len(y)}.")
        with warnings.catch_warnings():
            # It counts rows where ours counts groups, which are no more.
            warnings.filterwarnings("ignore", "The least populated class in y")
            folds = list(super().split(np.zeros(len(y)), y, groups))
        self._warn_of_few(y, groups)
        yield from folds

    def groups_of(self, X: pd.DataFrame) -> np.ndarray:
        """Give the groups that the folds keep together.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_features)
            Catalogue with the columns named above.

        Returns
        -------
        ndarray of shape (n_samples,) of int
            Numbered from 0 in the order of first appearance. Also for other splitters,
            and to see how large the largest group is.

        Raises
        ------
        ValueError
            If a column is not there or an entry is missing.
        """
        wanted = [] if self.source_id is None else [self.source_id]
        if self.linking_deg is not None:
            wanted += ["ra", "dec"]
        if not isinstance(X, pd.DataFrame):
            raise ValueError(
                f"X must be a DataFrame with the columns {wanted}, or groups must be "
                f"given; got {type(X).__name__}."
            )
        absent = [name for name in wanted if name not in X.columns]
        if absent:
            raise ValueError(
                f"X has no column {absent}, which tells what belongs together. Pass "
                "groups, or name the column of the source with source_id."
            )
        source = None
        if self.source_id is not None:
            source = number_entries(X[self.source_id], self.source_id)
        if self.linking_deg is None:
            assert source is not None
            return source
        field = sky_groups(X["ra"], X["dec"], self.linking_deg)
        if source is None or not len(field):
            return field
        # A source links the fields of its rows.
        n = int(field.max()) + 1
        size = n + int(source.max()) + 1
        graph = coo_array(
            (np.ones(len(field), np.int8), (field, n + source)), (size, size)
        )
        return number_entries(connected_components(graph, False)[1][field], "field")

    def _check_groups(self, X: Any, groups: Any) -> np.ndarray:
        """Compare given groups with the sources, where these are known."""
        if self.linking_deg is not None:
            raise ValueError(
                "groups and linking_deg both say what belongs together: give one."
            )
        if isinstance(X, pd.DataFrame) and self.source_id in X.columns:
            return check_source_groups(X[self.source_id], groups)
        return number_entries(groups, "groups")

    def _warn_of_few(self, y: np.ndarray, groups: np.ndarray) -> None:
        """Warn of classes that cannot be in every test part."""
        pairs = pd.DataFrame({"class": y, "group": groups}).drop_duplicates()
        count = pairs["class"].value_counts().sort_index()
        few = count[count < self.n_splits]
        if len(few):
            warnings.warn(
                f"Some classes have fewer groups than n_splits={self.n_splits}, so "
                f"that some test parts lack them: {few.to_dict()}.",
                UserWarning,
                stacklevel=3,
            )

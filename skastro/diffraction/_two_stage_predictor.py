"""What a fitted two-stage estimator answers."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from skastro.diffraction._erased_rows import ErasedRows
from skastro.diffraction._spot_eraser import SpotEraser
from skastro.diffraction._two_stage_heads import (
    as_heads,
    folded_score,
    oracle_head,
    reliable_head,
    resimulated_head,
)
from skastro.utils import LazyRows, as_lazy_rows

_ORACLE = (
    'selector="oracle" needs the true directions, which nobody has for a new pattern: '
    "call predict_oracle(X, y) or kept_direction_oracle(X, y), which only serve to "
    "reproduce the thesis."
)


class TwoStagePredictor:
    """Predictions of `TwoStageOrientationRegressor`, which holds its parameters."""

    selector: str
    two_stage_: bool
    first_: Any
    second_: Any
    eraser_: SpotEraser
    _images: Any
    _like_input: Any
    _crystal: Any

    def predict(self, X: Any) -> np.ndarray:
        """Give the kept direction, and the other one as the second stage reads it.

        Parameters
        ----------
        X : array-like
            As in `fit`.

        Returns
        -------
        ndarray of shape (n, 6), or that of y
            Kept direction first, each as its stage gives it.

        Raises
        ------
        ValueError
            If the selector is "oracle", or X makes no sense.
        """
        check_is_fitted(self)
        if not self.two_stage_:
            return np.asarray(self.first_.predict(X))
        images, heads, head, rotation = self._keep(X)
        return self._finish(images, heads, head, rotation)

    def predict_oracle(self, X: Any, y: Any, *, ordered: bool = False) -> np.ndarray:
        """Predict with a choice that needs the answer; only to reproduce the thesis.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        y : array-like of shape (n, 6)
            The true directions.
        ordered : bool, default=False
            Whether head i is compared with direction i, as in the thesis, by the sum
            of the absolute errors of the components. False takes the angle from the
            nearer direction, up to the crystal's symmetry.

        Returns
        -------
        ndarray of shape (n, 6)
            As `predict` gives it.

        Raises
        ------
        ValueError
            If X or y makes no sense.
        """
        images, heads = self._heads(X)
        head = oracle_head(heads, y, self._crystal().point_operations, ordered=ordered)
        return self._finish(images, heads, head, None)

    def kept_direction(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Give the direction that is kept, all that the thesis's tables show.

        Parameters
        ----------
        X : array-like
            As in `fit`.

        Returns
        -------
        direction : ndarray of shape (n, 3)
            As the first stage gives it.
        head : ndarray of shape (n,), int
            Which of its directions.

        Raises
        ------
        ValueError
            If the selector is "oracle", or X makes no sense.
        """
        _, heads, head, _ = self._keep(X)
        return heads[np.arange(len(heads)), head], head

    def kept_direction_oracle(
        self, X: Any, y: Any, *, ordered: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give the direction with the smaller true error; only for the thesis's tables.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        y : array-like of shape (n, 6)
            The true directions.
        ordered : bool, default=False
            As in `predict_oracle`.

        Returns
        -------
        direction : ndarray of shape (n, 3)
            As the first stage gives it.
        head : ndarray of shape (n,), int
            Which of its directions.

        Raises
        ------
        ValueError
            If X or y makes no sense.
        """
        _, heads = self._heads(X)
        head = oracle_head(heads, y, self._crystal().point_operations, ordered=ordered)
        return heads[np.arange(len(heads)), head], head

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Give R², of two directions after folding and in their best assignment.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        y : array-like of shape (n, 6), or any other of `fit`
            The true directions.
        sample_weight : array-like of shape (n,), default=None
            Weight of each sample.

        Returns
        -------
        float
            Mean of R² over the outputs.
        """
        predicted = self.predict(X)
        if not self.two_stage_:
            return float(r2_score(y, predicted, sample_weight=sample_weight))
        return folded_score(
            y, predicted, self._crystal().point_operations, sample_weight
        )

    def _heads(self, X: Any) -> tuple[Any, np.ndarray]:
        """Give images and the first stage's directions (n, n_heads, 3)."""
        check_is_fitted(self)
        if not self.two_stage_:
            raise ValueError("y of fit was not two directions: there is none to keep.")
        rows = as_lazy_rows(X)
        X = X if rows is None else rows
        images = self._images(X)
        return images, as_heads(self.first_.predict(X), type(self.first_).__name__)

    def _keep(self, X: Any) -> tuple[Any, np.ndarray, np.ndarray, Any]:
        """Give images, directions, the chosen one, and its rotation if it is known."""
        if self.selector == "oracle":
            raise ValueError(_ORACLE)
        images, heads = self._heads(X)
        rotation: Rotation | None = None
        head = np.zeros(len(heads), dtype=np.intp)
        if heads.shape[1] > 1 and self.selector == "resimulate":
            head, rotation = resimulated_head(self.eraser_, images, heads)
        elif heads.shape[1] > 1 and self.selector == "reliability":
            head = reliable_head(self.first_, X)
        return images, heads, head, rotation

    def _finish(
        self,
        images: Any,
        heads: np.ndarray,
        head: np.ndarray,
        rotation: Rotation | None,
    ) -> np.ndarray:
        kept = heads[np.arange(len(heads)), head]
        gone = kept if rotation is None else rotation
        if isinstance(images, LazyRows):
            rest: Any = LazyRows(ErasedRows(self.eraser_, images, gone))
        else:
            rest = self.eraser_.erase(images, gone)
        other = np.asarray(self.second_.predict(self._like_input(rest)))
        if other.shape != kept.shape:
            raise ValueError(
                f"second must predict one direction, {kept.shape}; it gave "
                f"{other.shape}."
            )
        return np.concatenate([kept, other], axis=1)

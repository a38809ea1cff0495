"""How much of some rows their parts explain, without making sparse rows dense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse


@dataclass(frozen=True)
class Explained:
    """Squared sums of rows X and of what their approximation W H leaves.

    Parameters
    ----------
    total : float
        ``||X||^2``, Frobenius norm.
    about_mean : float
        ``||X - m||^2``, with a mean row m.
    parts : ndarray of shape (n_components,)
        What each part takes off: ``2 <X, w_k h_k> - <W H, w_k h_k>``. The sum is
        ``||X||^2 - ||X - W H||^2``.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.inspection._explained import Explained
    >>> Explained(total=8.0, about_mean=4.0, parts=np.array([5.0, 1.0])).share()
    0.75
    """

    total: float
    about_mean: float
    parts: np.ndarray

    @property
    def rest(self) -> float:
        """``||X - W H||^2``; rounding does not make it negative."""
        return max(self.total - float(self.parts.sum()), 0.0)

    def share(self, relative_to: str = "zero") -> float:
        """Give the explained share.

        Parameters
        ----------
        relative_to : {"zero", "mean"}, default="zero"
            What 0 means: the approximation by nothing, or by the mean row.

        Returns
        -------
        float
            At most 1; NaN if there is nothing to explain.
        """
        base = self.total if relative_to == "zero" else self.about_mean
        return 1 - self.rest / base if base > 0 else float("nan")

    def __add__(self, other: Explained) -> Explained:
        """Add up what rows with other parts have; the parts stay one after another."""
        return Explained(
            self.total + other.total,
            self.about_mean + other.about_mean,
            np.concatenate([self.parts, other.parts]),
        )


def mean_row(X: Any) -> np.ndarray:
    """Give the mean row.

    Parameters
    ----------
    X : csr_array or ndarray of shape (n, p)
        Rows.

    Returns
    -------
    ndarray of shape (p,)
        In float64.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.inspection._explained import mean_row
    >>> mean_row(np.array([[1.0, 0.0], [3.0, 1.0]]))
    array([2. , 0.5])
    """
    # SciPy adds up float32 in float32, whatever dtype it is asked for.
    out: np.ndarray = np.asarray(X.astype(np.float64).sum(axis=0)).ravel() / X.shape[0]
    return out


def explain(X: Any, W: np.ndarray, H: np.ndarray, mean: np.ndarray) -> Explained:
    """Compare rows with their approximation by parts.

    The norm of the difference is taken apart into ``||X||^2 - 2 tr(W^T X H^T) +
    tr(W^T W H H^T)``: no array of the size of a dense X is made, and the error of the
    share is that of rounding in float64.

    Parameters
    ----------
    X : csr_array or ndarray of shape (n, p)
        Rows.
    W : ndarray of shape (n, n_components)
        Weights.
    H : ndarray of shape (n_components, p)
        Parts.
    mean : ndarray of shape (p,)
        The mean row to compare with; that of the training rows.

    Returns
    -------
    Explained
        The sums, in float64.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.inspection._explained import explain
    >>> X = np.array([[2.0, 0.0], [0.0, 1.0]])
    >>> done = explain(X, np.array([[2.0], [0]]), np.array([[1.0, 0]]), X.mean(axis=0))
    >>> done.total, done.rest, done.share()
    (5.0, 1.0, 0.8)
    """
    X, W, H = X.astype(np.float64), W.astype(np.float64), H.astype(np.float64)
    values = X.data if issparse(X) else X
    total = float(np.vdot(values, values))
    sums = np.asarray(X.sum(axis=0)).ravel()
    about_mean = total - 2 * float(sums @ mean) + X.shape[0] * float(mean @ mean)
    cross = np.einsum("nk,nk->k", W, np.asarray(X @ H.T))
    gram = (W.T @ W) * (H @ H.T)
    # Equal rows are their mean; what is left of the difference is rounding.
    noise = 1e-13 * total
    return Explained(
        total, about_mean if about_mean > noise else 0.0, 2 * cross - gram.sum(axis=1)
    )

"""Which of two predicted directions to keep, and how good predictions are."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from sklearn.metrics import r2_score

from skastro.diffraction._direction_loss import best_assignment
from skastro.diffraction._spot_eraser import SpotEraser
from skastro.metrics import direction_angle
from skastro.utils import fold_directions


def as_heads(predicted: Any, who: str) -> np.ndarray:
    """Split predictions into directions.

    Parameters
    ----------
    predicted : array-like of shape (n, 3) or (n, 6)
        What the first stage gave.
    who : str
        Its name, for the message.

    Returns
    -------
    ndarray of shape (n, n_heads, 3)
        One or two directions a pattern.

    Raises
    ------
    ValueError
        If the shape is another.
    """
    out = np.asarray(predicted)
    if out.ndim != 2 or out.shape[1] not in (3, 6):
        raise ValueError(
            f"first must predict one or two directions, (n, 3) or (n, 6); {who} gave "
            f"{out.shape}."
        )
    return out.reshape(len(out), -1, 3)


def resimulated_head(
    eraser: SpotEraser, images: np.ndarray, heads: np.ndarray
) -> tuple[np.ndarray, Rotation]:
    """Choose the direction whose simulated pattern is better seen in the image.

    Parameters
    ----------
    eraser : SpotEraser
        Simulates and compares.
    images : ndarray of shape (n, h, w)
        The patterns.
    heads : ndarray of shape (n, n_heads, 3)
        Predicted directions.

    Returns
    -------
    head : ndarray of shape (n,), int
        The chosen one.
    rotation : Rotation
        Its full orientation in each pattern.
    """
    found = [eraser.locate(images, heads[:, k])[0] for k in range(heads.shape[1])]
    agreement = np.stack([eraser.agreement(images, r) for r in found], axis=1)
    head = agreement.argmax(axis=1)
    matrices = np.stack([r.as_matrix() for r in found], axis=1)
    return head, Rotation.from_matrix(matrices[np.arange(len(head)), head])


def reliable_head(first: Any, X: Any) -> np.ndarray:
    """Choose the direction of which the first stage itself is more certain.

    Parameters
    ----------
    first : estimator
        With `predict_error` (one expected error a direction) or with `match` (one
        margin a direction).
    X : array-like
        What it takes.

    Returns
    -------
    ndarray of shape (n,), int
        The chosen one.

    Raises
    ------
    ValueError
        If first has neither.
    """
    if hasattr(first, "predict_error"):
        return np.asarray(np.argmin(first.predict_error(X), axis=1))
    if hasattr(first, "match"):
        return np.asarray(np.argmax(first.match(X).margin, axis=1))
    raise ValueError(
        'selector="reliability" needs a first stage with predict_error or match, which '
        f"{type(first).__name__} has not."
    )


def oracle_head(
    heads: np.ndarray, y: Any, laue_group: Any, *, ordered: bool
) -> np.ndarray:
    """Choose the direction with the smaller true error.

    Parameters
    ----------
    heads : ndarray of shape (n, n_heads, 3)
        Predicted directions.
    y : array-like of shape (n, 6)
        The true ones.
    laue_group : str or ndarray
        Symmetry of the angles, unless ``ordered``.
    ordered : bool
        Whether head i is compared with direction i as they are, by the sum of the
        absolute errors of the components; else with the nearer one, by the angle up to
        symmetry.

    Returns
    -------
    ndarray of shape (n,), int
        The chosen one.

    Raises
    ------
    ValueError
        If y has another shape.
    """
    true = np.asarray(y, dtype=np.float64)
    if true.shape != (len(heads), 6):
        raise ValueError(f"y must have shape ({len(heads)}, 6), got {true.shape}.")
    own = np.arange(heads.shape[1])
    if ordered:
        gap = np.abs(heads - true.reshape(-1, 2, 3)[:, own])
        return np.asarray(gap.sum(axis=2).argmin(axis=1))
    # Only one direction is kept, and either crystal's will do.
    errors = [
        np.minimum(
            *(
                direction_angle(label, heads[:, k], laue_group=laue_group)[:, 0]
                for label in (true[:, :3], true[:, 3:])
            )
        )
        for k in own
    ]
    return np.asarray(np.stack(errors, axis=1).argmin(axis=1))


def folded_score(y: Any, predicted: Any, laue_group: Any, sample_weight: Any) -> float:
    """Give R² of unit vectors after folding, in the best assignment.

    Parameters
    ----------
    y, predicted : array-like of shape (n, 6)
        True and predicted directions.
    laue_group : str or ndarray
        By which both are folded.
    sample_weight : array-like of shape (n,) or None
        Weight of each sample.

    Returns
    -------
    float
        Mean of R² over the columns.
    """
    true, own = (
        torch.from_numpy(_unit(fold_directions(_vectors(u), laue_group)))
        for u in (y, predicted)
    )
    sorted_own = best_assignment(own, true, 2).numpy()
    return float(r2_score(true.numpy(), sorted_own, sample_weight=sample_weight))


def _vectors(u: Any) -> np.ndarray:
    return np.asarray(u, dtype=np.float64).reshape(-1, 2, 3)


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=2, keepdims=True)
    out: np.ndarray = (vectors / np.maximum(length, 1e-12)).reshape(len(vectors), 6)
    return out

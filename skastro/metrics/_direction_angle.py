"""Angles between directions up to the symmetry of a crystal."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from skastro.metrics._direction_data import assigned, check_directions
from skastro.utils import proper_operations

# Samples at a time, which bounds the memory.
_CHUNK = 50_000
# No two axes are further apart, in whatever Laue group: all hold the inversion.
_LARGEST = 90.0


def direction_angle(
    y_true: Any,
    y_pred: Any,
    *,
    laue_group: Any = "4/mmm",
    assignment: Literal["ordered", "best"] = "best",
) -> np.ndarray:
    """Compute the angles between true and predicted directions up to symmetry.

    It is the smallest angle between the true direction and any equivalent of the
    prediction. Diffraction by Friedel's law has the Laue symmetry, which includes the
    inversion: a direction and its opposite are the same.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, 3 * n_directions)
        The true directions: Cartesian components in the crystal frame (x along a, z
        along c*), three columns a direction. Lengths do not matter.
    y_pred : array-like of shape (n_samples, 3 * n_directions)
        The predicted directions. Lengths do not matter, but see Warns.
    laue_group : str or array-like of shape (n_operations, 3, 3), default="4/mmm"
        Name of the Laue group ("-1" is the inversion alone, "4/mmm" is anatase,
        "m-3m" is silver), or the matrices of its rotations, as
        `skastro.utils.proper_operations` takes them. The default is that of anatase:
        for any other crystal give its own, best as ``crystal.point_operations``, or
        angles come out too small.
    assignment : {"ordered", "best"}, default="best"
        "best" takes for each sample the permutation of the predictions with the
        smallest sum of angles (at most four directions); "ordered" takes them as they
        come.

    Returns
    -------
    ndarray of shape (n_samples, n_directions)
        Degrees, 0 to 90, in the order of the true directions.

    Raises
    ------
    ValueError
        If the inputs are empty, not finite, of different shapes or not of three
        columns a direction, a true direction has the length zero, or an option is
        unknown.

    Warns
    -----
    UndefinedMetricWarning
        If a predicted vector has the length zero and so no direction. It counts as 90
        degrees, more than the folded angle can be for most groups, so that a model
        that predicts nothing never looks good.

    See Also
    --------
    direction_l1 : Errors of the components, as they come.
    skastro.utils.fold_directions : Directions in the standard sector.

    Notes
    -----
    The angle is 2 arcsin(c / 2) from the chord c between unit vectors, which keeps the
    smallest angles; the arc cosine of the scalar product loses all below about 1e-6
    degrees to rounding.

    Examples
    --------
    >>> from skastro.metrics import direction_angle
    >>> direction_angle([[0, 0, 1], [1, 0, 0]], [[0, 0, -2], [0, 1, 1]]).round(6)
    array([[ 0.],
           [45.]])
    """
    true, pred = check_directions(y_true, y_pred, assignment)
    operations = proper_operations(laue_group)
    parts = [
        _pairwise(true[i : i + _CHUNK], pred[i : i + _CHUNK], operations)
        for i in range(0, len(true), _CHUNK)
    ]
    n_without = int((~pred.any(axis=-1)).sum())
    if n_without:
        warnings.warn(
            f"{n_without} of {pred.shape[0] * pred.shape[1]} predicted vectors have "
            f"the length zero and no direction: they count as {_LARGEST:g} degrees.",
            UndefinedMetricWarning,
            stacklevel=2,
        )
    return assigned(np.concatenate(parts), assignment)


def _pairwise(true: np.ndarray, pred: np.ndarray, operations: np.ndarray) -> np.ndarray:
    """Give the folded angle in degrees between each truth and each prediction."""
    true, _ = _unit(true)
    if not true.any(axis=-1).all():
        raise ValueError("y_true has vectors of length zero, which have no direction.")
    pred, has_direction = _unit(pred)
    square = np.full((*true.shape[:2], pred.shape[1]), np.inf)
    for operation in operations:
        equivalents = (pred @ operation.T)[:, None]
        # The inversion goes with every rotation.
        for sign in (1.0, -1.0):
            gap = true[:, :, None] - sign * equivalents
            np.minimum(square, np.einsum("...i,...i->...", gap, gap), out=square)
    # Rounding must not lift half the chord of two opposite vectors above one.
    angle = np.degrees(2.0 * np.arcsin(np.minimum(np.sqrt(square) / 2.0, 1.0)))
    return np.where(has_direction[:, None], angle, _LARGEST)


def _unit(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normalise; also say which vectors have a direction at all."""
    # The largest component first: squares of tiny or huge ones would leave the range.
    largest = np.abs(vectors).max(axis=-1, keepdims=True)
    has_direction = largest[..., 0] > 0
    scaled = vectors / np.where(largest > 0, largest, 1.0)
    length = np.linalg.norm(scaled, axis=-1, keepdims=True)
    return scaled / np.where(length > 0, length, 1.0), has_direction

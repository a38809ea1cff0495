"""The tracker's geometry, as the study and all simulations here have it."""

from __future__ import annotations

import math

import numpy as np

# Layers from the top down, rows (y) and columns (x) of wafers.
VOXEL_SHAPE = (10, 12, 12)
N_VOXELS = math.prod(VOXEL_SHAPE)

PITCH_CM = 12.0  # between the centres of neighbouring wafers of a layer
LAYER_GAP_CM = 10.0  # between the middle planes of neighbouring layers
WAFER_RADIUS_CM = 5.0
WAFER_THICKNESS_CM = 0.25
SILICON_DENSITY = 2.329  # g/cm3

# Deposits below this are no hits of the instrument.
THRESHOLD_MEV = 0.05


def voxel_indices(
    voxel: np.ndarray, shape: tuple[int, ...] = VOXEL_SHAPE
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split flat indices of voxels.

    Parameters
    ----------
    voxel : ndarray of int
        ``(layer * 12 + row) * 12 + column``.
    shape : (layers, rows, columns), default=(10, 12, 12)
        The grid.

    Returns
    -------
    tuple of three ndarrays
        Layer (0 on top), row (y) and column (x).
    """
    layer, rest = np.divmod(voxel, shape[1] * shape[2])
    row, column = np.divmod(rest, shape[2])
    return layer, row, column


def voxel_centres(
    voxel: np.ndarray, shape: tuple[int, ...] = VOXEL_SHAPE
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give where the middles of wafers are.

    Parameters
    ----------
    voxel : ndarray of int
        Flat indices.
    shape : (layers, rows, columns), default=(10, 12, 12)
        The grid.

    Returns
    -------
    tuple of three ndarrays of float64
        x, y and z in cm; the middle of the tracker is the origin, z points up.
    """
    layer, row, column = voxel_indices(voxel, shape)
    return (
        (column - (shape[2] - 1) / 2) * PITCH_CM,
        (row - (shape[1] - 1) / 2) * PITCH_CM,
        ((shape[0] - 1) / 2 - layer) * LAYER_GAP_CM,
    )

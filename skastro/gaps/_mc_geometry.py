"""Straight lines through the stack of wafers."""

from __future__ import annotations

import numpy as np

from skastro.gaps._geometry import (
    LAYER_GAP_CM,
    PITCH_CM,
    SILICON_DENSITY,
    VOXEL_SHAPE,
    WAFER_RADIUS_CM,
    WAFER_THICKNESS_CM,
)

HALF_CM = np.float32(WAFER_THICKNESS_CM / 2)
GAP_CM = np.float32(LAYER_GAP_CM)
DENSITY = np.float32(SILICON_DENSITY)
SIDE_CM = np.float32(PITCH_CM * VOXEL_SHAPE[2])
LAYERS, ROWS, COLUMNS = VOXEL_SHAPE
PITCH = np.float32(PITCH_CM)
RADIUS2 = np.float32(WAFER_RADIUS_CM**2)
# Only tracks as flat as this can reach the next wafer of their own layer, which is
# 2 cm away, within the thickness of 0.25 cm.
FLAT_COSINE = np.float32(0.125)


def isotropic(rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
    """Draw directions.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    n : int
        How many.

    Returns
    -------
    tuple of three ndarrays of float32
        Unit vectors; no z is nearer to 0 than 1e-4.
    """
    uz = rng.random(n, dtype=np.float32) * 2 - 1
    uz = np.copysign(np.maximum(np.abs(uz), np.float32(1e-4)), uz)
    angle = rng.random(n, dtype=np.float32) * np.float32(2 * np.pi)
    across = np.sqrt(np.maximum(1 - uz * uz, 0))
    return across * np.cos(angle), across * np.sin(angle), uz


def cells(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Find the wafers of a layer whose squares hold points.

    Parameters
    ----------
    x, y : ndarray of float32
        From one corner of the layer, in cm, inside of it.

    Returns
    -------
    column, row : ndarray of float32
        Whole numbers.
    dx, dy : ndarray of float32
        From the middle of the wafer, in cm.
    """
    column = np.floor(x / PITCH)
    row = np.floor(y / PITCH)
    return column, row, x - (column + 0.5) * PITCH, y - (row + 0.5) * PITCH


def chord(
    dx: np.ndarray,
    dy: np.ndarray,
    ux: np.ndarray,
    uy: np.ndarray,
    first: np.ndarray | np.float32,
    last: np.ndarray,
) -> np.ndarray:
    """Give the length of a line inside the rim of a wafer.

    Parameters
    ----------
    dx, dy : ndarray of float32
        Point of the line where its length is 0, from the middle of the wafer, cm.
    ux, uy : ndarray of float32
        Its direction.
    first, last : ndarray of float32
        Piece of the line that is within the thickness of the wafer, cm.

    Returns
    -------
    ndarray of float32
        In cm, 0 where the line passes by.
    """
    a = ux * ux
    a += uy * uy
    np.maximum(a, np.float32(1e-9), out=a)
    b = dx * ux
    b += dy * uy
    c = dx * dx
    c += dy * dy
    c -= RADIUS2
    root = b * b
    root -= a * c
    missed = root <= 0
    np.maximum(root, 0, out=root)
    np.sqrt(root, out=root)
    begin = np.maximum(first, (-b - root) / a)
    end: np.ndarray = np.minimum(last, (root - b) / a)
    end -= begin
    np.maximum(end, 0, out=end)
    end[missed] = 0
    return end


def deflect(
    direction: tuple[np.ndarray, ...], cosine: np.ndarray, turn: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Turn directions by a polar angle about themselves.

    Parameters
    ----------
    direction : tuple of three ndarrays of float32
        Unit vectors.
    cosine : ndarray of float32
        Of the polar angle.
    turn : ndarray of float32
        Azimuth about the old direction, rad.

    Returns
    -------
    tuple of three ndarrays of float32
        New unit vectors.
    """
    ux, uy, uz = direction
    sine = np.sqrt(np.maximum(1 - cosine * cosine, 0))
    a, b = sine * np.cos(turn), sine * np.sin(turn)
    across = np.sqrt(ux * ux + uy * uy)
    upright = across < 1e-6
    safe = np.where(upright, np.float32(1), across)
    # The first axis lies in the plane of the direction and z, the second is level.
    cos_phi = np.where(upright, np.float32(1), ux / safe)
    sin_phi = np.where(upright, np.float32(0), uy / safe)
    vx = ux * cosine + a * uz * cos_phi - b * sin_phi
    vy = uy * cosine + a * uz * sin_phi + b * cos_phi
    vz = uz * cosine - a * across
    vz = np.copysign(np.maximum(np.abs(vz), np.float32(1e-4)), vz)
    return vx, vy, vz

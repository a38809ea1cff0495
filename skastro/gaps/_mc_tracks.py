"""Straight tracks that start inside a wafer, and the wafers that they cross."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skastro.gaps._mc_geometry import (
    COLUMNS,
    FLAT_COSINE,
    GAP_CM,
    HALF_CM,
    LAYERS,
    PITCH,
    ROWS,
    SIDE_CM,
    cells,
    chord,
)
from skastro.gaps._mc_particles import Tracks, voxel_key

Visit = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def walk(tracks: Tracks, visit: Visit) -> None:
    """Visit every wafer on the way of every track, in its order.

    Parameters
    ----------
    tracks : Tracks
        Where they start.
    visit : callable
        Called with the indices of tracks, the lengths inside a wafer and the distances
        of the middle of that piece from the start (cm), and the keys of the voxels. It
        gives a mask of the tracks that go on.
    """
    start = tracks.start
    ux, uy, uz = tracks.direction
    up = np.copysign(np.float32(1), uz)
    inverse = np.float32(1) / np.abs(uz)
    # The own wafer.
    column, row, dx, dy = cells(start.x, start.y)
    leave = (HALF_CM - up * start.z) * inverse
    length = chord(dx, dy, ux, uy, np.float32(0), leave)
    everyone = np.arange(len(tracks))
    key = voxel_key(start.event, start.layer, row, column)
    alive = visit(everyone, length, length / 2, key)
    flat = np.flatnonzero(alive & (np.abs(uz) < FLAT_COSINE) & (length < leave))
    if flat.size:
        place = (column[flat], row[flat], dx[flat], dy[flat])
        flat_walk(tracks, flat, place, leave[flat], alive, visit)
    # The other layers, one after the other.
    step = -up.astype(np.int32)
    index = np.flatnonzero(alive)
    ahead = (GAP_CM - up * start.z) * inverse
    x, y = start.x + ux * ahead, start.y + uy * ahead
    state = np.stack([x, y, ux * inverse * GAP_CM, uy * inverse * GAP_CM, ux, uy])
    state = state.take(index, axis=1)
    layer, step, ahead = start.layer[index], step[index], ahead[index]
    inverse = inverse[index]
    event = start.event[index]
    for _ in range(LAYERS - 1):
        layer = layer + step
        x, y = state[0], state[1]
        inside = (layer >= 0) & (layer < LAYERS) & (x > 0) & (x < SIDE_CM)
        inside &= (y > 0) & (y < SIDE_CM)
        inside &= alive[index]
        keep = np.flatnonzero(inside)
        if not keep.size:
            return
        state = state.take(keep, axis=1)
        index, layer, step = index[keep], layer[keep], step[keep]
        ahead, inverse, event = ahead[keep], inverse[keep], event[keep]
        x, y, tx, ty, vx, vy = state
        column, row, dx, dy = cells(x, y)
        half = HALF_CM * inverse
        length = chord(dx, dy, vx, vy, -half, half)
        hit = np.flatnonzero(length)
        who = index[hit]
        key = voxel_key(event[hit], layer[hit], row[hit], column[hit])
        alive[who] = visit(who, length[hit], ahead[hit], key)
        x += tx
        y += ty
        ahead = ahead + GAP_CM * inverse


def flat_walk(
    tracks: Tracks,
    flat: np.ndarray,
    place: tuple[np.ndarray, ...],
    leave: np.ndarray,
    alive: np.ndarray,
    visit: Visit,
) -> None:
    """Visit the neighbours of the own wafer that flat tracks enter by the rim."""
    column, row, dx, dy = place
    ux, uy, _ = (part[flat] for part in tracks.direction)
    event, layer = tracks.start.event[flat], tracks.start.layer[flat]
    right = np.copysign(np.float32(1), ux)
    back = np.copysign(np.float32(1), uy)
    zero = np.zeros_like(dx)
    for i, j in ((right, zero), (zero, back), (right, back)):
        inside = (column + i >= 0) & (column + i < COLUMNS)
        inside &= (row + j >= 0) & (row + j < ROWS)
        length = chord(dx - PITCH * i, dy - PITCH * j, ux, uy, np.float32(0), leave)
        hit = np.flatnonzero((length > 0) & inside & alive[flat])
        if hit.size:
            key = voxel_key(event[hit], layer[hit], (row + j)[hit], (column + i)[hit])
            middle = PITCH * np.sqrt(i * i + j * j)[hit]
            alive[flat[hit]] = visit(flat[hit], length[hit], middle, key)

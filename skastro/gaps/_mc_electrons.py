"""Electrons and positrons: short steps with scattering, from wafer to wafer."""

from __future__ import annotations

import numpy as np

from skastro.gaps._mc_fluctuations import DELTA_CUT_MEV, knock_on_energy, thin_loss
from skastro.gaps._mc_geometry import (
    COLUMNS,
    DENSITY,
    FLAT_COSINE,
    GAP_CM,
    HALF_CM,
    LAYERS,
    PITCH,
    RADIUS2,
    ROWS,
    SIDE_CM,
    cells,
    deflect,
    isotropic,
)
from skastro.gaps._mc_particles import ELECTRON, Hits, Points, Tracks, voxel_key
from skastro.gaps._mc_ranges import (
    ELECTRON_MASS,
    K_BETHE,
    RADIATION_LENGTH,
    SPEED_OF_LIGHT,
    Z_OVER_A,
    electron_tables,
)

# A flat electron would cross centimetres of silicon if it did not scatter.
_STEP_CM = np.float32(0.25)
_MOST_STEPS = 60
_STOPPED_MEV = np.float32(0.02)


def isotropic_electrons(
    rng: np.random.Generator, start: Points, energy: np.ndarray
) -> Tracks:
    """Send electrons in all directions.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    start : Points
        One an electron.
    energy : ndarray of float32
        MeV.

    Returns
    -------
    Tracks
        Of kind `ELECTRON`.
    """
    kind = np.full(len(start), ELECTRON, dtype=np.int8)
    return Tracks(start, energy, kind, isotropic(rng, len(start)))


def pass_electrons(rng: np.random.Generator, tracks: Tracks, hits: Hits) -> None:
    """Follow electrons until their range is used up or they leave.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    tracks : Tracks
        Electrons and positrons inside wafers.
    hits : Hits
        Takes the deposits.

    Notes
    -----
    Angles are Highland's, step by step; paths are added up to the range. Radiation and
    the annihilation of positrons are left out.
    """
    start = tracks.start
    # Rows: x, y, z, direction, energy, time.
    state = np.stack(
        [start.x, start.y, start.z, *tracks.direction, tracks.energy, start.time]
    ).astype(np.float32, copy=False)
    event, layer = start.event, start.layer
    for _ in range(_MOST_STEPS):
        if not len(event):
            return
        outside, born, whose = _step(rng, state, event, layer, hits)
        children = (born, event[whose], layer[whose])
        state, event, layer = _fly(state, event, layer, outside, children)


def _step(
    rng: np.random.Generator,
    state: np.ndarray,
    event: np.ndarray,
    layer: np.ndarray,
    hits: Hits,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Do one step inside wafers: a mask of those that leave theirs, and knock-ons."""
    x, y, z, ux, uy, uz, energy, time = state
    column, row, dx, dy = cells(x, y)
    up = np.copysign(np.float32(1), uz)
    to_face = (HALF_CM - up * z) / np.abs(uz)
    a = np.maximum(ux * ux + uy * uy, np.float32(1e-9))
    b = dx * ux + dy * uy
    root = np.sqrt(np.maximum(b * b - a * (dx * dx + dy * dy - RADIUS2), 0))
    to_rim = np.maximum((root - b) / a, 0)
    length = np.minimum(to_face, to_rim)
    outside = length <= _STEP_CM
    np.minimum(length, _STEP_CM, out=length)
    forward, back = electron_tables()
    depth = length * DENSITY
    left = forward(energy) - depth
    after = np.minimum(back(np.maximum(left, np.float32(1e-4))), energy)
    after[(left <= 0) | (after < _STOPPED_MEV)] = 0
    deposit = energy - after
    xi = np.float32(K_BETHE * Z_OVER_A / 2) * depth
    # Two equal particles: the faster one counts as the old one.
    hard = np.flatnonzero((after > 4 * DELTA_CUT_MEV) & (depth > 0.01))
    largest = after[hard] / 2
    drawn = thin_loss(
        rng,
        deposit[hard],
        xi[hard],
        np.ones_like(largest),
        np.full_like(largest, DELTA_CUT_MEV),
        largest,
    )
    deposit[hard] = np.clip(drawn, 0.2 * deposit[hard], after[hard])
    hits.add(voxel_key(event, layer, row, column), deposit, time.copy())
    mean = xi[hard] * (1 / np.float32(DELTA_CUT_MEV) - 1 / largest)
    thrown = np.flatnonzero(rng.random(hard.size, dtype=np.float32) < mean)
    whose = hard[thrown]
    born = state.take(whose, axis=1)
    born[6], cosine = knock_on_energy(rng, largest[thrown])
    way = length[whose] * rng.random(whose.size, dtype=np.float32)
    born[:3] += born[3:6] * way
    turn = rng.random(whose.size, dtype=np.float32) * np.float32(2 * np.pi)
    born[3:6] = deflect(tuple(born[3:6]), cosine, turn)
    x += ux * length
    y += uy * length
    z += uz * length
    time += length / np.float32(SPEED_OF_LIGHT)
    mean = (energy + after) / 2
    mass = np.float32(ELECTRON_MASS)
    power = mean * (mean + 2 * mass) / (mean + mass)
    thickness = np.maximum(depth / np.float32(RADIATION_LENGTH), np.float32(1e-5))
    width = np.float32(13.6) * np.sqrt(thickness) / power
    width *= 1 + np.float32(0.038) * np.log(thickness)
    noise = rng.standard_exponential(len(width), dtype=np.float32)
    bend = np.minimum(width * np.sqrt(2 * noise), np.float32(np.pi))
    turn = rng.random(len(width), dtype=np.float32) * np.float32(2 * np.pi)
    state[3:6] = deflect((ux, uy, uz), np.cos(bend), turn)
    energy[:] = after
    return outside, born, whose


def _fly(
    state: np.ndarray,
    event: np.ndarray,
    layer: np.ndarray,
    outside: np.ndarray,
    children: tuple[np.ndarray, ...],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bring those outside to the face of the next wafer; drop what is gone."""
    inside = state[6] > 0
    stay = np.flatnonzero(inside & ~outside)
    go = np.flatnonzero(inside & outside)
    kept = [(state.take(stay, axis=1), event[stay], layer[stay]), children]
    state, event, layer = state.take(go, axis=1), event[go], layer[go]
    beside = _to_neighbours(state)
    near = np.flatnonzero(beside)
    kept.append((state.take(near, axis=1), event[near], layer[near]))
    far = np.flatnonzero(~beside)
    state, event, layer = state.take(far, axis=1), event[far], layer[far]
    for _ in range(LAYERS - 1):
        if not len(event):
            break
        x, y, z, ux, uy, uz, _, time = state
        up = np.copysign(np.float32(1), uz)
        # To the lower face of the wafer above, or the upper face of that below.
        way = (GAP_CM - HALF_CM - up * z) / np.abs(uz)
        x += ux * way
        y += uy * way
        z[:] = -up * HALF_CM
        time += way / np.float32(SPEED_OF_LIGHT)
        layer = layer - up.astype(np.int32)
        there = (layer >= 0) & (layer < LAYERS)
        there &= (x > 0) & (x < SIDE_CM) & (y > 0) & (y < SIDE_CM)
        keep = np.flatnonzero(there)
        state, event, layer = state.take(keep, axis=1), event[keep], layer[keep]
        _, _, dx, dy = cells(state[0], state[1])
        enters = dx * dx + dy * dy < RADIUS2
        # Or by the rim, before the other face: halfway on the mean.
        half = HALF_CM / np.abs(state[5])
        mx, my = state[3] * half, state[4] * half
        rim = ~enters & ((dx + 2 * mx) ** 2 + (dy + 2 * my) ** 2 < RADIUS2)
        rim &= (dx + mx) ** 2 + (dy + my) ** 2 < RADIUS2
        state[0] += rim * mx
        state[1] += rim * my
        state[2][rim] = 0
        enters |= rim
        hit, miss = np.flatnonzero(enters), np.flatnonzero(~enters)
        kept.append((state.take(hit, axis=1), event[hit], layer[hit]))
        state, event, layer = state.take(miss, axis=1), event[miss], layer[miss]
    return (
        np.concatenate([part[0] for part in kept], axis=1),
        np.concatenate([part[1] for part in kept]),
        np.concatenate([part[2] for part in kept]),
    )


def _to_neighbours(state: np.ndarray) -> np.ndarray:
    """Bring flat ones that left by the rim to the next wafer of their layer."""
    x, y, z, ux, uy, uz, _, time = state
    found = np.zeros(len(x), dtype=bool)
    flat = np.flatnonzero((np.abs(z) < 0.99 * HALF_CM) & (np.abs(uz) < FLAT_COSINE))
    if not flat.size:
        return found
    column, row, dx, dy = cells(x[flat], y[flat])
    vx, vy, vz = ux[flat], uy[flat], uz[flat]
    right, back = np.copysign(np.float32(1), vx), np.copysign(np.float32(1), vy)
    zero = np.zeros_like(dx)
    a = np.maximum(vx * vx + vy * vy, np.float32(1e-9))
    for i, j in ((right, zero), (zero, back), (right, back)):
        there = (column + i >= 0) & (column + i < COLUMNS)
        there &= (row + j >= 0) & (row + j < ROWS) & ~found[flat]
        px, py = dx - PITCH * i, dy - PITCH * j
        b = px * vx + py * vy
        root = b * b - a * (px * px + py * py - RADIUS2)
        way = (-b - np.sqrt(np.maximum(root, 0))) / a + np.float32(1e-3)
        height = z[flat] + vz * way
        good = there & (root > 0) & (way > 0) & (np.abs(height) < HALF_CM)
        who, way = flat[good], way[good]
        x[who] += ux[who] * way
        y[who] += uy[who] * way
        z[who] = height[good]
        time[who] += way / np.float32(SPEED_OF_LIGHT)
        found[who] = True
    return found

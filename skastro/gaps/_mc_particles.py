"""Particles of the fast simulation, where they start, and the hits they leave."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from skastro.gaps._geometry import N_VOXELS
from skastro.gaps._mc_geometry import (
    COLUMNS,
    GAP_CM,
    HALF_CM,
    ROWS,
    cells,
    isotropic,
)

# Kinds of light particles; the heavy ones are in `_mc_charged`.
ELECTRON, PHOTON = 6, 7


@dataclass(slots=True)
class Points:
    """Places inside wafers where something happens.

    Parameters
    ----------
    event : ndarray of int32
        Number of the event.
    layer : ndarray of int32
        Layer of the wafer, from the top.
    x, y : ndarray of float32
        From a corner of the layer, cm.
    z : ndarray of float32
        Above the middle of the wafer, cm.
    time : ndarray of float32
        In ns.
    """

    event: np.ndarray
    layer: np.ndarray
    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    time: np.ndarray

    def __len__(self) -> int:
        """Give the number of points."""
        return len(self.event)

    def take(self, index: np.ndarray) -> Points:
        """Give some of them, by index or mask."""
        return Points(*(getattr(self, f.name)[index] for f in fields(Points)))

    def moved(self, direction: tuple[np.ndarray, ...], way: np.ndarray) -> Points:
        """Give the points inside wafers at some way (cm) along directions."""
        height = self.z + direction[2] * way
        crossed = np.rint(height / GAP_CM)
        inside = np.float32(0.999) * HALF_CM
        return Points(
            self.event,
            self.layer - crossed.astype(np.int32),
            self.x + direction[0] * way,
            self.y + direction[1] * way,
            np.clip(height - crossed * GAP_CM, -inside, inside),
            self.time,
        )

    def voxel_key(self) -> np.ndarray:
        """Give event times 1440 plus the voxel."""
        column, row, _, _ = cells(self.x, self.y)
        return voxel_key(self.event, self.layer, row, column)


@dataclass(slots=True)
class Tracks:
    """Particles that leave points along straight lines.

    Parameters
    ----------
    start : Points
        Where, one a track.
    energy : ndarray of float32
        Kinetic energy, MeV.
    kind : ndarray of int8
        Index into the lists of masses and charges.
    direction : tuple of three ndarrays of float32
        Unit vectors, z up.
    depth : ndarray of float32, default=None
        Silicon that each may cross, g/cm2; of photons.
    """

    start: Points
    energy: np.ndarray
    kind: np.ndarray
    direction: tuple[np.ndarray, ...]
    depth: np.ndarray | None = None

    def __len__(self) -> int:
        """Give the number of tracks."""
        return len(self.energy)


class Hits:
    """Deposits as they come, and their sum at the end."""

    def __init__(self) -> None:
        self.keys: list[np.ndarray] = []
        self.energies: list[np.ndarray] = []
        self.times: list[np.ndarray] = []

    def add(self, key: np.ndarray, energy: np.ndarray, time: np.ndarray) -> None:
        """Book deposits.

        Parameters
        ----------
        key : ndarray of int32
            Event times 1440 plus the voxel.
        energy : ndarray of float32
            MeV.
        time : ndarray of float32
            When, in ns.
        """
        self.keys.append(key)
        self.energies.append(energy)
        self.times.append(time)


def voxel_key(
    event: np.ndarray, layer: np.ndarray, row: np.ndarray, column: np.ndarray
) -> np.ndarray:
    """Number voxels through all events.

    Parameters
    ----------
    event, layer : ndarray of int32
        Event and layer.
    row, column : ndarray of float32
        Whole numbers.

    Returns
    -------
    ndarray of int32
        Event times 1440 plus the voxel.
    """
    key = event * np.int32(N_VOXELS)
    key += layer * np.int32(ROWS * COLUMNS)
    key += (row * np.float32(COLUMNS) + column).astype(np.int32)
    return key


def isotropic_tracks(
    rng: np.random.Generator, start: Points, energy: np.ndarray, kind: int
) -> Tracks:
    """Send particles of one kind in all directions.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    start : Points
        One a particle.
    energy : ndarray of float32
        MeV.
    kind : int
        Their kind.

    Returns
    -------
    Tracks
        One a particle.
    """
    n = len(start)
    kinds = np.full(n, kind, dtype=np.int8)
    return Tracks(start, energy, kinds, isotropic(rng, n))


def join(parts: list[Tracks]) -> Tracks:
    """Join lists of tracks.

    Parameters
    ----------
    parts : list of Tracks
        At least one.

    Returns
    -------
    Tracks
        All of them.
    """
    starts = [part.start for part in parts]
    points = Points(
        *(np.concatenate([getattr(s, f.name) for s in starts]) for f in fields(Points))
    )
    return Tracks(
        points,
        np.concatenate([part.energy for part in parts]),
        np.concatenate([part.kind for part in parts]),
        tuple(
            np.concatenate([part.direction[axis] for part in parts])
            for axis in range(3)
        ),
        None
        if any(part.depth is None for part in parts)
        else np.concatenate([part.depth for part in parts]),
    )

"""Pions, protons and fragments on their way through the wafers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skastro.gaps._mc_fluctuations import fluctuate, knock_on_energy
from skastro.gaps._mc_geometry import DENSITY, deflect
from skastro.gaps._mc_particles import ELECTRON, Hits, Points, Tracks
from skastro.gaps._mc_ranges import (
    DEUTERON_MASS,
    HELIUM_MASS,
    PION_MASS,
    PROTON_MASS,
    SPEED_OF_LIGHT,
    range_table,
)
from skastro.gaps._mc_tracks import walk

PI_PLUS, PI_MINUS, PROTON, DEUTERON, HELIUM, ANTIPROTON = range(6)
FRAGMENTS = {"proton": PROTON, "deuteron": DEUTERON, "helium": HELIUM}
MASSES = np.array(
    [PION_MASS, PION_MASS, PROTON_MASS, DEUTERON_MASS, HELIUM_MASS, PROTON_MASS],
    dtype=np.float32,
)
CHARGES2 = np.array([1, 1, 1, 1, 4, 1], dtype=np.float32)

# Mean free path of pions in silicon between nuclear reactions, g/cm2: 860 reactions of
# positive and 1,070 of negative ones over 77,000 and 87,000 g/cm2 in Geant4. Below
# 40 MeV there are hardly any.
PION_FREE_PATHS = (88.0, 81.0)
PION_REACTS_ABOVE_MEV = 40.0


@dataclass(slots=True)
class Ends:
    """Where particles stopped or met a nucleus.

    Parameters
    ----------
    points : Points
        Where.
    kind : ndarray of int8
        What they were.
    at_rest : ndarray of bool
        Whether they stopped.
    energy : ndarray of float32
        What they still had, MeV.
    """

    points: Points
    kind: np.ndarray
    at_rest: np.ndarray
    energy: np.ndarray


class _Passage:
    """State of the particles while they are walked through the wafers."""

    def __init__(self, rng: np.random.Generator, tracks: Tracks, hits: Hits) -> None:
        self.rng, self.tracks, self.hits = rng, tracks, hits
        kind, n = tracks.kind, len(tracks)
        self.mass, self.charge2 = MASSES[kind], CHARGES2[kind]
        self.tau = tracks.energy / self.mass
        self.table = range_table()
        self.left = self.table.range(self.tau)
        # Scaled ranges: g/cm2 are these times the mass over the charge squared.
        self.unit = self.mass / self.charge2
        self.free = np.full(n, np.inf, dtype=np.float32)
        for one, path in zip((PI_PLUS, PI_MINUS), PION_FREE_PATHS, strict=True):
            index = np.flatnonzero(
                (kind == one) & (tracks.energy > PION_REACTS_ABOVE_MEV)
            )
            drawn = rng.standard_exponential(index.size, dtype=np.float32)
            self.free[index] = drawn * np.float32(path)
        self.time = tracks.start.time.copy()
        self.passed = np.zeros(n, dtype=np.float32)
        self.ended: list[tuple[np.ndarray, ...]] = []
        self.deltas: list[tuple[np.ndarray, ...]] = []

    def visit(
        self, who: np.ndarray, length: np.ndarray, middle: np.ndarray, key: np.ndarray
    ) -> np.ndarray:
        """Let particles cross a piece of silicon; see `walk`."""
        tau, unit, free = self.tau[who], self.unit[who], self.free[who]
        depth = length * DENSITY
        reach = self.left[who] * unit
        through = np.minimum(np.minimum(depth, reach), free)
        goes_on: np.ndarray = through == depth
        gamma = tau + np.float32(1)
        beta = np.sqrt(np.maximum(tau * (tau + 2), 1e-9)) / gamma
        time = self.time[who]
        time += (middle - self.passed[who]) / (beta * np.float32(SPEED_OF_LIGHT))
        self.time[who], self.passed[who] = time, middle
        left = np.maximum(reach - through, 0) / unit
        after = self.table.energy(left)
        mass = self.mass[who]
        stops = ~goes_on & (reach <= free)
        after[stops] = 0
        loss = np.maximum(tau - after, 0) * mass
        self.tau[who], self.left[who], self.free[who] = after, left, free - through
        deposit = loss.copy()
        on = np.flatnonzero(goes_on & (depth > 1e-4))
        drawn, n_deltas, largest = fluctuate(
            self.rng, loss[on], depth[on], tau[on], self.charge2[who[on]], mass[on]
        )
        deposit[on] = np.minimum(drawn, tau[on] * mass[on])
        self.hits.add(key, deposit, time)
        self._knock_on(n_deltas, largest, (who[on], length[on], middle[on]))
        end = np.flatnonzero(~goes_on)
        if end.size:
            spot = middle[end] - length[end] / 2 + through[end] / DENSITY
            self.ended.append((who[end], spot, stops[end]))
        return goes_on

    def _knock_on(
        self,
        mean: np.ndarray,
        largest: np.ndarray,
        where: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> None:
        """Note where electrons are knocked on."""
        hit = np.flatnonzero(self.rng.random(len(mean), dtype=np.float32) < mean)
        if not hit.size:
            return
        who, length, middle = (part[hit] for part in where)
        energy, cosine = knock_on_energy(self.rng, largest[hit])
        spot = middle + length * (self.rng.random(hit.size, dtype=np.float32) - 0.5)
        self.deltas.append((who, spot, energy, cosine))

    def places(self, who: np.ndarray, spot: np.ndarray) -> Points:
        """Give points at distances from the starts of tracks."""
        points = self.tracks.start.take(who)
        points = points.moved(tuple(part[who] for part in self.tracks.direction), spot)
        points.time = self.time[who]
        return points

    def ends(self) -> Ends:
        """Give where particles ended."""
        who, spot, at_rest = (
            np.concatenate(part) for part in zip(*self.ended, strict=True)
        )
        energy = self.tau[who] * self.mass[who]
        return Ends(self.places(who, spot), self.tracks.kind[who], at_rest, energy)

    def knocked(self) -> Tracks:
        """Give the knock-on electrons."""
        who, spot, energy, cosine = (
            np.concatenate(part) for part in zip(*self.deltas, strict=True)
        )
        turn = self.rng.random(len(who), dtype=np.float32) * np.float32(2 * np.pi)
        old = tuple(part[who] for part in self.tracks.direction)
        direction = deflect(old, cosine, turn)
        kind = np.full(len(who), ELECTRON, dtype=np.int8)
        return Tracks(self.places(who, spot), energy, kind, direction)


def pass_charged(
    rng: np.random.Generator, tracks: Tracks, hits: Hits
) -> tuple[Ends | None, Tracks | None]:
    """Follow particles until they stop, meet a nucleus or leave.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    tracks : Tracks
        Pions, protons, deuterons, helium, antiprotons.
    hits : Hits
        Takes the deposits.

    Returns
    -------
    ends : Ends or None
        Where they stopped or met a nucleus.
    deltas : Tracks or None
        Knock-on electrons above 0.54 MeV.
    """
    passage = _Passage(rng, tracks, hits)
    walk(tracks, passage.visit)
    ends = passage.ends() if passage.ended else None
    return ends, passage.knocked() if passage.deltas else None

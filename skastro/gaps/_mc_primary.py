"""The incoming antiparticles, layer by layer down to where they end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skastro.gaps._geant4_beam import START_Z_CM, draw_primaries
from skastro.gaps._geometry import LAYER_GAP_CM
from skastro.gaps._mc_fluctuations import highland_angle
from skastro.gaps._mc_geometry import (
    DENSITY,
    GAP_CM,
    HALF_CM,
    LAYERS,
    SIDE_CM,
    cells,
    chord,
    deflect,
)
from skastro.gaps._mc_particles import Hits, Points, voxel_key
from skastro.gaps._mc_ranges import (
    DEUTERON_MASS,
    PROTON_MASS,
    SPEED_OF_LIGHT,
    kinetic_energy,
    range_table,
)

MASSES = {"antiproton": PROTON_MASS, "antideuteron": DEUTERON_MASS}
# The range of negative particles is longer than Bethe's formula tells (Barkas' effect):
# 1.8 per cent in the median of 22,000 antiprotons and antideuterons in Geant4.
BARKAS = 1.018
# Mean free path between annihilations in flight in silicon, g/cm2, that give Geant4's
# share of them among 100,000 antiparticles of beta 0.26 to 0.30.
FREE_PATHS = {"antiproton": 46.0, "antideuteron": 33.0}
# Elastic scattering off nuclei: mean free path, and the mean square of the momentum
# transfer in MeV2; from 770 recoils above 0.11 MeV in Geant4.
ELASTIC_PATH, ELASTIC_TRANSFER = 39.0, 7300.0


@dataclass(slots=True)
class Primaries:
    """What became of the antiparticles.

    Parameters
    ----------
    beta, cos_zenith : ndarray of float32
        Speed and direction before the tracker.
    stopped, in_flight : ndarray of bool
        Ended inside a wafer; by an interaction before they came to rest.
    layer : ndarray of int32
        Where they ended, -1 if they left.
    who : ndarray of int64
        Those that ended.
    points : Points
        Where those ended.
    """

    beta: np.ndarray
    cos_zenith: np.ndarray
    stopped: np.ndarray
    in_flight: np.ndarray
    layer: np.ndarray
    who: np.ndarray
    points: Points


def stop_primaries(
    rng: np.random.Generator,
    event: np.ndarray,
    particle: str,
    incidence: str,
    beta: tuple[float, float],
    hits: Hits,
    in_flight: bool = True,
) -> Primaries:
    """Send one species of antiparticles into the tracker.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    event : ndarray of int32
        Numbers of the events.
    particle : {"antiproton", "antideuteron"}
        The species.
    incidence : {"vertical", "random"}
        Straight down on one wafer, or over the whole top.
    beta : (float, float)
        Lowest and highest speed; uniform in between.
    hits : Hits
        Takes the deposits.
    in_flight : bool, default=True
        Whether they may interact before they are at rest.

    Returns
    -------
    Primaries
        One row an event.
    """
    n, mass = len(event), MASSES[particle]
    beam = draw_primaries(n, incidence, beta, rng)
    speed = beam["beta"]
    x, y = beam["position"].T[:2] + SIDE_CM / 2
    ux, uy, uz = beam["direction"].T
    result = Primaries(
        speed,
        beam["cos_zenith"],
        np.zeros(n, dtype=bool),
        np.zeros(n, dtype=bool),
        np.full(n, -1, dtype=np.int32),
        np.empty(0, dtype=np.int64),
        Points(*(np.empty(0, dtype=np.int32),) * 2, *(np.empty(0, np.float32),) * 4),
    )
    tau = (kinetic_energy(speed, mass) / mass).astype(np.float32)
    free = rng.standard_exponential(n, dtype=np.float32) * np.float32(
        FREE_PATHS[particle] if in_flight else np.inf
    )
    state = np.stack([x, y, ux, uy, uz, tau, free, np.zeros(n)]).astype(np.float32)
    index = np.arange(n)
    ended: list[tuple[np.ndarray, ...]] = []
    gap = np.float32(START_Z_CM - (LAYERS - 1) / 2 * LAYER_GAP_CM)
    for layer in range(LAYERS):
        x, y, ux, uy, uz, tau, free, time = state
        way = gap / -uz
        x += ux * way
        y += uy * way
        time += way / (np.sqrt(tau * (tau + 2)) / (tau + 1) * SPEED_OF_LIGHT)
        inside = (x > 0) & (x < SIDE_CM) & (y > 0) & (y < SIDE_CM) & (uz < -0.01)
        keep = np.flatnonzero(inside)
        state, index = state.take(keep, axis=1), index[keep]
        x, y, ux, uy, uz, tau, free, time = state
        gap = GAP_CM
        column, row, dx, dy = cells(x, y)
        half = HALF_CM / -uz
        length = chord(dx, dy, ux, uy, -half, half)
        hit = np.flatnonzero(length)
        if not hit.size:
            continue
        through, after, stops, flies = _cross(
            rng, length[hit] * DENSITY, tau[hit], free[hit], mass
        )
        place = np.full(hit.size, layer, dtype=np.int32)
        key = voxel_key(event[index[hit]], place, row[hit], column[hit])
        loss = (tau[hit] - after) * np.float32(mass)
        hits.add(key, loss, time[hit])
        end = np.flatnonzero(stops | flies)
        if end.size:
            at = hit[end]
            spot = through[end] / DENSITY - length[at] / 2
            ended.append(
                (
                    index[at],
                    place[end],
                    x[at] + ux[at] * spot,
                    y[at] + uy[at] * spot,
                    np.clip(uz[at] * spot, -0.999 * HALF_CM, 0.999 * HALF_CM),
                    time[at],
                    flies[end],
                )
            )
        go = np.ones(len(index), dtype=bool)
        go[hit[end]] = False
        middle = (tau[hit] + after) / 2
        width = np.minimum(highland_angle(through, middle, mass), np.float32(0.7))
        tau[hit], free[hit] = after, free[hit] - through
        bend2 = 2 * width**2 * rng.standard_exponential(hit.size, dtype=np.float32)
        bend = np.sqrt(bend2 + _elastic(rng, through, middle, mass))
        turn = rng.random(hit.size, dtype=np.float32) * np.float32(2 * np.pi)
        ux[hit], uy[hit], uz[hit] = deflect(
            (ux[hit], uy[hit], uz[hit]), np.cos(bend), turn
        )
        go &= tau > 0
        keep = np.flatnonzero(go)
        state, index = state.take(keep, axis=1), index[keep]
        if not keep.size:
            break
    if ended:
        who, layers, x, y, z, time, flies = (
            np.concatenate(part) for part in zip(*ended, strict=True)
        )
        result.who = who
        result.points = Points(event[who], layers, x, y, z, time)
        result.stopped[who] = True
        result.in_flight[who] = flies
        result.layer[who] = layers
    return result


def _elastic(
    rng: np.random.Generator, depth: np.ndarray, tau: np.ndarray, mass: float
) -> np.ndarray:
    """Give squared angles of elastic scattering, nearly all of them 0."""
    angle2 = np.zeros(len(depth), dtype=np.float32)
    share = rng.random(len(depth), dtype=np.float32)
    met = np.flatnonzero(share * np.float32(ELASTIC_PATH) < depth)
    transfer = rng.standard_exponential(met.size) * ELASTIC_TRANSFER
    momentum2 = np.maximum(mass**2 * tau[met] * (tau[met] + 2), 1)
    # The sine of half the angle is half the transfer over the momentum.
    sine = np.sqrt(np.minimum(transfer / momentum2 / 4, 1))
    angle2[met] = (2 * np.arcsin(sine)) ** 2
    return angle2


def _cross(
    rng: np.random.Generator,
    depth: np.ndarray,
    tau: np.ndarray,
    free: np.ndarray,
    mass: float,
) -> tuple[np.ndarray, ...]:
    """Slow down in a piece of silicon: depth crossed, T/M after, rest, interaction."""
    table, unit = range_table(), np.float32(mass * BARKAS)
    reach = table.range(tau) * unit
    noise = rng.standard_normal(len(tau), dtype=np.float32)
    # Range straggling: of the whole range for those that stop here, else what the
    # variance loses on the way.
    spread = table.variance(tau)
    total = reach + noise * np.sqrt(spread * unit)
    stops = total <= depth
    expected = table.energy(np.maximum(reach - depth, 0) / unit)
    part = np.sqrt(np.maximum(spread - table.variance(expected), 0) * unit)
    rest = np.where(stops, 0, np.maximum(reach - depth + noise * part, 0))
    stops |= rest <= 0
    through = np.where(stops, np.clip(total, 0, depth), depth)
    flies = free < through
    through = np.where(flies, free, through)
    stops &= ~flies
    rest = np.where(flies, np.maximum(reach - free, 0), rest)
    after = np.where(stops, 0, table.energy(rest / unit))
    return through, np.minimum(after, tau), stops, flies

"""Whole events of the fast simulation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from skastro.gaps._geometry import N_VOXELS
from skastro.gaps._mc_charged import (
    ANTIPROTON,
    PI_MINUS,
    PI_PLUS,
    Ends,
    pass_charged,
)
from skastro.gaps._mc_electrons import isotropic_electrons, pass_electrons
from skastro.gaps._mc_particles import Hits, Points, Tracks, join
from skastro.gaps._mc_photons import isotropic_photons, pass_photons
from skastro.gaps._mc_primary import Primaries, stop_primaries
from skastro.gaps._mc_stars import Output
from skastro.gaps._mc_xrays import YIELD, xray_energies
from skastro.gaps._voxel_events import VoxelEvents

SPECIES = ("antiproton", "antideuteron")
# Events that are simulated together: long arrays are quick, these take 200 MB. Their
# hits are added up in smaller blocks.
CHUNK, BLOCK = 16384, 4096
# Reactions of products of reactions are followed this often.
_GENERATIONS = 4
_MUON_ENERGY = 4.12  # of a pion that decays at rest, MeV
_MUON_LIFETIME, _PION_LIFETIME = 2197.0, 26.0  # ns
# Hits below are the dust of straight-line tracks, far under any threshold.
_LEAST_MEV = 1e-3


class FastSimulator:
    """Simulate events of the tracker with vectorised NumPy.

    Parameters
    ----------
    incidence : {"vertical", "random"}, default="vertical"
        How antiparticles come in.
    beta : (float, float), default=(0.26, 0.30)
        Speeds, uniform in between.
    xrays : bool, default=False
        Whether exotic atoms send out X-rays.
    in_flight : bool, default=True
        Whether antiparticles may interact before they are at rest.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.gaps._mc_events import FastSimulator
    >>> simulator = FastSimulator(incidence="random")
    >>> labels = np.array(["antiproton", "antideuteron"] * 50)
    >>> events = simulator.simulate(labels, np.random.default_rng(0))
    >>> len(events), int(events.voxel.max()) < 1440
    (100, True)
    """

    def __init__(
        self,
        *,
        incidence: str = "vertical",
        beta: tuple[float, float] = (0.26, 0.30),
        xrays: bool = False,
        in_flight: bool = True,
    ) -> None:
        self.incidence, self.beta = incidence, beta
        self.xrays, self.in_flight = xrays, in_flight
        self._energy = torch.zeros(0)
        self._time = torch.zeros(0)

    def simulate(self, labels: np.ndarray, rng: np.random.Generator) -> VoxelEvents:
        """Simulate one event for every label.

        Parameters
        ----------
        labels : ndarray of str of shape (n,)
            "antiproton" or "antideuteron".
        rng : Generator
            Random numbers; all draws come from it.

        Returns
        -------
        VoxelEvents
            With times, labels and truth.
        """
        parts, truths = [], []
        for first in range(0, len(labels), CHUNK):
            hits, truth = self._chunk(labels[first : first + CHUNK], rng)
            voxels, energy, time = self._sum(hits, len(truth))
            parts.append((voxels // N_VOXELS + first, voxels % N_VOXELS, energy, time))
            truths.append(truth)
        event, voxel, energy, time = (
            np.concatenate(part) for part in zip(*parts, strict=True)
        )
        return VoxelEvents(
            event,
            voxel,
            energy,
            len(labels),
            time,
            labels,
            pd.concat(truths, ignore_index=True),
        )

    def _chunk(
        self, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[Hits, pd.DataFrame]:
        """Simulate some events: their deposits and the truth."""
        hits = Hits()
        output = Output(rng, hits)
        columns: dict[str, np.ndarray] = {}
        for particle in SPECIES:
            event = np.flatnonzero(labels == particle).astype(np.int32)
            if not event.size:
                continue
            primaries = stop_primaries(
                rng, event, particle, self.incidence, self.beta, hits, self.in_flight
            )
            _note(columns, primaries, event, len(labels))
            points, flies = primaries.points, primaries.in_flight[primaries.who]
            getattr(output, particle + "s")(points, flies)
            if self.xrays:
                _shine(output, points.take(~flies), particle)
        follow(output, hits)
        return hits, pd.DataFrame(columns)

    def _sum(
        self, hits: Hits, n_events: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Add up deposits of a voxel and find its first time."""
        keys = np.concatenate(hits.keys)
        energies, times = np.concatenate(hits.energies), np.concatenate(hits.times)
        parts = []
        for first in range(0, n_events * N_VOXELS, BLOCK * N_VOXELS):
            size = min(BLOCK * N_VOXELS, n_events * N_VOXELS - first)
            here = np.flatnonzero((keys >= first) & (keys < first + size))
            parts.append(self._sum_block(keys, energies, times, here, first, size))
        found, energy, time = (
            np.concatenate(part) for part in zip(*parts, strict=True)
        )
        event = found // N_VOXELS
        start = np.full(n_events, np.inf, dtype=np.float32)
        np.minimum.at(start, event, time)
        return found, energy, time - start[event]

    def _sum_block(
        self,
        keys: np.ndarray,
        energies: np.ndarray,
        times: np.ndarray,
        here: np.ndarray,
        first: int,
        size: int,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Add up in dense buffers that are kept: new memory is slow."""
        if len(self._energy) < size:
            self._energy = torch.zeros(size)
            self._time = torch.full((size,), torch.inf)
        key = torch.from_numpy(keys[here].astype(np.int64) - first)
        self._energy.scatter_add_(0, key, torch.from_numpy(energies[here]))
        self._time.scatter_reduce_(0, key, torch.from_numpy(times[here]), "amin")
        found = np.flatnonzero(self._energy[:size].numpy() > _LEAST_MEV)
        energy, time = self._energy.numpy()[found], self._time.numpy()[found]
        self._energy[key] = 0
        self._time[key] = torch.inf
        return found + first, energy, time


def follow(output: Output, hits: Hits) -> None:
    """Follow what stars sent out, and what comes of that.

    Parameters
    ----------
    output : Output
        Has the particles; is emptied.
    hits : Hits
        Takes the deposits.
    """
    rng = output.rng
    electrons: list[Tracks] = []
    for generation in range(_GENERATIONS):
        if not output.tracks:
            break
        tracks = join(output.tracks)
        output.tracks = []
        ends, deltas = pass_charged(rng, tracks, hits)
        if deltas is not None:
            electrons.append(deltas)
        if ends is not None and generation + 1 < _GENERATIONS:
            electrons += _end(output, ends, hits)
    if output.photons:
        made = pass_photons(rng, join(output.photons), hits)
        output.photons = []
        if made is not None:
            electrons.append(made)
    electrons += output.electrons
    output.electrons = []
    if electrons:
        pass_electrons(rng, join(electrons), hits)


def _end(output: Output, ends: Ends, hits: Hits) -> Sequence[Tracks]:
    """Let stopped and interacting particles do what they do; positrons come back."""
    rng, kind = output.rng, ends.kind
    met = np.flatnonzero(~ends.at_rest)
    output.pions_absorbed(ends.points.take(met), kind[met], ends.energy[met])
    output.pions_captured(ends.points.take(ends.at_rest & (kind == PI_MINUS)))
    last = ends.points.take(ends.at_rest & (kind == ANTIPROTON))
    output.antiprotons(last, np.zeros(len(last), dtype=bool))
    points = ends.points.take(ends.at_rest & (kind == PI_PLUS))
    n = len(points)
    if not n:
        return []
    # The muon stays within 0.7 mm; its positron leaves microseconds later.
    muon = np.full(n, _MUON_ENERGY, dtype=np.float32)
    hits.add(points.voxel_key(), muon, points.time)
    wait = rng.standard_exponential((2, n), dtype=np.float32)
    late = points.take(np.arange(n))
    late.time = points.time + wait[0] * np.float32(_PION_LIFETIME)
    late.time += wait[1] * np.float32(_MUON_LIFETIME)
    # Michel's spectrum x**2 (3 - 2 x): the largest of three numbers has x**2, and the
    # smaller share of the other term turns some of them down.
    x = _michel(rng, n)
    return [isotropic_electrons(rng, late, x * np.float32(52.83))]


def _michel(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw positron energies of muon decay over the largest one."""
    grid = np.linspace(0, 1, 2001)
    # The integral of 2 x**2 (3 - 2 x).
    share = 2 * grid**3 - grid**4
    return np.interp(rng.random(n), share, grid).astype(np.float32)


def _shine(output: Output, points: Points, particle: str) -> None:
    """Add the X-rays of exotic atoms, isotropic."""
    for energy in xray_energies(particle):
        some = points.take(output.rng.random(len(points)) < YIELD)
        kev = np.full(len(some), energy * 1e-3, dtype=np.float32)
        output.photons.append(isotropic_photons(output.rng, some, kev))


def _note(
    columns: dict[str, np.ndarray], primaries: Primaries, event: np.ndarray, n: int
) -> None:
    """Write the truth of one species into its rows."""
    found = {
        "beta": primaries.beta,
        "cos_zenith": primaries.cos_zenith,
        "stopped": primaries.stopped,
        "in_flight": primaries.in_flight,
        "stop_layer": primaries.layer.astype(np.int8),
    }
    for name, values in found.items():
        columns.setdefault(name, np.zeros(n, dtype=values.dtype))[event] = values

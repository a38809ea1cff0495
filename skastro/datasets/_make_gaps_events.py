"""Simulated antiparticles in a voxel tracker, by a fast Monte Carlo."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skastro.datasets._arguments import generator, is_number
from skastro.gaps import VoxelEvents
from skastro.gaps._geometry import THRESHOLD_MEV
from skastro.gaps._mc_events import CHUNK, FastSimulator
from skastro.utils._typing import Seed

_INCIDENCES = ("vertical", "random")
_ROUNDS = 100
# Events after which one in a thousand must have stopped.
_HOPELESS = 20_000

_DESCR = """Simulated antiprotons and antideuterons in a voxel tracker

{n} events ({counts}), {incidence} incidence, beta uniform from {low} to {high}{chosen}.
Tracker: 10 layers of 12 x 12 silicon discs in vacuum, radius 5 cm, 2.5 mm thick, pitch
12 cm, layers 10 cm apart. Deposits in MeV, first times of hits in ns. No resolution, no
noise, no passive material.

Made by skastro.datasets.make_gaps_events, a fast simulation and no Geant4; its
docstring has the physics and its limits.
"""


def make_gaps_events(
    n_samples: int = 1000,
    *,
    incidence: str = "vertical",
    beta: tuple[float, float] = (0.26, 0.30),
    antideuteron_fraction: float = 0.5,
    stopped_only: bool = False,
    in_flight: bool = True,
    xrays: bool = False,
    channels: Sequence[str] = ("energy",),
    threshold: float = THRESHOLD_MEV,
    as_sparse: bool = False,
    return_X_y: bool = False,
    random_state: Seed = None,
) -> Any:
    """Simulate antiprotons and antideuterons in the GAPS tracker, fast.

    Antiparticles slow down, stop and annihilate in layers of silicon wafers; pions,
    photons and fragments of the star leave more hits. Vectorised and seeded, more than
    50,000 events a second on one core, and close to Geant4 (see Notes).

    Parameters
    ----------
    n_samples : int, default=1000
        Number of events.
    incidence : {"vertical", "random"}, default="vertical"
        Vertical on a spot of 2 cm by 2 cm in the middle of the wafers of column 6, row
        6; or an isotropic flux through the top face, 144 cm by 144 cm, where cosines
        below 0.2 are set to 0.2.
    beta : (low, high), default=(0.26, 0.3)
        Velocities at the entry in units of c, uniform between them.
    antideuteron_fraction : float, default=0.5
        Share of antideuterons, to within one event; the order of events is random.
    stopped_only : bool, default=False
        Make only events whose primary ended in a wafer, at rest or by an interaction in
        flight. This is simulation truth: an instrument has to infer it, and the share
        differs by species. False keeps all.
    in_flight : bool, default=True
        Whether antiparticles may annihilate before they are at rest.
    xrays : bool, default=False
        Whether exotic atoms send out X-rays, of 22 to 112 keV.
    channels : sequence of {"energy", "time"}, default=("energy",)
        What each voxel has in ``data``. Times are in ns plus 1, and 0 where nothing was
        hit.
    threshold : float, default=0.05
        Deposits below it are left out of ``data``, in MeV.
    as_sparse : bool, default=False
        Give ``data`` as flat CSR rows instead of volumes.
    return_X_y : bool, default=False
        Return ``(data, target)``.
    random_state : int, RandomState instance, Generator or None, default=None
        Same number, same events. The global random state is never touched.

    Returns
    -------
    Bunch or (data, target)
        - ``data`` : ndarray of float32 of shape (n, 10, 12, 12), MeV; of shape
          (n, n_channels, 10, 12, 12) with several channels; csr_array of shape
          (n, 1440 * n_channels) if `as_sparse`.
        - ``target`` : ndarray of str of shape (n,), "antideuteron" or "antiproton".
        - ``target_names`` : list of str.
        - ``events`` : VoxelEvents, all hits with times and truth.
        - ``DESCR`` : str.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or `stopped_only` is asked for at velocities
        that hardly stop.

    See Also
    --------
    load_gaps_sample : Events of Geant4 that come with the package.
    skastro.gaps.simulate_geant4_events : More of them, a hundred times slower.

    Notes
    -----
    - Primary: ranges by Bethe's formula with the density effect of silicon [1]_, 1.8
      per cent longer for the negative charge; range straggling by Bohr's variance;
      Highland's angles and elastic scattering off nuclei; annihilation in flight with a
      mean free path of 46 (antiproton) and 33 g/cm2 (antideuteron).
    - Star: each antinucleon makes charged pions by Geant4's multiplicities (mean 2.95),
      with neutral pions, etas and their decays. One of four antideuterons at rest sends
      one antinucleon out again; an antiproton then annihilates where it stops, an
      antineutron is not followed. Protons, deuterons, helium, recoils and nuclear
      photons follow number and energy in Geant4 stars, a hot sixth of the nuclei apart.
    - Pions: Landau's fluctuations, knock-on electrons above 0.54 MeV, reactions in
      flight, capture (negative) or muon and positron (positive) at rest. Photons
      convert, scatter once (Compton) or are absorbed; electrons go in short steps.
    - X-rays have the energies of Bohr's formula with the reduced mass and a yield of
      0.8 a line. Most are absorbed in the wafer where they start, among tens of MeV,
      and few are above 0.05 MeV: they matter to fine studies only.
    - Left out: kaons, neutrons, muons of pions that decay in flight, the annihilation
      of positrons, bremsstrahlung, scattering of pions by small angles.
    - Against Geant4 for velocities 0.26 to 0.30, by species and incidence: mean and
      variance of the largest deposit, hits above 0.05 and 0.3 MeV, layer profiles and
      stopped shares agree to 15 per cent, mostly to 5; the mean stop layer to 0.3.
      ``python benchmarks/gaps_events.py`` prints the table. Star tables are Geant4's
      (FTFP_BERT), with its faults. A look at velocities 0.2 to 0.4, random incidence:
      stopped shares within 0.02, stop layers within 0.3; above 0.3, where most stops
      are interactions in flight, the largest deposit is 10 per cent low.

    References
    ----------
    .. [1] R. M. Sternheimer, M. J. Berger and S. M. Seltzer, At. Data Nucl. Data Tables
       30 (1984) 261-271.
    .. [2] J. Allison et al., Nucl. Instrum. Methods A 835 (2016) 186-225: Geant4.
    .. [3] GAPS: T. Aramaki et al., Astropart. Phys. 74 (2016) 6-13.

    Examples
    --------
    >>> from skastro.datasets import make_gaps_events
    >>> gaps = make_gaps_events(200, random_state=0)
    >>> gaps.data.shape, gaps.target_names
    ((200, 10, 12, 12), ['antideuteron', 'antiproton'])
    >>> gaps.events.truth.groupby(gaps.target)["stop_layer"].mean().round(0).tolist()
    [5.0, 3.0]
    >>> X, y = make_gaps_events(
    ...     200, incidence="random", as_sparse=True, return_X_y=True, random_state=0
    ... )
    >>> X.shape
    (200, 1440)
    """
    _check(n_samples, incidence, beta, antideuteron_fraction, threshold)
    rng = generator(random_state)
    n_signal = round(n_samples * antideuteron_fraction)
    labels = np.repeat(["antideuteron", "antiproton"], [n_signal, n_samples - n_signal])
    rng.shuffle(labels)
    simulator = FastSimulator(
        incidence=incidence,
        beta=(float(beta[0]), float(beta[1])),
        xrays=bool(xrays),
        in_flight=bool(in_flight),
    )
    if stopped_only:
        events = _stopped(simulator, labels, rng)
    else:
        events = simulator.simulate(labels, rng)
    rows = events.to_csr if as_sparse else events.to_dense
    events.truth.attrs.update(generator="make_gaps_events", incidence=incidence)
    data = rows(threshold=threshold, channels=channels)
    if return_X_y:
        return data, labels
    names, counts = np.unique(labels, return_counts=True)
    shown = [f"{count} {name}s" for name, count in zip(names, counts, strict=True)]
    return Bunch(
        data=data,
        target=labels,
        target_names=names.tolist(),
        events=events,
        DESCR=_DESCR.format(
            n=n_samples,
            counts=", ".join(shown),
            incidence=incidence,
            low=beta[0],
            high=beta[1],
            chosen=", ended in a wafer" if stopped_only else "",
        ),
    )


def _stopped(
    simulator: FastSimulator, labels: np.ndarray, rng: np.random.Generator
) -> VoxelEvents:
    """Simulate each species until enough events have stopped."""
    place = np.empty(len(labels), dtype=np.int64)
    parts: list[VoxelEvents] = []
    done = 0
    for name in np.unique(labels):
        wanted = np.flatnonzero(labels == name)
        found, tried, share = 0, 0, 1.0
        for _ in range(_ROUNDS):
            missing = len(wanted) - found
            n = min(int(missing / share * 1.05) + 20, 8 * CHUNK)
            made = simulator.simulate(np.full(n, name), rng)
            stopped = np.flatnonzero(made.truth["stopped"])
            share = max(len(stopped) / n, 1e-3)
            parts.append(made[stopped[:missing]])
            found += len(parts[-1])
            tried += n
            if found == len(wanted) or (tried > _HOPELESS and found < 1e-3 * tried):
                break
        if found < len(wanted):
            raise ValueError(
                f"Only {found} of {len(wanted)} {name}s stopped with beta from "
                f"{simulator.beta[0]} to {simulator.beta[1]}; lower beta, or leave "
                "stopped_only=False."
            )
        place[wanted] = np.arange(done, done + len(wanted))
        done += len(wanted)
    first = np.cumsum([0, *map(len, parts)])
    joined = VoxelEvents(
        np.concatenate(
            [part.event + n for part, n in zip(parts, first[:-1], strict=True)]
        ),
        np.concatenate([part.voxel for part in parts]),
        np.concatenate([part.energy for part in parts]),
        int(first[-1]),
        np.concatenate([np.asarray(part.time) for part in parts]),
        np.concatenate([np.asarray(part.target) for part in parts]),
        pd.concat([part.truth for part in parts], ignore_index=True),
    )
    return joined[place]


def _check(
    n_samples: Any, incidence: Any, beta: Any, fraction: Any, threshold: Any
) -> None:
    """Refuse what cannot be simulated."""
    if not is_number(n_samples, Integral) or n_samples < 1:
        raise ValueError(f"n_samples must be an int of 1 or more, got {n_samples!r}.")
    if incidence not in _INCIDENCES:
        raise ValueError(
            f"incidence must be one of {list(_INCIDENCES)}, got {incidence!r}."
        )
    pair = isinstance(beta, Sequence | np.ndarray) and len(beta) == 2
    if not pair or not all(is_number(b, Real) for b in beta):
        raise ValueError(f"beta must be two numbers, got {beta!r}.")
    if not 0.1 <= beta[0] <= beta[1] <= 0.9:
        raise ValueError(
            f"beta must be increasing and within 0.1 to 0.9, got {tuple(beta)}."
        )
    if not is_number(fraction, Real) or not 0 <= fraction <= 1:
        raise ValueError(
            f"antideuteron_fraction must be within 0 to 1, got {fraction!r}."
        )
    if not is_number(threshold, Real) or not 0 <= threshold < np.inf:
        raise ValueError(f"threshold must be 0 MeV or more, got {threshold!r}.")

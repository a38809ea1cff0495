"""Antiparticles in the tracker, transported by Geant4 in a process of its own."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from skastro.gaps._geant4_beam import draw_primaries
from skastro.gaps._geant4_data import NEEDED, installed_data_sets
from skastro.gaps._geant4_process import run_geant4
from skastro.gaps._geometry import (
    N_VOXELS,
    PITCH_CM,
    VOXEL_SHAPE,
    WAFER_RADIUS_CM,
    WAFER_THICKNESS_CM,
    voxel_centres,
    voxel_indices,
)
from skastro.gaps._voxel_events import VoxelEvents
from skastro.utils import import_optional, own_random_state
from skastro.utils._progress import progress_bar
from skastro.utils._typing import Seed

# Geant4's names of the particles. A species' random stream goes by its place here.
_PARTICLES = {"antideuteron": "anti_deuteron", "antiproton": "anti_proton"}
_INCIDENCES = ("vertical", "random")
_PHYSICS = ("auto", "full", "data-free")
_CUT_MM = 0.7


def simulate_geant4_events(
    n_samples: int = 1000,
    *,
    species: str | Sequence[str] = ("antideuteron", "antiproton"),
    incidence: str = "random",
    beta: tuple[float, float] = (0.26, 0.30),
    physics: str = "auto",
    timeout: float | None = None,
    random_state: Seed = None,
    verbose: int = 0,
) -> VoxelEvents:
    """Simulate antiparticles in the tracker with Geant4.

    Needs the extra ``geant4`` (geant4-pybind), but not the gigabytes of data sets that
    it offers to fetch: nothing is ever downloaded here.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of events of all species together; the species take turns.
    species : {"antideuteron", "antiproton"} or sequence of them, \
            default=("antideuteron", "antiproton")
        What comes in.
    incidence : {"vertical", "random"}, default="random"
        Vertical on a spot of 2 cm by 2 cm in the middle of the wafers of column 6, row
        6; or an isotropic flux through the top face, 144 cm by 144 cm, where cosines
        below 0.2 are set to 0.2.
    beta : (low, high), default=(0.26, 0.3)
        Velocities at the entry in units of c, uniform between them.
    physics : {"auto", "full", "data-free"}, default="auto"
        "full" needs the official data sets of Geant4; "data-free" does without, see
        Notes. "auto" is "full" where they are installed.
    timeout : float, default=None
        Seconds after which a run of one species is given up. None waits for ever.
    random_state : int, RandomState instance or None, default=None
        Same number, same events, on one machine with one version of Geant4. The first
        events of a long run are those of a short one, and a species' events are the
        same with and without the other. The global random state is never touched.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    VoxelEvents
        Hits with first times, labels and truth. ``truth.attrs`` says what was run:
        ``generator``, ``physics`` and ``incidence``.

    Raises
    ------
    ImportError
        If geant4-pybind is not installed.
    ValueError
        If a parameter is out of its range.
    FileNotFoundError
        If `physics` is "full" and data sets are missing; the message names them.
    RuntimeError
        If Geant4 fails; the message has the last lines that it printed.
    TimeoutError
        If a run took longer than `timeout`.
    OSError
        If the folder for temporary files (``TMPDIR``) is full or cannot be written.

    See Also
    --------
    skastro.datasets.load_gaps_sample : 10,000 such events, without Geant4.

    Notes
    -----
    - Transport is Geant4's [1]_ with the hadronic physics of FTFP_BERT, capture at rest
      by the Fritiof model, elastic scattering, ions, decays, standard electromagnetism
      and a range cut of 0.7 mm. Antideuterons are in it [2]_. Wafers are silicon discs
      in vacuum: no strips, no frames, no resolution, no noise.
    - "data-free" leaves out what reads data sets: photo-effect, Rayleigh scattering,
      bremsstrahlung of electrons, fluorescence, interactions of neutrons, and discrete
      levels of nuclei. Ionisation, multiple scattering, annihilation in flight and at
      rest stay, that is, what makes deposits above 0.1 MeV.
    - The time of a hit is when the first particle that left energy entered the step in
      the wafer, after the first hit of the event. Decays come microseconds later.
    - Each species is a process of its own, with a random stream of its own: Geant4 can
      be set up once a process, and a fatal error ends only that. One core makes about
      400 to 2,000 events a second. If this process is killed, that of Geant4 ends at
      its next count, and a folder ``skastro-geant4-*`` stays among the temporary files.

    References
    ----------
    .. [1] J. Allison et al., Nucl. Instrum. Methods A 835 (2016) 186-225.
    .. [2] A. Galoyan, A. Ribon and V. Uzhinsky, "Dynamics of interactions of
       antiprotons and antinuclei with nuclei in Geant4", PoS(Baldin ISHEPP XXII) 049.

    Examples
    --------
    >>> from skastro.gaps import simulate_geant4_events
    >>> events = simulate_geant4_events(100, random_state=0)  # doctest: +SKIP
    >>> len(events), events.target[:2].tolist()  # doctest: +SKIP
    (100, ['antideuteron', 'antiproton'])
    >>> events.truth.attrs["physics"]  # doctest: +SKIP
    'data-free'
    """
    names = _check(n_samples, species, incidence, beta, physics, timeout)
    if importlib.util.find_spec("geant4_pybind") is None:
        # It is never imported here, where it would ask to download its data sets.
        import_optional("geant4_pybind", extra="geant4")
    installed = {} if physics == "data-free" else installed_data_sets(os.environ)
    missing = [name for name in NEEDED if name not in installed]
    if missing and physics == "full":
        raise FileNotFoundError(
            f"Data sets of Geant4 were not found: {', '.join(missing)}. Set these "
            "variables to their folders, or GEANT4_DATA_DIR to the folder of all; or "
            'use physics="data-free".'
        )
    if missing:
        installed = {}
    entropy = own_random_state(random_state).randint(2**31 - 1, size=4).tolist()
    runs = []
    with progress_bar(total=n_samples, unit="event", verbose=verbose) as bar:
        for place, name in enumerate(names):
            n = len(range(place, n_samples, len(names)))
            stream = [*entropy, list(_PARTICLES).index(name)]
            sequence, seeds = np.random.SeedSequence(stream).spawn(2)
            beam = draw_primaries(n, incidence, beta, np.random.default_rng(sequence))
            task = {
                **beam,
                "particle": np.array(_PARTICLES[name]),
                "centres": np.column_stack(voxel_centres(np.arange(N_VOXELS))),
                "radius": np.array(WAFER_RADIUS_CM),
                "thickness": np.array(WAFER_THICKNESS_CM),
                "world": np.array(max(VOXEL_SHAPE) * PITCH_CM / 2 + 20.0),
                "cut": np.array(_CUT_MM),
                "full": np.array(bool(installed)),
                # Geant4's generator takes 31 bits.
                "seeds": (seeds.generate_state(2) >> 1).astype(np.int64),
            }
            runs.append({**beam, **run_geant4(task, installed, timeout, bar)})
    events = _merge(runs, names, n_samples)
    events.truth.attrs.update(
        generator=str(runs[0]["version"]).strip("$ ").removeprefix("Name: "),
        physics="full" if installed else "data-free",
        incidence=incidence,
    )
    return events


def _check(
    n_samples: Any, species: Any, incidence: Any, beta: Any, physics: Any, timeout: Any
) -> list[str]:
    """Give the species as a list, or say what is wrong with the parameters."""
    if isinstance(n_samples, bool) or not isinstance(n_samples, Integral):
        raise ValueError(f"n_samples must be an integer, got {n_samples!r}.")
    names = [species] if isinstance(species, str) else list(species)
    if not names or len(set(names)) < len(names) or set(names) - set(_PARTICLES):
        raise ValueError(
            f"species must be one or both of {list(_PARTICLES)}, got {species!r}."
        )
    if n_samples < len(names):
        raise ValueError(
            f"n_samples must be {len(names)} or more, one a species, got {n_samples}."
        )
    if incidence not in _INCIDENCES:
        raise ValueError(f"incidence must be one of {_INCIDENCES}, got {incidence!r}.")
    if physics not in _PHYSICS:
        raise ValueError(f"physics must be one of {_PHYSICS}, got {physics!r}.")
    bounds: list[Any] = list(beta) if isinstance(beta, Sequence | np.ndarray) else []
    real = len(bounds) == 2 and all(isinstance(value, Real) for value in bounds)
    if not real or not 0 < bounds[0] <= bounds[1] < 1:
        raise ValueError(f"beta must be (low, high) within 0 and 1, got {beta!r}.")
    seconds = 1.0 if timeout is None else timeout
    if not isinstance(seconds, Real) or not float(seconds) > 0:
        raise ValueError(f"timeout must be seconds above 0 or None, got {timeout!r}.")
    return names


def _merge(
    runs: list[dict[str, np.ndarray]], names: list[str], n_samples: int
) -> VoxelEvents:
    """Let the events of the species take turns."""
    step = len(names)
    target = np.empty(n_samples, dtype=np.asarray(names).dtype)
    truth = {
        "beta": np.empty(n_samples, np.float32),
        "cos_zenith": np.empty(n_samples, np.float32),
        "stopped": np.empty(n_samples, bool),
        "in_flight": np.empty(n_samples, bool),
        "stop_layer": np.empty(n_samples, np.int8),
    }
    for place, (run, name) in enumerate(zip(runs, names, strict=True)):
        ended = run["end_voxel"] >= 0
        layer = voxel_indices(run["end_voxel"].astype(int))[0]
        run["stopped"] = ended
        run["stop_layer"] = np.where(ended, layer, -1)
        target[place::step] = name
        for column, values in truth.items():
            values[place::step] = run[column]
    hits = {
        name: np.concatenate([run[name] for run in runs])
        for name in ("voxel", "energy", "time")
    }
    turns = [place + step * run["event"].astype(int) for place, run in enumerate(runs)]
    return VoxelEvents(
        np.concatenate(turns),
        hits["voxel"],
        hits["energy"],
        n_samples,
        hits["time"],
        target,
        pd.DataFrame(truth),
    )

"""The sample of Geant4 events that the package carries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skastro.gaps import VoxelEvents

SAMPLE = Path(__file__).with_name("data") / "gaps_sample.npz"

# random_state of the runs that made it, with n_samples=5000.
SEEDS = {"random": 60, "vertical": 61}

_TRUTH = ("beta", "cos_zenith", "stopped", "in_flight", "stop_layer")

_DESCR = """Antiprotons and antideuterons in a voxel tracker, by Geant4

{n} events ({counts}), {incidence} incidence, beta uniform from 0.26 to 0.30{chosen}.
Tracker: 10 layers of 12 x 12 silicon discs in vacuum, radius 5 cm, 2.5 mm thick, pitch
12 cm, layers 10 cm apart. Deposits in MeV, first times of hits in ns. No resolution, no
noise, no passive material.

Made by skastro.gaps.simulate_geant4_events(5000, incidence="{incidence}",
physics="{physics}", random_state={seed}) with {generator}, {bindings}:
FTFP_BERT, capture at rest, cut 0.7 mm, without Geant4's data sets. The events of the
two species and of the two incidences are independent of each other.
To make the file again: python benchmarks/gaps_sample.py
"""


def load_gaps_sample(
    *,
    incidence: str = "random",
    stopped_only: bool = True,
    channels: Sequence[str] = ("energy",),
    as_sparse: bool = False,
    return_X_y: bool = False,
) -> Any:
    """Load Geant4 events of antiprotons and antideuterons in the voxel tracker.

    The file comes with the package: 2,500 events a species and incidence, velocities
    0.26 to 0.30 c, made by `skastro.gaps.simulate_geant4_events`.

    Parameters
    ----------
    incidence : {"random", "vertical"}, default="random"
        Isotropic through the top face, or vertical on a spot of 2 cm by 2 cm.
    stopped_only : bool, default=True
        Keep events whose primary ended in a wafer, at rest or by an interaction in
        flight. This is simulation truth: an instrument has to infer it, and the share
        differs by species. False keeps all.
    channels : sequence of {"energy", "time"}, default=("energy",)
        What each voxel has. Times are in ns plus 1, and 0 where nothing was hit.
    as_sparse : bool, default=False
        Give ``data`` as flat CSR rows instead of volumes.
    return_X_y : bool, default=False
        Return ``(data, target)``.

    Returns
    -------
    Bunch or (data, target)
        - ``data`` : ndarray of float32 of shape (n, 10, 12, 12), MeV; of shape
          (n, n_channels, 10, 12, 12) with several channels; csr_array of shape
          (n, 1440 * n_channels) if `as_sparse`. Deposits below 0.05 MeV are left out.
        - ``target`` : ndarray of str of shape (n,), "antideuteron" or "antiproton".
        - ``target_names`` : list of str.
        - ``events`` : VoxelEvents, all hits with times and truth.
        - ``filename``, ``DESCR`` : str.

    Raises
    ------
    ValueError
        If a parameter is not one of the above.

    See Also
    --------
    skastro.gaps.simulate_geant4_events : Makes more of them.

    Notes
    -----
    - All events are independent: any split will do.
    - Vertical events occupy one column of wafers, and a net may learn where it is.
    - Physics is the "data-free" one of `skastro.gaps.simulate_geant4_events`.

    Examples
    --------
    >>> from skastro.datasets import load_gaps_sample
    >>> X, y = load_gaps_sample(incidence="vertical", return_X_y=True)
    >>> X.shape, sorted(set(y.tolist()))
    ((4906, 10, 12, 12), ['antideuteron', 'antiproton'])
    >>> load_gaps_sample(channels=("energy", "time"), as_sparse=True).data.shape
    (2634, 2880)
    """
    if incidence not in SEEDS:
        raise ValueError(f"incidence must be one of {list(SEEDS)}, got {incidence!r}.")
    with np.load(SAMPLE, allow_pickle=False) as file:
        prefix = f"{incidence}_"
        part = {
            name.removeprefix(prefix): file[name]
            for name in file.files
            if name.startswith(prefix)
        }
        about = {name: str(file[name]) for name in ("generator", "physics", "bindings")}
    n = len(part["n_hits"])
    events = VoxelEvents(
        np.repeat(np.arange(n), part["n_hits"]),
        part["voxel"],
        part["energy"],
        n,
        part["time"],
        part["names"][part["target"]],
        pd.DataFrame({name: part[name] for name in _TRUTH}),
    )
    if stopped_only:
        events = events[part["stopped"]]
    events.truth.attrs.update(
        generator=about["generator"], physics=about["physics"], incidence=incidence
    )
    rows = events.to_csr if as_sparse else events.to_dense
    data = rows(channels=channels)
    if return_X_y:
        return data, events.target
    target = np.asarray(events.target)
    names, counts = np.unique(target, return_counts=True)
    shown = [f"{count} {name}s" for name, count in zip(names, counts, strict=True)]
    return Bunch(
        data=data,
        target=target,
        target_names=names.tolist(),
        events=events,
        filename=str(SAMPLE),
        DESCR=_DESCR.format(
            n=len(events),
            counts=", ".join(shown),
            incidence=incidence,
            chosen=", ended in a wafer" if stopped_only else "",
            seed=SEEDS[incidence],
            **about,
        ),
    )

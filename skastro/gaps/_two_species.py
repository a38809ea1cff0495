"""The layout of archives that hold two species side by side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

SPECIES = {"anti_proton": "antiproton", "anti_deuteron": "antideuteron"}

_PARTS = {"event": "i", "voxel": "i", "energy_mev": "f", "stopped": "b"}


def is_two_species(arrays: Mapping[str, np.ndarray]) -> bool:
    """Say whether an archive has the names of this layout."""
    return any(key.startswith(tuple(SPECIES)) for key in arrays)


def join_species(arrays: Mapping[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """Give the columns of both species, one after the other.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``<species>_event``, ``_voxel``, ``_energy_mev`` of the hits and ``_stopped`` of
        the events, for "anti_proton" and "anti_deuteron"; and ``n_events``, of each.
    name : str
        Of the file, for messages.

    Returns
    -------
    dict of str to ndarray
        As `skastro.gaps._event_columns.from_columns` takes them. The antiprotons come
        first. "truth.group" counts the events of each species from 0.

    Raises
    ------
    ValueError
        If an array is missing, has another type or does not fit the others.
    """
    wanted = {f"{s}_{part}" for s in SPECIES for part in _PARTS} | {"n_events"}
    if wanted != set(arrays):
        raise ValueError(
            f"{name} has two species, but lacks {sorted(wanted - set(arrays))} and has "
            f"{sorted(set(arrays) - wanted)} that no such file has."
        )
    for key in sorted(wanted):
        part = key.split("_", 2)[-1]
        kind, ndim = ("i", 0) if key == "n_events" else (_PARTS[part], 1)
        if arrays[key].dtype.kind != kind or arrays[key].ndim != ndim:
            raise ValueError(
                f"{name}: {key} has {arrays[key].dtype} of shape {arrays[key].shape}, "
                f"but kind {kind!r} with {ndim} axes was expected."
            )
    n = int(arrays["n_events"])
    for species in SPECIES:
        event, stopped = arrays[f"{species}_event"], arrays[f"{species}_stopped"]
        outside = (event < 0) | (event >= n)
        if outside.any():
            at = int(outside.argmax())
            raise ValueError(
                f"{name}: {species}_event must be within 0 to {n - 1}, but hit {at} is "
                f"of event {event[at]}."
            )
        if len(stopped) != n:
            raise ValueError(
                f"{name}: {species}_stopped has {len(stopped)} values for {n} events."
            )
        for part in ("voxel", "energy_mev"):
            if len(arrays[f"{species}_{part}"]) != len(event):
                raise ValueError(
                    f"{name}: {species}_event and {species}_{part} have "
                    f"{len(event)} and {len(arrays[f'{species}_{part}'])} values."
                )

    def both(part: str) -> np.ndarray:
        return np.concatenate([arrays[f"{species}_{part}"] for species in SPECIES])

    first = np.repeat(
        np.arange(len(SPECIES)) * n, [len(arrays[f"{s}_event"]) for s in SPECIES]
    )
    return {
        "event": both("event").astype(np.int64) + first,
        "voxel": both("voxel"),
        "energy": both("energy_mev"),
        "n_events": np.asarray(len(SPECIES) * n),
        "target": np.repeat(list(SPECIES.values()), n),
        "truth.stopped": both("stopped"),
        "truth.group": np.tile(np.arange(n), len(SPECIES)),
    }

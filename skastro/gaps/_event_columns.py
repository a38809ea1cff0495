"""Voxel events as named columns, which is what every file format holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from skastro.gaps._voxel_events import VoxelEvents

HITS = ("event", "voxel", "energy", "time")
TRUTH = "truth."
# Under this name every format keeps what `note_of` makes.
NOTE = "skastro"
VERSION = 1

_FORMAT = "voxel events"
# Kinds of NumPy's dtypes that each of the hits' columns may have, and what that is.
_KINDS = {
    "event": ("iu", "integers"),
    "voxel": ("iu", "integers"),
    "energy": ("f", "floating-point numbers in MeV"),
    "time": ("f", "floating-point numbers in ns"),
}


class ContentError(ValueError):
    """What a file holds, rather than how it is stored, cannot be used."""


def to_columns(events: VoxelEvents) -> dict[str, np.ndarray]:
    """Take events apart.

    Parameters
    ----------
    events : VoxelEvents
        The events.

    Returns
    -------
    dict of str to ndarray
        "event", "voxel", "energy", "n_events" (no axes), where there are such "time"
        and "target", and "truth.<name>" for every column of the truth.

    Raises
    ------
    ValueError
        If a column of the truth has a name that is no plain identifier, or holds
        anything but numbers, booleans and strings.
    """
    columns = {
        "event": events.event,
        "voxel": events.voxel,
        "energy": events.energy,
        "n_events": np.asarray(events.n_events, dtype=np.int64),
    }
    if events.time is not None:
        columns["time"] = events.time
    if events.target is not None:
        columns["target"] = plain(events.target, "target")
    names = list(events.truth.columns)
    for place, name in enumerate(names):
        good = isinstance(name, str) and name.isidentifier() and name.isascii()
        if not good or name in names[:place]:
            raise ValueError(
                "Columns of the truth need different names of ASCII letters, digits "
                f"and underscores to be written, got {name!r}."
            )
        values = events.truth[name]
        # Whole numbers with gaps would pass through floats.
        if values.dtype.kind in "biu" and values.isna().any():
            raise ValueError(f"The truth's {name!r} has missing values.")
        columns[TRUTH + name] = plain(values, f"the truth's {name!r}")
    return columns


def plain(values: Any, what: str) -> np.ndarray:
    """Give values as an array of booleans, integers, floats or fixed-width strings.

    Parameters
    ----------
    values : array-like of shape (n,)
        A column.
    what : str
        Its name, for the message.

    Returns
    -------
    ndarray of shape (n,)
        In the machine's byte order.

    Raises
    ------
    ValueError
        If it holds anything else, missing values of tables among them.
    """
    array = np.asarray(values)
    if array.dtype.kind in "OTU":
        for value in array.tolist():
            # NumPy drops NUL at the end of a string, and others stop at the first.
            if not isinstance(value, str) or "\0" in value:
                raise ValueError(
                    f"{what} must hold strings without NUL, numbers or booleans to be "
                    f"written, got {value!r} ({type(value).__name__})."
                )
        return array.astype(np.str_)
    if array.dtype.kind in "biu" or array.dtype in (np.float32, np.float64):
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    raise ValueError(
        f"{what} must hold strings, numbers of up to 64 bits or booleans to be "
        f"written, got {array.dtype}."
    )


def note_of(columns: Mapping[str, np.ndarray]) -> str:
    """Describe columns: format, version and a checksum over all values."""
    note = {"format": _FORMAT, "version": VERSION, "sha256": _digest(columns)}
    return json.dumps(note)


def from_columns(
    columns: Mapping[str, np.ndarray],
    *,
    name: str,
    n_events: int | None = None,
    note: str | None = None,
) -> VoxelEvents:
    """Put events together from what a file has, and check all of it.

    Parameters
    ----------
    columns : mapping of str to ndarray
        As `to_columns` gives them.
    name : str
        Of the file, for messages.
    n_events : int, default=None
        Number of events, where the file does not tell.
    note : str, default=None
        What `note_of` gave when the file was written; None for files of others.

    Returns
    -------
    VoxelEvents
        The events.

    Raises
    ------
    ValueError
        If anything is missing, has another type, or makes no sense.
    """
    missing = [key for key in HITS[:3] if key not in columns]
    if missing:
        raise ValueError(
            f"{name} has no {' and no '.join(missing)}; it has {sorted(columns)}."
        )
    for key, (kinds, what) in _KINDS.items():
        if key in columns:
            column = columns[key]
            if column.dtype.kind not in kinds or column.ndim != 1:
                raise ValueError(
                    f"{name}: {key} must be a 1D array of {what}, got {column.dtype} "
                    f"of shape {column.shape}."
                )
    n = _count(columns, n_events, name)
    _check_order(columns["event"], n, name)
    truth = {}
    for key, column in columns.items():
        if key != "target" and not key.startswith(TRUTH):
            continue
        if column.shape != (n,):
            raise ValueError(
                f"{name}: {key} must have shape ({n},), one value an event, got "
                f"{column.shape}."
            )
        try:
            column = plain(column, key)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        if key != "target":
            truth[key.removeprefix(TRUTH)] = column
    try:
        events = VoxelEvents(
            columns["event"],
            columns["voxel"],
            columns["energy"],
            n,
            columns.get("time"),
            columns.get("target"),
            pd.DataFrame(truth, index=range(n)),
        )
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if note is not None:
        _verify(events, note, name)
    return events


def _count(columns: Mapping[str, np.ndarray], given: int | None, name: str) -> int:
    """Give the number of events, of which the file and the caller may tell."""
    told = columns.get("n_events")
    if told is None:
        if given is None:
            raise ValueError(
                f"{name} does not tell how many events there were, those without a hit "
                "included: give n_events."
            )
        return int(given)
    if told.dtype.kind not in "iu" or told.size != 1 or int(told.reshape(())) < 0:
        raise ValueError(
            f"{name}: n_events must be one whole number, 0 or more, got {told.dtype} "
            f"of shape {told.shape}."
        )
    n = int(told.reshape(()))
    if given is not None and given != n:
        raise ValueError(f"{name} has {n} events, but n_events={given} was given.")
    return n


def _check_order(event: np.ndarray, n: int, name: str) -> None:
    """Refuse events that fall, or that are not among those announced."""
    falls = event[1:] < event[:-1]
    if falls.any():
        at = int(falls.argmax()) + 1
        raise ValueError(
            f"{name}: events must not fall, but hit {at} is of event {event[at]} "
            f"after event {event[at - 1]}."
        )
    if len(event) and (event[0] < 0 or event[-1] >= n):
        at = 0 if event[0] < 0 else int((event >= n).argmax())
        raise ValueError(
            f"{name} has {n} events, 0 to {n - 1}, but hit {at} is of event "
            f"{event[at]}."
        )


def _verify(events: VoxelEvents, note: str, name: str) -> None:
    """Compare what was read with the checksum that was written."""
    try:
        told = json.loads(note)
        version, digest = int(told["version"]), str(told["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{name} is damaged: its note reads {note[:80]!r}.") from error
    if told.get("format") != _FORMAT or version > VERSION:
        raise ValueError(
            f"{name} holds {told.get('format')!r} of version {version}; this version "
            f"of skastro reads {_FORMAT!r} up to version {VERSION}."
        )
    if digest != _digest(to_columns(events)):
        raise ValueError(
            f"{name} is damaged or was edited: its checksum is not that of its values."
        )


def _digest(columns: Mapping[str, np.ndarray]) -> str:
    """Hash names, types and values, whatever the machine and the format."""
    digest = hashlib.sha256()
    for name in sorted(columns):
        array = columns[name]
        if array.dtype.kind == "U":
            text = json.dumps(array.tolist()).encode()
            digest.update(f"{name} text {len(text)} ".encode() + text)
        else:
            little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            digest.update(f"{name} {little.dtype.str} {array.shape} ".encode())
            digest.update(little.tobytes())
    return digest.hexdigest()

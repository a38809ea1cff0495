"""Events of a voxel tracker, as sparse hits with labels and truth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, hstack

from skastro.gaps._geometry import N_VOXELS, THRESHOLD_MEV, VOXEL_SHAPE


@dataclass(frozen=True, eq=False)
class VoxelEvents:
    """Events as lists of hits: (event, voxel, energy, time).

    A few of 1,440 voxels are hit in an event, so hits are what is stored and written.
    Rows for estimators come from `to_csr` (sparse) and `to_dense`.

    Parameters
    ----------
    event : array-like of shape (n_hits,)
        Number of the event that a hit belongs to, from 0.
    voxel : array-like of shape (n_hits,)
        Flat index ``(layer * 12 + row) * 12 + column``; layer 0 is on top. No voxel
        occurs twice in an event.
    energy : array-like of shape (n_hits,)
        Deposit in MeV.
    n_events : int
        Number of events; some may have no hit.
    time : array-like of shape (n_hits,), default=None
        First time that the voxel was hit, in ns after the first hit of the event.
    target : array-like of shape (n_events,), default=None
        Labels: "antideuteron" or "antiproton".
    truth : DataFrame or mapping with n_events rows, default=None
        What a simulation knows beside the label, never an input: ``beta``,
        ``cos_zenith`` (of the incoming direction; 1 is vertical), ``stopped`` (the
        primary ended inside a wafer), ``in_flight`` (it ended by an interaction
        before it came to rest), ``stop_layer`` (-1 if it left).

    Attributes
    ----------
    shape : tuple
        ``(10, 12, 12)``.

    Raises
    ------
    ValueError
        If a voxel or event is out of range or occurs twice, or an energy or time is
        negative or not finite, or lengths differ. The message says where.

    Examples
    --------
    >>> from skastro.gaps import VoxelEvents
    >>> events = VoxelEvents([0, 0, 2], [6, 150, 6], [8.5, 41.0, 3.2], n_events=3)
    >>> events.to_csr().shape, events.to_dense().shape
    ((3, 1440), (3, 10, 12, 12))
    >>> float(events.to_dense()[0, 1, 0, 6])
    41.0
    >>> len(events[[True, False, True]])
    2
    """

    event: np.ndarray
    voxel: np.ndarray
    energy: np.ndarray
    n_events: int
    time: np.ndarray | None = None
    target: np.ndarray | None = None
    truth: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __post_init__(self) -> None:
        """Validate, sort by event and voxel, and give every array its dtype."""
        infinite = isinstance(self.n_events, float) and math.isinf(self.n_events)
        n_events = -1 if infinite else int(self.n_events)
        if n_events != self.n_events or n_events < 0:
            raise ValueError(f"n_events must be 0 or more, got {self.n_events!r}.")
        event = _whole(self.event, "event", n_events)
        voxel = _whole(self.voxel, "voxel", N_VOXELS)
        columns = {"voxel": voxel, "energy": _positive(self.energy, "energy", "MeV")}
        if self.time is not None:
            columns["time"] = _positive(self.time, "time", "ns")
        for name, values in columns.items():
            if len(values) != len(event):
                raise ValueError(
                    f"event and {name} must be equally long, got {len(event)} and "
                    f"{len(values)}."
                )
        key = event * N_VOXELS + voxel
        if np.any(key[1:] <= key[:-1]):
            order = np.argsort(key, kind="stable")
            key, event = key[order], event[order]
            columns = {name: values[order] for name, values in columns.items()}
            twice = key[1:] == key[:-1]
            if twice.any():
                at = int(twice.argmax())
                raise ValueError(
                    f"{int(twice.sum())} hits have the event and voxel of another, the "
                    f"first is event {event[at]}, voxel {columns['voxel'][at]}. Add "
                    "their energies."
                )
        set_ = object.__setattr__
        set_(self, "n_events", n_events)
        set_(self, "event", event)
        set_(self, "voxel", columns["voxel"].astype(np.int32))
        set_(self, "energy", columns["energy"])
        set_(self, "time", columns.get("time"))
        if self.target is not None:
            target = np.asarray(self.target)
            if target.shape != (n_events,):
                raise ValueError(
                    f"target must have shape ({n_events},), got {target.shape}."
                )
            set_(self, "target", target)
        set_(self, "truth", _table(self.truth, n_events))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Layers, rows and columns of the tracker."""
        return VOXEL_SHAPE

    def __len__(self) -> int:
        """Give the number of events."""
        return self.n_events

    def __getitem__(self, index: Any) -> VoxelEvents:
        """Give some of the events: a slice, a mask or indices, in their order."""
        chosen = np.arange(self.n_events)[index]
        if chosen.ndim != 1:
            raise IndexError(
                "Give a slice, a mask or a list of events, not one number."
            )
        edges = np.searchsorted(self.event, np.arange(self.n_events + 1))
        counts = np.diff(edges)[chosen]
        first = np.repeat(edges[chosen] - (np.cumsum(counts) - counts), counts)
        hits = first + np.arange(counts.sum())
        return VoxelEvents(
            np.repeat(np.arange(len(chosen)), counts),
            self.voxel[hits],
            self.energy[hits],
            len(chosen),
            None if self.time is None else self.time[hits],
            None if self.target is None else self.target[chosen],
            self.truth.iloc[chosen].reset_index(drop=True),
        )

    def to_csr(
        self,
        *,
        threshold: float = THRESHOLD_MEV,
        channels: Sequence[str] = ("energy",),
    ) -> csr_array:
        """Give sparse flat rows, the layout of most tools of scikit-learn.

        Parameters
        ----------
        threshold : float, default=0.05
            Deposits below it are left out, in MeV.
        channels : sequence of {"energy", "time"}, default=("energy",)
            What each voxel has; 1,440 columns a channel, one channel after the other.
            Times are stored plus 1 ns, since the zero of sparse rows is "no hit".

        Returns
        -------
        csr_array of shape (n_events, 1440 * n_channels)
            In float32.

        Raises
        ------
        ValueError
            If times are asked for and there are none.
        """
        keep = self.energy >= threshold
        blocks = [self._rows(self._channel(name)[keep], keep) for name in channels]
        if not blocks:
            raise ValueError("channels must name at least one channel.")
        return blocks[0] if len(blocks) == 1 else csr_array(hstack(blocks, "csr"))

    def to_dense(
        self,
        *,
        threshold: float = THRESHOLD_MEV,
        channels: Sequence[str] = ("energy",),
    ) -> np.ndarray:
        """Give volumes.

        Parameters
        ----------
        threshold : float, default=0.05
            Deposits below it are left out, in MeV.
        channels : sequence of {"energy", "time"}, default=("energy",)
            What each voxel has; times are in ns plus 1, and 0 where nothing was hit.

        Returns
        -------
        ndarray of shape (n_events, 10, 12, 12) or (n_events, n_channels, 10, 12, 12)
            In float32; the axis of channels is there if there are several.
        """
        rows = self.to_csr(threshold=threshold, channels=channels).toarray()
        axes = VOXEL_SHAPE if len(channels) == 1 else (len(channels), *VOXEL_SHAPE)
        out: np.ndarray = rows.reshape(self.n_events, *axes)
        return out

    def _channel(self, name: str) -> np.ndarray:
        if name == "energy":
            return self.energy
        if name != "time":
            raise ValueError(f'channels may be "energy" and "time", got {name!r}.')
        if self.time is None:
            raise ValueError("These events have no times.")
        return self.time + np.float32(1)

    def _rows(self, values: np.ndarray, keep: np.ndarray) -> csr_array:
        edges = np.searchsorted(self.event[keep], np.arange(self.n_events + 1))
        return csr_array(
            (values, self.voxel[keep], edges.astype(np.int32)),
            shape=(self.n_events, N_VOXELS),
        )


def _whole(values: Any, name: str, end: int) -> np.ndarray:
    """Give whole numbers of 0 to end - 1, or say where they are not."""
    array = np.asarray(values)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        raise ValueError(
            f"{name} must be a 1D array of integers, got {array.dtype} of shape "
            f"{array.shape}."
        )
    bad = (array < 0) | (array >= end)
    if bad.any():
        at = int(bad.argmax())
        raise ValueError(
            f"{int(bad.sum())} values of {name} are not within 0 to {end - 1}; the "
            f"first is {array[at]}, at hit {at}."
        )
    return array.astype(np.int64)


def _positive(values: Any, name: str, unit: str) -> np.ndarray:
    """Give numbers that are finite and not negative, or say where they are not."""
    array = np.asarray(values)
    if array.ndim != 1 or (array.dtype.kind not in "iuf" and array.size):
        raise ValueError(
            f"{name} must be a 1D array of numbers in {unit}, got {array.dtype} of "
            f"shape {array.shape}."
        )
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    bad = ~(np.isfinite(array) & (array >= 0))
    if bad.any():
        at = int(bad.argmax())
        raise ValueError(
            f"{int(bad.sum())} values of {name} are negative or not finite; the first "
            f"is {np.asarray(values)[at]} {unit}, at hit {at}."
        )
    return array


def _table(
    truth: pd.DataFrame | Mapping[str, Any] | None, n_events: int
) -> pd.DataFrame:
    """Give the truth as a table with one row an event."""
    table = pd.DataFrame(index=range(n_events)) if truth is None else truth
    if not isinstance(table, pd.DataFrame):
        table = pd.DataFrame(dict(table))
    if not table.shape[1]:
        return pd.DataFrame(index=range(n_events))
    if len(table) != n_events:
        raise ValueError(
            f"truth must have {n_events} rows, one an event, got {len(table)}."
        )
    return table.reset_index(drop=True)

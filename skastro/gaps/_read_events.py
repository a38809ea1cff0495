"""Reader of files of voxel events."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from skastro.gaps._event_columns import HITS, NOTE, TRUTH, from_columns
from skastro.gaps._event_hdf5 import read_hdf5
from skastro.gaps._event_root import read_root
from skastro.gaps._two_species import is_two_species, join_species
from skastro.gaps._voxel_events import VoxelEvents
from skastro.utils._npz import read_npz

# How files of a format begin; an empty zip archive has another sign.
_SIGNS = {
    b"PK\x03\x04": "npz",
    b"PK\x05\x06": "npz",
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"root": "root",
}


def read_voxel_events(
    path: str | Path,
    *,
    format: Literal["auto", "npz", "hdf5", "root"] = "auto",  # noqa: A002
    tree: str | None = None,
    names: Mapping[str, str] | None = None,
    n_events: int | None = None,
) -> VoxelEvents:
    """Read voxel events from NumPy's archives, HDF5 or ROOT.

    A file is read completely or refused: nothing is repaired or left out.

    Parameters
    ----------
    path : str or Path
        The file.
    format : {"auto", "npz", "hdf5", "root"}, default="auto"
        "auto" goes by the first bytes of the file, not by its name. HDF5 needs h5py,
        the extra ``hdf5``, and ROOT uproot, the extra ``root``.
    tree : str, default=None
        Name of the ROOT tree or HDF5 group. None is the only tree of a ROOT file and
        the root of an HDF5 file.
    names : mapping of str to str, default=None
        What the file calls "event", "voxel", "energy", "time", "n_events", "target" or
        "truth.<column>", where that differs, such as ``{"voxel": "wafer",
        "truth.beta": "mc_beta"}``. Given, arrays that are not known are left out, else
        they are refused (ROOT's trees may always have further branches).
    n_events : int, default=None
        Number of events, for files that do not tell it: events without a hit leave no
        trace in a list of hits.

    Returns
    -------
    VoxelEvents
        The events. The layout with two species (``anti_proton_event`` and so on) gives
        the antiprotons first; its truth has "stopped" and "group", the number of an
        event within its species. Pass that as ``groups`` to a splitter where both were
        drawn from one seed.

    Raises
    ------
    ImportError
        If the library for the format is not installed.
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If the file is truncated, damaged or of another format; if arrays are missing,
        of another type or of unlike length; if voxels or events are out of range,
        events fall, a voxel occurs twice in an event, or an energy or time is negative
        or not finite. The message names the file and says where.

    See Also
    --------
    write_voxel_events : Writes them.

    Notes
    -----
    - npz: arrays ``event``, ``voxel``, ``energy`` (MeV), ``n_events``, and where there
      are such ``time`` (ns), ``target`` and ``truth.<column>``. Pickles are refused.
    - HDF5: the same as data sets; the truth is in the group ``truth``.
    - ROOT: an entry an event with the lists ``voxel``, ``energy`` and ``time`` and the
      values ``target`` and ``truth_<column>``. Or an entry a hit with ``event``,
      ``voxel``, ``energy`` and ``time``, which needs `n_events`. TTree and RNTuple.

    Files of `write_voxel_events` have a checksum over all values, which is compared.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from skastro.gaps import read_voxel_events
    >>> path = os.path.join(tempfile.mkdtemp(), "events.npz")
    >>> energy = np.array([8.5, 41.0, 3.2])
    >>> np.savez(path, event=[0, 0, 2], voxel=[6, 150, 6], energy=energy, n_events=3)
    >>> read_voxel_events(path).to_csr().nnz
    3
    """
    path = Path(path)
    kind = _kind(path, format)
    names = dict(names or {})
    strange = [k for k in names if k not in _KNOWN and not k.startswith(TRUTH)]
    if strange:
        raise ValueError(
            f"names may have the keys {sorted(_KNOWN)} and 'truth.<column>', got "
            f"{strange}."
        )
    if kind == "npz" and tree is not None:
        raise ValueError(f"tree is for ROOT and HDF5, and {path.name} is npz.")
    note = None
    if kind == "root":
        columns, note = read_root(path, tree, names)
        return from_columns(columns, name=path.name, n_events=n_events, note=note)
    if kind == "hdf5":
        columns, note = read_hdf5(path, tree)
    else:
        columns = read_npz(path)
        if NOTE in columns:
            note = str(columns.pop(NOTE))
        if is_two_species(columns):
            columns = join_species(columns, path.name)
    columns = _rename(columns, names, path.name)
    return from_columns(columns, name=path.name, n_events=n_events, note=note)


_KNOWN = {*HITS, "n_events", "target"}


def _kind(path: Path, wanted: str) -> str:
    """Tell the format of a file, which must be the wanted one."""
    kinds = ("auto", *dict.fromkeys(_SIGNS.values()))
    if wanted not in kinds:
        raise ValueError(f"format must be one of {kinds}, got {wanted!r}.")
    with path.open("rb") as file:
        start = file.read(8)
    found = [kind for sign, kind in _SIGNS.items() if start.startswith(sign)]
    if not found or wanted not in ("auto", found[0]):
        expected = "npz, HDF5 or ROOT" if wanted == "auto" else wanted
        raise ValueError(
            f"{path.name} is no {expected} file: "
            + (f"it begins with {start!r}." if start else "it is empty.")
        )
    return found[0]


def _rename(
    columns: dict[str, np.ndarray], names: Mapping[str, str], name: str
) -> dict[str, np.ndarray]:
    """Give the columns our names; refuse or drop what is not known."""
    absent = sorted(set(names.values()) - set(columns))
    if absent:
        raise ValueError(f"{name} has no {absent}; it has {sorted(columns)}.")
    renamed = {ours: columns[theirs] for ours, theirs in names.items()}
    rest = {k: v for k, v in columns.items() if k not in names.values()}
    strange = sorted(k for k in rest if k not in _KNOWN and not k.startswith(TRUTH))
    if strange and not names:
        raise ValueError(
            f"{name} has arrays {strange} that are not known. Give names to say which "
            "arrays are the events'."
        )
    return {k: v for k, v in rest.items() if k not in strange} | renamed

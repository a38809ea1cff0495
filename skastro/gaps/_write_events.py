"""Writer of files of voxel events."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from skastro.gaps._event_columns import note_of, to_columns
from skastro.gaps._event_hdf5 import write_hdf5
from skastro.gaps._event_npz import write_npz
from skastro.gaps._event_root import write_root
from skastro.gaps._voxel_events import VoxelEvents
from skastro.utils._atomic import replacing

_SUFFIXES = {".npz": "npz", ".h5": "hdf5", ".hdf5": "hdf5", ".root": "root"}


def write_voxel_events(
    events: VoxelEvents,
    path: str | Path,
    *,
    format: Literal["auto", "npz", "hdf5", "root"] = "auto",  # noqa: A002
    tree: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write voxel events as a NumPy archive, HDF5 or ROOT.

    The file appears complete or not at all, and `read_voxel_events` gives back every
    bit of it.

    Parameters
    ----------
    events : VoxelEvents
        What to write.
    path : str or Path
        The file.
    format : {"auto", "npz", "hdf5", "root"}, default="auto"
        "auto" goes by the end of the name: ``.npz``, ``.h5`` or ``.hdf5``, ``.root``.
        HDF5 needs h5py, the extra ``hdf5``, and ROOT uproot, the extra ``root``.
    tree : str, default=None
        Name of the ROOT tree, "events" if None, or of the HDF5 group, the root of the
        file if None.
    overwrite : bool, default=False
        Whether to replace a file that is there.

    Raises
    ------
    FileExistsError
        If there is such a file and `overwrite` is False.
    ImportError
        If the library for the format is not installed.
    OSError
        If the file cannot be written; an old one is then left alone. The message has
        the path and what to do.
    ValueError
        If the format is not known, or a column of the truth cannot be written: its
        name must be of ASCII letters, digits and underscores, its values numbers of up
        to 64 bits, booleans or strings.

    See Also
    --------
    read_voxel_events : Reads them, and says what the layouts are.

    Examples
    --------
    >>> import os, tempfile
    >>> from skastro.gaps import VoxelEvents, read_voxel_events, write_voxel_events
    >>> events = VoxelEvents([0, 0, 2], [6, 150, 6], [8.5, 41.0, 3.2], n_events=3)
    >>> path = os.path.join(tempfile.mkdtemp(), "events.npz")
    >>> write_voxel_events(events, path)
    >>> read_voxel_events(path).energy.tolist() == events.energy.tolist()
    True
    """
    path = Path(path)
    kind = _SUFFIXES.get(path.suffix.lower()) if format == "auto" else format
    if kind not in _SUFFIXES.values():
        raise ValueError(
            f"format must be 'npz', 'hdf5' or 'root', or the name must end with one of "
            f"{list(_SUFFIXES)}; got format={format!r} and {path.name!r}."
        )
    if tree is not None and (kind == "npz" or not tree.isidentifier()):
        raise ValueError(
            "tree is for ROOT and HDF5, a name of letters, digits and underscores; got "
            f"{tree!r} for {kind}."
        )
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path.name} is there already; pass overwrite=True.")
    columns = to_columns(events)
    note = note_of(columns)
    with replacing(path) as work:
        if kind == "npz":
            write_npz(work, columns, note)
        elif kind == "hdf5":
            write_hdf5(work, columns, note, tree)
        else:
            write_root(work, columns, note, tree)

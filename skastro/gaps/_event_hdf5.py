"""Columns of voxel events in HDF5."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skastro.gaps._event_columns import NOTE, TRUTH, ContentError
from skastro.utils import import_optional
from skastro.utils._unpack import most_bytes

# From 1.10 on, files have checksums over their structure too, not only over values.
_VERSIONS = ("v110", "v110")


def write_hdf5(
    path: Path, columns: Mapping[str, np.ndarray], note: str, tree: str | None
) -> None:
    """Write columns as data sets, compressed and with checksums.

    Parameters
    ----------
    path : Path
        The file.
    columns : mapping of str to ndarray
        What to write; "truth.<name>" goes to ``truth/<name>``.
    note : str
        What to write beside them.
    tree : str or None
        Name of the group; None is the root of the file.
    """
    h5py = import_optional("h5py", extra="hdf5")
    # In memory first: HDF5 ends the whole process where a disk is full. A stream, since
    # the file images of HDF5 1.14 (h5py before 3.16) have a wrong checksum.
    stream = io.BytesIO()
    with h5py.File(stream, "w", libver=_VERSIONS) as file:
        group = file.require_group(tree) if tree else file
        group.attrs[NOTE] = note
        for name, array in columns.items():
            data, dtype = array, array.dtype
            if dtype.kind == "U":
                data = np.strings.encode(array, "utf-8")
                # HDF5 has no strings of no letters.
                dtype = h5py.string_dtype("utf-8", max(data.dtype.itemsize, 1))
                data = data.astype(dtype)
            packed = {"compression": "gzip", "shuffle": True, "fletcher32": True}
            options = packed if array.ndim and array.size else {}
            group.create_dataset(
                name.replace(".", "/"), data=data, dtype=dtype, **options
            )
    with path.open("xb") as raw:
        raw.write(stream.getbuffer())


def read_hdf5(path: Path, tree: str | None) -> tuple[dict[str, np.ndarray], str | None]:
    """Read all data sets of a group, and those of its ``truth``.

    Parameters
    ----------
    path : Path
        The file.
    tree : str or None
        Name of the group; None is the root of the file.

    Returns
    -------
    columns : dict of str to ndarray
        The data sets by name, ``truth/<name>`` as "truth.<name>".
    note : str or None
        What was written beside them.

    Raises
    ------
    ValueError
        If it is truncated or damaged, or there is no such group.
    """
    h5py = import_optional("h5py", extra="hdf5")
    with path.open("rb") as raw:
        raw.read(1)
    # Damaged bytes raise nearly anything: OSError, KeyError, RuntimeError, MemoryError.
    try:
        with h5py.File(path, "r") as file:
            group = file if tree is None else file.get(tree)
            if not isinstance(group, h5py.Group):
                raise ContentError(f"there is no group {tree!r}, but {sorted(file)}.")
            columns = _columns(h5py, group, "", most_bytes(path.stat().st_size))
            note = group.attrs.get(NOTE)
    except ContentError as error:
        raise ValueError(f"{path.name}: {error}") from error
    except Exception as error:
        raise ValueError(
            f"{path.name} cannot be read, is truncated or damaged: {error}"
        ) from error
    return columns, None if note is None else str(note)


def _columns(h5py: Any, group: Any, prefix: str, most: int) -> dict[str, np.ndarray]:
    """Read the data sets of a group."""
    columns = {}
    for key in group:
        item = group[key]
        if isinstance(item, h5py.Dataset):
            if item.nbytes > most:
                raise ContentError(
                    f"{item.name} has {item.nbytes} bytes, which is no data in a file "
                    "of this size: it would fill the memory."
                )
            columns[prefix + key] = _values(h5py, item)
        elif key == TRUTH[:-1] and not prefix:
            columns |= _columns(h5py, item, TRUTH, most)
    return columns


def _values(h5py: Any, data: Any) -> np.ndarray:
    """Read a data set, of which every part must be there."""
    if data.is_virtual or data.external:
        raise ContentError(f"{data.name} lies in other files, which are not followed.")
    # What was announced but never written reads as zeros.
    if data.size and data.id.get_space_status() != h5py.h5d.SPACE_STATUS_ALLOCATED:
        raise ContentError(f"{data.name} was not written to its end.")
    if data.shape is None:
        raise ContentError(f"{data.name} is empty, without a shape.")
    if h5py.check_string_dtype(data.dtype) is not None:
        # Of pandas' and h5py's own strings, both those of fixed width and the others.
        return np.asarray(data.asstr()[()]).astype(np.str_)
    return np.asarray(data[()])

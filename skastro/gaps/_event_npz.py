"""Columns of voxel events in NumPy's archives."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from skastro.gaps._event_columns import NOTE


def write_npz(path: Path, columns: Mapping[str, np.ndarray], note: str) -> None:
    """Write columns.

    Parameters
    ----------
    path : Path
        The file.
    columns : mapping of str to ndarray
        What to write.
    note : str
        What to write beside them.
    """
    # The note comes first: a damaged directory of a zip archive loses what follows,
    # and the note then tells that it is not there.
    arrays: dict[str, Any] = {NOTE: np.array(note), **columns}
    with path.open("xb") as file:
        np.savez_compressed(file, **arrays)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of an archive.

    `numpy.load` reads as many bytes as the header of an array announces and may stop
    before zipfile has compared the checksum, and it fails in many ways. Here every
    member is read to its end first.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to ndarray
        The arrays by name.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no archive of arrays, is truncated or damaged, or has pickles.
    """
    arrays = {}
    member = ""
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                for member in archive.namelist():
                    name = member.removesuffix(".npy")
                    if name in arrays:
                        raise ValueError("there are two of this name.")
                    arrays[name] = _array(archive.read(member))
        except ValueError as error:
            raise ValueError(f"{path.name}: {member}: {error}") from error
        # Damaged bytes make zipfile and zlib fail in ways that nobody has listed.
        except Exception as error:
            where = f" at {member!r}" if member else ""
            raise ValueError(
                f"{path.name} is no NumPy archive, or it is truncated or damaged"
                f"{where}: {error}"
            ) from error
    return arrays


def _array(data: bytes) -> np.ndarray:
    """Read one array from the bytes of its ``.npy`` file."""
    file = io.BytesIO(data)
    version = npy.read_magic(file)
    if version == (1, 0):
        shape, fortran, dtype = npy.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, fortran, dtype = npy.read_array_header_2_0(file)
    else:
        raise ValueError(f"version {version} of the format is not known.")
    if dtype.hasobject:
        raise ValueError("it holds Python objects, and pickles are not read.")
    array = np.frombuffer(data, np.uint8, offset=file.tell())
    n_bytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if len(array) != n_bytes:
        raise ValueError(
            f"{shape} values of {dtype} are announced, {n_bytes} bytes, but there are "
            f"{len(array)}."
        )
    return np.ndarray(shape, dtype, array.tobytes(), order="F" if fortran else "C")

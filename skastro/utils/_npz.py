"""NumPy's archives, of which every byte is checked and none is run."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from skastro.utils._unpack import bounded, check_member, most_bytes


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of an archive.

    `numpy.load` reads as many bytes as the header of an array announces and may stop
    before zipfile has compared the checksum, and it fails in many ways. Here every
    member is read to its end first, and no more than a file of that size may hold.

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
        If it is no archive of arrays, is truncated or damaged, unpacks to implausibly
        much, or has pickles.
    """
    arrays: dict[str, np.ndarray] = {}
    member = ""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        left = most_bytes(size)
        try:
            with zipfile.ZipFile(file) as archive:
                for info in archive.infolist():
                    member = info.filename
                    check_member(info)
                    name = member.removesuffix(".npy")
                    if name in arrays:
                        raise ValueError("there are two of this name.")
                    with archive.open(info) as packed:
                        data = bounded(packed, size).read()
                    left -= len(data)
                    if left < 0:
                        raise ValueError("its arrays together would fill the memory.")
                    arrays[name] = _array(data)
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

"""Rows of an array that may be in a file, read by index and only those asked for."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import tokenize
from typing import Any

import numpy as np

from skastro.utils._optional import import_optional

# What is looked at to tell whether a file is the one that was meant.
_LOOKS = 16
_LOOK_BYTES = 4096


class RowStore:
    """Read rows by index from memory or from a file.

    Files are read, not mapped: pages of a memory map count as memory of the process
    for as long as the system likes, and a file that is cut while it is mapped ends
    the process. Stored with pickle, a store of a ``.npy`` file, a memory map, an HDF5
    data set or a zarr array keeps the place of the file, not what is in it, and looks
    there again at the first read.

    Parameters
    ----------
    source : ndarray, memmap, path, h5py dataset, zarr array or Dask array
        Of shape (n, ...). A path is that of a ``.npy`` file or a zarr array.

    Attributes
    ----------
    data : object
        The source as it was opened; a memory map for a ``.npy``. None in another
        process, before it has read something.
    shape : tuple of int
        Of all rows.
    dtype : numpy.dtype
        Of the values.

    Raises
    ------
    ValueError
        If a path is of neither kind, or the source holds no real numbers or booleans.
    """

    def __init__(self, source: Any) -> None:
        self.data = self._open(source)
        self.shape = tuple(int(s) for s in self.data.shape)
        if not self.shape:
            raise ValueError("An array without axes has no rows.")
        self.dtype = np.dtype(self.data.dtype)
        if self.dtype.kind not in "buif":
            raise ValueError(f"Rows must be real numbers, got {self.dtype}.")
        self._file = place_in_file(self.data)
        # Of the file that this was pickled with; to be compared before the first read.
        self._look: bytes | None = None
        package = package_of(self.data)
        known = package if package in ("h5py", "zarr", "dask") else "memory"
        self._kind = known if self._file is None else "file"
        # Now, because the working directory may be another one later.
        self._place = _place_of(self.data, self._kind)

    def _open(self, source: Any) -> Any:
        if isinstance(source, (str, os.PathLike)):
            return _open_path(source)
        known = hasattr(source, "shape") and hasattr(source, "dtype")
        return source if known else np.asarray(source)

    @property
    def kind(self) -> str:
        """Say where the rows are: "file", "memory", "h5py", "zarr" or "dask"."""
        return self._kind

    def read(self, rows: slice | np.ndarray) -> np.ndarray:
        """Give rows.

        Parameters
        ----------
        rows : slice or ndarray of shape (k,), int
            Which ones, in any order; none negative; may repeat.

        Returns
        -------
        ndarray of shape (k, ...)
            In the type that they are stored in.

        Raises
        ------
        OSError
            If a file cannot be read, or has become shorter.
        """
        if self._file is not None:
            return self._read_file(rows)
        if self.data is None:
            self.data = self._open_again()
        if isinstance(self.data, np.ndarray):
            return np.asarray(self.data[rows])
        if isinstance(rows, slice):
            return self._load(self.data[rows])
        # HDF5 wants increasing indices; zarr and Dask then open a chunk only once.
        unique, place = np.unique(rows, return_inverse=True)
        reader = getattr(self.data, "oindex", self.data)
        return self._load(reader[unique])[place]

    def _load(self, part: Any) -> np.ndarray:
        if hasattr(part, "compute"):
            # Not on a cluster that this may itself be running on.
            part = part.compute(scheduler="synchronous")
        return np.asarray(part)

    def _read_file(self, rows: slice | np.ndarray) -> np.ndarray:
        path, offset = self._file  # type: ignore[misc]
        look = self._look  # another thread may forget it meanwhile
        if look is not None:
            if look_at_file(path, offset, self._n_bytes()) != look:
                raise OSError(
                    f"{path!r} is another file here than where the rows were chosen, "
                    "or was changed since. All workers must see the same file."
                )
            self._look = None
        if isinstance(rows, slice):
            start, stop, step = rows.indices(self.shape[0])
            if step != 1:
                return self._read_file(np.arange(start, stop, step))
            out = np.empty((max(0, stop - start), *self.shape[1:]), self.dtype)
            pieces = [(start, out)]
        else:
            out = np.empty((len(rows), *self.shape[1:]), self.dtype)
            pieces = [(int(row), out[i : i + 1]) for i, row in enumerate(rows)]
        width = math.prod(self.shape[1:]) * self.dtype.itemsize
        if not out.size:
            return out
        with open(path, "rb", buffering=0) as file:
            for row, part in pieces:
                file.seek(offset + row * width)
                _fill(file, part, path)
        return out

    def __getstate__(self) -> dict[str, Any]:
        """Keep where the file is instead of what is in it."""
        # A type as its name: model files hold no objects of NumPy's but arrays.
        state = {**self.__dict__, "dtype": self.dtype.str}
        if self._file is not None:
            path, offset = self._file
            flush(self.data)
            state["data"] = None
            if self._look is None:
                state["_look"] = look_at_file(path, offset, self._n_bytes())
        elif self._place is not None:
            state["data"] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the place; the file is opened when it is read."""
        self.__dict__.update(state, dtype=np.dtype(state["dtype"]))

    def _open_again(self) -> Any:
        """Open what another process had opened."""
        assert self._place is not None
        where, name = self._place
        try:
            if self._kind == "h5py":
                h5py = import_optional("h5py", extra="hdf5")
                data = h5py.File(where, "r")[name]
            else:
                # Anew: an array that only thinks that it has a folder gives zeros.
                zarr = import_optional("zarr", extra="zarr")
                data = zarr.open_array(where, path=name, mode="r")
        except (OSError, KeyError, ValueError) as error:
            raise OSError(
                f"Rows of {name!r} in {where} cannot be read here: {error}. All "
                "workers must see the same files."
            ) from error
        if tuple(data.shape) != self.shape or data.dtype != self.dtype:
            raise OSError(
                f"{name!r} in {where} is {data.dtype} of {tuple(data.shape)} here, and "
                f"was {self.dtype} of {self.shape} where the rows were chosen."
            )
        return data

    def _n_bytes(self) -> int:
        return int(math.prod(self.shape) * self.dtype.itemsize)


def _place_of(data: Any, kind: str) -> tuple[Any, str] | None:
    """Say where another process finds the same array; None for what has no place."""
    if kind == "h5py":
        return os.path.abspath(str(data.file.filename)), str(data.name)
    if kind == "zarr":
        root = getattr(data.store, "root", None)
        if isinstance(root, (str, os.PathLike)):
            return os.path.abspath(os.fspath(root)), str(data.path)
        return data.store, str(data.path)
    return None


def place_in_file(values: Any) -> tuple[str, int] | None:
    """Say where in which file the values of an array are, one after the other.

    Parameters
    ----------
    values : object
        A memory map, a view of one, or anything else.

    Returns
    -------
    (path, offset) or None
        The file and the byte of the first value; None where there is no such file:
        arrays in memory, views with gaps, and maps whose changes are not in the file.
    """
    if not isinstance(values, np.ndarray) or not values.flags.c_contiguous:
        return None
    root: Any = values
    while isinstance(root.base, np.ndarray):
        root = root.base
    if not isinstance(root, np.memmap) or root.filename is None or root.mode == "c":
        return None
    # Only views of the map itself are known to lie where it does.
    shift = values.ctypes.data - root.ctypes.data
    if not (shift >= 0 and shift + values.nbytes <= root.nbytes):
        return None
    path = os.path.abspath(root.filename)
    offset = int(root.offset) + shift
    return (path, offset) if _is_the_mapped(path, offset, values) else None


def _is_the_mapped(path: str, offset: int, values: np.ndarray) -> bool:
    """Tell whether the file of a name is still the one that was mapped under it.

    A file that another one has replaced lives on in the map, with other values than
    the file that now has its name.
    """
    if not os.path.isfile(path):
        return False
    # Beyond the end of a file that was cut, a map must not be touched.
    if not values.size or os.path.getsize(path) < offset + values.nbytes:
        return True
    mapped = values.reshape(-1).view(np.uint8)
    with open(path, "rb", buffering=0) as file:
        for start in _places_to_look(values.nbytes):
            file.seek(offset + start)
            piece = file.read(min(_LOOK_BYTES, values.nbytes))
            if piece != mapped[start : start + len(piece)].tobytes():
                return False
    return True


def flush(values: Any) -> None:
    """Write changes of a memory map to its file, for other machines to read.

    Parameters
    ----------
    values : object
        A memory map, a view of one, or anything else.
    """
    while isinstance(values, np.ndarray):
        if isinstance(values, np.memmap) and values.mode in ("r+", "w+"):
            values.flush()
            return
        values = values.base


def look_at_file(path: str, offset: int, n_bytes: int) -> bytes:
    """Take a sample of a file, by which another one is told from it.

    Parameters
    ----------
    path : str
        The file.
    offset, n_bytes : int
        The part of it that holds the values.

    Returns
    -------
    bytes
        A hash of the file's size and of some pieces; not of its date, which copies
        have of their own.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        digest.update(str(os.fstat(file.fileno()).st_size).encode())
        for start in _places_to_look(n_bytes):
            file.seek(offset + start)
            digest.update(file.read(min(_LOOK_BYTES, n_bytes)))
    return digest.digest()


def _places_to_look(n_bytes: int) -> list[int]:
    """Give where the pieces of a sample begin."""
    last = max(0, n_bytes - _LOOK_BYTES)
    return sorted({last * i // (_LOOKS - 1) for i in range(_LOOKS)})


def package_of(values: Any) -> str:
    """Name the package that an object's type is from, without importing it.

    Parameters
    ----------
    values : object
        Anything.

    Returns
    -------
    str
        Such as "zarr".
    """
    return type(values).__module__.partition(".")[0]


def _fill(file: Any, part: np.ndarray, path: str) -> None:
    """Read until an array is full."""
    view = part.reshape(-1).view(np.uint8).data
    while len(view):
        count = file.readinto(view)
        if not count:
            raise OSError(
                f"{path!r} ended {len(view)} bytes before the rows that were asked "
                "for: it was cut, or written anew, after it was opened."
            )
        view = view[count:]


def _open_path(path: Any) -> Any:
    """Open a file or folder, and say what to do with one of another kind."""
    if os.path.isdir(path):
        zarr = import_optional("zarr", extra="zarr")
        try:
            # Another process may have another working directory.
            return zarr.open_array(os.path.abspath(path), mode="r")
        except (OSError, ValueError, KeyError, zarr.errors.BaseZarrError) as error:
            raise ValueError(
                f"The folder {os.fspath(path)!r} is no zarr array: {error}"
            ) from error
    data: Any = None
    # Refused are files that are not NumPy's, and objects.
    # A damaged header fails where Python's own parser does.
    with contextlib.suppress(ValueError, EOFError, SyntaxError, tokenize.TokenError):
        data = np.load(path, mmap_mode="r", allow_pickle=False)
    if isinstance(data, np.ndarray):
        return data
    if data is not None:
        data.close()
    raise ValueError(
        f"A path must be that of a .npy file of numbers or of a zarr array, and "
        f"{os.fspath(path)!r} is neither. Give what is in the file instead: "
        'h5py.File(path)["name"] of HDF5, numpy.load(path)["name"] of .npz.'
    )

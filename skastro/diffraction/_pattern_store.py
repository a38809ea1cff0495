"""Single patterns, wherever they are kept."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import numpy as np

from skastro.utils import import_optional


class PatternStore:
    """Read patterns by index from memory or from a file, and only those asked for.

    Stored with pickle it keeps the place of a file (a ``.npy``, a memory map or a
    dataset of HDF5), not the patterns in it.

    Parameters
    ----------
    source : ndarray, memmap, path of a .npy file, h5py dataset or zarr array
        Of shape (n, h, w).

    Raises
    ------
    ValueError
        If a file is no .npy, or the source has another number of axes, holds no
        numbers or is empty.
    """

    def __init__(self, source: Any) -> None:
        self._open(source)
        if len(self.data.shape) != 3 or 0 in self.data.shape:
            raise ValueError(
                "patterns must have shape (n_patterns, h, w) and not be empty, got "
                f"{tuple(self.data.shape)}."
            )
        if np.dtype(self.data.dtype).kind not in "uif":
            raise ValueError(f"patterns must be real numbers, got {self.data.dtype}.")
        self.n_patterns, h, w = (int(s) for s in self.data.shape)
        self.shape = (h, w)

    def _open(self, source: Any) -> None:
        if isinstance(source, (str, os.PathLike)):
            self.data: Any = _open_npy(source)
            return
        known = hasattr(source, "shape") and hasattr(source, "dtype")
        self.data = source if known else np.asarray(source)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Give patterns.

        Parameters
        ----------
        indices : ndarray of shape (n,), int
            Which ones, in any order; may repeat.

        Returns
        -------
        ndarray of shape (n, h, w)
            In the type that they are stored in.
        """
        if isinstance(self.data, np.ndarray):
            return np.asarray(self.data[indices])
        # HDF5 wants increasing indices; zarr then opens every chunk only once.
        unique, place = np.unique(indices, return_inverse=True)
        reader = getattr(self.data, "oindex", self.data)
        return np.asarray(reader[unique])[place]

    def __getstate__(self) -> dict[str, Any]:
        """Keep where the file is instead of what is in it."""
        state = dict(self.__dict__)
        data = state["data"]
        if isinstance(data, np.memmap) and not isinstance(data.base, np.ndarray):
            # A view of a map may begin elsewhere, and is stored by its values.
            state["data"] = {
                "memmap": os.path.abspath(str(data.filename)),
                "dtype": data.dtype.str,
                "offset": int(data.offset),
                "shape": [int(s) for s in data.shape],
                "order": "C" if data.flags.c_contiguous else "F",
            }
        elif isinstance(data, np.memmap):
            state["data"] = np.array(data)
        elif _is_hdf5(data):
            state["data"] = {
                "hdf5": os.path.abspath(str(data.file.filename)),
                "name": str(data.name),
            }
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open the file again."""
        self.__dict__.update(state)
        place = self.data
        if not isinstance(place, dict):
            return
        if "memmap" in place:
            self.data = np.memmap(
                place["memmap"],
                dtype=np.dtype(place["dtype"]),
                mode="r",
                offset=place["offset"],
                shape=tuple(place["shape"]),
                order=place["order"],
            )
        else:
            h5py = import_optional("h5py", extra="hdf5")
            self.data = h5py.File(place["hdf5"], "r")[place["name"]]


def _open_npy(path: Any) -> np.ndarray:
    """Map a file, and say what to do with one of another kind."""
    data: Any = None
    if not os.path.isdir(path):  # as a zarr array is
        # Refused are files that are not NumPy's, and objects.
        with contextlib.suppress(ValueError, EOFError):
            data = np.load(path, mmap_mode="r")
    if isinstance(data, np.ndarray):
        return data
    if data is not None:
        data.close()
    raise ValueError(
        f"A path of patterns must be that of a .npy file of numbers, and "
        f"{os.fspath(path)!r} is none. Give what is in the file instead: "
        'h5py.File(path)["name"] of HDF5, zarr.open_array(path) of zarr, '
        'numpy.load(path)["name"] of .npz.'
    )


def _is_hdf5(data: Any) -> bool:
    """Tell a dataset of h5py without importing that."""
    return type(data).__module__.partition(".")[0] == "h5py"

"""Rows of an array larger than memory, as an X that scikit-learn can split."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from skastro.utils._lazy_steps import AsType, Reshape, Step, Transform
from skastro.utils._row_store import RowStore, package_of, place_in_file

# Values that are read at a time.
_BLOCK_VALUES = 1 << 22
# A memory map smaller than this is quicker in memory.
_SMALL_BYTES = 1 << 26


class LazyRows:
    """Rows of a big array that stays where it is, on disk.

    scikit-learn splits X by ``X[indices]``, which makes an ordinary memory map, zarr
    array or HDF5 data set load the whole fold. Here the result is the indices and
    where to find the rows: `GridSearchCV`, `cross_validate`, `train_test_split` and
    `repeated_holdout` hand those on, and the nets, image transformers and matchers of
    this package read them batch by batch. A transformer in front of a net gives rows
    that are made when they are read. Sent to another process, it is the place of
    the file that travels.

    Anything else that needs an array can have it: ``numpy.asarray`` loads the rows.

    Parameters
    ----------
    source : memmap, path, zarr array, h5py dataset, Dask array, ndarray or LazyRows
        Of shape (n, ...). A path is that of a ``.npy`` file or of a zarr array.
    indices : array-like of shape (k,), int, default=None
        Which rows, in this order; may repeat; negative ones count from the end. None
        is all.

    Attributes
    ----------
    shape : tuple of int
        ``(k, ...)``.
    dtype : numpy.dtype
        Of the values.

    Raises
    ------
    ValueError
        If the source holds no real numbers, or a path is of another kind.
    IndexError
        If an index is out of range.

    Notes
    -----
    A ``.npy`` file gives the rows of a shuffled batch one by one at no extra cost. In
    chunked files (zarr, HDF5, Dask) every row asked for opens its chunk: chunks of
    one or a few images are quick for training in random order, larger ones for
    prediction. The file must not change while it is in use.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skastro.neural_network import DenseClassifier
    >>> from skastro.utils import LazyRows
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "images.npy")
    >>> np.save(path, np.random.default_rng(0).normal(size=(60, 8, 8)))
    >>> X = LazyRows(path)
    >>> X[::2]
    LazyRows(30 of 60 rows of (8, 8), float64, from a file)
    >>> net = DenseClassifier(max_epochs=2, random_state=0)
    >>> search = GridSearchCV(net, {"alpha": [0, 1]}, cv=2).fit(X, [0, 1] * 30)
    >>> search.predict(X).shape
    (60,)
    >>> folder.cleanup()
    """

    def __init__(self, source: Any, indices: Any = None) -> None:
        self._store: RowStore
        self._indices: np.ndarray | None = None
        self._steps: tuple[Step, ...] = ()
        if isinstance(source, LazyRows):
            self._store, self._steps = source._store, source._steps
            self._indices = source._indices
        else:
            self._store = RowStore(source)
        if indices is not None:
            self._indices = self._choose(np.asarray(indices))

    @property
    def shape(self) -> tuple[int, ...]:
        """Count the rows, and give the shape of one."""
        trailing = self._steps[-1].trailing if self._steps else self._store.shape[1:]
        rows = self._store.shape[0] if self._indices is None else len(self._indices)
        return (rows, *trailing)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Give the type of the values."""
        return self._steps[-1].dtype if self._steps else self._store.dtype

    @property
    def ndim(self) -> int:
        """Count the axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Count the values."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Give the memory that all rows would take."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        """Count the rows."""
        return self.shape[0]

    def __sizeof__(self) -> int:
        """Count the bytes in memory, which are also those sent to other processes."""
        size = object.__sizeof__(self)
        if self._indices is not None:
            size += self._indices.nbytes
        if self._store.kind == "memory":
            size += int(self._store.data.nbytes)
        return size

    def __repr__(self) -> str:
        """Say what it is without reading it."""
        places = {"file": "a file", "memory": "memory", "dask": "Dask"}
        kind = self._store.kind
        made = f", {len(self._steps)} steps" if self._steps else ""
        return (
            f"LazyRows({len(self)} of {self._store.shape[0]} rows of "
            f"{self.shape[1:]}, {self.dtype}, from {places.get(kind, kind)}{made})"
        )

    def __getitem__(self, key: Any) -> Any:
        """Choose rows; one integer reads that row.

        Parameters
        ----------
        key : int, slice, array-like of int or of bool, or (one of these, ...)
            Only rows can be chosen, not parts of them.

        Returns
        -------
        LazyRows, or ndarray for one integer
            The rows.
        """
        if isinstance(key, tuple):
            if not all(k is Ellipsis or k == slice(None) for k in key[1:]):
                raise IndexError(
                    "Of LazyRows only rows can be chosen, X[rows]; take parts of "
                    "images from what is read, numpy.asarray(X[rows])[:, ...]."
                )
            key = key[0]
        if key is Ellipsis:
            key = slice(None)
        if isinstance(key, (int, np.integer)) and not isinstance(key, (bool, np.bool_)):
            return self._read(self._choose(np.asarray([key])))[0]
        chosen = copy.copy(self)
        if isinstance(key, slice):
            chosen._indices = np.arange(len(self))[key]
            if self._indices is not None:
                chosen._indices = self._indices[chosen._indices]
        else:
            chosen._indices = self._choose(np.asarray(key))
        return chosen

    def _choose(self, key: np.ndarray) -> np.ndarray:
        """Give the rows of the store that a list of rows of this stands for."""
        n = len(self)
        if key.ndim != 1:
            raise IndexError(f"Rows are chosen by one axis of indices, got {key.ndim}.")
        if key.dtype.kind == "b":
            if len(key) != n:
                raise IndexError(f"A mask for {n} rows has {len(key)} values.")
            key = np.flatnonzero(key)
        elif key.size == 0:
            key = key.astype(np.int64)
        elif key.dtype.kind not in "iu":
            raise IndexError(f"Rows are chosen by integers, got {key.dtype}.")
        if key.size and not (-n <= int(key.min()) and int(key.max()) < n):
            raise IndexError(
                f"There are {n} rows, and the indices go from {key.min()} to "
                f"{key.max()}."
            )
        key = key.astype(np.int64)  # small types could not hold the sums
        key[key < 0] += n
        return key if self._indices is None else self._indices[key]

    def _read(self, rows: Any) -> np.ndarray:
        """Read rows of the store and take the steps."""
        values = self._store.read(rows)
        for step in self._steps:
            try:
                values = step.take(values)
            except ValueError as error:
                error.add_note("It happened while a block of LazyRows was made.")
                raise
        return values

    def blocks(self, n_rows: int | None = None) -> Iterator[tuple[slice, np.ndarray]]:
        """Read all rows, block by block.

        Parameters
        ----------
        n_rows : int, default=None
            Rows in a block; None takes about four million values.

        Yields
        ------
        slice
            Which rows.
        ndarray
            Them.
        """
        if n_rows is None:
            widest = max(math.prod(self.shape[1:]), math.prod(self._store.shape[1:]), 1)
            n_rows = max(1, _BLOCK_VALUES // widest)
        for start in range(0, len(self), n_rows):
            part = slice(start, min(start + n_rows, len(self)))
            rows = part if self._indices is None else self._indices[part]
            yield part, self._read(rows)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Give the rows one by one, read block by block."""
        for _, block in self.blocks():
            yield from block

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Load all rows."""
        if copy is False:
            raise ValueError("LazyRows must be read, which makes a copy.")
        out = np.empty(self.shape, self.dtype if dtype is None else dtype)
        for part, block in self.blocks():
            out[part] = block
        return out

    def map(
        self,
        function: Callable[[np.ndarray], np.ndarray],
        *,
        shape: tuple[int, ...] | None = None,
        dtype: Any = None,
    ) -> LazyRows:
        """Give rows that a function makes of these when they are read.

        Parameters
        ----------
        function : callable
            Takes an array ``(k, ...)`` and gives one ``(k, ...)``, each row from the
            same row alone. It must be picklable to be sent to other processes.
        shape : tuple of int, default=None
            Of one row that it gives; None tries it on the first row.
        dtype : dtype, default=None
            That it gives; None tries it on the first row.

        Returns
        -------
        LazyRows
            As many rows.

        Raises
        ------
        ValueError
            If a block comes back in another shape or type; when it is read.
        """
        if shape is None or dtype is None:
            if not len(self):
                raise ValueError("Of no rows, shape and dtype must be given.")
            made = np.asarray(function(np.asarray(self[:1])))
            shape = tuple(made.shape[1:]) if shape is None else shape
            dtype = made.dtype if dtype is None else dtype
        mapped = copy.copy(self)
        mapped._steps = (*self._steps, Step(function, tuple(shape), np.dtype(dtype)))
        return mapped

    def astype(self, dtype: Any) -> LazyRows:
        """Give the values in another type, converted when they are read.

        Parameters
        ----------
        dtype : dtype
            The other one.

        Returns
        -------
        LazyRows
            The same rows.
        """
        return self.map(AsType(dtype), shape=self.shape[1:], dtype=dtype)

    def reshape(self, n_rows: int, *shape: int) -> LazyRows:
        """Give each row another shape.

        Parameters
        ----------
        n_rows : int
            As many as there are, or -1.
        *shape : int
            Of one row; one of them may be -1.

        Returns
        -------
        LazyRows
            The same values.

        Raises
        ------
        ValueError
            If rows would be cut or joined.
        """
        old = self.shape[1:]
        if n_rows not in (-1, len(self)):
            raise ValueError(f"There are {len(self)} rows, not {n_rows}.")
        new = np.empty(old, np.bool_).reshape(shape).shape
        return self.map(Reshape(new), shape=new, dtype=self.dtype)


def map_transformer(transformer: Any, X: LazyRows) -> LazyRows:
    """Promise what a transformer makes of rows; it works when they are read.

    Parameters
    ----------
    transformer : transformer
        Makes each row from the same row alone. Later changes of it do not matter.
    X : LazyRows
        Its input.

    Returns
    -------
    LazyRows
        Its output.
    """
    return X.map(Transform(transformer))


def as_lazy_rows(X: Any) -> LazyRows | None:
    """Take what is not in memory as `LazyRows`.

    Parameters
    ----------
    X : object
        What a user gave.

    Returns
    -------
    LazyRows or None
        None for all that is in memory, and for a memory map that would fit easily.
    """
    if isinstance(X, LazyRows):
        return X
    if package_of(X) in ("zarr", "h5py", "dask") and hasattr(X, "dtype"):
        # Not a data frame of Dask, nor a table of HDF5.
        if hasattr(X, "shape") and np.dtype(X.dtype).kind in "buif" and X.ndim > 1:
            return LazyRows(X)
        return None
    big = isinstance(X, np.ndarray) and X.nbytes > _SMALL_BYTES and X.ndim > 1
    if big and X.dtype.kind in "buif" and place_in_file(X) is not None:
        return LazyRows(X)
    return None

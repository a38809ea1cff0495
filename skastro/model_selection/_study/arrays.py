"""Hashes of arrays, tables and sparse matrices: their values count, nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from skastro.utils import LazyRows

# Bytes that are hashed at a time, so that a memory map is not loaded whole.
_CHUNK = 1 << 24

Encode = Callable[[Any], bytes]


def pack(tag: str, *parts: bytes) -> bytes:
    """Join byte strings in a way that has no other reading, and hash them.

    Parameters
    ----------
    tag : str
        What they are.
    *parts : bytes
        In their order.

    Returns
    -------
    bytes
        32 of them.
    """
    digest = hashlib.sha256(tag.encode())
    for part in parts:
        digest.update(f"|{len(part)}|".encode())
        digest.update(part)
    return digest.digest()


def is_data(value: Any) -> bool:
    """Tell whether `hash_data` takes a value."""
    kinds = (np.ndarray, pd.DataFrame, pd.Series, pd.Index, LazyRows)
    return isinstance(value, kinds) or sparse.issparse(value)


def data_form(value: Any) -> str:
    """Say in words what form data have: kind, shape and type."""
    if sparse.issparse(value):
        return f"sparse {value.shape} {value.dtype}"
    if isinstance(value, (np.ndarray, LazyRows)):
        kind = "masked array" if isinstance(value, np.ma.MaskedArray) else "array"
        return f"{kind} {value.shape} {_type_name(value.dtype)}"
    return f"table {value.shape}"


def hash_data(value: Any, encode: Encode) -> bytes:
    """Hash an array, table or sparse matrix.

    Memory layout, byte order, the width of strings, the payload of NaN and the kind of
    sparse storage do not count, because no estimator sees them.

    Parameters
    ----------
    value : ndarray, DataFrame, Series, Index, sparse matrix or LazyRows
        See `is_data`.
    encode : callable
        For the objects inside.

    Returns
    -------
    bytes
        Of the form and the content.
    """
    form = data_form(value).encode()
    if sparse.issparse(value):
        return pack("sparse", form, *_sparse_parts(value))
    if isinstance(value, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(value)
        return pack("masked", form, *(_array(a, encode) for a in (value.data, mask)))
    if isinstance(value, (np.ndarray, LazyRows)):
        # The same values are the same data, on disk or not.
        return pack("array", form, _array(value, encode))
    if isinstance(value, pd.DataFrame):
        columns = [_column(value.iloc[:, i], encode) for i in range(value.shape[1])]
        return pack("table", form, _column(value.index, encode), *columns)
    if isinstance(value, pd.Series):
        index = _column(value.index, encode)
        return pack("series", form, index, _column(value, encode))
    return pack("index", form, _column(value, encode))


def _sparse_parts(matrix: Any) -> list[bytes]:
    if matrix.ndim != 2:
        return [_hash_blocks(matrix.toarray())]
    # A copy: these methods work in place.
    rows = sparse.csr_array(matrix, copy=True)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    rows.sort_indices()
    places = (rows.indices.astype(np.int64), rows.indptr.astype(np.int64))
    return [_hash_blocks(part) for part in (rows.data, *places)]


def _column(column: Any, encode: Encode) -> bytes:
    """Hash a Series or an Index: name, type and values, but no index of its own."""
    dtype = column.dtype
    head = encode((column.name, str(dtype)))
    if isinstance(column, pd.RangeIndex):
        return pack("range", head, repr((column.start, column.stop)).encode())
    if isinstance(column, pd.MultiIndex):
        return pack("rows", head, encode([list(row) for row in column]))
    if isinstance(dtype, pd.CategoricalDtype):
        # The order of the categories is that of columns made from them.
        codes = pd.Categorical(column).codes
        names = _column(dtype.categories, encode)
        return pack("categories", head, encode(dtype.ordered), names, _array(codes))
    if isinstance(dtype, np.dtype):
        return pack("column", head, _array(column.to_numpy(), encode))
    # pandas' own types hold one kind of value, which this tells apart.
    hashes = pd.util.hash_pandas_object(pd.Series(column), index=False)
    return pack("column", head, _array(hashes.to_numpy()))


def _array(values: Any, encode: Encode | None = None) -> bytes:
    if isinstance(values, LazyRows):
        return _hash_blocks(values)
    values = np.asarray(values)
    dtype = values.dtype
    if dtype.names is not None:
        # Field by field, because bytes between the fields may be anything.
        return pack("fields", *(_array(values[name], encode) for name in dtype.names))
    if dtype.kind == "O":
        assert encode is not None
        return pack("objects", *(encode(item) for item in values.ravel().tolist()))
    if dtype.kind in "US":
        width = max(1, int(np.strings.str_len(values).max(initial=0)))
        return _hash_blocks(values.astype(f"{dtype.kind}{width}"))
    return _hash_blocks(values)


def _hash_blocks(values: np.ndarray | LazyRows) -> bytes:
    digest = hashlib.sha256()
    for block in _blocks(values):
        for part in _plain_parts(block):
            digest.update(part.reshape(-1).view(np.uint8).data)
    return digest.digest()


def _blocks(values: np.ndarray | LazyRows) -> Iterator[np.ndarray]:
    """Cut an array into pieces, in the order of its values."""
    if not values.size:
        return
    if not values.ndim or values.nbytes <= _CHUNK:
        yield np.ascontiguousarray(values)
        return
    row = values.nbytes // len(values)
    if row > _CHUNK:
        for part in values:
            yield from _blocks(part)
        return
    step = _CHUNK // row
    for start in range(0, len(values), step):
        yield np.ascontiguousarray(values[start : start + step])


def _plain_parts(block: np.ndarray) -> list[np.ndarray]:
    """Give a block bytes that depend on its values alone."""
    native = block.dtype.newbyteorder("=")
    block = block.astype(native, copy=False)
    if block.dtype.kind == "c":
        block = block.reshape(-1).view(block.real.dtype)
    if block.dtype.kind != "f":
        return [block]
    lost = np.isnan(block)
    if lost.any():
        block = np.where(lost, block.dtype.type(np.nan), block)
    if block.dtype.itemsize <= 8:
        return [block]
    # Wider numbers have unused bytes; two doubles hold what they say.
    high = block.astype(np.float64)
    with np.errstate(invalid="ignore"):
        low = np.where(np.isfinite(high), block - high, 0).astype(np.float64)
    return [high, low]


def _type_name(dtype: np.dtype) -> str:
    if dtype.fields is not None:
        names = (f"{name}: {_type_name(f[0])}" for name, f in dtype.fields.items())
        return f"{{{', '.join(names)}}}"
    if dtype.kind in "US":
        return "str" if dtype.kind == "U" else "bytes"
    return str(dtype.newbyteorder("="))

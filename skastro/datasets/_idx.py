"""Reading the IDX format of MNIST and its relatives, of files that may be broken."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Third byte of the magic number; the fourth is the number of dimensions.
_UNSIGNED_BYTE = 0x08
# Over five times the pixels of 60,000 images of 28 x 28: a header that announces more
# is damaged or hostile.
_MAX_VALUES = 1 << 28
_BLOCK = 1 << 20


def read_idx(
    path: str | os.PathLike[str],
    shape: Sequence[int | None],
    *,
    max_values: int = _MAX_VALUES,
) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or compressed with gzip.

    Parameters
    ----------
    path : path-like
        The file. Whether it is compressed is seen from its first bytes.
    shape : sequence of int or None
        The sizes that the file must have, one a dimension; None takes any. Images are
        ``(None, 28, 28)``, magic number 2051; labels ``(None,)``, magic number 2049.
    max_values : int, default=2**28
        Refuse a header that announces more values than this.

    Returns
    -------
    ndarray of uint8
        Writable, with the sizes of the header.

    Raises
    ------
    OSError
        If the file cannot be opened or read.
    ValueError
        If the file is something else, damaged, shorter or longer than its header
        says, or not of `shape`; the message has what was expected and what came.

    Notes
    -----
    The format: two zero bytes, one for the type of the values, one for the number of
    dimensions; the sizes as big-endian 32-bit integers; the values, last dimension
    fastest. Only type 0x08, unsigned bytes, is read here. Nothing is unpickled, and
    whatever the compressed stream holds, no more than one byte beyond what the header
    announces is ever unpacked. Zeros after the end of the compressed stream are
    padding and ignored, as gzip does.

    References
    ----------
    Y. LeCun, C. Cortes, C. Burges, The MNIST database, http://yann.lecun.com/exdb/mnist

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from skastro.datasets._idx import read_idx
    >>> with TemporaryDirectory() as folder:
    ...     with open(f"{folder}/labels", "wb") as file:
    ...         _ = file.write(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     read_idx(f"{folder}/labels", (None,))
    array([7, 2, 1], dtype=uint8)
    """
    name = os.fspath(path)
    with open(path, "rb") as raw:
        if not raw.peek(2).startswith(b"\x1f\x8b"):
            return _read_stream(raw, name, tuple(shape), max_values)
        try:
            with gzip.GzipFile(fileobj=raw) as file:
                return _read_stream(file, name, tuple(shape), max_values)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{name}: expected a whole gzip stream, it is truncated or damaged: "
                f"{error}"
            ) from error


def read_idx_labels(
    path: str | os.PathLike[str], n_samples: int, n_classes: int
) -> NDArray[np.int64]:
    """Read an IDX file of class labels.

    Parameters
    ----------
    path : path-like
        The file, plain or compressed with gzip.
    n_samples : int
        Number of samples that need a label.
    n_classes : int
        Number of classes, at most 256.

    Returns
    -------
    ndarray of int64 of shape (n_samples,)
        Labels from 0 to ``n_classes - 1``.

    Raises
    ------
    OSError
        If the file cannot be opened or read.
    ValueError
        If it is not what `read_idx` expects, has another number of labels or one that
        is no class.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from skastro.datasets._idx import read_idx_labels
    >>> with TemporaryDirectory() as folder:
    ...     with open(f"{folder}/labels", "wb") as file:
    ...         _ = file.write(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     read_idx_labels(f"{folder}/labels", 3, 10)
    array([7, 2, 1])
    """
    labels = read_idx(path, (n_samples,))
    wrong = np.flatnonzero(labels >= n_classes)
    if wrong.size:
        raise ValueError(
            f"{os.fspath(path)}: expected labels from 0 to {n_classes - 1}, got "
            f"{labels[wrong[0]]} at position {wrong[0]} ({wrong.size} such labels)."
        )
    return labels.astype(np.int64)


def _read_stream(
    file: Any, name: str, expected: tuple[int | None, ...], max_values: int
) -> NDArray[np.uint8]:
    """Read header and values of the unpacked stream, and see that it ends there."""
    shape = _read_shape(file, name, expected)
    size = math.prod(shape)
    if size > max_values:
        raise ValueError(
            f"{name}: expected at most {max_values} values, the header announces "
            f"{_sizes(shape)} = {size}."
        )
    values = _read(file, size)
    if len(values) < size:
        raise ValueError(
            f"{name} is truncated: expected {size} values ({_sizes(shape)}), got "
            f"{len(values)}."
        )
    # At the end of a gzip stream this also compares checksum and length.
    if _read(file, 1):
        raise ValueError(
            f"{name}: expected the end after {size} values ({_sizes(shape)}), got more "
            "bytes."
        )
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)


def _read_shape(
    file: Any, name: str, expected: tuple[int | None, ...]
) -> tuple[int, ...]:
    """Read magic number and sizes; refuse what was not expected."""
    n_dims = len(expected)
    magic = _UNSIGNED_BYTE << 8 | n_dims
    head = bytes(_read(file, 4))
    if head != magic.to_bytes(4, "big"):
        raise ValueError(
            f"{name}: expected an IDX file with the magic number {magic} (unsigned "
            f"bytes, dimensions: {n_dims}), got {int.from_bytes(head, 'big')} (first "
            f"bytes {head!r})."
        )
    sizes = bytes(_read(file, 4 * n_dims))
    if len(sizes) < 4 * n_dims:
        raise ValueError(
            f"{name} is truncated: expected a header of {4 + 4 * n_dims} bytes, got "
            f"{4 + len(sizes)}."
        )
    # The format has signed sizes; plain ints do not overflow when multiplied.
    shape = tuple(int(size) for size in np.frombuffer(sizes, dtype=">i4"))
    fits = all(e in (None, s) for e, s in zip(expected, shape, strict=True))
    if not fits or min(shape) < 1:
        wanted = _sizes(["any" if e is None else e for e in expected])
        raise ValueError(
            f"{name}: expected the sizes {wanted}, each at least 1, the header "
            f"announces {_sizes(shape)}."
        )
    return shape


def _read(file: Any, n_bytes: int) -> bytearray:
    """Read until `n_bytes` are there or the stream ends.

    `read1` unpacks no more than it is asked for, where `read` fills a buffer. Memory
    grows with what really comes and not with what a header announces.
    """
    content = bytearray()
    while len(content) < n_bytes:
        block = file.read1(min(n_bytes - len(content), _BLOCK))
        if not block:
            break
        content += block
    return content


def _sizes(shape: Sequence[Any]) -> str:
    """Write sizes as ``60000 x 28 x 28``."""
    return " x ".join(map(str, shape))

"""Catalogue files, told apart by content and read in blocks of bounded size."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

import numpy as np
import pandas as pd

from skastro.utils._unpack import bounded
from skastro.xray._catalogue import shortened
from skastro.xray._csv_table import CsvTable
from skastro.xray._fits_table import FitsTable

_BROKEN = (EOFError, OSError, zlib.error)


class Table(Protocol):
    """A file whose header has been read.

    Attributes
    ----------
    names : list of str
        Columns, in lower case.
    release : str or None
        Data release that the header tells, such as "DR13".
    """

    names: list[str]
    release: str | None

    def blocks(
        self, file: IO[bytes], kinds: Mapping[str, str]
    ) -> Iterator[dict[str, np.ndarray]]:
        """Yield arrays of some columns, block by block."""


def sniff(path: Path) -> tuple[str, bool]:
    """Tell format and compression by content: names lie.

    Parameters
    ----------
    path : Path
        An existing file.

    Returns
    -------
    kind : {"fits", "csv"}
        Format.
    packed : bool
        Whether it is gzip-compressed.

    Raises
    ------
    ValueError
        If it is empty, damaged, or in no format that is read here.
    """
    with path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise ValueError("it is empty (0 bytes).")
    packed = start.startswith(b"\x1f\x8b")
    if packed:
        with open_bytes(path, packed) as unpacked:
            start = unpacked.read(8)
        if not start:
            raise ValueError("it is empty once unpacked.")
    for magic, name in ((b"BZh", "bzip2"), (b"PK\x03\x04", "zip"), (b"\xfd7zXZ", "xz")):
        if start.startswith(magic):
            raise ValueError(f"it is {name}-compressed; unpack it first.")
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise ValueError("it starts with '<': a web page or a VOTable, not CSV, FITS.")
    return ("fits" if start.startswith(b"SIMPLE") else "csv"), packed


@contextmanager
def open_bytes(path: Path, packed: bool) -> Iterator[IO[bytes]]:
    """Open a file, unpacked; damage of the compression becomes ValueError."""
    if not packed:
        with path.open("rb") as file:
            yield file
        return
    with gzip.open(path, "rb") as file:
        try:
            yield bounded(file, path.stat().st_size)
        except _BROKEN as error:
            raise ValueError(f"it is truncated or damaged: {error}") from error


class TableFile:
    """A FITS or CSV table on disk; nothing but its header has been read.

    Parameters
    ----------
    path : Path
        An existing file.

    Attributes
    ----------
    names : list of str
        Columns, in lower case.
    release : str or None
        Data release that a FITS header tells, such as "DR13".

    Raises
    ------
    ValueError
        If it is empty, truncated, damaged or no such table.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        kind, self._packed = sniff(path)
        with open_bytes(path, self._packed) as file:
            self._table: Table
            if kind == "fits":
                size = None if self._packed else path.stat().st_size
                self._table = FitsTable(file, size)
            else:
                self._table = CsvTable(file)
        self.names = self._table.names
        self.release = self._table.release
        repeated = [n for n, count in Counter(self.names).items() if count > 1]
        if repeated:
            raise ValueError(f"it has columns twice: {shortened(repeated)}.")

    def frames(
        self, kinds: Mapping[str, str], rows: int | None = None
    ) -> Iterator[pd.DataFrame]:
        """Yield some columns in pieces.

        Parameters
        ----------
        kinds : mapping of str to str
            Kind of each column that is wanted; names in lower case.
        rows : int, default=None
            Rows of every piece but the last. None takes what a block has.

        Yields
        ------
        DataFrame
            Columns in the order of `kinds`; the index counts the rows of the file.

        Raises
        ------
        ValueError
            If the rest of the file is truncated or damaged, holds wrong values, or
            there are no rows.
        """
        waiting: list[pd.DataFrame] = []
        start = have = 0
        with open_bytes(self.path, self._packed) as file:
            for arrays in self._table.blocks(file, kinds):
                block = pd.DataFrame(arrays, columns=list(kinds))
                block.index = pd.RangeIndex(start, start + len(block))
                start += len(block)
                if rows is None:
                    yield block
                    continue
                waiting.append(block)
                have += len(block)
                while have >= rows:
                    whole = pd.concat(waiting) if len(waiting) > 1 else waiting[0]
                    waiting, have = [whole.iloc[rows:]], have - rows
                    # A copy, so that a caller who keeps it does not keep the block.
                    yield whole.iloc[:rows].copy()
        if start == 0:
            raise ValueError("it has a header but no rows.")
        if have:
            yield pd.concat(waiting)

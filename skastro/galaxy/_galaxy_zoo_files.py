"""File formats of the Galaxy Zoo tables: CSV in several wrappings, and FITS."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from skastro.utils._optional import import_optional
from skastro.utils._unpack import bounded, check_member

# Rows held as text at once: strings take ten times the memory of the numbers.
CHUNK_ROWS = 100_000

_BROKEN = (EOFError, OSError, zlib.error, zipfile.BadZipFile)


def sniff(path: Path) -> str:
    """Tell the format by content: names lie, and a login page is no table.

    Parameters
    ----------
    path : Path
        An existing file.

    Returns
    -------
    {"fits", "csv", "csv.gz", "csv.zip"}
        What it is.

    Raises
    ------
    ValueError
        If it is empty, truncated or in no format that is read here.
    """
    with path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise ValueError("it is empty (0 bytes).")
    if start.startswith(b"PK\x03\x04"):
        return "csv.zip"
    if start.startswith(b"BZh"):
        raise ValueError("it is bzip2-compressed; unpack it first.")
    packed = start.startswith(b"\x1f\x8b")
    if packed:
        with _whole(), gzip.open(path, "rb") as file:
            start = file.read(8)
    if start.startswith(b"SIMPLE"):
        return "fits"
    if start.lstrip().startswith(b"<"):
        raise ValueError(
            "it starts with '<': a web page or a VOTable, not CSV or FITS."
        )
    return "csv.gz" if packed else "csv"


@contextmanager
def _whole() -> Iterator[None]:
    """Tell damage of the compression from other errors."""
    try:
        yield
    except FileNotFoundError:
        raise
    except _BROKEN as error:
        raise ValueError(f"it is truncated or damaged: {error}") from error


@contextmanager
def _open_text(path: Path, kind: str) -> Iterator[IO[bytes]]:
    """Open a CSV in any of its wrappings."""
    with _whole():
        if kind == "csv":
            with path.open("rb") as file:
                yield file
        elif kind == "csv.gz":
            with gzip.open(path, "rb") as packed:
                yield bounded(packed, path.stat().st_size)
        else:
            with zipfile.ZipFile(path) as archive:
                names = [n for n in archive.namelist() if not _is_clutter(n)]
                if len(names) != 1:
                    raise ValueError(
                        f"the archive must hold one CSV file, it holds {names}."
                    )
                check_member(archive.getinfo(names[0]))
                with archive.open(names[0]) as member:
                    yield bounded(member, path.stat().st_size)


def _is_clutter(name: str) -> bool:
    """Tell folders and what macOS adds to archives from the table."""
    return name.endswith("/") or name.startswith("__MACOSX/")


def read_csv_chunks(path: Path, kind: str) -> Iterator[pd.DataFrame]:
    """Read a CSV piece by piece, every cell as text.

    pandas turns ``588848900996792404.0`` into an int64 through a float without a word,
    and takes the first column for an index where rows are longer than the header; so
    numbers are made from text here, and row lengths are checked.

    Parameters
    ----------
    path : Path
        The file.
    kind : {"csv", "csv.gz", "csv.zip"}
        Its wrapping.

    Yields
    ------
    pandas.DataFrame
        Text columns, names in lower case; blank cells are NaN.

    Raises
    ------
    ValueError
        If it is broken, no CSV, or has unequal rows.
    """
    names = _csv_header(path, kind)
    with _open_text(path, kind) as file:
        reader = pd.read_csv(
            file,
            names=names,
            header=None,
            skiprows=1,
            dtype=str,
            index_col=False,
            keep_default_na=False,
            na_values=[""],
            skipinitialspace=True,
            encoding="utf-8-sig",
            chunksize=CHUNK_ROWS,
        )
        while (chunk := _next_chunk(reader)) is not None:
            yield chunk


def _next_chunk(reader: Iterator[pd.DataFrame]) -> pd.DataFrame | None:
    """Take one piece; rows longer than the header are an error, not a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return next(reader, None)
        except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
            raise ValueError(f"it has rows that do not fit its header: {error}") from (
                error
            )


def _csv_header(path: Path, kind: str) -> list[str]:
    """Read the first line and check the names."""
    with _open_text(path, kind) as file:
        line = file.readline(1 << 16)
    try:
        names = next(csv.reader([line.decode("utf-8-sig").rstrip("\r\n")]), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"it is no CSV text: {error}") from error
    names = [n.strip().lower() for n in names]
    repeated = sorted({n for n in names if names.count(n) > 1})
    if repeated:
        raise ValueError(f"it has columns twice: {repeated}.")
    return names


def read_fits_columns(path: Path) -> Iterator[pd.DataFrame]:
    """Read the first table of a FITS file in pieces.

    Parameters
    ----------
    path : Path
        The file, gzip-compressed or not.

    Yields
    ------
    pandas.DataFrame
        Columns as they are stored, names in lower case, native byte order.

    Raises
    ------
    ValueError
        If it is truncated or has no table.
    """
    fits = import_optional("astropy.io.fits", extra="astro")
    with _whole():
        content = path.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            with gzip.open(io.BytesIO(content)) as packed:
                content = bounded(packed, len(content)).read()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*truncated.*")
        # astropy before 7.2 words its error with a function that it deprecates.
        warnings.filterwarnings("ignore", message="The indent function")
        try:
            with fits.open(
                io.BytesIO(content), memmap=False, disable_image_compression=True
            ) as hdus:
                tables = [h for h in hdus if isinstance(h, fits.BinTableHDU)]
                columns = {
                    name.lower(): _native(np.asarray(tables[0].data[name]))
                    for name in (tables[0].columns.names if tables else [])
                }
        # astropy answers damage with errors of many kinds.
        except Exception as error:
            raise ValueError(f"it is truncated or damaged: {error}") from error
    if not columns:
        raise ValueError("it is a FITS file without a table.")
    n_rows = len(next(iter(columns.values())))
    for start in range(0, n_rows, CHUNK_ROWS):
        stop = start + CHUNK_ROWS
        yield pd.DataFrame({name: c[start:stop] for name, c in columns.items()})


def _native(column: np.ndarray) -> np.ndarray:
    """Give FITS values the byte order of the machine, and padded text its end."""
    if column.dtype.kind in "SU":
        text = np.char.strip(column.astype("U")).astype(object)
        text[text == ""] = np.nan
        return text
    return column.astype(column.dtype.newbyteorder("="))

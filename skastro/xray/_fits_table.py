"""Binary tables of FITS files, read as a stream of rows.

The layout of a row comes from astropy; the rows are read one block after the other and
only the wanted columns are converted. So a gzip-compressed file needs no more memory
than a plain one, and no pages of a memory map add up.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
import pandas as pd

from skastro.utils._optional import import_optional

_UNIT = 2880  # FITS files grow by this many bytes
_BLOCK = 1 << 24
_HEADER_UNITS = 4096
_END = b"END" + b" " * 77
_RELEASE = re.compile(r"4XMM[\s_-]*DR[\s_-]*(\d{1,2})(?!\d)", re.IGNORECASE)


class FitsTable:
    """The header of the first binary table of a FITS file.

    Parameters
    ----------
    file : binary file
        At its start, unpacked.
    size : int or None
        Bytes of the file; None if it is compressed.

    Attributes
    ----------
    names : list of str
        Columns, in lower case.
    release : str or None
        "DR9" to "DR14" if header cards tell it.

    Raises
    ------
    ImportError
        If astropy is not installed.
    ValueError
        If there is no table, or less of it than the header says.
    """

    def __init__(self, file: IO[bytes], size: int | None) -> None:
        self.names: list[str] = []
        self.release: str | None = None
        offset = 0
        while True:
            header, length = _read_header(file)
            self.release = self.release or _release(header)
            offset += length
            rows_span, span = _spans(header)
            if str(header.get("XTENSION", "")).strip() == "BINTABLE":
                break
            _skip(file, span)
            offset += span
        if size is not None and size < offset + span:
            raise ValueError(
                f"it is truncated: its table ends at byte {offset + span}, the file at "
                f"{size}."
            )
        self._offset = offset
        self._n_rows = int(header["NAXIS2"])
        self._columns, self._dtype = _layout(header)
        self.names = [str(name).strip().lower() for name in self._columns.names]
        if self._dtype.itemsize * self._n_rows != rows_span:
            raise ValueError(
                f"it is damaged: its columns take {self._dtype.itemsize} bytes a row, "
                f"its header says {header['NAXIS1']}."
            )

    def blocks(
        self, file: IO[bytes], kinds: Mapping[str, str]
    ) -> Iterator[dict[str, Any]]:
        """Yield arrays of some columns, block by block.

        Parameters
        ----------
        file : binary file
            At its start, unpacked.
        kinds : mapping of str to str
            Kind of each wanted column.

        Yields
        ------
        dict of str to array
            Typed values in native byte order.

        Raises
        ------
        ValueError
            If rows are missing, or a column or value is not of its kind.
        """
        _skip(file, self._offset)
        width = self._dtype.itemsize
        rows = max(1, _BLOCK // max(width, 1))
        done = 0
        while done < self._n_rows:
            take = min(rows, self._n_rows - done)
            content = file.read(take * width)
            if len(content) < take * width:
                raise ValueError(
                    f"it is truncated: of {self._n_rows} rows {done} to "
                    f"{done + len(content) // max(width, 1)} are there."
                )
            records = np.frombuffer(content, dtype=self._dtype)
            yield {name: self._convert(records, name, done, kinds) for name in kinds}
            done += take
        # To the end, so that the checksum of a compressed file is compared.
        while file.read(_BLOCK):
            pass

    def _convert(
        self, records: np.ndarray, name: str, start: int, kinds: Mapping[str, str]
    ) -> Any:
        """Convert one column of a block."""
        place = self.names.index(name)
        column = self._columns[place]
        values = records[self._dtype.names[place]]  # type: ignore[index]
        letter = re.sub(r"[^A-Z]", "", str(column.format).upper())[:1]
        if values.ndim != 1:
            raise ValueError(f"column {name} has {values.shape[1:]} values a row.")
        try:
            return _typed(values, letter, column, kinds[name])
        except _WrongRowError as error:
            row = start + error.row
            raise ValueError(f"row {row}, column {name}: {error}.") from None
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"column {name} (format {column.format}) {error}"
            ) from error


class _WrongRowError(Exception):
    def __init__(self, text: str, wrong: np.ndarray) -> None:
        super().__init__(text)
        self.row = int(np.argmax(wrong))


def _typed(values: np.ndarray, letter: str, column: Any, kind: str) -> Any:
    """Make the array that a tidy column of this kind has."""
    if kind == "text":
        if letter != "A":
            raise ValueError("is no text.")
        return _text(values)
    if letter == "L":
        if kind != "flag":
            raise ValueError("is logical, not numerical.")
        codes = values.view(np.int8)
        known = np.isin(codes, (ord("T"), ord("F"), 0))
        if not known.all():
            raise _WrongRowError("expected T, F or null", ~known)
        return pd.arrays.BooleanArray(codes == ord("T"), codes == 0)
    if letter == "A" and kind == "flag":
        text = _text(values).str.lower()
        yes, no = (text.isin(w).to_numpy(bool) for w in (("t", "true"), ("f", "false")))
        null = text.isna().to_numpy(bool)
        if not (yes | no | null).all():
            raise _WrongRowError("expected true or false", ~(yes | no | null))
        return pd.arrays.BooleanArray(yes, null)
    if letter not in "BIJKED":
        raise ValueError("holds no plain numbers.")
    return _number(values, letter, column, kind)


def _number(values: np.ndarray, letter: str, column: Any, kind: str) -> Any:
    """Convert numbers; nulls are those of TNULL, or NaN."""
    native = values.astype(values.dtype.newbyteorder("="))
    whole = letter in "BIJK"
    null = np.zeros(len(native), dtype=bool)
    if whole and column.null not in (None, ""):
        null = native == int(column.null)
    elif not whole:
        null = np.isnan(native)
    scale = 1 if column.bscale in (None, "") else column.bscale
    zero = 0 if column.bzero in (None, "") else column.bzero
    if kind == "id":
        if not whole or scale != 1:
            raise ValueError("holds no whole numbers; an id must be exact.")
        if null.any():
            raise _WrongRowError("an id is null", null)
        exact = native.astype(np.int64)
        if zero == 2**63:  # how FITS stores unsigned integers of 64 bits
            if (exact >= 0).any():
                raise _WrongRowError("an id exceeds 63 bits", exact >= 0)
            return exact ^ np.int64(-(2**63))
        return exact + np.int64(zero)
    # float32 products of errors and fluxes of 1e-14 would underflow.
    with np.errstate(invalid="ignore"):  # NaN of the signalling sort are NaN
        number = native.astype(np.float64)
    if scale != 1 or zero != 0:
        number = number * scale + zero
    if kind == "float":
        number[null] = np.nan
        return number
    wrong = ~null & ~((number >= 0) & (number <= 100) & (number % 1 == 0))
    if kind == "flag":
        wrong |= ~null & (number > 1)
    if wrong.any():
        text = "true or false" if kind == "flag" else "a small whole number"
        raise _WrongRowError(f"expected {text}, got {number[wrong][0]}", wrong)
    small = np.where(null, 0, number).astype(np.int8)
    if kind == "flag":
        return pd.arrays.BooleanArray(small == 1, null)
    return pd.arrays.IntegerArray(small, null)


def _text(values: np.ndarray) -> pd.Series:
    """Decode text; blanks become NaN."""
    try:
        cells = [v.decode("ascii").split("\0")[0].strip() for v in values.tolist()]
    except UnicodeDecodeError as error:
        raise ValueError(f"is no ASCII text: {error}") from error
    return pd.Series([c or None for c in cells], dtype="str")


def _read_header(file: IO[bytes]) -> tuple[Any, int]:
    """Read a header, and no more than a header can be long."""
    fits = import_optional("astropy.io.fits", extra="astro")
    units: list[bytes] = []
    while not units or not _ends(units[-1]):
        unit = file.read(_UNIT)
        if not unit and not units:
            raise ValueError("it is a FITS file without a binary table.")
        if len(unit) < _UNIT or len(units) == _HEADER_UNITS:
            raise ValueError("it is truncated within a header, or damaged.")
        units.append(unit)
    with _careful():
        header = fits.Header.fromstring(b"".join(units))
        # Parses every card, which astropy puts off.
        list(header.items())
    return header, _UNIT * len(units)


def _ends(unit: bytes) -> bool:
    return any(unit[i : i + 80] == _END for i in range(0, _UNIT, 80))


def _spans(header: Any) -> tuple[int, int]:
    """Count the bytes of the rows, and of all data with their padding."""
    with _careful():
        axes = [int(header[f"NAXIS{i + 1}"]) for i in range(int(header["NAXIS"]))]
        width = abs(int(header["BITPIX"])) // 8
        extra, groups = int(header.get("PCOUNT", 0)), int(header.get("GCOUNT", 1))
    if any(n < 0 for n in (*axes, extra, groups)):
        raise ValueError("it is damaged: its header has negative sizes.")
    rows = int(np.prod(axes, dtype=object)) if axes else 0
    return rows * width, -(-groups * width * (rows + extra) // _UNIT) * _UNIT


def _layout(header: Any) -> tuple[Any, np.dtype]:
    """Ask astropy for the columns and the layout of a row."""
    fits = import_optional("astropy.io.fits", extra="astro")
    with _careful():
        hdu = fits.BinTableHDU.fromstring(header.tostring().encode("ascii"))
        columns = hdu.columns
        dtype = np.dtype(columns.dtype).newbyteorder(">")
    if not columns.names:
        raise ValueError("it is a FITS table without columns.")
    return columns, dtype


@contextmanager
def _careful() -> Iterator[None]:
    """Turn whatever astropy raises about a damaged header into ValueError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except Exception as error:
            raise ValueError(f"its FITS header is damaged: {error!r}") from error


def _skip(file: IO[bytes], n_bytes: int) -> None:
    """Read on; seeking in compressed files reads as well."""
    while n_bytes > 0:
        content = file.read(min(n_bytes, _BLOCK))
        if not content:
            raise ValueError("it is truncated: its table is missing.")
        n_bytes -= len(content)


def _release(header: Any) -> str | None:
    """Look for the data release in the texts of a header."""
    cards = [str(card.value) + " " + str(card.comment) for card in header.cards]
    for text in cards:
        if match := _RELEASE.search(text):
            return f"DR{int(match[1])}"
    return None

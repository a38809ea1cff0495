"""CSV tables read block by block, with every row checked."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import IO, Any

import numpy as np
import pandas as pd

# Text held at once, and the longest line that is no nonsense, in bytes.
_BLOCK = 1 << 23
_LINE = 1 << 20

_BLANK = ["", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "N/A", "NA"]
# Before pandas 3.1 the default was off in the last digit.
_PANDAS = tuple(int(part) for part in pd.__version__.split(".")[:2])
_EXACT: dict[str, Any] = {"float_precision": "round_trip"} if _PANDAS < (3, 1) else {}
_YES = ("t", "true", "1", "1.0")
_NO = ("f", "false", "0", "0.0")


class CsvTable:
    """The header of a CSV file.

    Parameters
    ----------
    file : binary file
        At its start.

    Attributes
    ----------
    names : list of str
        Columns, in lower case.
    release : None
        CSV has no place for it.

    Raises
    ------
    ValueError
        If the first line is no header.
    """

    release: str | None = None

    def __init__(self, file: IO[bytes]) -> None:
        line = file.readline(_LINE)
        if not line.endswith(b"\n"):
            raise ValueError("it is truncated within its header, or no CSV text.")
        try:
            cells = next(csv.reader([line.decode("utf-8-sig").rstrip("\r\n")]), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"it is no CSV text: {error}") from error
        self.names = [cell.strip().lower() for cell in cells]

    def blocks(
        self, file: IO[bytes], kinds: Mapping[str, str]
    ) -> Iterator[dict[str, Any]]:
        """Yield arrays of some columns, block by block.

        Parameters
        ----------
        file : binary file
            At its start.
        kinds : mapping of str to str
            Kind of each wanted column.

        Yields
        ------
        dict of str to array
            Typed values.

        Raises
        ------
        ValueError
            If a row is longer or shorter than the header, the last line has no end, or
            a value is not of its kind.
        """
        file.readline(_LINE)
        number = 2
        while True:
            lines, numbers, size = [], [], 0
            while size < _BLOCK:
                line = file.readline(_LINE)
                if not line:
                    break
                if line.strip():
                    self._check(line, number)
                    lines.append(line)
                    numbers.append(number)
                    size += len(line)
                number += 1
            if not lines:
                return
            yield _parse(b"".join(lines), self.names, kinds, numbers)

    def _check(self, line: bytes, number: int) -> None:
        """Refuse what pandas would mend silently: long, short and cut rows."""
        if not line.endswith(b"\n"):
            raise ValueError(
                f"line {number} has no line end: the file is truncated (if it is not, "
                "add a line end), or no CSV text."
            )
        n_cells = line.count(b",") + 1
        if b'"' in line:
            if line.count(b'"') % 2:
                raise ValueError(f"line {number} has an open quote.")
            try:
                n_cells = len(next(csv.reader([line.decode("utf-8", "replace")])))
            except csv.Error as error:
                raise ValueError(f"line {number} is no CSV: {error}") from error
        if n_cells != len(self.names) or b"\0" in line:
            raise ValueError(
                f"line {number} has {n_cells} cells, the header has "
                f"{len(self.names)}: truncated, damaged or no CSV."
            )


def _parse(
    text: bytes, names: list[str], kinds: Mapping[str, str], numbers: list[int]
) -> dict[str, Any]:
    """Make typed arrays; numbers take the quick way unless it fails."""
    quick = {n: (float if kinds[n] == "float" else str) for n in kinds}
    try:
        cells = _cells(text, names, quick)
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no CSV text in UTF-8: {error}") from error
    except ValueError:
        # Odd spelling of a blank, or no number: look at every cell.
        cells = _cells(text, names, dict.fromkeys(kinds, str))
    return {name: _typed(cells[name], kind, numbers) for name, kind in kinds.items()}


def _cells(text: bytes, names: list[str], types: Mapping[str, type]) -> pd.DataFrame:
    out: pd.DataFrame = pd.read_csv(
        io.BytesIO(text),
        names=names,
        header=None,
        index_col=False,
        usecols=list(types),
        dtype=types,
        na_values=_BLANK,
        keep_default_na=False,
        skipinitialspace=True,
        skip_blank_lines=False,
        **_EXACT,
    )
    return out


def _typed(cells: pd.Series, kind: str, numbers: list[int]) -> Any:
    """Convert one column; an error names column, line and value."""
    if kind == "float" and cells.dtype == np.float64:
        return cells.to_numpy()
    text = cells.str.strip()
    blanks = [word.lower() for word in _BLANK]
    blank = (text.isna() | text.str.lower().isin(blanks)).to_numpy(dtype=bool)
    if kind == "text":
        return text.mask(blank)
    if kind == "id":
        _refuse(~_whole(text), text, "a whole number of up to 18 digits", numbers)
        # From text to int64 directly; a float would lose digits.
        return np.array([int(t) for t in text], dtype=np.int64)
    if kind == "flag":
        low = text.str.lower()
        yes, no = (low.isin(words).to_numpy(dtype=bool) for words in (_YES, _NO))
        _refuse(~(yes | no | blank), text, "true or false", numbers)
        return pd.arrays.BooleanArray(yes, blank)
    number = pd.to_numeric(text.mask(blank), errors="coerce").to_numpy(np.float64)
    _refuse(np.isnan(number) & ~blank, text, "a number", numbers)
    if kind == "float":
        return number
    wrong = ~blank & ~((number >= 0) & (number <= 100) & (number % 1 == 0))
    _refuse(wrong, text, "a small whole number", numbers)
    level = np.where(blank, 0, number).astype(np.int8)
    return pd.arrays.IntegerArray(level, blank)


def _whole(text: pd.Series) -> np.ndarray:
    return text.str.fullmatch(r"[+-]?[0-9]{1,18}").eq(True).to_numpy(dtype=bool)


def _refuse(wrong: np.ndarray, text: pd.Series, what: str, numbers: list[int]) -> None:
    """Raise for the first wrong cell."""
    if wrong.any():
        first = int(np.argmax(wrong))
        cell = text.iloc[first]
        shown = "a blank" if pd.isna(cell) else repr(str(cell)[:60])
        raise ValueError(
            f"line {numbers[first]}, column {text.name}: expected {what}, got {shown}."
        )

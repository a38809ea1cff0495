"""From cells of a Galaxy Zoo table to checked numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skastro.galaxy._objid import check_objids

FLAGS = ("spiral", "elliptical", "uncertain")
VOTES = (
    "p_el",
    "p_cw",
    "p_acw",
    "p_edge",
    "p_dk",
    "p_mg",
    "p_cs",
    "p_el_debiased",
    "p_cs_debiased",
)


_TRUTH = {"True": "1", "False": "0", "T": "1", "F": "0"}


def tidy_chunk(raw: pd.DataFrame, start: int) -> pd.DataFrame:
    """Check one piece of a table and give it its final columns.

    Parameters
    ----------
    raw : pandas.DataFrame
        Cells as text or as numbers, names in lower case.
    start : int
        Index of its first row in the file, for messages.

    Returns
    -------
    pandas.DataFrame
        The columns that `read_galaxy_zoo1_table` documents.

    Raises
    ------
    ValueError
        What is wrong, with the first row.
    """
    ra_name, dec_name, has_votes = _check_columns(list(raw.columns))
    out: dict[str, np.ndarray] = {"objid": _ids(raw["objid"], start)}
    out["ra"] = _coordinate(raw[ra_name], start, hours=ra_name == "ra", name="RA")
    out["dec"] = _coordinate(raw[dec_name], start, hours=False, name="DEC")
    _check_range(out["ra"], 0.0, 360.0, "RA (degrees)", start, blank=True)
    _check_range(out["dec"], -90.0, 90.0, "DEC (degrees)", start, blank=True)
    if has_votes:
        votes = _numbers(raw["nvote"], "NVOTE", start)
        _check_range(votes, 0, 2**31 - 1, "NVOTE", start)
        _refuse(votes != np.floor(votes), start, "NVOTE is not a whole number")
        out["nvote"] = votes.astype(np.int32)
        for name in VOTES:
            out[name] = _numbers(raw[name], name.upper(), start)
            _check_range(out[name], 0.0, 1.0, name.upper(), start)
    total = np.zeros(len(raw), dtype=np.int64)
    for name in FLAGS:
        # pandas writes True, FITS may hold T.
        cells = raw[name]
        if not pd.api.types.is_numeric_dtype(cells):
            cells = cells.replace(_TRUTH)
        flag = _numbers(cells, name.upper(), start)
        _refuse((flag != 0) & (flag != 1), start, f"the flag {name.upper()} is not 0/1")
        out[name] = flag == 1
        total += out[name]
    _refuse(
        total != 1, start, "not exactly one of SPIRAL, ELLIPTICAL, UNCERTAIN is set"
    )
    return pd.DataFrame(out)


def _check_columns(names: list[str]) -> tuple[str, str, bool]:
    """Find the coordinate columns and whether the votes are there."""
    coordinates = [
        pair
        for pair in (("ra", "dec"), ("ra_deg", "dec_deg"))
        if set(pair) & set(names)
    ]
    ra_name, dec_name = coordinates[0] if coordinates else ("ra", "dec")
    needed = ["objid", ra_name, dec_name, *FLAGS]
    votes = ["nvote", *VOTES]
    has_votes = any(v in names for v in votes)
    if has_votes:
        needed += votes
    missing = [n.upper() for n in needed if n not in names]
    if missing:
        shown = ", ".join(names[:20])
        raise ValueError(
            f"columns are missing: {', '.join(missing)}. It has: {shown or 'none'}."
        )
    return ra_name, dec_name, has_votes


def _refuse(bad: np.ndarray, start: int, what: str) -> None:
    """Raise if any row is bad, with the count and the first."""
    if bad.any():
        row = start + int(np.argmax(bad))
        raise ValueError(f"{what} in {int(bad.sum())} rows, the first is row {row}.")


def _check_range(
    values: np.ndarray,
    low: float,
    high: float,
    name: str,
    start: int,
    blank: bool = False,
) -> None:
    """Refuse values outside of [low, high], and NaN unless blank is fine."""
    inside = (values >= low) & (values <= high)
    if blank:
        inside |= np.isnan(values)
    _refuse(~inside, start, f"{name} is not between {low:g} and {high:g}")


def _is_text(column: pd.Series) -> bool:
    """Tell text cells from numbers (an all-blank text column has no text)."""
    return not pd.api.types.is_numeric_dtype(column.dtype)


def _ids(column: pd.Series, start: int) -> np.ndarray:
    """Read ids exactly; a blank one usually means a row that was cut off."""
    blank = column.isna().to_numpy()
    _refuse(blank, start, "OBJID is blank (is the file truncated?)")
    if _is_text(column):
        return check_objids(column.to_numpy(dtype="U"), name="OBJID")
    return check_objids(column.to_numpy(), name="OBJID")


def _numbers(column: pd.Series, name: str, start: int) -> np.ndarray:
    """Make float64 of a column without blanks."""
    blank = column.isna().to_numpy()
    _refuse(blank, start, f"{name} is blank (is the file truncated?)")
    return _floats(column, name, start)


def _floats(column: pd.Series, name: str, start: int) -> np.ndarray:
    """Make float64 of text or numbers; blank cells become NaN."""
    if not _is_text(column):
        return column.to_numpy(dtype=np.float64)
    text = column.fillna("0").to_numpy(dtype=object).astype("U")
    try:
        # Python's own rules, to the last bit, except for 1_000.
        values = text.astype(np.float64)
        wrong = np.isnan(values) | (np.strings.count(text, "_") > 0)
    except ValueError:
        wrong = np.array([not _is_float(t) for t in text])
        values = np.full(len(text), np.nan)
    if wrong.any():
        example = str(text[int(np.argmax(wrong))])
        _refuse(wrong, start, f"{name} is no number ({example!r})")
    values[column.isna().to_numpy()] = np.nan
    return values


def _is_float(text: str) -> bool:
    """Tell whether Python reads a number here."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _coordinate(column: pd.Series, start: int, *, hours: bool, name: str) -> np.ndarray:
    """Read degrees, or sexagesimal text (right ascension in hours)."""
    if not _is_text(column):
        return column.to_numpy(dtype=np.float64)
    blank = column.isna().to_numpy()
    text = column.fillna("0:0:0").to_numpy(dtype=object).astype("U")
    colons = np.strings.count(text, ":")
    if not (colons[~blank] > 0).any():
        return _floats(column, name, start)
    _refuse(colons != 2, start, f"{name} is not sexagesimal (d:m:s) like other rows")
    values = _sexagesimal(text, start, name)
    values *= 15.0 if hours else 1.0
    values[blank] = np.nan
    return values


def _sexagesimal(text: np.ndarray, start: int, name: str) -> np.ndarray:
    """Turn ``-00:30:15.5`` into -0.504...; the sign belongs to the whole."""
    text = np.strings.strip(text)
    negative = np.strings.startswith(text, "-")
    signed = negative | np.strings.startswith(text, "+")
    # np.strings.partition is of NumPy 2.1 and newer.
    first, _, rest = np.moveaxis(np.char.partition(text, ":"), -1, 0)
    minutes, _, seconds = np.moveaxis(np.char.partition(rest, ":"), -1, 0)
    bare = np.strings.lstrip(first, "+-")
    one_sign = np.strings.str_len(first) - np.strings.str_len(bare) == signed
    whole = one_sign & np.strings.isdigit(bare) & np.strings.isdigit(minutes)
    digits = np.strings.replace(seconds, ".", "", 1)
    whole &= np.strings.isdigit(digits)
    if not whole.all():
        example = str(text[int(np.argmax(~whole))])
        _refuse(~whole, start, f"{name} is not sexagesimal ({example!r})")
    d, m, s = (part.astype(np.float64) for part in (bare, minutes, seconds))
    _refuse((m >= 60) | (s >= 60), start, f"{name} has minutes or seconds over 60")
    value = d + m / 60.0 + s / 3600.0
    return np.where(negative, -value, value)

"""The words of tidy catalogue frames: names of columns, their units and kinds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

# Kinds of columns: "id" int64, "float" float64, "flag" nullable boolean, "level"
# nullable Int8, "text" str.
Kind = str

_FLUX = "erg/cm2/s"
XMM_BANDS = ("1", "2", "3", "4", "5", "8", "9")
CHANDRA_BANDS = ("s", "m", "h")
MAGNITUDES = (
    *("gmag", "bpmag", "rpmag", "jmag", "hmag"),
    *("kmag", "w1mag", "w2mag", "w3mag"),
)

# A unit of "" is a pure number; text and identifiers have none.
UNITS: dict[str, str] = {
    "ra": "deg",
    "dec": "deg",
    "pos_err": "arcsec",
    "det_ml": "",
    "rate": "ct/s",
    "rate_err": "ct/s",
    "extent": "arcsec",
    "extent_err": "arcsec",
    "extent_ml": "",
    "chi2_prob": "",
    "fvar": "",
    "fvar_err": "",
    "flux_8_min": _FLUX,
    "flux_8_min_err": _FLUX,
    "flux_8_max": _FLUX,
    "flux_8_max_err": _FLUX,
    "var_intra_prob": "",
    "var_inter_prob": "",
    "significance": "",
    "powlaw_gamma": "",
    "powlaw_gamma_err": "",
    "parallax": "mas",
    "parallax_err": "mas",
    "parallax_snr": "",
    "pm": "mas/yr",
    "pm_err": "mas/yr",
    "excess_noise": "mas",
    "excess_noise_sig": "",
    "ruwe": "",
    "distance": "pc",
    "fx_fo": "",
    "p_any": "",
    "p_i": "",
}
for _band in (*XMM_BANDS, *CHANDRA_BANDS):
    UNITS[f"flux_{_band}"] = UNITS[f"flux_{_band}_err"] = _FLUX
for _number in (1, 2, 3, 4):
    for _source in ("rate", "flux"):
        _ratio = f"hr{_number}_{_source}"
        UNITS[_ratio] = UNITS[f"{_ratio}_err"] = ""
for _magnitude in MAGNITUDES:
    UNITS[_magnitude] = UNITS[f"{_magnitude}_err"] = "mag"

# What must not become a feature: names, positions (they mirror where classes were
# looked for), quality levels, and what says how a label came about.
NOT_FEATURES = frozenset(
    {
        *("source_id", "detection_id", "name", "counterpart_name", "label"),
        *("sub_class", "ref", "ra", "dec", "pos_err", "position_from", "sum_flag"),
        *("mw_counterpart", "p_any", "p_i"),
    }
)


class Column(NamedTuple):
    """One column of a tidy frame and where a file has it.

    Parameters
    ----------
    name : str
        Tidy name.
    raw : str
        Name in the file, in lower case.
    kind : {"id", "float", "flag", "level", "text"}
        What it holds.
    needed : bool
        Whether a file without it is refused.
    """

    name: str
    raw: str
    kind: Kind = "float"
    needed: bool = False


def feature_names(columns: Iterable[str]) -> list[str]:
    """Keep the columns that may be features of a classifier.

    Parameters
    ----------
    columns : iterable of str
        Names of a tidy frame.

    Returns
    -------
    list of str
        Those that are no identifier, position, label or trace of how labels were made.
    """
    return [name for name in columns if name not in NOT_FEATURES]


def describe(frame: pd.DataFrame, catalogue: str) -> pd.DataFrame:
    """Note the units and the catalogue in the attributes of a frame.

    Parameters
    ----------
    frame : DataFrame
        Tidy; changed in place.
    catalogue : str
        Where it comes from.

    Returns
    -------
    DataFrame
        The same frame.
    """
    frame.attrs["units"] = {c: UNITS[c] for c in frame.columns if c in UNITS}
    frame.attrs["catalogue"] = catalogue
    return frame


def choose_columns(
    layout: Sequence[Column], found: Iterable[str], columns: Sequence[str] | None
) -> list[Column]:
    """Choose what to read from a file, and refuse a file that lacks it.

    Parameters
    ----------
    layout : sequence of Column
        All columns that such a file can give.
    found : iterable of str
        Names in the file, in lower case.
    columns : sequence of str or None
        Tidy names that were asked for; None takes all that the file has.

    Returns
    -------
    list of Column
        In the order of `columns`, or of the layout.

    Raises
    ------
    ValueError
        If names are unknown or the file lacks needed columns.
    """
    there = set(found)
    if columns is None:
        chosen = [c for c in layout if c.needed or c.raw in there]
    else:
        names = [columns] if isinstance(columns, str) else list(columns)
        by_name = {c.name: c for c in layout}
        unknown = [n for n in names if n not in by_name]
        if unknown:
            raise ValueError(f"it gives no {unknown}; there are {list(by_name)}.")
        if not names:
            raise ValueError("columns must name at least one column.")
        chosen = [by_name[n] for n in dict.fromkeys(names)]
    missing = [c.raw for c in chosen if c.raw not in there]
    if missing:
        raise ValueError(
            f"it lacks the columns {missing} (in any case); it has "
            f"{shortened(sorted(there))}."
        )
    return chosen


def shortened(names: Sequence[object], limit: int = 40) -> str:
    """Write names out, but not hundreds of them."""
    text = ", ".join(str(name)[:60] for name in names[:limit])
    return text + (f" and {len(names) - limit} more" if len(names) > limit else "")


def existing_file(path: Path, what: str) -> None:
    """Raise FileNotFoundError unless there is such a file."""
    if not path.is_file():
        why = "is a folder" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"{what} {path} {why}.")


def check_chunksize(chunksize: Any) -> int:
    """Take a positive whole number of rows."""
    whole = isinstance(chunksize, Integral) and not isinstance(chunksize, bool)
    if not whole or chunksize < 1:
        raise ValueError(f"chunksize must be a positive integer, got {chunksize!r}.")
    return int(chunksize)

"""Reader of the Galaxy Zoo 1 table of flags (Table 2 of the data release)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from skastro.galaxy._galaxy_zoo_files import read_csv_chunks, read_fits_columns, sniff
from skastro.galaxy._galaxy_zoo_parse import VOTES, tidy_chunk

_OPTIONS = ("drop", "raise", "keep")


def read_galaxy_zoo1_table(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str] | None = None,
    duplicates: str = "drop",
) -> pd.DataFrame:
    r"""Read Galaxy Zoo 1 Table 2, official or in the compact form.

    Takes CSV (plain, ``.gz`` or ``.zip``) and FITS tables (plain or ``.gz``),
    recognised by content. Column names are matched without regard to case. Ids stay
    int64 from the file to the result; nothing passes through a float.

    Parameters
    ----------
    path : str or path-like
        File with either the 16 official columns (``OBJID`` to ``UNCERTAIN``) or the
        compact ones: ``OBJID``, the coordinates and the three flags. Coordinates are
        ``RA`` and ``DEC`` (sexagesimal strings, right ascension in **hours**, or
        numbers in degrees) or ``RA_DEG`` and ``DEC_DEG``. Other columns are ignored.
    columns : sequence of str, default=None
        Columns of the result; ``objid`` is always there. All columns are read and
        checked in any case. None keeps all.
    duplicates : {"drop", "raise", "keep"}, default="drop"
        What happens to identical rows of one id: all but the first are dropped, the
        file is refused with their list, or they stay. Rows of one id that differ are
        always refused.

    Returns
    -------
    pandas.DataFrame
        One row an object, in the order of the file:

        - ``objid`` : int64, SDSS DR7 object id.
        - ``ra``, ``dec`` : float64, degrees (J2000); NaN only where the file is blank.
        - ``nvote`` : int32, number of votes (16-column form only, as the next).
        - ``p_el``, ``p_cw``, ``p_acw``, ``p_edge``, ``p_dk``, ``p_mg``, ``p_cs`` :
          float64, fraction of votes for elliptical, clockwise, anticlockwise, edge-on,
          don't know, merger, combined spiral.
        - ``p_el_debiased``, ``p_cs_debiased`` : float64, corrected fractions.
        - ``spiral``, ``elliptical``, ``uncertain`` : bool, exactly one True a row.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is truncated or something else, columns are missing, ids are not
        whole numbers, coordinates or fractions are out of range, or a row has flags
        other than one 1 and two 0. The message names the file and the first fault.

    See Also
    --------
    flag_labels : Class labels from the flags.
    skastro.datasets.fetch_galaxy_zoo1_table : Downloads the official table.

    Notes
    -----
    The table holds no redshift; see `join_redshift`.

    References
    ----------
    Lintott et al. 2008, MNRAS 389, 1179; Lintott et al. 2011, MNRAS 410, 166.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from skastro.galaxy import read_galaxy_zoo1_table
    >>> rows = "OBJID,RA,DEC,SPIRAL,ELLIPTICAL,UNCERTAIN"
    >>> rows += "\n587727178986356823,00:00:00.41,-10:22:25.7,0,0,1"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "table.csv")
    ...     _ = path.write_text(rows)
    ...     table = read_galaxy_zoo1_table(path)
    >>> table[["objid", "dec", "uncertain"]].values.tolist()
    [[587727178986356823, -10.373805555555556, True]]
    """
    if duplicates not in _OPTIONS:
        raise ValueError(f"duplicates must be one of {_OPTIONS}, got {duplicates!r}.")
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"Galaxy Zoo table {path} {what}.")
    pieces = []
    start = 0
    try:
        kind = sniff(path)
        fits = kind == "fits"
        for raw in read_fits_columns(path) if fits else read_csv_chunks(path, kind):
            pieces.append(tidy_chunk(raw, start))
            start += len(raw)
    except (ValueError, TypeError) as error:
        raise ValueError(f"Galaxy Zoo table {path}: {error}") from error
    if start == 0:
        raise ValueError(f"Galaxy Zoo table {path} has a header but no rows.")
    table = pd.concat(pieces, ignore_index=True)
    table = _resolve_duplicates(table, duplicates, path)
    return table if columns is None else _select(table, columns, path)


def _resolve_duplicates(table: pd.DataFrame, option: str, path: Path) -> pd.DataFrame:
    """Refuse contradictions; drop, refuse or keep plain repeats."""
    repeated = table["objid"].duplicated(keep=False)
    if not repeated.any():
        return table
    suspects = table[repeated]
    different = suspects[~suspects.duplicated(keep="first")]
    conflicting = different["objid"][different["objid"].duplicated()].unique()
    if conflicting.size:
        raise ValueError(
            f"Galaxy Zoo table {path}: {conflicting.size} object ids have rows that "
            f"contradict each other: {list_ids(conflicting)}."
        )
    if option == "raise":
        ids = suspects["objid"].unique()
        raise ValueError(
            f"Galaxy Zoo table {path}: {len(suspects) - ids.size} repeated rows, of "
            f"{ids.size} object ids: {list_ids(ids)}. duplicates='drop' keeps the "
            "first of each."
        )
    if option == "keep":
        return table
    return table[~table["objid"].duplicated()].reset_index(drop=True)


def list_ids(ids: np.ndarray, limit: int = 1000) -> str:
    """Write ids out for a message, all of them unless there are very many."""
    text = ", ".join(str(i) for i in ids[:limit])
    return text + (f" and {len(ids) - limit} more" if len(ids) > limit else "")


def _select(table: pd.DataFrame, columns: Sequence[str], path: Path) -> pd.DataFrame:
    """Keep the columns that were asked for, and the ids."""
    names = [columns] if isinstance(columns, str) else list(columns)
    unknown = [c for c in names if c not in table.columns]
    if unknown:
        compact = [c for c in unknown if c in ("nvote", *VOTES)]
        why = " (the compact form has no votes)" if compact else ""
        raise ValueError(
            f"Galaxy Zoo table {path} gives no column {unknown}{why}; it has "
            f"{list(table.columns)}."
        )
    order = ["objid", *(c for c in dict.fromkeys(names) if c != "objid")]
    return table[order]

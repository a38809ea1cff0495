"""Reader of the 4XMM catalogues of XMM-Newton."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np
import pandas as pd

from skastro.xray._catalogue import (
    Column,
    check_chunksize,
    choose_columns,
    describe,
    existing_file,
)
from skastro.xray._layout_4xmm import layout_of
from skastro.xray._table_files import TableFile

_PathLike = str | os.PathLike[str]


@overload
def read_4xmm(
    path: _PathLike, *, columns: Sequence[str] | None = ..., chunksize: None = ...
) -> pd.DataFrame: ...
@overload
def read_4xmm(
    path: _PathLike, *, columns: Sequence[str] | None = ..., chunksize: int
) -> Iterator[pd.DataFrame]: ...
def read_4xmm(
    path: _PathLike,
    *,
    columns: Sequence[str] | None = None,
    chunksize: int | None = None,
) -> pd.DataFrame | Iterator[pd.DataFrame]:
    r"""Read a 4XMM catalogue, DR9 to DR14: full or slim, FITS or CSV.

    Format, compression (gzip) and kind of table are told by content. Column names are
    matched without regard to case, other columns are skipped. Ids stay int64 from the
    file to the result; nothing passes through a float.

    Parameters
    ----------
    path : str or path-like
        The full table (a row per detection) or the slim one (a row per source, columns
        ``sc_*``), or a selection of columns of one of them. FITS needs the extra
        ``astro``.
    columns : sequence of str, default=None
        Tidy names of the columns to read, which then must be there. None reads all
        that the file has, and refuses a file without ids, position, hardness ratios,
        and rate (full) and band-8 flux.
    chunksize : int, default=None
        Give an iterator of frames of this many rows. None gives one frame.

    Returns
    -------
    pandas.DataFrame or iterator of pandas.DataFrame
        In the order of the file, the index counts its rows. Floats are float64, NaN
        where the catalogue has no value:

        - ``source_id`` : int64, ``srcid``; the group of detections of one source.
        - ``detection_id`` : int64, ``detid`` (full).
        - ``name`` : str. ``ra``, ``dec`` : degrees (J2000), of the detection in the
          full table. ``pos_err`` : arcsec.
        - ``det_ml`` : detection likelihood, 0.2-12 keV.
        - ``rate``, ``rate_err`` : ct/s, EPIC, 0.2-12 keV (full only).
        - ``flux_1`` to ``flux_5``, ``flux_8``, ``flux_9`` and ``*_err`` : erg/cm2/s
          in 0.2-0.5, 0.5-1, 1-2, 2-4.5, 4.5-12, 0.2-12 and 0.5-4.5 keV.
        - ``flux_8_min``, ``flux_8_max`` and ``*_err`` : erg/cm2/s, of the detections
          of a source (slim only).
        - ``hr1_rate`` to ``hr4_rate`` and ``*_err`` : (B - A)/(B + A) of the **count
          rates** in neighbouring bands; in the slim table the weighted mean of those
          of the detections.
        - ``extent``, ``extent_err`` : arcsec, 0 is a point. ``extent_ml``.
        - ``chi2_prob`` : probability of a constant flux, the minimum over exposures.
        - ``fvar``, ``fvar_err`` : fractional variability; of the pn camera (full),
          ``sc_fvar`` (slim).
        - ``var_flag`` : nullable boolean. ``sum_flag`` : nullable Int8, 0 good to 4.

        ``attrs`` has "units" (dict), "catalogue" ("4XMM", with the release where a FITS
        header tells it) and "table" ("full" or "slim").

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If it is FITS and astropy is not installed.
    ValueError
        If it is empty, truncated, damaged or no 4XMM table; the message names the file
        and the columns or values at fault. With `chunksize`, damage behind the header
        of a CSV or compressed file shows when it is reached.

    See Also
    --------
    classify_catalogue : Class probabilities chunk by chunk.
    skastro.datasets.fetch_4xmm_dr13 : Downloads DR13.

    Notes
    -----
    At no time is more than a chunk (and 16 MB of the file) in memory, also of
    compressed files: they are read as a stream, not memory-mapped. Of a row only the
    chosen columns are converted.

    There is no single fractional variability of EPIC in the full table; that of pn is
    missing where pn has no time series, also if the MOS cameras have one.

    References
    ----------
    Webb et al. 2020, A&A 641, A136.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from skastro.xray import read_4xmm
    >>> rows = "SRCID,SC_RA,SC_DEC,SC_HR1\n206939010010042,10.5,-3.25,\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "slim.csv")
    ...     _ = path.write_text(rows)
    ...     table = read_4xmm(path, columns=["source_id", "ra", "hr1_rate"])
    >>> table["source_id"].tolist(), table["hr1_rate"].tolist()
    ([206939010010042], [nan])
    """
    if chunksize is not None:
        check_chunksize(chunksize)
    path = Path(path)
    existing_file(path, "4XMM catalogue")
    try:
        file = TableFile(path)
        table, layout = layout_of(file.names)
        chosen = choose_columns(layout, file.names, columns)
    except ValueError as error:
        raise ValueError(f"4XMM catalogue {path}: {error}") from error
    frames = _frames(file, table, chosen, chunksize)
    if chunksize is not None:
        return frames
    pieces = list(frames)
    return pd.concat(pieces) if len(pieces) > 1 else pieces[0]


def _frames(
    file: TableFile, table: str, chosen: list[Column], rows: int | None
) -> Iterator[pd.DataFrame]:
    """Yield tidy frames."""
    catalogue = f"4XMM-{file.release}" if file.release else "4XMM"
    kinds = {column.raw: column.kind for column in chosen}
    try:
        for frame in file.frames(kinds, rows):
            frame.columns = pd.Index([column.name for column in chosen])
            check_positions(frame)
            describe(frame, catalogue)
            frame.attrs["table"] = table
            yield frame
    except ValueError as error:
        raise ValueError(f"4XMM catalogue {file.path}: {error}") from error


def check_positions(frame: pd.DataFrame) -> None:
    """Refuse positions that are not in degrees.

    Parameters
    ----------
    frame : DataFrame
        Tidy.

    Raises
    ------
    ValueError
        If a right ascension or declination is out of range.
    """
    for name, low, high in (("ra", 0, 360), ("dec", -90, 90)):
        if name in frame:
            wrong = (frame[name] < low) | (frame[name] > high)
            if wrong.any():
                row = int(np.argmax(wrong.to_numpy()))
                raise ValueError(
                    f"row {frame.index[row]}: {name} must be from {low} to {high} "
                    f"degrees, got {frame[name].iloc[row]}."
                )

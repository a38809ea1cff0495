"""The 4XMM-DR13 catalogue of XMM-Newton."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sklearn.utils import Bunch

from skastro.utils._fetch import fetch_file
from skastro.xray._catalogue import feature_names
from skastro.xray._read_4xmm import read_4xmm

# The consortium's site, and the copy that NASA's archive keeps.
_SITE = "http://xmmssc.irap.omp.eu/Catalogue/4XMM-DR13/"
_ARCHIVE = "https://heasarc.gsfc.nasa.gov/FTP/xmm/data/catalogues/"


class _Table(NamedTuple):
    file: str
    archived: str
    n_rows: int
    rows: str


_TABLES = {
    "full": _Table(
        "4XMM_DR13cat_v1.0.fits.gz", "4XMM_DR13cat_v1.0.fits.gz", 983_948, "detections"
    ),
    "slim": _Table(
        "4XMM_slim_DR13cat_v1.0.fits.gz",
        "4XMM_DR13cat_slim_v1.0.fits.gz",
        656_997,
        "sources",
    ),
}

_DESCR = """4XMM-DR13, the XMM-Newton serendipitous source catalogue ({table} table)

{n_rows:,} {rows} of 13,243 observations between 2000 and 2022, 0.2-12 keV.
No classes.

Source: http://xmmssc.irap.omp.eu, XMM-Newton Survey Science Centre (VizieR IX/69).
Licence: none is given; public, to be acknowledged: "This research has made use of data
obtained from the 4XMM XMM-Newton serendipitous source catalogue compiled by the
XMM-Newton Survey Science Centre consortium."
Cite: Webb et al. 2020, A&A 641, A136.
"""


def fetch_4xmm_dr13(
    *,
    table: str = "slim",
    columns: Sequence[str] | None = None,
    chunksize: int | None = None,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    url: str | None = None,
    known_hash: str | None = None,
    verbose: int = 0,
) -> Bunch:
    """Load 4XMM-DR13: 983,948 X-ray detections or 656,997 sources of XMM-Newton.

    Parameters
    ----------
    table : {"slim", "full"}, default="slim"
        A row per source (about 90 MB to download), or per detection (several times
        that). Only the full table has count rates.
    columns : sequence of str, default=None
        Tidy names of the columns to read; None reads all, see `read_4xmm`.
    chunksize : int, default=None
        Give ``data`` as an iterator of frames of this many rows.
    data_home : path-like, default=None
        Folder of downloads; None takes ``SKASTRO_DATA`` or the system's cache folder.
        The file has its official name, in ``xray``.
    download_if_missing : bool, default=True
        If False, a missing file is an error. A file that is there is never asked for.
    url : str, default=None
        Another address of the same table, a mirror for instance.
    known_hash : str, default=None
        SHA-256 of the file. None records the hash of the first download, which later
        ones must match.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    Bunch
        - ``data`` : DataFrame, or iterator of DataFrame with `chunksize`; all columns
          of `read_4xmm`, or `columns`.
        - ``frame`` : the same DataFrame; None with `chunksize`.
        - ``target`` : None, the catalogue has no classes.
        - ``feature_names`` : list of str, the columns that may be features: no ids,
          names, positions and quality flags. None with `chunksize`.
        - ``filename`` : str. ``DESCR`` : str.

    Raises
    ------
    ImportError
        If astropy is not installed.
    OSError
        If the file is missing and cannot be downloaded; the message has the addresses
        and the steps to do by hand.
    ValueError
        If `table` is unknown, or hash, format or number of rows are wrong.

    See Also
    --------
    skastro.xray.read_4xmm : The columns and their units; other releases.
    skastro.xray.classify_catalogue : Class probabilities in chunks.

    Notes
    -----
    Source: the XMM-Newton Survey Science Centre, xmmssc.irap.omp.eu. Licence: none is
    given; use the acknowledgement in ``DESCR``. No checksum is published: format,
    compression checksum and number of rows are checked, and the first hash is recorded.

    References
    ----------
    Webb et al. 2020, A&A 641, A136.

    Examples
    --------
    >>> from skastro.datasets import fetch_4xmm_dr13
    >>> xmm = fetch_4xmm_dr13(columns=["source_id", "ra", "dec"])  # doctest: +SKIP
    >>> len(xmm.data)  # doctest: +SKIP
    656997
    """
    if not isinstance(table, str) or table not in _TABLES:
        raise ValueError(f"table must be one of {list(_TABLES)}, got {table!r}.")
    about = _TABLES[table]
    path = fetch_file(
        (_SITE + about.file, _ARCHIVE + about.archived) if url is None else url,
        f"xray/{about.file}",
        data_home=data_home,
        known_hash=known_hash,
        validate=partial(_check, table=table),
        download_if_missing=download_if_missing,
        timeout=60.0,
        verbose=verbose,
    )
    data: Any
    if chunksize is None:
        data = read_4xmm(path, columns=columns)
    else:
        data = read_4xmm(path, columns=columns, chunksize=chunksize)
    return Bunch(
        data=data,
        frame=data if chunksize is None else None,
        target=None,
        feature_names=feature_names(data.columns) if chunksize is None else None,
        filename=str(path),
        DESCR=_DESCR.format(table=table, n_rows=about.n_rows, rows=about.rows),
    )


def _check(path: Path, table: str) -> None:
    """Read ids and positions of all rows, which unpacks the whole file."""
    # Without columns=, a file that lacks what is needed is refused at once.
    read_4xmm(path, chunksize=1)
    n_rows = 0
    for chunk in read_4xmm(path, columns=["source_id"], chunksize=100_000):
        if chunk.attrs["table"] != table:
            raise ValueError(
                f"{path} is the {chunk.attrs['table']} table of 4XMM, not the {table} "
                "one."
            )
        n_rows += len(chunk)
    expected = _TABLES[table].n_rows
    if n_rows != expected:
        raise ValueError(
            f"{path} must have {expected} rows ({table} table of DR13), it has "
            f"{n_rows}: another release, or a part."
        )

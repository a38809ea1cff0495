"""Galaxy Zoo 1: the table of votes and flags."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sklearn.utils import Bunch

from skastro.galaxy._catalogue import flag_labels
from skastro.galaxy._galaxy_zoo import read_galaxy_zoo1_table
from skastro.galaxy._galaxy_zoo_parse import FLAGS, VOTES
from skastro.utils._fetch import fetch_file

_MIRROR = "https://static.zooniverse.org/data.galaxyzoo.org/data/gz1/"
_TABLE_URLS = (
    "https://galaxy-zoo-1.s3.amazonaws.com/GalaxyZoo1_DR_table2.csv.gz",
    _MIRROR + "GalaxyZoo1_DR_table2.csv.gz",
)
_TABLE_SHA256 = "5121e43f502856c9f73e31934a6e7d7282669c3ae065564a31f5d5115f45541d"
_TABLE_NAME = "galaxy_zoo1/GalaxyZoo1_DR_table2.csv.gz"
_TABLE_ROWS = 667_944

_TABLE_DESCR = """Galaxy Zoo 1, Table 2 of the data release

667,944 galaxies of SDSS DR7 with spectra: fractions of the volunteers' votes, two
fractions corrected for bias, and a flag: spiral, elliptical or uncertain.

Source: https://data.galaxyzoo.org. Licence: public, to be cited.
Cite: Lintott et al. 2008, MNRAS 389, 1179; Lintott et al. 2011, MNRAS 410, 166.
"""


def fetch_galaxy_zoo1_table(
    *,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
    url: str | None = None,
    known_hash: str | None = None,
    verbose: int = 0,
) -> Any:
    """Load Galaxy Zoo 1 Table 2: votes and flags of 667,944 galaxies (20 MB).

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of downloads; None takes ``SKASTRO_DATA`` or the system's cache folder.
        The file is ``galaxy_zoo1/GalaxyZoo1_DR_table2.csv.gz`` in it.
    download_if_missing : bool, default=True
        If False, a missing file is an error.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Give ``data`` and ``target`` as pandas objects indexed by ``objid``.
    url : str, default=None
        Another address of the same table, a mirror for instance. None takes the
        official ones.
    known_hash : str, default=None
        SHA-256 that belongs to `url`. None with a `url` records the hash of the first
        download.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    Bunch or (data, target)
        - ``data`` : ndarray or DataFrame of shape (667944, 9), fractions of votes.
        - ``target`` : ndarray of str or Series, "spiral", "elliptical", "uncertain".
        - ``objid`` : ndarray of int64, ``ra`` and ``dec`` : ndarray, degrees.
        - ``table`` : DataFrame, all columns of `read_galaxy_zoo1_table`.
        - ``feature_names``, ``target_names`` : list of str.
        - ``filename`` : str. ``DESCR`` : str.

    Raises
    ------
    OSError
        If the file is missing and cannot be downloaded; the message has the address
        and the steps to do by hand.
    ValueError
        If hash, format or the number of rows is wrong.

    See Also
    --------
    skastro.galaxy.read_galaxy_zoo1_table : Reads a table of your own.
    fetch_galaxy_zoo1_cutouts : Images for some of the galaxies.

    Notes
    -----
    Source: data.galaxyzoo.org, public, no licence text; cite the papers. The archive
    publishes no checksum. The pinned SHA-256 is the one that public projects recorded
    of their downloads from there; pass `url` to go without it. The format and the
    number of rows are checked as well.

    References
    ----------
    Lintott et al. 2008, MNRAS 389, 1179; Lintott et al. 2011, MNRAS 410, 166.

    Examples
    --------
    >>> from skastro.datasets import fetch_galaxy_zoo1_table
    >>> zoo = fetch_galaxy_zoo1_table()  # doctest: +SKIP
    >>> zoo.data.shape  # doctest: +SKIP
    (667944, 9)
    """
    path = fetch_file(
        _TABLE_URLS if url is None else url,
        _TABLE_NAME,
        data_home=data_home,
        known_hash=_TABLE_SHA256 if url is None else known_hash,
        validate=_check_table,
        download_if_missing=download_if_missing,
        verbose=verbose,
    )
    table = _check_table(path)
    labels = flag_labels(table)
    features = list(VOTES)
    data: Any = table.set_index("objid")[features]
    target: Any = labels
    if not as_frame:
        data, target = data.to_numpy(), labels.to_numpy(dtype=str)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        objid=table["objid"].to_numpy(),
        ra=table["ra"].to_numpy(),
        dec=table["dec"].to_numpy(),
        table=table,
        feature_names=features,
        target_names=list(FLAGS),
        filename=str(path),
        DESCR=_TABLE_DESCR,
    )


def _check_table(path: Path) -> Any:
    """Read the official table; anything shorter or narrower is not it."""
    table = read_galaxy_zoo1_table(path, duplicates="raise")
    if len(table) != _TABLE_ROWS or "nvote" not in table.columns:
        raise ValueError(
            f"Galaxy Zoo table {path} must have {_TABLE_ROWS} rows with votes, it has "
            f"{len(table)} rows and the columns {list(table.columns)}: truncated, or "
            "another table."
        )
    return table

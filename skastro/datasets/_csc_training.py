"""The labelled Chandra sources of MUWCLASS."""

from __future__ import annotations

import os
from typing import Any

from skastro.datasets._labelled_table import labelled_bunch
from skastro.utils._fetch import fetch_file
from skastro.xray._read_csc import read_csc_training

_RAW = "https://raw.githubusercontent.com/MUWCLASS/MUWCLASS/"
_FILE = "CSC_TD_11042023_MW.csv"
# The same file at two commits.
_URLS = (
    f"{_RAW}5a6994e/files/{_FILE}",
    f"{_RAW}7fcdcfd0795a9c004d2386301ad094d4985cc195/files/{_FILE}",
)
_SHA256 = "4151d97a1fb2788540e3b9ef5992f13504ba2ed9f0f5c91ec13f81f26320d0d3"

_DESCR = """Chandra sources with known classes (training set of MUWCLASS, 2023-04-11)

3,126 sources of the Chandra Source Catalog with counterparts: AGN 1596, LM-STAR 826,
YSO 352, HM-STAR 108, NS 100, LMXB 64, CV 46, HMXB 34. Fluxes and errors in three
bands, variability, power law, Gaia, 2MASS and WISE. mw_counterpart, p_any and p_i say
how labels were made and must not become features.

Source: https://github.com/MUWCLASS/MUWCLASS at commit 5a6994e, files/.
Licence: none is given; it is downloaded, not shipped.
Cite: Yang et al. 2022, ApJ 941, 104; Evans et al. 2010, ApJS 189, 37 (the catalogue).
"""


def fetch_csc_training(
    *,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
    url: str | None = None,
    verbose: int = 0,
) -> Any:
    """Load 3,126 Chandra sources with counterparts in eight classes (1.2 MB).

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of downloads; None takes ``SKASTRO_DATA`` or the system's cache folder.
        The file is ``xray/CSC_TD_11042023_MW.csv`` in it.
    download_if_missing : bool, default=True
        If False, a missing file is an error. A file that is there is never asked for.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Give ``target`` as a Series. The other columns have several types, so ``data``
        is a DataFrame in any case.
    url : str, default=None
        Another address of the same file; the pinned hash holds for it, too.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    Bunch or (data, target)
        - ``data`` : DataFrame of shape (3126, 35), the columns of `read_csc_training`
          that may be features: no names and positions, and not ``mw_counterpart``,
          ``p_any``, ``p_i``, which encode how the labels were made.
        - ``target`` : ndarray of str objects or Series, the class.
        - ``target_names`` : ndarray of str, the eight classes in order.
        - ``feature_names`` : list of str, the columns of ``data``.
        - ``frame`` : DataFrame of shape (3126, 43), all columns, with ``label``,
          ``source_id`` for groups and the position; ``attrs`` has the units.
        - ``filename`` : str. ``DESCR`` : str.

    Raises
    ------
    OSError
        If the file is missing and cannot be downloaded; the message has the address
        and the steps to do by hand.
    ValueError
        If hash or format is wrong.

    See Also
    --------
    skastro.xray.read_csc_training : The columns and their units.
    fetch_lin2024_subset : XMM-Newton sources.

    Notes
    -----
    Source: github.com/MUWCLASS/MUWCLASS at commit 5a6994e. Licence: none is given. The
    SHA-256 is pinned.

    References
    ----------
    Yang et al. 2022, ApJ 941, 104.

    Examples
    --------
    >>> from skastro.datasets import fetch_csc_training
    >>> csc = fetch_csc_training()  # doctest: +SKIP
    >>> csc.data.shape  # doctest: +SKIP
    (3126, 35)
    """
    path = fetch_file(
        _URLS if url is None else url,
        f"xray/{_FILE}",
        data_home=data_home,
        known_hash=_SHA256,
        validate=read_csc_training,
        download_if_missing=download_if_missing,
        verbose=verbose,
    )
    frame = read_csc_training(path)
    return labelled_bunch(frame, return_X_y, as_frame, filename=str(path), DESCR=_DESCR)

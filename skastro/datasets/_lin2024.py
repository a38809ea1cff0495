"""The public part of the labelled 4XMM-DR13 sources of Lin et al. 2024."""

from __future__ import annotations

import os
from typing import Any

from skastro.datasets._labelled_table import labelled_bunch
from skastro.utils._fetch import fetch_file
from skastro.xray._read_lin2024 import read_lin2024

_RAW = "https://raw.githubusercontent.com/yichaolin-astro/4XMM-DR13-XCLASS/"
_URLS = (
    f"{_RAW}b18e3f5/custom.csv",
    f"{_RAW}7aa0c1f122c7fae2898987a16fc94628547ee5ac/custom.csv",
)
_FILE = "xray/lin2024_4xmm_dr13_custom.csv"
_SHA256 = "455a3849fca0e573bb6ae73e8c628241aec13a0d6f75150df9e785da092be643"

_DESCR = """4XMM-DR13 sources with known classes (public subset of Lin et al. 2024)

1,008 sources at right ascensions from 0 to 31.3 degrees: AGN 682, LM-STAR 287, CV 19,
NS 7, HMXB 7, HM-STAR 4, LMXB 1, NS_BIN 1. Only the first three classes are large
enough to learn or to judge. Hardness ratios are of fluxes, blank where a flux is not
significant.

Source: https://github.com/yichaolin-astro/4XMM-DR13-XCLASS at commit b18e3f5,
custom.csv. Licence: none is given; it is downloaded, not shipped.
Cite: Y. Lin, H. Yang, J. Hare et al. 2024, arXiv:2402.15684, "Multiwavelength catalog
of 10,000 4XMM-DR13 sources with known classifications"; Webb
et al. 2020, A&A 641, A136 (the catalogue).
"""


def fetch_lin2024_subset(
    *,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
    url: str | None = None,
    verbose: int = 0,
) -> Any:
    """Load 1,008 sources of 4XMM-DR13 with known classes (0.7 MB).

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of downloads; None takes ``SKASTRO_DATA`` or the system's cache folder.
        The file is ``xray/lin2024_4xmm_dr13_custom.csv`` in it.
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
        - ``data`` : DataFrame of shape (1008, 29), the columns of `read_lin2024` that
          may be features: no names, positions, references or quality levels.
        - ``target`` : ndarray of str objects or Series, the class.
        - ``target_names`` : ndarray of str, the eight classes in order.
        - ``feature_names`` : list of str, the columns of ``data``.
        - ``frame`` : DataFrame of shape (1008, 40), all columns, with ``label``,
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
    skastro.xray.read_lin2024 : The columns and their units.
    fetch_csc_training : Chandra sources.

    Notes
    -----
    Source: github.com/yichaolin-astro/4XMM-DR13-XCLASS at commit b18e3f5. Licence: none
    is given. The SHA-256 is pinned.

    References
    ----------
    Y. Lin, H. Yang, J. Hare et al. 2024, arXiv:2402.15684, "Multiwavelength catalog of
    10,000 4XMM-DR13 sources with known classifications".

    Examples
    --------
    >>> from skastro.datasets import fetch_lin2024_subset
    >>> X, y = fetch_lin2024_subset(return_X_y=True)  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (1008, 39)
    """
    path = fetch_file(
        _URLS if url is None else url,
        _FILE,
        data_home=data_home,
        known_hash=_SHA256,
        validate=read_lin2024,
        download_if_missing=download_if_missing,
        verbose=verbose,
    )
    frame = read_lin2024(path)
    return labelled_bunch(frame, return_X_y, as_frame, filename=str(path), DESCR=_DESCR)

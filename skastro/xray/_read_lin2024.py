"""Reader of the labelled 4XMM-DR13 sources of Lin et al. 2024."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from skastro.xray._catalogue import Column
from skastro.xray._labelled import read_labelled

_BANDS = ("1", "2", "3", "4", "5", "8")
_LAYOUT = (
    Column("source_id", "name", "text", True),
    Column("name", "name", "text", True),
    Column("ra", "ra", needed=True),
    Column("dec", "dec", needed=True),
    Column("pos_err", "poserr", needed=True),
    Column("position_from", "xcoord", "text", True),
    Column("counterpart_name", "name_cat", "text", True),
    Column("label", "class", "text", True),
    Column("sub_class", "subclass", "text", True),
    Column("ref", "ref", "text", True),
    Column("det_ml", "sc_det_ml", needed=True),
    *(Column(f"flux_{band}", f"f{band}", needed=True) for band in _BANDS),
    *(Column(f"hr{n}_flux", f"hr{n}", needed=True) for n in (1, 2, 3, 4)),
    Column("chi2_prob", "sc_chi2prob", needed=True),
    Column("extent", "sc_extent", needed=True),
    Column("extent_ml", "sc_ext_ml", needed=True),
    Column("var_flag", "sc_var_flag", "flag", True),
    Column("flux_8_min", "sc_ep_8_fmin", needed=True),
    Column("flux_8_max", "sc_ep_8_fmax", needed=True),
    Column("fvar", "sc_fvar", needed=True),
    Column("sum_flag", "sc_sum_flag", "level", True),
    *(
        Column(f"{band}mag", band, needed=True)
        for band in ("g", "bp", "rp", "j", "h", "k", "w1", "w2", "w3")
    ),
    Column("distance", "dist", needed=True),
    Column("fx_fo", "f_x/f_o", needed=True),
)


def read_lin2024(
    path: str | os.PathLike[str], *, labelled_only: bool = True
) -> pd.DataFrame:
    """Read the table of 4XMM-DR13 sources with known classes of Lin et al. 2024.

    Parameters
    ----------
    path : str or path-like
        The file ``custom.csv`` of the authors, or one with the same columns; gzip is
        told by content.
    labelled_only : bool, default=True
        Keep only the rows that have a class. Otherwise sources without a class are kept
        too, but no row without a name: most lines of the file are blank.

    Returns
    -------
    pandas.DataFrame
        A row a source, in the order of the file:

        - ``source_id``, ``name`` : str, IAU name in 4XMM.
        - ``ra``, ``dec`` : degrees (J2000), ``pos_err`` : arcsec, and
          ``position_from`` : the catalogue of the position, "XMM" or "CSC".
        - ``label`` : str, one of AGN, LM-STAR, HM-STAR, CV, NS, LMXB, HMXB, NS_BIN,
          YSO; ``sub_class``, ``ref``, ``counterpart_name`` : str.
        - ``det_ml``. ``flux_1`` to ``flux_5``, ``flux_8`` : erg/cm2/s in the XMM bands,
          NaN where not significant.
        - ``hr1_flux`` to ``hr4_flux`` : hardness ratios of these **fluxes**, not of
          count rates: do not mix them with ``hr1_rate`` of `read_4xmm`.
        - ``chi2_prob``, ``fvar``, ``var_flag`` (nullable boolean).
        - ``flux_8_min``, ``flux_8_max`` : erg/cm2/s, of the detections of the source.
        - ``extent`` : arcsec, ``extent_ml``. ``sum_flag`` : nullable Int8.
        - ``gmag``, ``bpmag``, ``rpmag``, ``jmag``, ``hmag``, ``kmag``, ``w1mag``,
          ``w2mag``, ``w3mag`` : mag. ``distance`` : pc. ``fx_fo`` : X-ray to optical
          flux.

        ``attrs`` has "units" and "catalogue".

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, truncated, damaged or another table.

    See Also
    --------
    skastro.datasets.fetch_lin2024_subset : Downloads it.

    Notes
    -----
    The colours and the absolute magnitude of the file are left out: they are
    differences of columns that are here.

    References
    ----------
    Y. Lin, H. Yang, J. Hare et al. 2024, arXiv:2402.15684, "Multiwavelength catalog of
    10,000 4XMM-DR13 sources with known classifications".

    Examples
    --------
    >>> from skastro.xray import read_lin2024
    >>> table = read_lin2024("lin2024_4xmm_dr13_custom.csv")  # doctest: +SKIP
    >>> table["label"].value_counts().head(2).tolist()  # doctest: +SKIP
    [682, 287]
    """
    table = read_labelled(
        Path(path), "table of Lin et al. 2024", _LAYOUT, "Lin2024 (4XMM-DR13)"
    )
    keep = table["label"].notna() if labelled_only else table["name"].notna()
    table = table[keep].reset_index(drop=True)
    if table.empty:
        raise ValueError(f"table of Lin et al. 2024 {path} has no row with a class.")
    return table

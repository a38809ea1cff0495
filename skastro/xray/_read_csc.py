"""Reader of the training set of MUWCLASS: Chandra sources with known classes."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from skastro.xray._catalogue import CHANDRA_BANDS, MAGNITUDES, Column
from skastro.xray._labelled import read_labelled


def _with_error(name: str, raw: str) -> tuple[Column, Column]:
    """Name a value and its error, which the file has as ``e_``."""
    error = Column(f"{name}_err", f"e_{raw}", needed=True)
    return Column(name, raw, needed=True), error


_LAYOUT = (
    Column("source_id", "name", "text", True),
    Column("name", "name", "text", True),
    Column("ra", "ra", needed=True),
    Column("dec", "dec", needed=True),
    Column("label", "class", "text", True),
    Column("significance", "significance", needed=True),
    *(c for b in CHANDRA_BANDS for c in _with_error(f"flux_{b}", f"fcsc_{b}")),
    Column("var_intra_prob", "var_intra_prob", needed=True),
    Column("var_inter_prob", "var_inter_prob", needed=True),
    *_with_error("powlaw_gamma", "powlaw_gamma_mean"),
    Column("mw_counterpart", "mw_mw", "text", True),
    Column("p_any", "p_any", needed=True),
    Column("p_i", "p_i", needed=True),
    *(c for name in MAGNITUDES for c in _with_error(name, name)),
    Column("parallax_snr", "rplx", needed=True),
    Column("pm", "pm", needed=True),
    Column("excess_noise", "epsi", needed=True),
    Column("excess_noise_sig", "sepsi", needed=True),
    Column("ruwe", "ruwe", needed=True),
    Column("distance", "rgeo", needed=True),
)
# The file has these angles in arcsec: proper motions of 0.03 at 300 pc are 40 km/s.
_MAS_IN_ARCSEC = 1000.0


def read_csc_training(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read the labelled Chandra sources with counterparts of MUWCLASS.

    Parameters
    ----------
    path : str or path-like
        The file ``CSC_TD_11042023_MW.csv`` of the authors, or one with the same
        columns; gzip is told by content.

    Returns
    -------
    pandas.DataFrame
        A row a source, in the order of the file:

        - ``source_id``, ``name`` : str, name in the Chandra Source Catalog.
        - ``ra``, ``dec`` : degrees (J2000).
        - ``label`` : str, one of AGN, LM-STAR, HM-STAR, YSO, NS, CV, LMXB, HMXB.
        - ``significance`` : of the detection.
        - ``flux_s``, ``flux_m``, ``flux_h`` and ``*_err`` (1 sigma) : erg/cm2/s in
          0.5-1.2, 1.2-2 and 2-7 keV.
        - ``var_intra_prob``, ``var_inter_prob`` : probability of variability within
          and between observations.
        - ``powlaw_gamma``, ``powlaw_gamma_err`` : index of a power law.
        - ``gmag``, ``bpmag``, ``rpmag``, ``jmag``, ``hmag``, ``kmag``, ``w1mag``,
          ``w2mag``, ``w3mag`` and ``*_err`` : mag.
        - ``parallax_snr`` : parallax over its error. ``pm`` : mas/yr, total proper
          motion. ``excess_noise`` : mas, ``excess_noise_sig``, ``ruwe`` : astrometric
          fit. ``distance`` : pc.
        - ``mw_counterpart`` : str, catalogues of the counterpart ("-99", "-9" and "-"
          are codes of the file); ``p_any``, ``p_i`` : matching probabilities. **These
          three encode how the labels were made: leave them out of features.**

        ``attrs`` has "units" and "catalogue".

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, truncated, damaged or another table, or a class is blank.

    See Also
    --------
    skastro.datasets.fetch_csc_training : Downloads it.

    Notes
    -----
    Proper motion and excess noise are in arcsec in the file and converted here. Its
    column ``RPlx`` is no parallax in mas but the ratio to its error, as in VizieR.

    References
    ----------
    Yang et al. 2022, ApJ 941, 104.

    Examples
    --------
    >>> from skastro.xray import read_csc_training
    >>> table = read_csc_training("CSC_TD_11042023_MW.csv")  # doctest: +SKIP
    >>> table["label"].value_counts().head(2).tolist()  # doctest: +SKIP
    [1596, 826]
    """
    table = read_labelled(
        Path(path), "MUWCLASS training set", _LAYOUT, "MUWCLASS (CSC 2)"
    )
    if table["label"].isna().any():
        row = int(table["label"].isna().to_numpy().argmax())
        raise ValueError(f"MUWCLASS training set {path}: row {row} has no class.")
    for name in ("pm", "excess_noise"):
        table[name] *= _MAS_IN_ARCSEC
    return table

"""Where the 4XMM catalogues have what: columns of the full and the slim table."""

from __future__ import annotations

from collections.abc import Iterable

from skastro.xray._catalogue import XMM_BANDS, Column


def _ratios(prefix: str) -> list[Column]:
    """Hardness ratios: both tables make them from count rates."""
    columns = []
    for number in (1, 2, 3, 4):
        raw = f"{prefix}_hr{number}"
        columns += [
            Column(f"hr{number}_rate", raw, needed=True),
            Column(f"hr{number}_rate_err", f"{raw}_err"),
        ]
    return columns


def _fluxes(prefix: str) -> list[Column]:
    columns = []
    for band in XMM_BANDS:
        raw = f"{prefix}ep_{band}_flux"
        columns += [
            Column(f"flux_{band}", raw, needed=band == "8"),
            Column(f"flux_{band}_err", f"{raw}_err"),
        ]
    return columns


FULL = (
    Column("source_id", "srcid", "id", True),
    Column("detection_id", "detid", "id", True),
    Column("name", "iauname", "text"),
    Column("ra", "ra", needed=True),
    Column("dec", "dec", needed=True),
    Column("pos_err", "poserr"),
    Column("det_ml", "ep_8_det_ml"),
    Column("rate", "ep_8_rate", needed=True),
    Column("rate_err", "ep_8_rate_err"),
    *_fluxes(""),
    *_ratios("ep"),
    Column("extent", "ep_extent"),
    Column("extent_err", "ep_extent_err"),
    Column("extent_ml", "ep_extent_ml"),
    Column("chi2_prob", "ep_chi2prob"),
    Column("fvar", "pn_fvar"),
    Column("fvar_err", "pn_fvarerr"),
    Column("var_flag", "var_flag", "flag"),
    Column("sum_flag", "sum_flag", "level"),
)

SLIM = (
    Column("source_id", "srcid", "id", True),
    Column("name", "iauname", "text"),
    Column("ra", "sc_ra", needed=True),
    Column("dec", "sc_dec", needed=True),
    Column("pos_err", "sc_poserr"),
    Column("det_ml", "sc_det_ml"),
    *_fluxes("sc_"),
    Column("flux_8_min", "sc_ep_8_fmin"),
    Column("flux_8_min_err", "sc_ep_8_fmin_err"),
    Column("flux_8_max", "sc_ep_8_fmax"),
    Column("flux_8_max_err", "sc_ep_8_fmax_err"),
    *_ratios("sc"),
    Column("extent", "sc_extent"),
    Column("extent_err", "sc_ext_err"),
    Column("extent_ml", "sc_ext_ml"),
    Column("chi2_prob", "sc_chi2prob"),
    Column("fvar", "sc_fvar"),
    Column("fvar_err", "sc_fvarerr"),
    Column("var_flag", "sc_var_flag", "flag"),
    Column("sum_flag", "sc_sum_flag", "level"),
)


def layout_of(names: Iterable[str]) -> tuple[str, tuple[Column, ...]]:
    """Tell the full table from the slim one; the full one has columns of both.

    Parameters
    ----------
    names : iterable of str
        Columns of the file, in lower case.

    Returns
    -------
    kind : {"full", "slim"}
        Rows are detections or sources.
    layout : tuple of Column
        What it can give.

    Raises
    ------
    ValueError
        If it is neither.
    """
    there = list(names)
    if "detid" in there or any(n.startswith("ep_") for n in there):
        return "full", FULL
    if any(n.startswith("sc_") for n in there):
        return "slim", SLIM
    raise ValueError(
        "it has neither the columns of the full 4XMM table (detid, ep_8_rate, "
        "ep_hr1, ...) nor those of the slim one (sc_ra, sc_hr1, ...); it starts with "
        f"{there[:8]}."
    )

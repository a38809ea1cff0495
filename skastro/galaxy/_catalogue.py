"""Labels, redshifts and probabilities of a Galaxy Zoo table, joined by object id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skastro.galaxy._galaxy_zoo import list_ids
from skastro.galaxy._galaxy_zoo_parse import FLAGS
from skastro.galaxy._objid import check_objids
from skastro.utils._real_array import real_array


def flag_labels(
    table: pd.DataFrame,
    uncertain: str = "keep",
    *,
    threshold: float | None = None,
) -> pd.Series:
    """Give each galaxy its class: spiral, elliptical or uncertain.

    The flags of the table are **not** a cut at 0.8 on its two debiased columns: the
    Galaxy Zoo team set them with a separate debiasing. By default they are read as
    they are.

    Parameters
    ----------
    table : pandas.DataFrame
        From `read_galaxy_zoo1_table`.
    uncertain : {"keep", "drop"}, default="keep"
        Whether uncertain galaxies stay.
    threshold : float in (0.5, 1], default=None
        Recompute the classes instead: spiral where ``p_cs_debiased >= threshold``,
        elliptical where ``p_el_debiased >= threshold``, else uncertain. Different
        from the flags for many galaxies. None reads the flags.

    Returns
    -------
    pandas.Series of object
        Labels as Python strings, indexed by ``objid`` and in the order of the table.
        Give ``labels.to_numpy(dtype=str)`` to an estimator.

    Raises
    ------
    ValueError
        If a column is missing, a row has not exactly one flag, or an option is wrong.

    References
    ----------
    Lintott et al. 2011, MNRAS 410, 166, section 4; Bamford et al. 2009, MNRAS 393,
    1324 (the debiasing).

    Examples
    --------
    >>> import pandas as pd
    >>> from skastro.galaxy import flag_labels
    >>> table = pd.DataFrame({"objid": [587727178986356823, 588848900996792404],
    ...     "spiral": [False, True], "elliptical": False, "uncertain": [True, False]})
    >>> flag_labels(table, uncertain="drop").to_dict()
    {588848900996792404: 'spiral'}
    """
    if uncertain not in ("keep", "drop"):
        raise ValueError(f"uncertain must be 'keep' or 'drop', got {uncertain!r}.")
    if threshold is None:
        _need(table, ["objid", *FLAGS])
        flags = table[list(FLAGS)].to_numpy(dtype=float)
        bad = ~(((flags == 0) | (flags == 1)).all(axis=1) & (flags.sum(axis=1) == 1))
        if bad.any():
            raise ValueError(
                f"{int(bad.sum())} rows have not exactly one of the flags {FLAGS} "
                f"set, the first is row {int(np.argmax(bad))}."
            )
        codes = flags.argmax(axis=1)
    else:
        if not 0.5 < threshold <= 1:
            raise ValueError(f"threshold must be in (0.5, 1], got {threshold!r}.")
        _need(table, ["objid", "p_cs_debiased", "p_el_debiased"])
        spiral = table["p_cs_debiased"].to_numpy() >= threshold
        elliptical = table["p_el_debiased"].to_numpy() >= threshold
        # Separately debiased fractions may both pass; that is no clear class.
        both = spiral & elliptical
        codes = np.select([spiral & ~both, elliptical & ~both], [0, 1], default=2)
    names = np.array(FLAGS, dtype=object)
    labels = pd.Series(
        names[codes],
        index=pd.Index(check_objids(table["objid"]), name="objid"),
        name="label",
        dtype=object,
    )
    return labels if uncertain == "keep" else labels[codes != 2]


def join_redshift(
    table: pd.DataFrame,
    spectroscopy: pd.DataFrame | pd.Series,
    *,
    how: str = "left",
    z_column: str = "z",
    objid_column: str = "objid",
) -> pd.DataFrame:
    """Add redshifts to a table, one to one by object id.

    Galaxy Zoo 1 Table 2 has no redshift: a cut in z needs a second table, for
    instance ``SELECT bestObjID AS objid, z FROM SpecObj`` of the DR7 CasJobs.

    Parameters
    ----------
    table : pandas.DataFrame
        With a column ``objid`` without repeats.
    spectroscopy : pandas.DataFrame or pandas.Series
        Redshifts by id. A Series holds z and is indexed by id.
    how : {"left", "inner"}, default="left"
        Rows without a redshift stay with ``z`` NaN, or are dropped.
    z_column, objid_column : str, default="z", "objid"
        Columns of `spectroscopy`.

    Returns
    -------
    pandas.DataFrame
        A copy of `table` with a float64 column ``z``; ``objid`` stays int64.

    Raises
    ------
    TypeError
        If ids are floats: they are corrupted already.
    ValueError
        If an id is repeated on either side (with the list), columns are missing, the
        table has a column ``z`` already, z is no number, or no id is in both tables
        (DR7 ids begin with 587 or 588, DR8+ ids with 1237).

    Examples
    --------
    >>> import pandas as pd
    >>> from skastro.galaxy import join_redshift
    >>> table = pd.DataFrame({"objid": [587727178986356823, 588848900996792404]})
    >>> z = pd.Series([0.08], index=[588848900996792404])
    >>> join_redshift(table, z, how="inner")
                    objid     z
    0  588848900996792404  0.08
    """
    if how not in ("left", "inner"):
        raise ValueError(f"how must be 'left' or 'inner', got {how!r}.")
    if isinstance(spectroscopy, pd.Series):
        spectroscopy = spectroscopy.rename(z_column).rename_axis(objid_column)
        spectroscopy = spectroscopy.reset_index()
    _need(table, ["objid"])
    _need(spectroscopy, [objid_column, z_column], "spectroscopy")
    if "z" in table.columns:
        raise ValueError("The table has a column 'z' already; drop it first.")
    ids = _unique_ids(table["objid"], "table")
    other = _unique_ids(spectroscopy[objid_column], "spectroscopy")
    try:
        z = spectroscopy[z_column].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(f"The redshifts in {z_column!r} are no numbers.") from error
    where = pd.Index(other).get_indexer(pd.Index(ids))
    found = where >= 0
    if ids.size and not found.any():
        raise ValueError(
            f"None of the {ids.size} object ids of the table is among the "
            f"{other.size} of spectroscopy. Are they of one data release? The table "
            f"has e.g. {ids[0]}, spectroscopy {other[0] if other.size else 'none'}."
        )
    joined = table.copy()
    joined["objid"] = ids
    joined["z"] = np.nan
    joined.loc[found, "z"] = z[where[found]]
    return joined if how == "left" else joined[found].reset_index(drop=True)


def redshift_selection(z: Any, z_min: float = 0.0, z_max: float = 0.2) -> np.ndarray:
    """Select ``z_min < z < z_max``, both ends excluded.

    Parameters
    ----------
    z : array-like of float
        Redshifts; NaN is not selected.
    z_min, z_max : float, default=0, 0.2
        Limits. Zero is excluded because catalogues write it for a failed fit.

    Returns
    -------
    ndarray of bool
        The mask, in the shape of `z`.

    Raises
    ------
    ValueError
        If the limits are not in order.

    Examples
    --------
    >>> from skastro.galaxy import redshift_selection
    >>> redshift_selection([0.0, 0.1, 0.2, float("nan")]).tolist()
    [False, True, False, False]
    """
    if not z_min < z_max:
        raise ValueError(f"z_min must be below z_max, got {z_min!r} and {z_max!r}.")
    values = real_array(z, "z")
    return (values > z_min) & (values < z_max)


def probability_table(
    objid: Any,
    proba: Any,
    classes: Sequence[Any],
    table: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Join class probabilities back to object ids: a catalogue to publish.

    Parameters
    ----------
    objid : array-like of int or str of shape (n,)
        Id of each row of `proba`, without repeats.
    proba : array-like of shape (n, n_classes)
        From ``predict_proba``.
    classes : sequence of length n_classes
        The estimator's ``classes_``.
    table : pandas.DataFrame, default=None
        Columns to join by ``objid`` (coordinates, redshifts); must hold every id.

    Returns
    -------
    pandas.DataFrame
        Columns ``objid`` (int64), one ``p_<class>`` a class, ``predicted`` (the most
        probable class), then those of `table`; rows in the order of `objid`.

    Raises
    ------
    ValueError
        If lengths differ, an id is repeated (with the list) or missing in `table`, a
        row is no probability distribution, or column names collide.

    Examples
    --------
    >>> from skastro.galaxy import probability_table
    >>> out = probability_table([588848900996792404], [[0.1, 0.9]],
    ...                         ["elliptical", "spiral"])
    >>> out["predicted"].tolist(), out["p_spiral"].tolist()
    (['spiral'], [0.9])
    """
    ids = _unique_ids(objid, "objid")
    if not isinstance(classes, Sequence | np.ndarray) or isinstance(classes, str):
        raise TypeError(f"classes must be a sequence of labels, got {classes!r}.")
    names = [f"p_{c}" for c in classes]
    values = real_array(proba, "proba")
    if values.shape != (ids.size, len(names)):
        raise ValueError(
            f"proba must have shape (n_ids, n_classes) = ({ids.size}, {len(names)}), "
            f"got {values.shape}."
        )
    if len(set(names)) != len(names):
        raise ValueError(f"classes must differ, got {list(classes)}.")
    # float32 networks sum to one within about 1e-6.
    fine = np.isfinite(values).all(axis=1) & (values >= 0).all(axis=1)
    fine &= np.abs(values.sum(axis=1) - 1) < 1e-4
    if not fine.all():
        raise ValueError(
            f"{int((~fine).sum())} rows of proba are no probabilities (finite, "
            f"not negative, sum 1); the first is row {int(np.argmax(~fine))}."
        )
    out = pd.DataFrame(values, columns=names)
    out.insert(0, "objid", ids)
    labels = np.asarray(classes)
    labels = labels.astype(object) if labels.dtype.kind == "U" else labels
    best = values.argmax(axis=1) if ids.size else np.zeros(0, dtype=int)
    out["predicted"] = labels[best]
    if table is None:
        return out
    _need(table, ["objid"])
    known = _unique_ids(table["objid"], "table")
    where = pd.Index(known).get_indexer(pd.Index(ids))
    if (where < 0).any():
        raise ValueError(f"table lacks object ids: {list_ids(ids[where < 0])}.")
    extra = table.drop(columns="objid").iloc[where].reset_index(drop=True)
    collisions = [c for c in extra.columns if c in out.columns]
    if collisions:
        raise ValueError(f"table has columns of the result already: {collisions}.")
    result: pd.DataFrame = pd.concat([out, extra], axis=1)
    return result


def _need(table: pd.DataFrame, columns: list[str], name: str = "table") -> None:
    """Say which columns are missing."""
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"{name} must be a DataFrame, got {type(table).__name__}.")
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise ValueError(
            f"{name} lacks the columns {missing}; it has {list(table.columns)}."
        )


def _unique_ids(objid: Any, name: str) -> np.ndarray:
    """Give ids as int64, refusing repeats with their list."""
    ids = check_objids(objid, name=f"objid of {name}" if name != "objid" else name)
    if ids.ndim != 1:
        raise ValueError(f"objid must have one axis, got shape {ids.shape}.")
    repeated = pd.Series(ids)
    repeated = repeated[repeated.duplicated()].drop_duplicates()
    if len(repeated):
        raise ValueError(
            f"{len(repeated)} object ids are repeated in {name}: "
            f"{list_ids(repeated.to_numpy())}."
        )
    return ids

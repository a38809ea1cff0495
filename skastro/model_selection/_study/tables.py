"""Tables and averages of the scores of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skastro.model_selection._study.preparation import Part

_AXES: dict[str | None, Any] = {None: None, "true": 2, "pred": 1, "all": (1, 2)}


def long_table(
    values: np.ndarray,
    epochs: np.ndarray,
    parts: Sequence[Part],
    metrics: Sequence[str],
) -> pd.DataFrame:
    """Write scores with one row each.

    Parameters
    ----------
    values : ndarray of shape (n_repeats, n_epochs, n_parts, n_metrics)
        The scores.
    epochs : ndarray of shape (n_repeats, n_epochs)
        Numbers of the epochs.
    parts : list of (split, variant)
        Of the third axis.
    metrics : list of str
        Of the fourth.

    Returns
    -------
    DataFrame
        Columns repeat, epoch, split, variant, metric, value.
    """
    shape = values.shape
    repeat = np.broadcast_to(np.arange(shape[0])[:, None, None, None], shape)
    part = np.broadcast_to(np.arange(shape[2])[:, None], shape).ravel()
    metric = np.broadcast_to(np.arange(shape[3]), shape).ravel()
    return pd.DataFrame(
        {
            "repeat": repeat.ravel(),
            "epoch": np.broadcast_to(epochs[:, :, None, None], shape).ravel(),
            "split": _names(part, [split for split, _ in parts]),
            "variant": _names(part, [variant for _, variant in parts]),
            "metric": _names(metric, metrics),
            "value": values.ravel(),
        }
    )


def _names(codes: np.ndarray, names: Sequence[str]) -> Any:
    """Make a column of few names, which a million rows can share."""
    unique = pd.Index(list(dict.fromkeys(names)))
    place = unique.get_indexer(pd.Index(names))
    return pd.Categorical.from_codes(place[codes], categories=unique)


def describe_runs(values: np.ndarray, ratio: float) -> dict[str, Any]:
    """Sum one number a repeat up.

    Parameters
    ----------
    values : ndarray of shape (n_repeats,)
        The numbers.
    ratio : float
        Rows of the part to training rows.

    Returns
    -------
    dict
        Columns of `RepeatedHoldoutResult.summary`.
    """
    n = len(values)
    std = float(values.std(ddof=1)) if n > 1 else np.nan
    return {
        "mean": float(values.mean()),
        "std": std,
        "ste": std / np.sqrt(n),
        "corrected_ste": std * np.sqrt(1.0 / n + ratio),
        "median": float(np.median(values)),
        "min": float(values.min()),
        "max": float(values.max()),
        "n_repeats": n,
        "n_undefined": int(np.isnan(values).sum()),
    }


def summary_table(
    result: Any, select: str, rule: str, collapsed: Mapping[str, int]
) -> pd.DataFrame:
    """Sum all scores of a study up.

    Parameters
    ----------
    result : RepeatedHoldoutResult
        The study.
    select : str
        Rule for the epoch.
    rule : str
        How it is called.
    collapsed : mapping of str to int
        Collapsed runs of each test variant.

    Returns
    -------
    DataFrame
        Of `RepeatedHoldoutResult.summary`.
    """
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for split, variant in result.parts:
        for metric in result.metrics:
            values = result.values(metric, split=split, variant=variant, select=select)
            known = collapsed.get(variant, np.nan) if split == "test" else np.nan
            rows[split, variant, metric] = {
                **describe_runs(values, result.rows_ratio(split)),
                "n_collapsed": known,
                "selected_by": rule,
            }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.names = ["split", "variant", "metric"]
    return table


def _mean_of_finite(curve: np.ndarray) -> np.ndarray:
    """Average over the repeats that have a score; NaN where none has."""
    known = np.isfinite(curve).sum(axis=0)
    total = np.nansum(np.where(np.isfinite(curve), curve, 0.0), axis=0)
    out: np.ndarray = np.divide(
        total, known, out=np.full(len(known), np.nan), where=known > 0
    )
    return out


def best_of(curve: np.ndarray, split: str, *, mean: bool) -> np.ndarray:
    """Find the epoch with the highest score.

    Parameters
    ----------
    curve : ndarray of shape (n_repeats, n_epochs)
        Scores; higher is better.
    split : str
        What they are of, for the message.
    mean : bool
        Whether the mean curve decides for all repeats.

    Returns
    -------
    ndarray of shape (n_repeats,)
        Index of the first best epoch of each.

    Raises
    ------
    ValueError
        If a repeat has no finite score.
    """
    if mean:
        if not np.isfinite(curve).any():
            raise ValueError(f"No epoch has a finite {split} score.")
        curve = np.broadcast_to(_mean_of_finite(curve), curve.shape)
    if not np.isfinite(curve).any(axis=1).all():
        raise ValueError(f"No epoch of some repeat has a finite {split} score.")
    out: np.ndarray = np.nanargmax(curve, axis=1)
    return out


def mean_confusion(
    counts: np.ndarray, normalize: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Average confusion matrices.

    Parameters
    ----------
    counts : ndarray of shape (n_repeats, n_classes, n_classes)
        Rows are true classes.
    normalize : {"true", "pred", "all"} or None
        What sums to one in each matrix.

    Returns
    -------
    mean, std : ndarray of shape (n_classes, n_classes)
        A row or column without samples is left out of the average.

    Raises
    ------
    ValueError
        If `normalize` is unknown.
    """
    if normalize not in _AXES:
        raise ValueError(f"normalize must be one of {list(_AXES)}, got {normalize!r}.")
    shares = counts.astype(float)
    if normalize is not None:
        total = shares.sum(axis=_AXES[normalize], keepdims=True)
        shares = np.divide(
            shares, total, out=np.full_like(shares, np.nan), where=total > 0
        )
    known = np.isfinite(shares).sum(axis=0)
    empty = np.full(shares.shape[1:], np.nan)
    mean = np.divide(
        np.nansum(shares, axis=0), known, out=empty.copy(), where=known > 0
    )
    spread = np.nansum(np.square(shares - mean), axis=0)
    variance = np.divide(spread, known - 1, out=empty, where=known > 1)
    return mean, np.sqrt(variance)

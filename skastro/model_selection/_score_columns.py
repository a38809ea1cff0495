"""The scores of single runs, column by column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from skastro.model_selection._drawing import choose_variants
from skastro.model_selection._study.preparation import ORIGINAL
from skastro.model_selection._study.tables import describe_runs


def collect_scores(
    studies: Mapping[str, Any],
    metric: str,
    split: str,
    variants: str | Iterable[str] | None,
    select: str | None,
    collapsed_below: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Collect the scores of studies, a column for each study and variant.

    Parameters
    ----------
    studies : dict of str to RepeatedHoldoutResult
        By name.
    metric, split, variants, select, collapsed_below
        See `ScoreDistributionDisplay.from_result`.

    Returns
    -------
    scores, summary : DataFrame
        Of `ScoreDistributionDisplay`.

    Raises
    ------
    ValueError
        If a score is not finite.
    """
    tables, rows = [], {}
    for name, study in studies.items():
        shown = choose_variants(study, variants) if split == "test" else [ORIGINAL]
        rule = study.select if select is None else select
        for variant in shown:
            values = study.values(metric, split=split, variant=variant, select=select)
            column = _column(name, variant, shown)
            if not np.isfinite(values).all():
                bad = np.flatnonzero(~np.isfinite(values)).tolist()
                raise ValueError(
                    f"{metric!r} of {column!r} is not finite in the repeats {bad}."
                )
            run = {
                "column": column,
                "study": name,
                "variant": variant,
                "repeat": np.arange(len(values)),
                "value": values,
                "collapsed": _collapsed(study, variant, select, collapsed_below),
            }
            tables.append(pd.DataFrame(run))
            rows[column] = {
                **describe_runs(values, study.rows_ratio(split)),
                "rule": rule,
            }
    summary = pd.DataFrame.from_dict(rows, orient="index")
    summary.index.name = "column"
    scores = pd.concat(tables, ignore_index=True)
    return scores, summary


def _column(name: str, variant: str, shown: list[str]) -> str:
    """Name a column after what tells it from the others."""
    if len(shown) == 1 and variant == ORIGINAL:
        return name
    return f"{name}\n{variant}" if name else variant


def _collapsed(
    study: Any, variant: str, select: str | None, below: float
) -> np.ndarray:
    """Tell which runs `RepeatedHoldoutResult.n_collapsed` counts."""
    skill = study.skill(variant, select)
    if skill is None:
        return np.zeros(study.n_repeats, dtype=bool)
    return np.asarray(skill < below)

"""Tell two repeated studies apart."""

from __future__ import annotations

import warnings
from typing import Any

from skastro.model_selection._resampled_ttest import (
    Alternative,
    ResampledTTestResult,
    corrected_resampled_ttest,
)
from skastro.model_selection._result import RepeatedHoldoutResult
from skastro.model_selection._study.preparation import ORIGINAL
from skastro.model_selection._study.scoring import LOSS


def compare(
    result_a: RepeatedHoldoutResult,
    result_b: RepeatedHoldoutResult,
    *,
    metric: str | None = None,
    split: str = "test",
    variant: str | tuple[str, str] = ORIGINAL,
    select: str | None = None,
    alternative: Alternative = "two-sided",
    margin: float = 0.0,
    confidence: float = 0.95,
) -> ResampledTTestResult:
    """Compare two studies on the same splits, with an honest error.

    The scores are paired by split. The splits overlap, so that the usual standard
    error of a mean difference (the "ste" of many papers: std / sqrt(n)) becomes as
    small as one likes with enough repeats; the corrected resampled t-test puts
    1/n + n_test/n_train in the place of 1/n [1]_. Both errors are in the result, side
    by side: ``standard_error`` and ``naive_standard_error``.

    Parameters
    ----------
    result_a, result_b : RepeatedHoldoutResult
        Studies with the same ``random_state``, targets, sizes and ``balance``. If one
        has more repeats, the first ones are compared.
    metric : str, default=None
        None is the first of `result_a`.
    split : {"test", "validation", "train"}, default="test"
        Which part.
    variant : str or (str, str), default="original"
        Which version of the test part; two names are one for each study, so that one
        on blurred samples is compared with another on sharp ones.
    select : {"validation", "test-mean", "last"}, default=None
        Which epoch; None is each study's own rule. "test-mean" is optimistic.
    alternative : {"two-sided", "greater", "less", "non-inferior"}, \
            default="two-sided"
        The question, see `corrected_resampled_ttest`.
    margin : float, default=0.0
        How much worse still counts as no worse, for "non-inferior".
    confidence : float, default=0.95
        One minus the level of the test.

    Returns
    -------
    ResampledTTestResult
        Positive differences mean that `result_a` is better; for "loss" they are
        therefore `result_b` minus `result_a`.

    Raises
    ------
    ValueError
        If the studies do not have the same splits, or a name is unknown.

    See Also
    --------
    corrected_resampled_ttest : The test itself.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine
       Learning 52 (2003) 239-281, section 3.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skastro.model_selection import compare, repeated_holdout
    >>> X, y = load_wine(return_X_y=True)
    >>> settings = {"n_repeats": 5, "random_state": 0, "verbose": 0}
    >>> a = repeated_holdout(GaussianNB(), X, y, **settings)
    >>> scaled = make_pipeline(StandardScaler(), LogisticRegression())
    >>> compare(a, repeated_holdout(scaled, X, y, **settings)).verdict
    'undecided'
    """
    metric = result_a.metrics[0] if metric is None else metric
    variant_a, variant_b = (variant, variant) if isinstance(variant, str) else variant
    a = result_a.values(metric, split=split, variant=variant_a, select=select)
    b = result_b.values(metric, split=split, variant=variant_b, select=select)
    splits_a, splits_b = (_splits(r, select) for r in (result_a, result_b))
    n = min(len(a), len(b))
    if n < 2:
        raise ValueError("A comparison needs two repeats or more.")
    if splits_a[:n] != splits_b[:n]:
        raise ValueError(
            "The studies do not have the same splits, so their scores cannot be "
            "paired. Run both with the same random_state, targets, groups, stratify, "
            'balance and sizes, and compare by one rule (the second set of "test-mean" '
            "has other splits)."
        )
    difference: Any = a[:n] - b[:n]
    ratio = 1.0 if split == "train" else result_a.rows_ratio(split)
    rules = {select or r.select for r in (result_a, result_b)}
    if "test-mean" in rules:
        warnings.warn(
            "The epochs were chosen on test data: the comparison is optimistic.",
            stacklevel=2,
        )
    return corrected_resampled_ttest(
        -difference if metric == LOSS else difference,
        n_train=1.0,
        n_test=ratio,
        margin=margin,
        alternative=alternative,
        confidence=confidence,
    )


def _splits(result: RepeatedHoldoutResult, select: str | None) -> list[str]:
    """Name the splits that the scores are of."""
    rule = result.select if select is None else select
    if rule == "test-mean" and result.second_set is not None:
        return result.second_set.split_digests
    return result.split_digests

"""The decision rule that makes the expected macro-F1 as large as it can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight

# Steps of the iteration shrink to this part once it goes round in circles.
_DAMPING = 0.5
_LEAST_STEP = 1e-3


@dataclass(frozen=True, kw_only=True)
class MacroF1Rule:
    """What `macro_f1_rule` found: a decision rule, and what it is worth.

    Parameters
    ----------
    offset : ndarray of shape (n_classes,)
        Half the F1 of each class; taken off its probability.
    scale : ndarray of shape (n_classes,)
        Rows that are of the class plus rows that are called so, relative to the mean
        over the classes; divides the difference.
    labels : ndarray of shape (n_samples,)
        What the rule says of the rows that it was made from: column numbers.
    f1 : ndarray of shape (n_classes,)
        Expected F1 of each class on these rows; NaN where no row is expected of the
        class or called so.
    expected_macro_f1 : float
        Mean of `f1` over the classes that have one.
    argmax_macro_f1 : float
        The same of taking the most probable class.
    n_iter : int
        Iterations until the rule was met; 0 is the most probable class.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.calibration import macro_f1_rule
    >>> rule = macro_f1_rule([[0.6, 0.4], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]])
    >>> rule.predict(np.array([[0.6, 0.4], [0.8, 0.2]]))
    array([1, 0])
    """

    offset: np.ndarray
    scale: np.ndarray
    labels: np.ndarray
    f1: np.ndarray
    expected_macro_f1: float
    argmax_macro_f1: float
    n_iter: int

    def predict(self, proba: np.ndarray) -> np.ndarray:
        """Decide for other rows.

        Parameters
        ----------
        proba : ndarray of shape (n_samples, n_classes)
            Probabilities, calibrated.

        Returns
        -------
        ndarray of shape (n_samples,)
            Column numbers. A class of probability zero is never chosen.
        """
        return _decide(np.asarray(proba), self.offset, self.scale)


def macro_f1_rule(
    proba: Any,
    *,
    sample_weight: Any = None,
    min_gain: float = 0.0,
    max_iter: int = 100,
) -> MacroF1Rule:
    r"""Find the decision rule of the largest expected macro-F1.

    Taking the most probable class makes the accuracy as large as it can, and hardly
    ever names a rare class. Macro-F1, the mean of the F1 of the classes, asks for
    another rule, which follows from the probabilities alone.

    Parameters
    ----------
    proba : array-like of shape (n_samples, n_classes)
        Probabilities of rows that the classifier has not been fitted on, calibrated.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.
    min_gain : float, default=0.0
        The least gain in expected macro-F1 over the most probable class; with less,
        the rule is to take the most probable class.
    max_iter : int, default=100
        Iterations from each of the two starting points.

    Returns
    -------
    MacroF1Rule
        A frozen dataclass with `predict` for other rows.

    Raises
    ------
    ValueError
        If `proba` is not a table of probabilities, or all weights are zero.

    See Also
    --------
    MacroF1Classifier : Does so with probabilities of its own training rows.

    Notes
    -----
    With weights :math:`w_i` and labels :math:`\hat y_i`, put
    :math:`n_c = \sum_i w_i p_{ic}`, :math:`m_c = \sum_{\hat y_i = c} w_i` and
    :math:`t_c = \sum_{\hat y_i = c} w_i p_{ic}`. The expected F1 of a class is taken
    to be :math:`F_c = 2 t_c / (n_c + m_c)`, a ratio of expectations: right for many
    rows. Calling row i a c changes the sum over the classes by a multiple of

    .. math:: \frac{p_{ic} - F_c / 2}{n_c + m_c},

    so the best labelling takes the class for which this is largest, with
    :math:`F_c` and :math:`m_c` of the labelling itself. They are iterated from
    the most probable class and from equal priors, with smaller steps once the
    iteration goes round in circles, and the best labelling met is kept. It is never
    worse than the most probable class on the rows given.

    For one class the threshold at half of the best F1 is due to [1]_;
    [2]_ treats measures of more than two classes that are ratios of counts.

    References
    ----------
    .. [1] Z. C. Lipton, C. Elkan and B. Narayanaswamy, "Optimal thresholding of
       classifiers to maximize F1 measure", ECML PKDD (2014) 225-239.
    .. [2] H. Narasimhan, H. G. Ramaswamy, A. Saha and S. Agarwal, "Consistent
       multiclass algorithms for complex performance measures", ICML (2015) 2398-2407.

    Examples
    --------
    >>> from skastro.calibration import macro_f1_rule
    >>> rule = macro_f1_rule([[0.6, 0.4], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]])
    >>> rule.labels
    array([1, 0, 0, 0])
    >>> round(rule.argmax_macro_f1, 3), round(rule.expected_macro_f1, 3)
    (0.452, 0.664)
    """
    proba, weight = _check_input(proba, sample_weight)
    total = weight @ proba
    n_classes = proba.shape[1]
    flat = np.zeros(n_classes), np.ones(n_classes)
    start = np.argmax(proba, axis=1)
    argmax_value = _value(_f1(proba, weight, total, start))
    best = _Found(argmax_value, *flat, start, 0)
    present = total > 0
    frequency = np.where(present, total, 1.0)
    for scale in (np.ones(n_classes), frequency / frequency[present].mean()):
        labels = _decide(proba, np.zeros(n_classes), scale)
        found = _iterate(proba, weight, total, labels, scale, max_iter)
        if found.value > best.value:
            best = found
    if best.value < argmax_value + min_gain:
        best = _Found(argmax_value, *flat, start, 0)
    return MacroF1Rule(
        offset=best.offset,
        scale=best.scale,
        labels=best.labels,
        f1=_f1(proba, weight, total, best.labels),
        expected_macro_f1=best.value,
        argmax_macro_f1=argmax_value,
        n_iter=best.n_iter,
    )


@dataclass(frozen=True)
class _Found:
    """A rule met on the way."""

    value: float
    offset: np.ndarray
    scale: np.ndarray
    labels: np.ndarray
    n_iter: int


def _check_input(proba: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray]:
    """Look at the probabilities and at the weights."""
    proba = check_array(proba, dtype=np.float64, input_name="proba")
    sums = proba.sum(axis=1)
    bad = (proba < 0).any(axis=1) | (np.abs(sums - 1) > 1e-3)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise ValueError(
            f"Each row of proba must hold probabilities that add up to 1; {bad.sum()} "
            f"row(s) do not, the first is row {row} with sum {sums[row]:g} and least "
            f"value {proba[row].min():g}."
        )
    weight = _check_sample_weight(sample_weight, proba, ensure_non_negative=True)
    if not weight.sum() > 0:
        raise ValueError("All weights are zero: no class is left to decide for.")
    return proba, weight


def _decide(proba: np.ndarray, offset: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Take the class of the greatest score; ties go to the first one."""
    with np.errstate(invalid="ignore"):
        scores = np.where(proba > 0, (proba - offset) / scale, -np.inf)
    out: np.ndarray = np.argmax(scores, axis=1)
    return out


def _counts(
    proba: np.ndarray, weight: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Count the rows called a class, and those of them expected to be of it."""
    k = proba.shape[1]
    called = np.bincount(labels, weight, minlength=k)
    right = weight * np.take_along_axis(proba, labels[:, None], axis=1)[:, 0]
    return called, np.bincount(labels, right, minlength=k)


def _f1(
    proba: np.ndarray, weight: np.ndarray, total: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Give the expected F1 of each class, NaN for one that does not occur."""
    called, right = _counts(proba, weight, labels)
    with np.errstate(invalid="ignore"):
        out: np.ndarray = 2 * right / (total + called)
        return out


def _value(f1: np.ndarray) -> float:
    """Average over the classes that occur."""
    return float(np.nanmean(f1))


def _iterate(
    proba: np.ndarray,
    weight: np.ndarray,
    total: np.ndarray,
    labels: np.ndarray,
    scale: np.ndarray,
    max_iter: int,
) -> _Found:
    """Follow the iteration from one labelling and keep the best rule."""
    k = proba.shape[1]
    offset = np.zeros(k)
    best = _Found(-np.inf, offset, scale, labels, 0)
    # The state that is iterated: F1 and the rows called so.
    f1 = np.nan_to_num(_f1(proba, weight, total, labels))
    called = _counts(proba, weight, labels)[0]
    step, seen = 1.0, {labels.tobytes()}
    for n_iter in range(1, max_iter + 1):
        size = total + called
        # A class that nobody expects or names has no scale of its own.
        scale = np.where(size > 0, size, size[size > 0].min())
        offset, scale = f1 / 2, scale / scale.mean()
        new = _decide(proba, offset, scale)
        new_f1 = np.nan_to_num(_f1(proba, weight, total, new))
        new_called = _counts(proba, weight, new)[0]
        value = _value(_f1(proba, weight, total, new))
        if value > best.value:
            best = _Found(value, offset, scale, new, n_iter)
        if step < _LEAST_STEP or (step == 1.0 and np.array_equal(new, labels)):
            break
        if new.tobytes() in seen:
            step *= _DAMPING
        seen.add(new.tobytes())
        labels = new
        f1 = f1 + step * (new_f1 - f1)
        called = called + step * (new_called - called)
    return best

"""What the parameters of training may be."""

from __future__ import annotations

import copy
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils._param_validation import Interval, StrOptions

from skastro.neural_network._optim import SCHEDULES, SOLVERS
from skastro.neural_network.stopping import NAMED_CRITERIA
from skastro.utils._typing import Seed

# X, y and weights of the validation part.
HeldOut: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray | None]

TRAINING_CONSTRAINTS: dict[str, Any] = {
    "solver": [StrOptions(set(SOLVERS))],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "batch_size": [
        StrOptions({"auto"}),
        Interval(Integral, 1, None, closed="left"),
    ],
    "learning_rate": [StrOptions(set(SCHEDULES))],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "max_epochs": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "early_stopping": ["boolean", StrOptions(set(NAMED_CRITERIA)), callable],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "rho": [Interval(Real, 0, 1, closed="both")],
    "warm_start": ["boolean"],
    "image_shape": ["array-like", None],
    "dtype": [StrOptions({"auto", "preserve", "float32", "float64", "mixed"})],
    "device": [str],
    "callbacks": [list, None],
    "random_state": ["random_state"],
    "n_jobs": [Integral, None],
    "verbose": ["verbose"],
}


def check_weights(sample_weight: Any, n_samples: int) -> np.ndarray | None:
    """Validate sample weights.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,) or None
        The weights.
    n_samples : int
        Rows that there are.

    Returns
    -------
    ndarray of float64 or None
        The weights.

    Raises
    ------
    ValueError
        If there are not as many as rows, which is what happens behind a resampler, or
        if they are negative, not finite or all zero.

    Notes
    -----
    A resampler that happens to give as many rows as it took cannot be seen from here:
    the weights would then belong to other rows.
    """
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.ndim != 1:
        raise ValueError(
            f"Sample weights must be a 1D array, one for each sample; got shape "
            f"{weight.shape}."
        )
    if len(weight) != n_samples:
        raise ValueError(
            f"sample_weight.shape == {weight.shape}, expected {(n_samples,)}! Behind a "
            "resampler (SMOTE, RandomUnderSampler, ...) the rows are no longer those "
            "that the weights were made for: use weights or resampling, not both."
        )
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("sample_weight must be finite and not negative.")
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    with np.errstate(over="ignore"):
        single = weight.astype(np.float32)
    if not np.isfinite(single.sum()) or not single.any():
        raise ValueError(
            "Sample weights must be numbers that float32 can hold; the largest is "
            f"{weight.max():g}."
        )
    return weight


def hold_out(
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray | None,
    fraction: float,
    random_state: Seed,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, HeldOut]:
    """Keep a seeded validation part, stratified for classes, out of training.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The samples.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Codes of classes (integers) or targets.
    weight : ndarray of shape (n_samples,) or None
        Sample weights.
    fraction : float
        Share of the samples to keep out.
    random_state : int, RandomState instance or None
        Of the estimator; it is copied, so that early stopping does not change what is
        drawn after it.

    Returns
    -------
    tuple
        ``X, y, weight`` of the training part, and those three of the other.

    Raises
    ------
    ValueError
        If a part would have no sample of a class, or no weight.
    """
    try:
        train, valid = train_test_split(
            np.arange(len(y)),
            test_size=fraction,
            stratify=y if y.dtype.kind in "iu" else None,
            random_state=copy.deepcopy(random_state),
        )
    except ValueError as error:
        raise ValueError(
            f"early_stopping needs validation data, and validation_fraction="
            f"{fraction} of {len(y)} samples cannot be split off: {error} Give X_val "
            "and y_val, or more samples."
        ) from error
    # Sorted, so that a memory map is read from front to back.
    train.sort()
    valid.sort()
    kept_out = X[valid], y[valid], None if weight is None else weight[valid]
    if weight is not None:
        weight = check_weights(weight[train], len(train))
    return X[train], y[train], weight, kept_out


def auto_or(*constraints: Any) -> list[Any]:
    """Allow "auto" beside other values of a parameter.

    Parameters
    ----------
    *constraints : constraint
        Of scikit-learn's parameter validation.

    Returns
    -------
    list
        All of them.
    """
    return [StrOptions({"auto"}), *constraints]

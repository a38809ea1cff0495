"""What the parameters of training may be."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skastro.neural_network._optim import SCHEDULES, SOLVERS

TRAINING_CONSTRAINTS: dict = {
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
    "early_stopping": ["boolean"],
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
    "dtype": [StrOptions({"auto", "preserve", "float32", "float64"})],
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
    return weight

"""The mean absolute error of predicted directions."""

from __future__ import annotations

from typing import Any, Literal

from skastro.metrics._direction_data import (
    assigned,
    check_directions,
    component_errors,
)

_OUTPUTS = ("raw_values", "uniform_average")


def direction_l1(
    y_true: Any,
    y_pred: Any,
    *,
    assignment: Literal["ordered", "best"] = "ordered",
    return_std: bool = False,
    multioutput: Literal["raw_values", "uniform_average"] = "raw_values",
) -> Any:
    r"""Compute the mean absolute error (MAE) of directions as it is used for training.

    The error of one direction of one sample is

    .. math:: a = |\Delta x| + |\Delta y| + |\Delta z|,

    the sum over the three components, not their mean: it is three times what
    `sklearn.metrics.mean_absolute_error` gives. Vectors are compared as they are, with
    no normalisation and no symmetry.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, 3 * n_directions)
        The true directions, three Cartesian components each.
    y_pred : array-like of shape (n_samples, 3 * n_directions)
        The predicted directions.
    assignment : {"ordered", "best"}, default="ordered"
        "ordered" compares the first prediction with the first direction, and so on.
        "best" takes for each sample the permutation of the predictions with the
        smallest sum of errors (at most four directions).
    return_std : bool, default=False
        Whether to return the standard deviation of `a` over the samples too
        (``ddof=0``).
    multioutput : {"raw_values", "uniform_average"}, default="raw_values"
        "raw_values" gives a value for each direction of `y_true`; "uniform_average"
        takes all directions of all samples together, for the standard deviation too.

    Returns
    -------
    mae : ndarray of shape (n_directions,) or float
        The mean of `a`, in the units of `y_true`.
    std : ndarray of shape (n_directions,) or float
        Its standard deviation; only with ``return_std=True``.

    Raises
    ------
    ValueError
        If the inputs are empty, not finite, of different shapes or not of three
        columns a direction, or an option is unknown.

    See Also
    --------
    direction_angle : Angles between directions that symmetry makes equivalent.
    direction_summary : This and more in one table.

    Notes
    -----
    A small error is no small angle: prediction and truth count as they are written, so
    that an equivalent of the true direction, or its opposite, is wrong. For unit
    vectors `a` is at most :math:`2\sqrt 3 \approx 3.46`. A larger one tells that a
    vector is longer. Always predicting the best constant scores about 1.5 for
    directions that are uniform on the sphere.

    Examples
    --------
    >>> from skastro.metrics import direction_l1
    >>> y_true = [[0, 0, 1, 1, 0, 0], [0, 1, 0, 0, 0, 1]]
    >>> y_pred = [[0, 0, 1, 1, 0, 0.5], [0, 0, 1, 0, 1, 0]]  # swapped in the second
    >>> direction_l1(y_true, y_pred)
    array([1.  , 1.25])
    >>> direction_l1(y_true, y_pred, assignment="best", return_std=True)
    (array([0.  , 0.25]), array([0.  , 0.25]))
    """
    if multioutput not in _OUTPUTS:
        raise ValueError(f"multioutput must be one of {_OUTPUTS}, got {multioutput!r}.")
    true, pred = check_directions(y_true, y_pred, assignment)
    errors = assigned(component_errors(true, pred), assignment)
    mean: Any
    std: Any
    if multioutput == "uniform_average":
        mean, std = float(errors.mean()), float(errors.std())
    else:
        mean, std = errors.mean(axis=0), errors.std(axis=0)
    return (mean, std) if return_std else mean

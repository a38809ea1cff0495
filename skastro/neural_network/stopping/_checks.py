"""What every stopping criterion asks of its parameters and of the losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any


def check_threshold(who: Any, name: str) -> None:
    """Refuse a threshold that means nothing.

    Parameters
    ----------
    who : object
        The criterion.
    name : str
        Of the parameter.

    Raises
    ------
    TypeError
        If it is not a number.
    ValueError
        If it is not positive and finite.
    """
    value = getattr(who, name)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(
            f"{type(who).__name__}: {name} must be a number, got {value!r}."
        )
    if not (math.isfinite(value) and float(value) > 0):
        raise ValueError(
            f"{type(who).__name__}: {name} must be positive and finite, got {value!r}."
        )


def check_count(who: Any, name: str, least: int) -> None:
    """Refuse a number of epochs or strips that means nothing.

    Parameters
    ----------
    who : object
        The criterion.
    name : str
        Of the parameter.
    least : int
        The smallest that is allowed.

    Raises
    ------
    TypeError
        If it is not an integer.
    ValueError
        If it is smaller than ``least``.
    """
    value = getattr(who, name)
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(
            f"{type(who).__name__}: {name} must be an integer, got {value!r}."
        )
    if value < least:
        raise ValueError(
            f"{type(who).__name__}: {name} must be at least {least}, got {value!r}."
        )


def check_losses(losses: Sequence[float], name: str) -> list[float]:
    """Turn losses into a list of Python's floats.

    Parameters
    ----------
    losses : sequence of float
        One an epoch.
    name : str
        What they are, for the message.

    Returns
    -------
    list of float
        The losses.

    Raises
    ------
    ValueError
        If there are none, or one is NaN, infinite or negative: the criteria are made
        of ratios of losses, which then mean nothing.
    """
    numbers = [float(loss) for loss in losses]
    if not numbers:
        raise ValueError(f"There are no {name} losses yet: wait for the first epoch.")
    for epoch, loss in enumerate(numbers, 1):
        if not (math.isfinite(loss) and loss >= 0):
            raise ValueError(
                f"The {name} losses must be finite and not negative, but that of epoch "
                f"{epoch} is {loss}."
            )
    return numbers


def check_history(
    train_losses: Sequence[float], valid_losses: Sequence[float]
) -> tuple[list[float], list[float]]:
    """Check both lists that a criterion is given.

    Parameters
    ----------
    train_losses : sequence of float
        One an epoch.
    valid_losses : sequence of float
        One an epoch.

    Returns
    -------
    tuple of two lists of float
        Training and validation losses.

    Raises
    ------
    ValueError
        If their lengths differ, or `check_losses` refuses them.
    """
    train = check_losses(train_losses, "training")
    valid = check_losses(valid_losses, "validation")
    if len(train) != len(valid):
        raise ValueError(
            "There must be one training and one validation loss an epoch, got "
            f"{len(train)} and {len(valid)}."
        )
    return train, valid

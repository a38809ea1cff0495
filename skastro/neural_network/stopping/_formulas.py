"""The two quantities that Prechelt's criteria look at."""

from __future__ import annotations

import math
from collections.abc import Sequence

from skastro.neural_network.stopping._checks import check_losses


def generalization_loss(valid_losses: Sequence[float]) -> float:
    r"""Give how far the last validation loss lies above the lowest one, in percent.

    Parameters
    ----------
    valid_losses : sequence of float
        Validation loss of every epoch so far, at least one.

    Returns
    -------
    float
        :math:`GL(t)` in percent: zero at the best epoch. Infinite if the lowest loss is
        exactly zero and the last one is not.

    Raises
    ------
    ValueError
        If there are no losses, or one is NaN, infinite or negative.

    Notes
    -----
    With the validation loss :math:`E_{va}(t)` of epoch t = 1, 2, ... it is [1]_

    .. math::

        GL(t) = 100 \left(\frac{E_{va}(t)}{E_{opt}(t)} - 1\right), \qquad
        E_{opt}(t) = \min_{t' \le t} E_{va}(t').

    References
    ----------
    .. [1] L. Prechelt, "Early Stopping - But When?", in Neural Networks: Tricks of the
       Trade, LNCS 1524, Springer, 1998, 55-69.

    Examples
    --------
    >>> from skastro.neural_network.stopping import generalization_loss
    >>> generalization_loss([1.0, 0.5, 0.75])
    50.0
    """
    losses = check_losses(valid_losses, "validation")
    last, best = losses[-1], min(losses)
    if best == 0:
        return math.inf if last > 0 else 0.0
    return 100.0 * (last / best - 1.0)


def training_progress(train_losses: Sequence[float], strip_length: int = 5) -> float:
    r"""Give how much the training loss still moves within the last strip, in per mille.

    Parameters
    ----------
    train_losses : sequence of float
        Training loss of every epoch so far, at least ``strip_length`` of them.
    strip_length : int, default=5
        Epochs in a strip.

    Returns
    -------
    float
        :math:`P_k(t)` in per mille: by how much the mean of the last ``strip_length``
        losses exceeds the lowest of them. Zero if they are all the same; infinite if
        one of them, but not all, is exactly zero.

    Raises
    ------
    ValueError
        If there are fewer losses than a strip has epochs, or one is NaN, infinite or
        negative.

    Notes
    -----
    With the training loss :math:`E_{tr}(t)` of epoch t and strips of k epochs it is
    [1]_

    .. math::

        P_k(t) = 1000 \left(\frac{\sum_{t'=t-k+1}^{t} E_{tr}(t')}
        {k \, \min_{t'=t-k+1}^{t} E_{tr}(t')} - 1\right).

    It is high while the net learns quickly, and also where the training is unstable.

    References
    ----------
    .. [1] L. Prechelt, "Early Stopping - But When?", in Neural Networks: Tricks of the
       Trade, LNCS 1524, Springer, 1998, 55-69.

    Examples
    --------
    >>> from skastro.neural_network.stopping import training_progress
    >>> training_progress([9.0, 1.5, 1.0, 0.5], strip_length=3)
    1000.0
    """
    losses = check_losses(train_losses, "training")
    if strip_length < 1 or len(losses) < strip_length:
        raise ValueError(
            f"strip_length must be between 1 and the number of epochs so far, "
            f"{len(losses)}; got {strip_length!r}."
        )
    strip = losses[-strip_length:]
    lowest = min(strip)
    if max(strip) == lowest:
        # Exactly, where the mean of equal numbers may be off by a rounding.
        return 0.0
    if lowest == 0:
        return math.inf
    return 1000.0 * (math.fsum(strip) / (strip_length * lowest) - 1.0)

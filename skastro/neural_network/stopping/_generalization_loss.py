"""Stop when the validation loss has risen too far above its minimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from skastro.neural_network.stopping._checks import check_history, check_threshold
from skastro.neural_network.stopping._formulas import generalization_loss


@dataclass(frozen=True)
class GeneralizationLoss:
    r"""Prechelt's GL: stop once the validation loss is ``alpha`` % above its minimum.

    It looks at each epoch alone, so one bad epoch can end the training: where the
    curve is noisy, as with few validation samples or large steps, take a higher
    ``alpha`` or another criterion.

    Parameters
    ----------
    alpha : float, default=5.0
        Threshold in percent, positive.

    See Also
    --------
    ProgressQuotient : Allows more while the training loss falls quickly.
    SuccessiveRises : Asks for rises in a row, of whatever size.

    Notes
    -----
    With the validation loss :math:`E_{va}(t)` of epoch t = 1, 2, ... the training stops
    after the first epoch t with [1]_

    .. math::

        GL(t) = 100 \left(\frac{E_{va}(t)}{\min_{t' \le t} E_{va}(t')} - 1\right)
        > \alpha.

    If the lowest loss is exactly zero, any rise above it is infinitely large and stops.
    It need not ever stop a training: ``max_epochs`` does. Prechelt himself also stops
    after 3000 epochs, or once the training progress :math:`P_5` is below 0.1 per mille
    (`training_progress`), for all of his criteria. There the validation loss is only
    measured every fifth epoch; here in each.

    References
    ----------
    .. [1] L. Prechelt, "Early Stopping - But When?", in Neural Networks: Tricks of the
       Trade, LNCS 1524, Springer, 1998, 55-69.

    Examples
    --------
    >>> from skastro.neural_network.stopping import GeneralizationLoss
    >>> stop = GeneralizationLoss(alpha=5)
    >>> stop([0.9, 0.7, 0.5], [1.0, 0.8, 0.83])  # 3.75 % above the minimum
    False
    >>> stop([0.9, 0.7, 0.5, 0.4], [1.0, 0.8, 0.83, 0.85])  # 6.25 %
    True
    """

    alpha: float = 5.0

    def __post_init__(self) -> None:
        """Refuse a threshold that means nothing."""
        check_threshold(self, "alpha")

    def __call__(
        self, train_losses: Sequence[float], valid_losses: Sequence[float]
    ) -> bool:
        """Say whether to stop after the last epoch.

        Parameters
        ----------
        train_losses : sequence of float
            Training loss of every epoch so far; not used, but checked.
        valid_losses : sequence of float
            Validation loss of every epoch so far.

        Returns
        -------
        bool
            Whether to stop.

        Raises
        ------
        ValueError
            If there are no losses, not as many of both kinds, or one is NaN, infinite
            or negative.
        """
        _, valid = check_history(train_losses, valid_losses)
        return generalization_loss(valid) > self.alpha

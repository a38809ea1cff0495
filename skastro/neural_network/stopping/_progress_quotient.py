"""Stop when over-fitting grows faster than the training still progresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from skastro.neural_network.stopping._checks import (
    check_count,
    check_history,
    check_threshold,
)
from skastro.neural_network.stopping._formulas import (
    generalization_loss,
    training_progress,
)


@dataclass(frozen=True)
class ProgressQuotient:
    r"""Prechelt's PQ: stop once the validation loss rises faster than training pays.

    While the training loss still falls quickly, over-fitting may yet be made good, and
    a rise of the validation loss is let pass; once it falls slowly, a small rise stops.

    Parameters
    ----------
    alpha : float, default=0.5
        Threshold of the quotient, in percent per per mille; positive.
    strip_length : int, default=5
        Epochs in a strip, at least 2 (in a single epoch there is no progress to see).
        The training can only stop at the end of a strip: after as many epochs, twice
        as many, and so on.

    See Also
    --------
    GeneralizationLoss : The same without regard to the training loss.
    SuccessiveRises : Asks for rises in a row, of whatever size.

    Notes
    -----
    With the training loss :math:`E_{tr}`, the validation loss :math:`E_{va}` and strips
    of k epochs, the training stops after the first epoch t at the end of a strip with
    [1]_

    .. math::

        \frac{GL(t)}{P_k(t)} > \alpha, \qquad
        GL(t) = 100 \left(\frac{E_{va}(t)}{\min_{t' \le t} E_{va}(t')} - 1\right),
        \qquad
        P_k(t) = 1000 \left(\frac{\sum_{t'=t-k+1}^{t} E_{tr}(t')}
        {k \, \min_{t'=t-k+1}^{t} E_{tr}(t')} - 1\right).

    It is computed as :math:`GL > \alpha P_k`, which has a meaning without progress
    too: if the training loss did not change at all, any rise of the validation loss
    above its minimum stops. The minimum is that of all epochs; Prechelt measured the
    validation loss at the ends of the strips only.

    The training losses of the nets are means over an epoch, taken while the weights
    change. A net that comes to fit its samples perfectly divides its loss by some
    factor in every strip: the progress then stays high, and the default ``alpha`` may
    let any over-fitting pass. No criterion need ever stop a training: ``max_epochs``
    does. Prechelt himself also stops after 3000 epochs, or once :math:`P_5` is below
    0.1.

    References
    ----------
    .. [1] L. Prechelt, "Early Stopping - But When?", in Neural Networks: Tricks of the
       Trade, LNCS 1524, Springer, 1998, 55-69.

    Examples
    --------
    The validation loss lies 50 % above its minimum twice, at a training progress of
    500 and of 25 per mille.

    >>> from skastro.neural_network.stopping import ProgressQuotient
    >>> stop = ProgressQuotient(alpha=0.5, strip_length=2)
    >>> stop([0.8, 0.4], [1.0, 1.5])
    False
    >>> stop([0.8, 0.4, 0.21, 0.2], [1.0, 1.5, 1.2, 1.5])
    True
    """

    alpha: float = 0.5
    strip_length: int = 5

    def __post_init__(self) -> None:
        """Refuse settings that mean nothing."""
        check_threshold(self, "alpha")
        check_count(self, "strip_length", 2)

    def __call__(
        self, train_losses: Sequence[float], valid_losses: Sequence[float]
    ) -> bool:
        """Say whether to stop after the last epoch.

        Parameters
        ----------
        train_losses : sequence of float
            Training loss of every epoch so far.
        valid_losses : sequence of float
            Validation loss of every epoch so far.

        Returns
        -------
        bool
            Whether to stop; never within a strip.

        Raises
        ------
        ValueError
            If there are no losses, not as many of both kinds, or one is NaN, infinite
            or negative.
        """
        train, valid = check_history(train_losses, valid_losses)
        if len(valid) % self.strip_length:
            return False
        allowed = self.alpha * training_progress(train, self.strip_length)
        return generalization_loss(valid) > allowed

"""Stop when the validation loss has risen several times in a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from skastro.neural_network.stopping._checks import check_count, check_history


@dataclass(frozen=True)
class SuccessiveRises:
    """Prechelt's UP: stop once the validation loss rose over ``n_strips`` strips.

    The size of the rises does not matter, nor how far the loss lies above its minimum;
    what happens within a strip does not either.

    Parameters
    ----------
    n_strips : int, default=2
        Strips in a row that must each end with a higher validation loss than the one
        before; at least 1.
    strip_length : int, default=5
        Epochs in a strip, at least 1. The training can only stop at the end of a
        strip, and, as there must be a strip to compare with, not before
        ``(n_strips + 1) * strip_length`` epochs.

    See Also
    --------
    GeneralizationLoss : Asks how far the loss has risen.
    ProgressQuotient : Compares that with the fall of the training loss.

    Notes
    -----
    With the validation loss :math:`E_{va}` and strips of k epochs, let t be an epoch at
    the end of a strip. Then [1]_ UP of one strip stops after t if

    .. math::

        E_{va}(t) > E_{va}(t - k),

    and UP of s strips stops after t if that holds and UP of s - 1 strips stops after
    t - k. It need not ever stop a training: ``max_epochs`` does. Prechelt himself also
    stops after 3000 epochs, or once the training progress :math:`P_5` is below 0.1 per
    mille (`training_progress`).

    References
    ----------
    .. [1] L. Prechelt, "Early Stopping - But When?", in Neural Networks: Tricks of the
       Trade, LNCS 1524, Springer, 1998, 55-69.

    Examples
    --------
    >>> from skastro.neural_network.stopping import SuccessiveRises
    >>> stop = SuccessiveRises(n_strips=2, strip_length=2)
    >>> train = [0.9, 0.7, 0.6, 0.5, 0.4, 0.3]
    >>> valid = [1.0, 0.8, 0.7, 0.81, 0.7, 0.82]  # strips end with 0.8, 0.81, 0.82
    >>> stop(train[:4], valid[:4]), stop(train, valid)
    (False, True)
    """

    n_strips: int = 2
    strip_length: int = 5

    def __post_init__(self) -> None:
        """Refuse settings that mean nothing."""
        check_count(self, "n_strips", 1)
        check_count(self, "strip_length", 1)

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
            Whether to stop; never within a strip.

        Raises
        ------
        ValueError
            If there are no losses, not as many of both kinds, or one is NaN, infinite
            or negative.
        """
        _, valid = check_history(train_losses, valid_losses)
        if len(valid) % self.strip_length:
            return False
        ends = valid[self.strip_length - 1 :: self.strip_length]
        last = ends[-self.n_strips - 1 :]
        return len(last) > self.n_strips and all(b > a for a, b in pairwise(last))

"""When to stop a training: Prechelt's criteria, for ``early_stopping`` of all nets.

A stopping criterion is any callable ``(train_losses, valid_losses) -> bool``. After
each epoch it gets the losses of all epochs so far, as two lists of equal length, and
says whether to stop now. It must keep no state: one object serves any number of fits.
Those here are frozen dataclasses, so that they pickle, print and compare. Whichever
criterion ends the training, or if none does, the weights of the epoch with the lowest
validation loss are restored.
"""

from skastro.neural_network.stopping._formulas import (
    generalization_loss,
    training_progress,
)
from skastro.neural_network.stopping._generalization_loss import GeneralizationLoss
from skastro.neural_network.stopping._named import (
    NAMED_CRITERIA,
    as_stopping_criterion,
)
from skastro.neural_network.stopping._progress_quotient import ProgressQuotient
from skastro.neural_network.stopping._successive_rises import SuccessiveRises

__all__ = [
    "NAMED_CRITERIA",
    "GeneralizationLoss",
    "ProgressQuotient",
    "SuccessiveRises",
    "as_stopping_criterion",
    "generalization_loss",
    "training_progress",
]

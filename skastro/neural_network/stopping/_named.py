"""The criteria's short names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skastro.neural_network.stopping._generalization_loss import GeneralizationLoss
from skastro.neural_network.stopping._progress_quotient import ProgressQuotient
from skastro.neural_network.stopping._successive_rises import SuccessiveRises

StoppingCriterion = Callable[[Sequence[float], Sequence[float]], bool]

NAMED_CRITERIA: dict[str, StoppingCriterion] = {
    "GL": GeneralizationLoss(),
    "PQ": ProgressQuotient(),
    "UP": SuccessiveRises(),
}


def as_stopping_criterion(early_stopping: Any) -> StoppingCriterion | None:
    """Turn an ``early_stopping`` parameter into something to call.

    Parameters
    ----------
    early_stopping : bool, {"GL", "PQ", "UP"} or callable
        The parameter of a net.

    Returns
    -------
    callable or None
        Takes the training and the validation losses so far and says whether to stop.
        None for True and False, which are no criterion: True is the rule of
        scikit-learn's `MLPClassifier`, by score and patience.

    Raises
    ------
    ValueError
        If a name is not known, or it is a class or cannot be called.

    Examples
    --------
    >>> from skastro.neural_network.stopping import as_stopping_criterion
    >>> as_stopping_criterion("UP")
    SuccessiveRises(n_strips=2, strip_length=5)
    >>> as_stopping_criterion(True) is None
    True
    """
    if isinstance(early_stopping, (bool, np.bool_)):
        return None
    if isinstance(early_stopping, str):
        if early_stopping not in NAMED_CRITERIA:
            raise ValueError(
                f"early_stopping={early_stopping!r} is not known; the names are "
                f"{sorted(NAMED_CRITERIA)}."
            )
        return NAMED_CRITERIA[early_stopping]
    if isinstance(early_stopping, type):
        # A class can be called, but gives an object, which would always mean "stop".
        raise ValueError(
            f"early_stopping must be a criterion, not its class: give "
            f"{early_stopping.__name__}(...), got {early_stopping!r}."
        )
    if callable(early_stopping):
        criterion: StoppingCriterion = early_stopping
        return criterion
    raise ValueError(
        "early_stopping must be True, False, a name, or a callable (train_losses, "
        f"valid_losses) -> bool; got {early_stopping!r}."
    )

"""Streams of random numbers that leave the global one alone."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state

from skastro.utils._typing import Seed


def own_random_state(random_state: Seed) -> np.random.RandomState:
    """Make the stream of draws that a parameter ``random_state`` stands for.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        None takes fresh entropy, where scikit-learn would draw from the global stream
        and move it on.

    Returns
    -------
    RandomState
        Seeded, given, or new.

    Examples
    --------
    >>> from skastro.utils import own_random_state
    >>> own_random_state(0).randint(100)
    44
    """
    if random_state is None:
        return np.random.RandomState()
    out: np.random.RandomState = check_random_state(random_state)
    return out

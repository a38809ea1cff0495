"""What the simulators make of their arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skastro.utils._typing import Seed


def is_number(value: Any, kind: type) -> bool:
    """Tell a number of some kind, which a bool is not meant to be.

    Parameters
    ----------
    value : object
        Anything.
    kind : type
        As `numbers.Integral` or `numbers.Real`.

    Returns
    -------
    bool
        Whether it is one.
    """
    return isinstance(value, kind) and not isinstance(value, bool)


def generator(random_state: Seed) -> np.random.Generator:
    """Make a generator of its own, which leaves the global one alone.

    Parameters
    ----------
    random_state : int, RandomState instance, Generator or None
        Same number, same generator.

    Returns
    -------
    Generator
        A new one; a Generator is given back.
    """
    if random_state is None or isinstance(random_state, np.random.Generator):
        return np.random.default_rng(random_state)
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max, size=4)
    return np.random.default_rng(seed.tolist())

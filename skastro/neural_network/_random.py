"""Random numbers of a net: one seed, one generator for each purpose.

torch's global generator is shared by the whole process, so a net that drew from it
would change with whatever else runs (joblib's threading backend, for one). Every
draw of a fit comes from a generator of its own instead. Separate purposes have
separate generators, so that switching augmentation on does not change the
initial weights.
"""

from __future__ import annotations

import numpy as np
import torch

from skastro.utils import own_random_state
from skastro.utils._typing import Seed

PURPOSES = ("weights", "order", "dropout", "augment")


def make_generators(
    random_state: Seed, device: torch.device
) -> dict[str, torch.Generator]:
    """Make the generators of one net.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        Where the one seed comes from.
    device : torch.device
        Where dropout masks are drawn; all else is drawn on the CPU, so that weights
        and order do not depend on the device.

    Returns
    -------
    dict of str to torch.Generator
        One for each of ``PURPOSES``.
    """
    seed = int(own_random_state(random_state).randint(np.iinfo(np.int32).max))
    words = np.random.SeedSequence(seed).generate_state(len(PURPOSES), np.uint64)
    generators = {}
    for purpose, word in zip(PURPOSES, words, strict=True):
        where = device if purpose == "dropout" else torch.device("cpu")
        generators[purpose] = torch.Generator(where)
        # torch takes 64 bits, but keeps the sign bit apart.
        generators[purpose].manual_seed(int(word >> np.uint64(1)))
    return generators


def generators_to_arrays(
    generators: dict[str, torch.Generator],
) -> dict[str, np.ndarray]:
    """Write down where each generator stands.

    Parameters
    ----------
    generators : dict of str to torch.Generator
        From `make_generators`.

    Returns
    -------
    dict of str to ndarray of uint8
        Their states.
    """
    return {name: g.get_state().numpy().copy() for name, g in generators.items()}


def generators_from_arrays(
    arrays: dict[str, np.ndarray], device: torch.device
) -> dict[str, torch.Generator]:
    """Set generators up where they stood.

    Parameters
    ----------
    arrays : dict of str to ndarray of uint8
        From `generators_to_arrays`.
    device : torch.device
        Where dropout masks are drawn.

    Returns
    -------
    dict of str to torch.Generator
        The generators. A dropout state of another kind of device cannot be carried
        over; that generator starts from a seed made of the state's bytes.
    """
    generators = make_generators(0, device)
    for name, state in arrays.items():
        try:
            generators[name].set_state(torch.from_numpy(np.array(state)))
        except RuntimeError:
            words = np.random.SeedSequence(state.tolist()).generate_state(1, np.uint64)
            generators[name].manual_seed(int(words[0] >> np.uint64(1)))
    return generators

"""Numbers and energies of what annihilations and pions send out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from skastro.gaps._mc_fluctuations import QuantileTable
from skastro.gaps._mc_nuclei import SHARES

# Charged pions of one antinucleon at rest in silicon: 22,000 stars of Geant4 (FTF).
# Both antinucleons of an antideuteron make such a star, unless one gets away.
PION_NUMBER = (0.0235, 0.0927, 0.2372, 0.3322, 0.2128, 0.0835, 0.0170, 0.0011)
# Neutral pions beside so many charged ones: mean and variance.
PI0_MEAN = (2.69, 2.37, 1.98, 1.60, 1.10, 0.71, 0.27, 0.29)
PI0_VARIANCE = (1.66, 1.32, 1.07, 0.81, 0.62, 0.39, 0.22, 0.21)
# Mean energy of a charged pion beside so many, over the mean of all.
ENERGY_SCALE = (1.0, 1.17, 1.115, 1.065, 0.96, 0.84, 0.72, 0.65)
ETAS, ETA_PRIMES = 0.171, 0.103
DALITZ = 0.0117  # of neutral pions
# An antinucleon of a stopped antideuteron that is sent out again, each sort; in flight
# also both at once.
REEMITTED_AT_REST = 0.125
REEMITTED_IN_FLIGHT, BROKEN_IN_FLIGHT = 0.212, 0.053
# An antiproton that interacts in flight and lives on, as itself or as an antineutron.
SCATTERED_IN_FLIGHT, EXCHANGED_IN_FLIGHT = 0.030, 0.011

# Quantiles of kinetic energies in MeV at the shares of `_mc_nuclei.SHARES`.
PION = (
    0.032,
    8,
    17.8,
    45,
    78.8,
    112,
    145,
    182,
    223,
    270,
    335,
    431,
    513,
    602,
    698,
    792,
)
ETA_PION = (
    0.3, 2.9, 7, 16.5, 27.5, 39, 49.5, 60, 72.5, 86, 104, 133, 166, 220, 305, 400
)  # fmt: skip
RHO_PION = (5, 19, 36, 90, 136, 172, 206, 239, 270, 299, 326, 366, 418, 492, 565, 640)
ANTIPROTON_AT_REST = (
    0.0005, 0.006, 0.011, 0.026, 0.06, 0.66, 2.2, 3.9, 6, 8.5, 12.2, 19, 26, 33, 45, 58
)  # fmt: skip
ANTIPROTON_IN_FLIGHT = (
    0.001, 0.03, 0.055, 0.11, 1.1, 3.2, 5.9, 9, 12.7, 17.3, 22.3, 32, 53, 71, 92, 105
)  # fmt: skip
# What is left of the energy of a pion that a nucleus scatters.
PION_KEPT = (
    0.04, 0.11, 0.17, 0.28, 0.36, 0.44, 0.51, 0.6, 0.68, 0.75, 0.83, 0.9, 0.95, 0.97,
    0.98, 0.99,
)  # fmt: skip


@cache
def quantiles(values: Sequence[float]) -> QuantileTable:
    """Give the table of some quantiles, made once.

    Parameters
    ----------
    values : tuple of 16 floats
        At the shares of `_mc_SHARES`.

    Returns
    -------
    QuantileTable
        To draw from.
    """
    return QuantileTable(SHARES, np.asarray(values))


@cache
def _steps(probabilities: Sequence[float]) -> np.ndarray:
    total = np.cumsum(probabilities, dtype=np.float64)
    out: np.ndarray = (total / total[-1])[:-1].astype(np.float32)
    return out


def draw_number(
    rng: np.random.Generator, probabilities: Sequence[float], n: int
) -> np.ndarray:
    """Draw whole numbers.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    probabilities : tuple of float
        Of 0, 1, 2, ...
    n : int
        How many to draw.

    Returns
    -------
    ndarray of int64
        The numbers.
    """
    share = rng.random(n, dtype=np.float32)
    return np.searchsorted(_steps(probabilities), share, side="right")

"""What an antiproton or antideuteron leaves in the wafers that it crosses."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from skastro.gaps._geometry import SILICON_DENSITY, WAFER_THICKNESS_CM
from skastro.gaps._mc_ranges import (
    DEUTERON_MASS,
    PROTON_MASS,
    kinetic_energy,
    stopping_power,
)

# Grid of the fit: speeds, as dense as straggling asks for but not too many, and
# inclinations as 1 / cos(zenith) up to that of 78 degrees.
SPEED_STEP, MOST_SPEEDS = 0.005, 32
N_INCLINATIONS = 16
STEEPEST = 5.0

MASSES = (PROTON_MASS, DEUTERON_MASS)


class TrackModel(NamedTuple):
    """Mean energies along a track, for each species, speed and inclination."""

    before: Tensor  # (2, speeds, inclinations, wafers): MeV left before the i-th wafer
    loss: Tensor  # the same shape: MeV deposited in it
    beta: Tensor  # (speeds,): at the first wafer
    inverse_cosine: Tensor  # (inclinations,)


@lru_cache(maxsize=8)
def track_model(
    beta: tuple[float, float], n_wafers: int, dtype: torch.dtype
) -> TrackModel:
    """Tabulate the deposits of stopping primaries.

    Energies follow from the range in silicon: the primary crosses one wafer after
    another, each of 2.5 mm over the cosine of its zenith angle, with vacuum between.

    Parameters
    ----------
    beta : (low, high)
        Range of speeds at the first wafer.
    n_wafers : int
        Wafers to follow.
    dtype : torch.dtype
        Of the tables.

    Returns
    -------
    TrackModel
        The tables; they are shared, do not change them.
    """
    # Energy and range of a proton, on a grid that is fine where it stops.
    energy = np.geomspace(1e-2, 5e3, 20_000)
    inverse = 1 / stopping_power(energy / PROTON_MASS)
    steps = np.diff(energy) * (inverse[1:] + inverse[:-1]) / 2
    reach = np.concatenate([[0.0], np.cumsum(steps)]) + energy[0] * inverse[0]
    inclination = np.geomspace(1, STEEPEST, N_INCLINATIONS)
    path = SILICON_DENSITY * WAFER_THICKNESS_CM * inclination
    n_speeds = min(2 + round((beta[1] - beta[0]) / SPEED_STEP), MOST_SPEEDS)
    speeds = np.linspace(*beta, n_speeds)
    before = np.zeros((2, n_speeds, N_INCLINATIONS, n_wafers))
    loss = np.zeros_like(before)
    for s, mass in enumerate(MASSES):
        # At equal speed energy and range go as the mass.
        ratio = mass / PROTON_MASS
        start = np.interp(kinetic_energy(speeds, mass) / ratio, energy, reach)
        left = np.broadcast_to((start * ratio)[:, None], before.shape[1:3])
        for i in range(n_wafers):
            after = np.maximum(left - path, 0)
            now, then = (
                ratio * np.interp(r / ratio, [0, *reach], [0, *energy])
                for r in (left, after)
            )
            before[s, :, :, i], loss[s, :, :, i] = now, now - then
            left = after
    return TrackModel(
        *(torch.from_numpy(t).to(dtype) for t in (before, loss, speeds, inclination))
    )

"""What is known of the grains while they are fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class GrainState:
    """What is fitted, for n images of k grains.

    Parameters
    ----------
    rotation : ndarray of shape (n, k, 3, 3)
        Crystal to lab.
    phase : ndarray of shape (n, k), int
        Number of the crystal.
    log_amplitude : ndarray of shape (n, k)
        Logarithm of counts per Å².
    shared : ndarray of shape (n, 5)
        Row and column of the centre in pixels; logarithms of pixels per 1/Å, of the
        relrod's width in 1/Å and of the spots' width in pixels.
    """

    rotation: np.ndarray
    phase: np.ndarray
    log_amplitude: np.ndarray
    shared: np.ndarray

    def take(self, index: np.ndarray) -> GrainState:
        """Give some of the images."""
        return GrainState(
            self.rotation[index],
            self.phase[index],
            self.log_amplitude[index],
            self.shared[index],
        )

    def grains(self, which: Sequence[int] | np.ndarray) -> GrainState:
        """Give some of the grains of each image, in that order."""
        index = np.asarray(which, dtype=int)
        return GrainState(
            self.rotation[:, index],
            self.phase[:, index],
            self.log_amplitude[:, index],
            self.shared,
        )


def join_grains(first: GrainState, second: GrainState) -> GrainState:
    """Put the grains of two states into one, with the shared values of the first."""
    return GrainState(
        np.concatenate([first.rotation, second.rotation], axis=1),
        np.concatenate([first.phase, second.phase], axis=1),
        np.concatenate([first.log_amplitude, second.log_amplitude], axis=1),
        first.shared,
    )


def choose_states(where: np.ndarray, yes: GrainState, no: GrainState) -> GrainState:
    """Take some images from one state and the others from another.

    Parameters
    ----------
    where : ndarray of shape (n,), bool
        Which come from `yes`.
    yes, no : GrainState
        Of the same n images and k grains.

    Returns
    -------
    GrainState
        The mixture.
    """

    def pick(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.where(where.reshape(-1, *[1] * (a.ndim - 1)), a, b)

    return GrainState(
        pick(yes.rotation, no.rotation),
        pick(yes.phase, no.phase),
        pick(yes.log_amplitude, no.log_amplitude),
        pick(yes.shared, no.shared),
    )

"""The twin of an orientation whose spots lie in one zero-order zone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from skastro.diffraction._grain_fit import TOTAL, GrainFitter
from skastro.diffraction._grain_state import GrainState, choose_states
from skastro.diffraction._patches import PatchBoard

# Spots weaker than this share of the strongest do not say where the zone is.
_BRIGHT = 0.01

# Steps after turning a grain into its twin.
_STEPS = 2

# Counts added to image and model: where the model has nothing, noise must not decide.
_BACKGROUND = 0.02


def twin_rotation(fitter: GrainFitter, state: GrainState) -> np.ndarray:
    """Turn every grain by 180° about the normal of its zone.

    If all visible reflections lie in one zone through the origin, this gives the same
    pattern, although it is no symmetry of the crystal. The normal is the direction in
    which the bright reflections extend least.

    Parameters
    ----------
    fitter : GrainFitter
        Predicts the spots.
    state : GrainState
        Orientations of n images of k grains.

    Returns
    -------
    ndarray of shape (n, k, 3, 3)
        Crystal to lab.
    """
    n, k = state.phase.shape
    spots = fitter._spots(state)
    strongest = np.zeros(n * k)
    np.maximum.at(strongest, spots.owner, spots.intensity)
    weight = np.sqrt(spots.intensity)
    weight *= spots.intensity > _BRIGHT * strongest[spots.owner]
    tensor = np.zeros((n * k, 3, 3))
    terms = weight[:, None, None] * spots.g[:, :, None] * spots.g[:, None, :]
    present, start = np.unique(spots.owner, return_index=True)
    if len(present):
        tensor[present] = np.add.reduceat(terms, start, axis=0)
    # Without any spot the beam direction takes the place of the normal.
    tensor += 1e-12 * np.diag([1.0, 1.0, 0.0])
    _, vectors = np.linalg.eigh(tensor)
    normal = vectors[:, :, 0]
    turn = 2 * normal[:, :, None] * normal[:, None, :] - np.eye(3)
    return np.asarray(turn.reshape(n, k, 3, 3) @ state.rotation)


def deviance(image: Tensor, model: Tensor) -> np.ndarray:
    """Give the Poisson deviance of a model.

    Parameters
    ----------
    image, model : Tensor of shape (n, h, w)
        In counts.

    Returns
    -------
    ndarray of shape (n,)
        2 sum (I ln(I / m) - I + m), each pixel with a small background.
    """
    i, m = image + _BACKGROUND, model + _BACKGROUND
    terms = i * torch.log(i / m) - i + m
    total: np.ndarray = 2 * terms.sum(dim=(1, 2), dtype=torch.float64).numpy()
    return total


def choose_twins(
    fitter: GrainFitter, board: PatchBoard, state: GrainState
) -> tuple[GrainState, np.ndarray, np.ndarray]:
    """Replace grains by their twins where these fit better.

    Parameters
    ----------
    fitter : GrainFitter
        Predicts, draws and refines.
    board : PatchBoard
        The images.
    state : GrainState
        What was found.

    Returns
    -------
    state : GrainState
        The better of both.
    twin : ndarray of shape (n, k, 3, 3)
        The orientation that was not taken.
    margin : ndarray of shape (n, k)
        By how much its deviance is larger, over the sum of the image.
    """
    n, k = state.phase.shape
    twin = np.empty((n, k, 3, 3))
    margin = np.empty((n, k))
    best = deviance(board.images, fitter.render(board, state))
    for grain in range(k):
        rotation = state.rotation.copy()
        rotation[:, grain] = twin_rotation(fitter, state.grains([grain]))[:, 0]
        other = fitter.refine(
            board, replace(state, rotation=rotation), _STEPS, damping=1, held=0
        )
        value = deviance(board.images, fitter.render(board, other))
        better = value < best
        twin[:, grain] = np.where(
            better[:, None, None], state.rotation[:, grain], other.rotation[:, grain]
        )
        margin[:, grain] = np.abs(value - best) / TOTAL
        best = np.minimum(value, best)
        state = choose_states(better, other, state)
    return state, twin, margin

"""Discs about spots, and the factor between an image and a model of it."""

from __future__ import annotations

import copy
import math

import numpy as np
import torch

from skastro.diffraction._simulator import KinematicSimulator
from skastro.diffraction._spots import SpotList


def spots_alone(simulator: KinematicSimulator) -> KinematicSimulator:
    """Copy a simulator, without all that is not a spot of the crystal.

    Parameters
    ----------
    simulator : KinematicSimulator
        Any.

    Returns
    -------
    KinematicSimulator
        Without direct beam, background, beam stop, jitter and noise; its images are
        not normalised.
    """
    clean = copy.copy(simulator)
    clean.direct_beam = clean.background = 0.0
    clean.beam_stop = clean.center_jitter = 0.0
    clean.counts = clean.normalize = None
    clean._set_up()
    return clean


def positions(
    spots: SpotList, simulator: KinematicSimulator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give where spots are on the image.

    Parameters
    ----------
    spots : SpotList
        Of the simulator.
    simulator : KinematicSimulator
        Has centre, scale and shape.

    Returns
    -------
    row, col : ndarray of shape (n_spots,)
        In pixels.
    seen : ndarray of shape (n_spots,), bool
        Whether the spot's middle is on the image.
    """
    row = simulator.center_[0] + spots.g[:, 1] / simulator.scale_
    col = simulator.center_[1] + spots.g[:, 0] / simulator.scale_
    h, w = simulator._detector.shape
    seen = (row >= 0) & (row <= h - 1) & (col >= 0) & (col <= w - 1)
    return row, col, seen


def discs(
    image: np.ndarray,
    row: np.ndarray,
    col: np.ndarray,
    radius: float,
    shape: tuple[int, int, int],
) -> np.ndarray:
    """Say which share of each pixel lies in a disc about a spot.

    Parameters
    ----------
    image : ndarray of shape (n_spots,), int
        Which image a spot is on.
    row, col : ndarray of shape (n_spots,)
        Positions on the image, in pixels.
    radius : float
        Of the discs, in pixels.
    shape : (n, h, w)
        Of the images.

    Returns
    -------
    ndarray of shape (n, h, w), float32
        1 inside of a disc, 0 outside, and between these over the pixel on its edge.
    """
    n, h, w = shape
    reach = math.ceil(radius + 1)
    # A frame takes what is cut off, so that no disc needs a test; the middle of one
    # may itself lie up to a radius outside of the image.
    frame = 2 * reach
    height, width = h + 2 * frame, w + 2 * frame
    steps = np.arange(-reach, reach + 1)
    r0, c0 = (np.rint(x).astype(np.int64) for x in (row, col))
    distance = np.hypot(
        (r0 - row)[:, None, None] + steps[:, None], (c0 - col)[:, None, None] + steps
    )
    share = np.clip(radius + 0.5 - distance, 0.0, 1.0).astype(np.float32)
    start = (image * height + r0 + frame) * width + c0 + frame
    index = start[:, None] + (steps[:, None] * width + steps).ravel()
    canvas = torch.zeros(n * height * width)
    canvas.scatter_reduce_(
        0, torch.from_numpy(index.ravel()), torch.from_numpy(share.ravel()), "amax"
    )
    framed = canvas.numpy().reshape(n, height, width)
    return framed[:, frame : frame + h, frame : frame + w]


def amplitudes(images: np.ndarray, models: np.ndarray, threshold: float) -> np.ndarray:
    """Find the factor of each model in its image, whatever else the image holds.

    It is the median of their ratio over the pixels on which the model is bright,
    weighted by the model: what lies on less than half of them cannot move it far, as it
    would move a least-squares fit.

    Parameters
    ----------
    images, models : ndarray of shape (n, h, w)
        Not negative.
    threshold : float
        Share of the model's maximum that is bright.

    Returns
    -------
    ndarray of shape (n,)
        Factors, not negative; 0 for an empty model.
    """
    out = np.zeros(len(images))
    for i, (image, model) in enumerate(zip(images, models, strict=True)):
        bright = model > threshold * model.max()
        if not bright.any():
            continue
        weight = model[bright].astype(np.float64)
        ratio = image[bright] / weight
        order = np.argsort(ratio, kind="stable")
        half = np.cumsum(weight[order])
        out[i] = ratio[order][np.searchsorted(half, 0.5 * half[-1])]
    return out

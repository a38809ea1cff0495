"""Spot lists to images."""

from __future__ import annotations

import math

import numpy as np

# Half the side of a spot's patch, in standard deviations: the tail left out is below
# 0.3 % of the peak.
_REACH = 3.4


def patch_radius(sigma: float) -> int:
    """Give half the side of the patch that a spot is drawn on.

    Parameters
    ----------
    sigma : float
        Standard deviation of the spots, in pixels.

    Returns
    -------
    int
        In pixels.
    """
    return max(1, math.ceil(_REACH * sigma - 0.5))


def render_spots(
    image: np.ndarray,
    row: np.ndarray,
    col: np.ndarray,
    intensity: np.ndarray,
    *,
    n_images: int,
    shape: tuple[int, int],
    sigma: float,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Draw spots as Gaussians at their sub-pixel positions.

    Every spot is the outer product of two one-dimensional Gaussians on a small patch;
    one ``bincount`` adds all patches of a batch.

    Parameters
    ----------
    image : ndarray of shape (n_spots,), int
        Which image each spot is on.
    row, col : ndarray of shape (n_spots,)
        Positions in pixels; outside of the image they add what reaches in.
    intensity : ndarray of shape (n_spots,)
        Summed over the pixels of a spot that lies inside.
    n_images : int
        Number of images.
    shape : (h, w)
        Of each, in pixels.
    sigma : float
        Standard deviation of the spots, in pixels.
    out : ndarray of shape (n_images, h, w), default=None
        Where the images go.

    Returns
    -------
    ndarray of shape (n_images, h, w), float32
        The images.
    """
    h, w = shape
    radius = patch_radius(sigma)
    near = (row > -radius) & (row < h - 1 + radius)
    near &= (col > -radius) & (col < w - 1 + radius)
    if not near.all():
        image, row, col = image[near], row[near], col[near]
        intensity = intensity[near]
    # A frame of this width takes what is cut off, so that no patch needs a test.
    margin = 2 * radius
    height, width = h + 2 * margin, w + 2 * margin
    steps = np.arange(-radius, radius + 1)
    r0 = np.rint(row)
    c0 = np.rint(col)
    factor = np.float32(-0.5 / sigma**2)
    by_row = np.exp(
        factor * np.square((r0 - row).astype(np.float32)[:, None] + steps_32(radius))
    )
    by_col = np.exp(
        factor * np.square((c0 - col).astype(np.float32)[:, None] + steps_32(radius))
    )
    by_row *= (intensity / (2 * np.pi * sigma**2)).astype(np.float32)[:, None]
    patches = by_row[:, :, None] * by_col[:, None, :]
    start = (image * height + r0.astype(np.int64) + margin) * width
    start += c0.astype(np.int64) + margin
    offsets = (steps[:, None] * width + steps).ravel()
    index = start[:, None] + offsets
    canvas = np.bincount(
        index.ravel(), patches.ravel(), minlength=n_images * height * width
    ).reshape(n_images, height, width)
    inside = canvas[:, margin : margin + h, margin : margin + w]
    if out is None:
        return np.ascontiguousarray(inside, dtype=np.float32)
    out[...] = inside
    return out


def steps_32(radius: int) -> np.ndarray:
    """Give the pixels of a patch relative to its middle.

    Parameters
    ----------
    radius : int
        Half its side.

    Returns
    -------
    ndarray of shape (2 * radius + 1,), float32
        From -radius to radius.
    """
    return np.arange(-radius, radius + 1, dtype=np.float32)

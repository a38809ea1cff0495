"""Blur simulated images as the atmosphere does, and put stars into them."""

from __future__ import annotations

import numpy as np
import scipy.fft
from scipy import special


def psf_transfer(
    size: int, fwhm: np.ndarray, kind: str = "moffat", beta: float = 3.5
) -> np.ndarray:
    """Compute the Fourier transform of a point spread function of unit flux.

    Parameters
    ----------
    size : int
        Pixels a side of the images it is for.
    fwhm : ndarray of shape (n,)
        Full width at half maximum in pixels; 0 is no blurring.
    kind : {"moffat", "gaussian"}, default="moffat"
        The profile.
    beta : float, default=3.5
        Exponent of the Moffat profile ``(1 + r^2 / alpha^2)^-beta``.

    Returns
    -------
    ndarray of shape (n, size, size // 2 + 1)
        Real, float32, 1 at frequency zero, in the layout of ``rfft2``.
    """
    fy = np.fft.fftfreq(size)[:, None]
    fx = np.fft.rfftfreq(size)[None, :]
    k = 2.0 * np.pi * np.sqrt(fx**2 + fy**2)
    width = np.asarray(fwhm, dtype=np.float64)[:, None, None]
    if kind == "gaussian":
        sigma = width / np.sqrt(8.0 * np.log(2.0))
        gaussian: np.ndarray = np.exp(-0.5 * (sigma * k) ** 2)
        return gaussian.astype(np.float32)
    alpha = width / (2.0 * np.sqrt(2.0 ** (1.0 / beta) - 1.0))
    # The transform of a Moffat profile is a Bessel function of one variable.
    grid = np.linspace(1e-6, 60.0, 6001)
    order = beta - 1.0
    table = 2.0 * (0.5 * grid) ** order * special.kv(order, grid) / special.gamma(order)
    moffat: np.ndarray = np.interp(alpha * k, grid, table, left=1.0, right=0.0)
    return moffat.astype(np.float32)


def convolve(images: np.ndarray, transfer: np.ndarray) -> np.ndarray:
    """Convolve images with what `psf_transfer` gives; the borders are periodic.

    Parameters
    ----------
    images : ndarray of shape (n, ..., size, size)
        float32.
    transfer : ndarray of shape (n, size, size // 2 + 1)
        One for each first index.

    Returns
    -------
    ndarray of shape (n, ..., size, size)
        float32, with the same sum.
    """
    spectrum = scipy.fft.rfft2(images)
    extra = images.ndim - transfer.ndim
    spectrum *= transfer.reshape(len(transfer), *([1] * extra), *transfer.shape[1:])
    out: np.ndarray = scipy.fft.irfft2(spectrum, s=images.shape[-2:], overwrite_x=True)
    return out


def add_points(
    images: np.ndarray,
    owner: np.ndarray,
    flux: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
) -> None:
    """Add point sources in place, each shared among its four nearest pixels.

    Parameters
    ----------
    images : ndarray of shape (n, size, size)
        Not yet convolved.
    owner : ndarray of shape (n_points,)
        Which image each goes to.
    flux, x, y : ndarray of shape (n_points,)
        Flux and position, ``0 <= x, y < size - 1``.
    """
    x0, y0 = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = x - x0, y - y0
    for step_y, weight_y in ((0, 1.0 - fy), (1, fy)):
        for step_x, weight_x in ((0, 1.0 - fx), (1, fx)):
            np.add.at(
                images,
                (owner, y0 + step_y, x0 + step_x),
                (flux * weight_x * weight_y).astype(np.float32),
            )

"""Resampling of images as matrices, one for each axis, equal to OpenCV's `resize`.

Shrinking an image X of shape (h, w) is ``A_h @ X @ A_w.T``, enlarging the result Y is
``U_h @ Y @ U_w.T``. Every matrix here is sparse, in float64, and cached: treat it as
read-only.

Where an exact formula and OpenCV differ, OpenCV is followed to the letter, because
published degradation studies used it:

- sizes are rounded half to even;
- the part of a pixel that a cell overlaps is left out if it is 1e-3 or less, and the
  weights of that row then sum to a little less than one (integer factors never meet
  this; 3.0005 loses up to 3e-4 of the flux);
- parts of OpenCV place their interpolation weights in single precision
  (`opencv_is_single`).
"""

from __future__ import annotations

import math
from functools import lru_cache
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import csr_array

ENLARGE_METHODS = ("nearest", "bilinear", "bicubic")
ROUNDINGS = ("block", "exact")

# OpenCV's free parameter of the cubic kernel (others use -0.5).
_CUBIC_A = -0.75
# Overlaps up to this part of a pixel are left out by OpenCV.
_SKIPPED_OVERLAP = 1e-3
# Kernels reach this many standard deviations, as scipy.ndimage's do by default.
_GAUSSIAN_TRUNCATE = 4.0
# Wider than any image: a kernel must fit into memory.
_LARGEST_SIGMA = 1e5


class ResizeMatrices(NamedTuple):
    """The four matrices of shrinking and enlarging; None stands for the identity."""

    shrink_rows: csr_array | None
    shrink_columns: csr_array | None
    enlarge_rows: csr_array | None
    enlarge_columns: csr_array | None


def _check_size(n: Any, name: str) -> None:
    """Refuse what is no number of pixels."""
    whole = isinstance(n, Integral) and not isinstance(n, bool)
    if not whole or n < 1:
        raise ValueError(f"{name} must be a whole number of 1 or more, got {n!r}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real)


def _check_choice(value: Any, name: str, choices: tuple[str | None, ...]) -> None:
    """Refuse what is none of the choices."""
    if not (value is None or isinstance(value, str)) or value not in choices:
        raise ValueError(f"{name} must be one of {choices}, got {value!r}.")


def shrunk_size(n: int, factor: float) -> int:
    """Give the number of pixels that are left of an axis.

    Parameters
    ----------
    n : int
        Pixels before.
    factor : float
        How many of them become one; at least 1.

    Returns
    -------
    int
        ``n / factor`` rounded half to even, but at least 1 (where OpenCV's ``fx``
        form would raise an error).

    Examples
    --------
    >>> from skastro.utils import shrunk_size
    >>> [shrunk_size(64, factor) for factor in range(2, 9)]
    [32, 21, 16, 13, 11, 9, 8]
    """
    _check_size(n, "n")
    if not (_is_number(factor) and 1 <= factor < math.inf):
        raise ValueError(f"factor must be a finite number of 1 or more, got {factor}.")
    # Multiplied with the reciprocal, as OpenCV is given it.
    return max(1, round(n * (1.0 / factor)))


@lru_cache(maxsize=256)
def area_matrix(n: int, factor: float, rounding: str = "block") -> csr_array:
    """Build the matrix that shrinks an axis by area averaging (``INTER_AREA``).

    Parameters
    ----------
    n : int
        Pixels before.
    factor : float
        How many of them become one; at least 1.
    rounding : {"block", "exact"}, default="block"
        What happens where ``n / factor`` is not whole. "block" keeps cells of
        ``factor`` pixels from the first pixel on: the last cell is cut short or the
        last pixels are left out (OpenCV's ``fx=1 / factor``). "exact" spreads the
        cells evenly over all pixels (OpenCV's ``dsize``).

    Returns
    -------
    csr_array of shape (shrunk_size(n, factor), n)
        Its rows sum to one, see the module for a rare exception.

    Examples
    --------
    >>> from skastro.utils import area_matrix
    >>> area_matrix(5, 2).toarray()  # 5 / 2 rounds to 2: the last pixel is left out
    array([[0.5, 0.5, 0. , 0. , 0. ],
           [0. , 0. , 0.5, 0.5, 0. ]])
    >>> area_matrix(5, 2, "exact").toarray()
    array([[0.4, 0.4, 0.2, 0. , 0. ],
           [0. , 0. , 0.2, 0.4, 0.4]])
    """
    m = shrunk_size(n, factor)
    _check_choice(rounding, "rounding", ("block", "exact"))
    scale = 1.0 / (1.0 / factor) if rounding == "block" else 1.0 / (m / n)
    i = np.arange(m)
    start = i * scale
    stop = start + scale
    width = np.minimum(scale, n - start)
    last = np.minimum(np.floor(stop).astype(int), n - 1)
    first = np.minimum(np.ceil(start).astype(int), last)

    before = first - start > _SKIPPED_OVERLAP
    after = stop - last > _SKIPPED_OVERLAP
    whole = last - first
    # Whole pixels: first, first + 1, ..., last - 1 in every cell.
    rows = np.repeat(i, whole)
    run = np.arange(len(rows)) - np.repeat(np.cumsum(whole) - whole, whole)
    values = np.concatenate(
        [
            ((first - start) / width)[before],
            np.repeat(1.0 / width, whole),
            (np.minimum(np.minimum(stop - last, 1.0), width) / width)[after],
        ]
    )
    rows = np.concatenate([i[before], rows, i[after]])
    columns = np.concatenate(
        [first[before] - 1, np.repeat(first, whole) + run, last[after]]
    )
    return csr_array((values, (rows, columns)), shape=(m, n))


@lru_cache(maxsize=256)
def enlarge_matrix(m: int, n: int, method: str, *, single: bool = False) -> csr_array:
    """Build the matrix that enlarges an axis by interpolation.

    Parameters
    ----------
    m : int
        Pixels before.
    n : int
        Pixels after, at least m.
    method : {"nearest", "bilinear", "bicubic"}
        "nearest" takes pixel ``floor(i * m / n)``. The others interpolate at
        ``(i + 0.5) * m / n - 0.5`` with the border pixel repeated outside;
        "bicubic" has a = -0.75 and overshoots at edges.
    single : bool, default=False
        Whether positions and weights are rounded to single precision.

    Returns
    -------
    csr_array of shape (n, m)
        Its rows sum to one.

    Examples
    --------
    >>> from skastro.utils import enlarge_matrix
    >>> enlarge_matrix(2, 4, "bilinear").toarray()
    array([[1.  , 0.  ],
           [0.75, 0.25],
           [0.25, 0.75],
           [0.  , 1.  ]])
    """
    _check_size(m, "m")
    _check_size(n, "n")
    _check_choice(method, "method", ("nearest", "bilinear", "bicubic"))
    i = np.arange(n)
    scale = 1.0 / (n / m)
    if method == "nearest":
        source = np.minimum(np.floor(i * scale).astype(int), m - 1)
        return csr_array((np.ones(n), (i, source)), shape=(n, m))
    float_type = np.float32 if single else np.float64
    position = ((i + 0.5) * scale - 0.5).astype(float_type)
    source = np.floor(position).astype(int)
    t = position - np.floor(position)
    one = float_type(1)
    offsets: tuple[int, ...]
    if method == "bilinear":
        offsets, weights = (0, 1), [one - t, t]
    else:
        a = float_type(_CUBIC_A)
        far = ((a * (t + one) - 5 * a) * (t + one) + 8 * a) * (t + one) - 4 * a
        near = ((a + 2) * t - (a + 3)) * t * t + one
        s = one - t
        next_ = ((a + 2) * s - (a + 3)) * s * s + one
        offsets, weights = (-1, 0, 1, 2), [far, near, next_, one - far - near - next_]
    columns = np.concatenate([np.clip(source + o, 0, m - 1) for o in offsets])
    values = np.concatenate(weights).astype(np.float64)
    # Weights that fall on the same border pixel are added up.
    return csr_array((values, (np.tile(i, len(offsets)), columns)), shape=(n, m))


@lru_cache(maxsize=64)
def gaussian_matrix(n: int, sigma: float) -> csr_array:
    """Build the matrix that smooths an axis with a Gaussian.

    Equal to `scipy.ndimage.gaussian_filter1d` with ``mode="reflect"``: the image is
    mirrored at its border, the border pixel being repeated, which keeps the sum over
    all pixels.

    Parameters
    ----------
    n : int
        Pixels of the axis.
    sigma : float
        Standard deviation in pixels; the kernel ends at four of them.

    Returns
    -------
    csr_array of shape (n, n)
        Its rows and its columns sum to one.

    Examples
    --------
    >>> from skastro.utils import gaussian_matrix
    >>> gaussian_matrix(3, 0.5).toarray().round(3)
    array([[0.893, 0.107, 0.   ],
           [0.107, 0.787, 0.107],
           [0.   , 0.107, 0.893]])
    """
    _check_size(n, "n")
    if not (_is_number(sigma) and 0 <= sigma <= _LARGEST_SIGMA):
        raise ValueError(
            f"sigma must be from 0 to {_LARGEST_SIGMA:g} pixels, got {sigma}."
        )
    radius = int(_GAUSSIAN_TRUNCATE * sigma + 0.5)
    offset = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 / (sigma * sigma) * offset**2) if radius else np.ones(1)
    kernel /= kernel.sum()
    i = np.arange(n)
    # Reflection has period 2n: n pixels forwards, then n backwards.
    place = (i[:, None] + offset) % (2 * n)
    columns = np.minimum(place, 2 * n - 1 - place)
    rows = np.repeat(i, len(offset))
    return csr_array((np.tile(kernel, n), (rows, columns.ravel())), shape=(n, n))


def opencv_is_single(shape: tuple[int, int], method: str, dtype: DTypeLike) -> bool:
    """Say whether OpenCV places interpolation weights in single precision.

    Measured on the x86-64 wheels of OpenCV 5.0, where Intel's library does part of
    the work in double precision. The two differ by up to 2e-5 of the pixel values on
    images of 400 pixels. Builds without that library are always single.

    Parameters
    ----------
    shape : (int, int)
        Of the image before enlarging.
    method : {"nearest", "bilinear", "bicubic"}
        How it is enlarged.
    dtype : dtype
        Of its pixels.

    Returns
    -------
    bool
        True for single precision.

    Examples
    --------
    >>> from skastro.utils._resampling import opencv_is_single
    >>> opencv_is_single((32, 32), "bicubic", "float32")
    False
    """
    if method == "bicubic":
        return np.dtype(dtype) == np.float64 or min(shape) < 4
    return method == "bilinear" and min(shape) < 2


def resize_matrices(
    shape: tuple[int, int],
    factor: float,
    *,
    rounding: str = "block",
    enlarge: str | None = "bilinear",
    dtype: DTypeLike = np.float32,
) -> ResizeMatrices:
    """Give the matrices that shrink images and enlarge them back.

    Parameters
    ----------
    shape : (h, w)
        Of an image, in pixels.
    factor : float
        How many pixels of an axis become one; at least 1.
    rounding : {"block", "exact"}, default="block"
        See `area_matrix`.
    enlarge : {"nearest", "bilinear", "bicubic"} or None, default="bilinear"
        See `enlarge_matrix`; None leaves the images small.
    dtype : dtype, default=float32
        Of the images; matters to OpenCV's "bicubic" only.

    Returns
    -------
    ResizeMatrices
        None for the identity: all four if neither axis changes its size (OpenCV copies
        such an image even where cells of the factor would not be pixels), the latter
        two without enlarging.

    Examples
    --------
    >>> from skastro.utils import resize_matrices
    >>> [matrix.shape for matrix in resize_matrices((64, 48), 3)]
    [(21, 64), (16, 48), (64, 21), (48, 16)]
    """
    h, w = shape
    _check_choice(rounding, "rounding", ("block", "exact"))
    _check_choice(enlarge, "enlarge", ("nearest", "bilinear", "bicubic", None))
    small = shrunk_size(h, factor), shrunk_size(w, factor)
    if small == (h, w):
        return ResizeMatrices(None, None, None, None)
    shrink = area_matrix(h, factor, rounding), area_matrix(w, factor, rounding)
    if enlarge is None:
        return ResizeMatrices(*shrink, None, None)
    single = opencv_is_single(small, enlarge, dtype)
    return ResizeMatrices(
        *shrink,
        enlarge_matrix(small[0], h, enlarge, single=single),
        enlarge_matrix(small[1], w, enlarge, single=single),
    )

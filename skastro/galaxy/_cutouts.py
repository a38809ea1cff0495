"""Square cut-outs around sky positions in an SDSS frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skastro.galaxy._sdss_frame import SDSSFrame
from skastro.utils._optional import import_optional
from skastro.utils._real_array import real_array

_EDGES = ("raise", "drop", "fill")
# A frame is 0.23 degrees long; so far from it the projection is undefined, or may not
# converge, and is not needed.
_FAR_DEGREES = 10.0


@dataclass(frozen=True, eq=False)
class Cutouts:
    """Cut-outs of one frame and what became of every object.

    Parameters
    ----------
    images : ndarray of float32 of shape (n_kept, size, size)
        Pixel values in `unit`.
    kept : ndarray of shape (n_kept,)
        Ids of the objects in `images`.
    dropped : ndarray of shape (n_dropped,)
        Ids of the objects that are not.
    positions : ndarray of float64 of shape (n_kept, 2)
        Column x and row y in the frame, 0-based pixel centres.
    offsets : ndarray of float64 of shape (n_kept, 2)
        Column and row within the cut-out.
    n_filled : ndarray of int of shape (n_kept,)
        Pixels beyond the edge of the frame, holding the fill value.
    unit : {"DN", "nanomaggy"}
        Unit of the frame. Never put both into one array.
    sky_subtracted : bool
        Whether the frame was free of sky.

    See Also
    --------
    extract_cutouts : Makes them.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.galaxy import Cutouts
    >>> none = np.zeros((0, 2))
    >>> Cutouts(np.zeros((0, 64, 64), np.float32), np.array([]), np.array([5]), none,
    ...         none, np.array([], int), "DN", False).dropped
    array([5])
    """

    images: np.ndarray
    kept: np.ndarray
    dropped: np.ndarray
    positions: np.ndarray
    offsets: np.ndarray
    n_filled: np.ndarray
    unit: str
    sky_subtracted: bool


def extract_cutouts(
    frame: SDSSFrame,
    coords: Any,
    size: int = 64,
    edge: str = "raise",
    ids: Any = None,
    fill_value: float | str = float("nan"),
) -> Cutouts:
    """Cut square images around sky positions out of a frame.

    Parameters
    ----------
    frame : SDSSFrame
        From `read_frame`.
    coords : array-like of shape (n, 2) or astropy.coordinates.SkyCoord
        Right ascension and declination in degrees (ICRS).
    size : int, default=64
        Side of a cut-out in pixels (0.396 arcsec each).
    edge : {"raise", "drop", "fill"}, default="raise"
        What happens to a cut-out that reaches over the edge: an error with the list,
        left out and listed in ``dropped``, or filled up with `fill_value`. Objects
        whose cut-out would hold no pixel of the frame at all, or without coordinates,
        are dropped under "fill" too.
    ids : array-like of shape (n,), default=None
        Names of the objects, as integers or strings. None counts from 0.
    fill_value : float or "sky", default=nan
        For pixels beyond the edge. "sky" is the sky level of the frame, or 0 where
        that was subtracted.

    Returns
    -------
    Cutouts
        Images with kept and dropped ids, positions and counts of filled pixels.

    Raises
    ------
    ValueError
        If a cut-out is not inside and `edge` is "raise", or shapes do not fit.
    TypeError
        If `ids` are floats, which corrupt SDSS ids.
    ImportError
        If astropy is missing (``pip install "skastro[astro]"``).

    Notes
    -----
    A cut-out is made of whole pixels, nothing is interpolated. An object lies within
    half a pixel of the middle: for an odd size the middle pixel holds it; for an even
    size the middle is a corner between four pixels, at (size - 1) / 2 = 31.5 for 64,
    and the object is at more than 31 and at most 32 on either axis. ``offsets`` tells
    where exactly. Positions go through the celestial coordinates of the frame, so its
    rotation, and right ascension on the second axis (``CTYPE1 = 'DEC--TAN'``), are
    taken care of.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.wcs import WCS
    >>> from skastro.galaxy import SDSSFrame, extract_cutouts
    >>> wcs = WCS(naxis=2)
    >>> wcs.wcs.ctype, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [150.0, 2.0]
    >>> wcs.wcs.crpix, wcs.wcs.cdelt = [101.0, 101.0], [-1.1e-4, 1.1e-4]
    >>> frame = SDSSFrame(np.ones((200, 200), np.float32), "DN", 1.0, "header", False,
    ...                   wcs, 1, 1, 1, "r", "made up")
    >>> extract_cutouts(frame, [[150.0, 2.0], [150.02, 2.0]], edge="drop").dropped
    array([1])
    """
    coordinates = import_optional("astropy.coordinates", extra="astro")
    if edge not in _EDGES:
        raise ValueError(f"edge must be one of {_EDGES}, got {edge!r}.")
    whole = isinstance(size, (int, np.integer)) and not isinstance(size, bool)
    if not whole or size < 1:
        raise ValueError(f"size must be a positive integer, got {size!r}.")
    sky = coords
    if not isinstance(coords, coordinates.SkyCoord):
        sky = _sky_coord(coords, coordinates)
    sky = sky.reshape(-1)
    names = _check_ids(ids, len(sky))
    fill = _fill(frame, fill_value)
    xy = _pixel_positions(frame, sky)
    start = np.ceil(xy - size / 2)
    n_missing = _missing_pixels(start, size, frame.data.shape)
    fits = n_missing == 0 if edge != "fill" else n_missing < size * size
    if edge == "raise" and not fits.all():
        _raise_outside(frame, names, xy, n_missing, size)
    keep = np.flatnonzero(fits)
    return Cutouts(
        images=_cut(frame, xy[keep], size, fill),
        kept=names[keep],
        dropped=names[~fits],
        positions=xy[keep],
        offsets=(xy - start)[keep],
        n_filled=n_missing[keep],
        unit=frame.unit,
        sky_subtracted=frame.sky_subtracted,
    )


def _sky_coord(coords: Any, coordinates: Any) -> Any:
    """Make coordinates of degrees; NaN (unknown) is allowed through."""
    values = real_array(coords, "coords")
    if values.shape == (0,):
        values = values.reshape(0, 2)
    if values.ndim != 2 or values.shape[1] != 2:
        raise ValueError(
            "coords must be a SkyCoord or degrees (ra, dec) of shape (n, 2), got "
            f"shape {values.shape}."
        )
    ra, dec = values.T
    wrong = (np.abs(dec) > 90) | (ra < -180) | (ra > 360)
    wrong |= np.isinf(values).any(axis=1)
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueError(
            f"coords must be (ra, dec) in degrees; row {i} is {tuple(values[i])}."
        )
    return coordinates.SkyCoord(ra, dec, unit="deg", frame="icrs")


def _check_ids(ids: Any, n: int) -> np.ndarray:
    """Give every object a name; floats are refused."""
    if ids is None:
        return np.arange(n)
    names = np.asarray(ids)
    if names.dtype.kind in "fcb" and names.size:
        raise TypeError(
            f"ids have dtype {names.dtype}: 64-bit SDSS ids lose digits in a float. "
            "Use integers or strings."
        )
    if names.dtype.kind == "O" and any(
        isinstance(name, (float, np.floating)) for name in names.ravel()
    ):
        raise TypeError(
            "ids have floats among them: 64-bit SDSS ids lose digits in a float. Use "
            "integers or strings."
        )
    if names.shape != (n,):
        raise ValueError(f"ids must have shape ({n},) like coords, got {names.shape}.")
    return names


def _fill(frame: SDSSFrame, fill_value: float | str) -> float:
    """Resolve "sky"."""
    if isinstance(fill_value, str):
        if fill_value != "sky":
            raise ValueError(
                f"fill_value must be a number or 'sky', got {fill_value!r}."
            )
        return 0.0 if frame.sky_subtracted else frame.sky
    return float(fill_value)


def _pixel_positions(frame: SDSSFrame, sky: Any) -> np.ndarray:
    """Project onto the frame; NaN for what is unknown or far away."""
    xy = np.full((len(sky), 2), np.nan)
    n_rows, n_columns = frame.data.shape
    middle = frame.wcs.pixel_to_world((n_columns - 1) / 2, (n_rows - 1) / 2)
    near = np.asarray(sky.separation(middle).deg < _FAR_DEGREES)
    if near.any():
        xy[near] = np.transpose(frame.wcs.world_to_pixel(sky[near]))
    # Rounding noise of 1e-10 would shift cut-outs of pixel centres by a whole pixel.
    return np.round(xy, 6)


def _missing_pixels(start: np.ndarray, size: int, shape: tuple[int, ...]) -> np.ndarray:
    """Count the pixels of each cut-out that are beyond the frame."""
    n_rows, n_columns = shape
    limit = np.array([n_columns, n_rows])
    first = np.clip(start, 0, limit)
    last = np.clip(start + size, 0, limit)
    inside = (last - first).prod(axis=1)
    inside[np.isnan(inside)] = 0
    out: np.ndarray = (size * size - inside).astype(int)
    return out


def _raise_outside(
    frame: SDSSFrame,
    names: np.ndarray,
    xy: np.ndarray,
    n_missing: np.ndarray,
    size: int,
) -> None:
    """List the objects that do not fit."""
    bad = np.flatnonzero(n_missing)
    rows = [
        f"{names[i]} at x={xy[i, 0]:.1f}, y={xy[i, 1]:.1f} ({n_missing[i]} pixels off)"
        for i in bad[:20]
    ]
    more = f" and {bad.size - 20} more" if bad.size > 20 else ""
    raise ValueError(
        f"{bad.size} of {len(names)} cut-outs of {size} pixels reach over the edge of "
        f"{frame.filename}: {'; '.join(rows)}{more}. edge='drop' leaves them out, "
        "edge='fill' fills them up."
    )


def _cut(frame: SDSSFrame, xy: np.ndarray, size: int, fill: float) -> np.ndarray:
    """Cut with astropy, which knows how to overlap the edges."""
    nddata = import_optional("astropy.nddata", extra="astro")
    images = np.empty((len(xy), size, size), dtype=np.float32)
    for image, position in zip(images, xy, strict=True):
        image[...] = nddata.Cutout2D(
            frame.data, tuple(position), size, mode="partial", fill_value=fill
        ).data
    return images

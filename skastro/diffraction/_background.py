"""Diffuse background of diffraction patterns."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from scipy import ndimage
from sklearn.base import OneToOneFeatureMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from skastro.diffraction._pattern_transformer import (
    PatternTransformer,
    as_patterns,
    check_center,
    chunks,
    float_dtype,
    radius_map,
)
from skastro.utils import check_images

# A ring with fewer pixels is joined with its inner neighbour: the median of a few
# pixels in a corner would be the spot that is there.
_FEWEST_PIXELS = 16


class BackgroundSubtractor(OneToOneFeatureMixin, PatternTransformer):
    """Subtract the diffuse background from diffraction patterns.

    What inelastic and thermal diffuse scattering leave is smooth, the reflections are
    small. Three ways tell them apart:

    - "radial_median": the background is the median (or another quantile) of a ring of
      pixels around the centre, one pixel wide, linear between the rings. It takes any
      profile along the radius, but the centre must be right within a pixel or so; see
      `PatternCenterer`.
    - "tophat": the background is the grey opening with a square, which is what remains
      of bright features that the square does not fit into. It needs no centre, but
      leaves up to about ``size`` / 2 times the slope of a steep background.
    - "gaussian": the background is the pattern blurred by a Gaussian. The quickest for
      a slow background, but strong spots leave a dark rim around them.

    What comes out negative becomes 0. Nothing is learnt: `transform` works without
    `fit`.

    Parameters
    ----------
    method : {"radial_median", "tophat", "gaussian"}, default="radial_median"
        How the background is estimated.
    quantile : float, default=0.5
        Of the pixels of a ring, for "radial_median". Below 0.5 where spots fill more
        than half of a ring, as in patterns of many crystals.
    size : float, default=10.0
        In pixels: the side of the square of "tophat", which must be larger than a
        spot, or the standard deviation of "gaussian". At least 1.
    direct_beam_radius : float, default=0.0
        Pixels within this distance from the centre become 0; 0 keeps them all.
    center : (row, column), default=None
        Centre of all patterns, in pixels, for "radial_median" and the direct beam.
        None takes the middle of the image, ((h - 1) / 2, (w - 1) / 2).
    image_shape : (h, w) or (c, h, w), default=None
        What a flat row is, in pixels. None takes it as one row of pixels.

    Attributes
    ----------
    n_features_in_ : int
        Number of pixels of a pattern.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X was a data frame.
    input_shape_ : (c, h, w)
        Shape of a pattern.

    See Also
    --------
    PatternCenterer : Bring the direct beam to the middle first.
    ScaleCalibrator : Find how many 1/Å a pixel is.

    Notes
    -----
    With the median, half of the pixels between the spots become 0 and the other half
    keep the upper half of their noise.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.diffraction import BackgroundSubtractor
    >>> r = np.hypot(*(np.indices((31, 31)) - 15))
    >>> pattern = 100 * np.exp(-r / 8)
    >>> pattern[20, 24] += 50
    >>> clean = BackgroundSubtractor(direct_beam_radius=2).transform(pattern[None])[0]
    >>> float(clean[20, 24].round()), float(np.delete(clean, 20, axis=0).max()) < 2
    (50.0, True)
    """

    _parameter_constraints: dict[str, Any] = {
        "method": [StrOptions({"radial_median", "tophat", "gaussian"})],
        "quantile": [Interval(Real, 0, 1, closed="both")],
        "size": [Interval(Real, 1, None, closed="left")],
        "direct_beam_radius": [Interval(Real, 0, None, closed="left")],
        "center": ["array-like", None],
        "image_shape": ["array-like", None],
    }

    def __init__(
        self,
        *,
        method: str = "radial_median",
        quantile: float = 0.5,
        size: float = 10.0,
        direct_beam_radius: float = 0.0,
        center: Sequence[float] | None = None,
        image_shape: Sequence[int] | None = None,
    ) -> None:
        self.method = method
        self.quantile = quantile
        self.size = size
        self.direct_beam_radius = direct_beam_radius
        self.center = center
        self.image_shape = image_shape

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> BackgroundSubtractor:
        """Check parameters and patterns, and remember their shape.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, h, w) or (rows, columns, h, w)
            Patterns, spots bright.
        y : None
            Ignored.

        Returns
        -------
        BackgroundSubtractor
            The transformer itself.
        """
        _, shape, _ = check_images(
            self, as_patterns(X)[0], self.image_shape, reset=True, lazy=True
        )
        check_center(self.center, shape[1:])
        return self

    def transform(self, X: Any) -> Any:
        """Subtract the background.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, h, w) or (rows, columns, h, w)
            Patterns, spots bright.

        Returns
        -------
        ndarray of the shape of X, or LazyRows for LazyRows
            Not negative; of float32 for float32 and uint8, else float64.

        Raises
        ------
        ValueError
            If a pixel is not finite, or a shape does not fit.
        """
        lazy = self._lazily(X)
        if lazy is not None:
            return lazy
        X, scan = as_patterns(X)
        X, (c, h, w), trailing = self._check_patterns(X)
        n = len(X)
        center = check_center(self.center, (h, w))
        radius = radius_map((h, w), center)
        rings = _Rings(radius) if self.method == "radial_median" else None
        beam = radius <= self.direct_beam_radius if self.direct_beam_radius else None
        dtype = float_dtype(X)
        out = np.empty((n * c, h, w), dtype)
        images = X.reshape(n * c, h, w)
        for part in chunks(n * c, (h, w)):
            piece = images[part].astype(dtype, copy=False)
            if rings is not None:
                background = rings.background(piece, float(self.quantile))
            elif self.method == "tophat":
                side = (1, round(self.size), round(self.size))
                background = ndimage.grey_opening(piece, side, mode="nearest")
            else:
                sigma = (0, self.size, self.size)
                background = ndimage.gaussian_filter(piece, sigma, mode="nearest")
            np.subtract(piece, background, out=out[part])
            np.maximum(out[part], 0, out=out[part])
            if beam is not None:
                out[part, beam] = 0
        return (
            out.reshape(*(scan or (n,)), *trailing)
            if trailing
            else out.reshape(n, c * h * w)
        )


class _Rings:
    """Pixels sorted by their distance from the centre."""

    def __init__(self, radius: np.ndarray) -> None:
        shape = radius.shape
        radius = radius.reshape(-1)
        nearest = np.rint(radius).astype(np.intp)
        order = np.argsort(nearest, kind="stable")
        edges = [0]
        for end in np.flatnonzero(np.diff(nearest[order])) + 1:
            if end - edges[-1] >= _FEWEST_PIXELS:
                edges.append(int(end))
        # What is left at the outer end belongs to the last ring that is full.
        if len(edges) > 1 and len(radius) - edges[-1] < _FEWEST_PIXELS:
            edges.pop()
        self.pixels = np.split(order, edges[1:])
        middles = np.array([radius[ring].mean() for ring in self.pixels])
        # Place of each pixel between the middles of two rings.
        place = np.interp(radius, middles, np.arange(len(middles)))
        low = np.minimum(place.astype(np.intp), max(0, len(middles) - 2))
        self.low = low.reshape(shape)
        self.high = np.minimum(self.low + 1, len(middles) - 1)
        self.weight = (place - low).reshape(shape)

    def background(self, images: np.ndarray, quantile: float) -> np.ndarray:
        """Give the background of images (n, h, w), in their precision."""
        flat = images.reshape(len(images), -1)
        levels = np.empty((len(images), len(self.pixels)), flat.dtype)
        for i, ring in enumerate(self.pixels):
            levels[:, i] = _quantile(flat[:, ring], quantile)
        weight = self.weight.astype(flat.dtype)
        background = levels[:, self.low]
        background *= 1 - weight
        background += levels[:, self.high] * weight
        return np.asarray(background)


def _quantile(values: np.ndarray, quantile: float) -> np.ndarray:
    """Give the quantile of each row, linear between two values as NumPy has it.

    Two places of a partition are all it needs, which is quicker than `numpy.quantile`.
    """
    last = values.shape[1] - 1
    place = quantile * last
    low = min(int(place), last)
    high = min(low + 1, last)
    weight = place - low
    values = np.partition(values, (low, high) if high > low else low, axis=1)
    return np.asarray(values[:, low] + weight * (values[:, high] - values[:, low]))

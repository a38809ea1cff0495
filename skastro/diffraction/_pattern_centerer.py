"""Bringing the direct beam to the middle of the image."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import OneToOneFeatureMixin, _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skastro.diffraction._find_center import (
    best_inversion,
    direct_beam_centers,
    inversion_lines,
    inversion_maps,
    refined_center,
    tempered_spots,
)
from skastro.diffraction._pattern_transformer import (
    PatternTransformer,
    as_patterns,
    chunks,
    float_dtype,
    pattern_blocks,
)
from skastro.utils import check_images


class PatternCenterer(OneToOneFeatureMixin, PatternTransformer):
    """Find the centre of diffraction patterns and shift it to the middle.

    The centre is where the undiffracted beam meets the detector, from where all
    reciprocal vectors count. It is found by one of two ways:

    - "direct_beam": the brightest blob, by its centre of gravity above a quarter of its
      height. A saturated beam is no hindrance. Good to about 0.1 px.
    - "friedel": the point through which the pattern agrees best with its own
      inversion, since g and -g are both lattice points. It needs no direct beam, for
      patterns with a beam stop. A single pattern tells its centre this way only if it
      is near a zone axis; away from one, the spots of one side prevail, and a point
      half a lattice vector away may do better. Many patterns together tell it well:
      set ``common``.

    Parameters
    ----------
    method : {"direct_beam", "friedel"}, default="direct_beam"
        How the centre is found.
    common : bool, default=False
        Whether all patterns have one centre, that of the patterns in `fit`: the median
        of the direct beams, or the maximum of the summed agreement with the inversion.
        `transform` then needs `fit`. Right where descan keeps the beam in place.
    beam_radius : float, default=5.0
        Radius of the disc that the centre of gravity is taken over, in pixels; a little
        more than that of the direct beam. At least 1.
    max_shift : float, default=None
        Greatest distance of the centre from the middle of the image, in pixels. None
        looks everywhere. With "friedel" and single patterns, half of the shortest
        distance between spots excludes most mistakes.
    interpolation : {"cubic", "linear"}, default="cubic"
        How values between the pixels are found: by cubic convolution, or linearly,
        which blurs a little. What becomes negative is set to 0.
    image_shape : (h, w) or (c, h, w), default=None
        What a flat row is, in pixels. None takes it as one row of pixels.

    Attributes
    ----------
    center_ : ndarray of shape (2,) or None
        Row and column of the common centre, in pixels; None without ``common``.
    n_features_in_ : int
        Number of pixels of a pattern.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X was a data frame.
    input_shape_ : (c, h, w)
        Shape of a pattern.

    See Also
    --------
    BackgroundSubtractor : Needs the centre to be where it is taken to be.

    Notes
    -----
    Both interpolations keep the sum of the pixels, but for what leaves the image at an
    edge and what is cut off below 0 (below the smallest value if that is negative).
    Pixels that come from outside the image are 0.

    References
    ----------
    R. G. Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE
    Trans. ASSP 29, 1153 (1981), with a = -1/2.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.diffraction import PatternCenterer
    >>> row, column = np.indices((33, 33))
    >>> beam = np.exp(-((row - 18.3) ** 2 + (column - 14.6) ** 2) / 4)
    >>> centerer = PatternCenterer()
    >>> np.abs(centerer.find_centers(beam[None]) - [18.3, 14.6]).max() < 0.1
    np.True_
    >>> centered = centerer.transform(beam[None])
    >>> np.abs(centerer.find_centers(centered) - 16).max() < 0.1
    np.True_
    """

    _parameter_constraints: dict[str, Any] = {
        "method": [StrOptions({"direct_beam", "friedel"})],
        "common": ["boolean"],
        "beam_radius": [Interval(Real, 1, None, closed="left")],
        "max_shift": [Interval(Real, 0, None, closed="left"), None],
        "interpolation": [StrOptions({"cubic", "linear"})],
        "image_shape": ["array-like", None],
    }

    def __init__(
        self,
        *,
        method: str = "direct_beam",
        common: bool = False,
        beam_radius: float = 5.0,
        max_shift: float | None = None,
        interpolation: str = "cubic",
        image_shape: Sequence[int] | None = None,
    ) -> None:
        self.method = method
        self.common = common
        self.beam_radius = beam_radius
        self.max_shift = max_shift
        self.interpolation = interpolation
        self.image_shape = image_shape

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> PatternCenterer:
        """Remember the shape of the patterns, and find the common centre if asked.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, h, w) or (rows, columns, h, w)
            Patterns, spots bright; each of a scan has its own centre.
        y : None
            Ignored.

        Returns
        -------
        PatternCenterer
            The transformer itself.
        """
        X, shape, _ = check_images(
            self, as_patterns(X)[0], self.image_shape, reset=True, lazy=True
        )
        self.center_ = None
        if not self.common:
            return self
        if self.method == "direct_beam":
            self.center_ = np.median(self._measure(X, shape), axis=0)
            return self
        _, h, w = shape
        total = np.zeros((1, 2 * h - 1, 2 * w - 1))
        for _, images in pattern_blocks(X, shape):
            spots = tempered_spots(_floating(images))
            total += inversion_maps(spots).sum(axis=0)
        place = best_inversion(total, (h, w), self.max_shift)[0]
        lines = np.zeros((2, 3))
        for _, images in pattern_blocks(X, shape):
            for one in tempered_spots(_floating(images)):
                lines += inversion_lines(one, place)
        self.center_ = refined_center(place, lines)
        return self

    def find_centers(self, X: Any) -> np.ndarray:
        """Find the centres of patterns.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, h, w) or (rows, columns, h, w)
            Patterns, spots bright; each of a scan has its own centre.

        Returns
        -------
        ndarray of shape (n, 2)
            Row and column, in pixels, of a scan row by row; the middle of the image
            for patterns without any contrast, and ``center_`` for all if it is common.

        Raises
        ------
        ValueError
            If a pixel is not finite, or a shape does not fit.
        NotFittedError
            If a common centre was not found yet.
        """
        if self.common:
            check_is_fitted(self)
        X, shape, _ = self._check_patterns(as_patterns(X)[0])
        return self._centers(X, shape)

    def transform(self, X: Any) -> Any:
        """Shift the centres to ((h - 1) / 2, (w - 1) / 2).

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, h, w) or (rows, columns, h, w)
            Patterns, spots bright; each of a scan has its own centre.

        Returns
        -------
        ndarray of the shape of X, or LazyRows for LazyRows
            Negative only where X is; of float32 for float32 and uint8, else float64.

        Raises
        ------
        ValueError
            If a pixel is not finite, or a shape does not fit.
        NotFittedError
            If a common centre was not found yet.
        """
        if self.common:
            check_is_fitted(self)
        lazy = self._lazily(X)
        if lazy is not None:
            return lazy
        X, scan = as_patterns(X)
        X, shape, trailing = self._check_patterns(X)
        c, h, w = shape
        n = len(X)
        centers = self._centers(X, shape)
        dtype = float_dtype(X)
        out = np.empty((n * c, h, w), dtype)
        images = X.reshape(n * c, h, w)
        for part in chunks(n * c, (h, w)):
            piece = images[part].astype(dtype, copy=False)
            for axis, size in ((1, h), (2, w)):
                shift = centers[part, axis - 1] - (size - 1) / 2
                piece = _shift(piece, shift, axis, self.interpolation)
            # The interpolation may overshoot; what was negative stays so.
            least = np.minimum(images[part].min(axis=(1, 2)), 0).astype(dtype)
            np.maximum(piece, least[:, None, None], out=out[part])
        return (
            out.reshape(*(scan or (n,)), *trailing)
            if trailing
            else out.reshape(n, c * h * w)
        )

    def __sklearn_tags__(self) -> Tags:
        """Say that only a common centre needs to be fitted."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = bool(self.common)
        return tags

    def _centers(self, X: Any, shape: tuple[int, int, int]) -> np.ndarray:
        if self.common:
            return np.tile(np.asarray(self.center_), (len(X) * shape[0], 1))
        return self._measure(X, shape)

    def _measure(self, X: Any, shape: tuple[int, int, int]) -> np.ndarray:
        """Find the centre of each pattern by itself."""
        centers = np.empty((len(X) * shape[0], 2))
        for part, images in pattern_blocks(X, shape):
            piece = _floating(images)
            if self.method == "direct_beam":
                radius = float(self.beam_radius)
                centers[part] = direct_beam_centers(piece, radius, self.max_shift)
            else:
                spots = tempered_spots(piece)
                maps = inversion_maps(spots)
                places = best_inversion(maps, shape[1:], self.max_shift)
                centers[part] = [
                    refined_center(place, inversion_lines(one, place))
                    for one, place in zip(spots, places, strict=True)
                ]
        return centers


def _floating(images: np.ndarray) -> np.ndarray:
    return np.asarray(images.astype(float_dtype(images), copy=False))


def _shift(
    images: np.ndarray, shift: np.ndarray, axis: int, interpolation: str
) -> np.ndarray:
    """Read each image (n, h, w) at places moved by its shift along an axis."""
    size = images.shape[axis]
    whole = np.floor(shift)
    part = (shift - whole).astype(images.dtype)
    if interpolation == "linear":
        taps = {0: 1 - part, 1: part}
    else:
        t, t2, t3 = part, part**2, part**3
        taps = {
            -1: (-t3 + 2 * t2 - t) / 2,
            0: (3 * t3 - 5 * t2 + 2) / 2,
            1: (-3 * t3 + 4 * t2 + t) / 2,
            2: (t3 - t2) / 2,
        }
    start = np.arange(size) + whole.astype(np.intp)[:, None]
    to_axis = [1, 1]
    to_axis[axis - 1] = size
    out = np.zeros_like(images)
    for step, weight in taps.items():
        index = start + step
        inside = (index >= 0) & (index < size)
        factor = np.where(inside, weight[:, None], 0).reshape(-1, *to_axis)
        index = index.clip(0, size - 1).reshape(-1, *to_axis)
        out += factor.astype(images.dtype) * np.take_along_axis(images, index, axis)
    return out

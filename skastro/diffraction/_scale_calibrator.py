"""The scale of diffraction patterns, and resampling to another one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from skastro.diffraction._find_scale import (
    LEAST_EXPLAINED,
    LEAST_GAIN,
    LEAST_MARGIN,
    find_scale,
)
from skastro.diffraction._find_spots import find_spots
from skastro.diffraction._pattern_transformer import (
    PatternTransformer,
    as_patterns,
    check_center,
    chunks,
    float_dtype,
    pattern_blocks,
)
from skastro.utils import check_images

# Fewer spots are no pattern.
_FEWEST_SPOTS = 4


class ScaleCalibrator(ClassNamePrefixFeaturesOutMixin, PatternTransformer):
    """Find how many 1/Å a pixel is, and bring patterns to another scale.

    In `fit`, the spots of all patterns are found, and the scale is the one under which
    their distances from the centre fit the reciprocal lengths of the crystal best. The
    patterns must have one camera length, and be centred; see `PatternCenterer`.

    `transform` resamples the patterns to ``output_scale``, the scale that a matcher or
    a net was made for, or leaves them as they are.

    Parameters
    ----------
    crystal : Crystal, str, sequence of these, or array-like of shape (n,), default=None
        What the patterns show: a crystal, the name of a built-in one, several that
        occur together, or the lengths of reciprocal vectors in 1/Å. None finds
        nothing: ``scale`` is taken as known.
    scale : float, default=None
        First guess, or the known scale without a crystal, in 1/Å per pixel. None tries
        all scales.
    search : (float, float), default=(0.8, 1.25)
        The scale is looked for between these factors times the first guess.
    output_scale : float, default=None
        Scale of the transformed patterns, in 1/Å per pixel. None does not resample.
    output_shape : (h, w), default=None
        Shape of the resampled patterns, in pixels. None keeps the shape.
    direct_beam_radius : float, default=5.0
        Nothing nearer to the centre than this is taken for a spot, in pixels.
    center : (row, column), default=None
        Centre of all patterns, in pixels; None takes the middle of the image. The
        centre of resampled patterns is the middle of theirs.
    image_shape : (h, w) or (c, h, w), default=None
        What a flat row is, in pixels. None takes it as one row of pixels.

    Attributes
    ----------
    scale_ : float
        In 1/Å per pixel. NaN if neither a crystal nor a scale was given.
    n_spots_ : int
        Number of spots that the scale was found from; 0 without a crystal.
    explained_ : float
        Share of them that is at a reciprocal length of the crystal; NaN without one.
    n_features_in_ : int
        Number of pixels of a pattern.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X was a data frame.
    input_shape_ : (c, h, w)
        Shape of a pattern.

    See Also
    --------
    PatternCenterer : Bring the direct beam to the middle first.
    BackgroundSubtractor : Makes no difference to the scale.

    Notes
    -----
    The likelihood of the distances is a mixture of one narrow Gaussian for each
    reflection and a constant for spots that are none of the crystal's; scale and a
    small common error of the centre then follow by expectation-maximisation. Spots at
    the same place in several patterns, and at g and -g, count once when the fit is
    judged. `fit` refuses scales that are not well founded: little better than spots
    anywhere, nearly matched by a scale more than 3 % away, or with many spots
    unexplained. On spots that have nothing to do with the crystal this refusal fails
    about once in twenty times.

    Resampling conserves counts: the sum of a spot's pixels stays what it was, up to
    what leaves the image. A coarser scale sums pixels under triangles that add up to
    one, a finer one interpolates linearly.

    Examples
    --------
    >>> from skastro.diffraction import KinematicSimulator, ScaleCalibrator
    >>> simulator = KinematicSimulator("silver", shape=(96, 96), scale=0.03)
    >>> zones = [[0, 0, 1], [1, 0, 1], [1, 1, 1], [1, 1, 2], [1, 0, 3]]
    >>> patterns = simulator.images(zones)
    >>> calibrator = ScaleCalibrator(crystal="silver", scale=0.027)
    >>> round(calibrator.fit(patterns).scale_, 4)
    0.03
    """

    _parameter_constraints: dict[str, Any] = {
        "crystal": "no_validation",
        "scale": [Interval(Real, 0, None, closed="neither"), None],
        "search": ["array-like"],
        "output_scale": [Interval(Real, 0, None, closed="neither"), None],
        "output_shape": ["array-like", None],
        "direct_beam_radius": [Interval(Real, 0, None, closed="left")],
        "center": ["array-like", None],
        "image_shape": ["array-like", None],
    }

    def __init__(
        self,
        *,
        crystal: Any = None,
        scale: float | None = None,
        search: Sequence[float] = (0.8, 1.25),
        output_scale: float | None = None,
        output_shape: Sequence[int] | None = None,
        direct_beam_radius: float = 5.0,
        center: Sequence[float] | None = None,
        image_shape: Sequence[int] | None = None,
    ) -> None:
        self.crystal = crystal
        self.scale = scale
        self.search = search
        self.output_scale = output_scale
        self.output_shape = output_shape
        self.direct_beam_radius = direct_beam_radius
        self.center = center
        self.image_shape = image_shape

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> ScaleCalibrator:
        """Find the scale.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, h, w) or (rows, columns, h, w)
            Patterns, spots bright.
        y : None
            Ignored.

        Returns
        -------
        ScaleCalibrator
            The transformer itself.

        Raises
        ------
        ValueError
            If there are too few spots, or they do not tell the scale; the message has
            what was found.
        """
        X, (c, h, w), _ = check_images(
            self, as_patterns(X)[0], self.image_shape, reset=True, lazy=True
        )
        center = check_center(self.center, (h, w))
        self._check_output((h, w))
        if self.crystal is None:
            if self.scale is None and self.output_scale is not None:
                raise ValueError(
                    "output_scale needs the scale of the patterns: give the scale, or "
                    "a crystal to find it from."
                )
            self.scale_ = math.nan if self.scale is None else float(self.scale)
            self.n_spots_, self.explained_ = 0, math.nan
            return self
        parts = []
        for _, images in pattern_blocks(X, (c, h, w)):
            piece = images.astype(float_dtype(X), copy=False)
            radius = float(self.direct_beam_radius)
            parts.append(find_spots(piece, center, radius).position)
        position = np.concatenate(parts)
        if len(position) < _FEWEST_SPOTS:
            raise ValueError(
                f"{len(position)} spots in {len(X) * c} patterns are too few to find "
                "a scale from. Are spots bright, and image_shape right?"
            )
        guess = None if self.scale is None else float(self.scale)
        found = find_scale(position, self.crystal, guess, self._check_search())
        if (
            found.gain < LEAST_GAIN
            or found.margin < LEAST_MARGIN
            or found.explained < LEAST_EXPLAINED
        ):
            raise ValueError(
                f"{len(position)} spots do not tell the scale. The best one is "
                f"{found.scale:.5g} 1/Å per pixel; it explains {found.explained:.0%} "
                f"of the spots (at least {LEAST_EXPLAINED:.0%} are needed), and its "
                f"log-likelihood is {found.gain:.1f} above that of spots anywhere "
                f"({LEAST_GAIN:g} are needed) and {found.margin:.1f} above that of "
                f"{found.other:.5g} 1/Å per pixel ({LEAST_MARGIN:g} are needed). Give "
                "more patterns, a narrower search, the right centre, or the known "
                "scale without a crystal."
            )
        self.scale_ = found.scale
        self.n_spots_ = len(position)
        self.explained_ = found.explained
        return self

    def transform(self, X: Any) -> Any:
        """Resample patterns to ``output_scale``.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, h, w) or (rows, columns, h, w)
            Patterns.

        Returns
        -------
        ndarray of shape (n, n_features_out), (n, h_out, w_out) or (n, c, h_out, w_out)
            Resampled, or a copy if ``output_scale`` is None; of float32 for float32 and
            uint8, else float64. LazyRows for LazyRows.

        Raises
        ------
        ValueError
            If a pixel is not finite, or a shape does not fit.
        """
        check_is_fitted(self)
        lazy = self._lazily(X)
        if lazy is not None:
            return lazy
        X, scan = as_patterns(X)
        X, (c, h, w), trailing = self._check_patterns(X)
        n, dtype = len(X), float_dtype(X)
        if self.output_scale is None:
            out = X.astype(dtype, copy=True)
            result: np.ndarray = (
                out.reshape(*(scan or (n,)), *trailing) if trailing else out
            )
            return result
        size = self._check_output((h, w))
        ratio = float(self.output_scale) / self.scale_
        center = check_center(self.center, (h, w))
        rows = _resample_matrix(size[0], h, center[0], ratio).astype(dtype)
        columns = _resample_matrix(size[1], w, center[1], ratio).astype(dtype)
        out = np.empty((n * c, *size), dtype)
        images = X.reshape(n * c, h, w)
        for part in chunks(n * c, (h, w)):
            piece = images[part].astype(dtype, copy=False)
            np.matmul(rows @ piece, columns.T, out=out[part])
        if not trailing:
            return out.reshape(n, -1)
        return out.reshape(*(scan or (n,)), *trailing[:-2], *size)

    def __sklearn_tags__(self) -> Tags:
        """Say that the scale must be fitted."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = True
        return tags

    @property
    def _n_features_out(self) -> int:
        c, h, w = self.input_shape_
        size = self._check_output((h, w))
        return int(c * size[0] * size[1])

    def _check_output(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Give the shape of the output."""
        if self.output_shape is None:
            return shape
        if self.output_scale is None:
            raise ValueError("output_shape is of no use without output_scale.")
        size = np.asarray(self.output_shape)
        if size.shape != (2,) or size.dtype.kind not in "iu" or (size < 1).any():
            raise ValueError(
                "output_shape must be (height, width) in pixels, got "
                f"{self.output_shape!r}."
            )
        return int(size[0]), int(size[1])

    def _check_search(self) -> tuple[float, float]:
        search = np.asarray(self.search)
        if search.shape != (2,) or search.dtype.kind not in "fiu":
            raise ValueError(f"search must be (low, high), got {self.search!r}.")
        low, high = float(search[0]), float(search[1])
        if not 0 < low <= high < math.inf:
            raise ValueError(f"search must be 0 < low <= high, got {self.search!r}.")
        return low, high


def _resample_matrix(n_out: int, n_in: int, center: float, ratio: float) -> np.ndarray:
    """Give the matrix that resamples an axis about its centre.

    An output pixel is ``ratio`` input pixels. The triangles under which it sums add up
    to one over the output pixels, so that counts stay.
    """
    place = (np.arange(n_out) - (n_out - 1) / 2) * ratio + center
    reach = max(1.0, ratio)
    distance = np.abs(place[:, None] - np.arange(n_in)) / reach
    return np.asarray(np.clip(1 - distance, 0, None) * (ratio / reach))

"""Lower the resolution of images, as a smaller or more distant telescope would."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skastro.galaxy._degrade import (
    build_operators,
    enlarge_images,
    shrink_images,
)
from skastro.galaxy._stateless import (
    FiniteCheck,
    StatelessImageTransformer,
    chunks,
    float_dtype,
)
from skastro.utils import (
    LazyRows,
    as_lazy_rows,
    check_images,
    map_transformer,
    shrunk_size,
)
from skastro.utils._resampling import ENLARGE_METHODS, ROUNDINGS
from skastro.utils._typing import Seed

_FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))


class ResolutionDegrader(StatelessImageTransformer):
    """Shrink images by area averaging and enlarge them back to their size.

    What is left are images of the same shape with less detail, to ask how well a
    method trained on sharp images does on blurred ones. In this order:

    1. optionally, smooth from one point-spread function (PSF) to a wider one;
    2. average over cells of ``factor`` x ``factor`` pixels (means, not sums: surface
       brightness is kept; multiply by ``factor**2`` for the flux in a cell);
    3. optionally, add noise to the small image;
    4. enlarge to the input size.

    Steps 2 and 4 equal OpenCV's ``resize`` with ``INTER_AREA`` and then
    ``INTER_NEAREST``, ``INTER_LINEAR`` or ``INTER_CUBIC`` to 1e-6 of the largest pixel
    value, for every image shape and for whole and fractional factors. Averaging alone
    lowers the noise by ``factor`` and keeps the PSF of the sharp image in sky units;
    steps 1 and 3 make it an honest simulation of another instrument.

    Nothing is learnt: `transform` works without `fit`, which only checks the input
    and remembers its shape.

    Parameters
    ----------
    factor : float, default=2
        How many pixels of each axis become one; at least 1.
    enlarge : {"nearest", "bilinear", "bicubic"} or None, default="bilinear"
        How the small image is brought back to the input size; None leaves it small.
        "bicubic" overshoots at sharp edges, by up to a tenth of the step or so.
    rounding : {"block", "exact"}, default="block"
        What happens where the size is no multiple of the factor. "block" is OpenCV's
        ``fx=1 / factor``: cells are exactly ``factor`` pixels from the upper left, the
        last is cut short or the last pixels are left out. "exact" is OpenCV's
        ``dsize``: the same number of cells spread evenly over all pixels. On 64
        pixels they differ for factors 3, 5, 6 and 7.
    psf_fwhm_in, psf_fwhm_out : float, default=None
        Full width at half maximum of the PSF that the images have and of the one that
        they get, in input pixels, both taken as Gaussian. Both or neither. The kernel
        has the difference of the squared widths; images are mirrored at their border
        (the border pixel repeated), which keeps their total flux.
    noise_sigma : float, default=None
        Standard deviation of the Gaussian noise that is added to every pixel of the
        small image, in the units of the input pixels.
    image_shape : (h, w) or (c, h, w), default=None
        What a flat row is, in pixels. None takes it as one row of pixels.
    random_state : int, RandomState instance or None, default=None
        Of the noise. With an integer, the same images get the same noise each time.

    Attributes
    ----------
    n_features_in_ : int
        Number of pixels of an image, all channels together.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X was a data frame.
    input_shape_ : (c, h, w)
        Shape of an image.

    See Also
    --------
    RandomResolution : The same with a random factor for each image, while training.
    CutoutNormalizer : From counts to the input of a net.

    Notes
    -----
    OpenCV leaves out overlaps of at most 0.001 pixels without compensation, so a
    factor such as 3.0005 lowers the mean by up to 0.0003 of it; this is followed. In
    float64, "bicubic" weights are rounded to single precision, as OpenCV's are. An
    axis that would shrink to nothing keeps one pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.galaxy import ResolutionDegrader
    >>> image = np.array([[[1.0, 3.0, 0.0, 0.0], [5.0, 7.0, 0.0, 8.0]]])
    >>> ResolutionDegrader(factor=2, enlarge=None).fit_transform(image)
    array([[[4., 2.]]])
    >>> ResolutionDegrader(factor=2, enlarge="nearest").fit_transform(image)
    array([[[4., 4., 2., 2.],
            [4., 4., 2., 2.]]])
    """

    _parameter_constraints: dict[str, Any] = {
        "factor": [Interval(Real, 1, None, closed="left")],
        "enlarge": [StrOptions(set(ENLARGE_METHODS)), None],
        "rounding": [StrOptions(set(ROUNDINGS))],
        "psf_fwhm_in": [Interval(Real, 0, None, closed="left"), None],
        "psf_fwhm_out": [Interval(Real, 0, None, closed="left"), None],
        "noise_sigma": [Interval(Real, 0, None, closed="left"), None],
        "image_shape": ["array-like", None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        factor: float = 2,
        enlarge: str | None = "bilinear",
        rounding: str = "block",
        psf_fwhm_in: float | None = None,
        psf_fwhm_out: float | None = None,
        noise_sigma: float | None = None,
        image_shape: Sequence[int] | None = None,
        random_state: Seed = None,
    ) -> None:
        self.factor = factor
        self.enlarge = enlarge
        self.rounding = rounding
        self.psf_fwhm_in = psf_fwhm_in
        self.psf_fwhm_out = psf_fwhm_out
        self.noise_sigma = noise_sigma
        self.image_shape = image_shape
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> ResolutionDegrader:
        """Check parameters and images, and remember the shape.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, h, w) or (n, c, h, w)
            Images.
        y : None
            Ignored.

        Returns
        -------
        ResolutionDegrader
            The transformer itself.
        """
        check_images(self, X, self.image_shape, reset=True, lazy=True)
        self._psf_sigma()
        return self

    def transform(self, X: Any) -> np.ndarray | LazyRows:
        """Lower the resolution of images.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, h, w) or (n, c, h, w)
            Images. 8-bit images are taken as numbers from 0 to 255 and not rounded.

        Returns
        -------
        ndarray, or LazyRows for LazyRows
            Of float64 for float64 and all integers but uint8, else float32. In the
            layout of the input and, unless ``enlarge=None``, in its shape.

        Raises
        ------
        ValueError
            If a pixel is not finite, with their number and the first index, or a
            shape does not fit.
        """
        if isinstance(X, LazyRows):
            if self.noise_sigma:
                raise ValueError(
                    "noise_sigma draws for images one after the other, and LazyRows "
                    "are read in any order: give an array, or no noise."
                )
            return map_transformer(self, X)
        rows = None if self.noise_sigma else as_lazy_rows(X)
        if rows is not None:
            return np.asarray(map_transformer(self, rows))
        X, (c, h, w), trailing = self._check_images(X, finite=False)
        dtype = float_dtype(X)
        operators = build_operators(
            (h, w),
            float(self.factor),
            rounding=self.rounding,
            enlarge=self.enlarge,
            sigma=self._psf_sigma(),
            dtype=dtype,
            whole=not self.noise_sigma,
        )
        check_finite = FiniteCheck(X, self, trailing)
        noise = _noise_source(self.random_state) if self.noise_sigma else None
        n = len(X)
        size = operators.size if self.enlarge is None else (h, w)
        out = np.empty((n * c, *size), dtype)
        for part in chunks(n, (c, h, w)):
            images = X[part].reshape(-1, h, w).astype(dtype, copy=False)
            check_finite(images)
            small = shrink_images(images, operators)
            if noise is not None and self.noise_sigma is not None:
                # Drawn in float64, so that float32 images get the same noise.
                drawn = self.noise_sigma * noise.standard_normal(small.shape)
                small = small + drawn.astype(dtype)
            enlarge_images(small, operators, out[part.start * c : part.stop * c])
        if not trailing:
            return out.reshape(n, -1)
        return out.reshape(n, *trailing[:-2], *size)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the columns of the output for flat input.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the input columns; None takes those seen in `fit`.

        Returns
        -------
        ndarray of str objects
            The input names; with ``enlarge=None``, where a column is no longer one of
            the input, "resolutiondegrader0" and so on.
        """
        check_is_fitted(self, "n_features_in_")
        names: np.ndarray = super().get_feature_names_out(input_features)
        if self.enlarge is not None:
            return names
        c, h, w = self.input_shape_
        factor = float(self.factor)
        count = c * shrunk_size(h, factor) * shrunk_size(w, factor)
        return np.asarray([f"resolutiondegrader{i}" for i in range(count)], object)

    def __sklearn_tags__(self) -> Tags:
        """Say that noise depends on the place of an image among the others."""
        tags = super().__sklearn_tags__()
        tags.non_deterministic = bool(self.noise_sigma)
        return tags

    def _psf_sigma(self) -> float:
        """Give the width of the matching kernel in pixels, 0 for none."""
        before, after = self.psf_fwhm_in, self.psf_fwhm_out
        if before is None and after is None:
            return 0.0
        if before is None or after is None:
            raise ValueError(
                "psf_fwhm_in and psf_fwhm_out go together, got "
                f"psf_fwhm_in={before!r} and psf_fwhm_out={after!r}."
            )
        if after < before:
            raise ValueError(
                f"psf_fwhm_out={after!r} is less than psf_fwhm_in={before!r}: images "
                "can be blurred to a wider PSF only."
            )
        return math.sqrt((after - before) * (after + before)) / _FWHM_PER_SIGMA


def _noise_source(random_state: Seed) -> np.random.Generator | np.random.RandomState:
    """Make the source of noise, which is never NumPy's global one."""
    if isinstance(random_state, np.random.RandomState):
        return random_state
    return np.random.default_rng(random_state)

"""From counts or nanomaggies to the input of a net."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from skastro.galaxy._sky_levels import CutoutLevels, measure
from skastro.galaxy._stateless import StatelessImageTransformer, chunks, float_dtype
from skastro.utils import LazyRows, as_lazy_rows, check_images, map_transformer

_WHITE = 255.0


class CutoutNormalizer(StatelessImageTransformer):
    """Bring cut-outs to a common scale: subtract the sky, divide, stretch.

    For each image, and each of its channels,

    - ``sky`` is the sigma-clipped median of the pixels, and ``noise`` the standard
      deviation of those that are left;
    - ``scale`` is the ``percentile`` of the pixels less the sky, but at least
      ``noise_floor`` times the noise, so that an empty image stays a quiet one and its
      noise is not blown up to look like a galaxy;
    - y = (x - sky) / scale; and
    - with the asinh stretch, z = arcsinh(y / a) / arcsinh(1 / a), which is linear for
      the faint and logarithmic for the bright, keeps 0 and 1, and is odd.

    The result is the same for an image in any other positive unit and with any other
    offset: raw counts with their bias and sky, and the calibrated and sky-subtracted
    image, give a net the same input. Nothing is cut off: pixels above the percentile
    become more than one, those below the sky negative.

    Images for display, such as cut-outs from a JPEG service, have been subtracted and
    stretched before. They are only divided by 255. 8-bit images are taken as such.

    Nothing is learnt but which of the two kinds of image comes: `transform` works
    without `fit`.

    Parameters
    ----------
    stretch : {"asinh", "linear"} or None, default="asinh"
        "linear" or None leaves y as it is.
    asinh_a : float, default=0.1
        Where the stretch turns from linear to logarithmic, in units of y; astropy's
        ``AsinhStretch`` calls it a.
    percentile : float, default=99.5
        Brightness that becomes 1, in per cent of the pixels; 99.5 leaves 21 pixels of
        64 x 64 above it.
    noise_floor : float, default=10.0
        Least scale, in units of the noise.
    sigma : float, default=3.0
        Pixels further from the median than this many standard deviations do not count
        for sky and noise. At least 1.
    maxiters : int, default=5
        Most rounds of leaving pixels out; at least 1.
    per_band : bool, default=False
        Whether each channel has its own scale. A common one, the largest, keeps the
        colours. Sky and noise are always those of the channel.
    pixels : {"auto", "flux", "display"}, default="auto"
        What the numbers are. "flux" is proportional to light but for an offset;
        "display" is stretched already and goes from 0 to 255. "auto" takes 8-bit
        images for "display" and all others for "flux"; what was seen in `fit` holds in
        `transform`, so that an 8-bit training set may be followed by test images which
        `ResolutionDegrader` turned into floating point.
    image_shape : (h, w) or (c, h, w), default=None
        What a flat row is, in pixels. None takes it as one row of pixels.

    Attributes
    ----------
    pixels_ : {"flux", "display"}
        How images are taken.
    n_features_in_ : int
        Number of pixels of an image, all channels together.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X was a data frame.
    input_shape_ : (c, h, w)
        Shape of an image.

    See Also
    --------
    ResolutionDegrader : Lower the resolution of images.

    Notes
    -----
    An image whose pixels are all equal, up to rounding errors, becomes zeros. If so
    many pixels are equal that noise and percentile are both zero, the scale is the
    largest distance from the sky. A galaxy that fills most of the cut-out is part of
    its own sky.

    `inverse_transform` gives the input back, up to rounding, if it is told the levels,
    which the output does not hold. What cannot be told from the output alone is thus
    the sky and the brightness; and 8-bit images have lost before what their own
    stretch cut off.

    References
    ----------
    R. Lupton et al., "Preparing Red-Green-Blue Images from CCD Data", PASP 116, 133
    (2004), on the arcsinh stretch.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.galaxy import CutoutNormalizer
    >>> flux = np.random.default_rng(0).normal(size=(2, 16, 16))
    >>> flux[:, 6:10, 6:10] += 50
    >>> counts = 1146 + 200 * flux
    >>> normalizer = CutoutNormalizer()
    >>> same = normalizer.transform(flux)
    >>> np.allclose(normalizer.transform(counts), same)
    True
    """

    _parameter_constraints: dict[str, Any] = {
        "stretch": [StrOptions({"asinh", "linear"}), None],
        "asinh_a": [Interval(Real, 0, None, closed="neither")],
        "percentile": [Interval(Real, 50, 100, closed="both")],
        "noise_floor": [Interval(Real, 0, None, closed="left")],
        "sigma": [Interval(Real, 1, None, closed="left")],
        "maxiters": [Interval(Integral, 1, None, closed="left")],
        "per_band": ["boolean"],
        "pixels": [StrOptions({"auto", "flux", "display"})],
        "image_shape": ["array-like", None],
    }

    def __init__(
        self,
        *,
        stretch: str | None = "asinh",
        asinh_a: float = 0.1,
        percentile: float = 99.5,
        noise_floor: float = 10.0,
        sigma: float = 3.0,
        maxiters: int = 5,
        per_band: bool = False,
        pixels: str = "auto",
        image_shape: Sequence[int] | None = None,
    ) -> None:
        self.stretch = stretch
        self.asinh_a = asinh_a
        self.percentile = percentile
        self.noise_floor = noise_floor
        self.sigma = sigma
        self.maxiters = maxiters
        self.per_band = per_band
        self.pixels = pixels
        self.image_shape = image_shape

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> CutoutNormalizer:
        """Check parameters and images, and remember their shape and kind.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, h, w) or (n, c, h, w)
            Images.
        y : None
            Ignored.

        Returns
        -------
        CutoutNormalizer
            The transformer itself.
        """
        X, _, _ = check_images(self, X, self.image_shape, reset=True, lazy=True)
        self.pixels_ = self._kind(X.dtype)
        return self

    def transform(self, X: Any) -> np.ndarray | LazyRows:
        """Bring images to the common scale.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, h, w) or (n, c, h, w)
            Images.

        Returns
        -------
        ndarray of the shape of X, or LazyRows for LazyRows
            Of float32 for float32 and uint8, else float64.

        Raises
        ------
        ValueError
            If a pixel is not finite, with their number and the first index, or a
            shape does not fit.
        """
        rows = as_lazy_rows(X)
        if rows is not None:
            made = map_transformer(self, rows)
            return made if isinstance(X, LazyRows) else np.asarray(made)
        X, shape, trailing = self._check_images(X)
        n = len(X)
        out = np.empty(X.shape, float_dtype(X))
        kind = self._kind_now(X.dtype)
        for part in chunks(n, shape):
            if kind == "display":
                np.divide(X[part], _WHITE, out=out[part], casting="same_kind")
                continue
            # Differences are taken in float64: a large sky costs no digits.
            images = X[part].reshape(-1, shape[0], shape[1] * shape[2])
            images = images.astype(np.float64)
            sky, _, scale = self._measure(images, X.dtype)
            images -= sky[:, :, None]
            images /= scale[:, :, None]
            if self.stretch == "asinh":
                images /= self.asinh_a
                np.arcsinh(images, out=images)
                images /= np.arcsinh(1.0 / self.asinh_a)
            out[part] = images.reshape(len(images), -1)
        return out.reshape(n, *trailing) if trailing else out

    def levels(self, X: Any) -> CutoutLevels:
        """Measure what `transform` subtracts and divides by.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, h, w) or (n, c, h, w)
            Images.

        Returns
        -------
        CutoutLevels
            ``sky``, ``noise`` and ``scale``, each of shape (n, channels) and in the
            units of X, and ``pixels``, how X was taken. Images for display have sky and
            noise 0 and scale 255.
        """
        rows = as_lazy_rows(X)
        if rows is not None and len(rows):
            parts = [self.levels(block) for _, block in rows.blocks()]
            return CutoutLevels(
                np.concatenate([part.sky for part in parts]),
                np.concatenate([part.noise for part in parts]),
                np.concatenate([part.scale for part in parts]),
                parts[0].pixels,
            )
        X, shape, _ = self._check_images(X)
        n, c = len(X), shape[0]
        kind = self._kind_now(X.dtype)
        if kind == "display":
            nothing = np.zeros((n, c))
            return CutoutLevels(nothing, nothing.copy(), np.full((n, c), _WHITE), kind)
        sky, noise, scale = (np.empty((n, c)) for _ in range(3))
        for part in chunks(n, shape):
            images = X[part].reshape(-1, c, shape[1] * shape[2]).astype(np.float64)
            sky[part], noise[part], scale[part] = self._measure(images, X.dtype)
        return CutoutLevels(sky, noise, scale, kind)

    def inverse_transform(
        self, X: Any, levels: CutoutLevels | None = None
    ) -> np.ndarray:
        """Bring images back to their own scale.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, h, w) or (n, c, h, w)
            Images from `transform`.
        levels : CutoutLevels, default=None
            From `levels`, of the images before `transform`. Without them only the
            stretch is undone: sky is 0 and the scale 1.

        Returns
        -------
        ndarray of the shape of X
            Images in the units of the levels; float32 for float32, else float64.

        Raises
        ------
        ValueError
            If the levels are those of another number of images or channels.
        """
        X, shape, trailing = self._check_images(X)
        n, c = len(X), shape[0]
        if levels is None:
            one = np.ones((n, c))
            levels = CutoutLevels(0 * one, 0 * one, one, self._kind_now(X.dtype))
        if levels.sky.shape != (n, c):
            raise ValueError(
                f"levels are those of {len(levels.sky)} images with "
                f"{levels.sky.shape[1]} channels, but X has {n} with {c}."
            )
        out = np.empty(X.shape, float_dtype(X))
        for part in chunks(n, shape):
            images = X[part].reshape(-1, c, shape[1] * shape[2]).astype(np.float64)
            if self.stretch == "asinh" and levels.pixels == "flux":
                images *= np.arcsinh(1.0 / self.asinh_a)
                np.sinh(images, out=images)
                images *= self.asinh_a
            images *= levels.scale[part][:, :, None]
            images += levels.sky[part][:, :, None]
            out[part] = images.reshape(len(images), -1)
        return out.reshape(n, *trailing) if trailing else out

    def _measure(
        self, images: np.ndarray, dtype: np.dtype
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Measure sky, noise and scale of images that came in a dtype."""
        eps = np.finfo(dtype if dtype.kind == "f" else np.float64).eps
        return measure(
            images,
            float(eps),
            sigma=self.sigma,
            maxiters=self.maxiters,
            percentile=self.percentile,
            noise_floor=self.noise_floor,
            per_band=self.per_band,
        )

    def _kind(self, dtype: np.dtype) -> str:
        """Say what pixels of a dtype are."""
        if self.pixels != "auto":
            return self.pixels
        return "display" if dtype == np.uint8 else "flux"

    def _kind_now(self, dtype: np.dtype) -> str:
        """Say how images are taken, by what was seen in fit if there was one."""
        if self.pixels == "auto" and hasattr(self, "pixels_"):
            return self.pixels_
        return self._kind(dtype)

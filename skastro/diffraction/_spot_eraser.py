"""Spots of a known orientation, taken out of patterns."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from skastro.diffraction._background import _Rings
from skastro.diffraction._erase_spots import (
    amplitudes,
    discs,
    positions,
    spots_alone,
)
from skastro.diffraction._in_plane import InPlaneSearch
from skastro.diffraction._matcher_input import to_tensor
from skastro.diffraction._orientation import as_matrices, check_directions
from skastro.diffraction._pattern_transformer import radius_map
from skastro.diffraction._simulator import KinematicSimulator
from skastro.utils import as_lazy_rows, check_finite, torch_threads

# Patterns at once: what they need stays below some 100 MB.
_CHUNK = 32

# Half the side of the erased discs, in standard deviations of a spot.
_REACH = 3.0


class SpotEraser:
    """Remove the spots of one crystal from patterns of overlapping ones.

    What the simulator predicts for the given orientation is taken out of the image, so
    that the rest is the pattern of the other crystals. A plain class: it learns
    nothing.

    Parameters
    ----------
    simulator : KinematicSimulator
        Predicts the spots; its shape, centre and scale are those of the images. Its
        noise, background, direct beam and beam stop are not used.
    method : {"mask", "subtract"}, default="mask"
        "mask" replaces discs about the predicted spots, whatever their brightness in
        the image, and with them what other crystals have there. "subtract" takes away
        the simulated image times a factor, and clips at zero: it leaves what lies
        below, but is only as good as the intensities, so it suits simulated patterns.
        The factor is the median of image over model, weighted by the model, on the
        pixels in which the model is above ``threshold``; a background must be
        subtracted before.
    radius : float or None, default=None
        Of the discs of "mask", in pixels; None is three times the simulator's
        ``spot_sigma``. A pixel on the edge is erased by the share that is inside.
    threshold : float, default=0.02
        Spots fainter than this share of the brightest one on the image stay ("mask").
    fill : {"zero", "background"}, default="zero"
        What the discs of "mask" are filled with: 0, or the median over the pixels at
        the same distance from the centre, where that is less than the pixel was.
    min_g : float, default=0.2
        Innermost ring on which the in-plane angle is looked for, in 1/Å.

    Raises
    ------
    TypeError
        If simulator is none.
    ValueError
        If another parameter is out of range.

    See Also
    --------
    TwoStageOrientationRegressor : Predicts, erases, and predicts again.
    TemplateMatcher : Erases and refines by itself.

    Notes
    -----
    A beam direction does not fix the in-plane angle, and a direction that was folded
    into the standard sector may have been the opposite one, whose pattern is the mirror
    image. Both are found by the correlation of the image with the simulated pattern,
    in polar coordinates and of fourth roots, in steps of 0.5° with a parabola between.
    It is the whole pattern that is turned: where the direction is a few degrees off,
    so are some of the spots that are erased.

    Examples
    --------
    >>> from skastro.diffraction import KinematicSimulator, SpotEraser
    >>> simulator = KinematicSimulator("anatase", shape=(96, 96), spot_sigma=0.8)
    >>> A = simulator.images([[1.0, 0.2, 0.5]], in_plane=1.0)
    >>> B = simulator.images([[0.2, 0.3, 0.9]], in_plane=2.5)
    >>> rest = SpotEraser(simulator).erase(0.5 * (A + B), [[1.0, 0.2, 0.5]])
    >>> bool(abs(rest - 0.5 * B).max() < 0.02)
    True
    """

    def __init__(
        self,
        simulator: KinematicSimulator,
        *,
        method: str = "mask",
        radius: float | None = None,
        threshold: float = 0.02,
        fill: str = "zero",
        min_g: float = 0.2,
    ) -> None:
        self.simulator = simulator
        self.method = method
        self.radius = radius
        self.threshold = threshold
        self.fill = fill
        self.min_g = min_g
        if not isinstance(simulator, KinematicSimulator):
            raise TypeError(
                f"simulator must be a KinematicSimulator, got {type(simulator)}."
            )
        for name, known in (
            ("method", ("mask", "subtract")),
            ("fill", ("zero", "background")),
        ):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(f"{name} must be one of {known}, got {value!r}.")
        if radius is not None and not (math.isfinite(radius) and radius > 0):
            raise ValueError(f"radius must be positive and finite, got {radius!r}.")
        if not 0 <= threshold < 1:
            raise ValueError(f"threshold must be in [0, 1), got {threshold!r}.")
        if not 0 <= min_g < simulator.max_g:
            raise ValueError(
                f"min_g must be from 0 to max_g = {simulator.max_g}, got {min_g!r}."
            )
        self._set_up()

    def _set_up(self) -> None:
        self._clean = spots_alone(self.simulator)
        self._search = InPlaneSearch(self._clean, self.min_g)
        # Only a filled disc needs to know the rings.
        self._rings: Any = None
        if self.method == "mask" and self.fill == "background":
            shape, center = self._clean._detector.shape, self._clean.center_
            self._rings = _Rings(radius_map(shape, center))

    def __repr__(self) -> str:
        """Name simulator and method."""
        return f"<SpotEraser, {self.method}, of {self.simulator!r}>"

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is made again."""
        made = ("_clean", "_search", "_rings")
        return {k: v for k, v in self.__dict__.items() if k not in made}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make it again."""
        self.__dict__.update(state)
        self._set_up()

    def locate(
        self, images: Any, directions: Any, *, mirror: bool = True
    ) -> tuple[Rotation, np.ndarray]:
        """Find the full orientations of crystals whose beam directions are known.

        Parameters
        ----------
        images : array-like of shape (n, h, w)
            Patterns; bright spots on dark ground, not negative.
        directions : array-like of shape (n, 3)
            One beam direction u of each, Cartesian in the crystal frame, of any length.
        mirror : bool, default=True
            Whether -u is tried too.

        Returns
        -------
        rotation : scipy.spatial.transform.Rotation
            Of n orientations, crystal to lab, with beam directions u or -u.
        correlation : ndarray of shape (n,)
            With the turned pattern, in [-1, 1].

        Raises
        ------
        ValueError
            If shapes or values make no sense.
        """
        lazy = as_lazy_rows(images)
        X = self._check(images) if lazy is None else lazy
        u = check_directions(directions)
        if len(u) != len(X):
            raise ValueError(f"There are {len(X)} images, but {len(u)} directions.")
        if lazy is not None:
            found = [
                self.locate(block, u[part], mirror=mirror)
                for part, block in lazy.blocks()
            ]
            turned = [np.empty((0, 3, 3)), *(r.as_matrix() for r, _ in found)]
            values = np.concatenate([np.empty(0), *(c for _, c in found)])
            return Rotation.from_matrix(np.concatenate(turned)), values
        matrices = np.empty((len(X), 3, 3))
        correlation = np.empty(len(X))
        with torch_threads(None):
            for part in _parts(len(X)):
                tensor = to_tensor(X[part], (1, *X.shape[1:]))
                matrices[part], correlation[part] = self._search(
                    tensor, u[part], mirror=mirror
                )
        return Rotation.from_matrix(matrices), correlation

    def erase(
        self,
        images: Any,
        orientations: Any,
        in_plane: Any = None,
        *,
        mirror: bool = True,
    ) -> np.ndarray:
        """Take the spots of one crystal out of each pattern.

        Parameters
        ----------
        images : array-like of shape (n, h, w)
            Patterns; bright spots on dark ground, not negative.
        orientations : Rotation, or array-like of shape (n, 3)
            Of what is erased: n orientations, crystal to lab, or n beam directions.
        in_plane : float or array-like of shape (n,), default=None
            In-plane angles of beam directions in radians, as in
            `rotation_from_direction`. None finds them in the images, with `locate`.
        mirror : bool, default=True
            Whether `locate` tries the opposite of a direction too.

        Returns
        -------
        ndarray of shape (n, h, w)
            What is left, not negative: float64 for float64, else float32. The images
            are not changed.

        Raises
        ------
        ValueError
            If shapes or values make no sense.
        """
        lazy = as_lazy_rows(images)
        X = self._check(images) if lazy is None else lazy
        if in_plane is None and not isinstance(orientations, Rotation):
            orientations, _ = self.locate(X, orientations, mirror=mirror)
        matrices = as_matrices(orientations, 0.0 if in_plane is None else in_plane)
        self._check_number(X, matrices)
        if lazy is not None:
            rotations = Rotation.from_matrix(matrices)
            kind = np.float64 if lazy.dtype == np.float64 else np.float32
            left = np.empty(lazy.shape, kind)
            for part, block in lazy.blocks():
                left[part] = self.erase(block, rotations[part])
            return left
        out = np.empty(X.shape, np.float64 if X.dtype == np.float64 else np.float32)
        step = self._mask if self.method == "mask" else self._subtract
        with torch_threads(None):
            for part in _parts(len(X)):
                piece = X[part].astype(out.dtype, copy=False)
                out[part] = step(piece, Rotation.from_matrix(matrices[part]))
        return out

    def agreement(self, images: Any, rotations: Rotation) -> np.ndarray:
        """Say how well images have what is predicted, whatever else they hold.

        It is the cosine between the fourth roots of the predicted intensities and those
        of the image at the same places, so that only missing or wrong spots of this
        crystal count, and not those of others: a label-free measure of which of two
        orientations is better.

        Parameters
        ----------
        images : array-like of shape (n, h, w)
            Patterns; bright spots on dark ground, not negative.
        rotations : scipy.spatial.transform.Rotation
            Of n orientations, crystal to lab.

        Returns
        -------
        ndarray of shape (n,)
            In [0, 1]; 0 if there is no spot.

        Raises
        ------
        ValueError
            If shapes or values make no sense.
        """
        lazy = as_lazy_rows(images)
        X = self._check(images) if lazy is None else lazy
        self._check_number(X, as_matrices(rotations))
        if lazy is not None:
            some = [self.agreement(b, rotations[part]) for part, b in lazy.blocks()]
            return np.concatenate([np.empty(0), *some])
        spots = self._clean.spots(rotations)
        row, col, seen = positions(spots, self._clean)
        where, row, col = spots.pattern[seen], row[seen], col[seen]
        h, w = X.shape[1:]
        value = np.zeros(len(row))
        r0 = np.minimum(row.astype(np.int64), h - 2)
        c0 = np.minimum(col.astype(np.int64), w - 2)
        for dr in (0, 1):
            for dc in (0, 1):
                near = (1 - np.abs(row - r0 - dr)) * (1 - np.abs(col - c0 - dc))
                value += near * X[where, r0 + dr, c0 + dc]
        image, model = np.sqrt(np.sqrt(value)), np.sqrt(np.sqrt(spots.intensity[seen]))

        def total(values: np.ndarray) -> np.ndarray:
            return np.bincount(where, values, minlength=len(X))

        norm = np.sqrt(total(image**2) * total(model**2))
        return np.asarray(total(image * model) / np.where(norm > 0, norm, 1.0))

    def _check(self, images: Any) -> np.ndarray:
        X = np.asarray(images)
        if X.shape[1:] != self._clean._detector.shape or X.ndim != 3:
            h, w = self._clean._detector.shape
            raise ValueError(
                f"images must have shape (n, {h}, {w}), as the simulator has them, "
                f"got {X.shape}."
            )
        if X.dtype.kind not in "buif":
            raise ValueError(f"images must be numbers, got {X.dtype}.")
        check_finite(X, name="images")
        if X.size and X.min() < 0:
            raise ValueError("images must not be negative: spots are bright on dark.")
        return X

    def _check_number(self, X: Any, matrices: np.ndarray) -> None:
        if len(matrices) != len(X):
            raise ValueError(
                f"There are {len(X)} images, but {len(matrices)} orientations."
            )

    def _mask(self, images: np.ndarray, rotations: Rotation) -> np.ndarray:
        spots = self._clean.spots(rotations)
        row, col, seen = positions(spots, self._clean)
        where = spots.pattern
        brightest = np.zeros(len(images))
        np.maximum.at(brightest, where[seen], spots.intensity[seen])
        # A spot that is just outside reaches into the image.
        h, w = images.shape[1:]
        radius = self.radius or _REACH * self.simulator.spot_sigma
        near = (row > -radius) & (row < h - 1 + radius)
        near &= (col > -radius) & (col < w - 1 + radius)
        near &= spots.intensity > self.threshold * brightest[where]
        share = discs(where[near], row[near], col[near], radius, images.shape)
        if self._rings is None:
            return np.asarray(images * (1 - share))
        ground = np.minimum(self._rings.background(images, 0.5), images)
        return np.asarray(images * (1 - share) + ground * share)

    def _subtract(self, images: np.ndarray, rotations: Rotation) -> np.ndarray:
        models = self._clean.images(rotations)
        factor = amplitudes(images, models, self.threshold)
        rest = images - models * factor.astype(images.dtype)[:, None, None]
        return np.asarray(np.maximum(rest, 0))


def _parts(n: int) -> Iterator[slice]:
    return (slice(start, min(start + _CHUNK, n)) for start in range(0, n, _CHUNK))

"""Images of the two stages, and what the second one is trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import _safe_indexing, check_array
from sklearn.utils.validation import _num_samples, validate_data

from skastro.diffraction._crystal import Crystal, as_crystal
from skastro.diffraction._orientation import check_directions, rotation_from_direction
from skastro.diffraction._simulator import KinematicSimulator
from skastro.diffraction._spot_eraser import SpotEraser
from skastro.utils import LazyRows, as_lazy_rows, check_images

if TYPE_CHECKING:
    from skastro.diffraction._two_stage_regressor import TwoStageOrientationRegressor

# Patterns that are rendered and erased at once.
_CHUNK = 256


class TwoStageInput:
    """What a two-stage estimator does with its input."""

    simulator: KinematicSimulator | None
    crystal: Crystal | str
    first_: Any

    def _crystal(self) -> Crystal:
        if self.simulator is not None:
            return self.simulator.crystal_
        return as_crystal(self.crystal)

    def _make_eraser(self: Any) -> SpotEraser:
        """Make the eraser for images of the shape seen."""
        simulator, shape = self.simulator, self.input_shape_[1:]
        if simulator is None:
            if min(shape) < 2:
                raise ValueError(
                    f"X must be images of two directions, got {shape[0]} x {shape[1]} "
                    "pixels: give image_shape for flat rows."
                )
            simulator = KinematicSimulator(self.crystal, shape=shape)
        if tuple(simulator.shape) != shape:
            raise ValueError(
                f"The simulator makes images of {tuple(simulator.shape)} pixels, but X "
                f"has {shape}."
            )
        return SpotEraser(
            simulator,
            method=self.erase_method,
            radius=self.erase_radius,
            threshold=self.erase_threshold,
            fill=self.erase_fill,
        )

    def _take_first(self: Any, first: Any) -> None:
        self.first_ = first
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(first, name):
                setattr(self, name, getattr(first, name))

    def _mixes(self, X: Any) -> bool:
        """Tell pairs of indices from images."""
        has_mixer = getattr(self.first_, "mixer", None) is not None
        return has_mixer and getattr(X, "ndim", 2) == 2

    def _check(self: Any, X: Any, *, reset: bool = False) -> Any:
        """Validate X; give pairs as they are, and images with their axes."""
        if self._mixes(X):
            pairs = validate_data(self, X, reset=reset)
            self.input_shape_ = (1, *self.first_.mixer.shape)
            self._trailing = self.first_.mixer.shape
            return np.asarray(pairs)
        if getattr(self.first_, "mixer", None) is not None:
            lazy = as_lazy_rows(X)
            images = np.asarray(X) if lazy is None else lazy
            return images.reshape(len(images), *images.shape[-2:])
        rows, shape, trailing = check_images(
            self, X, self.image_shape, reset=reset, lazy=True
        )
        if shape[0] != 1:
            raise ValueError(f"Patterns have one channel, but X has {shape[0]}.")
        if reset:
            self._trailing = trailing
        return rows.reshape(len(rows), *shape[1:])

    def _images(self: Any, X: Any) -> Any:
        """Give images (n, h, w), mixed if X are pairs; what is on disk stays there."""
        checked = self._check(X)
        if not self._mixes(X):
            return checked
        if len(checked) <= _CHUNK:
            return self.first_.mixer(checked)
        shape = self.first_.mixer.shape
        return LazyRows(checked).map(self.first_.mixer, shape=shape, dtype=np.float32)

    def _like_input(self: Any, images: Any) -> Any:
        """Bring images (n, h, w) to the layout that X of ``fit`` had."""
        if self._trailing:
            return images.reshape(len(images), *self._trailing)
        return images.reshape(len(images), -1)

    def _check_singles(
        self: Any, X: Any, y: Any, labelled: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Validate single patterns and their directions."""
        if labelled != (y is not None):
            raise ValueError("X_single has labels, y_single, if and only if X has.")
        images = np.asarray(X)
        if images.ndim == 2 and self.image_shape is not None:
            images = images.reshape(len(images), *self.image_shape[-2:])
        images = images.reshape(len(images), *images.shape[-2:])
        directions = None if y is None else check_directions(y, "y_single")
        if directions is not None and len(directions) != len(images):
            raise ValueError(
                f"X_single has {len(images)} patterns, but y_single has "
                f"{len(directions)} rows."
            )
        return images, directions


def check_pair_labels(y: Any) -> np.ndarray:
    """Check pairs of directions.

    Parameters
    ----------
    y : array-like of shape (n, 6)
        Labels.

    Returns
    -------
    ndarray of shape (n, 2, 3)
        Float64, of the lengths that they have.

    Raises
    ------
    ValueError
        If a vector is zero or not finite.
    """
    pairs: np.ndarray = check_array(y, dtype=np.float64, input_name="y")
    labels = pairs.reshape(-1, 2, 3)
    check_directions(labels.reshape(-1, 3), "y")
    return labels


def remainders(
    model: TwoStageOrientationRegressor,
    X: Any,
    directions: np.ndarray | None,
    rng: np.random.RandomState,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Erase one direction of each training pattern, and label the rest by the other.

    Parameters
    ----------
    model : TwoStageOrientationRegressor
        Whose first stage is fitted.
    X : array-like
        Training patterns or pairs.
    directions : ndarray of shape (n, 2, 3) or None
        Labels; without, what is erased is chosen as in ``predict``.
    rng : RandomState
        Draws what is used, and tilts.

    Returns
    -------
    images : ndarray of shape (m, h, w)
        What is left.
    labels : ndarray of shape (m, 3) or None
        Directions of the crystals that are left.
    """
    n = _num_samples(X) * (1 if directions is None else 2)
    chosen = np.arange(n)
    if n > model.max_remainders:
        chosen = np.sort(rng.choice(n, size=model.max_remainders, replace=False))
    sample, which = (chosen, chosen) if directions is None else np.divmod(chosen, 2)
    parts = []
    for start in range(0, len(chosen), _CHUNK):
        rows = sample[start : start + _CHUNK]
        some = _safe_indexing(X, rows)
        if directions is None:
            images, heads, head, _ = model._keep(some)
            gone = heads[np.arange(len(heads)), head]
        else:
            images = model._images(some)
            gone = directions[rows, which[start : start + _CHUNK]]
            gone = tilted(gone, model.training_tilt, rng)
        parts.append(model.eraser_.erase(images, gone))
    labels = None if directions is None else directions[sample, 1 - which]
    return np.concatenate(parts), labels


def tilted(
    directions: np.ndarray, degrees: float, rng: np.random.RandomState
) -> np.ndarray:
    """Tilt directions at random.

    Parameters
    ----------
    directions : ndarray of shape (n, 3)
        Of any length.
    degrees : float
        Standard deviation of each of the two components of the tilt; 0 draws nothing.
    rng : RandomState
        Draws them.

    Returns
    -------
    ndarray of shape (n, 3)
        Unit vectors; the directions as they are for 0.
    """
    if not degrees:
        return directions
    frames = rotation_from_direction(directions).as_matrix()
    x, y = rng.normal(scale=np.radians(degrees), size=(2, len(frames)))
    angle = np.hypot(x, y)
    around = np.arctan2(y, x)
    local = np.column_stack(
        [
            np.sin(angle) * np.cos(around),
            np.sin(angle) * np.sin(around),
            np.cos(angle),
        ]
    )
    # Rows of a rotation from crystal to lab are the lab's axes in the crystal frame.
    return np.asarray(np.einsum("nij,ni->nj", frames, local))


def joined_singles(
    rest: tuple[np.ndarray, np.ndarray | None] | None,
    singles: tuple[np.ndarray, np.ndarray | None] | None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Put remainders and given single patterns together.

    Parameters
    ----------
    rest, singles : tuple of (images, labels) or None
        At least one of them.

    Returns
    -------
    images : ndarray of shape (n, h, w)
        Remainders first.
    labels : ndarray of shape (n, 3) or None
        Their directions.
    """
    given = [pair for pair in (rest, singles) if pair is not None]
    images = np.concatenate([pair[0] for pair in given])
    labels = [pair[1] for pair in given if pair[1] is not None]
    return images, np.concatenate(labels) if labels else None

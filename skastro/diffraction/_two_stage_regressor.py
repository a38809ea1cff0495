"""The thesis's second method: predict, erase, predict again."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import (
    BaseEstimator,
    MetaEstimatorMixin,
    RegressorMixin,
    _fit_context,
    clone,
)
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skastro.diffraction._crystal import Crystal
from skastro.diffraction._orientation_regressor import DiffractionOrientationRegressor
from skastro.diffraction._simulator import KinematicSimulator
from skastro.diffraction._two_stage_data import (
    TwoStageInput,
    check_pair_labels,
    joined_singles,
    remainders,
)
from skastro.diffraction._two_stage_predictor import TwoStagePredictor
from skastro.utils import as_lazy_rows, own_random_state
from skastro.utils._typing import Seed


class TwoStageOrientationRegressor(
    TwoStagePredictor, TwoStageInput, MetaEstimatorMixin, RegressorMixin, BaseEstimator
):
    """Predict two directions, trust one, erase its spots and predict the other again.

    The diffraction thesis's second method. The first stage reads both beam directions
    from a pattern of two crystals; one of them is kept; the spots that are simulated
    for it are erased, and the second stage, for single crystals, reads the other
    direction from the rest. The thesis kept the one with the smaller *true* error,
    which needs the answer, and never ran the second stage. Here the choice is made
    without the label, and both stages are run.

    Parameters
    ----------
    first : estimator, default=None
        Predicts two directions, ``(n, 6)``, or one, ``(n, 3)``, which is then kept.
        None is a `DiffractionOrientationRegressor` with default parameters and the
        crystal's symmetry. It may have a ``mixer``: X are then pairs of indices.
    second : estimator, default=None
        Predicts one direction, ``(n, 3)``. None is as for ``first``. Without a mixer it
        gets images in the layout of X, else of shape (n, h, w).
    selector : {"resimulate", "reliability", "first", "oracle"}, default="resimulate"
        Which direction is kept. "resimulate" simulates both patterns, turned to fit,
        and takes that whose spots agree better with the image
        (`SpotEraser.agreement`); "reliability" takes the smaller expected error of a
        first stage with ``predict_error``, or the larger margin of a `TemplateMatcher`;
        "first" the first. "oracle" takes the smaller true error: `predict` then
        refuses, and `predict_oracle` must be called with the labels.
    crystal : Crystal or str, default="anatase"
        Of the default simulator; not used if a simulator is given.
    simulator : KinematicSimulator, default=None
        Predicts what is erased. None is ``KinematicSimulator(crystal, shape=(h, w))``.
        Its shape must be that of the images.
    erase_method : {"mask", "subtract"}, default="mask"
        As ``method`` of `SpotEraser`.
    erase_radius : float or None, default=None
        As its ``radius``, in pixels.
    erase_threshold : float, default=0.02
        As its ``threshold``.
    erase_fill : {"zero", "background"}, default="zero"
        As its ``fill``.
    remainders : bool, default=True
        Whether the second stage is trained on what is left of training patterns. Else
        `fit` needs ``X_single``, as in the thesis.
    max_remainders : int, default=4000
        Most of them, drawn at random; each needs 4 bytes a pixel, twice in passing.
    training_tilt : float, default=0.0
        Standard deviation, in degrees, of the two components of a random tilt of the
        direction that is erased in `fit`. Training erases true directions, prediction
        erases predicted ones, which leave more spots behind: a tilt like the first
        stage's error makes the one like the other.
    image_shape : (h, w), default=None
        What a flat row is, in pixels.
    random_state : int, RandomState instance or None, default=None
        Of remainders, tilts and default stages; given stages have their own.

    Attributes
    ----------
    first_, second_ : estimator
        The fitted stages; without two directions there is only the first.
    eraser_ : SpotEraser
        Erases.
    two_stage_ : bool
        False if y was not of two directions: this is then ``first_`` alone.
    n_features_in_ : int
        Columns of X as flat rows.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of columns, if X had any.

    See Also
    --------
    SpotEraser : Erases, and finds in-plane angles.
    TemplateMatcher : Refines both directions together.

    Notes
    -----
    Only y of six columns is two directions; with any other width the second stage has
    nothing to do, and all is left to ``first``. Each training pair gives two
    remainders: the first direction erased, labelled with the second, and the other way
    round. Labels of training serve for this alone; nothing of them is used in
    `predict`. Stages that need no labels, such as two `TemplateMatcher`, can be fitted
    without y: what is erased in `fit` is then as in `predict`.

    Patterns must be bright on dark ground and not negative. LazyRows, zarr, HDF5 and
    Dask arrays and large memory maps are read batch by batch; remainders and
    ``X_single`` are held in memory while the second stage is trained.

    Examples
    --------
    >>> from skastro.datasets import make_diffraction_patterns
    >>> from skastro.diffraction import TemplateMatcher, TwoStageOrientationRegressor
    >>> X, y = make_diffraction_patterns(
    ...     4, n_directions=2, return_X_y=True, random_state=0)
    >>> stage = TemplateMatcher(refine=False, zone_spacing=6.0)
    >>> model = TwoStageOrientationRegressor(stage, stage, erase_method="subtract")
    >>> model.fit(X).predict(X).shape
    (4, 6)
    >>> u, head = model.kept_direction(X)
    >>> u.shape, head.tolist()
    ((4, 3), [0, 0, 0, 0])
    """

    _parameter_constraints: dict[str, Any] = {
        "first": [HasMethods(["fit", "predict"]), None],
        "second": [HasMethods(["fit", "predict"]), None],
        "selector": [StrOptions({"resimulate", "reliability", "first", "oracle"})],
        "crystal": [Crystal, str],
        "simulator": [KinematicSimulator, None],
        "erase_method": [StrOptions({"mask", "subtract"})],
        "erase_radius": [Interval(Real, 0, None, closed="neither"), None],
        "erase_threshold": [Interval(Real, 0, 1, closed="left")],
        "erase_fill": [StrOptions({"zero", "background"})],
        "remainders": ["boolean"],
        "max_remainders": [Interval(Integral, 1, None, closed="left")],
        "training_tilt": [Interval(Real, 0, 90, closed="both")],
        "image_shape": ["array-like", None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        first: Any = None,
        second: Any = None,
        *,
        selector: str = "resimulate",
        crystal: Crystal | str = "anatase",
        simulator: KinematicSimulator | None = None,
        erase_method: str = "mask",
        erase_radius: float | None = None,
        erase_threshold: float = 0.02,
        erase_fill: str = "zero",
        remainders: bool = True,
        max_remainders: int = 4000,
        training_tilt: float = 0.0,
        image_shape: Sequence[int] | None = None,
        random_state: Seed = None,
    ) -> None:
        self.first = first
        self.second = second
        self.selector = selector
        self.crystal = crystal
        self.simulator = simulator
        self.erase_method = erase_method
        self.erase_radius = erase_radius
        self.erase_threshold = erase_threshold
        self.erase_fill = erase_fill
        self.remainders = remainders
        self.max_remainders = max_remainders
        self.training_tilt = training_tilt
        self.image_shape = image_shape
        self.random_state = random_state

    def _stage(self, given: Any, rng: np.random.RandomState) -> Any:
        seed = None if self.random_state is None else int(rng.randint(2**31 - 1))
        if given is not None:
            return clone(given)
        return DiffractionOrientationRegressor(
            laue_group=self._crystal().point_operations,
            image_shape=self.image_shape,
            random_state=seed,
        )

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self, X: Any, y: Any = None, X_single: Any = None, y_single: Any = None
    ) -> TwoStageOrientationRegressor:
        """Fit the first stage on pairs, and the second on single patterns.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, 1, h, w) or (n, h * w)
            Patterns of two crystals; or pairs of indices, if ``first`` has a mixer.
        y : array-like of shape (n, 6), default=None
            Both beam directions, Cartesian in the crystal frame. Any other width is
            left to ``first`` alone. None is for stages that need no labels.
        X_single : array-like of shape (m, h, w), (m, 1, h, w) or (m, h * w), \
                default=None
            Patterns of one crystal, for the second stage; images, also if ``first`` has
            a mixer.
        y_single : array-like of shape (m, 3), default=None
            Their beam directions.

        Returns
        -------
        TwoStageOrientationRegressor
            This estimator.

        Raises
        ------
        ValueError
            If X, y or a parameter makes no sense, or there is nothing to train the
            second stage on.
        """
        rng = own_random_state(self.random_state)
        rows = as_lazy_rows(X)
        X = X if rows is None else rows
        for name in ("second_", "eraser_", "input_shape_", "feature_names_in_"):
            # Of an earlier fit, on other data.
            self.__dict__.pop(name, None)
        first = self._stage(self.first, rng)
        self.two_stage_ = y is None or np.asarray(y).shape[1:] == (6,)
        if not self.two_stage_:
            if X_single is not None:
                raise ValueError("X_single needs y of two directions, six columns.")
            self._take_first(first.fit(X, y))
            return self
        directions = None if y is None else check_pair_labels(y)
        singles = None
        if X_single is not None:
            singles = self._check_singles(X_single, y_single, y is not None)
        elif not self.remainders:
            raise ValueError("remainders=False needs X_single.")
        self._take_first(first.fit(X, y))
        self._check(X, reset=True)
        self.eraser_ = self._make_eraser()
        rest = remainders(self, X, directions, rng) if self.remainders else None
        images, labels = joined_singles(rest, singles)
        second = self._stage(self.second, rng)
        self.second_ = second.fit(self._like_input(images), labels)
        return self

    def __sklearn_tags__(self) -> Any:
        """Take over what the first stage says of its input."""
        tags = super().__sklearn_tags__()
        first = self.first
        inner = get_tags(DiffractionOrientationRegressor() if first is None else first)
        tags.input_tags = deepcopy(inner.input_tags)
        tags.target_tags = deepcopy(inner.target_tags)
        tags.non_deterministic = inner.non_deterministic
        if inner.regressor_tags is not None:
            tags.regressor_tags = deepcopy(inner.regressor_tags)
        return tags

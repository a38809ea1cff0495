"""Orientations by template matching and refinement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils.validation import check_is_fitted, check_non_negative

from skastro.diffraction._crystal import Crystal
from skastro.diffraction._library import to_polar
from skastro.diffraction._match_result import make_result
from skastro.diffraction._matcher_input import Scan, is_single, propose, to_tensor
from skastro.diffraction._matcher_parameters import (
    MATCHER_CONSTRAINTS,
    SETTINGS,
    make_simulators,
)
from skastro.diffraction._orientation_result import OrientationResult
from skastro.diffraction._pattern_solver import Solution
from skastro.diffraction._pattern_transformer import as_patterns
from skastro.diffraction._solver_setup import learn_limit, make_solver
from skastro.utils import LazyRows, check_images, torch_threads
from skastro.utils._progress import progress_bar

# Patterns at once: what they need stays below some 100 MB.
_CHUNK = 32

# Patterns of ``fit`` from which the usual score is learned.
_LEARN_FROM = 64


class TemplateMatcher(BaseEstimator):
    """Beam directions and full orientations of one or more grains in a pattern.

    Patterns are compared with templates of all zones of the standard sector, in polar
    coordinates, so that one Fourier transform tries all in-plane angles; then the
    grain's rotation, the centre, the scale and both widths are refined by Gauss-Newton
    steps on the spots. What the first grain explains is subtracted before the second
    is looked for, and in the end all are refined together. Patterns that are explained
    worse than usual are tried again from other candidates, and every grain is compared
    with its zero-order-zone twin.

    Parameters
    ----------
    crystal : Crystal, str or sequence of these, default="anatase"
        The phase, or several among which each grain is told apart; names are those of
        built-in crystals.
    n_matches : int, default=1
        Grains in a pattern.
    erase : bool, default=True
        Whether the second grain is looked for in what the first one leaves. False takes
        the next best zone of the same search; only for comparison.
    refine : bool, default=True
        Whether to refine. False gives the nearest template's zone (about a third of
        ``zone_spacing`` off), without score and twin.
    voltage_kv : float, default=200.0
        Accelerating voltage.
    scale : float or None, default=None
        1/Å per pixel. None takes that of `KinematicSimulator` for images of this shape.
    center : (row, col) or None, default=None
        Of the direct beam, in pixels; None is the middle, ((h - 1) / 2, (w - 1) / 2).
    min_g, max_g : float, default=0.2, 1.5
        Rings that are compared, in 1/Å; reflections up to ``max_g`` are modelled.
    relrod : {"gaussian", "lorentzian"}, default="gaussian"
        Shape of the relrods in the model.
    relrod_width : float, default=0.02
        Their width, in 1/Å; where refinement starts.
    b_iso : float, default=0.5
        Debye-Waller factor in Å² of atoms whose own is not known.
    intensity_power : float, default=1.0
        Power of the modelled intensities.
    spot_sigma : float, default=1.5
        Standard deviation of the spots, in pixels; where refinement starts.
    zone_spacing : float, default=3.0
        Mean distance of templates, in degrees.
    erase_threshold : float, default=0.02
        With ``refine=False``, the share of a template's maximal intensity above which
        bins are erased.
    fixed : sequence of {"center", "scale", "relrod", "spot"}, default=()
        What is not refined. Fix "relrod" on measured patterns, whose intensities are
        not kinematic.
    proposer : fitted estimator or None, default=None
        Its ``predict`` gives ``n_matches`` directions of a pattern, for instance a
        `DiffractionOrientationRegressor`; then only zones near them are tried, and all
        zones where that leads nowhere. Wrap it in `sklearn.frozen.FrozenEstimator`, so
        that cloning keeps it fitted.
    intensity_weight : float, default=1.0
        Weight of the intensities of spots beside their positions in the refinement.
    score_limit : float or "auto", default="auto"
        Score above which a pattern is tried again and flagged. "auto" learns it in
        ``fit``: 1.3 times the median score of up to 64 patterns, at least 0.004.
    max_score : float, default=0.7
        Grains of patterns with a higher score are not valid.
    min_contrast : float, default=1.5
        Grains whose correlation is less than so many times that of chance are not
        valid.
    min_share : float, default=0.02
        Grains with a smaller share of the modelled intensity are not valid.
    image_shape : (h, w), default=None
        What a flat row is, in pixels.
    n_jobs : int or None, default=None
        Number of torch threads; None means one.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    simulators_ : list of KinematicSimulator
        One a phase.
    zones_ : ndarray of shape (n_zones, 3)
        Beam directions of the templates, Cartesian, of all phases.
    proposer_ : fitted estimator or None
        The proposer.
    score_limit_ : float
        The limit of scores; infinite without refinement.
    n_features_in_ : int
        Pixels of a pattern.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of columns, if X had any.
    input_shape_ : (1, h, w)
        Shape of a pattern.

    See Also
    --------
    DiffractionOrientationRegressor : A net that learns the same.
    KinematicSimulator : The patterns, with all conventions.

    Notes
    -----
    The library is made again when a model file is loaded. Patterns are matched one by
    one, whatever else is in the batch; only ``score_limit_`` is learned from many.
    LazyRows, zarr, HDF5 and Dask arrays and large memory maps are read batch by batch.

    Patterns whose spots all lie in one zone through the origin have two orientations
    that no symmetry relates; `OrientationResult.twin_directions` always holds the
    second one. Two grains of a phase less than about 4° apart are not told apart.

    References
    ----------
    N. Cautaerts et al., Ultramicroscopy 237, 113517 (2022), matching in polar
    coordinates; E. F. Rauch and L. Dupuy, Arch. Metall. Mater. 50, 87 (2005), template
    matching of spot patterns.

    Examples
    --------
    >>> from skastro.diffraction import KinematicSimulator, TemplateMatcher
    >>> X = KinematicSimulator("silver").images([[1, 1, 4], [1, 0, 1]])
    >>> matcher = TemplateMatcher("silver", zone_spacing=5.0).fit(X)
    >>> matcher.predict(X).round(3) + 0.0
    array([[0.236, 0.236, 0.943],
           [0.707, 0.   , 0.707]], dtype=float32)
    """

    _parameter_constraints: dict[str, Any] = MATCHER_CONSTRAINTS

    def __init__(
        self,
        crystal: Crystal | str | Sequence[Crystal | str] = "anatase",
        *,
        n_matches: int = 1,
        erase: bool = True,
        refine: bool = True,
        voltage_kv: float = 200.0,
        scale: float | None = None,
        center: Sequence[float] | None = None,
        min_g: float = 0.2,
        max_g: float = 1.5,
        relrod: str = "gaussian",
        relrod_width: float = 0.02,
        b_iso: float = 0.5,
        intensity_power: float = 1.0,
        spot_sigma: float = 1.5,
        zone_spacing: float = 3.0,
        erase_threshold: float = 0.02,
        fixed: Sequence[str] = (),
        proposer: Any = None,
        intensity_weight: float = 1.0,
        score_limit: float | str = "auto",
        max_score: float = 0.7,
        min_contrast: float = 1.5,
        min_share: float = 0.02,
        image_shape: Sequence[int] | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.crystal = crystal
        self.n_matches = n_matches
        self.erase = erase
        self.refine = refine
        self.voltage_kv = voltage_kv
        self.scale = scale
        self.center = center
        self.min_g = min_g
        self.max_g = max_g
        self.relrod = relrod
        self.relrod_width = relrod_width
        self.b_iso = b_iso
        self.intensity_power = intensity_power
        self.spot_sigma = spot_sigma
        self.zone_spacing = zone_spacing
        self.erase_threshold = erase_threshold
        self.fixed = fixed
        self.proposer = proposer
        self.intensity_weight = intensity_weight
        self.score_limit = score_limit
        self.max_score = max_score
        self.min_contrast = min_contrast
        self.min_share = min_share
        self.image_shape = image_shape
        self.n_jobs = n_jobs
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> TemplateMatcher:
        """Make the library, and learn how well patterns are usually explained.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (rows, columns, h, w) or (n, h * w)
            Patterns of the session; bright spots on dark ground, not negative. A scan
            is taken row by row.
        y : None
            Ignored.

        Returns
        -------
        TemplateMatcher
            This estimator.

        Raises
        ------
        ValueError
            If X or a parameter makes no sense. It warns if the model explains less
            than half of the usual pattern.
        """
        X, _ = self._check(X, reset=True)
        self.simulators_ = make_simulators(self)
        # A fitted matcher stays as it is when parameters are changed.
        self._settings = {name: getattr(self, name) for name in SETTINGS} | {
            "fixed": [str(name) for name in self.fixed]
        }
        self.proposer_ = self.proposer
        self.__dict__.pop("_solver", None)
        with torch_threads(self.n_jobs):
            self.zones_ = self._get_solver().library.zones
            self.score_limit_ = self._learn_limit(X)
        return self

    def _learn_limit(self, X: Any) -> float:
        if not self.refine or self.score_limit != "auto":
            return float(self.score_limit) if self.refine else np.inf
        some = np.unique(np.linspace(0, len(X) - 1, _LEARN_FROM).astype(int))
        starts = range(0, len(some), _CHUNK)
        batches = (
            to_tensor(X[some[i : i + _CHUNK]], self.input_shape_) for i in starts
        )
        return learn_limit(self._get_solver(), batches)

    def _check(self, X: Any, *, reset: bool) -> tuple[Any, Scan]:
        """Validate patterns; give them as rows, and the shape of a scan."""
        # A pattern has no channels: four axes are a scan.
        X, scan = as_patterns(X)
        X, _, _ = check_images(self, X, self.image_shape, reset=reset, lazy=True)
        for _, part in X.blocks() if isinstance(X, LazyRows) else [(None, X)]:
            check_non_negative(part, type(self).__name__)
        return X, (scan[0], scan[1]) if scan else None

    def _get_solver(self) -> Any:
        if not hasattr(self, "_solver"):
            self._solver = make_solver(self.simulators_, self._settings)
        return self._solver

    def _solve(self, X: Any) -> Iterator[Solution]:
        starts = range(0, len(X), _CHUNK)
        for start in progress_bar(starts, desc="TemplateMatcher", verbose=self.verbose):
            patterns = np.asarray(X[start : start + _CHUNK])
            images = to_tensor(patterns, self.input_shape_)
            n_matches = self._settings["n_matches"]
            proposals = propose(self.proposer_, patterns, self.input_shape_, n_matches)
            yield self._get_solver().solve(images, self.score_limit_, proposals)

    def match(self, X: Any) -> OrientationResult:
        """Find the grains, with all that says how far to trust them.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (rows, columns, h, w) or (n, h * w)
            Patterns.

        Returns
        -------
        OrientationResult
            Of n patterns (rows times columns of a scan, row by row).

        Raises
        ------
        ValueError
            If X makes no sense.
        """
        check_is_fitted(self)
        X, scan = self._check(X, reset=False)
        with torch_threads(self.n_jobs):
            solutions = list(self._solve(X))
        return make_result(
            self.simulators_, solutions, self._settings, self.score_limit_, scan
        )

    def predict(self, X: Any) -> np.ndarray:
        """Give the beam directions of the grains.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (rows, columns, h, w) or (n, h * w)
            Patterns.

        Returns
        -------
        ndarray of shape (n, 3 * n_matches)
            Cartesian unit vectors in the crystal frame, folded into the standard
            sector of their phase, brighter grain first. `cartesian_to_uvw` turns them
            into indices.
        """
        result = self.match(X)
        flat = result.directions.reshape(len(result), -1)
        return flat.astype(np.float32) if is_single(X) else flat

    def predict_rotation(self, X: Any) -> Rotation:
        """Give the full orientations of the grains.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (rows, columns, h, w) or (n, h * w)
            Patterns.

        Returns
        -------
        scipy.spatial.transform.Rotation
            Of n * n_matches orientations, crystal to lab, those of a pattern side by
            side. `bunge_angles` gives their Euler angles.
        """
        return self.match(X).rotations

    def predict_reliability(self, X: Any) -> np.ndarray:
        """Give how far each pattern's answer can be trusted.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (rows, columns, h, w) or (n, h * w)
            Patterns.

        Returns
        -------
        ndarray of shape (n,)
            In [0, 1]; see `OrientationResult.reliability`.
        """
        return self.match(X).reliability

    def correlation_map(self, X: Any) -> np.ndarray:
        """Correlate patterns with the templates of all zones, without refinement.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (rows, columns, h, w) or (n, h * w)
            Patterns.

        Returns
        -------
        ndarray of shape (n, n_zones), float32
            For each of `zones_` the largest correlation over in-plane angle and
            mirror, in [-1, 1]; of a scan row by row. `CorrelationMapDisplay` draws it.
        """
        check_is_fitted(self)
        X, _ = self._check(X, reset=False)
        library = self._get_solver().library
        parts = np.split(np.arange(len(X)), range(_CHUNK, len(X), _CHUNK))
        with torch_threads(self.n_jobs):
            batches = (to_tensor(X[part], self.input_shape_) for part in parts)
            polar = (to_polar(library.grid, images) for images in batches)
            return np.concatenate([library.zone_maxima(p) for p in polar])

    def __getstate__(self) -> dict[str, Any]:
        """Leave the library out, which is large and made again when it is needed."""
        state: dict[str, Any] = super().__getstate__()
        return {k: v for k, v in state.items() if k != "_solver"}

    def __sklearn_tags__(self) -> Any:
        """Say that patterns are not negative, and that more axes are allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.three_d_array = True
        return tags

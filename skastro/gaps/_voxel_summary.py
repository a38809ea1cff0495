"""Physics features of the events of a voxel tracker."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from skastro.gaps._check_voxels import check_voxels, clean_rows
from skastro.gaps._geometry import PITCH_CM, THRESHOLD_MEV
from skastro.gaps._hits import Hits, pad_hits
from skastro.gaps._summary_basic import basic_features, basic_names
from skastro.gaps._summary_star import (
    STAR_NAMES,
    TIME_NAMES,
    star_features,
    time_features,
)
from skastro.gaps._summary_track import TRACK_NAMES, half_width, track_features
from skastro.gaps._track_fit import TrackFit, fit_track
from skastro.gaps._track_model import track_model
from skastro.utils import torch_threads

# Events that are worked on at a time: their candidates should stay in the cache.
_CHUNK = 250
# What a hit of a binarised event is taken to deposit.
TYPICAL_MEV = 10.0
# Hits that the track and the star are searched in, the largest of an event.
N_HITS = 28


class VoxelSummary(TransformerMixin, BaseEstimator):
    """Describe an event by its primary track, its annihilation star and its sums.

    The primary is searched among the straight lines through the largest deposits. A
    line is judged by physics: the deposits above the stop must follow the mean loss
    [1]_ of a particle that slows down over equal steps of silicon, the deposit at the
    stop must hold what energy is left. The likelihood is taken for both species, for
    an end at rest and in flight, over a range of speeds and inclinations; what lies
    off the line describes the star. At equal speed an antideuteron has twice the
    energy of an antiproton, and above equal range it loses a third more in each wafer:
    this is what the likelihoods read.

    The output has one row an event. Names end with their unit (``_mev``, ``_cm``,
    ``_ns``); counts, cosines, speeds over that of light and natural logarithms have
    none.

    =======================  =====================================================
    names                    what
    =======================  =====================================================
    energy_*, n_hits*        total, largest, by layer (sum, maximum), the eight
                             largest, counts and sums above twelve thresholds
    layer_*, axis*           energy-weighted mean layer, first and deepest; spread
                             along the principal axes, cosine of the first with z
    track_*, stop_*          energy, the part above the stop, length, cosine,
                             deposits above the stop (``up1`` is next to it; ``loss``
                             times the cosine), distances from the line, wafers on it
                             without a hit, distance of the stop from the edge
    log_*, track_log_ratio*  log-likelihoods of both species; those of an end at rest
                             or in flight relative to the sum; ``all``: over every
                             candidate, not the best one
    residual_*, beta_*, ...  energy left at the stop, speed at the first wafer and
                             1 / cosine, as each species expects them
    star_*, max_*            hits and energy off the track: by distance from the stop,
                             up and down, forward and backward of the primary, light
                             (0.35 to 4 MeV) and heavy, prongs (directions that the
                             wafers' size can tell apart); ``max_*``: about the
                             largest deposit
    time_*, n_late_hits      with times only: flight time and speeds along the track,
                             times of the star after the stop
    =======================  =====================================================

    Parameters
    ----------
    beta : (low, high), default=(0.25, 0.31)
        Speeds that the primary may have at its first wafer. Give the range of your
        sample, with a margin: the default is that of `make_gaps_events`. A range that
        is too wide costs accuracy, one that lacks the true speeds costs more.
    threshold : float, default=0.05
        Deposits below it, in MeV, are no hits.
    hit_energy : float, default=None
        Energy that every hit is taken to have, in MeV, for binarised rows; 10 is a
        typical loss of the primary. Of equal deposits the upper ones count as the
        larger, so that the track is searched among the first eight hits from above, and
        features change a little if an event is turned. None takes the deposits as they
        are.
    image_shape : (d, h, w) or (2, d, h, w), default=None
        Layers, rows and columns of a flat row, after the channels if there are times.
        None takes rows of 1,440 as (10, 12, 12), rows of 2,880 as (2, 10, 12, 12) and
        any other as one row of voxels.

    Attributes
    ----------
    input_shape_ : tuple
        ``(c, d, h, w)``.
    n_features_in_ : int
        Values in one event.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of columns, if X has names.

    See Also
    --------
    PrimaryTrackMasker : Removes the track that is found here.
    GAPSVoxelClassifier : Uses these features with ``layout="hybrid"``.

    Notes
    -----
    Wafers are discs of 5 cm radius and 2.5 mm thickness, 12 cm apart in layers 10 cm
    apart, with vacuum between. Only the 28 largest hits are searched for track and
    star. Nothing is learned from data: the features of an event do not depend on
    others. Events on disk are read block by block and held as sparse rows.

    References
    ----------
    .. [1] Particle Data Group, "Passage of particles through matter", Review of
       Particle Physics, equation 34.5 (Bethe).

    Examples
    --------
    >>> from skastro.datasets import load_gaps_sample
    >>> from skastro.gaps import VoxelSummary
    >>> X, y = load_gaps_sample(return_X_y=True)
    >>> summary = VoxelSummary().set_output(transform="pandas")
    >>> table = summary.fit_transform(X[:200])
    >>> bool(table["track_energy_mev"].groupby(y[:200]).median().diff().iloc[1] < -20)
    True
    """

    _parameter_constraints: dict[str, Any] = {
        "beta": ["array-like"],
        "threshold": [Interval(Real, 0, None, closed="left")],
        "hit_energy": [Interval(Real, 0, None, closed="neither"), None],
        "image_shape": ["array-like", None],
    }

    def __init__(
        self,
        *,
        beta: Sequence[float] = (0.25, 0.31),
        threshold: float = THRESHOLD_MEV,
        hit_energy: float | None = None,
        image_shape: Sequence[int] | None = None,
    ) -> None:
        self.beta = beta
        self.threshold = threshold
        self.hit_energy = hit_energy
        self.image_shape = image_shape

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> VoxelSummary:
        """Learn the shape of an event; nothing else is learned.

        Parameters
        ----------
        X : array-like or sparse of shape (n_samples, n_features), or \
                (n_samples, d, h, w) or (n_samples, 2, d, h, w)
            Deposits in MeV, and times in ns plus 1 as a second channel.
        y : None
            Not used.

        Returns
        -------
        VoxelSummary
            The estimator itself.

        Raises
        ------
        ValueError
            If a value is negative or not finite, or a shape does not fit.
        """
        check_beta(self.beta)
        check_voxels(self, X, self.image_shape, reset=True)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Compute the features.

        Parameters
        ----------
        X : array-like or sparse of shape (n_samples, n_features), or \
                (n_samples, d, h, w) or (n_samples, 2, d, h, w)
            Deposits in MeV, and times in ns plus 1 as a second channel.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
            In the precision of X. Events without hits have zeros.

        Raises
        ------
        ValueError
            If a value is negative or not finite, or a shape does not fit.
        """
        self._validate_params()
        beta = check_beta(self.beta)
        fitted = hasattr(self, "input_shape_")
        who = self if fitted else copy.copy(self)
        rows, shape, _ = check_voxels(who, X, self.image_shape, reset=not fitted)
        out = np.empty((rows.shape[0], len(_names(shape))), dtype=rows.dtype)
        for start in range(0, rows.shape[0], _CHUNK):
            part = slice(start, start + _CHUNK)
            tracked = track_events(
                rows[part],
                shape,
                beta=beta,
                threshold=self.threshold,
                hit_energy=self.hit_energy,
            )
            out[part] = self._features(tracked, shape)
        return out

    def _features(self, tracked: TrackedEvents, shape: tuple[int, ...]) -> np.ndarray:
        rows, hits, fit = tracked
        blocks = [
            basic_features(rows, shape[1:]),
            track_features(hits, fit, half_width(shape, PITCH_CM)).numpy(),
            star_features(hits, fit).numpy(),
        ]
        if hits.time is not None:
            blocks.append(time_features(hits, fit).numpy())
        features = np.concatenate(blocks, axis=1)
        features[np.diff(rows.indptr) == 0] = 0
        return features

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the features.

        Parameters
        ----------
        input_features : None
            Not used: the features are no columns of X.

        Returns
        -------
        ndarray of str
            With their units.
        """
        check_is_fitted(self, "input_shape_")
        return np.asarray(_names(self.input_shape_), dtype=object)

    def __sklearn_tags__(self) -> Tags:
        """Say that deposits are positive, may be sparse, and need no fit."""
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.sparse = True
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class TrackedEvents(NamedTuple):
    """Events with their hits and the fit of their track."""

    rows: csr_array  # energies above threshold
    hits: Hits
    fit: TrackFit


def track_events(
    rows: Any,
    shape: tuple[int, ...],
    *,
    beta: tuple[float, float],
    threshold: float,
    hit_energy: float | None,
) -> TrackedEvents:
    """Fit the primary track of some events.

    Parameters
    ----------
    rows : ndarray or csr_array of shape (n, n_features)
        Validated.
    shape : (c, d, h, w)
        What a row is.
    beta : (low, high)
        Speeds at the first wafer.
    threshold : float
        In MeV.
    hit_energy : float or None
        Energy given to each hit, in MeV.

    Returns
    -------
    TrackedEvents
        In the precision of the rows.
    """
    energy, times = clean_rows(rows, shape, threshold)
    if hit_energy is not None:
        energy = energy.copy()
        energy.data[:] = hit_energy
    else:
        energy = _unbinarised(energy)
    single = energy.dtype == np.float32
    dtype = torch.float32 if single else torch.float64
    with torch_threads(None), torch.inference_mode():
        hits = pad_hits(energy, shape[1:], N_HITS, times, dtype)
        model = track_model(beta, shape[1], dtype)
        return TrackedEvents(energy, hits, fit_track(hits, shape[1:], model))


def _unbinarised(energy: csr_array) -> csr_array:
    """Give events of which every deposit is exactly 1 hits of a typical energy."""
    ones = energy.data == 1
    if not ones.any():
        return energy
    n_hits = np.diff(energy.indptr)
    event = np.repeat(np.arange(len(n_hits)), n_hits)
    binary = np.bincount(event, ones, len(n_hits)) == n_hits
    if not binary[n_hits > 0].any():
        return energy
    energy = energy.copy()
    energy.data[binary[event]] = TYPICAL_MEV
    return energy


def check_beta(beta: Any) -> tuple[float, float]:
    """Validate a range of speeds.

    Parameters
    ----------
    beta : (low, high)
        Over the speed of light.

    Returns
    -------
    tuple of float
        The range.

    Raises
    ------
    ValueError
        If it is not two rising numbers between 0 and 1.
    """
    try:
        low, high = (float(b) for b in beta)
    except (TypeError, ValueError):
        low = high = float("nan")
    if not 0 < low < high < 1:
        raise ValueError(
            f"beta must be two rising numbers between 0 and 1, got {beta!r}."
        )
    return low, high


def _names(shape: tuple[int, ...]) -> list[str]:
    names = [*basic_names(shape[1]), *TRACK_NAMES, *STAR_NAMES]
    return names + TIME_NAMES if shape[0] == 2 else names

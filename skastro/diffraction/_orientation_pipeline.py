"""From detector images to orientations in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.pipeline import Pipeline

from skastro.diffraction._background import BackgroundSubtractor
from skastro.diffraction._crystal import Crystal
from skastro.diffraction._pattern_centerer import PatternCenterer
from skastro.diffraction._scale_calibrator import ScaleCalibrator
from skastro.diffraction._template_matcher import TemplateMatcher


def orientation_pipeline(
    crystal: Crystal | str | Sequence[Crystal | str],
    scale: float,
    *,
    n_matches: int = 1,
    direct_beam_radius: float = 5.0,
    calibrate: bool = False,
    **parameters: Any,
) -> Pipeline:
    """Make a pipeline that indexes measured patterns.

    Its steps are "center" (`PatternCenterer`), "background" (`BackgroundSubtractor`),
    with ``calibrate=True`` "scale" (`ScaleCalibrator`), and "match"
    (`TemplateMatcher`). The matcher is set for measured patterns: the width of the
    relrods is not refined, since their intensities are not kinematic, and templates are
    2° apart.

    Parameters
    ----------
    crystal : Crystal, str or sequence of these
        The phase, or several.
    scale : float
        1/Å per pixel; with ``calibrate=True`` a first guess, good to about 20 %.
    n_matches : int, default=1
        Grains in a pattern.
    direct_beam_radius : float, default=5.0
        Pixels about the centre that are left out.
    calibrate : bool, default=False
        Whether the scale is found from the spots, for all patterns together. The
        crystals' cells are its ruler.
    **parameters : dict
        Further parameters of `TemplateMatcher`. ``image_shape`` goes to all steps. With
        a known ``center`` the step "center" is left out.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Unfitted. ``predict`` gives folded beam directions; for everything else use
        ``pipe[-1].match(pipe[:-1].transform(X))``.

    Raises
    ------
    TypeError
        If a parameter is unknown.
    ValueError
        If ``center`` is given with ``calibrate=True``.

    Examples
    --------
    >>> from skastro.diffraction import KinematicSimulator, orientation_pipeline
    >>> simulator = KinematicSimulator(
    ...     "silver", shape=(112, 112), direct_beam=20.0, background=0.5
    ... )
    >>> X = simulator.images([[1.0, 1.0, 4.0]], in_plane=0.3)
    >>> pipe = orientation_pipeline("silver", simulator.scale_, zone_spacing=5.0)
    >>> pipe.fit(X).predict(X).round(2) + 0.0
    array([[0.24, 0.24, 0.94]], dtype=float32)
    """
    settings: dict[str, Any] = {"fixed": ("relrod",), "zone_spacing": 2.0}
    shape = parameters.get("image_shape")
    center = parameters.get("center")
    steps: list[tuple[str, Any]] = []
    if center is None:
        centerer = PatternCenterer(beam_radius=direct_beam_radius, image_shape=shape)
        steps.append(("center", centerer))
    elif calibrate:
        raise ValueError(
            "With calibrate=True the centre is moved to the middle of the image: leave "
            "center out."
        )
    subtractor = BackgroundSubtractor(
        direct_beam_radius=direct_beam_radius, center=center, image_shape=shape
    )
    steps.append(("background", subtractor))
    if calibrate:
        ruler = list(crystal) if isinstance(crystal, (list, tuple)) else crystal
        calibrator = ScaleCalibrator(
            crystal=ruler,
            scale=scale,
            output_scale=scale,
            direct_beam_radius=direct_beam_radius,
            image_shape=shape,
        )
        steps.append(("scale", calibrator))
    matcher = TemplateMatcher(
        crystal, n_matches=n_matches, scale=scale, **(settings | parameters)
    )
    return Pipeline([*steps, ("match", matcher)])

"""Parameters of the template matcher, checked."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skastro.diffraction._crystal import Crystal, as_crystal
from skastro.diffraction._simulator import KinematicSimulator

if TYPE_CHECKING:
    from skastro.diffraction._template_matcher import TemplateMatcher

MATCHER_CONSTRAINTS: dict[str, Any] = {
    "crystal": [Crystal, str, list, tuple],
    "n_matches": [Interval(Integral, 1, 8, closed="both")],
    "erase": ["boolean"],
    "refine": ["boolean"],
    "voltage_kv": [Interval(Real, 0, None, closed="neither")],
    "scale": [Interval(Real, 0, None, closed="neither"), None],
    "center": ["array-like", None],
    "min_g": [Interval(Real, 0, None, closed="left")],
    "max_g": [Interval(Real, 0, None, closed="neither")],
    "relrod": [StrOptions({"gaussian", "lorentzian"})],
    "relrod_width": [Interval(Real, 0, None, closed="neither")],
    "b_iso": [Interval(Real, 0, None, closed="left")],
    "intensity_power": [Interval(Real, 0, None, closed="neither")],
    "spot_sigma": [Interval(Real, 0, None, closed="neither")],
    "zone_spacing": [Interval(Real, 0.2, 30, closed="both")],
    "erase_threshold": [Interval(Real, 0, 1, closed="both")],
    "fixed": ["array-like"],
    "proposer": [HasMethods("predict"), None],
    "intensity_weight": [Interval(Real, 0, None, closed="neither")],
    "score_limit": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
    "max_score": [Interval(Real, 0, None, closed="left")],
    "min_contrast": [Interval(Real, 0, None, closed="left")],
    "min_share": [Interval(Real, 0, 1, closed="both")],
    "image_shape": ["array-like", None],
    "n_jobs": [Integral, None],
    "verbose": ["verbose"],
}

# What the solver needs, beside what the simulators hold.
SETTINGS = (
    "n_matches",
    "erase",
    "refine",
    "min_g",
    "zone_spacing",
    "erase_threshold",
    "intensity_weight",
    "max_score",
    "min_contrast",
    "min_share",
)

_FIXABLE = ("center", "relrod", "scale", "spot")


def make_simulators(matcher: TemplateMatcher) -> list[KinematicSimulator]:
    """Check what single parameters cannot show, and set the phases up.

    Parameters
    ----------
    matcher : TemplateMatcher
        That has seen the shape of its images.

    Returns
    -------
    list of KinematicSimulator
        One a phase.

    Raises
    ------
    ValueError
        If parameters do not fit each other.
    """
    wrong = [name for name in matcher.fixed if name not in _FIXABLE]
    if wrong:
        raise ValueError(f"fixed may hold {', '.join(_FIXABLE)}, not {wrong}.")
    if matcher.min_g >= matcher.max_g:
        raise ValueError(
            f"min_g = {matcher.min_g} must be below max_g = {matcher.max_g}."
        )
    given = matcher.crystal
    phases = list(given) if isinstance(given, (list, tuple)) else [given]
    if not phases:
        raise ValueError("crystal has no phase.")
    _, h, w = matcher.input_shape_
    middle = ((h - 1) / 2, (w - 1) / 2)
    return [
        KinematicSimulator(
            as_crystal(phase),
            voltage_kv=matcher.voltage_kv,
            max_g=matcher.max_g,
            relrod=matcher.relrod,
            relrod_width=matcher.relrod_width,
            b_iso=matcher.b_iso,
            intensity_power=matcher.intensity_power,
            # Flat rows without a shape are no images, but must not fail.
            shape=(max(h, 2), max(w, 2)),
            scale=matcher.scale,
            center=middle if matcher.center is None else matcher.center,
            spot_sigma=matcher.spot_sigma,
        )
        for phase in phases
    ]

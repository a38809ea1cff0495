"""From settings to a solver."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from skastro.diffraction._grain_fit import GrainFitter
from skastro.diffraction._library import TemplateLibrary
from skastro.diffraction._pattern_solver import PatternSolver
from skastro.diffraction._polar import PolarGrid
from skastro.diffraction._simulator import KinematicSimulator

# Rings per 1/Å, and azimuths; frequencies above the last one kept are finer than a
# spot.
_RINGS, _AZIMUTHS, _FREQUENCIES = 41, 256, 63

# A score above this many times the usual one is flagged; and the least such limit.
_SCORE_RATIO, _LEAST_SCORE = 1.3, 0.004

# A usual score above this is bad; smaller images than this are no patterns.
_BAD_SCORE, _SMALLEST_IMAGE = 0.55, 16

# Rings reach this far beyond the last reflection, in 1/Å.
_BEYOND = 0.02


def make_solver(
    simulators: Sequence[KinematicSimulator], settings: dict[str, Any]
) -> PatternSolver:
    """Make rings, library and refinement.

    Parameters
    ----------
    simulators : sequence of KinematicSimulator
        One a phase.
    settings : dict
        Parameters of `TemplateMatcher`.

    Returns
    -------
    PatternSolver
        Ready to solve.
    """
    first = simulators[0]
    h, w = first._detector.shape
    last = first.max_g + _BEYOND
    count = max(8, round(_RINGS * (last - settings["min_g"])))
    grid = PolarGrid(
        (h, w),
        first.center_,
        first.scale_,
        np.linspace(settings["min_g"], last, count),
        _AZIMUTHS,
        _FREQUENCIES,
    )
    library = TemplateLibrary(simulators, grid, settings["zone_spacing"])
    fitter = GrainFitter(
        simulators, first.relrod, settings["fixed"], settings["intensity_weight"]
    )
    return PatternSolver(
        library,
        fitter,
        settings["n_matches"],
        erase=settings["erase"],
        refine=settings["refine"],
        erase_threshold=settings["erase_threshold"],
    )


def learn_limit(solver: PatternSolver, batches: Iterable[Tensor]) -> float:
    """Learn from images which score is too high.

    Parameters
    ----------
    solver : PatternSolver
        Finds the grains.
    batches : iterable of Tensor
        The images.

    Returns
    -------
    float
        1.3 times the median of those that are not empty, at least 0.004.

    Warns
    -----
    UserWarning
        If even the usual pattern is badly explained: then no limit tells good from
        bad.
    """
    scores = [solver.first_pass(solver.fitter.board(b)).score for b in batches]
    known = np.concatenate(scores)
    known = known[np.isfinite(known)]
    usual = float(np.median(known)) if len(known) else 0.0
    h, w = solver.library.grid.shape
    if usual > _BAD_SCORE and min(h, w) >= _SMALLEST_IMAGE:
        warnings.warn(
            f"The median score of these patterns is {usual:.2f}: the model explains "
            "hardly half of them, and score_limit, which is learned from it, flags "
            "little. Check crystal, scale, center and voltage_kv, remove the "
            "background (BackgroundSubtractor), or give score_limit if patterns have "
            "a few hundred counts only.",
            stacklevel=4,
        )
    return max(_LEAST_SCORE, _SCORE_RATIO * usual)

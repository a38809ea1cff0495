"""From settings to a solver."""

from __future__ import annotations

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


def usual_score(solver: PatternSolver, batches: Iterable[Tensor]) -> float:
    """Give the median score of images at the first attempt.

    Parameters
    ----------
    solver : PatternSolver
        Finds the grains.
    batches : iterable of Tensor
        The images.

    Returns
    -------
    float
        The median of those that are not empty; 0 if all are.
    """
    scores = [solver.first_pass(solver.fitter.board(b)).score for b in batches]
    known = np.concatenate(scores)
    known = known[np.isfinite(known)]
    return float(np.median(known)) if len(known) else 0.0

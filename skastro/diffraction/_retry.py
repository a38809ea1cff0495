"""Second attempts at images of which too little is explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skastro.diffraction._grain_state import GrainState, join_grains
from skastro.diffraction._library import Candidates, to_polar
from skastro.diffraction._patches import PatchBoard

if TYPE_CHECKING:
    from skastro.diffraction._pattern_solver import PatternSolver, Solution

# Candidates for a single grain, for one beside a kept one, and for the first and the
# second of a new pair.
_SINGLE, _BESIDE, _FIRST, _SECOND = 5, 3, 6, 2

# Gauss-Newton steps: of a grain alone, together with others, and of a single one.
_ALONE, _TOGETHER, _LONG = 4, 6, 8


def retry(
    solver: PatternSolver, board: PatchBoard, solution: Solution, limit: float
) -> None:
    """Try again, from other candidates, where the score is too high.

    Parameters
    ----------
    solver : PatternSolver
        Searches and fits.
    board : PatchBoard
        The images.
    solution : Solution
        Changed in place where something better is found.
    limit : float
        Scores above it are too high.
    """
    attempt = _Attempt(solver, board, solution)
    if solver.n_grains == 1:
        attempt.single(limit)
        return
    for grain in range(solver.n_grains):
        attempt.beside(limit, grain)
    if solver.n_grains == 2:
        attempt.pairs(limit)


class _Attempt:
    """New starts for the images that need one."""

    def __init__(
        self, solver: PatternSolver, board: PatchBoard, solution: Solution
    ) -> None:
        self.solver = solver
        self.fitter = solver.fitter
        self.board = board
        self.solution = solution

    def _bad(self, limit: float) -> np.ndarray:
        return np.flatnonzero(self.solution.score > limit)

    def _search(self, board: PatchBoard, n: int) -> Candidates:
        library = self.solver.library
        return library.search(to_polar(library.grid, board.images), n)

    def single(self, limit: float) -> None:
        """Fit the next candidates of a single grain."""
        bad = self._bad(limit)
        if not len(bad):
            return
        part = self.board.take(bad)
        found = self._search(part, _SINGLE)
        for rank in range(1, found.correlation.shape[1]):
            state = self.solver.begin(part, found, rank, None)
            state = self.fitter.refine(part, state, _LONG, held=_ALONE)
            self._keep(part, bad, state, found, rank, 0)

    def beside(self, limit: float, grain: int) -> None:
        """Look for one grain once more in what the others leave."""
        bad = self._bad(limit)
        if not len(bad):
            return
        part = self.board.take(bad)
        others = [k for k in range(self.solver.n_grains) if k != grain]
        kept = self.solution.state.take(bad).grains(others)
        rest = part.less(self.fitter.render(part, kept))
        found = self._search(rest, _BESIDE)
        # The fresh grain comes last in the fit, and goes back to its place.
        order = np.insert(np.arange(len(others)), grain, len(others))
        for rank in range(found.correlation.shape[1]):
            fresh = self.solver.begin(rest, found, rank, kept)
            fresh = self.fitter.refine(rest, fresh, _ALONE, held=_ALONE)
            joint = self.fitter.refine(part, join_grains(kept, fresh), _TOGETHER)
            self._keep(part, bad, joint.grains(order), found, rank, grain)

    def pairs(self, limit: float) -> None:
        """Begin again with both grains of a pair."""
        bad = self._bad(limit)
        if not len(bad):
            return
        part = self.board.take(bad)
        found = self._search(part, _FIRST)
        for rank in range(found.correlation.shape[1]):
            first = self.solver.begin(part, found, rank, None)
            first = self.fitter.refine(part, first, _ALONE, held=_ALONE)
            rest = part.less(self.fitter.render(part, first))
            second = self._search(rest, _SECOND)
            for other in range(second.correlation.shape[1]):
                fresh = self.solver.begin(rest, second, other, first)
                fresh = self.fitter.refine(rest, fresh, _ALONE, held=_ALONE)
                joint = self.fitter.refine(part, join_grains(first, fresh), _TOGETHER)
                better = self._keep(part, bad, joint, found, rank, 0)
                rows = bad[better]
                self.solution.correlation[rows, 1] = second.correlation[better, other]
                self.solution.margin[rows, 1] = second.margin[better, 0]

    def _keep(
        self,
        board: PatchBoard,
        rows: np.ndarray,
        state: GrainState,
        found: Candidates,
        rank: int,
        grain: int,
    ) -> np.ndarray:
        """Take a state over where it explains more; say where."""
        solution = self.solution
        score = self.solver.score(board, state)
        better = np.asarray(score < solution.score[rows])
        taken = rows[better]
        for name in ("rotation", "phase", "log_amplitude", "shared"):
            getattr(solution.state, name)[taken] = getattr(state, name)[better]
        solution.score[taken] = score[better]
        solution.correlation[taken, grain] = found.correlation[better, rank]
        solution.margin[taken, grain] = found.margin[better, 0]
        return better

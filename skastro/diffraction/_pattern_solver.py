"""Match, refine, erase, match again: from images to the grains in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skastro.diffraction._grain_fit import TOTAL, GrainFitter, GrainState, join_grains
from skastro.diffraction._library import Candidates, TemplateLibrary, to_polar
from skastro.diffraction._patches import PatchBoard
from skastro.diffraction._twin import choose_twins

# Gauss-Newton steps of one grain alone, of all together, and after a retry.
_ALONE, _TOGETHER = 4, 6
_SINGLE = 8


@dataclass
class Solution:
    """What was found in n images of k grains; arrays are numpy's."""

    state: GrainState
    score: np.ndarray  # (n,)
    correlation: np.ndarray  # (n, k)
    margin: np.ndarray  # (n, k)
    twin: np.ndarray  # (n, k, 3, 3)
    twin_margin: np.ndarray  # (n, k)

    def put(self, index: np.ndarray, other: Solution) -> None:
        """Replace some of the images."""
        for name in ("rotation", "phase", "log_amplitude", "shared"):
            getattr(self.state, name)[index] = getattr(other.state, name)
        for name in ("score", "correlation", "margin", "twin", "twin_margin"):
            getattr(self, name)[index] = getattr(other, name)


class PatternSolver:
    """Finds k grains in images.

    Parameters
    ----------
    library : TemplateLibrary
        Where orientations are searched.
    fitter : GrainFitter
        What refines them.
    n_grains : int
        How many grains an image has.
    """

    def __init__(
        self, library: TemplateLibrary, fitter: GrainFitter, n_grains: int
    ) -> None:
        self.library = library
        self.fitter = fitter
        self.n_grains = n_grains

    def first_pass(self, images: Tensor) -> tuple[PatchBoard, Solution]:
        """Find the grains one after the other, and refine them together.

        Parameters
        ----------
        images : Tensor of shape (n, h, w), float32
            Not negative.

        Returns
        -------
        board : PatchBoard
            The images.
        solution : Solution
            Without twins so far.
        """
        board = self.fitter.board(images)
        state, found = self._match(board, board)
        state = self.fitter.refine(board, state, self._steps())
        correlation, margin = [found.correlation[:, :1]], [found.margin]
        for _ in range(1, self.n_grains):
            rest = board.less(self.fitter.render(board, state))
            other, found = self._match(rest, rest, like=state)
            other = self.fitter.refine(rest, other, _ALONE)
            state = join_grains(state, other)
            state = self.fitter.refine(board, state, _TOGETHER, damping=1)
            correlation.append(found.correlation[:, :1])
            margin.append(found.margin)
        n, k = state.phase.shape
        return board, Solution(
            state,
            self.score(board, state),
            np.concatenate(correlation, axis=1),
            np.concatenate(margin, axis=1),
            np.tile(np.eye(3), (n, k, 1, 1)),
            np.full((n, k), np.nan),
        )

    def _steps(self) -> int:
        return _SINGLE if self.n_grains == 1 else _ALONE

    def _match(
        self,
        where: PatchBoard,
        board: PatchBoard,
        like: GrainState | None = None,
        n_candidates: int = 1,
        rank: int = 0,
    ) -> tuple[GrainState, Candidates]:
        """Search the library and begin from what it finds."""
        polar = to_polar(self.library.grid, where.images)
        found = self.library.search(polar, n_candidates)
        state = self._begin(board, found, rank, like)
        return state, found

    def _begin(
        self,
        board: PatchBoard,
        found: Candidates,
        rank: int,
        like: GrainState | None,
    ) -> GrainState:
        one = slice(rank, rank + 1)
        return self.fitter.initial(
            board,
            found.rotation[:, one],
            found.phase[:, one],
            None if like is None else like.shared,
        )

    def score(self, board: PatchBoard, state: GrainState) -> np.ndarray:
        """Give the share of the images that the model does not explain.

        Parameters
        ----------
        board : PatchBoard
            The images.
        state : GrainState
            The model.

        Returns
        -------
        ndarray of shape (n,)
            Sum of (sqrt(image) - sqrt(model))² over the sum of the image.
        """
        model = self.fitter.render(board, state)
        gap = torch.sqrt(board.images) - torch.sqrt(model)
        return (gap * gap).sum(dim=(1, 2)).numpy().astype(np.float64) / TOTAL

    def retry(self, board: PatchBoard, solution: Solution, limit: float) -> None:
        """Try again, from other candidates, where too little is explained.

        Parameters
        ----------
        board : PatchBoard
            The images.
        solution : Solution
            Changed in place where something better is found.
        limit : float
            Scores above it are too high.
        """
        bad = np.flatnonzero(solution.score > limit)
        if not len(bad):
            return
        if self.n_grains == 1:
            self._retry_single(board, solution, bad)
            return
        for keep in range(self.n_grains - 1, -1, -1):
            bad = np.flatnonzero(solution.score > limit)
            if len(bad):
                self._retry_beside(board, solution, bad, keep)
        bad = np.flatnonzero(solution.score > limit)
        if len(bad) and self.n_grains == 2:
            self._retry_pairs(board, solution, bad)

    def _retry_single(
        self, board: PatchBoard, solution: Solution, bad: np.ndarray, n: int = 5
    ) -> None:
        part = board.take(bad)
        found = self.library.search(to_polar(self.library.grid, part.images), n)
        for rank in range(1, found.correlation.shape[1]):
            state = self._begin(part, found, rank, None)
            state = self.fitter.refine(part, state, _SINGLE)
            self._keep(part, solution, bad, state, found, rank, 0)

    def _retry_beside(
        self, board: PatchBoard, solution: Solution, bad: np.ndarray, keep: int
    ) -> None:
        """Look for the other grain beside a kept one (of two), or for the last."""
        part = board.take(bad)
        state = solution.state.take(bad)
        others = [g for g in range(self.n_grains) if g != keep]
        kept = state.grain(keep)
        if self.n_grains > 2:
            replaced = keep
            kept = state.grain(others[0])
            for other in others[1:]:
                kept = join_grains(kept, state.grain(other))
        else:
            replaced = others[0]
        rest = part.less(self.fitter.render(part, kept))
        found = self.library.search(to_polar(self.library.grid, rest.images), 3)
        for rank in range(found.correlation.shape[1]):
            fresh = self._begin(rest, found, rank, kept)
            fresh = self.fitter.refine(rest, fresh, _ALONE)
            joint = self.fitter.refine(part, join_grains(kept, fresh), _TOGETHER)
            order = self._order(replaced)
            self._keep(
                part, solution, bad, _reorder(joint, order), found, rank, replaced
            )

    def _order(self, replaced: int) -> list[int]:
        """Say where each grain of (kept ones, fresh one) belongs."""
        order = list(range(self.n_grains - 1))
        order.insert(replaced, self.n_grains - 1)
        return order

    def _retry_pairs(
        self, board: PatchBoard, solution: Solution, bad: np.ndarray
    ) -> None:
        """Begin again from six first grains and two second ones for each."""
        part = board.take(bad)
        found = self.library.search(to_polar(self.library.grid, part.images), 6)
        for rank in range(found.correlation.shape[1]):
            first = self._begin(part, found, rank, None)
            first = self.fitter.refine(part, first, _ALONE)
            rest = part.less(self.fitter.render(part, first))
            second = self.library.search(to_polar(self.library.grid, rest.images), 2)
            for other in range(second.correlation.shape[1]):
                fresh = self._begin(rest, second, other, first)
                fresh = self.fitter.refine(rest, fresh, _ALONE)
                joint = self.fitter.refine(part, join_grains(first, fresh), _TOGETHER)
                better = self._keep(part, solution, bad, joint, found, rank, 0)
                rows = bad[better]
                solution.correlation[rows, 1] = second.correlation[better, other]
                solution.margin[rows, 1] = second.margin[better, 0]

    def _keep(
        self,
        board: PatchBoard,
        solution: Solution,
        rows: np.ndarray,
        state: GrainState,
        found: Candidates,
        rank: int,
        grain: int,
    ) -> np.ndarray:
        """Take a state over where it explains more; say where."""
        score = self.score(board, state)
        better = score < solution.score[rows]
        taken = rows[better]
        fresh = state.take(better)
        for name in ("rotation", "phase", "log_amplitude", "shared"):
            getattr(solution.state, name)[taken] = getattr(fresh, name)
        solution.score[taken] = score[better]
        solution.correlation[taken, grain] = found.correlation[better, rank]
        solution.margin[taken, grain] = found.margin[better, 0]
        return np.asarray(better)

    def finish(self, board: PatchBoard, solution: Solution) -> Solution:
        """Test every grain against its twin.

        Parameters
        ----------
        board : PatchBoard
            The images.
        solution : Solution
            What was found.

        Returns
        -------
        Solution
            With twins and their margins, the brighter grain first.
        """
        state, twin, margin = choose_twins(self.fitter, board, solution.state)
        solution.state = state
        solution.score = self.score(board, state)
        solution.twin, solution.twin_margin = twin, margin
        return solution


def _reorder(state: GrainState, order: list[int]) -> GrainState:
    """Put the grains into another order."""
    return GrainState(
        state.rotation[:, order],
        state.phase[:, order],
        state.log_amplitude[:, order],
        state.shared,
    )

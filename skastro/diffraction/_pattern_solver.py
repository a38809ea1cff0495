"""Match, refine, erase, match again: from images to the grains in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skastro.diffraction._erase_template import erase_template
from skastro.diffraction._grain_fit import TOTAL, GrainFitter
from skastro.diffraction._grain_state import GrainState, choose_states, join_grains
from skastro.diffraction._library import Candidates, TemplateLibrary, to_polar
from skastro.diffraction._patches import PatchBoard
from skastro.diffraction._retry import retry
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
    chance: np.ndarray  # (n, k)
    brightness: np.ndarray  # (n, k), modelled intensity
    twin: np.ndarray  # (n, k, 3, 3)
    twin_margin: np.ndarray  # (n, k)

    def put(self, rows: np.ndarray, other: Solution, which: np.ndarray) -> None:
        """Replace images by some of another solution."""
        for name in ("rotation", "phase", "log_amplitude", "shared"):
            getattr(self.state, name)[rows] = getattr(other.state, name)[which]
        for name in ("score", "correlation", "margin", "chance"):
            getattr(self, name)[rows] = getattr(other, name)[which]


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
    erase : bool, default=True
        Whether a grain is removed before the next is looked for.
    refine : bool, default=True
        Whether to fit after the search.
    erase_threshold : float, default=0.02
        Of templates, where nothing is fitted.
    """

    def __init__(
        self,
        library: TemplateLibrary,
        fitter: GrainFitter,
        n_grains: int,
        *,
        erase: bool = True,
        refine: bool = True,
        erase_threshold: float = 0.02,
    ) -> None:
        self.library = library
        self.fitter = fitter
        self.n_grains = n_grains
        self.erase = erase
        self.refine = refine
        self.erase_threshold = erase_threshold

    def solve(
        self, images: Tensor, limit: float, proposals: np.ndarray | None = None
    ) -> Solution:
        """Find the grains.

        Parameters
        ----------
        images : Tensor of shape (n, h, w), float32
            Not negative.
        limit : float
            Images with a higher score are tried again.
        proposals : ndarray of shape (n, k, 3), default=None
            Beam directions to begin from; None searches the whole library.

        Returns
        -------
        Solution
            Of n images.
        """
        if not self.refine:
            return self._coarse(images)
        board = self.fitter.board(images)
        if proposals is None:
            solution = self.first_pass(board)
        else:
            solution = self._proposed(board, proposals)
            self._search_again(board, solution, limit)
        if self.erase:
            retry(self, board, solution, limit)
        return self.finish(board, solution)

    def _coarse(self, images: Tensor) -> Solution:
        """Take the best templates as they are."""
        polar = to_polar(self.library.grid, images)
        found = []
        for grain in range(self.n_grains):
            if self.erase or not grain:
                found.append((self.library.search(polar), self.library.chance(polar)))
                if self.erase:
                    polar = erase_template(
                        self.library, polar, found[-1][0], self.erase_threshold
                    )
            else:
                zones = np.column_stack([f.zone[:, 0] for f, _ in found])
                found.append((self.library.search_beside(polar, zones), found[0][1]))
        n, k = len(images), self.n_grains

        def joined(name: str) -> np.ndarray:
            return np.concatenate([getattr(f, name)[:, :1] for f, _ in found], axis=1)

        state = GrainState(
            joined("rotation"),
            joined("phase"),
            np.full((n, k), np.nan),
            np.tile(self.fitter.start, (n, 1)),
        )
        return Solution(
            state,
            score=np.full(n, np.nan),
            correlation=joined("correlation"),
            margin=joined("margin"),
            chance=np.stack([c for _, c in found], axis=1),
            brightness=np.full((n, k), np.nan),
            twin=np.full((n, k, 3, 3), np.nan),
            twin_margin=np.full((n, k), np.nan),
        )

    def _proposed(self, board: PatchBoard, proposals: np.ndarray) -> Solution:
        """Begin from directions that something else has found."""
        polar = to_polar(self.library.grid, board.images)
        found = [
            self.library.search_near(polar, proposals[:, grain])
            for grain in range(self.n_grains)
        ]
        found = self.library.far_margins(polar, found)
        state = self.begin(board, found[0], 0, None)
        for other in found[1:]:
            state = join_grains(state, self.begin(board, other, 0, None))
        state = self.fitter.refine(board, state, _SINGLE, held=_ALONE)
        chance = self.library.chance(polar)
        return self._solution(board, state, found, [chance] * self.n_grains)

    def _search_again(
        self, board: PatchBoard, solution: Solution, limit: float
    ) -> None:
        """Search the whole library where a proposal led nowhere."""
        bad = np.flatnonzero(solution.score > limit)
        if not len(bad):
            return
        other = self.first_pass(board.take(bad))
        better = other.score < solution.score[bad]
        solution.put(bad[better], other, better)

    def first_pass(self, board: PatchBoard) -> Solution:
        """Find the grains one after the other, and refine them together.

        Parameters
        ----------
        board : PatchBoard
            The images.

        Returns
        -------
        Solution
            Without twins so far.
        """
        polar = to_polar(self.library.grid, board.images)
        found = self.library.search(polar)
        zones = found.zone[:, :1]
        state = self.begin(board, found, 0, None)
        state = self.fitter.refine(
            board, state, _SINGLE if self.n_grains == 1 else _ALONE, held=_ALONE
        )
        founds, chance = [found], [self.library.chance(polar)]
        for _ in range(1, self.n_grains):
            rest = board.less(self.fitter.render(board, state)) if self.erase else board
            polar = to_polar(self.library.grid, rest.images)
            if self.erase:
                found = self.library.search(polar)
            else:
                found = self.library.search_beside(polar, zones)
            zones = np.column_stack([zones, found.zone[:, 0]])
            other = self.begin(rest, found, 0, state)
            other = self.fitter.refine(rest, other, _ALONE, held=_ALONE)
            state = self._together(board, state, other)
            founds.append(found)
            chance.append(self.library.chance(polar))
        return self._solution(board, state, founds, chance)

    def _solution(
        self,
        board: PatchBoard,
        state: GrainState,
        found: list[Candidates],
        chance: list[np.ndarray],
    ) -> Solution:
        """Put together what is known before the twins are."""
        n, k = state.phase.shape
        return Solution(
            state,
            self.score(board, state),
            np.concatenate([f.correlation[:, :1] for f in found], axis=1),
            np.concatenate([f.margin for f in found], axis=1),
            chance=np.stack(chance, axis=1),
            brightness=np.full((n, k), np.nan),
            twin=np.full((n, k, 3, 3), np.nan),
            twin_margin=np.full((n, k), np.nan),
        )

    def _together(
        self, board: PatchBoard, state: GrainState, other: GrainState
    ) -> GrainState:
        """Refine all grains at once, where that explains more than without the last."""
        joint = join_grains(state, other)
        refined = self.fitter.refine(board, joint, _TOGETHER, damping=1)
        worse = self.score(board, refined) > self.score(board, state)
        # What is no grain can pull the true one away: it keeps its place then.
        return choose_states(worse, joint, refined) if worse.any() else refined

    def begin(
        self,
        board: PatchBoard,
        found: Candidates,
        rank: int,
        like: GrainState | None,
    ) -> GrainState:
        """Start a fit from a candidate.

        Parameters
        ----------
        board : PatchBoard
            The images.
        found : Candidates
            Of each image.
        rank : int
            Which candidate.
        like : GrainState or None
            Whose camera to start from.

        Returns
        -------
        GrainState
            Of one grain.
        """
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
            Sum of (sqrt(image) - sqrt(model))² over the sum of the image; NaN where
            that is 0.
        """
        model = self.fitter.render(board, state)
        gap = board.root - torch.sqrt(model)
        score = (gap * gap).sum(dim=(1, 2)).numpy().astype(np.float64) / TOTAL
        # An empty image has nothing to explain: that must not pass for a perfect fit.
        return np.where(board.empty, np.nan, score)

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
            With twins, their margins and the grains' intensities.
        """
        state, twin, margin = choose_twins(self.fitter, board, solution.state)
        solution.state = state
        solution.score = self.score(board, state)
        solution.twin, solution.twin_margin = twin, margin
        solution.brightness = self.fitter.brightness(state)
        return solution

"""Gauss-Newton refinement of the grains in a pattern."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation
from torch import Tensor

from skastro.diffraction._grain_state import GrainState
from skastro.diffraction._patches import PatchBoard
from skastro.diffraction._simulator import KinematicSimulator

# Images are brought to this sum: the weights of priors refer to it.
TOTAL = 1e4

# Standard deviations of the priors: centre in pixels, logarithms of scale, relrod
# width and spot width.
_PRIOR = np.array([2.0, 2.0, 0.02, 0.3, 0.15])

# Precision of what is held, and where the relrods' width is among the shared values.
_HELD = 1e12
_RELROD = 3

# No step turns a grain further than this, in radians: |s| changes by the width of a
# relrod then.
_LONGEST_STEP = 0.02

# A spot's variance holds this share of the strongest one: the model is not exact.
_FLOOR = 0.005

# Parameters of a grain (three of the rotation, one amplitude), and shared ones.
_OWN, _SHARED = 4, 5


class _Spots(NamedTuple):
    """All predicted spots of all images, ordered by image and grain."""

    owner: np.ndarray  # image * k + grain
    g: np.ndarray  # (m, 3), in the lab
    intensity: np.ndarray
    by_s: np.ndarray  # d ln I / d s, times d s / d gz
    by_width: np.ndarray  # d ln I / d ln width


class GrainFitter:
    """Fits orientations, amplitudes and the camera to images.

    Parameters
    ----------
    simulators : sequence of KinematicSimulator
        One a phase; they share the camera.
    relrod : {"gaussian", "lorentzian"}
        Shape of the relrods.
    fixed : sequence of {"center", "scale", "relrod", "spot"}
        Shared values that are not fitted.
    intensity_weight : float
        Weight of the spots' intensities beside that of their positions.
    """

    def __init__(
        self,
        simulators: Sequence[KinematicSimulator],
        relrod: str,
        fixed: Sequence[str] = (),
        intensity_weight: float = 1.0,
    ) -> None:
        first = simulators[0]
        self.inverse = 1.0 / first.wavelength_
        self.relrod = relrod
        self.cut = 2.5 if relrod == "gaussian" else 1.0
        self.g = [s.reflections_.g for s in simulators]
        self.half = [
            0.5 * first.wavelength_ * np.square(s.reflections_.g_length)
            for s in simulators
        ]
        self.square = [np.square(s.reflections_.g_length) for s in simulators]
        self.strength = [s._strength for s in simulators]
        self.intensity_weight = intensity_weight
        self.start = np.array(
            [
                *first.center_,
                -np.log(first.scale_),
                np.log(first.relrod_width),
                np.log(first.spot_sigma),
            ]
        )
        names = ("center", "center", "scale", "relrod", "spot")
        held = np.isin(names, list(fixed))
        self.precision = np.where(held, _HELD, 1.0 / np.square(_PRIOR))
        self.slack = first.wavelength_ * (0.2 + first.wavelength_ * first.max_g**2) ** 2

    def board(self, images: Tensor) -> PatchBoard:
        """Lay images out for fitting.

        Parameters
        ----------
        images : Tensor of shape (n, h, w), float32
            Not negative.

        Returns
        -------
        PatchBoard
            The images, each of sum `TOTAL`.
        """
        return PatchBoard(images, sigma=float(np.exp(self.start[4])))

    def initial(
        self,
        board: PatchBoard,
        rotation: np.ndarray,
        phase: np.ndarray,
        shared: np.ndarray | None = None,
    ) -> GrainState:
        """Begin with given orientations; amplitudes follow from the images.

        Parameters
        ----------
        board : PatchBoard
            n images.
        rotation : ndarray of shape (n, k, 3, 3)
            Crystal to lab.
        phase : ndarray of shape (n, k)
            Number of the crystal.
        shared : ndarray of shape (n, 5), default=None
            Values of the camera; None takes those of the simulators.

        Returns
        -------
        GrainState
            With amplitudes.
        """
        n, k = phase.shape
        state = GrainState(
            rotation,
            phase,
            np.zeros((n, k)),
            np.tile(self.start, (n, 1)) if shared is None else shared,
        )
        spots = self._spots(state)
        seen = board.project(*self._place(state, spots), with_shift=False)[0]
        total = np.bincount(spots.owner, spots.intensity, minlength=n * k)
        found = np.bincount(spots.owner, np.maximum(seen, 0), minlength=n * k)
        ratio = np.maximum(found, 1e-3 * TOTAL) / np.maximum(total, 1e-12)
        return replace(state, log_amplitude=np.log(ratio).reshape(n, k))

    def _spots(self, state: GrainState) -> _Spots:
        """Predict which reflections are seen, and how bright."""
        n, k = state.phase.shape
        matrices = state.rotation.reshape(n * k, 3, 3)
        phase = state.phase.ravel()
        width = np.repeat(np.exp(state.shared[:, 3]), k)
        amplitude = np.exp(state.log_amplitude).ravel()
        parts = []
        for number, g in enumerate(self.g):
            mine = np.flatnonzero(phase == number)
            if not len(mine):
                continue
            gz = matrices[mine, 2] @ g.T
            limit = self.cut * width[mine, None] + self.slack
            row, index = np.nonzero(np.abs(gz - self.half[number]) < limit)
            z = gz[row, index]
            owner = mine[row]
            root = np.sqrt(self.inverse**2 - self.square[number][index] + z * z)
            s = self.inverse - root - z
            w = width[owner]
            near = np.abs(s) < self.cut * w
            owner, index, z, s, w = (a[near] for a in (owner, index, z, s, w))
            root = root[near]
            x = s / w
            if self.relrod == "gaussian":
                weight = np.exp(-0.5 * x * x)
                slope, by_width = -x / w, x * x
            else:
                weight = 1.0 / ((np.pi * x) ** 2 + 1.0)
                slope = -2 * np.pi**2 * x / w * weight
                by_width = 2 * (np.pi * x) ** 2 * weight
            lab = np.empty((len(owner), 3))
            lab[:, :2] = np.einsum("nij,nj->ni", matrices[owner, :2], g[index])
            lab[:, 2] = z
            intensity = amplitude[owner] * self.strength[number][index] * weight
            # |g| is constant, so that s changes with gz alone.
            parts.append((owner, lab, intensity, -slope * (1 + z / root), by_width))
        columns = [np.concatenate(c) for c in zip(*parts, strict=True)]
        if len(parts) > 1:
            order = np.argsort(columns[0], kind="stable")
            columns = [c[order] for c in columns]
        return _Spots(*columns)

    def _place(
        self, state: GrainState, spots: _Spots
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Give image, row, column and width of each spot."""
        image = spots.owner // state.phase.shape[1]
        shared = state.shared[image]
        pixels = np.exp(shared[:, 2])
        row = shared[:, 0] + pixels * spots.g[:, 1]
        col = shared[:, 1] + pixels * spots.g[:, 0]
        return image, row, col, np.exp(shared[:, 4])

    def brightness(self, state: GrainState) -> np.ndarray:
        """Sum the modelled spots of each grain.

        Parameters
        ----------
        state : GrainState
            The model.

        Returns
        -------
        ndarray of shape (n, k)
            In counts.
        """
        spots = self._spots(state)
        shape = state.phase.shape
        total = np.bincount(spots.owner, spots.intensity, minlength=shape[0] * shape[1])
        return total.reshape(shape)

    def render(self, board: PatchBoard, state: GrainState) -> Tensor:
        """Draw the model.

        Parameters
        ----------
        board : PatchBoard
            Of the images.
        state : GrainState
            What to draw.

        Returns
        -------
        Tensor of shape (n, h, w)
            In the units of the board.
        """
        spots = self._spots(state)
        return board.draw(*self._place(state, spots), spots.intensity)

    def refine(
        self,
        board: PatchBoard,
        state: GrainState,
        steps: int,
        *,
        damping: int = 2,
        held: int = 2,
    ) -> GrainState:
        """Take Gauss-Newton steps.

        Parameters
        ----------
        board : PatchBoard
            The images.
        state : GrainState
            Where to begin.
        steps : int
            How many steps.
        damping : int, default=2
            So many of the first ones are damped more.
        held : int, default=2
            In so many of the first ones the relrods' width stays as it is: while the
            tilt is off, both would run away from the truth together.

        Returns
        -------
        GrainState
            Where it ends.
        """
        for number in range(steps):
            precision = self.precision.copy()
            if number < held:
                precision[_RELROD] = _HELD
            strength = 1e-2 if number < damping else 1e-4
            state = self._step(board, state, strength, precision)
        return state

    def _step(
        self,
        board: PatchBoard,
        state: GrainState,
        damping: float,
        precision: np.ndarray,
    ) -> GrainState:
        n, k = state.phase.shape
        spots = self._spots(state)
        image, row, col, sigma = self._place(state, spots)
        seen = board.project(image, row, col, sigma, intensity=spots.intensity)
        gap, along_col, along_row, wider, usable = seen
        strongest = np.zeros(n)
        np.maximum.at(strongest, image, spots.intensity)
        variance = np.maximum(spots.intensity, spots.intensity + gap)
        variance += _FLOOR * strongest[image]
        base = usable / np.maximum(variance, 1e-12)
        by_intensity = np.sqrt(base * np.pi * sigma**2 * self.intensity_weight)
        by_position = np.sqrt(base * np.pi / 2)
        jacobian = self._jacobian(state, spots, image)
        jacobian[:, 0] *= by_intensity[:, None]
        jacobian[:, 1:3] *= by_position[:, None, None]
        jacobian[:, 3] *= by_intensity[:, None]
        data = np.stack(
            [
                gap * by_intensity,
                along_col * by_position,
                along_row * by_position,
                (gap + wider) * by_intensity,
            ],
            axis=1,
        )
        matrix, right = self._normal_equations(n, k, spots.owner, jacobian, data)
        shared = slice(_OWN * k, None)
        diagonal = np.arange(_OWN * k + _SHARED)
        matrix[:, diagonal[shared], diagonal[shared]] += precision
        # What is held is held where it is; what is free is drawn to where it began.
        pull = np.where(precision >= _HELD, 0.0, self.start - state.shared)
        right[:, shared] += precision * pull
        # A grain without a usable spot stays where it is.
        matrix[:, diagonal, diagonal] *= 1 + damping
        matrix[:, diagonal, diagonal] += 1e-9
        step = np.linalg.solve(matrix, right[..., None])[..., 0]
        return self._move(state, step)

    def _jacobian(
        self, state: GrainState, spots: _Spots, image: np.ndarray
    ) -> np.ndarray:
        """Give the derivatives of what is measured of each spot.

        Rows: intensity less widening, intensity times column, times row, and widening;
        this combination makes the four independent. Columns: rotation about the lab's
        x, y and z, amplitude, centre (row, column), and three logarithms.
        """
        x, y, z = spots.g.T
        value = spots.intensity
        pixels = np.exp(state.shared[image, 2]) * value
        jacobian = np.zeros((len(value), 4, _OWN + _SHARED))
        # d g = omega x g.
        fall = value * spots.by_s
        jacobian[:, 0, 0] = fall * y
        jacobian[:, 0, 1] = -fall * x
        jacobian[:, 0, 3] = value
        jacobian[:, 0, 7] = value * spots.by_width
        jacobian[:, 0, 8] = -value
        jacobian[:, 1, 1] = pixels * z
        jacobian[:, 1, 2] = -pixels * y
        jacobian[:, 1, 5] = value
        jacobian[:, 1, 6] = pixels * x
        jacobian[:, 2, 0] = -pixels * z
        jacobian[:, 2, 2] = pixels * x
        jacobian[:, 2, 4] = value
        jacobian[:, 2, 6] = pixels * y
        jacobian[:, 3, 8] = value
        return jacobian

    @staticmethod
    def _normal_equations(
        n: int, k: int, owner: np.ndarray, jacobian: np.ndarray, data: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sum over the spots of each grain, and put the grains together."""
        size = _OWN + _SHARED
        products = np.matmul(jacobian.transpose(0, 2, 1), jacobian)
        rights = np.matmul(jacobian.transpose(0, 2, 1), data[..., None])[..., 0]
        each = np.zeros((n * k, size, size))
        right = np.zeros((n * k, size))
        present, start = np.unique(owner, return_index=True)
        if len(present):
            each[present] = np.add.reduceat(products, start, axis=0)
            right[present] = np.add.reduceat(rights, start, axis=0)
        blocks = each.reshape(n, k, size, size)
        sides = right.reshape(n, k, size)
        total = _OWN * k + _SHARED
        matrix = np.zeros((n, total, total))
        joined = np.zeros((n, total))
        for grain in range(k):
            own = slice(_OWN * grain, _OWN * (grain + 1))
            matrix[:, own, own] = blocks[:, grain, :_OWN, :_OWN]
            matrix[:, own, _OWN * k :] = blocks[:, grain, :_OWN, _OWN:]
            matrix[:, _OWN * k :, own] = blocks[:, grain, _OWN:, :_OWN]
            joined[:, own] = sides[:, grain, :_OWN]
        matrix[:, _OWN * k :, _OWN * k :] = blocks[:, :, _OWN:, _OWN:].sum(axis=1)
        joined[:, _OWN * k :] = sides[:, :, _OWN:].sum(axis=1)
        return matrix, joined

    def _move(self, state: GrainState, step: np.ndarray) -> GrainState:
        """Apply a step, no longer than it can be trusted."""
        n, k = state.phase.shape
        own = step[:, : _OWN * k].reshape(n, k, _OWN)
        turn = own[..., :3]
        length = np.linalg.norm(turn, axis=2, keepdims=True)
        turn = turn * np.minimum(1.0, _LONGEST_STEP / np.maximum(length, 1e-300))
        spin = Rotation.from_rotvec(turn.reshape(-1, 3)).as_matrix()
        limit = np.array([1.0, 1.0, 0.01, 0.2, 0.1])
        shared = np.clip(step[:, _OWN * k :], -limit, limit)
        far = 4 * _PRIOR
        return GrainState(
            spin.reshape(n, k, 3, 3) @ state.rotation,
            state.phase,
            state.log_amplitude + np.clip(own[..., 3], -1.0, 1.0),
            np.clip(state.shared + shared, self.start - far, self.start + far),
        )

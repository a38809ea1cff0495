"""From the solver's arrays to a result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skastro.diffraction._orientation_result import OrientationResult
from skastro.diffraction._pattern_solver import Solution
from skastro.diffraction._simulator import KinematicSimulator
from skastro.utils import fold_directions
from skastro.utils._laue import SECTOR_DIRECTION

# Two grains of one phase nearer than this are the same one.
_SAME_DEG = 2.0


def make_result(
    simulators: Sequence[KinematicSimulator],
    solutions: Sequence[Solution],
    settings: dict[str, Any],
    limit: float,
    scan: tuple[int, int] | None,
) -> OrientationResult:
    """Put solutions together and judge them.

    Parameters
    ----------
    simulators : sequence of KinematicSimulator
        One a phase.
    solutions : sequence of Solution
        Of pieces of the patterns.
    settings : dict
        Parameters of `TemplateMatcher`.
    limit : float
        Scores above it are flagged.
    scan : (rows, columns) or None
        Shape of the scan.

    Returns
    -------
    OrientationResult
        Of all patterns.
    """

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(s, name) for s in solutions])

    def fitted(name: str) -> np.ndarray:
        return np.concatenate([getattr(s.state, name) for s in solutions])

    rotation, phase, shared = fitted("rotation"), fitted("phase"), fitted("shared")
    brightness = joined("brightness")
    total = brightness.sum(axis=1, keepdims=True)
    share = brightness / np.where(total > 0, total, 1.0)
    order = np.argsort(-np.nan_to_num(share), axis=1, kind="stable")

    def sort(values: np.ndarray) -> np.ndarray:
        index = order.reshape(*order.shape, *[1] * (values.ndim - 2))
        return np.take_along_axis(values, index, axis=1)

    rotation, phase, share = sort(rotation), sort(phase), sort(share)
    operations = [s.crystal_.point_operations for s in simulators]
    rotation = _canonical(rotation, phase, operations)
    score = joined("score")
    contrast = sort(joined("correlation")) / np.maximum(sort(joined("chance")), 1e-3)
    valid = contrast >= settings["min_contrast"]
    valid &= ~(share < settings["min_share"])
    twin = sort(joined("twin"))
    valid &= ~_repeated(rotation, twin, phase, operations)
    valid &= ~(score > settings["max_score"])[:, None]
    return OrientationResult(
        crystals=tuple(s.crystal_ for s in simulators),
        rotation_matrices=rotation,
        directions=_folded(rotation, phase, operations),
        phase=phase,
        share=share,
        correlation=sort(joined("correlation")),
        margin=sort(joined("margin")),
        contrast=contrast,
        score=score,
        residual_flag=score > limit,
        valid=valid,
        twin_directions=_folded(twin, phase, operations),
        twin_margin=sort(joined("twin_margin")),
        center=shared[:, :2],
        scale=np.exp(-shared[:, 2]),
        relrod_width=np.exp(shared[:, 3]),
        spot_sigma=np.exp(shared[:, 4]),
        scan_shape=scan,
    )


def _folded(
    rotation: np.ndarray, phase: np.ndarray, operations: Sequence[np.ndarray]
) -> np.ndarray:
    """Give beam directions in the standard sector of each phase."""
    u = rotation[..., 2, :].copy()
    for number, group in enumerate(operations):
        mine = (phase == number) & np.isfinite(u).all(axis=-1)
        if mine.any():
            u[mine] = fold_directions(u[mine], group)
    return u


def _canonical(
    rotation: np.ndarray, phase: np.ndarray, operations: Sequence[np.ndarray]
) -> np.ndarray:
    """Take the equivalent whose beam direction is nearest to the sector."""
    out = rotation.copy()
    for number, group in enumerate(operations):
        mine = phase == number
        # R O^T has the beam direction O u.
        u = rotation[mine][:, 2, :]
        nearness = np.einsum("nj,oij,i->no", u, group, SECTOR_DIRECTION)
        best = group[nearness.argmax(axis=1)]
        out[mine] = rotation[mine] @ best.transpose(0, 2, 1)
    return out


def _repeated(
    rotation: np.ndarray,
    twin: np.ndarray,
    phase: np.ndarray,
    operations: Sequence[np.ndarray],
) -> np.ndarray:
    """Find grains that are a brighter one, or its twin, once more."""
    n, k = phase.shape
    again = np.zeros((n, k), dtype=bool)
    for late in range(1, k):
        for early in range(late):
            for number, group in enumerate(operations):
                both = (phase[:, late] == number) & (phase[:, early] == number)
                found = rotation[both, late]
                for other in (rotation[both, early], twin[both, early]):
                    trace = np.einsum("nij,ojk,nik->no", other, group, found)
                    cosine = (trace.max(axis=1) - 1) / 2
                    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
                    # Without refinement there is no twin, and NaN is no repetition.
                    again[both, late] |= angle < _SAME_DEG
    return again

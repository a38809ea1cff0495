"""What the files of orientation maps have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from skastro.diffraction._crystal import _basis
from skastro.diffraction._orientation import bunge_angles
from skastro.utils import proper_operations
from skastro.utils._atomic import replacing
from skastro.utils._laue import LAUE_GROUPS
from skastro.utils._real_array import real_array

_NM_PER_UM = 1000.0

# Decimals of positions in µm: a ten-thousandth of a nanometre.
POSITION_DECIMALS = 7


class OrientationTable(NamedTuple):
    """A map, point by point, x running fastest."""

    # Rows and columns of the scan, and their steps in µm.
    shape: tuple[int, int]
    step: tuple[float, float]
    # Bunge angles in radians, (n, 3).
    euler: np.ndarray
    # Number of the phase from 1, and 0 for points that are not indexed, (n,).
    phase: np.ndarray
    # Positions in µm, (n,).
    x: np.ndarray
    y: np.ndarray


def make_table(
    rotations: Rotation,
    *,
    scan_shape: Sequence[int],
    step: Any,
    phases: Sequence[Any],
    phase_ids: Any,
    invalid: Any,
    frames: Sequence[np.ndarray],
) -> OrientationTable:
    """Check a map, and turn its rotations into Bunge angles.

    Parameters
    ----------
    rotations : Rotation
        Of n points, crystal to lab.
    scan_shape : (rows, columns)
        Whose product is n.
    step : float or (row step, column step)
        In nm.
    phases : sequence of Crystal
        Whose number is the phase.
    phase_ids : array-like of shape (n,) or None
        Index into phases; -1 where not indexed. None is 0 everywhere.
    invalid : array-like of shape (n,) or None
        True where not indexed.
    frames : sequence of ndarray of shape (3, 3)
        One for each phase: its rows are the axes of the Cartesian frame that the format
        gives the crystal, in our crystal frame.

    Returns
    -------
    OrientationTable
        The map.

    Raises
    ------
    ValueError
        If shapes do not fit, or a number makes no sense.
    """
    size = np.asarray(scan_shape)
    if size.shape != (2,) or size.dtype.kind not in "iu" or (size < 1).any():
        raise ValueError(f"scan_shape must be (rows, columns), got {scan_shape!r}.")
    shape = int(size[0]), int(size[1])
    n = shape[0] * shape[1]
    if not isinstance(rotations, Rotation):
        raise TypeError(
            f"rotations must be a scipy Rotation, got {type(rotations).__name__}."
        )
    matrices = np.asarray(rotations.as_matrix()).reshape(-1, 3, 3)
    if len(matrices) != n:
        raise ValueError(
            f"A scan of {shape[0]} x {shape[1]} points needs {n} rotations, got "
            f"{len(matrices)}."
        )
    steps = real_array(step, "step") / _NM_PER_UM
    steps = steps.round(POSITION_DECIMALS)
    if steps.shape not in ((), (2,)) or not (np.isfinite(steps) & (steps > 0)).all():
        raise ValueError(
            "step must be one or two positive numbers in nm, at least 0.0001, got "
            f"{step!r}."
        )
    steps = np.broadcast_to(steps, (2,))
    phase = _phase_numbers(n, len(phases), phase_ids, invalid)
    euler = np.zeros((n, 3))
    for number, frame in enumerate(frames, start=1):
        mine = phase == number
        if mine.any():
            to_lab = Rotation.from_matrix(matrices[mine] @ frame.T)
            euler[mine] = bunge_angles(to_lab, degrees=False)
    rows, columns = np.divmod(np.arange(n), shape[1])
    return OrientationTable(
        shape=shape,
        step=(float(steps[0]), float(steps[1])),
        euler=euler,
        phase=phase,
        x=columns * steps[1],
        y=rows * steps[0],
    )


def _phase_numbers(n: int, n_phases: int, phase_ids: Any, invalid: Any) -> np.ndarray:
    if n_phases < 1:
        raise ValueError("There must be at least one phase.")
    if phase_ids is None:
        if n_phases > 1:
            raise ValueError(f"With {n_phases} phases, phase_ids must be given.")
        phase_ids = np.zeros(n, dtype=np.intp)
    ids = np.asarray(phase_ids).reshape(-1)
    if len(ids) != n or ids.dtype.kind not in "iu":
        raise ValueError(
            f"phase_ids must be {n} integers, got {ids.dtype} {ids.shape}."
        )
    if ids.min() < -1 or ids.max() >= n_phases:
        raise ValueError(
            f"phase_ids must be from -1 (not indexed) to {n_phases - 1}, got "
            f"{ids.min()} to {ids.max()}."
        )
    phase = ids.astype(np.intp) + 1
    if invalid is not None:
        mask = np.asarray(invalid).reshape(-1)
        if len(mask) != n or mask.dtype.kind != "b":
            raise ValueError(f"invalid must be {n} booleans.")
        phase[mask] = 0
    return phase


def quality(
    values: Any, table: OrientationTable, name: str, *, most: float, missing: float
) -> np.ndarray:
    """Check one number per point; points that are not indexed get their own.

    Parameters
    ----------
    values : array-like of shape (n,) or None
        None is 0.
    table : OrientationTable
        The map.
    name : str
        For the message.
    most : float
        Values are between 0 and this.
    missing : float
        Value of points that are not indexed.

    Returns
    -------
    ndarray of shape (n,)
        One number a point.

    Raises
    ------
    ValueError
        If shape or range do not fit.
    """
    n = len(table.phase)
    indexed = table.phase > 0
    out = np.full(n, float(missing))
    if values is None:
        out[indexed] = 0.0
        return out
    array = np.asarray(values, dtype=np.float64).reshape(-1)
    if len(array) != n:
        raise ValueError(f"{name} must have {n} values, got {len(array)}.")
    good = array[indexed]
    # Written so that NaN fails.
    if not ((good >= 0) & (good <= most) & np.isfinite(good)).all():
        limit = f"between 0 and {most:g}" if math.isfinite(most) else "not negative"
        raise ValueError(f"{name} must be finite and {limit} where a point is indexed.")
    out[indexed] = good
    return out


def laue_code(phase: Any, codes: dict[str, int]) -> int:
    """Give the number that a format has for the Laue group of a phase."""
    if phase.laue_group not in codes:
        raise ValueError(
            f"The Laue group of {phase.name!r} must be one of "
            f"{', '.join(LAUE_GROUPS)}, got {phase.laue_group!r}."
        )
    operations = getattr(phase, "point_operations", None)
    if operations is not None:
        named = proper_operations(phase.laue_group)
        gap = np.abs(operations[:, None] - named).max(axis=(2, 3)).min(axis=1)
        if gap.max() > 1e-3:
            raise ValueError(
                f"The axes of {phase.name!r} are in a setting of {phase.laue_group!r} "
                "that the format has no number for. Describe the crystal by "
                "conventional axes (hexagonal ones, or unique axis b)."
            )
    return codes[phase.laue_group]


def clean_name(phase: Any) -> str:
    """Give the name of a phase, which must fit into a line."""
    name = str(phase.name).strip()
    if not name or not name.isprintable():
        raise ValueError(f"A phase needs a name of printable characters, got {name!r}.")
    return name


def reciprocal_frame(cell: Sequence[float]) -> np.ndarray:
    """Give the axes x along a*, y, z along c as rows, in our crystal frame."""
    _, b, c = _basis(tuple(float(v) for v in cell))
    x = np.cross(b, c)
    x /= np.linalg.norm(x)
    z = c / np.linalg.norm(c)
    return np.stack([x, np.cross(z, x), z])


def crystal_frames(
    phases: Sequence[Any], crystal_frame: str, reciprocal: Sequence[str]
) -> list[np.ndarray]:
    """Give the frame of each phase.

    Parameters
    ----------
    phases : sequence of Crystal
        The phases.
    crystal_frame : {"vendor", "skastro"}
        As users gave it.
    reciprocal : sequence of str
        Laue groups whose x is along a* and z along c in the format.

    Returns
    -------
    list of ndarray of shape (3, 3)
        Rows are the axes, in our crystal frame.

    Raises
    ------
    ValueError
        If ``crystal_frame`` is neither.
    """
    if crystal_frame not in ("vendor", "skastro"):
        raise ValueError(
            f'crystal_frame must be "vendor" or "skastro", got {crystal_frame!r}.'
        )
    for phase in phases:
        if not hasattr(phase, "cell") or not hasattr(phase, "laue_group"):
            raise TypeError(f"phases must be crystals, got {phase!r}.")
    return [
        reciprocal_frame(phase.cell)
        if crystal_frame == "vendor" and phase.laue_group in reciprocal
        else np.eye(3)
        for phase in phases
    ]


def write_text(path: str | Path, text: str) -> None:
    """Write a file under another name and rename it: all of it or nothing."""
    with replacing(path) as work, work.open("x", encoding="utf-8", newline="") as file:
        file.write(text)

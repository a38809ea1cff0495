"""Spots drawn over a pattern, and the model that they make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import nnls
from scipy.spatial.transform import Rotation

from skastro.diffraction._crystal import Crystal
from skastro.diffraction._orientation_result import OrientationResult
from skastro.diffraction._simulator import KinematicSimulator
from skastro.diffraction._spots import SpotList
from skastro.diffraction._standard_sector import format_indices

# Areas of the faintest and the strongest marker, in points².
_AREAS = 14.0, 170.0

# Labels nearer to each other than this share of the field are left out.
_CROWDED = 0.075


def fit_model(
    pattern: np.ndarray,
    spots: Sequence[SpotList],
    center: tuple[float, float],
    scale: float,
    sigma: float,
) -> np.ndarray:
    """Draw the spots of grains with the brightnesses that fit a pattern best.

    Parameters
    ----------
    pattern : ndarray of shape (h, w)
        What was measured.
    spots : sequence of SpotList
        One a grain.
    center : (row, col)
        In pixels.
    scale : float
        1/Å per pixel.
    sigma : float
        Standard deviation of the spots, in pixels.

    Returns
    -------
    ndarray of shape (h, w)
        The sum over grains, whose brightness is found by non-negative least squares.
    """
    if not spots:
        return np.zeros(pattern.shape)
    h, w = pattern.shape
    images = []
    for one in spots:
        down = np.arange(h)[:, None] - (center[0] + one.g[:, 1] / scale)
        right = np.arange(w)[:, None] - (center[1] + one.g[:, 0] / scale)
        by_row = np.exp(-0.5 * np.square(down / sigma)) * one.intensity
        images.append(by_row @ np.exp(-0.5 * np.square(right / sigma)).T)
    rows = np.array(images).reshape(len(spots), -1)
    unit = np.linalg.norm(rows, axis=1)
    unit[unit == 0] = 1.0
    brightness, _ = nnls((rows / unit[:, None]).T, pattern.ravel().astype(np.float64))
    return np.asarray(((brightness / unit) @ rows).reshape(h, w))


def visible(spots: SpotList, extent: Sequence[float], min_intensity: float) -> Any:
    """Find the spots that are inside of the picture and not too faint.

    Parameters
    ----------
    spots : SpotList
        Of one grain.
    extent : (left, right, bottom, top)
        Of the picture, in 1/Å; rows go down.
    min_intensity : float
        Share of the strongest spot.

    Returns
    -------
    ndarray of int
        Which, strongest first.
    """
    left, right, bottom, top = extent
    x, y = spots.g.T
    inside = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
    inside &= spots.intensity > 0
    if not inside.any():
        return np.zeros(0, dtype=int)
    inside &= spots.intensity >= min_intensity * spots.intensity[inside].max()
    chosen = np.flatnonzero(inside)
    return chosen[np.argsort(-spots.intensity[chosen], kind="stable")]


def marker_areas(intensity: np.ndarray) -> np.ndarray:
    """Give markers whose area grows with the root of the intensity.

    Parameters
    ----------
    intensity : ndarray of shape (n_spots,)
        Positive.

    Returns
    -------
    ndarray of shape (n_spots,)
        In points².
    """
    small, large = _AREAS
    top = intensity.max() if len(intensity) else 1.0
    return np.asarray(small + (large - small) * np.sqrt(intensity / top))


def choose_labels(
    spots: SpotList,
    order: np.ndarray,
    n_labels: int,
    field: float,
    taken: list[np.ndarray],
) -> list[int]:
    """Choose strong spots whose labels do not cover others.

    Of two opposite spots, which have opposite indices, one is labelled.

    Parameters
    ----------
    spots : SpotList
        Of one grain.
    order : ndarray of int
        Spots, strongest first.
    n_labels : int
        At most so many.
    field : float
        Width of the picture, in 1/Å.
    taken : list of ndarray of shape (2,)
        Where labels are already; is added to.

    Returns
    -------
    list of int
        Which spots.
    """
    chosen: list[int] = []
    used: set[tuple[int, ...]] = set()
    for i in order:
        if len(chosen) >= n_labels:
            break
        place = spots.g[i]
        if tuple((-spots.hkl[i]).tolist()) in used:
            continue
        if any(np.linalg.norm(place - t) < _CROWDED * field for t in taken):
            continue
        chosen.append(int(i))
        used.add(tuple(spots.hkl[i].tolist()))
        taken.append(place)
    return chosen


def nearest_zone(
    direction: np.ndarray, crystal: Crystal, max_index: int = 5
) -> tuple[np.ndarray, float]:
    """Find the low-index zone axis next to a direction.

    Parameters
    ----------
    direction : ndarray of shape (3,)
        Cartesian, in the crystal frame.
    crystal : Crystal
        Whose indices.
    max_index : int, default=5
        The largest that is tried.

    Returns
    -------
    uvw : ndarray of shape (3,), int
        Of those within 2° that with the smallest sum of indices, else the nearest.
    angle : float
        Distance to it, in degrees.
    """
    steps = np.arange(-max_index, max_index + 1)
    uvw = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    uvw = uvw[np.gcd.reduce(uvw, axis=1) == 1]
    axes = uvw @ crystal.direct_basis
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    chord = np.linalg.norm(axes - direction / np.linalg.norm(direction), axis=1)
    angle = np.degrees(2 * np.arcsin(np.clip(chord / 2, 0, 1)))
    near = angle < 2.0
    size = np.abs(uvw).sum(axis=1) + angle / 1000.0
    best = int(np.where(near, size, np.inf).argmin() if near.any() else angle.argmin())
    return uvw[best], float(angle[best])


def describe_grain(
    number: int, crystal: Crystal, direction: np.ndarray, valid: bool
) -> str:
    """Name a grain for a legend.

    Parameters
    ----------
    number : int
        From 1.
    crystal : Crystal
        Its phase.
    direction : ndarray of shape (3,)
        Its beam direction, Cartesian.
    valid : bool
        Whether it can be trusted.

    Returns
    -------
    str
        Phase, nearest zone axis and how far it is from that.
    """
    uvw, angle = nearest_zone(direction, crystal)
    doubt = "" if valid else ", not valid"
    return f"{number}: {crystal.name} {format_indices(uvw)} + {angle:.1f}°{doubt}"


def result_spots(
    simulators: Sequence[KinematicSimulator], result: OrientationResult, row: int
) -> tuple[list[SpotList], list[str]]:
    """Simulate the grains found in a pattern.

    Parameters
    ----------
    simulators : sequence of KinematicSimulator
        Of the matcher, one a phase.
    result : OrientationResult
        What it found.
    row : int
        Which pattern.

    Returns
    -------
    spots : list of SpotList
        One a grain, with the refined relrods.
    names : list of str
        For the legend.
    """
    grains, names = [], []
    for grain, phase in enumerate(result.phase[row]):
        plain = simulators[phase]
        simulator = KinematicSimulator(
            plain.crystal_,
            voltage_kv=plain.voltage_kv,
            max_g=plain.max_g,
            relrod=plain.relrod,
            relrod_width=float(result.relrod_width[row]),
            b_iso=plain.b_iso,
            intensity_power=plain.intensity_power,
            shape=plain.shape,
            scale=float(result.scale[row]),
        )
        matrix = result.rotation_matrices[row, grain]
        valid = bool(result.valid[row, grain])
        grains.append(simulator.spots(Rotation.from_matrix(matrix[None])))
        names.append(describe_grain(grain + 1, plain.crystal_, matrix[2], valid))
    return grains, names


def draw_bar(ax: Any, extent: Sequence[float]) -> None:
    """Replace axes by a bar of a round length.

    Parameters
    ----------
    ax : matplotlib Axes
        To be changed.
    extent : (left, right, bottom, top)
        Of the picture, in 1/Å.
    """
    left, right, bottom, top = extent
    wish = 0.25 * (right - left)
    steps = np.outer(10.0 ** np.arange(-3, 2), [1.0, 2.0, 5.0]).ravel()
    length = float(steps[np.abs(np.log(steps / wish)).argmin()])
    x, y = left + 0.06 * (right - left), bottom + 0.06 * (top - bottom)
    ax.plot([x, x + length], [y, y], color="0.1", linewidth=3.0, zorder=5.0)
    ax.text(
        x + length / 2,
        y + 0.015 * (top - bottom),
        f"{length:g} Å⁻¹",
        ha="center",
        va="bottom",
        fontsize="small",
        zorder=5.0,
    )
    ax.set(xticks=[], yticks=[], xlabel="", ylabel="")

"""Simulated diffraction patterns of one crystal or of overlapping ones."""

from __future__ import annotations

import copy
import math
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation
from sklearn.utils import Bunch

from skastro.datasets._arguments import generator, is_number
from skastro.diffraction import (
    Crystal,
    KinematicSimulator,
    PairMixer,
    all_pairs,
    rotation_from_direction,
)
from skastro.utils import fold_directions
from skastro.utils._real_array import real_array
from skastro.utils._typing import Seed

_DESCR = """Simulated electron-diffraction patterns

{n} patterns of {k} overlapping crystal(s) of {crystal}, {h} x {w} pixels of
{scale:.5g} 1/Å, {voltage:g} kV, kinematic. {pool}
Targets: Cartesian unit vectors of the beam directions in the crystal frame.
"""


def make_diffraction_patterns(
    n_samples: int = 100,
    *,
    n_directions: int = 1,
    crystal: Crystal | str = "anatase",
    simulator: KinematicSimulator | None = None,
    directions: Any = "sphere",
    in_plane: Any = "random",
    weights: Any = None,
    n_singles: int | None = None,
    return_X_y: bool = False,
    random_state: Seed = None,
) -> Any:
    """Simulate spot patterns with their beam directions.

    Every pattern is one crystal's, or the weighted sum of several crystals' patterns.
    Seeded, offline.

    Parameters
    ----------
    n_samples : int, default=100
        Number of patterns; not used if directions are given.
    n_directions : int, default=1
        Crystals in each pattern.
    crystal : Crystal or str, default="anatase"
        Of the default simulator; not used if a simulator is given.
    simulator : KinematicSimulator, default=None
        Makes the patterns. None is ``KinematicSimulator(crystal)``: 224x224 pixels,
        reflections up to 1.5 1/Å, without noise.
    directions : {"sphere", "sector"} or array-like of shape (n, 3 * n_directions), \
            default="sphere"
        Beam directions in the crystal frame: uniform on the sphere, uniform in the
        sector of the crystal's Laue group, or given (Cartesian, of any length). With
        ``n_singles`` given ones are those of the singles, of shape (n_singles, 3).
    in_plane : float or "random", default="random"
        In-plane angle of every crystal in radians, as in `rotation_from_direction`;
        "random" draws each from [0, 2 pi).
    weights : sequence of n_directions floats, default=None
        Factors of the crystals' patterns; None is one over ``n_directions``.
    n_singles : int, default=None
        Mixtures are then drawn, without repetition, from the pairs of this many
        singles, as the diffraction thesis does; ``n_directions`` must be 2. A test set
        of such pairs has no unseen orientation. None gives every mixture crystals of
        its own.
    return_X_y : bool, default=False
        Return ``(data, target)``.
    random_state : int, RandomState instance, Generator or None, default=None
        Same number, same patterns. The global random state is never touched.

    Returns
    -------
    Bunch or (data, target)
        With keys:

        - ``data`` : ndarray of shape (n, h, w), float32.
        - ``target`` : ndarray of shape (n, 3 * n_directions), float64. Cartesian unit
          vectors in the crystal frame, the first direction's before the second's.
        - ``rotations`` : list of n_directions `scipy.spatial.transform.Rotation` of n
          orientations each, crystal to lab.
        - ``simulator`` : KinematicSimulator.
        - ``laue_group`` : that of its crystal, for `PairMixer` and
          `DiffractionOrientationRegressor`.
        - ``pairs`` : ndarray of shape (n, 2), rows of ``singles``; None without
          ``n_singles``.
        - ``singles``, ``single_directions`` : ndarrays of shape (n_singles, h, w) and
          (n_singles, 3); None without ``n_singles``.
        - ``DESCR`` : str.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    TypeError
        If ``simulator`` is no `KinematicSimulator`.

    See Also
    --------
    skastro.diffraction.KinematicSimulator : Physics and detector.
    skastro.diffraction.PairMixer : Mixtures that are never held all at once.

    Notes
    -----
    A mixture is one exposure: its crystals share the centre, and Poisson noise comes
    after the sum, with the simulator's ``counts``. Mixtures of ``n_singles`` are sums
    of patterns that were exposed one by one.

    Examples
    --------
    >>> from skastro.datasets import make_diffraction_patterns
    >>> bunch = make_diffraction_patterns(3, n_directions=2, random_state=0)
    >>> bunch.data.shape, bunch.target.shape
    ((3, 224, 224), (3, 6))
    >>> pool = make_diffraction_patterns(
    ...     4, n_directions=2, n_singles=5, random_state=0)
    >>> pool.singles.shape, pool.pairs.shape
    ((5, 224, 224), (4, 2))
    """
    k = _check_parameters(n_samples, n_directions, in_plane, n_singles)
    if simulator is None:
        simulator = KinematicSimulator(crystal)
    elif not isinstance(simulator, KinematicSimulator):
        raise TypeError(
            f"simulator must be a KinematicSimulator, got {simulator!r}; the name of a "
            "crystal goes into crystal."
        )
    factors = _check_weights(weights, k)
    rng = generator(random_state)
    n_drawn = n_samples * k if n_singles is None else n_singles
    u = _directions(directions, n_drawn, k if n_singles is None else 1, simulator, rng)
    turned = rng.uniform(0, 2 * math.pi, len(u)) if in_plane == "random" else in_plane
    rotations = rotation_from_direction(u, turned)
    seed = int(rng.integers(np.iinfo(np.int32).max))
    pairs = singles = None
    if n_singles is None:
        parts = [rotations[j::k] for j in range(k)]
        target = u.reshape(-1, 3 * k)
        data = _expose(simulator, parts, factors, seed)
    else:
        every = all_pairs(len(u))
        if n_samples > len(every):
            raise ValueError(
                f"n_singles={n_singles} have {len(every)} pairs, but "
                f"n_samples={n_samples}."
            )
        pairs = every[rng.choice(len(every), size=n_samples, replace=False)]
        singles = simulator.images(rotations, random_state=seed)
        mixer = PairMixer(singles, u, weights=factors)
        data, target = mixer(pairs), mixer.labels(pairs)
        parts = [rotations[pairs[:, j]] for j in range(k)]
    if return_X_y:
        return data, target
    h, w = simulator.shape
    return Bunch(
        data=data,
        target=target,
        rotations=parts,
        simulator=simulator,
        laue_group=simulator.crystal_.laue_group,
        pairs=pairs,
        singles=singles,
        single_directions=None if singles is None else u,
        DESCR=_DESCR.format(
            n=len(data),
            k=k,
            crystal=simulator.crystal_.name,
            h=h,
            w=w,
            scale=simulator.scale_,
            voltage=simulator.voltage_kv,
            pool="" if singles is None else f"Pairs of {n_singles} singles.",
        ),
    )


def _check_parameters(
    n_samples: Any, n_directions: Any, in_plane: Any, n_singles: Any
) -> int:
    """Refuse parameters out of range; give the number of directions."""
    least = {"n_samples": 1, "n_directions": 1, "n_singles": 2}
    given = {"n_samples": n_samples, "n_directions": n_directions}
    if n_singles is not None:
        given["n_singles"] = n_singles
    for name, value in given.items():
        if not is_number(value, Integral) or value < least[name]:
            raise ValueError(
                f"{name} must be an int of {least[name]} or more, got {value!r}."
            )
    if n_singles is not None and n_directions != 2:
        raise ValueError(
            f"n_singles makes pairs: n_directions must be 2, got {n_directions}."
        )
    number = is_number(in_plane, Real) and math.isfinite(in_plane)
    if not number and not (isinstance(in_plane, str) and in_plane == "random"):
        raise ValueError(f'in_plane must be "random" or radians, got {in_plane!r}.')
    return int(n_directions)


def _check_weights(weights: Any, k: int) -> list[float]:
    """Give one factor for each crystal."""
    if weights is None:
        return [1.0 / k] * k
    factors = [float(w) for w in weights]
    if len(factors) != k or not all(math.isfinite(w) and w > 0 for w in factors):
        raise ValueError(f"weights must be {k} positive numbers, got {weights!r}.")
    return factors


def _directions(
    given: Any, n: int, k: int, simulator: KinematicSimulator, rng: np.random.Generator
) -> np.ndarray:
    """Give unit vectors of shape (n, 3), those of one pattern after each other."""
    if isinstance(given, str):
        if given not in ("sphere", "sector"):
            raise ValueError(
                f'directions must be "sphere", "sector" or vectors, got {given!r}.'
            )
        u = rng.normal(size=(n, 3))
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        if given == "sector":
            u = fold_directions(u, simulator.crystal_.point_operations)
        return u
    u = real_array(given, "directions")
    if u.ndim != 2 or u.shape[1] != 3 * k or not len(u):
        raise ValueError(f"directions must have shape (n, {3 * k}), got {u.shape}.")
    u = u.reshape(-1, 3)
    length = np.linalg.norm(u, axis=1, keepdims=True)
    if not np.isfinite(length).all() or not length.all():
        raise ValueError("directions must be finite and not zero.")
    out: np.ndarray = u / length
    return out


def _expose(
    simulator: KinematicSimulator,
    parts: list[Rotation],
    factors: list[float],
    seed: int,
) -> np.ndarray:
    """Sum the crystals' patterns, with one centre and one noise for each sum."""
    if len(parts) == 1:
        images = simulator.images(parts[0], random_state=seed)
        return images if factors == [1.0] else images * np.float32(factors[0])
    counts = simulator.counts
    if counts is not None:
        simulator = copy.copy(simulator)
        simulator.counts = None
        simulator._set_up()
    # The same seed draws the same centres for each crystal.
    total: Any = 0.0
    for rotations, factor in zip(parts, factors, strict=True):
        images = simulator.images(rotations, random_state=seed)
        total = total + images * np.float32(factor)
    if counts is None:
        return np.asarray(total)
    size = total.sum(axis=(1, 2), dtype=np.float64)
    scale = counts / np.where(size > 0, size, 1.0)
    noise = np.random.default_rng([seed, 1])
    out: np.ndarray = noise.poisson(total * scale[:, None, None]).astype(np.float32)
    return out

"""The reflections of a crystal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from skastro.diffraction._crystal import Crystal

# |F|² below this share of the strongest is an extinction, up to rounding.
_EXTINCT = 1e-10

_MOST_REFLECTIONS = 2_000_000


@dataclass(frozen=True)
class Reflections:
    """Reciprocal-lattice vectors that scatter.

    Parameters
    ----------
    hkl : ndarray of shape (n, 3), int
        Miller indices.
    g : ndarray of shape (n, 3)
        Vectors in the crystal frame, in 1/Å.
    g_length : ndarray of shape (n,)
        Their lengths 1/d, in 1/Å.
    structure_factor : ndarray of shape (n,), complex
        In Å.

    Examples
    --------
    >>> from skastro.diffraction import Crystal
    >>> reflections = Crystal.from_name("silver").reflections(0.5)
    >>> len(reflections.hkl), reflections.g_length.round(3)[[0, -1]].tolist()
    (14, [0.424, 0.49])
    """

    hkl: np.ndarray
    g: np.ndarray
    g_length: np.ndarray
    structure_factor: np.ndarray

    @property
    def intensity(self) -> np.ndarray:
        """Squared absolute structure factors, in Å²."""
        out: np.ndarray = np.square(np.abs(self.structure_factor))
        return out


def find_reflections(crystal: Crystal, max_g: float, b_iso: float) -> Reflections:
    """List the reflections of a crystal up to a length.

    Parameters
    ----------
    crystal : Crystal
        The crystal.
    max_g : float
        In 1/Å.
    b_iso : float
        Debye-Waller factor of atoms that have none, in Å².

    Returns
    -------
    Reflections
        By growing length; without 000 and extinct ones.

    Raises
    ------
    ValueError
        If there is none, or far too many.
    """
    if not (math.isfinite(max_g) and max_g > 0):
        raise ValueError(f"max_g must be positive and finite, got {max_g}.")
    # |h| = |g . a| <= |g| |a|.
    lengths = np.linalg.norm(crystal.direct_basis, axis=1)
    limits = np.floor(max_g * lengths + 1e-9).astype(int)
    if np.prod(2.0 * limits + 1) > _MOST_REFLECTIONS:
        raise ValueError(
            f"max_g = {max_g} 1/Å gives more than {_MOST_REFLECTIONS} reciprocal "
            f"vectors of {crystal.name!r}; is it in 1/Å?"
        )
    axes = [np.arange(-n, n + 1) for n in limits]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    g = hkl @ crystal.reciprocal_basis
    length = np.linalg.norm(g, axis=1)
    near = (length <= max_g + 1e-12) & (hkl != 0).any(axis=1)
    hkl, g, length = hkl[near], g[near], length[near]
    if not len(hkl):
        raise ValueError(
            f"{crystal.name!r} has no reflection with g up to {max_g} 1/Å; its longest "
            f"d-spacing is near {lengths.max():.3g} Å."
        )
    factors = crystal.structure_factor(hkl, b_iso=b_iso)
    intensity = np.square(np.abs(factors))
    seen = intensity > _EXTINCT * intensity.max()
    order = np.argsort(length[seen].round(9), kind="stable")
    return Reflections(
        hkl=hkl[seen][order],
        g=g[seen][order],
        g_length=length[seen][order],
        structure_factor=factors[seen][order],
    )

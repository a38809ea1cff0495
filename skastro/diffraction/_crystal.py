"""A crystal structure, as far as kinematic diffraction needs it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skastro.diffraction._builtin_crystals import BUILTIN
from skastro.diffraction._read_cif import read_cif
from skastro.diffraction._reflections import Reflections, find_reflections
from skastro.diffraction._scattering import scattering_factor
from skastro.diffraction._space_group import close_group
from skastro.utils import proper_operations
from skastro.utils._laue import LAUE_GROUPS
from skastro.utils._real_array import real_array

# Two sites nearer than this (fractional) are one.
_SAME_SITE = 1e-3


class Crystal:
    """Cell, atoms and symmetry of a crystal.

    Parameters
    ----------
    name : str
        Of the phase.
    cell : sequence of 6 float
        Lengths a, b, c in Å and angles alpha, beta, gamma in degrees.
    sites : sequence of (element, x, y, z), (element, x, y, z, occupancy) or \
            (element, x, y, z, occupancy, b_iso)
        Atoms of the asymmetric unit, in fractional coordinates; occupancy is 1 and
        ``b_iso`` (Debye-Waller factor in Å²) is NaN where not given. NaN leaves it to
        the simulator.
    operations : sequence of str, default=("x,y,z",)
        Symmetry operations of the space group as coordinate triplets; generators are
        enough.
    space_group : str, default=""
        Its symbol, for the reader only.

    Attributes
    ----------
    elements : tuple of str
        Of all atoms in the cell.
    positions : ndarray of shape (n_atoms, 3)
        Their fractional coordinates.
    occupancies : ndarray of shape (n_atoms,)
        Their occupancies.
    b_iso : ndarray of shape (n_atoms,)
        Their Debye-Waller factors in Å², NaN where not known.
    direct_basis : ndarray of shape (3, 3)
        Rows are a, b, c in the crystal frame (x along a, z along c*), in Å.
    reciprocal_basis : ndarray of shape (3, 3)
        Rows are a*, b*, c* in the same frame, in 1/Å, without the factor 2 pi.
    point_operations : ndarray of shape (n_operations, 3, 3)
        Rotations of the Laue group, as Cartesian matrices in the crystal frame.
    laue_group : str
        Its name. Rhombohedral axes, a unique axis c and other settings have the same
        name but other operations: fold with `point_operations`.

    Raises
    ------
    ValueError
        If the cell, a site or an operation makes no sense.

    See Also
    --------
    KinematicSimulator : Patterns of a crystal.

    Examples
    --------
    >>> from skastro.diffraction import Crystal
    >>> anatase = Crystal.from_name("anatase")
    >>> len(anatase.elements), anatase.laue_group
    (12, '4/mmm')
    >>> anatase.d_spacing([[1, 0, 1], [0, 0, 4]]).round(4)
    array([3.5165, 2.3786])
    """

    def __init__(
        self,
        name: str,
        cell: Sequence[float],
        sites: Sequence[Sequence[Any]],
        operations: Sequence[str] = ("x,y,z",),
        *,
        space_group: str = "",
    ) -> None:
        self.name = str(name)
        self.cell = _check_cell(cell)
        self.sites = tuple(tuple(site) for site in sites)
        self.operations = tuple(operations)
        self.space_group = space_group
        self.direct_basis = _basis(self.cell)
        self.reciprocal_basis = np.linalg.inv(self.direct_basis).T
        rotations, translations = close_group(self.operations)
        self.point_operations = self._cartesian(rotations)
        self.laue_group = _laue_name(self.point_operations)
        self._fill_cell(rotations, translations)

    def __repr__(self) -> str:
        """Say name, space group and cell."""
        cell = ", ".join(f"{v:g}" for v in self.cell)
        group = f", space group {self.space_group}" if self.space_group else ""
        return (
            f"<Crystal {self.name}{group}, cell ({cell}), {len(self.elements)} atoms>"
        )

    def __eq__(self, other: object) -> bool:
        """Compare by what they were made of."""
        if not isinstance(other, Crystal):
            return NotImplemented
        return self._made_of() == other._made_of()

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self._made_of())

    def _made_of(self) -> tuple[Any, ...]:
        sites = tuple(tuple(str(v) for v in site) for site in self.sites)
        return self.name, self.cell, sites, self.operations

    @classmethod
    def from_name(cls, name: str) -> Crystal:
        """Give one of the structures that need no file.

        Parameters
        ----------
        name : {"aluminium", "anatase", "rutile", "silicon", "silver"}
            Which one.

        Returns
        -------
        Crystal
            At room temperature.

        Raises
        ------
        ValueError
            If there is none of this name.
        """
        if not isinstance(name, str) or name not in BUILTIN:
            raise ValueError(
                f"There is no built-in crystal {name!r}; there are "
                f"{', '.join(sorted(BUILTIN))}. Read others with Crystal.from_cif."
            )
        return cls(name, **BUILTIN[name])

    @classmethod
    def from_cif(cls, path: str | Path, *, name: str | None = None) -> Crystal:
        """Read a structure from a CIF file; needs the extra ``crystal`` (gemmi).

        Parameters
        ----------
        path : str or Path
            The file; its first block with atoms is read.
        name : str, default=None
            Of the phase; None takes the name of the file.

        Returns
        -------
        Crystal
            With symmetry operations from the file where it lists them, else from its
            space group; and with U where the file has a possible one: programs write 0
            or 1 Å² where they know none, so that only 0 < U < 0.5 Å² is taken.

        Raises
        ------
        ImportError
            If gemmi is not installed.
        OSError
            If there is no such file.
        ValueError
            If it is no CIF file with a cell and atoms at known places.
        """
        path = Path(path)
        return cls(name or path.stem, **read_cif(path))

    def _cartesian(self, rotations: np.ndarray) -> np.ndarray:
        """Turn the distinct rotation parts into Cartesian proper rotations."""
        unique = np.unique(rotations.reshape(len(rotations), 9), axis=0)
        matrices = unique.reshape(-1, 3, 3).astype(np.float64)
        # Every Laue group holds the inversion, so that only proper parts matter.
        matrices *= np.sign(np.linalg.det(matrices))[:, None, None]
        matrices = np.unique(matrices.reshape(-1, 9), axis=0).reshape(-1, 3, 3)
        to_cartesian = self.direct_basis.T
        cartesian = to_cartesian @ matrices @ np.linalg.inv(to_cartesian)
        if not np.allclose(
            cartesian @ cartesian.transpose(0, 2, 1), np.eye(3), atol=1e-3
        ):
            raise ValueError(
                f"The cell {self.cell} of {self.name!r} does not have the symmetry of "
                "its operations."
            )
        # A measured cell may break the symmetry in its last digit; rotations must not.
        u, _, vh = np.linalg.svd(cartesian)
        order = np.argsort(-np.trace(cartesian, axis1=1, axis2=2), kind="stable")
        return proper_operations((u @ vh)[order])

    def _fill_cell(self, rotations: np.ndarray, translations: np.ndarray) -> None:
        """Put all atoms into the cell."""
        elements: list[str] = []
        positions: list[np.ndarray] = []
        values: list[tuple[float, float]] = []
        if not self.sites:
            raise ValueError(f"{self.name!r} has no atoms.")
        for site in self.sites:
            if not 4 <= len(site) <= 6:
                raise ValueError(
                    f"A site is (element, x, y, z[, occupancy[, b_iso]]), got {site!r}."
                )
            element = str(site[0])
            scattering_factor(element, 0.0)  # refuses what has none
            xyz = np.array(site[1:4], dtype=np.float64)
            occupancy = float(site[4]) if len(site) > 4 else 1.0
            b_iso = float(site[5]) if len(site) > 5 else math.nan
            known = np.isfinite(xyz).all() and not math.isinf(b_iso)
            if not known or not 0 <= occupancy <= 1 or b_iso < 0:
                raise ValueError(f"The site {site!r} of {self.name!r} makes no sense.")
            images = (rotations @ xyz + translations) % 1.0
            kept: list[np.ndarray] = []
            for image in images:
                gaps = [np.abs((image - k + 0.5) % 1.0 - 0.5).max() for k in kept]
                if not gaps or min(gaps) > _SAME_SITE:
                    kept.append(image)
            elements += [element] * len(kept)
            positions += kept
            values += [(occupancy, b_iso)] * len(kept)
        self.elements = tuple(elements)
        self.positions = np.array(positions)
        self.occupancies, self.b_iso = np.array(values).T

    def d_spacing(self, hkl: Any) -> np.ndarray:
        """Give distances of lattice planes.

        Parameters
        ----------
        hkl : array-like of shape (n, 3)
            Miller indices.

        Returns
        -------
        ndarray of shape (n,)
            In Å.

        Raises
        ------
        ValueError
            If indices are of another shape, not finite, or 000, which is no plane.
        """
        length = np.linalg.norm(_check_hkl(hkl) @ self.reciprocal_basis, axis=1)
        if not length.all():
            raise ValueError("hkl = 000 is no lattice plane.")
        return np.asarray(1.0 / length)

    def structure_factor(self, hkl: Any, *, b_iso: float = 0.0) -> np.ndarray:
        """Give the kinematic structure factors.

        F = sum over the atoms of occupancy f(g) exp(-B g² / 4) exp(2 pi i h.x).

        Parameters
        ----------
        hkl : array-like of shape (n, 3)
            Miller indices.
        b_iso : float, default=0.0
            Debye-Waller factor B in Å² of atoms whose own is not known.

        Returns
        -------
        ndarray of shape (n,), complex
            In Å.

        Raises
        ------
        ValueError
            If indices are of another shape or not finite.
        """
        hkl = _check_hkl(hkl)
        g = np.linalg.norm(hkl @ self.reciprocal_basis, axis=1)
        phases = np.exp(2j * np.pi * (hkl @ self.positions.T))
        factors = {e: scattering_factor(e, g) for e in set(self.elements)}
        b = np.where(np.isnan(self.b_iso), b_iso, self.b_iso)
        damping = np.exp(-np.square(g)[:, None] * b / 4) * self.occupancies
        each = np.stack([factors[e] for e in self.elements], axis=1)
        return np.asarray((each * damping * phases).sum(axis=1))

    def reflections(self, max_g: float, *, b_iso: float = 0.0) -> Reflections:
        """List the reflections up to a length, without the extinct ones.

        Parameters
        ----------
        max_g : float
            Greatest length of a reciprocal vector, in 1/Å.
        b_iso : float, default=0.0
            As for `structure_factor`.

        Returns
        -------
        Reflections
            By growing length; without 000.

        Raises
        ------
        ValueError
            If there is none, or far too many.
        """
        return find_reflections(self, max_g, b_iso)


def as_crystal(crystal: Any) -> Crystal:
    """Take a crystal, or the name of a built-in one.

    Parameters
    ----------
    crystal : Crystal or str
        What a user gave.

    Returns
    -------
    Crystal
        The crystal.

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If it is neither.
    """
    if isinstance(crystal, str):
        return Crystal.from_name(crystal)
    if not isinstance(crystal, Crystal):
        raise TypeError(
            f"A crystal is a Crystal or the name of a built-in one, got {crystal!r}."
        )
    return crystal


def _check_hkl(hkl: Any) -> np.ndarray:
    indices = np.atleast_2d(real_array(hkl, "hkl"))
    if indices.ndim != 2 or indices.shape[1] != 3 or not np.isfinite(indices).all():
        raise ValueError(
            f"hkl must be finite and have shape (n, 3), got {indices.shape}."
        )
    return indices


def _check_cell(cell: Sequence[float]) -> tuple[float, ...]:
    values = real_array(cell, "cell")
    if values.shape != (6,) or not np.isfinite(values).all() or (values <= 0).any():
        raise ValueError(
            "cell must be a, b, c in Å and alpha, beta, gamma in degrees, got "
            f"{cell!r}."
        )
    if (values[3:] >= 180).any():
        raise ValueError(f"Angles of a cell are below 180 degrees, got {cell!r}.")
    return tuple(float(v) for v in values)


def _basis(cell: tuple[float, ...]) -> np.ndarray:
    """Give a, b, c as rows: x along a, z along c*."""
    a, b, c = cell[:3]
    ca, cb, cg = (math.cos(math.radians(v)) if v != 90 else 0.0 for v in cell[3:])
    volume = 1 - ca**2 - cb**2 - cg**2 + 2 * ca * cb * cg
    if volume <= 1e-6:
        raise ValueError(f"The cell {cell} has no volume.")
    # The reciprocal vector c* is along z, so only c has a component there, and a* has
    # none; x along a then fixes the frame.
    sg = math.sqrt(1 - cg**2)
    return np.array(
        [
            [a, 0.0, 0.0],
            [b * cg, b * sg, 0.0],
            [c * cb, c * (ca - cb * cg) / sg, c * math.sqrt(volume) / sg],
        ]
    )


def _laue_name(operations: np.ndarray) -> str:
    """Name the Laue group; other settings of its axes have the same name."""
    angles = np.sort(np.trace(operations, axis1=1, axis2=2).round(3))
    for group in LAUE_GROUPS:
        named = proper_operations(group)
        if len(named) == len(operations):
            expected = np.sort(np.trace(named, axis1=1, axis2=2).round(3))
            if np.allclose(angles, expected, atol=2e-3):
                return group
    raise ValueError("The operations belong to no Laue group.")  # pragma: no cover

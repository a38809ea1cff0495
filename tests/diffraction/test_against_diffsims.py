"""Spot lists beside those of diffsims, an independent program."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from skastro.diffraction import Crystal, KinematicSimulator

generators = pytest.importorskip("diffsims.generators.simulation_generator")
orix_quaternion = pytest.importorskip("orix.quaternion")
orix_crystal_map = pytest.importorskip("orix.crystal_map")
diffpy = pytest.importorskip("diffpy.structure")

N = 50


def as_phase(crystal: Crystal) -> Any:
    """Give all atoms of the cell, in the same frame."""
    atoms = [
        diffpy.Atom(e, xyz=xyz)
        for e, xyz in zip(crystal.elements, crystal.positions, strict=True)
    ]
    lattice = diffpy.Lattice(*crystal.cell)
    # Without its symmetry: the atoms are complete.
    return orix_crystal_map.Phase(
        name=crystal.name,
        space_group=1,
        structure=diffpy.Structure(atoms, lattice=lattice),
    )


def compare(crystal: str, kv: float, relrod: str, width: float, max_g: float) -> None:
    ours = KinematicSimulator(
        crystal,
        voltage_kv=kv,
        max_g=max_g,
        relrod=relrod,
        relrod_width=width,
        max_excitation_error=width,
        b_iso=0.0,
    )
    rotation = Rotation.random(N, rng=0)
    # orix's rotations take the lab to the crystal.
    theirs = orix_quaternion.Rotation.from_matrix(rotation.inv().as_matrix())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        generator = generators.SimulationGenerator(
            accelerating_voltage=kv,
            scattering_params="lobato",
            precession_angle=0,
            minimum_intensity=0.0,
            shape_factor_model=relrod,
        )
        result = generator.calculate_diffraction2d(
            as_phase(ours.crystal_),
            rotation=theirs,
            reciprocal_radius=max_g,
            with_direct_beam=False,
            max_excitation_error=width,
        )
    spots = ours.spots(rotation)
    n_compared = 0
    for number in range(N):
        vectors = result.coordinates[number]
        mine = spots[number]
        hkl = np.rint(vectors.hkl).astype(int)
        place = {tuple(h): i for i, h in enumerate(hkl.tolist())}
        g = np.asarray(vectors.data)[:, :2]
        intensity = np.asarray(vectors.intensity)
        # Sphere and relrod end in the same place up to rounding: spots on the very
        # edge may be missing on one side, if they are nothing.
        edge = np.abs(np.abs(mine.excitation_error) - width) < 1e-6
        index = np.array([place.get(tuple(h), -1) for h in mine.hkl.tolist()])
        assert ((index >= 0) | edge).all()
        seen = index >= 0
        strong = intensity > 1e-9 * intensity.max()
        assert strong.sum() - seen.sum() <= 0
        np.testing.assert_allclose(mine.g[seen], g[index[seen]], atol=1e-6)
        expected = intensity[index[seen]]
        found = mine.intensity[seen]
        # Their excitation error is rounded differently: what is left of a linear
        # relrod close to its end is compared with the strongest spot.
        scale = (found * expected).sum() / (expected**2).sum()
        np.testing.assert_allclose(
            found, scale * expected, rtol=1e-3, atol=1e-6 * found.max()
        )
        n_compared += int(seen.sum())
    assert n_compared > 5 * N


CASES = [
    ("anatase", 200, 0.02, 1.25),
    ("silver", 300, 0.03, 1.6),
    ("rutile", 80, 0.015, 1.2),
    ("silicon", 100, 0.02, 1.2),
]


@pytest.mark.parametrize("relrod", ["lorentzian", "linear"])
@pytest.mark.parametrize(("crystal", "kv", "width", "max_g"), CASES)
def test_spots(
    crystal: str, kv: float, width: float, max_g: float, relrod: str
) -> None:
    compare(crystal, kv, relrod, width, max_g)

"""Match patterns with pyxem 0.21; runs in an environment that has it.

``python _pyxem_worker.py IN.npz OUT.npz``: IN holds ``images``, ``scale`` (1/Å per
pixel) and ``k`` (grains), OUT gets ``directions`` (n, k, 3) and ``about`` (JSON). As in
pyxem's own guide: polar patterns, a simulated library over the fundamental sector, the
best matches; it has no erasing, so that the k best zones at least 6° apart are taken
for k grains. Only the search is timed, without the library.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pyxem as pxm
from diffpy.structure import Atom, Lattice, Structure
from diffsims.generators.simulation_generator import SimulationGenerator
from orix.crystal_map import Phase
from orix.sampling import get_sample_reduced_fundamental

CELL = (3.7845, 3.7845, 9.5143, 90, 90, 90)
SPACING_DEG = 2.0
DISTANT_DEG = 6.0


def phase() -> Phase:
    """Give anatase with all twelve atoms."""
    titanium = [
        (0, 0.75, 0.125),
        (0.5, 0.75, 0.375),
        (0.5, 0.25, 0.625),
        (0, 0.25, 0.875),
    ]
    atoms = []
    for x, y, z in titanium:
        atoms.append(Atom("Ti", (x, y, z)))
        atoms += [Atom("O", (x, y, (z + s * 0.20806) % 1)) for s in (1, -1)]
    structure = Structure(lattice=Lattice(*CELL), atoms=atoms)
    return Phase(name="anatase", space_group=141, structure=structure)


def main(source: str, target: str) -> None:
    """Match and save."""
    with np.load(source) as data:
        images, scale, k = data["images"], float(data["scale"]), int(data["k"])
    anatase = phase()
    grid = get_sample_reduced_fundamental(
        resolution=SPACING_DEG, point_group=anatase.point_group
    )
    library = SimulationGenerator(200, minimum_intensity=1e-4).calculate_diffraction2d(
        anatase,
        rotation=grid,
        reciprocal_radius=1.5,
        max_excitation_error=0.05,
        shape_factor_width=0.02,
        with_direct_beam=False,
    )
    n_best = grid.size if k > 1 else 1

    def search(some: np.ndarray) -> object:
        signal = pxm.signals.ElectronDiffraction2D(some)
        middle = ((images.shape[2] - 1) / 2, (images.shape[1] - 1) / 2)
        signal.calibration(scale=scale, center=middle)
        polar = signal.get_azimuthal_integral2d(
            npt=110, npt_azim=360, radial_range=(0.0, 1.5), mean=True
        )
        polar = polar**0.25  # better here than 0.4, 0.5 and 1
        return polar.get_orientation(library, n_best=n_best, frac_keep=1.0)

    search(images[:2])  # compiles
    start = time.perf_counter()
    found = search(images)
    seconds = time.perf_counter() - start
    index = np.asarray(found.data)[..., 0].astype(int).reshape(len(images), -1)
    # orix turns the lab into the crystal: the beam direction is the image of z.
    zones = grid.to_matrix()[:, :, 2]
    directions = np.empty((len(images), k, 3))
    for number, order in enumerate(index):
        taken: list[int] = []
        for candidate in order:
            near = [abs(zones[candidate] @ zones[t]) for t in taken]
            if all(c < np.cos(np.radians(DISTANT_DEG)) for c in near):
                taken.append(int(candidate))
            if len(taken) == k:
                break
        taken += [taken[-1]] * (k - len(taken))
        directions[number] = zones[taken]
    about = {"version": pxm.__version__, "seconds": seconds, "templates": grid.size}
    np.savez(target, directions=directions, about=json.dumps(about))


if __name__ == "__main__":
    main(*sys.argv[1:])

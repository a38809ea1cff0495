"""What the diffraction examples share: patterns, measured or simulated, and tables.

`load_silver` and `load_steel` take the real files where ``SKASTRO_DATA`` (or
``data/``) has them, else they simulate raw detector images: direct beam, background,
counts, a centre that is not the middle. They print which it was.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skastro.diffraction import (
    Crystal,
    KinematicSimulator,
    read_hspy,
    rotation_from_direction,
    uvw_to_cartesian,
)

# The one constant: "quick" takes up to a minute an example, "table" is as large as the
# tables of the documentation, "glance" is for the build of the documentation.
SCALE = os.environ.get("SKASTRO_SCALE", "quick")


class Scale(NamedTuple):
    """How much is computed."""

    n_pairs: int
    n_singles: int
    epochs: int
    scan: tuple[int, int]


SCALES = {
    "glance": Scale(60, 60, 15, (8, 12)),
    "quick": Scale(200, 80, 15, (12, 20)),
    "table": Scale(1000, 200, 40, (24, 40)),
}
# The galaxy examples have a larger one.
scale = SCALES["table" if SCALE == "thesis" else SCALE]

SILVER = "ag_sped_two_grains.npz"
# Lattice parameter of the microscopists' own silver file, in Å, and its scale.
SILVER_A, SILVER_SCALE = 4.08, 0.026728
SILVER_ZONES = ((1, 0, 1), (1, 1, 4))
# The scale that the file of the steel patterns gives is nominal; this one fits them.
STEEL_SCALE = 0.0128


class Patterns(NamedTuple):
    """Raw detector images; it can be unpacked."""

    images: np.ndarray
    crystals: list[Crystal]
    scale: float
    directions: np.ndarray | None
    real: bool


def load_silver() -> Patterns:
    """Load the two silver grains and their 0.5:0.5 mixture, each with the same sum.

    ``directions`` are the known zones [101] and [114], Cartesian unit vectors.
    """
    built_in = Crystal.from_name("silver")
    cell = (SILVER_A, SILVER_A, SILVER_A, 90.0, 90.0, 90.0)
    silver = Crystal("silver", cell, built_in.sites, built_in.operations)
    zones = uvw_to_cartesian(SILVER_ZONES, silver)
    path = folder() / SILVER
    real = path.exists()
    if real:
        with np.load(path) as data:
            grains = data["patterns"].astype(np.float64)
        _told("two REAL silver grains, precession patterns summed over each grain.")
    else:
        grains = measured(silver, SILVER_SCALE, (112, 112), (56.3, 55.6)).images(
            rotation_from_direction(zones, [0.4, 2.0]), random_state=0
        )
        _told(f"SIMULATED silver grains. {HOW_TO_GET}")
    grains = grains / grains.sum(axis=(1, 2), keepdims=True)
    images = np.concatenate([grains, grains.mean(axis=0, keepdims=True)])
    return Patterns(1e6 * images, [silver], SILVER_SCALE, zones, real)


def load_steel() -> Patterns:
    """Load four patterns of austenite with precipitates, a scan of (2, 2, h, w).

    Without the files austenite and aluminium are simulated, alone and overlapping, and
    a third crystal that is neither; ``directions`` are then those of the pattern's
    grains.
    """
    steel = folder() / "steel_ped"
    files = sorted(steel.glob("*.cif"))
    if files and (steel / "subset_data.hspy").exists():
        crystals = [Crystal.from_cif(file) for file in files]
        scan = read_hspy(steel / "subset_data.hspy")
        _told("four REAL precession patterns of steel, with the CIFs of two phases.")
        images = np.asarray(scan.data, dtype=np.float32)
        return Patterns(images, crystals, STEEL_SCALE, None, True)
    _told(f"SIMULATED patterns of two phases, and of one that is neither. {HOW_TO_GET}")
    crystals = [Crystal.from_name("aluminium"), Crystal.from_name("rutile")]
    rng = np.random.default_rng(0)
    u = np.array([[0.05, 0.02, 1.0], [1.0, 0.03, 0.9], [1.0, 0.9, 0.1]])
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    shape, center = (256, 256), (127.0, 128.5)
    drawn = []
    for k, crystal in enumerate([*crystals, Crystal.from_name("silicon")]):
        simulator = measured(crystal, STEEL_SCALE, shape, center, spot_sigma=2.0)
        image = simulator.images(
            u[k : k + 1], in_plane=rng.uniform(0, 6), random_state=k
        )
        drawn.append(image[0])
    one, two, neither = drawn
    images = np.stack([one, two, one + two, neither]).reshape(2, 2, *shape)
    return Patterns(images, crystals, STEEL_SCALE, u[:2], False)


def measured(
    crystal: Crystal,
    pixel: float,
    shape: tuple[int, int],
    center: tuple[float, float],
    **parameters: Any,
) -> KinematicSimulator:
    """Make a simulator of what a camera records: flat intensities, beam, noise."""
    settings = {
        "scale": pixel,
        "shape": shape,
        "center": center,
        "max_g": 1.4,
        "relrod": "lorentzian",
        "relrod_width": 0.03,
        "intensity_power": 0.6,
        "spot_sigma": 1.2,
        "direct_beam": 5.0,
        "background": 0.4,
        "counts": 2e6,
    }
    return KinematicSimulator(crystal, **{**settings, **parameters})


HOW_TO_GET = (
    "Real ones are used if they are in the folder `diffraction` of SKASTRO_DATA."
)


def folder() -> Path:
    """Say where measured patterns are, if anywhere."""
    here = Path(__file__).resolve().parents[2] if "__file__" in globals() else Path()
    return Path(os.environ.get("SKASTRO_DATA") or here / "data") / "diffraction"


def _told(text: str) -> None:
    print(f"Data: {text}")


def show_table(title: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Print a table and give it back."""
    table = pd.DataFrame(rows).fillna("")
    print(f"\n{title}\n{table.to_string(index=False)}")
    return table

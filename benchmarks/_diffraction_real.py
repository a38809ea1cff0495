"""Measured patterns: silver with known zones, and steel with two phases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from _page import Page

from skastro.diffraction import (
    Crystal,
    cartesian_to_uvw,
    orientation_pipeline,
    read_hspy,
)
from skastro.metrics import direction_angle
from skastro.utils import get_data_home

# What the settings of a measured pattern are varied over.
SETTINGS: dict[str, dict[str, Any]] = {
    "orientation_pipeline": {},
    "templates 3° apart": {"zone_spacing": 3.0},
    "relrods half as wide again": {"relrod_width": 0.03},
    "intensities a tenth": {"intensity_weight": 0.1},
    "relrod width refined": {"fixed": ()},
    "scale found, first guess 10 % off": {"calibrate": True},
}


def silver_patterns(folder: Path) -> tuple[np.ndarray, np.ndarray, float, Crystal]:
    """Give [101], [114] and their mixture; zones, scale and crystal."""
    with np.load(folder / "ag_sped_two_grains.npz") as data:
        patterns = data["patterns"].astype(np.float64)
        zones = data["zone_axes"].astype(float)
        scale = float(data["scale_inv_angstrom_per_px"])
        a = float(data["lattice_a_angstrom"])
    patterns /= patterns.sum(axis=(1, 2), keepdims=True)
    both = np.concatenate([patterns, patterns.mean(axis=0, keepdims=True)])
    silver = Crystal.from_name("silver")
    cell = (a, a, a, 90.0, 90.0, 90.0)
    crystal = Crystal("silver", cell, silver.sites, silver.operations)
    zones /= np.linalg.norm(zones, axis=1, keepdims=True)
    return both, zones, scale, crystal


def silver(folder: Path) -> list[dict[str, str]]:
    """Index both grains alone and mixed, with several settings."""
    images, zones, scale, crystal = silver_patterns(folder)
    rows = []
    for name, parameters in SETTINGS.items():
        given = scale * (1.1 if parameters.get("calibrate") else 1.0)
        settings = {"max_g": 1.4} | parameters
        found = []
        for part, k in ((images[:2], 1), (images[2:], 2)):
            pipe = orientation_pipeline(crystal, given, n_matches=k, **settings)
            found.append(pipe.fit(part).predict(part).reshape(-1, 3))
        alone = direction_angle(zones, found[0], laue_group="m-3m").ravel()
        mixed = direction_angle(
            zones.reshape(1, 6), found[1].reshape(1, 6), laue_group="m-3m"
        ).ravel()
        values = (*alone, *mixed)
        labels = ("[101]", "[114]", "[101] in the mixture", "[114] in the mixture")
        texts = (f"{v:.2f}°" for v in values)
        rows.append({"settings": name, **dict(zip(labels, texts, strict=True))})
    return rows


def steel(folder: Path) -> list[dict[str, str]]:
    """Index the steel patterns with both phases."""
    scan = read_hspy(folder / "steel_ped" / "subset_data.hspy")
    files = sorted((folder / "steel_ped").glob("*.cif"))
    crystals = [Crystal.from_cif(f) for f in files]
    images = np.asarray(scan.data, dtype=np.float32)
    pipe = orientation_pipeline(
        crystals,
        0.0128,
        n_matches=2,
        direct_beam_radius=13.0,
        min_g=0.3,
        max_g=1.45,
        spot_sigma=2.0,
        relrod="lorentzian",
        relrod_width=0.03,
        intensity_weight=0.01,
        min_contrast=3.0,
    )
    pipe.fit(images)
    result = pipe[-1].match(pipe[:-1].transform(images))
    frame = result.to_frame()
    rows = []
    for _, grain in frame.iterrows():
        crystal = next(c for c in crystals if c.name == grain["phase"])
        uvw = cartesian_to_uvw([grain[["ux", "uy", "uz"]].to_numpy(float)], crystal)
        rows.append(
            {
                "pattern": str(grain["pattern"]),
                "grain": str(grain["grain"]),
                "phase": grain["phase"],
                "[uvw]": "[" + " ".join(f"{v:.2f}" for v in uvw[0]) + "]",
                "share": f"{grain['share']:.2f}",
                "contrast": f"{grain['contrast']:.2f}",
                "margin": f"{grain['margin']:.3f}",
                "score": f"{grain['score']:.2f}",
                "valid": str(bool(grain["valid"])),
            }
        )
    return rows


def real(results: Path, about: str) -> None:
    """Write the page of measured patterns."""
    folder = Path(get_data_home()) / "diffraction"
    if not (folder / "ag_sped_two_grains.npz").exists():
        print(f"The measured patterns are not under {folder}: this part is left out.")
        return
    page = Page(results / "diffraction_real.rst", "Measured diffraction patterns")
    page.text(
        about + " Silver grains from scanning precession diffraction with known zones, "
        "alone and mixed 0.5:0.5 after each was divided by its sum. The stored zones "
        "are whole indices; how far the grains really are from them is not known."
    )
    page.table("Angle between found and known zone", silver(folder))
    page.text(
        "Precession patterns of steel: austenite, and the CIF file of the G phase as "
        "second phase. There are no labels. Grains whose correlation is less than "
        "three times that of chance are not valid, a limit set by hand."
    )
    page.table("Steel, two phases, two grains asked for", steel(folder))

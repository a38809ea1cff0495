"""Orientations in measured patterns: silver with known zones, and steel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import Pipeline, make_pipeline

from skastro.diffraction import (
    BackgroundSubtractor,
    Crystal,
    PatternCenterer,
    TemplateMatcher,
    read_hspy,
    uvw_to_cartesian,
)
from skastro.utils import fold_directions

pytestmark = pytest.mark.real_data

OPERATIONS = Crystal.from_name("silver").operations
SILVER = Crystal("Ag", (4.08,) * 3 + (90,) * 3, [("Ag", 0, 0, 0)], OPERATIONS)


def angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(a - b, axis=-1) / 2, 0, 1)))


@pytest.fixture(scope="module")
def grains(data_home: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(data_home / "diffraction" / "ag_sped_two_grains.npz") as file:
        true = uvw_to_cartesian(file["zone_axes"], SILVER)
        return file["patterns"], fold_directions(true, "m-3m")


def silver_pipeline(
    k: int, centerer: Any = None, background: Any = None, **changes: Any
) -> Pipeline:
    settings: dict = {
        "scale": 0.026728,
        "max_g": 1.4,
        "zone_spacing": 2.0,
        "fixed": ("relrod",),
        "n_matches": k,
    }
    return make_pipeline(
        PatternCenterer(**centerer or {}),
        BackgroundSubtractor(**{"direct_beam_radius": 6} | (background or {})),
        TemplateMatcher(SILVER, **settings | changes),
    )


PREPROCESSING = [
    ({}, {}),
    ({}, {"method": "tophat"}),
    ({}, {"method": "gaussian"}),
    ({}, {"quantile": 0.3}),
    ({"method": "friedel"}, {"direct_beam_radius": 7}),
]


@pytest.mark.parametrize(("centerer", "background"), PREPROCESSING)
def test_both_silver_grains(grains: Any, centerer: dict, background: dict) -> None:
    patterns, true = grains
    pipeline = silver_pipeline(1, centerer, background).fit(patterns)
    assert angle(pipeline.predict(patterns), true).max() < 1
    result = pipeline[-1].match(pipeline[:-1].transform(patterns))
    assert result.valid.all()
    assert result.contrast.min() > 3


@pytest.mark.parametrize(("centerer", "background"), PREPROCESSING)
def test_mixture_of_the_silver_grains(
    grains: Any, centerer: dict, background: dict
) -> None:
    patterns, true = grains
    # One grain has far more counts: each weighs half.
    share = patterns / patterns.sum(axis=(1, 2), keepdims=True)
    mixture = share.mean(axis=0)[None]
    pipeline = silver_pipeline(2, centerer, background).fit(mixture)
    found = pipeline.predict(mixture).reshape(2, 3)
    error = min(angle(found, true).max(), angle(found[::-1], true).max())
    assert error < 1
    result = pipeline[-1].match(pipeline[:-1].transform(mixture))
    assert result.valid.all()


def test_a_wrong_crystal_fits_worse(grains: Any) -> None:
    patterns, _ = grains
    pipeline = silver_pipeline(1).fit(patterns)
    clean = pipeline[:-1].transform(patterns)
    right = pipeline[-1].match(clean)
    settings = pipeline[-1].get_params() | {"crystal": "rutile"}
    wrong = TemplateMatcher(**settings).fit(clean).match(clean)
    assert (wrong.score > right.score).all()
    assert (wrong.contrast < right.contrast).all()
    both = TemplateMatcher(**settings | {"crystal": ["rutile", SILVER]}).fit(clean)
    np.testing.assert_array_equal(both.match(clean).phase, 1)


@pytest.fixture(scope="module")
def steel(data_home: Path) -> tuple[np.ndarray, list[Crystal]]:
    pytest.importorskip("gemmi")
    pytest.importorskip("h5py")
    folder = data_home / "diffraction" / "steel_ped"
    names = ("austeniteLP.cif", "g-phaseLP.cif")
    scan = read_hspy(folder / "subset_data.hspy")
    return np.asarray(scan.data), [Crystal.from_cif(folder / n) for n in names]


def steel_pipeline(crystals: list[Crystal], **changes: Any) -> Pipeline:
    settings: dict = {
        "scale": 0.0128,
        "max_g": 1.4,
        "relrod": "lorentzian",
        "relrod_width": 0.03,
        "fixed": ("relrod",),
        "intensity_weight": 0.01,
        "n_matches": 2,
    }
    return make_pipeline(
        PatternCenterer(),
        BackgroundSubtractor(direct_beam_radius=8),
        TemplateMatcher(crystals, **settings | changes),
    )


def test_austenite_in_every_pattern_of_the_steel(steel: Any) -> None:
    """There are no labels: only what four neighbours must have in common."""
    scan, crystals = steel
    flat = scan.reshape(-1, *scan.shape[-2:])
    assert flat.shape == (4, 256, 256)
    pipeline = steel_pipeline(crystals).fit(flat)
    result = pipeline[-1].match(pipeline[:-1].transform(flat))
    np.testing.assert_array_equal(result.phase[:, 0], 0)
    assert result.valid[:, 0].all()
    assert result.contrast[:, 0].min() > 3
    first = result.directions[:, 0]
    assert angle(first, first[[0]]).max() < 2
    # The calibration of the file is a percent off, the same one for all.
    np.testing.assert_allclose(result.scale, result.scale.mean(), rtol=0.005)
    # The second grain is less sure than the first; a stricter limit refuses it.
    assert (result.contrast[:, 1] < result.contrast[:, 0]).all()
    strict = steel_pipeline(crystals, min_contrast=3.2).fit(flat)
    valid = strict[-1].match(strict[:-1].transform(flat)).valid
    np.testing.assert_array_equal(valid, [[True, False]] * 4)

"""Physics functions, tables, splitters and numerical helpers on hostile arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from fuzz_kit.calls import Arguments, call
from skastro import diffraction, galaxy, inspection, model_selection, utils, xray

N = 12
_PAIRS = np.array([(i, j) for i in range(5) for j in range(i, 5)])


def _unit(rng: np.random.Generator, *shape: int) -> np.ndarray:
    d = rng.normal(size=(*shape, 3))
    return d / np.linalg.norm(d, axis=-1, keepdims=True)


def _finite(value: Any, arguments: Arguments) -> None:
    assert np.isfinite(np.asarray(value, dtype=float)).all()


def _zoo(rng: np.random.Generator) -> pd.DataFrame:
    flags = np.eye(3, dtype=bool)[rng.integers(0, 3, N)]
    votes = rng.dirichlet([1, 1, 1], N)
    return pd.DataFrame(
        {
            "objid": 587727178986356823 + np.arange(N),
            "spiral": flags[:, 0],
            "elliptical": flags[:, 1],
            "uncertain": flags[:, 2],
            "p_cs_debiased": votes[:, 0],
            "p_el_debiased": votes[:, 1],
        }
    )


def _catalogue(rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source_id": np.arange(N) // 2,
            "ra": rng.uniform(0, 360, N),
            "dec": rng.uniform(-90, 90, N),
            "hr1_rate": rng.uniform(-1, 1, N),
            "hr2_rate": rng.uniform(-1, 1, N),
            "flux_8": rng.lognormal(-30, 1, N),
        }
    )


def _split(splitter: Any) -> Callable[..., Any]:
    def folds(X: Any, y: Any, groups: Any = None, **parameters: Any) -> Any:
        return list(splitter(**parameters).split(X, y, groups))

    return folds


def _disjoint(folds: Any, arguments: Arguments) -> None:
    for train, test in folds:
        assert len(train)
        assert len(test)
        assert not set(train.tolist()) & set(test.tolist())


def _partition(subsets: Any, arguments: Arguments) -> None:
    rows = np.concatenate(subsets)
    assert len(rows) == len(set(rows.tolist()))


def _folded(d: Any, arguments: Arguments) -> None:
    # Rotated and mirrored, never scaled.
    before = np.asarray(arguments["directions"], dtype=float)
    largest = np.abs(before).max(initial=0.0) + np.finfo(float).tiny
    lengths = (np.linalg.norm(u / largest, axis=-1) for u in (before, d))
    np.testing.assert_allclose(*lengths, atol=1e-6)


def _colors(rgb: Any, arguments: Arguments) -> None:
    assert np.isfinite(rgb).all()
    assert ((rgb >= 0) & (rgb <= 1 + 1e-9)).all()


def _curve(rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source_id": np.arange(N) // 4,
            "time": np.tile([1.0, 2.0, 3.0, 4.0], N // 4),
            "rate": rng.uniform(0, 1, N),
            "rate_err": rng.uniform(0.1, 0.2, N),
        }
    )


def _cells(columns: Any, **more: Any) -> Any:
    return xray.xray_features(columns, counterparts=False, **more)


_D, _G, _I, _M, _U = diffraction, galaxy, inspection, model_selection, utils

# name, function, valid arguments, what else
_TABLE: tuple[tuple[str, Any, Any, dict[str, Any]], ...] = (
    ("diffraction.all_pairs", _D.all_pairs, lambda r: {"n_patterns": 4}, {}),
    (
        "diffraction.bunge_angles",
        lambda quaternions, degrees: _D.bunge_angles(
            Rotation.from_quat(quaternions), degrees=degrees
        ),
        lambda r: {"quaternions": r.normal(size=(6, 4)), "degrees": True},
        # SciPy does not look at its own input.
        {"keep": ("quaternions",), "sound": _finite},
    ),
    (
        "diffraction.camera_scale",
        _D.camera_scale,
        lambda r: {"voltage_kv": 200.0, "camera_length": 200.0, "pixel_size": 50.0},
        {"sound": _finite},
    ),
    (
        "diffraction.electron_wavelength",
        _D.electron_wavelength,
        lambda r: {"voltage_kv": float(r.uniform(1, 300))},
        {"sound": _finite},
    ),
    (
        "diffraction.scattering_factor",
        _D.scattering_factor,
        lambda r: {"element": "Ti", "g": r.uniform(0, 2, 6)},
        {"sound": _finite, "long": 600},
    ),
    *(
        (
            f"diffraction.{name}",
            getattr(_D, name),
            lambda r, arg=arg: {arg: _unit(r, 6), "crystal": "anatase"},
            {"sound": _finite, "keep": ("crystal",), "long": 600},
        )
        for name, arg in (
            ("cartesian_to_uvw", "directions"),
            ("uvw_to_cartesian", "uvw"),
        )
    ),
    (
        "diffraction.rotation_from_direction",
        _D.rotation_from_direction,
        lambda r: {"directions": _unit(r, 6), "in_plane": r.uniform(0, 360, 6)},
        {"sound": lambda v, a: _finite(v.as_quat(), a), "long": 600},
    ),
    (
        "diffraction.direction_from_rotation",
        lambda directions: _D.direction_from_rotation(
            _D.rotation_from_direction(directions)
        ),
        lambda r: {"directions": _unit(r, 6)},
        {"sound": _finite},
    ),
    (
        "diffraction.ipf_colors",
        _D.ipf_colors,
        lambda r: {"directions": _unit(r, 6), "laue_group": "4/mmm", "power": 0.5},
        {"sound": _colors, "long": 600, "rtol": 1e-4},
    ),
    (
        "diffraction.training_memory",
        _D.training_memory,
        lambda r: {"n_units": 1000, "batch_size": 32, "n_parameters": 1000},
        {"sound": _finite},
    ),
    (
        "diffraction.orientation_pipeline",
        _D.orientation_pipeline,
        lambda r: {
            "crystal": "silver",
            "scale": 0.01,
            "n_matches": 1,
            "direct_beam_radius": 4.0,
            "calibrate": False,
        },
        {"long": 200, "short": 5},
    ),
    (
        "galaxy.flag_labels",
        _G.flag_labels,
        lambda r: {"table": _zoo(r), "uncertain": "keep", "threshold": 0.8},
        {},
    ),
    (
        "galaxy.join_redshift",
        _G.join_redshift,
        lambda r: {
            "table": _zoo(r),
            "spectroscopy": pd.DataFrame(
                {"objid": _zoo(r)["objid"], "z": r.uniform(0, 0.3, N)}
            ),
            "how": "left",
            "z_column": "z",
        },
        {},
    ),
    (
        "galaxy.probability_table",
        _G.probability_table,
        lambda r: {
            "objid": 587727178986356823 + np.arange(N),
            "proba": r.dirichlet([1, 1], N),
            "classes": ["a", "b"],
            "table": _zoo(r),
        },
        {},
    ),
    (
        "galaxy.redshift_selection",
        _G.redshift_selection,
        lambda r: {"z": r.uniform(0, 1, N), "z_min": 0.0, "z_max": 0.2},
        {"long": 600},
    ),
    (
        "galaxy.unpack_objid",
        _G.unpack_objid,
        lambda r: {"objid": 587727178986356823 + r.integers(0, 2**20, N)},
        {"long": 600},
    ),
    (
        "inspection.cam_mass_shares",
        _I.cam_mass_shares,
        lambda r: {
            "maps": r.normal(size=(3, 4, 4)),
            "regions": {"top": np.arange(16).reshape(4, 4) < 8},
            "part": "positive",
        },
        {},
    ),
    (
        "inspection.class_mean_maps",
        _I.class_mean_maps,
        lambda r: {
            "maps": r.normal(size=(6, 4, 4)),
            "y": np.arange(6) % 2,
            "y_pred": r.integers(0, 2, 6),
            "only": "all",
            "sample_weight": r.uniform(1, 2, 6),
        },
        {},
    ),
    (
        "inspection.near_largest",
        _I.near_largest,
        lambda r: {"X": r.gamma(1.0, size=(4, 3, 4, 4)), "radius": 1.0},
        {},
    ),
    (
        "model_selection.sky_groups",
        _M.sky_groups,
        lambda r: {
            "ra": r.uniform(0, 360, N),
            "dec": r.uniform(-90, 90, N),
            "linking_deg": 20.0,
        },
        {"long": 600},
    ),
    (
        "model_selection.check_source_groups",
        _M.check_source_groups,
        lambda r: {"source_id": np.arange(N) // 2, "groups": np.arange(N) // 4},
        {"long": 600},
    ),
    (
        "model_selection.cluster_subsets",
        _M.cluster_subsets,
        lambda r: {
            "X": r.normal(size=(N, 3)),
            "n_subsets": 2,
            "n_clusters": 2,
            "random_state": 0,
        },
        {"long": 300, "short": 5, "sound": _partition, "keep": ("random_state",)},
    ),
    (
        "model_selection.corrected_resampled_ttest",
        _M.corrected_resampled_ttest,
        lambda r: {
            "scores_a": r.uniform(0.5, 0.9, N),
            "scores_b": r.uniform(0.5, 0.9, N),
            "n_train": 100.0,
            "n_test": 30.0,
            "margin": 0.0,
            "confidence": 0.9,
        },
        {"long": 600},
    ),
    (
        "model_selection.StratifiedSourceKFold",
        _split(_M.StratifiedSourceKFold),
        lambda r: {"X": _catalogue(r), "y": np.arange(N) // 2 % 2, "n_splits": 2},
        {"sound": _disjoint},
    ),
    (
        "model_selection.PairGroupKFold",
        _split(_M.PairGroupKFold),
        lambda r: {
            "X": _PAIRS,
            "y": np.zeros(15),
            "n_splits": 2,
            "mode": "pair",
            "random_state": 0,
        },
        {"sound": _disjoint, "keep": ("random_state",)},
    ),
    (
        "model_selection.ClusterBalancedKFold",
        _split(_M.ClusterBalancedKFold),
        lambda r: {
            "X": r.normal(size=(N, 3)),
            "y": np.zeros(N),
            "n_splits": 2,
            "n_clusters": 2,
            "random_state": 0,
        },
        {"long": 300, "short": 5, "sound": _disjoint, "keep": ("random_state",)},
    ),
    (
        "utils.area_matrix",
        _U.area_matrix,
        lambda r: {"n": 8, "factor": 2.0, "rounding": "block"},
        {},
    ),
    (
        "utils.enlarge_matrix",
        _U.enlarge_matrix,
        lambda r: {"m": 4, "n": 8, "method": "bilinear"},
        {},
    ),
    ("utils.gaussian_matrix", _U.gaussian_matrix, lambda r: {"n": 8, "sigma": 1.0}, {}),
    (
        "utils.resize_matrices",
        _U.resize_matrices,
        lambda r: {"shape": (8, 8), "factor": 2.0, "enlarge": "bilinear"},
        {},
    ),
    ("utils.shrunk_size", _U.shrunk_size, lambda r: {"n": 8, "factor": 2.0}, {}),
    (
        "utils.check_finite",
        lambda X: _U.check_finite(np.asarray(X)),
        lambda r: {"X": r.normal(size=(4, 3))},
        {},
    ),
    (
        "utils.check_image_shape",
        _U.check_image_shape,
        lambda r: {"image_shape": (4, 4)},
        {},
    ),
    (
        "utils.fold_directions",
        _U.fold_directions,
        lambda r: {"directions": _unit(r, 6), "laue_group": "m-3m"},
        {"sound": _folded, "long": 600},
    ),
    (
        "utils.laue_operations",
        _U.laue_operations,
        lambda r: {"laue_group": "m-3m"},
        {"covers": ("utils.laue_operations", "utils.proper_operations")},
    ),
    (
        "utils.own_random_state",
        lambda random_state: _U.own_random_state(random_state).randint(9, size=2),
        lambda r: {"random_state": 3},
        {"twice": False},
    ),
    (
        "xray.light_curve_array",
        xray.light_curve_array,
        lambda r: {"curves": _curve(r)},
        {"long": 600},
    ),
    (
        "xray.xray_features",
        _cells,
        lambda r: {"columns": ["hr1_rate", "flux_8", "flux_8_err"], "missing": "keep"},
        {"long": 600},
    ),
    (
        "xray.xray_features of a table",
        lambda columns: _cells(columns).fit_transform(columns),
        lambda r: {"columns": _catalogue(r)},
        {"long": 600, "short": 6, "covers": ("xray.xray_features",)},
    ),
    (
        "xray.xray_pipeline",
        xray.xray_pipeline,
        lambda r: {"columns": ["hr1_rate", "flux_8"], "preset": "recommended"},
        {"long": 400, "short": 5},
    ),
)

FUNCTIONS = [call(n, f, v, **more) for n, f, v, more in _TABLE]

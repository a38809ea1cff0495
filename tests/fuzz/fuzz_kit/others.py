"""Writers, simulators, explanations and studies on hostile arguments."""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.spatial.transform import Rotation
from sklearn.linear_model import LogisticRegression

from fuzz_kit.calls import Arguments, call
from skastro import (
    datasets,
    diffraction,
    galaxy,
    gaps,
    inspection,
    model_selection,
    neural_network,
    utils,
    xray,
)

_FILE = (ValueError, TypeError, OSError)
# The only part of a path that a junk value may be: below a folder of its own.
_NAMES = (
    "a.ang",
    "é\n.ctf",
    "-rf",
    "$(x)",
    "x" * 300,
    "a\0b",
    "",
    "no/such/a.ang",
    "~",
)


def _in_folder(write: Any) -> Any:
    """Let a writer write into a folder of its own; what fails leaves nothing."""

    def written(name: Any, **arguments: Any) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name if isinstance(name, (str, bytes)) else name
            try:
                write(path, **arguments)
            except Exception:
                assert not os.listdir(folder), "half a file stayed"
                raise
            assert len(os.listdir(folder)) == 1
            return Path(path).read_bytes()

    return written


def _map(rng: np.random.Generator) -> Arguments:
    return {
        "name": _NAMES[rng.integers(len(_NAMES))] if rng.random() < 0.3 else "a.ang",
        "rotations": Rotation.from_quat(rng.normal(size=(6, 4))),
        "scan_shape": (2, 3),
        "step": 1.0,
        "phases": [diffraction.Crystal.from_name("silver")],
        "phase_ids": np.zeros(6, dtype=int),
        "score": rng.random(6),
        "reliability": rng.random(6),
    }


def _hits(rng: np.random.Generator) -> Arguments:
    event = np.sort(rng.integers(0, 4, 9))
    return {
        "event": event,
        "voxel": np.arange(9) * 7,
        "energy": rng.gamma(1.0, size=9).astype(np.float32),
        "n_events": 4,
        "time": rng.random(9).astype(np.float32),
        "target": np.array(["a", "b", "a", "b"]),
        "truth": pd.DataFrame({"beta": rng.random(4), "ok": [True] * 4}),
    }


def _events(**hits: Any) -> Any:
    events = gaps.VoxelEvents(**hits)
    return events, events.to_csr(), events.to_dense()


def _write_events(suffix: str) -> Any:
    def write_and_read(**hits: Any) -> Any:
        events = gaps.VoxelEvents(**hits)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"a.{suffix}"
            try:
                gaps.write_voxel_events(events, path)
            except Exception:
                assert not os.listdir(folder), "half a file stayed"
                raise
            again = gaps.read_voxel_events(path)
        for name in ("event", "voxel", "energy"):
            a, b = getattr(events, name), getattr(again, name)
            assert a.dtype == b.dtype
            assert np.array_equal(a, b), f"{name} was changed by the file"
        return again.n_events

    return write_and_read


@functools.cache
def _simulator() -> Any:
    return diffraction.KinematicSimulator(
        "silver", shape=(16, 16), scale=0.1, max_g=0.8, relrod_width=0.05
    )


def _simulate(directions: Any, in_plane: Any, **parameters: Any) -> Any:
    simulator = diffraction.KinematicSimulator(
        "silver", shape=(12, 12), max_g=0.8, **parameters
    )
    return simulator.images(directions, in_plane, random_state=0)


def _image_is_sound(images: Any, arguments: Arguments) -> None:
    assert np.isfinite(images).all()


@functools.cache
def _net() -> Any:
    rng = np.random.default_rng(0)
    net = galaxy.GalaxyCNNClassifier(filters=(2, 2), max_epochs=1, random_state=0)
    return net.fit(rng.gamma(1.0, size=(8, 8, 8)), np.arange(8) % 2)


@functools.cache
def _flat() -> Any:
    rng = np.random.default_rng(0)
    return LogisticRegression().fit(rng.normal(size=(20, 2)), np.arange(20) % 2)


def _cam(X: Any, target: Any, **parameters: Any) -> Any:
    return inspection.GradCAM(_net(), **parameters)(X, target)


def _images(rng: np.random.Generator) -> np.ndarray:
    return rng.gamma(1.0, size=(3, 8, 8))


@functools.cache
def _result(seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 2))
    return model_selection.repeated_holdout(
        neural_network.DenseClassifier(hidden_layer_sizes=(2,), max_epochs=3),
        X,
        np.arange(30) % 2,
        n_repeats=4,
        random_state=0,
        verbose=0,
    )


def _study(X: Any, y: Any, **parameters: Any) -> Any:
    result = model_selection.repeated_holdout(
        LogisticRegression(), X, y, n_repeats=2, random_state=0, verbose=0, **parameters
    )
    return result.values


@functools.cache
def _frame() -> Any:
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [150.0, 2.0]
    wcs.wcs.crpix, wcs.wcs.cdelt = [21.0, 21.0], [-1.1e-4, 1.1e-4]
    wcs.wcs.set()
    return galaxy.SDSSFrame(
        data=np.arange(1600, dtype=np.float32).reshape(40, 40),
        unit="nanomaggy",
        sky=float("nan"),
        sky_source="survey",
        sky_subtracted=True,
        wcs=wcs,
        run=94,
        camcol=3,
        field=12,
        band="r",
        filename="made",
    )


def _classify(table: Any, keep: Any, chunksize: Any) -> Any:
    parts = xray.classify_catalogue(
        _flat(), table, keep=keep, features=["a", "b"], chunksize=chunksize
    )
    return pd.concat(list(parts))


def _degrade(images: Any, **parameters: Any) -> Any:
    augment = galaxy.RandomResolution(**parameters)
    out = augment(torch.as_tensor(images), torch.Generator().manual_seed(0))
    return out.numpy()


def _pairs(patterns: Any, directions: Any, pairs: Any, weights: Any) -> Any:
    mixer = diffraction.PairMixer(patterns, directions, weights=weights)
    return mixer(pairs), mixer.labels(pairs), mixer.factors(pairs)


def _erase(images: Any, directions: Any, **parameters: Any) -> Any:
    return diffraction.SpotEraser(_simulator(), **parameters).erase(images, directions)


def _crystal(cell: Any, sites: Any, operations: Any) -> Any:
    crystal = diffraction.Crystal("x", cell, sites, operations)
    return crystal.reflections(0.4).structure_factor


def _checked(X: Any, image_shape: Any) -> Any:
    return utils.check_images(galaxy.ResolutionDegrader(), X, image_shape)[1:]


def _threads(n_jobs: Any) -> int:
    with utils.torch_threads(n_jobs):
        return torch.get_num_threads()


def _unit(rng: np.random.Generator, n: int) -> np.ndarray:
    d = rng.normal(size=(n, 3))
    return d / np.linalg.norm(d, axis=1, keepdims=True)


_D, _I, _M = datasets, inspection, model_selection
_SEED = {"random_state": 0, "n_samples": 4}
_KEEP = ("random_state", "n_samples")
# Sizes that a junk value would make legally huge stay as they are.
_MAKERS: tuple[tuple[str, Any, Arguments, dict[str, Any]], ...] = (
    (
        "datasets.make_galaxies",
        _D.make_galaxies,
        {
            "size": 16,
            "bands": ("r",),
            "output": "counts",
            "uncertain": "keep",
            "class_weights": None,
            "psf": "moffat",
            "psf_fwhm": 1.32,
            "sky": None,
            "noise": 1.0,
        },
        {"long": 200, "short": 5},
    ),
    (
        "datasets.make_gaps_events",
        _D.make_gaps_events,
        {
            "incidence": "vertical",
            "beta": (0.26, 0.3),
            "antideuteron_fraction": 0.5,
            "stopped_only": False,
            "in_flight": True,
            "xrays": False,
            "channels": ("energy",),
            "threshold": 0.05,
            "as_sparse": False,
        },
        {"long": 300, "short": 3},
    ),
    (
        "datasets.make_xray_sources",
        _D.make_xray_sources,
        {
            "missing": True,
            "errors": True,
            "counterparts": False,
            "n_detections": 1.0,
            "class_weights": None,
        },
        {"long": 300, "short": 5, "covers": ("datasets.make_xray_sources",)},
    ),
    (
        "datasets.make_light_curves",
        _D.make_light_curves,
        {
            "n_points": 8,
            "time_step": 100.0,
            "mean_rate": 0.5,
            "kinds": ("constant", "flare"),
            "fvar": 0.3,
            "slope": 2.0,
            "flare_amplitude": 10.0,
            "gap_fraction": 0.0,
            "noise": True,
        },
        {"long": 600},
    ),
    (
        "datasets.make_diffraction_patterns",
        lambda **p: _D.make_diffraction_patterns(simulator=_simulator(), **p),
        {
            "n_directions": 1,
            "directions": "sphere",
            "in_plane": "random",
            "weights": None,
            "n_singles": None,
        },
        {"long": 300, "short": 5},
    ),
)

_TABLE: tuple[tuple[str, Any, Any, dict[str, Any]], ...] = (
    *(
        (name, make, lambda r, given=given: {**_SEED, **given}, {"keep": _KEEP, **more})
        for name, make, given, more in _MAKERS
    ),
    (
        "datasets.load_gaps_sample",
        _D.load_gaps_sample,
        lambda r: {
            "incidence": "random",
            "stopped_only": True,
            "channels": ("energy",),
            "as_sparse": True,
        },
        {"long": 30, "short": 2, "twice": False},
    ),
    (
        "gaps.simulate_geant4_events",
        gaps.simulate_geant4_events,
        # No event: what is fuzzed is what comes before the long simulation.
        lambda r: {
            "n_samples": 0,
            "species": "antiproton",
            "incidence": "random",
            "beta": (0.26, 0.3),
            "physics": "data-free",
        },
        {"keep": ("n_samples",), "long": 100, "short": 3, "twice": False},
    ),
    *(
        (
            f"diffraction.{name}",
            _in_folder(getattr(diffraction, name)),
            _map,
            {"keep": ("name",), "refusals": _FILE, "long": 300, "short": 10},
        )
        for name in ("write_ang", "write_ctf")
    ),
    *(
        (
            f"gaps.write_voxel_events {suffix}",
            _write_events(suffix),
            _hits,
            {
                "covers": ("gaps.write_voxel_events", "gaps.read_voxel_events"),
                "refusals": _FILE,
                "twice": False,
                "layouts": False,
                "long": long,
                "short": 5,
            },
        )
        for suffix, long in (("npz", 800), ("h5", 600))
    ),
    (
        "gaps.VoxelEvents",
        _events,
        _hits,
        {"long": 600, "short": 20},
    ),
    (
        "diffraction.KinematicSimulator",
        _simulate,
        lambda r: {
            "directions": _unit(r, 2),
            "in_plane": r.uniform(0, 360, 2),
            "voltage_kv": 200.0,
            "relrod": "gaussian",
            "relrod_width": 0.05,
            "b_iso": 0.5,
            "scale": 0.1,
            "spot_sigma": 1.0,
            "normalize": "max",
            "counts": None,
            "background": 0.1,
        },
        {"long": 150, "short": 5, "sound": _image_is_sound},
    ),
    (
        "diffraction.SpotEraser",
        _erase,
        lambda r: {
            "images": r.gamma(1.0, size=(2, 16, 16)),
            "directions": _unit(r, 2),
            "method": "mask",
            "threshold": 0.02,
        },
        {"long": 300, "short": 4},
    ),
    (
        "diffraction.PairMixer",
        _pairs,
        lambda r: {
            "patterns": r.random((5, 4, 4)),
            "directions": _unit(r, 5),
            "pairs": np.array([[0, 1], [3, 4]]),
            "weights": (0.5, 0.5),
        },
        # A str is a path.
        {"long": 600, "refusals": _FILE},
    ),
    (
        "diffraction.Crystal",
        _crystal,
        lambda r: {
            "cell": (4.0, 4.0, 4.0, 90.0, 90.0, 90.0),
            "sites": [("Ag", 0.0, 0.0, 0.0)],
            "operations": ("x,y,z",),
        },
        {"long": 600},
    ),
    (
        "galaxy.extract_cutouts",
        lambda **a: galaxy.extract_cutouts(_frame(), **a).images,
        lambda r: {
            "coords": np.array([150.0, 2.0]) + r.uniform(-1e-3, 1e-3, (3, 2)),
            "size": 8,
            "edge": "fill",
            "ids": np.arange(3),
            "fill_value": 0.0,
        },
        {"long": 1000},
    ),
    (
        "galaxy.RandomResolution",
        _degrade,
        lambda r: {
            "images": r.random((3, 1, 8, 8)),
            "factors": (1, 2),
            "p_original": 0.3,
            "enlarge": "bilinear",
            "rounding": "block",
        },
        {"keep": ("images",), "long": 600},
    ),
    (
        "inspection.GradCAM",
        _cam,
        lambda r: {"X": _images(r), "target": None, "method": "gradcam"},
        {"long": 400, "short": 5, "rtol": 1e-3, "strict": False},
    ),
    (
        "inspection.occlusion_maps",
        lambda **a: _I.occlusion_maps(_net(), **a),
        lambda r: {
            "X": _images(r),
            "grid_shape": (8, 8),
            "patch": 4,
            "baseline": 0.0,
        },
        {"long": 200, "short": 3, "rtol": 1e-3, "strict": False},
    ),
    (
        "inspection.perturbation_curves",
        lambda **a: _I.perturbation_curves(_net(), random_state=0, **a),
        lambda r: {
            "X": _images(r),
            "maps": _images(r),
            "steps": 2,
            "baseline": 0.0,
            "order": "descending",
        },
        {"long": 200, "short": 3, "rtol": 1e-3, "strict": False},
    ),
    (
        "inspection.randomized_weights_check",
        lambda **a: _I.randomized_weights_check(_net(), random_state=0, **a),
        lambda r: {"X": _images(r), "target": None, "n_repeats": 1},
        {"long": 60, "short": 2, "rtol": 1e-3, "strict": False},
    ),
    (
        "model_selection.compare",
        lambda **a: _M.compare(_result(0), _result(1), **a),
        lambda r: {
            "metric": None,
            "split": "test",
            "variant": "original",
            "select": None,
            "alternative": "two-sided",
            "margin": 0.0,
            "confidence": 0.95,
        },
        {"long": 300, "short": 5},
    ),
    (
        "model_selection.diagnose_overfitting",
        lambda **a: _M.diagnose_overfitting(_result(0), **a),
        lambda r: {
            "split": "validation",
            "loss_margin": 0.05,
            "score_margin": 0.01,
            "correlation": None,
            "confidence": 0.95,
        },
        {"long": 300, "short": 5},
    ),
    (
        "model_selection.repeated_holdout",
        _study,
        lambda r: {
            "X": r.normal(size=(20, 2)),
            "y": np.arange(20) % 2,
            "test_size": 0.3,
            "validation_size": 0.2,
            "stratify": True,
            "scoring": None,
            "select": "validation",
        },
        {"long": 150, "short": 3, "strict": False, "rtol": 1e-3},
    ),
    (
        "xray.classify_catalogue",
        _classify,
        lambda r: {
            "table": pd.DataFrame(
                {"source_id": range(5), "a": r.normal(size=5), "b": r.normal(size=5)}
            ),
            "keep": ["source_id"],
            "chunksize": 2,
        },
        {"long": 600},
    ),
    (
        "utils.check_images",
        _checked,
        lambda r: {"X": r.normal(size=(4, 3, 3)), "image_shape": None},
        {"long": 600, "layouts": False},
    ),
    (
        "utils.import_optional",
        lambda name: utils.import_optional(name, extra="hdf5"),
        lambda r: {"name": "h5py"},
        {"refusals": (ValueError, TypeError, ImportError), "long": 60, "short": 5},
    ),
    (
        "utils.as_lazy_rows",
        lambda X: np.asarray(utils.as_lazy_rows(X)),
        lambda r: {"X": r.normal(size=(5, 3, 3))},
        {"covers": ("utils.as_lazy_rows", "utils.LazyRows", "utils.map_transformer")},
    ),
    (
        "utils.torch_threads",
        _threads,
        lambda r: {"n_jobs": 1},
        {"long": 60, "short": 10},
    ),
    (
        "utils.all_estimators",
        lambda: [name for name, _ in utils.all_estimators()],
        lambda r: {},
        {"long": 2, "short": 1},
    ),
)

OTHERS = [call(n, f, v, **more) for n, f, v, more in _TABLE]

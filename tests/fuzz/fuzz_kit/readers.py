"""Readers on damaged files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from fuzz_kit.files import valid
from fuzz_kit.guard import strict_numbers
from fuzz_kit.mutate import damaged
from fuzz_kit.same import same
from fuzz_kit.target import Target
from skastro.datasets import load_galaxy_zoo1_cutouts
from skastro.datasets._idx import read_idx, read_idx_labels
from skastro.diffraction import Crystal, PairMixer, read_blo, read_hspy
from skastro.galaxy import read_frame, read_galaxy_zoo1_table
from skastro.gaps import read_voxel_events
from skastro.utils import load_model
from skastro.xray import read_4xmm, read_csc_training, read_lin2024

_FILE_ERRORS = (ValueError, OSError)
# Names that lie about the content, and such that a shell or a path would take apart.
_NAMES = ("a b", "-rf", "é\n", "$(x);", "~", "..hidden", "x" * 200, "a%s{0}", "[a]*")


def _table_is_sound(table: pd.DataFrame) -> None:
    assert len(table)
    assert table.columns.is_unique
    for name in set(table) & {"ra", "dec"}:
        values = table[name].to_numpy(float)
        assert values.dtype == np.float64, name


def _frame_is_sound(frame: Any) -> None:
    assert frame.data.dtype == np.float32
    assert frame.data.ndim == 2
    assert np.isfinite(frame.data).all()
    assert frame.band in tuple("ugriz")
    assert frame.unit == "nanomaggy" or np.isfinite(frame.sky)


def _events_are_sound(events: Any) -> None:
    assert np.isfinite(events.energy).all()
    assert (np.diff(events.event) >= 0).all()
    if len(events.voxel):
        assert 0 <= events.voxel.min() <= events.voxel.max() < 1440
        assert events.event.max() < events.n_events


def _scan_is_sound(scan: Any) -> None:
    data = np.asarray(scan.data)
    assert data.shape[:-2] == scan.navigation_shape
    assert scan.scale is None or 0 < scan.scale < np.inf
    assert scan.step is None or all(0 < s < np.inf for s in scan.step)


def _crystal_is_sound(crystal: Any) -> None:
    assert np.isfinite(crystal.cell).all()
    reflections = crystal.reflections(0.5)
    assert np.isfinite(reflections.structure_factor).all()


def _cutouts_are_sound(zoo: Any) -> None:
    assert zoo.images.dtype == np.uint8
    assert len(zoo.images) == len(zoo.objid) == len(zoo.target)


def _mixer(path: Path) -> Any:
    return np.asarray(PairMixer(path, seed=0)(np.array([[0, 1]])))


def _model_is_sound(model: Any) -> None:
    # A name of a class may be damaged into that of another trusted one.
    assert not isinstance(model, (str, bytes, int))


def _finite(values: np.ndarray) -> None:
    assert np.isfinite(values).all()


def _labels(labels: np.ndarray) -> None:
    assert labels.shape == (3,)
    assert labels.max() < 3


def reader(
    name: str,
    kind: str,
    read: Callable[..., Any],
    sound: Callable[[Any], None],
    covers: tuple[str, ...],
    suffixes: tuple[str, ...] = ("",),
    options: tuple[dict[str, Any], ...] = ({},),
    twice: bool = True,
    long: int = 2000,
    short: int = 25,
) -> Target:
    """Make the target of a reader."""

    def case(draw: Callable[[Any], Any], folder: Path) -> None:
        content = draw(damaged(valid(kind)))
        stem = draw(st.sampled_from(("a", "b", "c", *_NAMES)))
        path = folder / (stem + draw(st.sampled_from(suffixes)))
        if draw(st.integers(0, 20)) == 0:
            path = Path(os.fspath(path) + "\0")
        else:
            path.write_bytes(content)
        chosen = draw(st.sampled_from(options))
        before = set(os.listdir(folder))
        try:
            with strict_numbers():
                first = read(path, **chosen)
                sound(first)
                again = read(path, **chosen)
            assert not twice or same(first, again), "read twice, two results"
        finally:
            assert set(os.listdir(folder)) == before
            assert not os.path.exists("escaped")
            if "\0" not in os.fspath(path):
                assert path.read_bytes() == content

    return Target(name, covers, case, short, long, _FILE_ERRORS)


READERS = [
    reader(
        f"read_voxel_events {kind}",
        f"events.{kind}",
        read_voxel_events,
        _events_are_sound,
        ("gaps.read_voxel_events",),
        (f".{kind}", "", f".{kind}"),
        ({"format": fmt}, {"format": fmt}, {}, {"n_events": 5}),
        long=long,
        short=short,
    )
    for kind, fmt, long, short in (
        ("npz", "npz", 6000, 25),
        ("h5", "hdf5", 2500, 25),
        ("root", "root", 400, 5),
    )
] + [
    reader(
        "read_4xmm",
        "4xmm",
        read_4xmm,
        _table_is_sound,
        ("xray.read_4xmm",),
        (".fits", ".csv", ".gz"),
        long=1800,
    ),
    reader(
        "read_4xmm in chunks",
        "4xmm",
        lambda path: pd.concat(list(read_4xmm(path, chunksize=3))),
        _table_is_sound,
        ("xray.read_4xmm",),
        long=1000,
        short=10,
    ),
    reader(
        "read_csc_training",
        "csc",
        read_csc_training,
        _table_is_sound,
        ("xray.read_csc_training",),
        (".csv",),
        long=1500,
    ),
    reader(
        "read_lin2024",
        "lin2024",
        read_lin2024,
        _table_is_sound,
        ("xray.read_lin2024",),
        (".csv",),
        ({}, {"labelled_only": False}),
        long=1500,
    ),
    reader(
        "read_galaxy_zoo1_table",
        "zoo",
        read_galaxy_zoo1_table,
        _table_is_sound,
        ("galaxy.read_galaxy_zoo1_table",),
        (".csv", ".zip", ".fits"),
        ({}, {"duplicates": "raise"}, {"columns": ["objid", "ra"]}),
        long=1800,
    ),
    reader(
        "read_frame",
        "frame",
        read_frame,
        _frame_is_sound,
        ("galaxy.read_frame",),
        (".fits", ".fit.gz", ""),
        ({}, {"subtract_sky": True}),
        long=1800,
    ),
    reader(
        "read_blo",
        "blo",
        read_blo,
        _scan_is_sound,
        ("diffraction.read_blo",),
        (".blo",),
        ({}, {"lazy": True}),
        long=7000,
    ),
    reader(
        "read_hspy",
        "hspy",
        read_hspy,
        _scan_is_sound,
        ("diffraction.read_hspy",),
        (".hspy",),
        ({}, {"lazy": True}, {"experiment": "scan"}),
        long=2500,
    ),
    reader(
        "Crystal.from_cif",
        "cif",
        Crystal.from_cif,
        _crystal_is_sound,
        ("diffraction.Crystal",),
        (".cif",),
        long=7000,
    ),
    reader(
        "load_galaxy_zoo1_cutouts",
        "cutouts",
        load_galaxy_zoo1_cutouts,
        _cutouts_are_sound,
        ("datasets.load_galaxy_zoo1_cutouts",),
        (".npz",),
        long=7000,
    ),
    reader(
        "IDX images",
        "idx",
        lambda path: read_idx(path, (None, 2, 2), max_values=1 << 20),
        _finite,
        ("datasets.fetch_fashion_mnist",),
        long=9000,
    ),
    reader(
        "IDX labels",
        "idx",
        lambda path: read_idx_labels(path, 3, 3),
        _labels,
        ("datasets.fetch_fashion_mnist",),
        long=9000,
    ),
    reader(
        "load_model",
        "model",
        load_model,
        _model_is_sound,
        ("utils.load_model", "utils.save_model", "utils.trusted_types"),
        (".skops",),
        twice=False,
        long=1500,
        short=15,
    ),
    reader(
        "PairMixer of a .npy",
        "npy",
        _mixer,
        _finite,
        ("diffraction.PairMixer",),
        (".npy",),
        long=6000,
    ),
]

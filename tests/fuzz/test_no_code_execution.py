"""Nothing that is read runs code: no unpickling in the package, none in practice."""

from __future__ import annotations

import ast
import functools
import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import joblib
import numpy as np
import pytest
from fuzz_kit.mutate import Payload

import skastro
from skastro.datasets import load_galaxy_zoo1_cutouts
from skastro.diffraction import Crystal, PairMixer, read_blo, read_hspy
from skastro.galaxy import read_frame, read_galaxy_zoo1_table
from skastro.gaps import read_voxel_events
from skastro.utils import load_model
from skastro.xray import read_4xmm, read_csc_training, read_lin2024

PACKAGE = Path(skastro.__file__).parent
# What runs code that a file or a text holds, by the last parts of its dotted name.
RUNS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "pickle.load",
    "pickle.loads",
    "pickle.Unpickler",
    "dill.load",
    "cloudpickle.load",
    "cloudpickle.loads",
    "joblib.load",
    "pd.read_pickle",
    "marshal.loads",
    "shelve.open",
    "yaml.load",
    "yaml.unsafe_load",
    "os.system",
    "os.popen",
}


# Work that the workers of a Dask cluster get from the user's own process, as they get
# all work: Dask itself unpickles it. No file is read.
TRUSTED = {"utils/_dask_backend.py pickle.loads"}


def dotted(node: ast.expr) -> str:
    """Write a name such as ``np.load``; parts that are no names are left out."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}".lstrip(".")
    return node.id if isinstance(node, ast.Name) else ""


@functools.cache
def calls() -> list[tuple[str, ast.Call]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                place = f"{path.relative_to(PACKAGE)}:{node.lineno}"
                found.append((place, node))
    return found


def option(node: ast.Call, name: str) -> Any:
    value = next((k.value for k in node.keywords if k.arg == name), None)
    return value.value if isinstance(value, ast.Constant) else None


def test_arrays_are_loaded_without_pickles() -> None:
    loads = [
        (place, node)
        for place, node in calls()
        if dotted(node.func) in ("np.load", "numpy.load")
    ]
    assert loads
    assert [p for p, n in loads if option(n, "allow_pickle") is not False] == []


def test_nothing_in_the_package_runs_what_it_reads() -> None:
    wrong = [
        f"{place} {dotted(node.func)}"
        for place, node in calls()
        if dotted(node.func) in RUNS
        or (
            dotted(node.func) == "torch.load"
            and option(node, "weights_only") is not True
        )
        or option(node, "shell") is True
    ]
    wrong = [w for w in wrong if w.split(":")[0] + " " + w.split()[-1] not in TRUSTED]
    assert wrong == []


def test_no_module_that_unpickles_is_imported_by_its_functions() -> None:
    """Find ``from pickle import loads``, which the other tests would not see."""
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                wrong += [f"{path.name}: {n}" for n in names & RUNS]
                wrong += [n for n in names if n in ("numpy.load", "torch.load")]
    assert wrong == []


def _npz(bad: bytes) -> bytes:
    """Put a pickle where an array of every name is expected."""
    out = io.BytesIO()
    names = "images objid ra dec majority_vote flag event voxel energy n_events skastro"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|O", "fortran_order": False, "shape": (1,)}
    )
    with zipfile.ZipFile(out, "w") as archive:
        for name in names.split():
            archive.writestr(f"{name}.npy", header.getvalue() + bad)
    return out.getvalue()


def _npy(bad: bytes) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        out, {"descr": "|O", "fortran_order": False, "shape": (1,)}
    )
    return out.getvalue() + bad


def _h5(bad: bytes) -> bytes:
    """Store a pickle as PyTables and others do: bytes, or an opaque type."""
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        for name in ("event", "voxel", "energy", "Experiments/a/data"):
            file[name] = np.void(bad)
        file.attrs["skastro"] = np.void(bad)
    return out.getvalue()


def _joblib(bad: bytes) -> bytes:
    out = io.BytesIO()
    joblib.dump(pickle.loads(pickle.dumps([1])), out)
    return bad + out.getvalue()


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "pickle": bytes,
    "npz": _npz,
    "npy": _npy,
    "h5": _h5,
    "joblib": _joblib,
}
READERS: dict[str, Callable[[Path], Any]] = {
    "cutouts": load_galaxy_zoo1_cutouts,
    "events npz": lambda p: read_voxel_events(p, format="npz"),
    "events hdf5": lambda p: read_voxel_events(p, format="hdf5"),
    "events root": lambda p: read_voxel_events(p, format="root"),
    "events": read_voxel_events,
    "4xmm": read_4xmm,
    "csc": read_csc_training,
    "lin2024": read_lin2024,
    "zoo": read_galaxy_zoo1_table,
    "frame": read_frame,
    "blo": read_blo,
    "hspy": read_hspy,
    "cif": Crystal.from_cif,
    "mixer": PairMixer,
    "model": load_model,
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("form", FORMS)
def test_a_pickle_is_refused_and_not_run(tmp_path: Path, name: str, form: str) -> None:
    trace = tmp_path / "it ran"
    path = tmp_path / f"a.{form}"
    path.write_bytes(FORMS[form](pickle.dumps(Payload(str(trace)))))
    with pytest.raises((ValueError, OSError)):
        READERS[name](path)
    assert not trace.exists()


def test_the_payload_would_run(tmp_path: Path) -> None:
    trace = tmp_path / "it ran"
    pickle.loads(pickle.dumps(Payload(str(trace)))).close()
    assert trace.exists()

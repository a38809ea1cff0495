"""The rules of the house: who may import whom, and how long a file may be."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import skastro

ROOT = Path(skastro.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# The floors, from the cellar up; rooms on one floor do not know each other.
FLOORS = [
    {"utils", "metrics"},
    {"neural_network", "sampling"},
    {"calibration", "model_selection", "inspection"},
    {"galaxy", "xray", "diffraction", "gaps"},
    {"datasets"},
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def imported_rooms(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}: relative import"
            names.add(node.module)
    parts = [name.split(".") for name in names]
    return {p[1] for p in parts if p[0] == "skastro" and len(p) > 1}


def test_every_room_is_on_a_floor() -> None:
    rooms = {p.name for p in ROOT.iterdir() if (p / "__init__.py").exists()}
    assert rooms <= set(FLOOR_OF)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_imports_point_down(file: Path) -> None:
    place = file.relative_to(ROOT).parts
    if len(place) == 1:
        return
    room = place[0]
    for other in imported_rooms(file) - {room, "_version"}:
        lower = FLOOR_OF[other] < FLOOR_OF[room]
        # utils and metrics share the cellar: metrics may use utils.
        cellar = room == "metrics" and other == "utils"
        assert lower or cellar, f"{file} of {room} imports {other}"


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_files_are_short(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= 400


def test_public_names_are_there_once() -> None:
    for info in pkgutil.walk_packages(skastro.__path__, prefix="skastro."):
        module = importlib.import_module(info.name)
        if not hasattr(module, "__path__"):
            continue
        names = module.__all__
        assert len(names) == len(set(names))
        assert all(hasattr(module, name) for name in names)


def test_import_is_light() -> None:
    """Optional libraries are imported where they are used, not with the package."""
    import subprocess
    import sys

    optional = ["astropy", "matplotlib", "skops", "cv2", "dask", "crepes"]
    optional += ["diffsims", "gemmi", "h5py", "numba", "orix", "zarr"]
    optional += ["awkward", "captum", "geant4_pybind", "uproot"]
    rooms = [r for rooms in FLOORS for r in rooms if (ROOT / r).exists()]
    code = (
        f"import sys, {', '.join(f'skastro.{r}' for r in rooms)}; "
        f"print([m for m in {optional} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_no_gpl_import() -> None:
    """The library is BSD: GPL packages are peers of tests and benchmarks only."""
    gpl = {"diffsims", "hyperspy", "kikuchipy", "orix", "py4DSTEM", "pyxem", "rsciio"}
    for path in sorted(ROOT.rglob("*.py")):
        text = path.read_text()
        named = {
            name.split(".")[0]
            for node in ast.walk(ast.parse(text))
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        assert not named & gpl, path
        assert not any(f'import_optional("{name}' in text for name in gpl), path

"""A disk that is full: the old file or none stays, no litter, and the path is named."""

from __future__ import annotations

import ast
import errno
import importlib.util
import os
import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

import skastro

_SPEC = importlib.util.spec_from_file_location(
    "skastro_fault_writers", Path(__file__).with_name("writers.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
writers = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(writers)

resource = pytest.importorskip("resource")
ROOT = Path(skastro.__file__).parent

# Calls that put something on a disk; those that open do with some modes only.
WRITING = {
    *("write_text", "write_bytes", "tofile", "savetxt", "save", "savez", "recreate"),
    *("savez_compressed", "to_csv", "to_parquet", "to_hdf", "to_pickle", "savefig"),
    *("replace", "rename", "mkdir", "makedirs", "touch", "mkstemp", "mkdtemp", "copy"),
    *("TemporaryDirectory", "NamedTemporaryFile", "dump", "copyfile", "move", "create"),
    *("imwrite", "writeto", "symlink", "retrieve", "save_array", "rmtree"),
}
OPENING = {"open", "File", "ZipFile", "GzipFile", "memmap", "open_array", "fdopen"}


def writing_calls(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in WRITING:
            owner = getattr(getattr(node.func, "value", None), "id", "")
            if name in ("replace", "rename", "copy") and owner not in ("os", "shutil"):
                continue  # of strings, frames, arrays
            found.append(f"{name}:{node.lineno}")
        if name in OPENING:
            given = [*node.args, *(k.value for k in node.keywords)]
            texts = [a.value for a in given if isinstance(a, ast.Constant)]
            modes = [t for t in texts if isinstance(t, str) and len(t) <= 3]
            if any(set(mode) & set("wxa+") for mode in modes):
                found.append(f"{name}:{node.lineno}")
            if any(isinstance(a, ast.IfExp) for a in given):
                found.append(f"{name}:{node.lineno}")
    return found


def test_no_writer_is_forgotten() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): calls
        for path in sorted(ROOT.rglob("*.py"))
        if (calls := writing_calls(path))
    }
    known = {file for file, _ in writers.WRITERS.values()} | set(writers.ELSEWHERE)
    assert set(found) - known == set(), found
    # Those that only pass bytes on have no such call themselves.
    assert known - set(found) <= {"utils/_atomic.py"}


@contextmanager
def file_size_limit(n_bytes: int) -> Iterator[None]:
    """Let the system refuse every byte of a file beyond a length (EFBIG)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def refused(name: str, folder: Path, number: int, fault: Any) -> None:
    """Write with a fault; see that the folder is as it was and the message is clear."""
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with fault, pytest.raises(OSError) as caught:
        writers.make(name, folder)
    message = str(caught.value)
    assert caught.value.errno == number, message
    assert f"{folder / name} was not written" in message
    assert "is as it was" in message
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    folder = tmp_path_factory.mktemp("sizes")
    return {n: writers.make(n, folder).stat().st_size for n in writers.WRITERS}


@pytest.mark.parametrize("name", writers.WRITERS)
def test_a_file_that_may_not_grow(
    name: str, tmp_path: Path, sizes: dict[str, int]
) -> None:
    size = sizes[name]
    for limit in (0, size // 3, int(0.9 * size)):
        refused(name, tmp_path, errno.EFBIG, file_size_limit(limit))
    (tmp_path / name).write_bytes(b"old")
    for limit in (0, 100, size // 2):
        refused(name, tmp_path, errno.EFBIG, file_size_limit(limit))
    path = writers.make(name, tmp_path)
    assert writers.is_whole(path, path.read_bytes())
    assert list(tmp_path.iterdir()) == [path]


@contextmanager
def failing(name: str, number: int) -> Iterator[None]:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, name, fail)
        yield


@pytest.mark.parametrize("name", writers.WRITERS)
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_is_full_at_the_end(name: str, step: str, tmp_path: Path) -> None:
    """Some file systems say so only when they are asked to keep what they took."""
    (tmp_path / name).write_bytes(b"old")
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        refused(name, tmp_path, number, failing(step, number))


@pytest.mark.parametrize("name", writers.WRITERS)
def test_places_that_cannot_be_written(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for folder, kind, advice in (
        ("none", FileNotFoundError, "make the folder first"),
        ("file", NotADirectoryError, "choose another folder"),
    ):
        with pytest.raises(kind, match=advice) as caught:
            writers.make(name, tmp_path / folder)
        assert f"{tmp_path / folder / name} was not written" in str(caught.value)
    (tmp_path / name).mkdir()
    with pytest.raises(OSError, match=r"was not written|is there already"):
        writers.make(name, tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"file", name}
    assert not list((tmp_path / name).iterdir())


@pytest.mark.stress
def test_disks_that_are_full_at_random_bytes(
    tmp_path: Path, sizes: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("SKASTRO_FAULT_SEED", secrets.randbits(32)))
    draw = random.Random(seed)
    times = 60
    for name, size in sizes.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_bytes(b"old")
        for _ in range(times):
            # The last bytes may not be there: ROOT's files vary a little.
            limit = draw.randrange(int(0.95 * size))
            refused(name, folder, errno.EFBIG, file_size_limit(limit))
    with capsys.disabled():
        print(
            f"\n{times * len(sizes)} full disks at random bytes of {len(sizes)} "
            f"writers: the old file intact, no litter, path named (seed {seed})"
        )


# --- Geant4's folder ---------------------------------------------------------------


def simulate() -> Any:
    from skastro.gaps import simulate_geant4_events

    return simulate_geant4_events(20, physics="data-free", random_state=0)


def test_no_room_for_geant4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("geant4_pybind") is None:
        pytest.skip("geant4-pybind is not installed")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with file_size_limit(5000), pytest.raises(OSError, match="set TMPDIR") as caught:
        simulate()
    assert caught.value.errno == errno.EFBIG
    assert str(tmp_path) in str(caught.value)
    # The worker itself finds the disk full.
    fake = tmp_path / "worker.py"
    fake.write_text("import os\nos._exit(74)\n")
    monkeypatch.setattr("skastro.gaps._geant4_process._WORKER", fake)
    with pytest.raises(OSError, match=r"No space left.*set TMPDIR"):
        simulate()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="set TMPDIR"):
        simulate()
    assert list(tmp_path.iterdir()) == [fake]


# --- a small disk ------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB in memory, where one may be made."""
    import subprocess

    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "skastro-test", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_small_disk(small_disk: Path, sizes: dict[str, int]) -> None:
    large = [name for name, size in sizes.items() if size > 70_000]
    assert len(large) >= 6
    for name in large:
        (small_disk / name).write_bytes(b"old")
        refused(name, small_disk, errno.ENOSPC, nullcontext())
        (small_disk / name).unlink()

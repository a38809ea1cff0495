"""Files of voxel events: they come back to the bit, and what is wrong is refused."""

from __future__ import annotations

import contextlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from skastro.gaps import VoxelEvents, read_voxel_events, write_voxel_events

BIG = 2**53 + 1  # the first whole number that float64 does not have


def sample(n: int = 40, *, full: bool = True) -> VoxelEvents:
    rng = np.random.default_rng(0)
    voxels = [
        np.sort(rng.choice(1440, k, replace=False)) for k in rng.integers(0, 9, n)
    ]
    voxel = np.concatenate(voxels) if voxels else np.zeros(0, int)
    event = np.repeat(np.arange(n), [len(v) for v in voxels])
    energy = rng.gamma(1.0, 8.0, len(voxel)).astype(np.float32)
    if not full:
        return VoxelEvents(event, voxel, energy, n)
    truth = pd.DataFrame(
        {
            "beta": rng.uniform(0.26, 0.3, n),
            "cos_zenith": rng.uniform(0, 1, n).astype(np.float32),
            "stopped": rng.random(n) < 0.5,
            "stop_layer": rng.integers(-1, 10, n).astype(np.int8),
            "event_id": BIG + 2 * np.arange(n),
            "origin": np.array(["top", "Seite für β", ""])[rng.integers(0, 3, n)],
        }
    )
    time = rng.exponential(5.0, len(voxel)).astype(np.float32)
    target = np.array(["antiproton", "antideuteron"])[rng.integers(0, 2, n)]
    return VoxelEvents(event, voxel, energy, n, time, target, truth)


def assert_same(a: VoxelEvents, b: VoxelEvents) -> None:
    assert a.n_events == b.n_events
    for name in ("event", "voxel", "energy", "time"):
        x, y = getattr(a, name), getattr(b, name)
        assert (x is None) == (y is None)
        if x is not None:
            assert x.dtype == y.dtype
            assert x.tobytes() == y.tobytes()
    assert (a.target is None) == (b.target is None)
    if a.target is not None:
        # Strings of none have no width.
        assert a.target.dtype == b.target.dtype or not a.n_events
        assert a.target.tolist() == b.target.tolist()
    pd.testing.assert_frame_equal(
        a.truth, b.truth, check_exact=True, check_column_type=False, check_like=True
    )


def need(kind: str) -> None:
    if kind != "npz":
        pytest.importorskip({"h5": "h5py", "root": "uproot"}[kind])


KINDS = pytest.mark.parametrize("kind", ["npz", "h5", "root"])


@KINDS
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("n", [40, 3, 0])
def test_round_trip_to_the_bit(tmp_path: Path, kind: str, full: bool, n: int) -> None:
    need(kind)
    events = sample(n, full=full)
    path = tmp_path / f"odd:name é.{kind}"
    write_voxel_events(events, path)
    assert_same(read_voxel_events(path), events)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_root_in_several_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("root")
    monkeypatch.setattr("skastro.gaps._event_root._CHUNK", 7)
    write_voxel_events(sample(), tmp_path / "a.root")
    assert_same(read_voxel_events(tmp_path / "a.root"), sample())


@KINDS
def test_events_without_a_hit_stay(tmp_path: Path, kind: str) -> None:
    need(kind)
    events = VoxelEvents([], [], [], 5, time=[], target=["a"] * 5)
    write_voxel_events(events, tmp_path / f"a.{kind}")
    assert_same(read_voxel_events(tmp_path / f"a.{kind}"), events)


@KINDS
def test_whole_numbers_never_pass_through_floats(tmp_path: Path, kind: str) -> None:
    need(kind)
    ids = np.array([BIG, -BIG, 2**63 - 1])
    mask = np.array([2**64 - 1, 0, BIG], dtype=np.uint64)
    events = VoxelEvents([1], [1], [1.0], 3, None, ids, {"run": ids, "mask": mask})
    write_voxel_events(events, tmp_path / f"a.{kind}")
    back = read_voxel_events(tmp_path / f"a.{kind}")
    assert back.target is not None
    assert back.target.tolist() == back.truth["run"].tolist() == ids.tolist()
    assert back.truth["mask"].tolist() == mask.tolist()


@KINDS
def test_nan_of_the_truth_and_infinities_come_back(tmp_path: Path, kind: str) -> None:
    need(kind)
    truth = {"beta": np.array([np.nan, np.inf, -0.0])}
    events = VoxelEvents([], [], [], 3, truth=truth)
    write_voxel_events(events, tmp_path / f"a.{kind}")
    back = read_voxel_events(tmp_path / f"a.{kind}").truth["beta"].to_numpy()
    assert back.tobytes() == truth["beta"].tobytes()


@pytest.mark.parametrize("kind", ["h5", "root"])
def test_named_tree_and_format(tmp_path: Path, kind: str) -> None:
    need(kind)
    path = tmp_path / "events.data"
    form: Any = {"h5": "hdf5", "root": "root"}[kind]
    write_voxel_events(sample(), path, format=form, tree="run7")
    assert_same(read_voxel_events(path, tree="run7"), sample())
    assert_same(read_voxel_events(path, tree="run7", format=form), sample())
    with pytest.raises(ValueError, match=r"events\.data: there is no .*run7"):
        read_voxel_events(path, tree="run8")
    with pytest.raises(ValueError, match="is no npz file"):
        read_voxel_events(path, format="npz")


def test_writer_replaces_only_when_told_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_voxel_events(sample(), path)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_voxel_events(sample(3), path)
    assert_same(read_voxel_events(path), sample())
    write_voxel_events(sample(3), path, overwrite=True)
    assert_same(read_voxel_events(path), sample(3))
    with pytest.raises(ValueError, match="format must be"):
        write_voxel_events(sample(), tmp_path / "a.csv")
    with pytest.raises(ValueError, match="tree is for ROOT"):
        write_voxel_events(sample(), tmp_path / "b.npz", tree="a")
    with pytest.raises(OSError, match="missing"):
        write_voxel_events(sample(), tmp_path / "missing" / "a.npz")
    assert os.listdir(tmp_path) == ["a.npz"]


@KINDS
def test_a_failure_leaves_the_old_file_alone(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(kind)
    path = tmp_path / f"a.{kind}"
    write_voxel_events(sample(3), path)

    def full_disk(*args: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_voxel_events(sample(), path, overwrite=True)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == [path.name]
    assert_same(read_voxel_events(path), sample(3))


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        ({"a b": [1]}, "ASCII letters"),
        ({3: [1]}, "ASCII letters"),
        ({"a": [None]}, "must hold strings"),
        ({"a": [1j]}, "must hold strings"),
        ({"a": [{"x": 1}]}, "must hold strings"),
        ({"a": pd.array([pd.NA], dtype="Int64")}, "has missing values"),
        ({"a": ["b\0"]}, "without NUL"),
    ],
)
def test_truth_that_no_file_can_hold(tmp_path: Path, truth: Any, message: str) -> None:
    events = VoxelEvents([], [], [], 1, truth=truth)
    with pytest.raises(ValueError, match=message):
        write_voxel_events(events, tmp_path / "a.npz")
    assert not os.listdir(tmp_path)


@KINDS
def test_every_truncation_is_refused(tmp_path: Path, kind: str) -> None:
    need(kind)
    whole, cut = tmp_path / f"whole.{kind}", tmp_path / f"cut.{kind}"
    write_voxel_events(sample(12), whole)
    data = whole.read_bytes()
    step = max(1, len(data) // 150)
    lengths = {*range(0, len(data), step), *range(30), *range(-30, 0)}
    for length in sorted(n % len(data) for n in lengths):
        cut.write_bytes(data[:length])
        with pytest.raises((ValueError, OSError), match=cut.name):
            read_voxel_events(cut)


@KINDS
def test_no_damaged_byte_gives_other_events(tmp_path: Path, kind: str) -> None:
    need(kind)
    path, events = tmp_path / f"a.{kind}", sample(12)
    write_voxel_events(events, path)
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    n_harmless, n = 0, 60 if kind == "root" else 150
    for place in rng.choice(len(data), n, replace=False):
        damaged = bytearray(data)
        damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        with contextlib.suppress(ValueError, OSError):
            # Dates, padding and the like may change without harm.
            assert_same(read_voxel_events(path), events)
            n_harmless += 1
    assert n_harmless < n


GOOD: dict[str, Any] = {
    "event": np.array([0, 0, 2]),
    "voxel": np.array([6, 150, 6]),
    "energy": np.array([8.5, 41.0, 3.2]),
    "n_events": np.array(3),
}

BAD: list[tuple[dict[str, Any], str]] = [
    ({"voxel": np.array([6, 1440, 6])}, "first is 1440, at hit 1"),
    ({"voxel": np.array([6, -1, 6])}, "first is -1, at hit 1"),
    ({"voxel": np.array([6.0, 150.0, 6.0])}, "voxel must be .*integers, got float64"),
    ({"voxel": np.array([True, False, True])}, "voxel must be .*integers, got bool"),
    ({"voxel": np.array([[6], [150], [6]])}, "voxel must be a 1D"),
    ({"voxel": np.array([6, 6, 6])}, "the first is event 0, voxel 6"),
    ({"voxel": np.array([6, 150])}, "event and voxel must be equally long, got 3"),
    ({"energy": np.array([8.5, -1.0, 3.2])}, r"first is -1.0 MeV, at hit 1"),
    ({"energy": np.array([8.5, np.nan, 3.2])}, "first is nan MeV, at hit 1"),
    ({"energy": np.array([8.5, np.inf, 3.2])}, "first is inf MeV, at hit 1"),
    ({"energy": np.array([8.5, 1e300, 3.2])}, r"first is 1e\+300 MeV, at hit 1"),
    ({"energy": np.array([8, 41, 3])}, "energy must be .*MeV, got int64"),
    ({"energy": np.array(["8", "41", "3"])}, "energy must be .*MeV, got <U2"),
    ({"energy": np.array([8.5, 41.0])}, "event and energy must be equally long"),
    ({"energy": None}, "has no energy; it has"),
    ({"event": None, "voxel": None}, "has no event and no voxel"),
    ({"event": np.array([0, 2, 0])}, "hit 2 is of event 0 after event 2"),
    ({"event": np.array([-1, 0, 2])}, "0 to 2, but hit 0 is of event -1"),
    ({"event": np.array([0, 0, 3])}, "0 to 2, but hit 2 is of event 3"),
    ({"event": np.array([0.0, 0.0, 2.0])}, "event must be .*integers, got float64"),
    ({"n_events": np.array(2)}, "has 2 events, 0 to 1, but hit 2 is of event 2"),
    ({"n_events": np.array(-3)}, "n_events must be one whole number"),
    ({"n_events": np.array(3.0)}, "n_events must be one whole number"),
    ({"n_events": np.array([3, 3])}, "n_events must be one whole number"),
    ({"n_events": None}, "does not tell how many events"),
    ({"time": np.array([0.0, -1.0, 0.0])}, "first is -1.0 ns, at hit 1"),
    ({"time": np.array([0, 1, 0])}, "time must be .*ns, got int64"),
    ({"time": np.array([0.0])}, "event and time must be equally long"),
    ({"target": np.array(["a", "b"])}, r"target must have shape \(3,\)"),
    ({"truth.beta": np.array([0.3, 0.3])}, r"truth\.beta must have shape \(3,\)"),
    ({"tmie": np.array([0.0, 0.0, 0.0])}, r"arrays \['tmie'\] that are not known"),
]


def write_npz(path: Path, arrays: dict[str, Any]) -> None:
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})


def write_h5(path: Path, arrays: dict[str, Any]) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            if value is not None:
                text = value.dtype.kind == "U"
                data = value.astype("S") if text else value
                file[name.replace(".", "/")] = data


@pytest.mark.parametrize("write", [write_npz, write_h5])
@pytest.mark.parametrize(("change", "message"), BAD)
def test_what_makes_no_sense_is_refused_with_its_place(
    tmp_path: Path, write: Callable, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "foreign.dat"
    with path.open("wb") as file:
        if write is write_npz:
            write_npz(file, GOOD | change)  # type: ignore[arg-type]
    if write is write_h5:
        write_h5(path, GOOD | change)
        message = message.replace("<U2", r"(<U2|\|S2)")
    with pytest.raises(ValueError, match=rf"foreign\.dat.*{message}"):
        read_voxel_events(path)


@pytest.mark.parametrize("write", [write_npz, write_h5])
def test_files_of_others(tmp_path: Path, write: Callable) -> None:
    path = tmp_path / f"a.{write.__name__[6:]}"
    write(path, GOOD | {"truth.beta": np.array([0.3, 0.27, 0.28])})
    events = read_voxel_events(path)
    assert events.energy.tolist() == [8.5, 41.0, np.float32(3.2)]
    assert events.truth["beta"].tolist() == [0.3, 0.27, 0.28]
    assert_same(read_voxel_events(path, n_events=3), events)
    with pytest.raises(ValueError, match="3 events, but n_events=4"):
        read_voxel_events(path, n_events=4)
    renamed = {"hit" if k == "event" else k: v for k, v in GOOD.items()}
    write(path, renamed | {"n_events": None, "weather": np.array([1.0])})
    again = read_voxel_events(path, names={"event": "hit"}, n_events=3)
    assert again.event.tolist() == [0, 0, 2]
    with pytest.raises(ValueError, match=r"has no \['hits'\]"):
        read_voxel_events(path, names={"event": "hits"}, n_events=3)
    with pytest.raises(ValueError, match="names may have the keys"):
        read_voxel_events(path, names={"evnt": "hit"})


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (os.mkdir, (str(tmp_path / "trapped"),))

    target = np.array([Trap(), None, None], dtype=object)
    np.savez(tmp_path / "a.npz", **GOOD, target=target)
    with pytest.raises(ValueError, match=r"a\.npz: target\.npy.*pickles are not read"):
        read_voxel_events(tmp_path / "a.npz")
    assert not (tmp_path / "trapped").exists()


def test_what_is_no_file_of_events(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with pytest.raises(FileNotFoundError):
        read_voxel_events(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"a\.npz is no npz, .*it is empty"):
        read_voxel_events(path)
    path.write_bytes(b"event,voxel,energy\n")
    with pytest.raises(ValueError, match=r"a\.npz is no npz, .*begins with b'event,vo"):
        read_voxel_events(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no array")
    with pytest.raises(ValueError, match=r"a\.npz: readme\.txt"):
        read_voxel_events(path)
    with pytest.raises(ValueError, match="format must be one of"):
        read_voxel_events(path, format="csv")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="tree is for ROOT"):
        read_voxel_events(path, tree="events")


def test_array_twice_in_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **GOOD)
    file = io.BytesIO()
    np.save(file, np.array([1, 2, 3]))
    with (
        zipfile.ZipFile(path, "a") as archive,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        archive.writestr("voxel.npy", file.getvalue())
    with pytest.raises(ValueError, match=r"a\.npz: voxel\.npy: there are two"):
        read_voxel_events(path)


def test_array_shorter_than_its_header_says(tmp_path: Path) -> None:
    """NumPy allocates what a header announces, and reads what is there."""
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in GOOD.items():
            file = io.BytesIO()
            np.save(file, value)
            data = file.getvalue()
            if name == "voxel":
                data = data.replace(b"(3,), }            ", b"(300000000000,), } ")
            archive.writestr(f"{name}.npy", data)
    with pytest.raises(ValueError, match=r"a\.npz: voxel\.npy: .*300000000000"):
        read_voxel_events(path)


def test_edited_and_newer_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_voxel_events(sample(), path)
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["energy"][0] = np.nextafter(arrays["energy"][0], np.float32(99))
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=r"a\.npz is damaged or was edited"):
        read_voxel_events(path)
    note = json.loads(str(arrays["skastro"])) | {"version": 2}
    np.savez(path, **arrays | {"skastro": np.array(json.dumps(note))})
    with pytest.raises(ValueError, match="of version 2; this version of skastro reads"):
        read_voxel_events(path)
    np.savez(path, **arrays | {"skastro": np.array("{")})
    with pytest.raises(ValueError, match="its note reads"):
        read_voxel_events(path)


def test_hdf5_that_was_never_filled_is_refused(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    write_h5(path, GOOD)
    with h5py.File(path, "a") as file:
        del file["energy"]
        file.create_dataset("energy", (3,), "f4")
    with pytest.raises(ValueError, match=r"a\.h5: /energy was not written to its end"):
        read_voxel_events(path)
    with h5py.File(path, "a") as file:
        del file["energy"]
        layout = h5py.VirtualLayout((3,), "f4")
        layout[:] = h5py.VirtualSource("elsewhere.h5", "energy", shape=(3,))
        file.create_virtual_dataset("energy", layout)
    with pytest.raises(ValueError, match=r"a\.h5: /energy lies in other files"):
        read_voxel_events(path)


def root_trees(path: Path, **trees: dict[str, Any]) -> None:
    uproot = pytest.importorskip("uproot")
    with uproot.recreate(path) as file:
        for name, branches in trees.items():
            file.mktree(name, branches)


def test_root_tree_of_hits(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    hits = {k: v for k, v in GOOD.items() if k != "n_events"}
    hits |= {"wafer": hits.pop("voxel"), "run": np.array([1, 1, 1])}
    root_trees(path, hits=hits)
    names = {"voxel": "wafer"}
    events = read_voxel_events(path, names=names, n_events=4)
    assert events.n_events == 4
    assert events.voxel.tolist() == [6, 150, 6]
    for settings, message in [
        ({"names": names}, "does not tell how many events"),
        ({"names": names, "n_events": 2}, "has 2 events, 0 to 1, but hit 2 is of"),
        ({"n_events": 3}, "no branches for voxel and energy"),
        ({"names": {"voxel": "waver"}}, r"no branches \['waver'\]"),
        ({"names": names | {"target": "run"}}, r"no values an event for \['target'\]"),
        ({"names": {"voxel": "wafer", "event": "energy"}, "n_events": 3}, "integers"),
    ]:
        with pytest.raises(ValueError, match=rf"a\.root.*{message}"):
            read_voxel_events(path, **settings)  # type: ignore[arg-type]
    for change in ({"energy": np.array([1.0, -1.0, 1.0])}, {"wafer": GOOD["energy"]}):
        root_trees(path, hits=hits | change)
        with pytest.raises(ValueError, match=r"a\.root: .*(at hit 1|integers)"):
            read_voxel_events(path, names=names, n_events=3)


def test_root_tree_of_events_by_others(tmp_path: Path) -> None:
    ak = pytest.importorskip("awkward")
    path = tmp_path / "a.root"
    lists = {
        "voxel": ak.Array([[150, 6], [], [7]]),
        "energy": ak.Array([[1.0, 2.0], [], [4.0]]),
        "mc_beta": np.array([0.3, 0.2, 0.1]),
        "event": np.array([BIG, BIG + 1, BIG + 2]),
    }
    root_trees(path, events=lists, other={"x": np.arange(2)})
    names = {"truth.beta": "mc_beta", "truth.event_id": "event"}
    events = read_voxel_events(path, tree="events", names=names)
    assert events.event.tolist() == [0, 0, 2]
    assert events.voxel.tolist() == [6, 150, 7]
    assert events.energy.tolist() == [2.0, 1.0, 4.0]
    assert events.truth["beta"].tolist() == [0.3, 0.2, 0.1]
    assert events.truth["event_id"].tolist() == [BIG, BIG + 1, BIG + 2]
    with pytest.raises(ValueError, match=r"a\.root: name one of its trees"):
        read_voxel_events(path)
    bad: list[tuple[dict[str, Any], str]] = [
        ({"energy": ak.Array([[1.0], [2.0], [4.0]])}, "not equally long"),
        ({"energy": np.array([1.0, 2.0, 4.0])}, "not equally long"),
        ({"voxel": ak.Array([[6, 6], [], [7]])}, "event 0, voxel 6"),
        ({"energy": ak.Array([[1.0, np.nan], [], [4.0]])}, "first is nan MeV"),
        ({"voxel": ak.Array([[6.0, 7.0], [], [7.0]])}, "integers, got float64"),
        ({"target": ak.Array([[1], [2], [3, 4]])}, "target must have one value"),
    ]
    for change, message in bad:
        root_trees(path, events=lists | change)
        with pytest.raises(ValueError, match=rf"a\.root.*{message}"):
            read_voxel_events(path)


def test_root_rntuple(tmp_path: Path) -> None:
    uproot, ak = pytest.importorskip("uproot"), pytest.importorskip("awkward")
    path = tmp_path / "a.root"
    lists = {
        "voxel": ak.Array([[150, 6], [], [7]]),
        "energy": ak.Array([[1.0, 2.0], [], [4.0]]),
        "truth_beta": np.array([0.3, 0.2, 0.1]),
    }
    with uproot.recreate(path) as file:
        file.mkrntuple("events", lists)
    events = read_voxel_events(path)
    assert events.voxel.tolist() == [6, 150, 7]
    assert events.truth["beta"].tolist() == [0.3, 0.2, 0.1]


def two_species() -> dict[str, Any]:
    arrays: dict[str, Any] = {"n_events": np.array(2)}
    for species, energy in (("anti_proton", 8.0), ("anti_deuteron", 9.0)):
        arrays[f"{species}_event"] = np.array([0, 0, 1], np.int32)
        arrays[f"{species}_voxel"] = np.array([6, 150, 6], np.int16)
        arrays[f"{species}_energy_mev"] = np.full(3, energy, np.float32)
        arrays[f"{species}_stopped"] = np.array([True, False])
    return arrays


def test_two_species_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **two_species())
    events = read_voxel_events(path)
    assert events.target is not None
    assert events.target.tolist() == ["antiproton"] * 2 + ["antideuteron"] * 2
    assert events.event.tolist() == [0, 0, 1, 2, 2, 3]
    assert events.truth["group"].tolist() == [0, 1, 0, 1]
    assert events.truth["stopped"].tolist() == [True, False] * 2
    changes: list[tuple[str, Any, str]] = [
        ("anti_proton_voxel", None, r"lacks \['anti_proton_voxel'\]"),
        ("anti_proton_time", np.zeros(3), r"has \['anti_proton_time'\] that no such"),
        ("anti_deuteron_event", np.array([0, 0, 2]), "hit 2 is of event 2"),
        ("anti_deuteron_event", np.array([0.0, 0, 1]), "has float64"),
        ("anti_deuteron_voxel", np.array([6, 6, 6]), "event 2, voxel 6"),
        ("anti_deuteron_voxel", np.array([6, 7]), "3 and 2 values"),
        ("anti_proton_energy_mev", np.array([1.0, -1, 1]), "at hit 1"),
        ("anti_proton_stopped", np.array([True]), "1 values for 2 events"),
        ("n_events", np.array([2, 2]), "n_events has int64"),
    ]
    for key, value, message in changes:
        arrays = two_species() | {key: value}
        np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
        with pytest.raises(ValueError, match=rf"a\.npz.*{message}"):
            read_voxel_events(path)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("incidence", "n_hits"), [("fixed", (74089, 121993)), ("random", (42640, 43203))]
)
def test_real_files(
    data_home: Path, tmp_path: Path, incidence: str, n_hits: tuple[int, int]
) -> None:
    path = data_home / "gaps" / f"geant4_{incidence}.npz"
    events = read_voxel_events(path)
    assert events.n_events == 12000
    assert events.target is not None
    with np.load(path) as archive:
        for place, species in enumerate(("anti_proton", "anti_deuteron")):
            mine = events[np.arange(12000) // 6000 == place]
            assert len(mine.event) == n_hits[place]
            assert set(mine.target) == {species.replace("_", "")}  # type: ignore[arg-type]
            assert mine.event.tolist() == archive[f"{species}_event"].tolist()
            assert mine.voxel.tolist() == archive[f"{species}_voxel"].tolist()
            assert mine.energy.tobytes() == archive[f"{species}_energy_mev"].tobytes()
            stopped = archive[f"{species}_stopped"]
            assert mine.truth["stopped"].tolist() == stopped.tolist()
            assert mine.truth["group"].tolist() == list(range(6000))
    write_voxel_events(events, tmp_path / "again.npz")
    assert_same(read_voxel_events(tmp_path / "again.npz"), events)

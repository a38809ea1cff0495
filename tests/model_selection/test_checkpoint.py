"""Checkpoints: killed, starved of disk, damaged, taken for another study's."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import pickle
import secrets
import shutil
import stat
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import f1_score, make_scorer
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from skastro.model_selection import CheckpointMismatchError, repeated_holdout
from skastro.model_selection._study import durable
from skastro.model_selection._study.checkpoint import Checkpoint
from skastro.model_selection._study.records import Record

_SPEC = importlib.util.spec_from_file_location(
    "skastro_kill_server", Path(__file__).parent / "kill_server.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
kills = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(kills)

posix = pytest.mark.skipif(os.name != "posix", reason="needs fork and signals")
N = 4


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with kills.KillServer() as running:
        yield running


@pytest.fixture(scope="module")
def truth(server: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the small study gives that nothing disturbs, and its seeds in order."""
    folder = tmp_path_factory.mktemp("truth")
    found: dict[str, Any] = server.result(**job_in(folder))
    return {**found, "seeds": (folder / "log").read_text().split()}


def job_in(folder: Path, **more: Any) -> dict[str, Any]:
    files = {"folder": folder / "study", "log": folder / "log", "out": folder / "out"}
    return {**{k: str(v) for k, v in files.items()}, "n_repeats": N, **more}


def stored(folder: Path, what: str = "*.npz") -> list[str]:
    return sorted(p.name for p in (folder / "study").glob(what))


def starts(folder: Path) -> list[str]:
    log = folder / "log"
    return log.read_text().split() if log.exists() else []


# --- killed ------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("select", ["validation", "test-mean"])
def test_five_kills_at_random_moments(server: Any, tmp_path: Path, select: str) -> None:
    """`make stress` does it 200 times; SKASTRO_KILL_SEED repeats the moments."""
    seed = int(os.environ.get("SKASTRO_KILL_SEED", secrets.randbits(32)))
    campaign = kills.Campaign(server, tmp_path / "kills", select=select)
    campaign.run(5, seed)
    assert campaign.kills == 5


@posix
@pytest.mark.parametrize("number", [0, 2], ids=["manifest", "second repeat"])
@pytest.mark.parametrize("step", ["open", "half", "fsync", "replace", "folder"])
def test_death_in_each_step_of_a_writing(
    server: Any, tmp_path: Path, truth: dict[str, Any], step: str, number: int
) -> None:
    answer = server.ask(job=job_in(tmp_path, fault=[step, number, None]))
    assert answer["status"] == 77, answer["errors"]
    # The folder is flushed after the renaming: the file is there already.
    complete = number + (step == "folder")
    assert len(stored(tmp_path)) == max(0, complete - 1)
    assert len(stored(tmp_path, "*.unfinished")) == (step not in ("open", "folder"))
    assert starts(tmp_path) == truth["seeds"][:number]
    resumed = server.result(**job_in(tmp_path))
    assert kills.differences(resumed, {k: truth[k] for k in ("first",)}) == []
    assert stored(tmp_path, "*.unfinished") == []
    assert starts(tmp_path) == (
        truth["seeds"][:number] + truth["seeds"][max(0, complete - 1) :]
    )


@posix
@pytest.mark.parametrize("number", [0, 2], ids=["manifest", "second repeat"])
@pytest.mark.parametrize("step", ["open", "half", "fsync", "replace", "folder"])
def test_full_disk_in_each_step_of_a_writing(
    server: Any, tmp_path: Path, truth: dict[str, Any], step: str, number: int
) -> None:
    answer = server.ask(job=job_in(tmp_path, fault=[step, number, errno.ENOSPC]))
    assert answer["status"] == 1
    message = answer["errors"].strip().splitlines()[-1]
    assert f"The checkpoint {tmp_path / 'study'} " in message
    assert "No space left on device" in message
    what = "cannot be used" if number == 0 else "could not take repeat 1; the repeats"
    assert what in message
    complete = number + (step == "folder")
    assert len(stored(tmp_path)) == max(0, complete - 1)
    assert stored(tmp_path, "*.unfinished") == []
    resumed = server.result(**job_in(tmp_path))
    assert kills.differences(resumed, {k: truth[k] for k in ("first",)}) == []
    assert starts(tmp_path) == (
        truth["seeds"][:number] + truth["seeds"][max(0, complete - 1) :]
    )


@posix
def test_limit_on_file_sizes(
    server: Any, tmp_path: Path, truth: dict[str, Any]
) -> None:
    """The system itself refuses the bytes, in the middle of a file."""
    server.result(**job_in(tmp_path, n_repeats=2))
    answer = server.ask(job=job_in(tmp_path, size_limit=50_000))
    assert answer["status"] == 1
    assert "could not take repeat 2" in answer["errors"]
    assert "File too large" in answer["errors"]
    assert stored(tmp_path) == ["repeat_00000.npz", "repeat_00001.npz"]
    assert stored(tmp_path, "*.unfinished") == []
    resumed = server.result(**job_in(tmp_path))
    assert kills.differences(resumed["first"], truth["first"]) == []
    seeds = truth["seeds"]
    assert starts(tmp_path) == seeds[:2] + seeds[2:3] + seeds[2:]


@posix
def test_more_repeats_train_what_is_new_and_fewer_read(
    server: Any, tmp_path: Path, truth: dict[str, Any]
) -> None:
    server.result(**job_in(tmp_path, n_repeats=N))
    more = server.result(**job_in(tmp_path, n_repeats=N + 2))
    assert len(starts(tmp_path)) == len(set(starts(tmp_path))) == N + 2
    rows = more["first"]["repeat"] < N
    np.testing.assert_array_equal(more["first"]["value"][rows], truth["first"]["value"])
    fewer = server.result(
        **job_in(tmp_path, engine="processes", n_jobs=2, backend="multiprocessing")
    )
    assert kills.differences(fewer["first"], truth["first"]) == []
    assert len(starts(tmp_path)) == N + 2


@posix
def test_another_study_at_the_same_time_is_refused(server: Any, tmp_path: Path) -> None:
    held, end = tmp_path / "held", tmp_path / "end"
    with Checkpoint(held, {}, 0, 0).opened():
        answer = server.ask(job=job_in(tmp_path, checkpoint=str(held)))
        assert answer["status"] == 1
        assert "Another study is running in the checkpoint" in answer["errors"]
        # Within one process too.
        with (
            pytest.raises(BlockingIOError, match="Another study is running"),
            Checkpoint(held, {}, 0, 0).opened(),
        ):
            pass
    endless = job_in(tmp_path, n_repeats=10_000)
    server.send(job=endless, kill_at=str(end))
    try:
        first = tmp_path / "study" / "repeat_00000.npz"
        for _ in range(6000):
            if first.exists():
                break
            time.sleep(0.01)
        assert first.exists()
        with pytest.raises(OSError, match="Another study is running"):
            open_as(endless)
    finally:
        end.touch()
        answer = server.receive()
    assert answer["killed"]
    # kill -9 lets go of the lock; what is refused now is the study itself.
    with pytest.raises(CheckpointMismatchError, match="another study"):
        open_as(endless)


def open_as(job: dict[str, Any]) -> None:
    with Checkpoint(job["folder"], {}, 0, 0).opened():
        pass


@posix
def test_workers_that_outlive_a_kill_hold_no_lock(server: Any, tmp_path: Path) -> None:
    end = tmp_path / "log"  # that it is there means that workers are
    endless = job_in(
        tmp_path,
        n_repeats=500,
        engine="processes",
        n_jobs=2,
        backend="multiprocessing",
    )
    answer = server.ask(job=endless, kill_at=str(end), spare=True)
    assert answer["killed"]
    try:
        os.killpg(answer["group"], 0)  # they live
        with pytest.raises(CheckpointMismatchError):
            open_as(endless)
    finally:
        server.ask(clear=answer["group"])


# --- folders -----------------------------------------------------------------------


@posix
def test_a_read_only_folder_is_an_error_that_says_so(server: Any) -> None:
    # Not below pytest's own folder, which other users may not enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "study").mkdir(mode=0o555)
        more = {"user": 65534} if os.geteuid() == 0 else {}
        answer = server.ask(job=job_in(folder, **more))
    assert answer["status"] == 1
    message = answer["errors"].strip().splitlines()[-1]
    assert message.startswith("PermissionError")
    assert "cannot be used: Permission denied" in message


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place in ("file", "file/below"):
        with pytest.raises(OSError, match="cannot be used"):
            study(tmp_path / place)
    assert (tmp_path / "file").read_text() == "mine"
    with pytest.raises(ValueError, match="names no folder"):
        study("")


def test_kinds_of_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    study("~/a/b")
    assert len(list((tmp_path / "a" / "b").glob("*.npz"))) == 3
    no_training(study, str(tmp_path / "a" / "b"))
    no_training(study, tmp_path / "a" / "b")


def test_files_of_the_user_stay(tmp_path: Path) -> None:
    for name in ("notes.txt", "draft.unfinished", "repeat_00009.npz.unfinished"):
        (tmp_path / name).write_text("mine")
    study(tmp_path)
    assert (tmp_path / "notes.txt").exists()
    assert (tmp_path / "draft.unfinished").exists()
    assert not (tmp_path / "repeat_00009.npz.unfinished").exists()


# --- power cuts --------------------------------------------------------------------


def test_order_of_the_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All bytes reach the disk before the name does, and the name before the return."""
    steps: list[Any] = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        folder = stat.S_ISDIR(found.st_mode)
        steps.append(("folder", found.st_ino) if folder else ("file", found.st_size))
        real_fsync(descriptor)

    def replace(source: Any, target: Any) -> None:
        steps.append(("replace", Path(source).name, Path(target).name))
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    durable.make_folder(tmp_path / "a" / "b")
    durable.write_file(tmp_path / "a" / "b" / "c", b"x" * 100_000)
    inodes = [os.stat(tmp_path / p).st_ino for p in ("", "a", "a/b")]
    assert steps == [
        ("folder", inodes[0]),
        ("folder", inodes[1]),
        ("file", 100_000),
        ("replace", "c.unfinished", "c"),
        ("folder", inodes[2]),
    ]


def test_a_folder_that_cannot_be_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems cannot; a broken disk is another matter."""
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    number = errno.EINVAL
    durable.write_file(tmp_path / "a", b"a")
    number = errno.EIO
    with pytest.raises(OSError, match="Input/output error"):
        durable.write_file(tmp_path / "b", b"b")


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "zeros": lambda data: bytes(len(data)),
    "zeros at the end": lambda data: data[:-900] + bytes(900),
    "one bit": lambda data: data[:700] + bytes([data[700] ^ 1]) + data[701:],
    "text": lambda data: b"not an archive",
    "array": lambda data: b"\x93NUMPY" + data,
    "pickle": lambda data: pickle.dumps(Bomb()),
}


class Bomb:
    """Must not be unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (sys.exit, ("a checkpoint was unpickled",))


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_repeat_is_run_again(tmp_path: Path, damage: str) -> None:
    before = study(tmp_path)
    path = tmp_path / "repeat_00001.npz"
    intact = path.read_bytes()
    path.write_bytes(DAMAGE[damage](intact))
    with pytest.warns(UserWarning, match=r"repeat_00001\.npz is damaged .* run again"):
        after = study(tmp_path)
    assert after.history.equals(before.history)
    same_record(Record.from_bytes(path.read_bytes()), Record.from_bytes(intact))
    no_training(study, tmp_path)


def test_a_repeat_under_another_name_is_run_again(tmp_path: Path) -> None:
    before = study(tmp_path)
    shutil.copy(tmp_path / "repeat_00001.npz", tmp_path / "repeat_00002.npz")
    with pytest.warns(UserWarning, match="stored repeat 2 is not of this study"):
        after = study(tmp_path)
    assert after.history.equals(before.history)


def test_every_flipped_byte_of_a_record_is_noticed_or_harmless() -> None:
    draw = np.random.default_rng(0)
    record = Record(
        3,
        np.arange(2),
        draw.normal(size=(2, 2, 2)),
        draw.integers(9, size=(2, 1, 2, 2)),
        np.array([5, 2, 3]),
        "abc",
    )
    data = record.to_bytes()
    noticed = 0
    for place in range(0, len(data), 3):
        changed = bytearray(data)
        changed[place] ^= 1 << int(draw.integers(8))
        try:
            found = Record.from_bytes(bytes(changed))
        except ValueError:
            noticed += 1
        else:
            # Time stamps and the like, which the archive has and nobody reads.
            same_record(found, record)
    assert noticed > len(data) // 6


def same_record(found: Record, wanted: Record) -> None:
    for name, value in vars(wanted).items():
        np.testing.assert_array_equal(getattr(found, name), value)


def test_a_record_of_odd_shape_is_refused() -> None:
    array = np.zeros((2, 2, 2))
    counts, sizes = np.zeros((2, 1, 2, 2)), np.zeros(3)
    with pytest.raises(ValueError, match="numbers of epochs"):
        Record.from_bytes(Record(0, np.arange(3), array, counts, sizes, "a").to_bytes())
    with pytest.raises(ValueError, match="'values' has shape"):
        Record.from_bytes(
            Record(0, np.arange(2), array[0], counts, sizes, "a").to_bytes()
        )


@pytest.mark.parametrize("left", [b"", b"\0" * 900, b"half", b"half and zeros"])
def test_a_cut_manifest_of_nothing_is_written_anew(tmp_path: Path, left: bytes) -> None:
    before = study(tmp_path)
    path = tmp_path / "study.json"
    if left.startswith(b"half"):
        left = path.read_bytes()[:500] + b"\0" * (99 if b"zeros" in left else 0)
    path.write_bytes(left)
    # With finished repeats nobody knows what they are.
    with pytest.raises(CheckpointMismatchError, match="its 3 finished repeats"):
        study(tmp_path)
    assert path.read_bytes() == left
    for repeat in tmp_path.glob("*.npz"):
        repeat.unlink()
    with pytest.warns(UserWarning, match="no repeat was finished"):
        after = study(tmp_path)
    assert after.history.equals(before.history)
    no_training(study, tmp_path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "not the manifest of a study"),
        ('{"name": "my own study"}', "not the manifest of a study"),
        ("[1, 2]", "not the manifest of a study"),
        ("name: my own study", "cannot be read"),
    ],
)
def test_a_study_json_of_the_user_stays(
    tmp_path: Path, text: str, problem: str
) -> None:
    (tmp_path / "study.json").write_text(text)
    with pytest.raises(CheckpointMismatchError, match=problem):
        study(tmp_path)
    assert (tmp_path / "study.json").read_text() == text


def test_a_changed_manifest_is_refused(tmp_path: Path) -> None:
    study(tmp_path)
    path = tmp_path / "study.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "root": content["root"] + 1}))
    with pytest.raises(CheckpointMismatchError, match="its content was changed"):
        study(tmp_path)
    path.write_text(json.dumps({**content, "format": 99}))
    with pytest.raises(CheckpointMismatchError, match="format is 99"):
        study(tmp_path)
    path.unlink()
    with pytest.raises(
        CheckpointMismatchError, match=r"3 npz files but no study\.json"
    ):
        study(tmp_path)


# --- other studies -----------------------------------------------------------------


class Shift(TransformerMixin, BaseEstimator):
    def __init__(self, by: float = 1.0) -> None:
        self.by = by

    def fit(self, X: Any, y: Any = None) -> Shift:
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        return X + self.by


def edited(text: str) -> Callable[[Any], Any]:
    """Define a function that has one name, whatever it does."""
    names: dict[str, Any] = {"__name__": __name__}
    exec(f"def change(X):\n    return {text}", names)
    function: Callable[[Any], Any] = names["change"]
    return function


def model(**parameters: Any) -> Pipeline:
    function = FunctionTransformer(edited("X * 2"))
    last = SGDClassifier(loss="log_loss", max_iter=2)
    steps = [("scale", StandardScaler()), ("change", function), ("learn", last)]
    return Pipeline(steps).set_params(**parameters)


def fitted_model() -> Pipeline:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two epochs are few
        return model().fit(*data())


def data() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    y = np.arange(60) % 3
    return draw.normal(size=(60, 2)) + y[:, None], y


def study(folder: Any, **changes: Any) -> Any:
    X, y = data()
    settings: dict[str, Any] = {
        "estimator": model(),
        "X": X,
        "y": y,
        "n_repeats": 3,
        "validation_size": 0.2,
        "test_variants": {"near": Shift(0.1), "far": Shift(2.0)},
        "engine": "sequential",
        "random_state": 0,
        "verbose": 0,
    }
    return repeated_holdout(**{**settings, **changes}, checkpoint=folder)


def no_training(run: Callable[..., Any], *values: Any, **settings: Any) -> Any:
    """Run a study that has nothing to train any more."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("something was trained")

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error")
        patch.setattr(SGDClassifier, "partial_fit", refuse)
        return run(*values, **settings)


def changed(place: str, value: float) -> np.ndarray:
    X, y = data()
    array = X if place == "X" else y
    array = array.copy()
    array.flat[7] = value
    return array


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "X": ({"X": changed("X", 1e-9)}, r"X: array \(60, 2\) float64 \w{32} in the"),
    "y": ({"y": changed("y", 2)}, r"y: array \(60,\) int64 \w{32} in the"),
    "groups": ({"groups": np.arange(60) // 2}, r"groups: None in .*, array \(60,\)"),
    "class": (
        {"estimator": model(learn=GaussianNB())},
        r"SGDClassifier in the checkpoint, sklearn\.naive_bayes\.GaussianNB now",
    ),
    "scaler": (
        {"estimator": model(scale=MinMaxScaler())},
        r"estimator\.steps\['scale'\]: .*StandardScaler in .*MinMaxScaler now",
    ),
    "deep parameter": (
        {"estimator": model(learn__alpha=0.5)},
        r"estimator\.steps\['learn'\]\.alpha: 0\.0001 in the checkpoint, 0\.5 now",
    ),
    "epochs": (
        {"estimator": model(learn__max_iter=4)},
        r"\.max_iter: 2 in the checkpoint, 4 now",
    ),
    "function": (
        {"estimator": model(change__func=edited("X * 3"))},
        r"\['change'\]\.func: .*change \(code .* in the checkpoint, .*change \(code",
    ),
    "scoring": ({"scoring": "f1_macro"}, r"metrics: .*'accuracy'.*, \('f1_macro'"),
    "scorer": (
        {"scoring": {"f": make_scorer(f1_score, average="micro")}},
        r"scoring\['f'\].*: not there in the checkpoint",
    ),
    "variant": (
        {"test_variants": {"near": Shift(0.1), "far": Shift(3.0)}},
        r"test_variants\['far'\]\.by: 2\.0 in the checkpoint, 3\.0 now",
    ),
    "order of variants": (
        {"test_variants": {"far": Shift(2.0), "near": Shift(0.1)}},
        r"test_variants: dict of 'near', 'far' in .*, dict of 'far', 'near' now",
    ),
    "test_size": ({"test_size": 0.4}, r"test_size: 0\.3 in the checkpoint, 0\.4 now"),
    "train_size": ({"train_size": 30}, r"train_size: None in the checkpoint, 30 now"),
    "validation_size": (
        {"validation_size": 0.25},
        r"validation_size: 0\.2 in the checkpoint, 0\.25 now",
    ),
    "balance": ({"balance": True}, r"balance: None in the checkpoint, True now"),
    "stratify": ({"stratify": False}, r"stratify: array .* in the checkpoint, None"),
    "record": ({"record": "final"}, r"epochs: 2 in the checkpoint, final now"),
    "random_state": (
        {"random_state": 1},
        r"random_state: draws \d+ in the checkpoint, \d+ now",
    ),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    study(folder)
    return folder


@pytest.mark.parametrize("what", OTHERS)
def test_another_study_is_refused(finished: Path, what: str) -> None:
    changes, message = OTHERS[what]
    before = {p.name: p.read_bytes() for p in finished.iterdir()}
    with pytest.raises(CheckpointMismatchError, match=message) as caught:
        study(finished, **changes)
    assert isinstance(caught.value, ValueError)
    assert str(finished) in str(caught.value)
    assert before == {p.name: p.read_bytes() for p in finished.iterdir()}


def test_a_parameter_of_a_scorer_is_named(tmp_path: Path) -> None:
    study(tmp_path, scoring={"f": make_scorer(f1_score, average="macro")})
    with pytest.raises(
        CheckpointMismatchError,
        match=r"scoring\['f'\]\._kwargs\['average'\]: 'macro' in .*, 'micro' now",
    ):
        study(tmp_path, scoring={"f": make_scorer(f1_score, average="micro")})


def test_long_lists_of_differences_are_cut(finished: Path) -> None:
    with pytest.raises(CheckpointMismatchError, match=r"and \d+ more\n") as caught:
        study(finished, estimator=GaussianNB())
    assert len(str(caught.value).splitlines()) == 13


@pytest.mark.parametrize(
    "changes",
    [
        {"engine": "processes", "n_jobs": 2},
        {"engine": "auto"},
        {"n_jobs": 2},
        {"verbose": 1},
        {"select": "last"},
        {"n_repeats": 2},
        {"random_state": None},
        {"random_state": np.random.RandomState(0)},
        {"X": np.asfortranarray(data()[0])},
        {"X": data()[0].tolist(), "y": data()[1].tolist()},
        {"test_size": np.float64(0.3)},
        {"estimator": fitted_model()},
    ],
)
def test_the_same_study_is_read(finished: Path, changes: dict[str, Any]) -> None:
    wanted = study(finished)
    found = no_training(study, finished, **changes)
    n_repeats = changes.get("n_repeats", 3)
    history = wanted.history[wanted.history.repeat < n_repeats]
    assert found.history.equals(history.reset_index(drop=True))
    assert found.split_digests == wanted.split_digests[:n_repeats]


def test_without_a_random_state_the_stored_seed_goes_on(tmp_path: Path) -> None:
    first = study(tmp_path, random_state=None, n_repeats=1)
    more = study(tmp_path, random_state=None, n_repeats=3)
    again = no_training(study, tmp_path, random_state=None)
    assert more.history.equals(again.history)
    assert first.split_digests == more.split_digests[:1]
    assert len(set(more.split_digests)) == 3
    assert more.history[more.history.repeat == 0].equals(first.history)


def test_a_random_state_that_has_moved_on_is_another_seed(tmp_path: Path) -> None:
    state = np.random.RandomState(5)
    study(tmp_path, random_state=state)
    with pytest.raises(CheckpointMismatchError, match="random_state: draws"):
        study(tmp_path, random_state=state)
    no_training(study, tmp_path, random_state=np.random.RandomState(5))


def test_the_second_set_is_kept_and_not_mixed_with_the_first(tmp_path: Path) -> None:
    result = study(tmp_path, select="test-mean")
    best = int(result.best_epoch("test-mean")[0])
    names = sorted(p.name for p in tmp_path.glob("second*"))
    assert names == [f"second_{best:05d}_{i:05d}.npz" for i in range(3)]
    again = no_training(study, tmp_path, select="test-mean")
    assert again.second_set.history.equals(result.second_set.history)
    assert not set(result.split_digests) & set(result.second_set.split_digests)

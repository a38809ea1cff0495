"""A folder that holds the finished repeats of a study, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from skastro.model_selection._study.records import Record

_MANIFEST = "study.json"
_LOCK = "study.lock"
_UNFINISHED = ".unfinished"
# Raised when what is stored changes its meaning.
_FORMAT = 1


class CheckpointMismatchError(ValueError):
    """A checkpoint folder belongs to another study."""


class Checkpoint:
    """Finished repeats on disk.

    A file appears under its name complete or not at all: it is written under another
    name, flushed to the disk, and renamed. What a name stands for never changes.

    Parameters
    ----------
    folder : path-like
        Made if it is not there.
    facts : mapping of str to str
        What the study is; see `fingerprint.describe`.
    root : int or None
        Seed of the study; None takes the stored one, or `new_root`.
    new_root : int
        Seed for a new study whose ``random_state`` is None.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        facts: Mapping[str, str],
        root: int | None,
        new_root: int,
    ) -> None:
        self.folder = Path(folder).expanduser()
        self.facts = dict(facts)
        self.root = new_root if root is None else root
        self._fixed_root = root is not None
        self._lock: Any = None

    @contextlib.contextmanager
    def opened(self) -> Iterator[Checkpoint]:
        """Lock the folder and see that it belongs to this study.

        Yields
        ------
        Checkpoint
            This one.

        Raises
        ------
        CheckpointMismatchError
            If it does not.
        OSError
            If it cannot be made, or another process is writing there.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        # The system lets go of the lock when a process dies, however it dies.
        lock = FileLock(self.folder / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise OSError(
                f"Another process is running a study in the checkpoint {self.folder}."
            ) from None
        try:
            self._open_manifest()
            for leftover in self.folder.glob(f"*{_UNFINISHED}"):
                leftover.unlink(missing_ok=True)
            yield self
        finally:
            lock.release()

    def _open_manifest(self) -> None:
        path = self.folder / _MANIFEST
        if not path.exists():
            strange = [p.name for p in self.folder.glob("*.npz")]
            if strange:
                raise CheckpointMismatchError(
                    f"The checkpoint {self.folder} has {len(strange)} npz files but no "
                    f"{_MANIFEST}: it was not made by a study. Choose a new folder."
                )
            content = {"format": _FORMAT, "root": self.root, "facts": self.facts}
            text = json.dumps(content, indent=1, sort_keys=True)
            self._write(path, text.encode())
            return
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            version, root, facts = stored["format"], stored["root"], stored["facts"]
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointMismatchError(
                f"{path} cannot be read ({error}). Choose a new folder."
            ) from error
        if version != _FORMAT:
            raise CheckpointMismatchError(
                f"{path} has format {version}; this version of skastro reads {_FORMAT}."
            )
        if not self._fixed_root:
            self.root = int(root)
        differences = [
            f"  {name}: {facts.get(name, 'not there')} in the checkpoint, "
            f"{self.facts.get(name, 'not there')} now"
            for name in sorted({*facts, *self.facts})
            if facts.get(name) != self.facts.get(name)
        ]
        if int(root) != self.root:
            differences.append(f"  seed: {root} in the checkpoint, {self.root} now")
        if differences:
            raise CheckpointMismatchError(
                f"The checkpoint {self.folder} belongs to another study:\n"
                + "\n".join(differences[:10])
                + ("\n  ..." if len(differences) > 10 else "")
                + "\nChoose a new folder, or delete this one."
            )

    def load(self, name: str) -> Record | None:
        """Read a finished repeat.

        Parameters
        ----------
        name : str
            Of the file, without suffix.

        Returns
        -------
        Record or None
            None if it is not finished, or if the file is damaged, which the writing of
            this class cannot cause; it is then run again.
        """
        path = self.folder / f"{name}.npz"
        try:
            return Record.from_bytes(path.read_bytes())
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            warnings.warn(
                f"{path} is damaged ({error}); its repeat is run again.", stacklevel=2
            )
            return None

    def store(self, name: str, record: Record) -> None:
        """Write a finished repeat.

        Parameters
        ----------
        name : str
            Of the file, without suffix.
        record : Record
            What the repeat gave.

        Raises
        ------
        OSError
            If the disk is full or the folder cannot be written. What was finished
            before is still there.
        """
        try:
            self._write(self.folder / f"{name}.npz", record.to_bytes())
        except OSError as error:
            error.add_note(
                f"Repeat {record.repeat} could not be stored in the checkpoint "
                f"{self.folder}. The repeats stored before are safe: make room and run "
                "the same call again."
            )
            raise

    def _write(self, path: Path, data: bytes) -> None:
        work = path.with_name(path.name + _UNFINISHED)
        try:
            with work.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(work, path)
        except BaseException:
            with contextlib.suppress(OSError):
                work.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Bring a renaming to the disk, so that it outlives a power cut."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # Some network file systems cannot do this, and have no need to.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)

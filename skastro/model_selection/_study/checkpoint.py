"""A folder that holds the finished repeats of a study, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import errno
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from skastro.model_selection._study import manifest
from skastro.model_selection._study.durable import UNFINISHED, make_folder, write_file
from skastro.model_selection._study.records import Record

_MANIFEST = "study.json"
_LOCK = "study.lock"
_MOST_DIFFERENCES = 10


class CheckpointMismatchError(ValueError):
    """A checkpoint folder belongs to another study.

    The message names what differs, with both values.

    See Also
    --------
    repeated_holdout : Raises it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skastro.model_selection import CheckpointMismatchError, repeated_holdout
    >>> X, y = load_iris(return_X_y=True)
    >>> with TemporaryDirectory() as folder:
    ...     settings = {"n_repeats": 2, "checkpoint": folder, "verbose": 0}
    ...     study = repeated_holdout(GaussianNB(), X, y, **settings)
    ...     try:
    ...         repeated_holdout(GaussianNB(), X + 1, y, **settings)
    ...     except CheckpointMismatchError as error:
    ...         print("  X: " in str(error))
    True
    """


class Checkpoint:
    """Finished repeats on disk.

    A file appears under its name complete or not at all: it is written under another
    name, flushed to the disk, and renamed; then the folder is flushed. What a name
    stands for never changes.

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

    Raises
    ------
    ValueError
        If the folder's name is empty.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        facts: Mapping[str, str],
        root: int | None,
        new_root: int,
    ) -> None:
        if not os.fspath(folder):
            raise ValueError('checkpoint="" names no folder.')
        self.folder = Path(folder).expanduser()
        self.facts = dict(facts)
        self.root = new_root if root is None else root
        self._fixed_root = root is not None

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
        lock = self._locked()
        try:
            try:
                self._open_manifest()
                self._remove_leftovers()
            except OSError as error:
                raise self._explained(error, "cannot be used") from error
            yield self
        finally:
            lock.release()

    def _locked(self) -> Any:
        try:
            if self.folder.exists() and not self.folder.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "it is a file, not a folder")
            make_folder(self.folder)
            # The system lets go of the lock when a process dies, however it dies.
            lock = FileLock(self.folder / _LOCK)
            lock.acquire(timeout=0)
        except Timeout:
            raise BlockingIOError(
                errno.EAGAIN,
                f"Another study is running in the checkpoint {self.folder}. Wait until "
                "it ends, or choose another folder",
            ) from None
        except OSError as error:
            raise self._explained(error, "cannot be used") from error
        return lock

    def _explained(self, error: OSError, what: str) -> OSError:
        """Say what an error of the system means; its kind stays the same."""
        text = f"The checkpoint {self.folder} {what}: {error.strerror or error}"
        return OSError(error.errno or errno.EIO, text)

    def _remove_leftovers(self) -> None:
        """Remove what a killed process was writing."""
        for pattern in (_MANIFEST, "*.npz"):
            for leftover in self.folder.glob(pattern + UNFINISHED):
                leftover.unlink(missing_ok=True)

    def _open_manifest(self) -> None:
        path = self.folder / _MANIFEST
        content = manifest.to_bytes(self.root, self.facts)
        finished = len(list(self.folder.glob("*.npz")))
        try:
            stored = path.read_bytes()
        except FileNotFoundError:
            if finished:
                raise CheckpointMismatchError(
                    f"The checkpoint {self.folder} has {finished} npz files but no "
                    f"{_MANIFEST}, which says what they are. Choose a new folder."
                ) from None
            write_file(path, content)
            return
        try:
            root, facts = manifest.from_bytes(stored)
        except ValueError as error:
            # No process leaves this behind, but a power cut may, on a file system that
            # does not keep its word. Where nothing is lost, begin anew.
            if not finished and manifest.was_cut(stored):
                warnings.warn(
                    f"{path} is damaged, but no repeat was finished; the study begins "
                    "anew.",
                    stacklevel=2,
                )
                write_file(path, content)
                return
            raise CheckpointMismatchError(
                f"{path} cannot be read ({error}), so that nobody knows what its "
                f"{finished} finished repeats are. Choose a new folder."
            ) from error
        if not self._fixed_root:
            self.root = root
        self._compare(root, facts)

    def _compare(self, root: int, facts: Mapping[str, str]) -> None:
        differences = [
            f"  {name}: {facts.get(name, 'not there')} in the checkpoint, "
            f"{self.facts.get(name, 'not there')} now"
            for name in sorted({*facts, *self.facts})
            if facts.get(name) != self.facts.get(name)
        ]
        if root != self.root:
            differences.insert(
                0, f"  random_state: draws {root} in the checkpoint, {self.root} now"
            )
        if differences:
            more = len(differences) - _MOST_DIFFERENCES
            raise CheckpointMismatchError(
                f"The checkpoint {self.folder} belongs to another study:\n"
                + "\n".join(differences[:_MOST_DIFFERENCES])
                + (f"\n  and {more} more" if more > 0 else "")
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
        except ValueError as error:
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
            write_file(self.folder / f"{name}.npz", record.to_bytes())
        except OSError as error:
            raise self._explained(
                error,
                f"could not take repeat {record.repeat}; the repeats before it are "
                "safe, and the same call goes on from there",
            ) from error

"""A backend of joblib that runs tasks on a Dask cluster, and outlives its workers.

joblib has a backend of its own for Dask. It puts every argument above a kilobyte onto
one worker, and when that worker dies nobody can make the argument again: the search
ends with a ``CancelledError``. Here such arguments are tasks themselves, which Dask
repeats where they are lost, and arrays in files travel as the place of the file.
"""

from __future__ import annotations

import math
import os
import pickle
import threading
import uuid
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib.parallel import ParallelBackendBase
from scipy.sparse import issparse

from skastro.utils._lazy_rows import LazyRows
from skastro.utils._row_store import (
    flush,
    look_at_file,
    package_of,
    place_in_file,
)

# Data above so many bytes are sent once, not with every task.
_SHARED_BYTES = 1 << 16


class DaskBackend(ParallelBackendBase):
    """Run joblib's tasks on the workers of a Dask client.

    Parameters
    ----------
    client : distributed.Client
        Of a running cluster.
    timeout : float
        Seconds to wait for the first worker.
    """

    supports_retrieve_callback = True
    default_n_jobs = -1

    def __init__(self, client: Any, timeout: float) -> None:
        super().__init__()
        self.client = client
        self.timeout = timeout
        self.parallel: Any = None
        self._lock = threading.Lock()
        self._shared: dict[int, tuple[Any, Any]] = {}
        self._running: dict[str, Any] = {}

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Say how many tasks run at a time."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if n_jobs is not None and n_jobs > 0:
            return n_jobs
        threads = int(sum(self.client.nthreads().values()))
        if not threads:
            # A cluster that grows by demand starts workers for what is waiting.
            probe = self.client.submit(os.getpid, pure=False)
            try:
                probe.result(timeout=self.timeout)
            except TimeoutError as error:
                raise TimeoutError(
                    f"The cluster had no worker within {self.timeout:g} s. Start some, "
                    "or wait longer: on_cluster(client, timeout=...)."
                ) from error
            threads = int(sum(self.client.nthreads().values()))
        return max(1, threads + 1 + (-1 if n_jobs is None else n_jobs))

    def submit(self, func: Any, callback: Callable[[Any], Any] | None = None) -> Any:
        """Send a batch of calls."""
        import cloudpickle

        shared: list[Any] = []
        calls = [
            (
                function,
                [self._argument(value, shared) for value in args],
                {name: self._argument(value, shared) for name, value in kwargs.items()},
            )
            for function, args, kwargs in func.items
        ]
        # Bytes, which are taken apart inside the task: what a worker cannot import is
        # then an error of the task. Else it ends the worker's connection, and nobody
        # would hear why nothing goes on.
        work = cloudpickle.dumps((calls, self.get_nested_backend()))
        # A key of its own: tasks with equal arguments are still different tasks.
        future = self.client.submit(
            _run_calls, work, shared, key=f"skastro-task-{uuid.uuid4().hex}"
        )
        with self._lock:
            self._running[future.key] = future

        def finished(future: Any) -> None:
            with self._lock:
                self._running.pop(future.key, None)
            if callback is not None:
                callback(future)

        future.add_done_callback(finished)
        return future

    def apply_async(
        self, func: Any, callback: Callable[[Any], Any] | None = None
    ) -> Any:
        """Send a batch of calls; what joblib before 1.5 calls it."""
        return self.submit(func, callback)

    def retrieve_result_callback(self, out: Any) -> Any:
        """Give what a task returned, or raise what it raised."""
        return out.result()

    def stop_call(self) -> None:
        """Let go of the arguments."""
        with self._lock:
            self._shared.clear()

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Take back what is not finished, after an error."""
        with self._lock:
            running = list(self._running.values())
            self._running.clear()
        if running:
            self.client.cancel(running)

    def _argument(self, value: Any, shared: list[Any]) -> Any:
        """Give what travels in the place of a value; those in dicts are looked at too.

        ``shared`` gets the futures of what is sent once.
        """
        if type(value) is dict:
            return {key: self._argument(part, shared) for key, part in value.items()}
        if _data_size(value) <= _SHARED_BYTES:
            return value
        place = place_in_file(value)
        if place is not None:
            flush(value)
            look = look_at_file(*place, value.nbytes)
            return _FilePlace(*place, value.shape, value.dtype, look)
        shared.append(self._future_of(value))
        return _Shared(len(shared) - 1)

    def _future_of(self, value: Any) -> Any:
        """Send data, unless they were sent before."""
        with self._lock:
            known = self._shared.get(id(value))
            if known is not None and known[0]() is value:
                return known[1]
            # The scheduler keeps the task, and so can have it done again.
            future = self.client.submit(
                _hold, value, key=f"skastro-data-{uuid.uuid4().hex}"
            )
            number = id(value)
            gone = weakref.ref(value, lambda _: self._shared.pop(number, None))
            self._shared[number] = gone, future
        return future


@dataclass(frozen=True)
class _Shared:
    """Stands for data that were sent once."""

    number: int


@dataclass(frozen=True)
class _FilePlace:
    """Stands for an array that is in a file."""

    path: str
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    look: bytes

    def open(self) -> np.ndarray:
        n_bytes = math.prod(self.shape) * self.dtype.itemsize
        try:
            if look_at_file(self.path, self.offset, n_bytes) != self.look:
                raise OSError("it is another file here, or was changed")
            return np.memmap(self.path, self.dtype, "r", self.offset, self.shape)
        except (OSError, ValueError) as error:
            raise OSError(
                f"A worker cannot map {self.path!r}: {error}. Memory maps travel as "
                "the path of their file, which must be the same on all workers; "
                "numpy.array(X) sends the values."
            ) from error


def _data_size(value: Any) -> int:
    """Count the bytes of data; 0 for all that a task might change, as estimators."""
    if isinstance(value, np.ndarray):
        # Others, such as tables of objects, have sizes that nobody knows.
        return int(value.nbytes)
    if isinstance(value, LazyRows):
        return value.__sizeof__()
    if issparse(value):
        return int(value.data.nbytes) * 2 if hasattr(value, "data") else 0
    if package_of(value) == "pandas" and hasattr(value, "memory_usage"):
        usage = value.memory_usage()
        return int(usage.sum()) if hasattr(usage, "sum") else int(usage)
    return 0


def _hold(value: Any) -> Any:
    """Be the task whose result is an argument of others."""
    return value


def _guard(value: Any) -> Any:
    """Give data that all tasks of a worker share so that none can change them."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
        return value
    if issparse(value):
        return value.copy()
    if package_of(value) == "pandas" and hasattr(value, "copy"):
        return value.copy()
    return value


def _run_calls(work: bytes, shared: list[Any]) -> list[Any]:
    """Do on a worker what joblib wants done."""
    from joblib import parallel_config

    calls, (backend, n_jobs) = pickle.loads(work)
    with parallel_config(backend=backend, n_jobs=n_jobs):
        return [
            function(
                *(_unpack(value, shared) for value in args),
                **{name: _unpack(value, shared) for name, value in kwargs.items()},
            )
            for function, args, kwargs in calls
        ]


def _unpack(value: Any, shared: list[Any]) -> Any:
    if type(value) is dict:
        return {key: _unpack(part, shared) for key, part in value.items()}
    if isinstance(value, _Shared):
        return _guard(shared[value.number])
    return value.open() if isinstance(value, _FilePlace) else value

"""A bounded number of torch threads, given back afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import joblib
import numpy as np
import torch
from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_inside = threading.local()
_active = 0
_before = 1


def effective_threads(n_jobs: int | None) -> int:
    """Translate scikit-learn's ``n_jobs`` into a number of threads.

    Parameters
    ----------
    n_jobs : int or None
        None means 1, -1 all cores, -2 all but one, as everywhere in scikit-learn.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        If it is 0.
    """
    if n_jobs is None:
        return 1
    if not isinstance(n_jobs, int | np.integer) or n_jobs == 0:
        raise ValueError(f"n_jobs must be None or a non-zero integer, got {n_jobs!r}.")
    if n_jobs > 0:
        return int(n_jobs)
    return max(1, int(joblib.cpu_count()) + 1 + int(n_jobs))


@contextmanager
def torch_threads(n_jobs: int | None = None) -> Iterator[None]:
    """Run the body on that many torch threads and restore the count.

    Small nets are quickest on one thread, and only one thread gives the same bits on
    every joblib backend. torch's count belongs partly to the process (MKL) and partly
    to the thread (OpenMP). So where several threads of one process are inside at once,
    as on joblib's threading backend, the process's part is restored by the last to
    leave, for an earlier change would reach into the arithmetic of the others; the
    thread's part is restored by each.

    Parameters
    ----------
    n_jobs : int or None, default=None
        Number of threads; None means 1.

    Yields
    ------
    None
        Nothing.
    """
    global _active, _before
    wanted = effective_threads(n_jobs)
    with _lock:
        own = torch.get_num_threads()
        if _active == 0:
            _before = own
        elif own == 1 and not getattr(_inside, "depth", 0):
            # A thread that is new begins with the count that the others set.
            own = _before
        _active += 1
        _inside.depth = getattr(_inside, "depth", 0) + 1
        if torch.get_num_threads() != wanted:
            torch.set_num_threads(wanted)
    try:
        yield
    finally:
        with _lock:
            _active -= 1
            _inside.depth -= 1
            if torch.get_num_threads() != own:
                if _active == 0:
                    torch.set_num_threads(own)
                else:
                    _set_threads_of_this_thread(own)


def _set_threads_of_this_thread(count: int) -> None:
    """Set OpenMP's count of the calling thread, and nothing of the process."""
    controller = ThreadpoolController().select(user_api="openmp")
    for library in controller.lib_controllers:
        if "torch" in str(library.filepath):
            library.set_num_threads(count)

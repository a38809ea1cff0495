"""Bounds on time and memory of one case."""

from __future__ import annotations

import faulthandler
import resource
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# A case takes milliseconds. These are for what never ends.
SECONDS = 30.0
# Beyond what the process has already; a bomb would take more.
MEMORY = 1 << 30

_FOREIGN = ("sklearn", "scipy", "pandas", "imblearn", "torch", "joblib")
_STATM = Path("/proc/self/statm")


class _AlarmError(BaseException):
    """No Exception: code that turns every Exception into another must not hide it."""


@contextmanager
def bounded(seconds: float = SECONDS, memory: int = MEMORY) -> Iterator[None]:
    """Fail a block that hangs, and let allocations beyond the bound fail."""
    rang = False

    def ring(signum: int, frame: Any) -> None:
        nonlocal rang
        rang = True
        raise _AlarmError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with _memory(memory):
            yield
    except _AlarmError:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not rang, f"it took more than {seconds:g} s"


def watch(seconds: float = 20 * SECONDS) -> None:
    """End the process some time after the last call: the last resort.

    No handler of a signal runs while compiled code hangs. A thread is started at every
    call, so not every case makes one.
    """
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)


def unwatch() -> None:
    """Let the process live."""
    faulthandler.cancel_dump_traceback_later()


@contextmanager
def _memory(extra: int) -> Iterator[None]:
    """Bound the address space, where the system tells how much of it is in use."""
    if not _STATM.exists():
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(_STATM.read_text().split()[0])
    limit = pages * resource.getpagesize() + extra
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextmanager
def strict_numbers(strict: bool = True) -> Iterator[list[str]]:
    """Refuse results that came with NumPy's warnings of wrong numbers.

    What ends in an error may warn on its way there. Other warnings are fine. The list
    has the warnings after the block, for those who are not strict.
    """
    found: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield found
    found += [
        f"{Path(w.filename).name}:{w.lineno}: {w.message}"
        for w in caught
        if issubclass(w.category, RuntimeWarning) and not _harmless(w)
    ]
    assert not (strict and found), f"a result, but with warnings: {found[:3]}"


def _harmless(warning: warnings.WarningMessage) -> bool:
    """Pass over warnings of libraries about what they look at themselves."""
    if Path(warning.filename).parent.name == "fuzz_kit":
        return True  # one that a function gives on purpose, to its caller
    foreign = any(f"/{name}/" in warning.filename for name in _FOREIGN)
    # scikit-learn adds all values up to see whether one of them is not finite.
    return foreign or "invalid value encountered in reduce" in str(warning.message)

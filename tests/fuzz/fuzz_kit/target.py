"""A target: what is called with hostile input, and how often."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fuzz_kit.guard import bounded, unwatch, watch

# Another seed explores other cases in the long run; the short one never changes.
SEED = int(os.environ.get("SKASTRO_FUZZ_SEED", "0"))

#: Cases that ran, by target.
CASES: Counter[str] = Counter()
#: Cases whose input was refused with a documented exception.
REFUSED: Counter[str] = Counter()

DOCUMENTED = (ValueError, TypeError)


@dataclass(frozen=True)
class Target:
    """Cases of one function, reader or estimator.

    Attributes
    ----------
    name : str
        Of the table of results.
    covers : tuple of str
        Public names, as "sub-package.name".
    case : callable
        ``case(draw, folder)``: draw hostile input, call, assert. A documented
        exception ends it.
    short, long : int
        Numbers of cases in ``make test`` and in ``make stress``.
    refusals : tuple of exception types
        Documented exceptions.
    """

    name: str
    covers: tuple[str, ...]
    case: Callable[[Callable[[Any], Any], Path], None]
    short: int = 15
    long: int = 1000
    refusals: tuple[type[Exception], ...] = DOCUMENTED


def _check_message(error: Exception) -> None:
    assert str(error).strip(), f"{type(error).__name__} says nothing"


def run(target: Target, n_cases: int, *, fixed: bool) -> None:
    """Run cases of a target until one fails."""

    def one(data: st.DataObject) -> None:
        if CASES[target.name] % 100 == 0:
            watch()
        CASES[target.name] += 1
        for left in folder.iterdir():
            with suppress(OSError):
                left.unlink()
        with bounded():
            try:
                target.case(data.draw, folder)
            except target.refusals as error:
                _check_message(error)
                REFUSED[target.name] += 1

    test = settings(
        max_examples=n_cases,
        derandomize=fixed,
        database=None,
        deadline=None,
        print_blob=True,
        report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )(given(st.data())(one))
    if not fixed:
        test = seed(SEED)(test)
    with tempfile.TemporaryDirectory(prefix="skastro-fuzz-") as name:
        folder = Path(name)
        try:
            test()
        finally:
            unwatch()

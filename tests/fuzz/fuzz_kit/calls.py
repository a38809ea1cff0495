"""Functions called with valid arguments of which a few are spoiled."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import note
from hypothesis import strategies as st

from fuzz_kit.arrays import JUNK, hostile, moderate, relaid
from fuzz_kit.guard import strict_numbers
from fuzz_kit.same import same
from fuzz_kit.target import DOCUMENTED, Target

Arguments = dict[str, Any]


def call(
    name: str,
    function: Callable[..., Any],
    valid: Callable[[np.random.Generator], Arguments],
    *,
    keep: tuple[str, ...] = (),
    sound: Callable[[Any, Arguments], None] | None = None,
    covers: tuple[str, ...] = (),
    refusals: tuple[type[Exception], ...] = DOCUMENTED,
    rtol: float = 1e-5,
    layouts: bool = True,
    strict: bool = True,
    twice: bool = True,
    short: int = 20,
    long: int = 450,
) -> Target:
    """Make the target of a function.

    Parameters
    ----------
    name : str
        "sub-package.function".
    function : callable
        What is called.
    valid : callable
        Gives valid arguments by name, from a generator.
    keep : tuple of str
        Arguments that stay as they are: duck-typed objects, and sizes that a junk
        value would make legally huge.
    sound : callable
        ``sound(result, arguments)`` asserts what holds for every result.
    covers : tuple of str
        Public names; that of the target if empty.
    refusals : tuple of exception types
        Documented exceptions.
    rtol : float
        Of results for the same values in another memory layout.
    layouts : bool
        Whether to compare memory layouts.
    strict : bool
        Whether a RuntimeWarning is an error.
    twice : bool
        Whether a second call must give the same.
    short, long : int
        Numbers of cases.
    """

    def case(draw: Callable[[Any], Any], folder: Path) -> None:
        rng = np.random.default_rng(draw(st.integers(0, 2**20)))
        arguments = valid(rng)
        names = [n for n in arguments if n not in keep]
        n_spoiled = draw(st.sampled_from((0, 1, 1, 1, 1, 2)))
        for _ in range(n_spoiled if names else 0):
            place = draw(st.sampled_from(names))
            simple = draw(st.integers(0, 5)) == 0
            strategy = st.sampled_from(JUNK) if simple else hostile(arguments[place])
            arguments[place] = draw(strategy)
        before = copy.deepcopy(arguments)
        note(f"{name}({arguments})"[:2000])
        try:
            with strict_numbers(strict and moderate(arguments)) as warned:
                result = function(**arguments)
        finally:
            assert same(arguments, before), "an argument was changed"
        if sound is not None and not warned:
            sound(result, arguments)
        if twice:
            with strict_numbers(False):
                assert same(result, function(**arguments)), "two calls, two results"
        if not layouts or warned:
            return
        arrays = {
            n: relaid(v, rng) for n, v in arguments.items() if isinstance(v, np.ndarray)
        }
        if arrays:
            with strict_numbers(False):
                again = function(**{**before, **arrays})
            assert same(result, again, rtol), "another layout, another result"

    return Target(name, covers or (name,), case, short, long, refusals)

"""Say what data, an estimator and its parameters are, so that a change is noticed."""

from __future__ import annotations

import copyreg
import functools
import platform
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from torch import nn

from skastro.model_selection._study.arrays import data_form, is_data
from skastro.model_selection._study.callables import has_own_code, qualified
from skastro.model_selection._study.content import atom, digest, reduce

# What is longer is named by its hash, because nobody would read it in a message.
_MOST_ENTRIES = 50
_MOST_LETTERS = 200
_MOST_LEVELS = 20


def describe_data(X: Any) -> str:
    """Name an array, table or sparse matrix by its content.

    Parameters
    ----------
    X : array-like
        Samples, targets or groups. A memory map is read piece by piece.

    Returns
    -------
    str
        Kind, shape and hash.
    """
    if X is None:
        return "None"
    values = X if is_data(X) else np.asarray(X)
    # Arrays know no column names; other libraries' tables do.
    names = None if is_data(X) else list(getattr(X, "columns", []))
    return f"{data_form(values)} {digest((values, names) if names else values)}"


def describe(value: Any, name: str = "") -> dict[str, str]:
    """Take an object apart into named facts.

    Estimators are told by their class and parameters, as a clone has them; what clones
    keep (the fitted net in a `FrozenEstimator`) and everything else by its content.
    Functions and classes that belong to no library are also told by their code.

    Parameters
    ----------
    value : object
        An estimator, a container or a plain value. The order of a mapping given here
        counts: it may be that of a table's columns. Further in it does not.
    name : str, default=""
        What to call it.

    Returns
    -------
    dict of str to str
        One entry a fact. Equal objects give equal facts in every process.
    """
    if isinstance(value, Mapping) and value:
        keys = ", ".join(map(_short, value))
        facts = {name: f"{type(value).__name__} of {keys}"}
        for key, part in value.items():
            facts |= _facts(part, f"{name}[{_short(key)}]", cloned=True, level=1)
        return facts
    return _facts(value, name, cloned=True, level=0)


def _facts(value: Any, name: str, *, cloned: bool, level: int) -> dict[str, str]:
    """Describe a value.

    ``cloned`` tells whether estimators inside are cloned before they are used, so that
    nothing but their parameters counts.
    """
    if level > _MOST_LEVELS:
        return {name: _short(value)}
    if hasattr(value, "get_params") and not isinstance(value, type):
        return _estimator_facts(value, name, cloned, level)
    if isinstance(value, functools.partial):
        facts = {name: "functools.partial"}
        parts = {"func": value.func, "args": value.args, "keywords": value.keywords}
        return facts | _parts(parts, name, level)
    if isinstance(value, types.MethodType):
        facts = {name: f"method {qualified(value)}"}
        parts = {"__func__": value.__func__, "__self__": value.__self__}
        return facts | _parts(parts, name, level)
    if type(value) in (dict, list, tuple) and 0 < len(value) <= _MOST_ENTRIES:
        return _container_facts(value, name, cloned, level)
    state = _plain_state(value)
    if state is not None:
        return {name: _short(type(value))} | _parts(state, name, level)
    return {name: _short(value)}


def _estimator_facts(value: Any, name: str, cloned: bool, level: int) -> dict[str, str]:
    own_clone = getattr(type(value), "__sklearn_clone__", None)
    if cloned and own_clone not in (None, BaseEstimator.__sklearn_clone__):
        # It decides itself what its clones keep.
        value, cloned = clone(value), False
    facts = {name: _short(type(value))}
    for key, part in sorted(value.get_params(deep=False).items()):
        facts |= _facts(part, f"{name}.{key}", cloned=cloned, level=level + 1)
    if not cloned:
        facts[f"{name} (fitted)"] = digest(value)
    return facts


def _container_facts(value: Any, name: str, cloned: bool, level: int) -> dict[str, str]:
    kind = type(value).__name__
    if isinstance(value, dict):
        facts = {name: f"{kind} of {len(value)}"}
        labelled = [(_short(key), part) for key, part in value.items()]
    elif all(atom(item) is not None for item in value):
        texts = [_short(item) for item in value]
        if kind == "list":
            return {name: f"[{', '.join(texts)}]"}
        return {name: f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"}
    elif _are_steps(value):
        facts = {name: f"{kind} of {', '.join(_short(item[0]) for item in value)}"}
        labelled = []
        for item in value:
            rest = item[1] if len(item) == 2 else list(item[1:])
            labelled.append((_short(item[0]), rest))
    else:
        facts = {name: f"{kind} of {len(value)}"}
        labelled = [(str(number), part) for number, part in enumerate(value)]
    for label, part in sorted(labelled, key=lambda pair: pair[0]):
        facts |= _facts(part, f"{name}[{label}]", cloned=cloned, level=level + 1)
    return facts


def _are_steps(value: Sequence[Any]) -> bool:
    """Tell whether a list is that of a pipeline: tuples that begin with a name."""
    named = all(
        type(item) is tuple and len(item) > 1 and isinstance(item[0], str)
        for item in value
    )
    return named and len({item[0] for item in value}) == len(value)


def _parts(parts: Mapping[str, Any], name: str, level: int) -> dict[str, str]:
    """Describe what an object holds: a little way in, and nobody clones that."""
    facts: dict[str, str] = {}
    level = max(level + 1, _MOST_LEVELS - 1)
    for key, part in parts.items():
        facts |= _facts(part, f"{name}.{key}", cloned=False, level=level)
    return facts


def _plain_state(value: Any) -> dict[str, Any] | None:
    """Give the attributes of an object that consists of a few of them and no more."""
    if atom(value) is not None or is_data(value) or not hasattr(value, "__dict__"):
        return None
    if isinstance(value, (type, nn.Module)):
        return None
    try:
        made, arguments, state, *rest = reduce(value)
    except Exception:  # whatever an object's own methods raise; it is then hashed
        return None
    plain = (
        made is copyreg.__newobj__  # type: ignore[attr-defined]
        and arguments == (type(value),)
        and isinstance(state, dict)
        and all(isinstance(key, str) for key in state)
        and not any(part is not None for part in rest)
        and 0 < len(state) <= _MOST_ENTRIES
    )
    return dict(sorted(state.items())) if plain else None


def _short(value: Any) -> str:
    """Describe a value in one line."""
    text = atom(value)
    if text is not None:
        if len(text) <= _MOST_LETTERS:
            return text
        return f"{type(value).__name__} of {len(value)} {digest(value)}"
    if is_data(value):
        return describe_data(value)
    if isinstance(value, (type, types.FunctionType)):
        if not has_own_code(value):
            return qualified(value)
        # Each version of Python compiles in its own way.
        version = ".".join(platform.python_version_tuple()[:2])
        code = f"code with all it uses {digest(value)}"
        return f"{qualified(value)} ({code}, Python {version})"
    if isinstance(value, (np.ufunc, types.BuiltinFunctionType)):
        return f"{_routine_name(value)} {digest(value)}"
    if isinstance(value, (list, tuple, dict, set, frozenset)):
        text = f"{type(value).__name__} of {len(value)}"
        return f"{text} {digest(value)}" if value else text
    return f"{qualified(type(value))} {digest(value)}"


def _routine_name(value: Any) -> str:
    return str(getattr(value, "__qualname__", None) or value.__name__)

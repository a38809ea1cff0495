"""Say what data, an estimator and its parameters are, so that a change is noticed."""

from __future__ import annotations

import hashlib
import inspect
import types
from collections.abc import Mapping
from typing import Any

import joblib
import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator

# Bytes that are hashed at a time, so that a memory map is not loaded whole.
_CHUNK = 1 << 26


def describe_data(X: Any) -> str:
    """Name an array, table or sparse matrix by its content.

    Parameters
    ----------
    X : array-like
        Samples, targets or groups.

    Returns
    -------
    str
        Kind, shape and hash.
    """
    if X is None:
        return "None"
    if isinstance(X, (pd.DataFrame, pd.Series)):
        columns = list(map(str, getattr(X, "columns", [X.name])))
        rows = pd.util.hash_pandas_object(X, index=False).to_numpy()
        return f"table {X.shape} {_digest(columns, rows)}"
    if sparse.issparse(X):
        rows = X.tocsr().sorted_indices()
        parts = (rows.data, rows.indices, rows.indptr)
        return f"sparse {X.shape} {_digest(str(X.dtype), *parts)}"
    values = X if isinstance(X, np.ndarray) else np.asarray(X)
    return f"array {values.shape} {values.dtype} {_digest(values)}"


def describe(value: Any, name: str = "") -> dict[str, str]:
    """Take an object apart into named facts.

    Parameters
    ----------
    value : object
        An estimator, a container or a plain value.
    name : str, default=""
        What to call it.

    Returns
    -------
    dict of str to str
        One entry a fact. Equal objects give equal facts in every process.
    """
    if isinstance(value, BaseEstimator) or (
        hasattr(value, "get_params") and not isinstance(value, type)
    ):
        facts = {name: _qualified(type(value))}
        for key, part in sorted(value.get_params(deep=False).items()):
            facts |= describe(part, f"{name}.{key}")
        fitted = {k: v for k, v in vars(value).items() if k.endswith("_")}
        if fitted and not isinstance(value, type):
            # What clones keep, such as the net in a FrozenEstimator.
            facts[f"{name} (fitted)"] = joblib.hash(value)
        return facts
    if isinstance(value, Mapping):
        facts = {name: f"{type(value).__name__} of {len(value)}"}
        for key, part in value.items():
            facts |= describe(part, f"{name}[{key!r}]")
        return facts
    if isinstance(value, (list, tuple)):
        facts = {name: f"{type(value).__name__} of {len(value)}"}
        for number, part in enumerate(value):
            facts |= describe(part, f"{name}[{number}]")
        return facts
    return {name: _plain(value)}


def _plain(value: Any) -> str:
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return repr(value)
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, (np.ndarray, pd.DataFrame, pd.Series)) or sparse.issparse(
        value
    ):
        return describe_data(value)
    if isinstance(value, types.FunctionType):
        # The code too: a function that was edited is another one.
        return f"{_qualified(value)} {_digest(_code(value.__code__))}"
    if isinstance(value, type) or inspect.isroutine(value):
        return _qualified(value)
    return f"{_qualified(type(value))} {joblib.hash(value)}"


def _code(code: types.CodeType) -> str:
    """Describe what a function does, whatever file and line it stands in."""
    inner = [
        _code(c) if isinstance(c, types.CodeType) else repr(c) for c in _consts(code)
    ]
    return repr((code.co_code.hex(), inner, code.co_names))


def _consts(code: types.CodeType) -> list[Any]:
    # Sets print in an order that changes from process to process.
    return [
        sorted(map(repr, c)) if isinstance(c, frozenset) else c for c in code.co_consts
    ]


def _qualified(thing: Any) -> str:
    module = getattr(thing, "__module__", None)
    return f"{module}.{getattr(thing, '__qualname__', repr(thing))}"


def _digest(*parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray) and part.dtype != object:
            rows = max(1, _CHUNK // max(1, part[:1].nbytes)) if part.ndim else 1
            blocks = range(0, len(part), rows) if part.ndim else range(0)
            for start in blocks:
                block = np.ascontiguousarray(part[start : start + rows])
                digest.update(block.view(np.uint8).data if block.size else b"")
            if not part.ndim:
                digest.update(part.tobytes())
        elif isinstance(part, np.ndarray):
            digest.update(joblib.hash(part).encode())
        else:
            digest.update(repr(part).encode())
        digest.update(b"|")
    return digest.hexdigest()[:32]

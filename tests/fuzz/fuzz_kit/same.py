"""Deep comparison of results, where NaN equals NaN."""

from __future__ import annotations

import dataclasses
import types
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.spatial.transform import Rotation


def same(a: Any, b: Any, rtol: float = 0.0) -> bool:
    """Tell whether two results are equal; floats to `rtol` of the largest."""
    if sparse.issparse(a) or sparse.issparse(b):
        if not (sparse.issparse(a) and sparse.issparse(b)):
            return False
        return same(a.toarray(), b.toarray(), rtol)
    if isinstance(a, (pd.DataFrame, pd.Series, pd.Index)):
        return _same_tables(a, b, rtol)
    if isinstance(a, (np.ndarray, np.generic)) or isinstance(b, np.ndarray):
        return _same_arrays(np.asarray(a), np.asarray(b), rtol)
    if isinstance(a, float) and isinstance(b, (float, int)):
        return _same_arrays(np.asarray(a), np.asarray(float(b)), rtol)
    if isinstance(a, dict):
        return (
            isinstance(b, dict)
            and list(a) == list(b)
            and all(same(a[key], b[key], rtol) for key in a)
        )
    if isinstance(a, (list, tuple)):
        return (
            type(a) is type(b)
            and len(a) == len(b)
            and all(same(x, y, rtol) for x, y in zip(a, b, strict=True))
        )
    if isinstance(a, Rotation):
        return isinstance(b, Rotation) and same(a.as_quat(), b.as_quat(), rtol)
    if isinstance(a, types.GeneratorType):
        return isinstance(b, types.GeneratorType)
    if type(a) is not type(b):
        return False
    if dataclasses.is_dataclass(a):
        names = [f.name for f in dataclasses.fields(a)]
        return all(same(getattr(a, n), getattr(b, n), rtol) for n in names)
    if type(a).__module__.startswith("skastro"):
        return same(vars(a), vars(b), rtol) if hasattr(a, "__dict__") else True
    if hasattr(a, "__dict__") or callable(a):  # of others: nothing to compare
        return True
    return bool(a == b)


def _same_tables(a: Any, b: Any, rtol: float) -> bool:
    if type(a) is not type(b) or a.shape != b.shape:
        return False
    if isinstance(a, pd.DataFrame):
        if list(map(str, a.columns)) != list(map(str, b.columns)):
            return False
        columns = range(a.shape[1])
        return all(_same_tables(a.iloc[:, i], b.iloc[:, i], rtol) for i in columns)
    return _same_arrays(a.to_numpy(), b.to_numpy(), rtol)


def _same_arrays(a: np.ndarray, b: np.ndarray, rtol: float) -> bool:
    if a.shape != b.shape:
        return False
    if a.dtype.kind in "fc" and b.dtype.kind in "fciu":
        if rtol == 0.0:
            return bool(np.array_equal(a, b, equal_nan=True))
        a, b = a.astype(np.complex128), b.astype(np.complex128)
        finite = np.abs(b[np.isfinite(b)])
        atol = rtol * float(finite.max()) if finite.size else 0.0
        return bool(np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True))
    if a.dtype.kind == "O":
        pairs = zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)
        return all(_same_objects(x, y, rtol) for x, y in pairs)
    if a.dtype.kind in "mM":
        return bool(np.array_equal(a.view("i8"), b.view("i8")))
    if a.dtype.kind == "V":
        return a.tobytes() == b.tobytes()
    return bool(np.array_equal(a, b))


def _same_objects(a: Any, b: Any, rtol: float) -> bool:
    if a is b or (pd.api.types.is_scalar(a) and pd.isna(a)):
        return a is b or (pd.api.types.is_scalar(b) and bool(pd.isna(b)))
    return same(a, b, rtol)

"""Arrays that are nearly right: other values, dtypes, shapes, layouts, containers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from hypothesis import strategies as st
from scipy import sparse

SPECIAL = (
    float("nan"),
    float("inf"),
    -float("inf"),
    0.0,
    -0.0,
    -1.0,
    1.0,
    1e308,
    -1e308,
    3e38,
    1e19,
    5e-324,
    1e-45,
    1e-300,
    256.0,
    2.0**53 + 2,
)

DTYPES = (
    "f2",
    "f4",
    "f8",
    "longdouble",
    "i1",
    "u1",
    "i2",
    "i4",
    "i8",
    "u8",
    "?",
    "c8",
    "c16",
    "O",
    "U8",
    "S8",
    "M8[s]",
    "m8[s]",
)

# What is no array at all, or one number where many are wanted.
JUNK: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2,
    3,
    0.5,
    -0.5,
    1.5,
    1e-12,
    float("nan"),
    float("inf"),
    -float("inf"),
    1e308,
    5e-324,
    -(2**70),
    "",
    "x",
    "auto",
    "é\n",
    b"x",
    [],
    (),
    {},
    [[]],
    (0,),
    (1, 1),
    (-1, 2),
    (0.5, float("nan")),
    ("a", "b"),
    {"a": 1},
    1j,
    np.float32(1),
    np.int64(-1),
    np.array(2),
    np.array([]),
    np.array([np.nan, 1.0]),
    np.datetime64("NaT"),
    pd.NA,
)


def _values(a: np.ndarray, rng: np.random.Generator) -> Any:
    """Put extreme values at one place, into a row, a column, or everywhere."""
    if a.dtype.kind not in "fiu" or a.size == 0:
        if a.dtype.kind in "US" and a.size:
            a = a.copy()
            a.flat[rng.integers(a.size)] = rng.choice(["", "nan", "é", "x" * 8])
        return a
    a = a.astype(np.float64)
    value = SPECIAL[rng.integers(len(SPECIAL))]
    where = rng.integers(6)
    if where == 0:
        a[...] = value
    elif where == 1 and a.ndim:
        a[rng.integers(len(a))] = value
    elif where == 2 and a.ndim:
        a[..., rng.integers(a.shape[-1])] = value
    elif where == 3:
        a[rng.random(a.shape) < 0.3] = value
    elif where == 4:
        flat = a.reshape(-1)
        for place in rng.integers(a.size, size=3):
            flat[place] = SPECIAL[rng.integers(len(SPECIAL))]
    else:
        a.flat[rng.integers(a.size)] = value
    return a


def _scaled(a: np.ndarray, rng: np.random.Generator) -> Any:
    if a.dtype.kind not in "fiu":
        return a
    factors = (1e300, 1e-300, 1e38, 1e-38, 1e10, -1.0, 0.0, 1e-320, 1e154)
    with np.errstate(all="ignore"):
        shift = (0.0, 0.0, 1e8, -1e15)[rng.integers(4)]
        return a * np.float64(factors[rng.integers(len(factors))]) + shift


def _typed(a: np.ndarray, rng: np.random.Generator) -> Any:
    name = DTYPES[rng.integers(len(DTYPES))]
    with np.errstate(all="ignore"):
        try:
            return a.astype(name)
        except (ValueError, TypeError, OverflowError, RuntimeError):
            return a.astype(object)


def _shaped(a: np.ndarray, rng: np.random.Generator) -> Any:
    kind = rng.integers(10)
    if kind == 0:
        return a[:0]
    if kind == 1:
        return a[:1]
    if kind == 2:
        return a[..., :0]
    if kind == 3:
        return a[..., :1]
    if kind == 4:
        return a[None]
    if kind == 5:
        return a[..., None]
    if kind == 6:
        return a.reshape(-1)
    if kind == 7:
        return a.T
    if kind == 8:
        return np.concatenate([a, a[: len(a) // 2]]) if a.ndim else a[None]
    return a[-1] if a.ndim and len(a) else a


def _contained(a: np.ndarray, rng: np.random.Generator) -> Any:
    kind = rng.integers(9)
    if kind == 0:
        return a.tolist()
    if kind == 1:
        return [*a.tolist(), [1.0]] if a.ndim else [a.tolist()]
    if kind == 2 and a.ndim == 2:
        return pd.DataFrame(a, columns=[f"c{i}" for i in range(a.shape[1])])
    if kind == 3 and a.ndim == 2 and a.dtype.kind in "fiu":
        return sparse.csr_array(a)
    if kind == 4 and a.ndim == 1:
        return pd.Series(a, index=np.arange(len(a))[::-1])
    if kind == 5 and a.dtype.kind in "fiu":
        return np.ma.masked_array(a, mask=rng.random(a.shape) < 0.2)
    if kind == 6 and a.dtype.kind in "fi":
        return torch.as_tensor(np.ascontiguousarray(a))
    if kind == 7 and a.ndim:
        return np.zeros(len(a), dtype=[("x", "f8"), ("y", "i4")])
    return JUNK[rng.integers(len(JUNK))]


def relaid(a: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Store the same values in another way."""
    kind = rng.integers(5)
    if kind == 0:
        return np.asfortranarray(a)
    if kind == 1 and a.ndim:
        wide = np.zeros((2 * len(a), *a.shape[1:]), a.dtype)
        wide[::2] = a
        return wide[::2]
    if kind == 2 and a.ndim:
        return np.ascontiguousarray(a[::-1])[::-1]
    if kind == 3 and a.dtype.kind in "fiu":
        return a.astype(a.dtype.newbyteorder(">"))
    b = a.copy()
    b.flags.writeable = False
    return b


_CHANGES: dict[str, Callable[[np.ndarray, np.random.Generator], Any]] = {
    "values": _values,
    "scale": _scaled,
    "dtype": _typed,
    "shape": _shaped,
    "container": _contained,
}


@st.composite
def hostile(draw: st.DrawFn, valid: Any) -> Any:
    """Draw something near a valid argument."""
    if isinstance(valid, (pd.DataFrame, pd.Series)):
        return draw(hostile_table(valid))
    if not isinstance(valid, np.ndarray):
        return draw(st.sampled_from(JUNK))
    # Values come first: that is where silent wrong numbers are.
    kinds = draw(
        st.lists(
            st.sampled_from(
                ["values", "values", "scale", "dtype", "shape", "container"]
            ),
            min_size=1,
            max_size=3,
        )
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    value: Any = valid.copy()
    for kind in kinds:
        if isinstance(value, np.ndarray):
            value = _CHANGES[kind](value, rng)
    return value


@st.composite
def hostile_table(draw: st.DrawFn, valid: Any) -> Any:
    """Draw a table with a column, rows or the index changed."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.integers(0, 6))
    table = valid.copy()
    if isinstance(table, pd.Series):
        if kind < 4:
            return (
                pd.Series(draw(hostile(table.to_numpy())), name=table.name)
                if (kind < 2)
                else draw(hostile(table.to_numpy()))
            )
        return table.iloc[:0] if kind == 4 else draw(st.sampled_from(JUNK))
    if kind == 0 and table.shape[1]:
        return table.drop(columns=table.columns[rng.integers(table.shape[1])])
    if kind == 1 and table.shape[1]:
        place = rng.integers(table.shape[1])
        column = table.columns[place]
        changed = _CHANGES[draw(st.sampled_from(["values", "scale", "dtype"]))](
            table[column].to_numpy(), rng
        )
        table[column] = changed
        return table
    if kind == 2:
        return table.iloc[:0]
    if kind == 3:
        return pd.concat([table, table])
    if kind == 4:
        return table.set_axis(rng.permutation(len(table)), axis=0)
    if kind == 5:
        return table.to_numpy()
    return draw(st.sampled_from(JUNK))


# Squares of numbers beyond these leave the range of float64.
_MODERATE = 1e-140, 1e140


def moderate(value: Any) -> bool:
    """Tell whether no finite number is so large or small that its square is not one.

    For such numbers a warning of NumPy is enough; for all others it marks a mistake.
    """
    if isinstance(value, dict):
        return all(moderate(v) for v in value.values())
    if isinstance(value, (list, tuple)):
        return all(moderate(v) for v in value)
    if isinstance(value, pd.DataFrame):
        return all(moderate(value.iloc[:, i].to_numpy()) for i in range(value.shape[1]))
    if sparse.issparse(value):
        return moderate(value.data)
    if isinstance(value, torch.Tensor):
        value = value.numpy()
    if isinstance(value, pd.Series):
        value = value.to_numpy()
    if isinstance(value, (float, np.number)):
        value = np.asarray(value)
    if not isinstance(value, np.ndarray) or value.size == 0:
        return True
    if value.dtype.kind == "O":
        return all(moderate(v) for v in value.ravel().tolist())
    if value.dtype.kind not in "fc":
        return True
    low, high = _MODERATE
    if value.dtype.itemsize == 4:
        low, high = 1e-17, 1e17
    elif value.dtype.itemsize == 2:
        low, high = 1e-3, 1e2
    size = np.abs(value[np.isfinite(value) & (value != 0)])
    return bool(((size > low) & (size < high)).all())

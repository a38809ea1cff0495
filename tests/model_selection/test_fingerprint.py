"""Equal studies have equal fingerprints in every process, different ones have not."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tracemalloc
import types
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, get_scorer, make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skastro.model_selection._study.arrays import _CHUNK
from skastro.model_selection._study.callables import is_library
from skastro.model_selection._study.fingerprint import describe, describe_data
from skastro.neural_network import DenseClassifier

SCALE = 2.0


def one(value: Any) -> str:
    """Give all facts as one text."""
    return json.dumps(describe(value, "it"), sort_keys=False)


def function(text: str, name: str = "change", **names: Any) -> Callable[..., Any]:
    """Define a function as if it stood in this file."""
    names = {"__name__": __name__, "np": np, **names}
    exec(text, names)
    found: Callable[..., Any] = names[name]
    return found


def made(text: str, **names: Any) -> Callable[..., Any]:
    return function(f"def change(X, *args):\n    return {text}", **names)


# --- data --------------------------------------------------------------------------

DRAW = np.random.default_rng(0)
A = DRAW.normal(size=(20, 3))
WITH_NAN = np.array([1.0, np.nan, -np.inf])
FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
# pandas 2 holds text as objects from the start.
OTHER_TEXT = "string" if FRAME["b"].dtype == object else object


def other_nan() -> np.ndarray:
    """Give NaN with other bits, as some processors compute it."""
    array = WITH_NAN.copy()
    array.view(np.uint64)[1] |= np.uint64(1) | np.uint64(1 << 63)
    assert np.isnan(array[1])
    return array


def memmap_like(array: np.ndarray, folder: Path) -> np.ndarray:
    np.save(folder / "a.npy", array)
    loaded: np.ndarray = np.load(folder / "a.npy", mmap_mode="r")
    return loaded


SAME_DATA: dict[str, tuple[Any, Any]] = {
    "copy": (A, A.copy()),
    "list": (A, A.tolist()),
    "order": (A, np.asfortranarray(A)),
    "view": (A, np.repeat(A, 2, axis=0)[::2]),
    "byte order": (A, A.astype(">f8")),
    "NaN": (WITH_NAN, other_nan()),
    "width of strings": (np.array(["a", "b"], "<U9"), np.array(["a", "b"], "<U1")),
    "objects": (
        np.array(["ab", 1, None], dtype=object),
        np.array(["".join("ab"), 1, None], dtype=object),
    ),
    "frame": (FRAME, FRAME.copy(deep=True)),
    "frame of one block": (pd.DataFrame(A), pd.DataFrame(np.asfortranarray(A))),
    "sparse": (sparse.csr_matrix(A > 1), sparse.csc_array(A > 1)),
    "sparse zeros": (
        sparse.csr_array(([1.0, 0.0], ([0, 1], [0, 1])), shape=(2, 2)),
        sparse.coo_array(([0.5, 0.5], ([0, 0], [0, 0])), shape=(2, 2)),
    ),
    "structure": (
        np.array([(1, 2.0)], dtype=[("a", "i1"), ("b", "f8")]),
        np.array([(1, 2.0)], dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    ),
}
OTHER_DATA: dict[str, list[Any]] = {
    "values": [A, A + 1e-15, -A, A[::-1], A.T, A[:-1], A.astype(np.float32), A > 0],
    "zeros": [
        np.zeros(3),
        np.zeros(4),
        np.zeros((3, 1)),
        np.zeros(3, int),
        np.zeros(3, bool),
        np.zeros(3, np.uint8),
        np.array(["", "", ""]),
        np.array([0, 0, 0], dtype=object),
        pd.Series(np.zeros(3)),
        pd.DataFrame(np.zeros(3)),
        sparse.csr_array((3, 1)),
        [],
        None,
    ],
    "strings": [
        np.array(["a", "bc"]),
        np.array(["ab", "c"]),
        np.array([b"a", b"bc"]),
        np.array(["a", "bc"], dtype=object),
    ],
    "objects": [
        np.array([1, 2], dtype=object),
        np.array(["1", "2"], dtype=object),
        np.array(["1", 2], dtype=object),
        np.array([1.0, 2], dtype=object),
        np.array([[1], [2]], dtype=object),
    ],
    "masks": [
        np.ma.masked_array([1.0, 2.0], [False, True]),
        np.ma.masked_array([1.0, 2.0], [True, False]),
        np.array([1.0, 2.0]),
    ],
    "numbers": [
        np.array([1, 2], np.int64),
        np.array([1, 2], np.uint64),
        np.array([1, 2], np.complex128),
        np.array([1, 2j], np.complex128),
        np.array([1, 2], np.longdouble),
        np.array([1, np.longdouble(2) + np.finfo(np.longdouble).eps * 2]),
        np.array([1, 2], "M8[D]"),
        np.array([1, 2], "M8[s]"),
    ],
    "frames": [
        FRAME,
        FRAME.rename(columns={"a": "c"}),
        FRAME.rename(columns={"a": 1}),
        FRAME.rename(columns={"a": "1"}),
        FRAME[["b", "a"]],
        FRAME.astype({"a": float}),
        FRAME.astype({"a": "Int64"}),
        FRAME.astype({"b": "category"}),
        FRAME.astype({"b": pd.CategoricalDtype(["y", "x"])}),
        FRAME.astype({"b": pd.CategoricalDtype(["x", "y"], ordered=True)}),
        FRAME.astype({"b": OTHER_TEXT}),
        FRAME.assign(b=["x", "z"]),
        FRAME.assign(b=["x", None]),
        FRAME.set_index(pd.Index([5, 6])),
        FRAME.set_index(pd.MultiIndex.from_tuples([(5, 6), (7, 8)])),
        FRAME.iloc[::-1],
    ],
    "series": [
        pd.Series([0, 1], name="a"),
        pd.Series([0, 1], name="b"),
        pd.Series([False, True], name="a"),
        pd.Series([0.0, 1.0], name="a"),
        pd.Series(pd.to_datetime(["2020-01-01", "2020-01-02"]), name="a"),
        pd.Series(pd.to_datetime(["2020-01-01", "2020-01-02"], utc=True), name="a"),
    ],
    "sparse": [
        sparse.csr_array(np.eye(3)),
        sparse.csr_array(np.eye(3)[::-1]),
        sparse.csr_array(np.eye(3) * 2),
        sparse.csr_array(np.eye(3), dtype=np.float32),
        np.eye(3),
    ],
}


@pytest.mark.parametrize("case", SAME_DATA)
def test_equal_data(case: str) -> None:
    first, second = SAME_DATA[case]
    assert describe_data(first) == describe_data(second)


@pytest.mark.parametrize("case", OTHER_DATA)
def test_different_data(case: str) -> None:
    facts = [describe_data(value) for value in OTHER_DATA[case]]
    assert len(set(facts)) == len(facts)


def test_data_in_words() -> None:
    assert describe_data(A).startswith("array (20, 3) float64 ")
    assert describe_data(FRAME).startswith("table (2, 2) ")
    assert describe_data(sparse.csr_array(A)).startswith("sparse (20, 3) float64 ")
    assert describe_data(None) == "None"


def test_memory_maps_are_not_loaded_whole(tmp_path: Path) -> None:
    values = np.arange(4 * _CHUNK // 8, dtype=np.float64)
    for shape in [(-1,), (1, -1), (2, 2, -1), (-1, 16)]:
        array = values.reshape(shape)
        mapped = memmap_like(array, tmp_path)
        tracemalloc.start()
        found = describe_data(mapped)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1.5 * _CHUNK
        assert found == describe_data(array)
        changed = array.copy()
        changed.flat[-1] += 1
        assert found != describe_data(changed)


# --- plain values ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (0.5, np.float64(0.5)),
        (0.5, np.float32(0.5)),
        (3, np.int8(3)),
        (True, np.True_),
        ("ab", "".join(["a", "b"])),
        ("a", np.str_("a")),
        (float("nan"), np.float64("nan")),
        ({"a", "b", "c"}, {"c", "b", "a"}),
        ({"p": {"a": 1, "b": 2}}, {"p": {"b": 2, "a": 1}}),
        ([("a", 1.0)] * 2, [("a", 1.0), ("".join("a"), float("1"))]),
        (np.random.RandomState(3), np.random.RandomState(3)),
        (np.random.default_rng(3), np.random.default_rng(3)),
        (Path("a") / "b", Path("a/b")),
        (np.dtype("f4"), np.dtype("float32")),
        (slice(1, 2), slice(1, 2)),
    ],
)
def test_equal_values(first: Any, second: Any) -> None:
    assert one(first) == one(second)


def test_different_values() -> None:
    moved = np.random.RandomState(3)
    moved.rand()
    values = [
        *(None, True, False, 0, 1, 2, -1, 1.0, 0.1, float("nan"), 1j, "1", b"1", ""),
        *([], (), {}, set(), frozenset(), [1], (1,), {1}, {1: 1}, {1: 2}, {"1": 1}),
        *([1, 2], [2, 1], [[1], 2], [[1, 2]], [1, [2]], ("a", "b"), ("ab",), "ab"),
        *(np.log, np.exp, len, abs, str, int, float, np.float32, np),
        *("a".join, "b".join, Path("a"), slice(1), range(3), range(4)),
        *(OrderedDict(a=1, b=2), OrderedDict(b=2, a=1), {"a": 1, "b": 2}),
        *(list(range(100)), list(range(99)), "x" * 999, "x" * 998),
        *(np.random.RandomState(3), moved, np.random.default_rng(3)),
        *(torch.zeros(3), torch.zeros(3, dtype=torch.bfloat16), torch.zeros(3, 1)),
        *(torch.float32, torch.nn.ReLU(), torch.nn.ReLU, torch.nn.Dropout(0.1)),
        *(torch.nn.Dropout(0.2), torch.Generator().manual_seed(1)),
        torch.Generator().manual_seed(2),
    ]
    facts = [one(value) for value in values]
    twice = [values[i] for i, fact in enumerate(facts) if fact in facts[:i]]
    assert not twice


def test_the_order_of_what_is_given_counts() -> None:
    """Test variants are columns of the stored arrays."""
    first, second = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert describe(first, "v")["v"] == "dict of 'a', 'b'"
    assert describe(second, "v")["v"] == "dict of 'b', 'a'"
    many = {str(i): i for i in range(99)}
    assert one(many) != one(dict(reversed(many.items())))


def test_circles_end() -> None:
    def circle(value: Any) -> Any:
        ring: list[Any] = [value]
        ring.append(ring)
        return {"ring": ring}

    assert one(circle(1)) == one(circle(1)) != one(circle(2))


def test_what_has_no_content_is_named_by_its_kind() -> None:
    import threading

    lock = types.SimpleNamespace(lock=threading.Lock(), number=1)
    other = types.SimpleNamespace(lock=threading.Lock(), number=1)
    assert one(lock) == one(other)
    other.number = 2
    assert one(lock) != one(other)


# --- functions and classes ---------------------------------------------------------


def outer(by: Any) -> Callable[..., Any]:
    def inner(X: Any) -> Any:
        return X * by

    return inner


def recursive(depth: int) -> Callable[..., Any]:
    def inner(n: int) -> int:
        return depth if n == 0 else inner(n - 1)

    return inner


SAME_FUNCTIONS: dict[str, tuple[Any, Any]] = {
    "same text": (made("X * 2"), made("X * 2")),
    "comments and docstring": (
        function("def change(X):\n    return X * 2"),
        function('def change(X):\n\n    """Doc."""\n    # why\n    return X * 2\n'),
    ),
    "captured": (outer(2), outer(2)),
    "captured array": (outer(A), outer(A.copy())),
    "recursive": (recursive(3), recursive(3)),
    "sets": (made("X in {'a', 'b', 'c'}"), made("X in {'a', 'b', 'c'}")),
    "global": (made("X * SCALE", SCALE=2.0), made("X * SCALE", SCALE=2.0)),
    "global instance": (made("X * C", C=object()), made("X * C", C=object())),
    "unused global": (made("X", SCALE=2.0), made("X", SCALE=3.0)),
    "cached": (functools.lru_cache(made("X")), functools.lru_cache(made("X"))),
    "partial": (
        functools.partial(np.clip, a_min=0),
        functools.partial(np.clip, a_min=0),
    ),
}
OTHER_FUNCTIONS: dict[str, list[Any]] = {
    "text": [made("X * 2"), made("X * 3"), made("X + 2"), made("2 * X")],
    "names": [made("np.log(X)"), made("np.exp(X)"), np.log, np.exp],
    "arguments": [
        function("def change(X, a): return X"),
        function("def change(X, b): return X"),
        function("def change(X, *, a): return X"),
        function("def change(X, a=1): return X"),
        function("def change(X, a=2): return X"),
        function("def change(X, *, a=1): return X"),
        function("def change(X, *, a=2): return X"),
    ],
    "captured": [
        outer(2),
        outer(3),
        outer("2"),
        outer(A),
        outer(A + 1),
        outer(outer(2)),
    ],
    "inner": [recursive(1), recursive(2)],
    "lambdas": [lambda x: x, lambda x: -x, lambda x, y: x],
    "nested code": [
        made("[x + 1 for x in X]"),
        made("[x + 2 for x in X]"),
        made("(lambda z: z + 1)(X)"),
        made("(lambda z: z + 2)(X)"),
    ],
    "globals": [
        made("X * SCALE", SCALE=2.0),
        made("X * SCALE", SCALE=3.0),
        made("X * SCALE", SCALE=A),
        made("X * SCALE", SCALE=[1, 2]),
        made("X * SCALE", SCALE=[1, 3]),
        made("(lambda: X * SCALE)()", SCALE=1),
        made("(lambda: X * SCALE)()", SCALE=2),
    ],
    "helpers": [
        made("help(X)", help=made("X + 1")),
        made("help(X)", help=made("X + 2")),
        made("help(X)", help=made("help(X)", help=made("X"))),
        made("help(X)", help=made("help(X)", help=made("-X"))),
        made("help(X)", help=functools.partial(made("X"), a=1)),
        made("help(X)", help=functools.partial(made("X"), a=2)),
    ],
    "exceptions": [
        function("def change(X):\n try:\n  return X\n except ValueError:\n  return 1"),
        function("def change(X):\n try:\n  return X\n except KeyError:\n  return 1"),
    ],
    "partials": [
        functools.partial(np.clip, a_min=0),
        functools.partial(np.clip, a_min=1),
        functools.partial(np.clip, 0),
        functools.partial(np.add, 0),
        np.clip,
    ],
    "scorers": [
        get_scorer("accuracy"),
        get_scorer("f1_macro"),
        get_scorer("neg_log_loss"),
        make_scorer(f1_score, average="micro"),
        make_scorer(f1_score, average="macro", greater_is_better=False),
        accuracy_score,
        make_scorer(made("1.0")),
        make_scorer(made("2.0")),
    ],
}


@pytest.mark.parametrize("case", SAME_FUNCTIONS)
def test_equal_functions(case: str) -> None:
    first, second = SAME_FUNCTIONS[case]
    assert one(first) == one(second)


@pytest.mark.parametrize("case", OTHER_FUNCTIONS)
def test_different_functions(case: str) -> None:
    facts = [one(value) for value in OTHER_FUNCTIONS[case]]
    assert len(set(facts)) == len(facts)


def test_a_helper_that_calls_back_ends() -> None:
    names: dict[str, Any] = {"__name__": __name__}
    exec("def f(X): return g(X)\ndef g(X): return f(X) + 1", names)
    others: dict[str, Any] = {"__name__": __name__}
    exec("def f(X): return g(X)\ndef g(X): return f(X) + 2", others)
    assert one(names["f"]) == one(names["f"]) != one(others["f"])


def test_functions_of_libraries_are_known_by_name() -> None:
    assert is_library("sklearn.metrics")
    assert is_library("json")
    assert is_library("builtins")
    assert is_library("skastro.utils")
    assert not is_library("__main__")
    assert not is_library(__name__)
    name = "sklearn.metrics._classification.accuracy_score"
    assert describe(accuracy_score, "it") == {"it": name}
    code = describe(made("X"), "it")["it"]
    version = "{}.{}".format(*sys.version_info)
    assert code.startswith(f"{__name__}.change (code ")
    assert code.endswith(f", Python {version})")


def a_class(body: str, base: str = "BaseEstimator") -> type:
    text = f"class Mine({base}):\n" + "".join(
        f"    {line}\n" for line in body.splitlines()
    )
    names: dict[str, Any] = {
        "__name__": __name__,
        "BaseEstimator": BaseEstimator,
        "Module": torch.nn.Module,
    }
    exec(text, names)
    found: type = names["Mine"]
    return found


def test_classes_that_were_edited() -> None:
    init = "def __init__(self, a=1): self.a = a\n"
    bodies = [
        init,
        init + "def transform(self, X): return X",
        init + "def transform(self, X): return X + 1",
        init + "def transform(self, X): return self.help(X)\n"
        "@staticmethod\ndef help(X): return X",
        init + "def transform(self, X): return self.help(X)\n"
        "@staticmethod\ndef help(X): return -X",
        init + "@property\ndef b(self): return 1",
        init + "@property\ndef b(self): return 2",
        init + "b = 1",
        init + "b = 2",
        init + "def __len__(self): return 1",
        init + "def __len__(self): return 2",
        init + "def f(self): return super().f()",
    ]
    facts = [one(a_class(body)()) for body in bodies]
    assert len(set(facts)) == len(facts)
    assert facts == [one(a_class(body)()) for body in bodies]
    # As a class that is a parameter (skorch's module), and below another class.
    nets = [a_class(f"def forward(self, x): return x * {i}", "Module") for i in (1, 2)]
    again = a_class("def forward(self, x): return x * 1", "Module")
    assert one(nets[0]) == one(again) != one(nets[1])
    assert one(nets[0]()) == one(again()) != one(nets[1]())
    assert one(type("Sub", (nets[0],), {})) != one(type("Sub", (nets[1],), {}))


# --- estimators --------------------------------------------------------------------

X, Y = A, np.arange(20) % 2


def net(**parameters: Any) -> DenseClassifier:
    settings = {"hidden_layer_sizes": (3,), "max_epochs": 2, "random_state": 0}
    return DenseClassifier(**{**settings, **parameters})


def pipeline(**parameters: Any) -> Pipeline:
    return make_pipeline(
        StandardScaler(), FunctionTransformer(np.log1p), LogisticRegression()
    ).set_params(**parameters)


def test_parameters_are_named_one_by_one() -> None:
    facts = describe(pipeline(logisticregression__C=2.0), "estimator")
    assert facts["estimator"] == "sklearn.pipeline.Pipeline"
    assert facts["estimator.steps['logisticregression'].C"] == "2.0"
    assert facts["estimator.steps['functiontransformer'].func"].startswith("log1p ")
    other = describe(pipeline(logisticregression__C=3.0), "estimator")
    differ = [name for name in facts if facts[name] != other[name]]
    assert differ == ["estimator.steps['logisticregression'].C"]
    assert describe(net(), "n")["n.hidden_layer_sizes"] == "(3,)"


def test_clones_and_fitted_estimators_are_the_same_study() -> None:
    for estimator in (
        pipeline(),
        net(),
        RandomForestClassifier(3, random_state=1),
        VotingClassifier([("a", LogisticRegression()), ("b", LogisticRegression())]),
    ):
        before = one(estimator)
        assert one(clone(estimator)) == before
        if not isinstance(estimator, Pipeline):
            estimator.fit(X, Y)
            assert one(estimator) == before


def test_what_clones_keep_counts() -> None:
    facts = [one(FrozenEstimator(net(random_state=s).fit(X, Y))) for s in (0, 0, 1)]
    assert facts[0] == facts[1] != facts[2]
    unfitted = one(FrozenEstimator(net()))
    assert unfitted != facts[0]
    deep = make_pipeline(FrozenEstimator(net().fit(X, Y)), LogisticRegression())
    changed = clone(deep)
    before = one(deep)
    assert one(changed) == before
    with torch.no_grad():
        next(changed[0].estimator.module_.parameters())[0, 0] += 1e-6
    assert one(changed) != before


def test_use_does_not_change_a_frozen_net() -> None:
    fitted = net().fit(X, Y)
    before = one(FrozenEstimator(fitted))
    fitted.predict(X)
    assert one(FrozenEstimator(fitted)) == before


def test_times_do_not_count() -> None:
    searches = [
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(X, Y)
        for _ in range(2)
    ]
    assert searches[0].refit_time_ != searches[1].refit_time_
    facts = [one(FrozenEstimator(search)) for search in searches]
    assert facts[0] == facts[1]
    # A parameter of that name does.
    assert one({"p": {"dur": 1}}) != one({"p": {"dur": 2}})


def test_methods_count_with_their_object() -> None:
    nets = [net(random_state=s).fit(X, Y) for s in (0, 0, 1)]
    facts = [one(n.predict) for n in nets]
    assert facts[0] == facts[1] != facts[2]
    assert one(nets[0].predict) != one(nets[0].predict_proba)


def test_objects_that_are_parameters() -> None:
    class Curve:
        def __init__(self, width: float, table: Any) -> None:
            self.width, self.table = width, table

        def __call__(self, X: Any) -> Any:
            return X * self.width

    facts = describe({"v": Curve(1.5, A)}, "variants")
    assert facts["variants['v'].width"] == "1.5"
    assert facts["variants['v'].table"] == describe_data(A)
    assert one(Curve(1.0, A)) == one(Curve(1.0, A.copy())) != one(Curve(1.0, A + 1))


# --- other processes ---------------------------------------------------------------

_OTHER_PROCESS = """
import functools, json, sys
import numpy as np, pandas as pd, torch
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, f1_score
from sklearn.preprocessing import FunctionTransformer
from skastro.model_selection._study.fingerprint import describe

BANDS = {"u", "g", "r", "i", "z"}
pad = [object() for _ in range(int(sys.argv[1]))]  # other addresses

def helper(X):
    return [b for b in X if b in BANDS or b in {"x", "y", "zz"}]

def outer(by):
    def inner(X, table={"a": 1, "b": {"c", "d"}}):
        return helper(X) * by
    return inner

class Linear(LogisticRegression):
    names = frozenset(["a", "b", "c"])
    def fit(self, X, y):
        return super().fit(X, y)

class Net(torch.nn.Module):
    def forward(self, x):
        return helper(x)

torch.manual_seed(0)

X = np.random.default_rng(0).normal(size=(12, 2))
y = np.array(["a", "bc", "d"] * 4)
values = [
    y, y.astype(object), pd.DataFrame({"s": y, "c": pd.Categorical(y), "x": X[:, 0]}),
    set(y.tolist()), [{b: {b} for b in BANDS}], outer(2), outer({"q", "w"}),
    functools.partial(outer, by=outer(1)), make_scorer(f1_score, labels=list("abc")),
    FunctionTransformer(outer(X), kw_args={b: 1 for b in BANDS}),
    FrozenEstimator(Linear(C=2).fit(X, y)), torch.nn.Linear(2, 2), Linear, Net,
    lambda x: x in {"a", "b"}, X.sum, np.random.RandomState(0), y.dtype,
]
print(json.dumps([describe(value, "it") for value in values]))
"""


def test_other_processes_find_the_same(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(_OTHER_PROCESS)
    running = [
        subprocess.Popen(
            [sys.executable, str(script), number],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONHASHSEED": number, "OMP_NUM_THREADS": "1"},
            text=True,
        )
        for number in ("1", "777")
    ]
    found = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    first, second = (json.loads(text) for text in found)
    assert len(first) == 18
    for one_found, other_found in zip(first, second, strict=True):
        assert one_found == other_found
    assert " at 0x" not in found[0]

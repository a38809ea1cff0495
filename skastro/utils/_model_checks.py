"""What is looked at in a loaded model, beside the names of its types."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np

_ROOTS = ("skastro", "sklearn", "imblearn")


def check_methods(model: Any) -> None:
    """Refuse a model in which stored values stand in the place of methods.

    Parameters
    ----------
    model : object
        Just loaded, and not used yet.

    Raises
    ------
    ValueError
        If there is one.
    """
    for item in _walk(model):
        kind = type(item)
        for name in getattr(item, "__dict__", ()):
            found = inspect.getattr_static(kind, name, None)
            method = isinstance(found, (FunctionType, classmethod, staticmethod))
            if method or type(found).__name__ == "_AvailableIfDescriptor":
                raise ValueError(
                    f"a stored value takes the place of the method "
                    f"{kind.__name__}.{name}."
                )


def check_boosted_trees(model: Any) -> None:
    """Refuse boosted trees whose nodes point out of the tree or out of the row.

    Parameters
    ----------
    model : object
        Just loaded, and not used yet.

    Raises
    ------
    ValueError
        If there is one, or one that belongs to no ensemble that says how wide a row is.
    """
    name = "sklearn.ensemble._hist_gradient_boosting.predictor"
    # Nothing of the kind was loaded where its module was not.
    if name not in sys.modules:
        return
    from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import (
        BaseHistGradientBoosting,
    )

    predictor = sys.modules[name].TreePredictor
    owned: dict[int, Any] = {}
    trees = []
    for item in _walk(model):
        if isinstance(item, predictor):
            trees.append(item)
        elif isinstance(item, BaseHistGradientBoosting):
            for tree in _walk(vars(item).get("_predictors", [])):
                if isinstance(tree, predictor):
                    n = vars(item).get("n_features_in_")
                    same = owned.setdefault(id(tree), n) == n
                    plain = vars(item).get("_preprocessor") is None
                    if not (same and plain and isinstance(n, int)):
                        raise ValueError("a boosted tree has rows of no known width.")
    for tree in trees:
        if id(tree) not in owned:
            raise ValueError("a boosted tree belongs to no ensemble.")
        _check_nodes(tree, owned[id(tree)])


def _check_nodes(tree: Any, n_features: int) -> None:
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    nodes = getattr(tree, "nodes", None)
    if (
        not isinstance(nodes, np.ndarray)
        or nodes.dtype != PREDICTOR_RECORD_DTYPE
        or nodes.ndim != 1
        or not len(nodes)
    ):
        raise ValueError("the nodes of a boosted tree are no such array.")
    inner = nodes["is_leaf"] == 0
    own = np.arange(len(nodes))[inner]
    for side in ("left", "right"):
        child = nodes[side][inner].astype(np.int64)
        # Children come later than their parent, so no walk goes round for ever.
        if ((child <= own) | (child >= len(nodes))).any():
            raise ValueError("a node of a boosted tree points out of the tree.")
    feature = nodes["feature_idx"][inner].astype(np.int64)
    if ((feature < 0) | (feature >= n_features)).any():
        raise ValueError("a node of a boosted tree points out of the row.")
    if nodes["is_categorical"].any():
        raise ValueError("boosted trees with categories are not checked.")


def _walk(start: Any) -> Iterator[Any]:
    """Yield what a model holds, each object once."""
    seen: set[int] = set()
    stack = [start]
    while stack:
        item = stack.pop()
        if id(item) in seen or isinstance(item, (str, bytes, int, float, type)):
            continue
        seen.add(id(item))
        yield item
        if isinstance(item, dict):
            stack += [*item.keys(), *item.values()]
        elif isinstance(item, (list, tuple, set, frozenset)):
            stack += item
        elif isinstance(item, np.ndarray):
            stack += item.ravel().tolist() if item.dtype == object else []
        elif isinstance(item, partial):
            stack += [item.func, item.args, item.keywords]
        if type(item).__module__.partition(".")[0] in _ROOTS:
            stack += vars(item).values() if hasattr(item, "__dict__") else []

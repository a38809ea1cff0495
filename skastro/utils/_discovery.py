"""Find every public estimator, so that one test module can check them all."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from sklearn.base import BaseEstimator


def all_estimators() -> list[tuple[str, type[Any]]]:
    """List the public estimators of the package.

    An estimator is public if the ``__all__`` of a sub-package names it; abstract base
    classes are left out.

    Returns
    -------
    list of (str, class)
        Sorted by name, each class once.

    Examples
    --------
    >>> from skastro.utils import all_estimators
    >>> "DenseClassifier" in dict(all_estimators())
    True
    """
    root = importlib.import_module("skastro")
    found = {}
    for info in pkgutil.walk_packages(root.__path__, prefix="skastro."):
        if any(part.startswith("_") for part in info.name.split(".")):
            continue
        module = importlib.import_module(info.name)
        for name in getattr(module, "__all__", []):
            item = getattr(module, name)
            if (
                isinstance(item, type)
                and issubclass(item, BaseEstimator)
                and not getattr(item, "__abstractmethods__", None)
            ):
                found[name] = item
    return sorted(found.items())

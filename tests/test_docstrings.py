"""Every public docstring is complete."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from numpydoc.validate import validate

import skastro

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
SETTINGS = tomllib.loads(PYPROJECT.read_text())["tool"]["numpydoc_validation"]
IGNORED = set(SETTINGS["checks"]) - {"all"}


def public_objects() -> dict[str, Any]:
    found = {}
    for info in pkgutil.walk_packages(skastro.__path__, prefix="skastro."):
        if any(part.startswith("_") for part in info.name.split(".")):
            continue
        module = importlib.import_module(info.name)
        for name in getattr(module, "__all__", []):
            item = getattr(module, name)
            if not callable(item):
                continue
            found[f"{info.name}.{name}"] = item
            if inspect.isclass(item):
                for method, function in inspect.getmembers(item, inspect.isroutine):
                    ours = (getattr(function, "__module__", "") or "").startswith(
                        "skastro"
                    )
                    # nn.Module.forward and the like follow torch's own contract.
                    if not method.startswith("_") and ours and method != "forward":
                        found[f"{info.name}.{name}.{method}"] = function
    return found


OBJECTS = public_objects()


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_docstring_is_complete(name: str) -> None:
    errors = [
        f"{code}: {text}"
        for code, text in validate(name)["errors"]
        if code not in IGNORED
    ]
    assert not errors, f"{name}: {errors}"


@pytest.mark.parametrize(
    "name", sorted(n for n, item in OBJECTS.items() if inspect.isclass(item))
)
def test_class_has_an_example(name: str) -> None:
    item = OBJECTS[name]
    if name.startswith("skastro.neural_network.modules.") or inspect.isabstract(item):
        return
    assert ">>> " in (item.__doc__ or ""), f"{name} has no example"

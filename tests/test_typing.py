"""The package says that it is typed, and its public names are: all of them, fully."""

from __future__ import annotations

import configparser
import functools
import importlib
import inspect
import pkgutil
import tomllib
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import skastro

ROOT = Path(skastro.__file__).parent
REPOSITORY = Path(__file__).parents[1]

PACKAGES = ["skastro"] + [
    info.name
    for info in pkgutil.walk_packages(skastro.__path__, prefix="skastro.")
    if info.ispkg
]


def public_objects(package: str) -> Iterator[tuple[str, Any]]:
    module = importlib.import_module(package)
    for name in module.__all__:
        found = getattr(module, name)
        if not isinstance(found, types.ModuleType):
            yield name, found


def as_function(member: Any) -> Callable[..., Any] | None:
    """Give the function behind a member of a class; None if there is none."""
    if isinstance(member, staticmethod | classmethod):
        member = member.__func__
    elif isinstance(member, property):
        member = member.fget
    elif isinstance(member, functools.cached_property):
        member = member.func
    elif type(member).__name__ == "_AvailableIfDescriptor":
        member = member.fn  # of scikit-learn's `available_if`
    return member if inspect.isfunction(member) else None


def is_ours(function: Callable[..., Any]) -> bool:
    return inspect.unwrap(function).__module__.partition(".")[0] == "skastro"


def public_functions(package: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Give what users call: functions, and methods that are not scikit-learn's."""
    for name, found in public_objects(package):
        if inspect.isfunction(found):
            yield name, found
        elif inspect.isclass(found):
            for key in dir(found):
                if key.startswith("_") and key not in ("__init__", "__call__"):
                    continue
                function = as_function(inspect.getattr_static(found, key))
                if function is not None and is_ours(function):
                    yield f"{name}.{key}", function


def unannotated(function: Callable[..., Any]) -> list[str]:
    signature = inspect.signature(inspect.unwrap(function))
    bare = [
        name
        for place, (name, parameter) in enumerate(signature.parameters.items())
        if parameter.annotation is inspect.Parameter.empty
        and not (place == 0 and name in ("self", "cls"))
    ]
    if signature.return_annotation is inspect.Signature.empty:
        bare.append("return")
    return bare


def test_marker_is_in_the_package() -> None:
    """Without py.typed, type checkers take an installed package as untyped."""
    assert (ROOT / "py.typed").is_file()
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert "py.typed" in project["tool"]["setuptools"]["package-data"]["skastro"]


def test_mypy_is_strict() -> None:
    """What is eased is eased for libraries without hints only."""
    settings = configparser.ConfigParser()
    settings.read(REPOSITORY / "setup.cfg")
    ours = dict(settings["mypy"])
    assert ours.pop("strict") == "True"
    eased = {key for key, value in ours.items() if value == "False"}
    assert eased == {"disallow_subclassing_any", "disallow_untyped_decorators"}
    assert not any("skastro" in section for section in settings.sections())


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_annotated(package: str) -> None:
    missing = {
        name: bare
        for name, function in public_functions(package)
        if is_ours(function) and (bare := unannotated(function))
    }
    assert not missing


@pytest.mark.parametrize("package", PACKAGES)
def test_annotations_can_be_read(package: str) -> None:
    """Annotations are kept as text; what they name is there when they are read."""
    for name, function in public_functions(package):
        hints = typing.get_type_hints(inspect.unwrap(function))
        assert "return" in hints, name


def test_the_walk_finds_methods_of_all_kinds() -> None:
    """A test of the tests: they would also pass if nothing were found."""
    names = {name for package in PACKAGES for name, _ in public_functions(package)}
    assert len(names) > 400
    assert names >= {
        "GalaxyCNNClassifier.__init__",
        "GalaxyCNNClassifier.predict_proba",
        "GAPSVoxelClassifier.partial_fit",  # available_if
        "RepeatedHoldoutResult.scores",  # cached_property
        "ResolutionCurveDisplay.from_estimator",  # classmethod
        "make_galaxies",
    }


def test_an_unannotated_parameter_is_seen() -> None:
    def bare(self: Any, X, *, y: int = 0, **more):  # type: ignore[no-untyped-def]
        return X

    assert unannotated(bare) == ["X", "more", "return"]


def test_nets_share_their_hints() -> None:
    """The same parameter means the same everywhere, or says where it does not."""
    from skastro.diffraction import DiffractionOrientationRegressor
    from skastro.galaxy import GalaxyCNNClassifier
    from skastro.gaps import GAPSVoxelClassifier
    from skastro.neural_network import DenseClassifier, DenseRegressor

    nets = [
        DenseClassifier,
        DenseRegressor,
        DiffractionOrientationRegressor,
        GAPSVoxelClassifier,
        GalaxyCNNClassifier,
    ]
    # Some domains choose these by a recipe, and then take "auto" as well.
    recipes = {
        *("dropout", "epsilon", "learning_rate_init", "n_iter_no_change", "rho"),
        *("validation_fraction", "weight_decay"),
    }
    kinds: dict[str, set[Any]] = {}
    for net in nets:
        for name, hint in typing.get_type_hints(net.__init__).items():
            plain = hint
            if name in recipes and str in typing.get_args(hint):
                (plain,) = (part for part in typing.get_args(hint) if part is not str)
            kinds.setdefault(name, set()).add(plain)
    own = {"average_symmetries", "dense_layer_sizes", "layout"}
    assert {n: k for n, k in kinds.items() if len(k) > 1 and n not in own} == {}

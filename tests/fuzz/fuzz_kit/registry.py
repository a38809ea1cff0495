"""All targets, and what they must cover."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType

from fuzz_kit.estimators import ESTIMATORS
from fuzz_kit.fetchers import FETCHERS
from fuzz_kit.functions import FUNCTIONS
from fuzz_kit.metrics import METRICS
from fuzz_kit.others import OTHERS
from fuzz_kit.readers import READERS
from fuzz_kit.target import Target
from skastro.utils import all_estimators

TARGETS: list[Target] = [
    *READERS,
    *METRICS,
    *FUNCTIONS,
    *OTHERS,
    *ESTIMATORS,
    *FETCHERS,
]

ROOMS = (
    "calibration",
    "datasets",
    "diffraction",
    "galaxy",
    "gaps",
    "inspection",
    "metrics",
    "model_selection",
    "neural_network",
    "sampling",
    "utils",
    "xray",
)

# Public functions that no target calls, each with the reason.
EXEMPT = {
    "utils.on_cluster": "starts work on a Dask cluster; what it takes is checked there",
}


def _functions(module: ModuleType, room: str) -> set[str]:
    return {
        f"{room}.{name}"
        for name in module.__all__
        if callable(getattr(module, name))
        and not inspect.isclass(getattr(module, name))
    }


def required() -> set[str]:
    """List every public function, estimator, splitter and simulator."""
    names = {f"{cls.__module__.split('.')[1]}.{name}" for name, cls in all_estimators()}
    for room in ROOMS:
        module = importlib.import_module(f"skastro.{room}")
        names |= _functions(module, room)
        # Splitters, and what is called or draws like a simulator, but is no estimator.
        names |= {
            f"{room}.{name}"
            for name in module.__all__
            if inspect.isclass(cls := getattr(module, name))
            and any(hasattr(cls, m) for m in ("split", "images", "erase"))
        }
    return names

"""What tasks on a worker call; sent to it by value, because it cannot import this."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any


def die_once(X: Any, marker: str) -> Any:
    """Kill the process that does this first, as ``kill -9`` does."""
    try:
        Path(marker).touch(exist_ok=False)
    except FileExistsError:
        return X
    os.kill(os.getpid(), signal.SIGKILL)
    return X


def die(X: Any) -> Any:
    """Kill every process that does this."""
    os.kill(os.getpid(), signal.SIGKILL)
    return X


def write_into(X: Any) -> Any:
    """Change what all tasks of a worker share."""
    X[0] = 0
    return X


def sum_and_spoil(X: Any) -> float:
    """Sum a table or a sparse matrix, and change it afterwards."""
    total = float(X.sum().sum())
    if hasattr(X, "iloc"):
        X.iloc[:, 0] = 7.0
    else:
        X.data[:] = 7.0
    return total


def kind_of(arguments: dict[str, Any]) -> str:
    """Tell what came."""
    X = arguments["X"]
    size = getattr(X, "shape", len(X))
    return f"{type(X).__name__} {size} {X[7].tolist() if len(X) > 7 else ''}"


def threads() -> tuple[int, str | None]:
    """Tell on how many threads nets are trained here."""
    import torch

    return torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")

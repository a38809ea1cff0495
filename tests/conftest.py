"""Fixtures for all tests."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

# Programs that tests start, no tests.
collect_ignore = ["model_selection/kill_server.py", "model_selection/study_jobs.py"]

_SPEC = importlib.util.spec_from_file_location(
    "skastro_local_server", Path(__file__).parent / "local_server.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
_SERVER = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_SERVER)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Serve files from this machine, past any proxy."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with _SERVER.local_server() as server:
        yield server


@pytest.fixture(scope="session")
def data_home() -> Path:
    """Folder with the real files, or a skip that says how to get them."""
    folder = os.environ.get("SKASTRO_DATA")
    if not folder:
        pytest.skip("SKASTRO_DATA is not set: real files are not at hand")
    return Path(folder)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Run torch on one thread: two test workers share two cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

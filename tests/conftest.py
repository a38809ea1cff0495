"""Fixtures for all tests."""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

# orix and diffsims keep compiled code beside their own files. Two test processes that
# write there at once leave code behind that crashes, so each has a folder of its own.
if "NUMBA_CACHE_DIR" not in os.environ or "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="skastro-numba-")
    atexit.register(shutil.rmtree, os.environ["NUMBA_CACHE_DIR"], ignore_errors=True)

# Programs that tests start, no tests.
collect_ignore = [
    "faults/kill_loop.py",
    "faults/writers.py",
    "model_selection/kill_server.py",
    "model_selection/study_jobs.py",
]

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


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail where nothing was tested: crashed workers alone would end in success."""
    config = session.config
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput") or config.option.collectonly:
        return
    seen = any(reporter.stats.get(kind) for kind in ("passed", "skipped", "xfailed"))
    if exitstatus == 0 and not seen:
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED

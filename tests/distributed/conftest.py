"""A cluster of two workers for the tests of this folder."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

# What tasks call, no tests.
collect_ignore = ["far_functions.py"]


@pytest.fixture(scope="session")
def far() -> Iterator[ModuleType]:
    """Functions that a worker gets by value."""
    cloudpickle = pytest.importorskip("cloudpickle")
    name = "skastro_far_functions"
    spec = importlib.util.spec_from_file_location(
        name, Path(__file__).with_name("far_functions.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    cloudpickle.register_pickle_by_value(module)
    yield module
    cloudpickle.unregister_pickle_by_value(module)
    del sys.modules[name]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two processes of one thread each, on ports that are free: the dashboard's, too.

    Without an address the scheduler takes port 8787, and warns if it is in use.
    """
    distributed = pytest.importorskip("distributed")
    import dask

    folder = tmp_path_factory.mktemp("cluster")
    # A worker that comes back after more than 15 s, on a busy machine, would else
    # find that it is no longer wanted.
    settings = {
        "distributed.deploy.lost-worker-timeout": "10 minutes",
        "distributed.comm.timeouts.connect": "2 minutes",
        "distributed.nanny.pre-spawn-environ.OMP_NUM_THREADS": "1",
    }
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            local_directory=str(folder),
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client

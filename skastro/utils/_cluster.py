"""Spread what joblib runs over a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import joblib

from skastro.utils._dask_backend import DaskBackend
from skastro.utils._optional import import_optional


@contextmanager
def on_cluster(client: Any, *, timeout: float = 60.0) -> Iterator[None]:
    """Run the tasks of joblib on a Dask cluster, whatever happens to its workers.

    Inside the ``with``, `GridSearchCV`, `cross_validate`, `repeated_holdout` and all
    else that goes through joblib send their tasks to the cluster, and give the numbers
    that they give on one machine. A task whose worker dies is done again by another
    one. ``joblib.parallel_config(backend="dask")``, joblib's own backend, does not do
    that: it loses the arguments with the worker.

    Arrays in files (`LazyRows`, ``numpy.memmap``) are sent as the place of the file,
    which every worker must reach by the same path. Other arrays and tables above 64 kB
    are sent once a call; arrays are read-only in the tasks.

    Parameters
    ----------
    client : distributed.Client
        Of a running cluster, with one thread a worker for training nets. Workers need
        the same versions of Python and of all packages.
    timeout : float, default=60.0
        Seconds to wait for a worker if there is none.

    Yields
    ------
    None
        Nothing: the cluster is joblib's backend until the end of the block.

    Raises
    ------
    ImportError
        If ``distributed`` is not installed (extra ``distributed``).
    TypeError
        If ``client`` is no client of Dask.
    TimeoutError
        If no worker comes; when a task is to be run.

    See Also
    --------
    LazyRows : Rows of an array that is larger than memory.

    Notes
    -----
    ``n_jobs=None`` and ``-1`` use all threads of the cluster. A task runs the joblib
    calls that it makes itself: spread the outer loop or the inner one, not both. Dask
    gives a task up (``KilledWorker``) that four workers in a row have died of; memory
    is then the first suspect.

    Examples
    --------
    >>> from distributed import Client, LocalCluster
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_validate
    >>> from sklearn.linear_model import RidgeClassifier
    >>> from skastro.utils import on_cluster
    >>> X, y = load_iris(return_X_y=True)
    >>> ridge = RidgeClassifier()
    >>> cluster = LocalCluster(n_workers=1, threads_per_worker=1, processes=False,
    ...                        dashboard_address=":0")
    >>> with cluster, Client(cluster) as client, on_cluster(client):
    ...     far = cross_validate(ridge, X, y)["test_score"]
    >>> bool((far == cross_validate(ridge, X, y)["test_score"]).all())
    True
    """
    distributed = import_optional("distributed", extra="distributed")
    if not isinstance(client, distributed.Client):
        raise TypeError(
            "on_cluster takes a distributed.Client, for instance "
            f"Client('tcp://scheduler:8786'), got {type(client).__name__}."
        )
    if client.asynchronous:
        raise TypeError("on_cluster cannot work with an asynchronous client.")
    with joblib.parallel_config(backend=DaskBackend(client, timeout)):
        yield

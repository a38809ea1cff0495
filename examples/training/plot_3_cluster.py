"""
How do I spread a search over many machines?
============================================

A search over settings and a study of many repeats are hundreds of trainings that know
nothing of each other. `skastro.utils.on_cluster` hands them to the workers of a Dask
cluster. Three things are shown on a cluster of two processes here: the result is that
of one process, to the last bit; a file larger than memory travels as its path, through
`skastro.utils.LazyRows`; and a worker that is killed costs time only.

On other machines two lines change. Start a scheduler and workers there
(``dask scheduler`` on one machine, ``dask worker tcp://THAT-MACHINE:8786 --nthreads 1``
on the others, or ``dask_jobqueue.SLURMCluster`` for a queue), and run this script with
``SKASTRO_SCHEDULER=tcp://THAT-MACHINE:8786`` and ``SKASTRO_SCRATCH`` naming a folder
that all of them see by the same path. All need the same versions of Python and of the
packages.
"""

import os
import pickle
import signal
import tempfile
import threading
from pathlib import Path

import dask
import matplotlib.pyplot as plt
import numpy as np
from distributed import Client, LocalCluster
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skastro.datasets import make_galaxies
from skastro.galaxy import CutoutNormalizer, GalaxyCNNClassifier
from skastro.model_selection import repeated_holdout
from skastro.utils import LazyRows, on_cluster

# Processes that a LocalCluster starts import this script first, as they do any script:
# what is to happen once stands behind the usual ``if __name__ == "__main__"``.

# %%
# A file that all workers see
# ---------------------------
# These are simulated cut-outs. In earnest the file is written piece by piece and may be
# larger than the memory of any machine.

if __name__ == "__main__":
    folder = tempfile.TemporaryDirectory(dir=os.environ.get("SKASTRO_SCRATCH"))
    path = Path(folder.name) / "cutouts.npy"
    images, y = make_galaxies(300, size=32, return_X_y=True, random_state=0)
    np.save(path, images)
    X = LazyRows(path)
    print(X)
    print(f"{X.nbytes / 1e6:.1f} MB on disk, {len(pickle.dumps(X))} bytes to a worker")

# %%
# The cluster
# -----------
# One thread a worker: small nets train fastest on one. Dask's workers start with
# ``OMP_NUM_THREADS=1``; those of a queue should, too. A worker that needs longer than
# ``lost-worker-timeout`` to come back would be given up by a ``LocalCluster``.

if __name__ == "__main__":
    address = os.environ.get("SKASTRO_SCHEDULER")
    if address:
        cluster, client = None, Client(address)
    else:
        dask.config.set({"distributed.deploy.lost-worker-timeout": "5 minutes"})
        cluster = LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=":0",
            local_directory=folder.name,
        )
        client = Client(cluster)
    print(f"{len(client.nthreads())} workers")

# %%
# A search
# --------
# The same lines with and without the cluster.

if __name__ == "__main__":
    pipe = make_pipeline(
        CutoutNormalizer(), GalaxyCNNClassifier(max_epochs=3, random_state=0)
    )
    steps = np.geomspace(1e-3, 3e-2, 3)
    grid = {"galaxycnnclassifier__learning_rate_init": steps}
    here = GridSearchCV(pipe, grid, cv=3).fit(X, y)
    with on_cluster(client):
        there = GridSearchCV(pipe, grid, cv=3).fit(X, y)
    scores = [
        np.array([search.cv_results_[f"split{fold}_test_score"] for fold in range(3)])
        for search in (here, there)
    ]
    print(f"the same bits: {np.array_equal(*scores)}")
    print(
        f"the same net: {np.array_equal(here.predict_proba(X), there.predict_proba(X))}"
    )

# %%
# A worker is killed
# ------------------
# With ``kill -9``, in the middle of a study. Its repeats are done again by the other
# one; Dask starts a new worker meanwhile. ``checkpoint=`` would also let the study
# outlive this process, and the cluster.


def kill_when_busy(client, killed):
    """Kill the first worker that is seen at work."""
    pids = client.run(os.getpid)

    def watch():
        while not killed.is_set():
            for worker, tasks in client.processing().items():
                if tasks and not killed.is_set():
                    os.kill(pids[worker], signal.SIGKILL)
                    killed.set()
            killed.wait(0.05)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


if __name__ == "__main__":
    study = {"n_repeats": 3, "random_state": 0, "engine": "processes", "verbose": 0}
    alone = repeated_holdout(pipe, X, y, n_jobs=1, **study)
    killed = threading.Event()
    if cluster is not None:  # of others, none is killed
        watcher = kill_when_busy(client, killed)
    with on_cluster(client):
        together = repeated_holdout(pipe, X, y, **study)
    print(f"a worker was killed: {killed.is_set()}")
    if cluster is not None:
        killed.set()
        watcher.join()
    curves = [result.curve("accuracy", split="test") for result in (alone, together)]
    print(f"the same bits: {np.array_equal(*curves)}")

# %%
# What came out, here and there
# -----------------------------

if __name__ == "__main__":
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for score, style, name in zip(
        scores, ("o-", "x--"), ("one process", "cluster"), strict=True
    ):
        left.errorbar(
            steps, score.mean(axis=0), score.std(axis=0), fmt=style, label=name
        )
    left.set(xscale="log", xlabel="Step size", ylabel="Accuracy of three folds")
    for curve, style, name in zip(
        curves,
        ("o-", "x--"),
        ("one process", "cluster, one worker killed"),
        strict=True,
    ):
        right.plot(np.arange(1, 4), curve.mean(axis=0), style, label=name)
    right.set(xlabel="Epoch", ylabel="Test accuracy, mean of three repeats")
    right.set_xticks(np.arange(1, 4))
    for ax in (left, right):
        ax.legend()
        ax.grid(color="0.9")
    client.close()
    if cluster is not None:
        cluster.close()
    folder.cleanup()
    plt.show()

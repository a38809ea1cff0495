"""Train the lecture's net with Keras, an epoch at a time, for ``fashion.py``.

Runs in an environment of its own that has Keras, with nothing of skastro:

    python _keras_worker.py FOLDER THREADS

FOLDER holds ``X.npy``, ``y.npy``, ``X_test.npy`` and ``y_test.npy``. THREADS is the
number of threads, 0 for Keras' own choice. It answers each line of its input, a batch
size or "accuracy" and a batch size, with a line of JSON.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
for backend in ("tensorflow", "jax", "torch"):
    if importlib.util.find_spec(backend):
        os.environ.setdefault("KERAS_BACKEND", backend)
# What Keras or TensorFlow print must not get among the answers.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import keras
import numpy as np


def answer(**values: object) -> None:
    """Send a line."""
    answers.write(json.dumps(values) + "\n")
    answers.flush()


def limit_threads(threads: int) -> None:
    """Set the threads of what computes; jax knows none, and gets so many cores."""
    if not threads:
        return
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    elif keras.config.backend() == "torch":
        import torch

        torch.set_num_threads(threads)
    else:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def make_net(n_pixels: int) -> keras.Model:
    """Make the net of the lecture, with Keras' own defaults."""
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [
            keras.layers.Input((n_pixels,)),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(optimizer="adam", loss=loss)
    return net


def main() -> None:
    """Serve until the input ends."""
    folder, threads = Path(sys.argv[1]), int(sys.argv[2])
    limit_threads(threads)
    arrays = {
        name: np.load(folder / f"{name}.npy") for name in ("X", "y", "X_test", "y_test")
    }
    X, y = arrays["X"], arrays["y"]
    nets: dict[int, keras.Model] = {}
    answer(keras=keras.__version__, backend=keras.config.backend())
    for line in sys.stdin:
        *what, batch = line.split()
        size = int(batch)
        if size not in nets:
            nets[size] = make_net(X.shape[1])
        if what:
            output = nets[size].predict(arrays["X_test"], batch_size=1000, verbose=0)
            hits = output.argmax(axis=1) == arrays["y_test"]
            answer(accuracy=float(hits.mean()))
            continue
        wall, cpu = time.perf_counter(), time.process_time()
        nets[size].fit(X, y, batch_size=size, epochs=1, verbose=0)
        answer(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)


if __name__ == "__main__":
    main()

"""Training time against other libraries, alternating in one run, on one core.

    python benchmarks/training.py [--repeats 5]

Each row trains the same net on the same data: once through skastro, once through a
plain skorch net with skorch's own defaults (its ``DataLoader``, unfused Adam, its
callbacks), or through scikit-learn's ``MLPClassifier``. Times are CPU seconds of one
thread; the contestants take turns, and the table gives medians and the median of the
ratios of neighbouring runs.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from datetime import date
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import sklearn
import skorch
import torch
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNetClassifier
from torch import nn

from skastro.galaxy import GalaxyCNNClassifier
from skastro.neural_network import DenseClassifier
from skastro.neural_network.modules import MLP, GalaxyCompactNet, GalaxyThesisNet

CNN_EPOCHS = 5
DENSE_EPOCHS = 10


def cnn_data() -> tuple[np.ndarray, np.ndarray]:
    """Make 600 images of 64x64 whose classes differ in the size of a blob."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 600)
    axis = np.arange(64) - 31.5
    radius = axis[:, None] ** 2 + axis[None, :] ** 2
    width = np.where(y, 5.0, 6.0)[:, None, None]
    clean = np.exp(-radius / (2 * width**2))
    noisy = clean + rng.normal(0, 0.5, (600, 64, 64))
    return noisy.astype(np.float32), y


def dense_data() -> tuple[np.ndarray, np.ndarray]:
    """Make 12,000 rows of 8 features in nine overlapping classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 9, 12_000)
    X = rng.normal(size=(9, 8))[y] + rng.normal(size=(12_000, 8))
    return X.astype(np.float32), y


class Reinitialised:
    """A plain torch module as skorch builds it: with torch's own initial weights."""

    def __init__(self, module: Callable[..., nn.Module], **config: Any) -> None:
        self.module, self.config = module, config

    def __call__(self) -> nn.Module:
        torch.manual_seed(0)
        return self.module(**self.config)


def skorch_net(module: nn.Module, lr: float, batch: int, epochs: int) -> Any:
    """Make a net with skorch's defaults but for what the task fixes."""
    return NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=lr,
        batch_size=batch,
        max_epochs=epochs,
        train_split=None,
        verbose=0,
        device="cpu",
    )


def timed(fit: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    model = fit()
    return time.process_time() - start, model


def contest(
    name: str,
    contestants: dict[str, Callable[[], Any]],
    X: np.ndarray,
    y: np.ndarray,
    test: tuple[np.ndarray, np.ndarray],
    repeats: int,
) -> None:
    """Let the contestants train in turn and print a row for each."""
    times: dict[str, list[float]] = {who: [] for who in contestants}
    scores: dict[str, list[float]] = {who: [] for who in contestants}
    for turn in range(repeats + 1):
        for who, fit in contestants.items():
            seconds, model = timed(fit)
            if turn:  # the first round warms up
                times[who].append(seconds)
                scores[who].append(float((model.predict(test[0]) == test[1]).mean()))
    ours = next(iter(contestants))
    print(f"\n{name}")
    print(f"  {'':32s} {'CPU s':>8s} {'ratio':>7s} {'accuracy':>9s}")
    for who in contestants:
        ratio = statistics.median(
            other / own for other, own in zip(times[who], times[ours], strict=True)
        )
        print(
            f"  {who:32s} {statistics.median(times[who]):8.3f} {ratio:6.2f}x "
            f"{statistics.mean(scores[who]):9.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # MLPClassifier's warning that it could go on
    print(
        f"{date.today()}, {platform.processor() or platform.machine()}, one thread; "
        f"Python {platform.python_version()}, torch {torch.__version__}, skorch "
        f"{skorch.__version__}, scikit-learn {sklearn.__version__}"
    )
    X, y = cnn_data()
    train, test = slice(0, 400), slice(400, 600)
    X_all, y_all = X, y
    y_long = y.astype(np.int64)
    for layout, module in (("compact", GalaxyCompactNet), ("thesis", GalaxyThesisNet)):
        config: dict[str, Any] = {
            "input_shape": (1, 64, 64),
            "n_outputs": 2,
            "dropout": 0.5 if layout == "thesis" else 0.0,
        }
        make = Reinitialised(module, **config)
        lr = 3e-4 if layout == "thesis" else 3e-3

        def ours(layout: str = layout, lr: float = lr) -> Any:
            return GalaxyCNNClassifier(
                layout=layout,
                solver="adam",
                weight_decay=0.0,
                learning_rate="constant",
                learning_rate_init=lr,
                batch_size=32,
                max_epochs=CNN_EPOCHS,
                random_state=0,
            ).fit(X_all, y_all)

        def theirs(make: Reinitialised = make, lr: float = lr) -> Any:
            net = skorch_net(make(), lr, 32, CNN_EPOCHS)
            return net.fit(X_all[:, None], y_long)

        def score_ready(fit: Callable[[], Any], nd: bool) -> Callable[[], Any]:
            return fit

        contest(
            f"GalaxyCNNClassifier(layout={layout!r}), 600 images of 64x64, "
            f"{CNN_EPOCHS} epochs, batch 32",
            {"skastro": ours, "skorch, same module": lambda t=theirs: Channelled(t())},
            X_all,
            y_all,
            (X[test], y[test]),
            repeats,
        )
    del train
    X, y = dense_data()
    settings = {"batch_size": 200, "learning_rate_init": 1e-3, "alpha": 0.0}
    contest(
        f"DenseClassifier(hidden_layer_sizes=(30, 30)), 12,000 x 8, "
        f"{DENSE_EPOCHS} epochs, batch 200",
        {
            "skastro": lambda: DenseClassifier(
                hidden_layer_sizes=(30, 30),
                max_epochs=DENSE_EPOCHS,
                random_state=0,
                **settings,
            ).fit(X, y),
            "skorch, same module": lambda: skorch_net(
                Reinitialised(
                    MLP, input_shape=(8,), n_outputs=9, hidden_layer_sizes=(30, 30)
                )(),
                1e-3,
                200,
                DENSE_EPOCHS,
            ).fit(X, y.astype(np.int64)),
            "scikit-learn MLPClassifier": lambda: MLPClassifier(
                (30, 30), max_iter=DENSE_EPOCHS, random_state=0, **settings
            ).fit(X, y),
        },
        X,
        y,
        (X, y),
        repeats,
    )


class Channelled:
    """Let a skorch net predict on (n, h, w), as ours does."""

    def __init__(self, net: Any) -> None:
        self.net = net

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.net.predict(X[:, None])


if __name__ == "__main__":
    main()

"""Training time against other libraries, alternating in one run, on one core.

    python benchmarks/training.py [--repeats 3]

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

CNN_EPOCHS = 10
DENSE_EPOCHS = 10


def cnn_data(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Make images of 64x64 whose classes differ in the size of a blob."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    axis = np.arange(64) - 31.5
    radius = axis[:, None] ** 2 + axis[None, :] ** 2
    width = np.where(y, 5.0, 6.0)[:, None, None]
    clean = np.exp(-radius / (2 * width**2))
    noisy = clean + rng.normal(0, 0.5, (n, 64, 64))
    return noisy.astype(np.float32), y


def dense_data(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Make rows of 8 features in nine overlapping classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 9, n)
    X = rng.normal(size=(9, 8))[y] + rng.normal(size=(n, 8))
    return X.astype(np.float32), y


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
    print(f"  {'':40s} {'CPU s':>8s} {'ratio':>7s} {'accuracy':>9s}")
    for who in contestants:
        ratio = statistics.median(
            other / own for other, own in zip(times[who], times[ours], strict=True)
        )
        print(
            f"  {who:40s} {statistics.median(times[who]):8.3f} {ratio:6.2f}x "
            f"{statistics.mean(scores[who]):9.3f}"
        )


class Channelled:
    """Let a skorch net predict on (n, h, w), as ours does."""

    def __init__(self, net: Any) -> None:
        self.net = net

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.net.predict(X[:, None])


def convolutional(layout: str, repeats: int) -> None:
    """Train a galaxy net on 600 images; test it on 400 others."""
    X, y = cnn_data(1000)
    train, test = (X[:600], y[:600]), (X[600:], y[600:])
    thesis = layout == "thesis"
    lr = 3e-4 if thesis else 3e-3
    config = {
        "input_shape": (1, 64, 64),
        "n_outputs": 2,
        "dropout": 0.5 if thesis else 0.2,
    }

    def ours() -> Any:
        return GalaxyCNNClassifier(
            layout=layout,
            solver="adam",
            weight_decay=0.0,
            learning_rate="constant",
            learning_rate_init=lr,
            batch_size=32,
            max_epochs=CNN_EPOCHS,
            random_state=0,
        ).fit(*train)

    def theirs(module: type[nn.Module]) -> Any:
        torch.manual_seed(0)
        net = skorch_net(module(**config), lr, 32, CNN_EPOCHS)
        return Channelled(net.fit(train[0][:, None], train[1]))

    module = GalaxyThesisNet if thesis else GalaxyCompactNet
    contestants = {"skastro": ours, "skorch, same module": lambda: theirs(module)}
    contest(
        f"GalaxyCNNClassifier(layout={layout!r}), 600 images of 64x64, {CNN_EPOCHS} "
        "epochs, batch 32",
        contestants,
        test,
        repeats,
    )


def dense(repeats: int) -> None:
    """Train a dense net on 12,000 rows; test it on 12,000 others."""
    X, y = dense_data(24_000)
    train, test = (X[:12_000], y[:12_000]), (X[12_000:], y[12_000:])
    settings = {"batch_size": 200, "learning_rate_init": 1e-3, "alpha": 0.0}

    def ours() -> Any:
        net = DenseClassifier(
            hidden_layer_sizes=(30, 30),
            max_epochs=DENSE_EPOCHS,
            random_state=0,
            **settings,
        )
        return net.fit(*train)

    def theirs() -> Any:
        torch.manual_seed(0)
        module = MLP(input_shape=(8,), n_outputs=9, hidden_layer_sizes=(30, 30))
        return skorch_net(module, 1e-3, 200, DENSE_EPOCHS).fit(*train)

    def sklearns() -> Any:
        net = MLPClassifier((30, 30), max_iter=DENSE_EPOCHS, random_state=0, **settings)
        return net.fit(*train)

    contest(
        f"DenseClassifier(hidden_layer_sizes=(30, 30)), 12,000 x 8, {DENSE_EPOCHS} "
        "epochs, batch 200",
        {
            "skastro": ours,
            "skorch, same module": theirs,
            "scikit-learn MLPClassifier": sklearns,
        },
        test,
        repeats,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # MLPClassifier's warning that it could go on
    print(
        f"{date.today()}, {platform.machine()}, one thread; Python "
        f"{platform.python_version()}, torch {torch.__version__}, skorch "
        f"{skorch.__version__}, scikit-learn {sklearn.__version__}"
    )
    convolutional("compact", repeats)
    convolutional("thesis", repeats)
    dense(repeats)


if __name__ == "__main__":
    main()

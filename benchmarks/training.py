"""Time of training and prediction against other libraries, in turns, on one core.

    python benchmarks/training.py [--repeats 5] [--quick]

Each row trains the same net on the same data: once through skastro, once through a
plain skorch net with skorch's own defaults (its ``DataLoader``, unfused Adam, its
callbacks), or through scikit-learn's ``MLPClassifier``; then all predict. Times are CPU
seconds of one thread; the contestants take turns, and the table gives medians and the
median, least and largest of the ratios of one round. ``--quick`` only shows that all
of it runs.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import warnings
from collections.abc import Callable
from datetime import date
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import sklearn
import skorch
import torch
from _bench import Turns, paired, record, spread, version_of
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNetClassifier
from torch import nn

from skastro.galaxy import GalaxyCNNClassifier
from skastro.neural_network import DenseClassifier
from skastro.neural_network.modules import MLP, GalaxyCompactNet, GalaxyThesisNet

CNN_EPOCHS = 10
DENSE_EPOCHS = 10
PEERS = {
    "skorch, same module": version_of("skorch"),
    "scikit-learn MLPClassifier": f"MLPClassifier, {version_of('scikit-learn')}",
}


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


def contest(
    name: str,
    contestants: dict[str, Callable[[], Any]],
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    repeats: int,
) -> None:
    """Let the contestants train and predict in turn, and print a row for each."""
    fits = paired(contestants, repeats)
    models = {who: results[-1] for who, results in fits.results.items()}
    predict = {who: lambda m=m: m.predict(train[0]) for who, m in models.items()}
    scores = {
        who: statistics.mean(
            float((model.predict(test[0]) == test[1]).mean()) for model in results
        )
        for who, results in fits.results.items()
    }
    rows(f"{name}, training", fits, scores)
    rows(f"{name}, prediction", paired(predict, 2 * repeats + 1), scores, len(train[0]))


def rows(
    job: str, turns: Turns, scores: dict[str, float], n_predicted: int | None = None
) -> None:
    """Print and record."""
    ours = next(iter(scores))
    print(f"\n{job}")
    print(f"  {'':30s} {'CPU s':>8s}  {'ratio':24s} {'accuracy':>9s}")
    for who, accuracy in scores.items():
        seconds, ratios = turns.median(who), turns.ratios(who)
        print(f"  {who:30s} {seconds:8.3f}  {spread(ratios):24s} {accuracy:9.3f}")
        if who != ours:
            own = turns.median(ours)
            speed = f"{own:.3f} s"
            if n_predicted:
                speed = f"{n_predicted / own:,.0f} a second"
            record(
                job,
                peer=PEERS[who],
                ratios=ratios,
                clock=turns.clock,
                ours=speed,
                score="accuracy",
                score_ours=scores[ours],
                score_peer=accuracy,
            )


class Channelled:
    """Let a skorch net predict on (n, h, w), as ours does."""

    def __init__(self, net: Any) -> None:
        self.net = net

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.net.predict(X[:, None])


def convolutional(layout: str, repeats: int, *, quick: bool = False) -> None:
    """Train a galaxy net on 600 images; test it on 400 others."""
    n, epochs = (40, 1) if quick else (600, CNN_EPOCHS)
    X, y = cnn_data(5 * n // 3)
    train, test = (X[:n], y[:n]), (X[n:], y[n:])
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
            max_epochs=epochs,
            random_state=0,
        ).fit(*train)

    def theirs(module: type[nn.Module]) -> Any:
        torch.manual_seed(0)
        net = skorch_net(module(**config), lr, 32, epochs)
        return Channelled(net.fit(train[0][:, None], train[1]))

    module = GalaxyThesisNet if thesis else GalaxyCompactNet
    contestants = {"skastro": ours, "skorch, same module": lambda: theirs(module)}
    contest(
        f"GalaxyCNNClassifier(layout={layout!r}), {n} images of 64x64, {epochs} "
        "epochs, batch 32",
        contestants,
        train,
        test,
        repeats,
    )


def dense(repeats: int, *, quick: bool = False) -> None:
    """Train a dense net on 12,000 rows; test it on 12,000 others."""
    n, epochs = (600, 1) if quick else (12_000, DENSE_EPOCHS)
    X, y = dense_data(2 * n)
    train, test = (X[:n], y[:n]), (X[n:], y[n:])
    settings = {"batch_size": 200, "learning_rate_init": 1e-3, "alpha": 0.0}

    def ours() -> Any:
        net = DenseClassifier(
            hidden_layer_sizes=(30, 30),
            max_epochs=epochs,
            random_state=0,
            **settings,
        )
        return net.fit(*train)

    def theirs() -> Any:
        torch.manual_seed(0)
        module = MLP(input_shape=(8,), n_outputs=9, hidden_layer_sizes=(30, 30))
        return skorch_net(module, 1e-3, 200, epochs).fit(*train)

    def sklearns() -> Any:
        net = MLPClassifier((30, 30), max_iter=epochs, random_state=0, **settings)
        return net.fit(*train)

    contest(
        f"DenseClassifier(hidden_layer_sizes=(30, 30)), {n:,} x 8, {epochs} epochs, "
        "batch 200",
        {
            "skastro": ours,
            "skorch, same module": theirs,
            "scikit-learn MLPClassifier": sklearns,
        },
        train,
        test,
        repeats,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="sizes that show nothing")
    arguments = parser.parse_args()
    repeats, quick = arguments.repeats, arguments.quick
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # MLPClassifier's warning that it could go on
    print(
        f"{date.today()}, {platform.machine()}, one thread; Python "
        f"{platform.python_version()}, torch {torch.__version__}, skorch "
        f"{skorch.__version__}, scikit-learn {sklearn.__version__}"
    )
    convolutional("compact", repeats, quick=quick)
    convolutional("thesis", repeats, quick=quick)
    # A fit of a fraction of a second: more rounds cost nothing.
    dense(repeats if quick else 3 * repeats, quick=quick)


if __name__ == "__main__":
    main()

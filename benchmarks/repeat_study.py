"""Repeated studies against the loop that one would write, alternating in one run.

    python benchmarks/repeat_study.py [--rounds 5]

First a dense net: 30 repeats of ten epochs on 12,000 rows of 8 features. Then a galaxy
net: six repeats on two cores. The peers loop over the same splits; they train, score
the validation part as they do by themselves, and score the test part once at the end.
skastro also scores training, validation and test part after every epoch, unless a row
says otherwise. Times are wall-clock; the contestants take turns, and the table gives
medians and the median of the ratios of the same round. Writes
``docs/results/repeat_study.rst``.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import warnings
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import joblib
import numpy as np
import sklearn
import skorch
import torch
from _bench import paired, record, spread, version_of
from _page import Page
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNetClassifier
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch import nn

from skastro.galaxy import GalaxyCNNClassifier
from skastro.model_selection import repeated_holdout
from skastro.neural_network import DenseClassifier
from skastro.neural_network.modules import MLP, GalaxyCompactNet

PAGE = Path(__file__).resolve().parents[1] / "docs" / "results" / "repeat_study.rst"
DENSE_REPEATS, DENSE_EPOCHS = 30, 10
CNN_REPEATS, CNN_EPOCHS, CNN_IMAGES = 6, 6, 500

SKLEARN = "scikit-learn"

Contestants = dict[str, Callable[[], float]]


def splits(y: np.ndarray, n_repeats: int) -> list[tuple[np.ndarray, ...]]:
    """Draw splits like those of the studies: 70 % training, a tenth of it apart."""
    drawn = []
    for seed in range(n_repeats):
        train, test = train_test_split(
            np.arange(len(y)), test_size=0.3, stratify=y, random_state=seed
        )
        train, valid = train_test_split(
            train, test_size=0.1, stratify=y[train], random_state=seed
        )
        drawn.append((train, valid, test))
    return drawn


def skorch_loop(
    make_module: Callable[[], nn.Module],
    X: np.ndarray,
    y: np.ndarray,
    parts: list[tuple[np.ndarray, ...]],
    *,
    threads: int,
    **settings: Any,
) -> float:
    """Train plain skorch nets one after the other; give the mean test accuracy."""
    torch.set_num_threads(threads)
    scores = []
    for seed, (train, valid, test) in enumerate(parts):
        torch.manual_seed(seed)
        net = NeuralNetClassifier(
            make_module(),
            criterion=nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            train_split=predefined_split(Dataset(X[valid], y[valid])),
            verbose=0,
            **settings,
        )
        net.fit(X[train], y[train])
        scores.append(np.mean(net.predict(X[test]) == y[test]))
    torch.set_num_threads(1)
    return float(np.mean(scores))


def sklearn_loop(
    X: np.ndarray, y: np.ndarray, parts: list[tuple[np.ndarray, ...]], epochs: int
) -> float:
    """Train scikit-learn's nets one after the other, without validation."""
    scores = []
    for seed, (train, _, test) in enumerate(parts):
        net = MLPClassifier(
            (30, 30), max_iter=epochs, random_state=seed, n_iter_no_change=1000
        )
        net.fit(X[train], y[train])
        scores.append(net.score(X[test], y[test]))
    return float(np.mean(scores))


def contest(page: Page, title: str, contestants: Contestants, rounds: int) -> None:
    """Let the contestants run in turn, and write a row for each."""
    turns = paired(contestants, rounds, clock="wall")
    scores = {who: statistics.mean(found) for who, found in turns.results.items()}
    ours = next(iter(contestants))
    rows = []
    for who, score in scores.items():
        ratios = turns.ratios(who)
        rows.append(
            {
                "": who,
                "seconds": f"{turns.median(who):.2f}",
                "ratio to the first row": spread(ratios),
                "first call, seconds": f"{turns.first[who]:.2f}",
                "test accuracy": f"{score:.3f}",
            }
        )
        if who.startswith("loop"):
            record(
                f"{title}: {ours}",
                peer=f"{who}, {version_of('skorch' if 'skorch' in who else SKLEARN)}",
                ratios=ratios,
                clock=turns.clock,
                ours=f"{turns.median(ours):.2f} s",
                score="test accuracy",
                score_ours=scores[ours],
                score_peer=score,
            )
    page.table(title, rows)


def dense(
    page: Page, rounds: int, dtypes: Sequence[str], *, quick: bool = False
) -> None:
    """Thirty small nets."""
    n, n_repeats, epochs = 12_000, DENSE_REPEATS, DENSE_EPOCHS
    if quick:
        n, n_repeats, epochs = 600, 2, 1
    X, y = make_classification(
        n, 8, n_informative=6, n_redundant=0, n_classes=4, random_state=0
    )
    for dtype in dtypes:
        rows = X.astype(dtype)
        parts = splits(y, n_repeats)

        def ours(rows: np.ndarray = rows, **options: Any) -> float:
            net = DenseClassifier(hidden_layer_sizes=(30, 30), max_epochs=epochs)
            settings = {"n_repeats": n_repeats, "random_state": 0, "verbose": 0}
            result = repeated_holdout(net, rows, y, **settings, **options)
            return float(result.values("accuracy", select="last").mean())

        def theirs(rows: np.ndarray = rows, parts: Any = parts) -> float:
            def module() -> nn.Module:
                net = MLP(input_shape=(8,), n_outputs=4, hidden_layer_sizes=(30, 30))
                return net.to(torch.from_numpy(rows[:1]).dtype)

            return skorch_loop(
                module,
                rows,
                y,
                parts,
                threads=1,
                batch_size=200,
                lr=1e-3,
                max_epochs=epochs,
            )

        contest(
            page,
            f"{n_repeats} repeats of DenseClassifier(hidden_layer_sizes=(30, 30)), "
            f"{n:,} x 8 in {np.dtype(dtype)}, {epochs} epochs, batch 200",
            {
                "skastro, stacked (auto), one thread": ours,
                "skastro, stacked, final scores": lambda f=ours: f(record="final"),
                "skastro, stacked, n_jobs=2": lambda f=ours: f(n_jobs=2),
                "skastro, sequential": lambda f=ours: f(engine="sequential"),
                "loop over plain skorch nets": theirs,
                "loop over MLPClassifier": lambda r=rows, p=parts: sklearn_loop(
                    r, y, p, epochs
                ),
            },
            rounds,
        )


def convolutional(page: Page, rounds: int, *, quick: bool = False) -> None:
    """Six galaxy nets on two cores."""
    n, n_repeats, epochs = CNN_IMAGES, CNN_REPEATS, CNN_EPOCHS
    if quick:
        n, n_repeats, epochs = 60, 2, 1
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    axis = np.arange(64) - 31.5
    radius = axis[:, None] ** 2 + axis[None, :] ** 2
    width = np.where(y, 5.0, 6.0)[:, None, None]
    clean = np.exp(-radius / (2 * width**2))
    X = (clean + rng.normal(0, 0.5, (n, 64, 64))).astype(np.float32)
    parts = splits(y, n_repeats)

    def ours(backend: str, record: str) -> float:
        net = GalaxyCNNClassifier(
            solver="adam",
            weight_decay=0.0,
            learning_rate="constant",
            learning_rate_init=3e-3,
            batch_size=32,
            max_epochs=epochs,
        )
        with joblib.parallel_config(backend=backend, n_jobs=2):
            result = repeated_holdout(
                net,
                X,
                y,
                n_repeats=n_repeats,
                engine="processes",
                record=record,
                random_state=0,
                verbose=0,
            )
        return float(result.values("accuracy", select="last").mean())

    def theirs(threads: int) -> float:
        config = {"input_shape": (1, 64, 64), "n_outputs": 2, "dropout": 0.2}
        return skorch_loop(
            lambda: GalaxyCompactNet(**config),
            X[:, None],
            y,
            parts,
            threads=threads,
            batch_size=32,
            lr=3e-3,
            max_epochs=epochs,
        )

    contest(
        page,
        f"{n_repeats} repeats of GalaxyCNNClassifier, {n} images of 64x64, "
        f"{epochs} epochs, batch 32, two cores",
        {
            "skastro, two processes, final scores": lambda: ours("loky", "final"),
            "skastro, two threads, final scores": lambda: ours("threading", "final"),
            "skastro, two processes, every epoch scored": lambda: ours(
                "loky", "epochs"
            ),
            "loop over plain skorch nets, two threads": lambda: theirs(2),
            "loop over plain skorch nets, one thread": lambda: theirs(1),
        },
        rounds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=PAGE)
    parser.add_argument("--only", choices=["dense", "cnn"])
    parser.add_argument("--dtypes", nargs="+", default=["float32", "float64"])
    parser.add_argument("--quick", action="store_true", help="sizes that show nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # MLPClassifier's warning that it could go on
    page = Page(arguments.output, "Repeated studies: time")
    page.text(
        f"Made on {date.today()} by ``python benchmarks/repeat_study.py --rounds "
        f"{arguments.rounds}`` on {os.cpu_count()} cores of {platform.machine()}, "
        f"Python {platform.python_version()}, torch {torch.__version__}, skorch "
        f"{skorch.__version__}, scikit-learn {sklearn.__version__}. Wall-clock, median "
        "of the rounds, contestants in turn; ratios are of the same round, median and "
        "range. skastro's rows score every part at every epoch unless they say "
        "otherwise; the loops score the test part once."
    )
    if arguments.only != "cnn":
        dense(page, arguments.rounds, arguments.dtypes, quick=arguments.quick)
    if arguments.only != "dense":
        convolutional(page, arguments.rounds, quick=arguments.quick)


if __name__ == "__main__":
    main()

"""The image-classification lecture on the real Fashion-MNIST: numbers, speed, verdicts.

    python benchmarks/fashion.py reproduce      # a minute
    python benchmarks/fashion.py speed --keras-python PYTHON ...   # some minutes
    python benchmarks/fashion.py overfitting    # about a quarter of an hour

``SKASTRO_DATA`` (or ``make data``) must have the real files. Each part writes a page
into ``docs/results/``. "speed" times one epoch of 60,000 images; the contestants take
turns, forwards and backwards. Keras runs in an environment of its own, whose
interpreter ``--keras-python`` names (it may be given several times); without it there
is no row of Keras. No setting was chosen by the test images.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["SKASTRO_SCALE"] = os.environ.get("SKASTRO_BENCH_STUDY", "table")

import numpy as np
import sklearn
import skorch
import torch
from _bench import absent, record, spread, version_of
from _page import Page
from sklearn.neural_network import MLPClassifier
from sklearn.utils import Bunch
from skorch import NeuralNetClassifier
from torch import nn

from skastro.neural_network.modules import MLP

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "examples" / "training"))
import _fashion as fashion

RESULTS = ROOT / "docs" / "results"
EPOCHS = 5
SKLEARN = "scikit-learn"
LIBRARIES = {"skorch, same module": "skorch", "scikit-learn MLPClassifier": SKLEARN}
ALLOWED = {"accuracy": 0.005, "loss": 0.01}


def provenance(command: str, cores: str) -> str:
    """Say when, how and where a page was made."""
    return (
        f"Made on {date.today()} by ``python benchmarks/fashion.py {command}`` on "
        f"{cores} of {platform.machine()}, Python {platform.python_version()}, torch "
        f"{torch.__version__}, scikit-learn {sklearn.__version__}."
    )


# ------------------------------------------------------------------------- the lecture


def reproduce(options: argparse.Namespace, data: Bunch) -> None:
    """Train the lecture's net from several seeds and lay its table beside."""
    page = Page(
        options.output or RESULTS / "fashion_lecture.rst",
        "The image-classification lecture, reproduced",
    )
    runs = []
    for seed in range(options.seeds):
        net = fashion.lecture_net(
            random_state=seed, callbacks=[fashion.RunningAccuracy()]
        )
        runs.append(fashion.train_by_epoch(net, data, EPOCHS))
    values = np.stack([run.to_numpy() for run in runs])
    name = f"the lecture's net, {EPOCHS} epochs of Fashion-MNIST"
    mean, std = values.mean(axis=0), values.std(axis=0, ddof=1)
    columns = list(runs[0].columns)
    rows, largest = [], dict.fromkeys(ALLOWED, 0.0)
    for i in range(EPOCHS):
        row: dict[str, Any] = {"epoch": i + 1}
        for name in ("loss", "accuracy"):
            k, theirs = columns.index(name), fashion.LECTURE[name][i]
            row[f"train {name}, running"] = f"{mean[i, k]:.4f}"
            row[f"lecture's {name}"] = f"{theirs:.4f}"
            largest[name] = max(largest[name], abs(mean[i, k] - theirs))
        for name in ("train accuracy at the end", "test accuracy at the end"):
            k = columns.index(name)
            row[name] = f"{mean[i, k]:.4f} ± {std[i, k]:.4f}"
        rows.append(row)
    met = all(largest[name] <= allowed for name, allowed in ALLOWED.items())
    page.text(
        f"{data.source} Flat pixels / 255, 128 ReLU, 10 softmax; Adam (0.001, epsilon "
        f"1e-7), batches of {fashion.BATCH_SIZE}, no penalty; means over "
        f"{options.seeds} seeds (± standard deviation of one). "
        + provenance(f"reproduce --seeds {options.seeds}", "one core")
    )
    page.table(f"{EPOCHS} epochs beside the lecture's table", rows)
    k = columns.index("accuracy")
    record(
        name,
        peer="the lecture's table (Keras)",
        score=f"running training accuracy, {options.seeds} seeds",
        score_ours=f"{mean[-1, k]:.4f} ± {std[-1, k]:.4f}",
        score_peer=f"{fashion.LECTURE['accuracy'][EPOCHS - 1]:.4f}",
    )
    k = columns.index("test accuracy at the end")
    page.text(
        "Running values are means over an epoch while the weights change, as Keras "
        "prints them. Largest difference from the lecture: "
        + ", ".join(
            f"{largest[name]:.4f} in {name} (allowed {allowed:g})"
            for name, allowed in ALLOWED.items()
        )
        + f": {'reproduced' if met else 'NOT reproduced'}. Test accuracy after "
        f"{EPOCHS} epochs: {mean[-1, k]:.4f} ± {std[-1, k]:.4f}; the lecture shows "
        "none."
    )


# ------------------------------------------------------------------------------- speed


class Own:
    """A net of this process, trained an epoch at a time."""

    def __init__(self, step: Callable[[], Any], score: Callable[[], float]) -> None:
        self.step, self.score = step, score

    def epoch(self, batch: int) -> tuple[float, float]:
        wall, cpu = time.perf_counter(), time.process_time()
        self.step()
        return time.perf_counter() - wall, time.process_time() - cpu

    def accuracy(self, batch: int) -> float:
        return self.score()


class Keras:
    """Keras in a process of its own, which stays alive and waits its turn."""

    def __init__(self, python: str, folder: str, threads: int) -> None:
        worker = Path(__file__).with_name("_keras_worker.py")
        environment = {**os.environ}
        for name in ("OMP_NUM_THREADS", "PYTHONPATH"):
            environment.pop(name, None)
        if threads:
            environment["OMP_NUM_THREADS"] = str(threads)
        self.errors = Path(folder) / f"{id(self)}.log"
        self.process = subprocess.Popen(
            [python, str(worker), folder, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors.open("w"),
            text=True,
            env=environment,
        )
        hello = self._read()
        how = "one thread" if threads else "its own choice of threads"
        self.name = f"Keras {hello['keras']} on {hello['backend']}, {how}"

    def __enter__(self) -> Keras:
        return self

    def __exit__(self, *error: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(
                f"Keras ended with the status {self.process.wait()}:\n"
                + self.errors.read_text()[-2000:]
            )
        return json.loads(line)

    def _ask(self, question: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        return self._read()

    def epoch(self, batch: int) -> tuple[float, float]:
        answer = self._ask(str(batch))
        return answer["wall"], answer["cpu"]

    def accuracy(self, batch: int) -> float:
        return self._ask(f"accuracy {batch}")["accuracy"]


def own_contestants(data: Bunch, batch: int) -> dict[str, Own]:
    """Make ours, skorch's and scikit-learn's net of the same layers and optimiser."""
    X, y, X_test, y_test = data.X_train, data.y_train, data.X_test, data.y_test
    ours = fashion.lecture_net(batch_size=batch)
    torch.manual_seed(0)
    module = MLP(input_shape=(X.shape[1],), n_outputs=10, hidden_layer_sizes=(128,))
    theirs = NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        optimizer__eps=1e-7,
        batch_size=batch,
        train_split=None,
        verbose=0,
        device="cpu",
    )
    theirs.initialize()
    sklearns = MLPClassifier(
        (128,), alpha=0.0, batch_size=batch, epsilon=1e-7, random_state=0
    )
    classes = np.arange(10)

    def score_of(net: Any) -> Callable[[], float]:
        return lambda: float((net.predict(X_test) == y_test).mean())

    return {
        "skastro": Own(lambda: ours.partial_fit(X, y), score_of(ours)),
        "skorch, same module": Own(
            lambda: theirs.partial_fit(X, y, epochs=1), score_of(theirs)
        ),
        "scikit-learn MLPClassifier": Own(
            lambda: sklearns.partial_fit(X, y, classes=classes), score_of(sklearns)
        ),
    }


def contest(
    contestants: dict[str, Any], batch: int, rounds: int
) -> dict[str, list[tuple[float, float]]]:
    """Let each train an epoch in turn, every other round backwards."""
    times: dict[str, list[tuple[float, float]]] = {who: [] for who in contestants}
    for who in contestants:  # the first epoch compiles and warms up
        contestants[who].epoch(batch)
    for turn in range(rounds):
        for who in list(contestants)[:: 1 - 2 * (turn % 2)]:
            times[who].append(contestants[who].epoch(batch))
    return times


def speed_rows(
    times: dict[str, list[tuple[float, float]]], contestants: dict[str, Any], batch: int
) -> list[dict[str, str]]:
    """Sum up: medians, and ratios of the same round with their range."""
    seconds = {who: np.array(pairs) for who, pairs in times.items()}
    ours = seconds["skastro"]
    scores = {who: contestants[who].accuracy(batch) for who in seconds}
    rows = []
    for who, theirs in seconds.items():
        row = {"": who}
        for k, clock in enumerate(("wall", "CPU")):
            row[f"{clock} s"] = f"{statistics.median(theirs[:, k]):.3f}"
        for k, clock in enumerate(("wall", "CPU")):
            ratio = theirs[:, k] / ours[:, k]
            row[f"ratio, {clock}"] = spread(ratio.tolist()) if who != "skastro" else "1"
        row["test accuracy"] = f"{scores[who]:.3f}"
        rows.append(row)
        if who != "skastro":
            peer = who if "Keras" in who else f"{who}, {version_of(LIBRARIES[who])}"
            record(
                f"the lecture's net, an epoch, batch {batch}",
                peer=peer,
                ratios=(theirs[:, 0] / ours[:, 0]).tolist(),
                clock="wall",
                ours=f"{statistics.median(ours[:, 0]):.3f} s",
                score="test accuracy",
                score_ours=scores["skastro"],
                score_peer=scores[who],
            )
    return rows


def speed(options: argparse.Namespace, data: Bunch) -> None:
    """Time an epoch against the peers."""
    torch.set_num_threads(1)
    if options.n_images:
        data.X_train = data.X_train[: options.n_images]
        data.y_train = data.y_train[: options.n_images]
    page = Page(
        options.output or RESULTS / "fashion_speed.rst",
        "An epoch of the lecture's net against other libraries",
    )
    keras = " --keras-python PYTHON" * bool(options.keras_python)
    page.text(
        f"One epoch of the lecture's net on {len(data.y_train):,} images of "
        f"Fashion-MNIST. Medians of {options.rounds} rounds after one to warm up; the "
        "contestants take turns, every other round backwards. A ratio is that of two "
        "epochs of one round, peer over skastro: its median, least and largest. All "
        "have one thread unless the name says otherwise. skorch and scikit-learn run "
        "with their defaults but for the net, Adam's settings and the batch; skorch "
        "then does not shuffle, which saves it time. Keras computes no metric. The "
        f"test accuracy after {options.rounds + 1} epochs tells that all do the same "
        f"work. skorch {skorch.__version__}. "
        + provenance(f"speed --rounds {options.rounds}{keras}", "one core")
    )
    with ExitStack() as stack:
        workers = start_keras(options.keras_python, data, stack)
        for batch in options.batches:
            contestants = {**own_contestants(data, batch), **workers}
            times = contest(contestants, batch, options.rounds)
            page.table(f"Batch {batch}", speed_rows(times, contestants, batch))


def start_keras(pythons: Sequence[str], data: Bunch, stack: ExitStack) -> dict:
    """Start two processes for each environment: one thread, and its own choice."""
    if not pythons:
        why = "it needs an environment of its own: --keras-python"
        absent("the lecture's net, an epoch", "Keras", why)
        return {}
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    for name in ("X", "y", "X_test", "y_test"):
        key = name if "_" in name else f"{name}_train"
        np.save(Path(folder) / f"{name}.npy", data[key])
    started = [
        stack.enter_context(Keras(python, folder, threads))
        for python in pythons
        for threads in (1, 0)
    ]
    return {worker.name: worker for worker in started}


# ------------------------------------------------------------------------ the verdicts


def overfitting(options: argparse.Namespace, data: Bunch) -> None:
    """Train three nets with every remedy, several times, and judge."""
    page = Page(
        options.output or RESULTS / "fashion_overfitting.rst",
        "Over-fitting of three nets, and three remedies",
    )
    start, scale, n_pool = time.perf_counter(), fashion.scale, len(data.y_train)
    rows, scores = [], []
    for size, units in fashion.SIZES.items():
        for remedy in fashion.REMEDIES:
            net = fashion.study_net(size, remedy, data.shape)
            result = fashion.overfitting_study(net, data, options.repeats)
            name = {"net": f"{size} {units[0]}-{units[1]}", "remedy": remedy}
            rows.append({**name, **fashion.verdict_row(result, n_pool)})
            record(
                f"net {size} {units[0]}-{units[1]}, remedy: {remedy}",
                score=f"test accuracy at the last epoch, {options.repeats} repeats; "
                "verdict",
                score_ours=fashion.mean_and_ste(result.values(select="last"))
                + f"; {rows[-1]['verdict']}",
            )
            verdict, seconds = rows[-1]["verdict"], time.perf_counter() - start
            print(f"{seconds:5.0f} s  {name['net']}, {remedy}: {verdict}", flush=True)
            scores.append(
                {
                    **name,
                    "by validation": fashion.mean_and_ste(result.values()),
                    "last epoch": fashion.mean_and_ste(result.values(select="last")),
                    "best of the mean test curve (optimistic)": fashion.mean_and_ste(
                        result.values(select="test-mean")
                    ),
                    "verdict at the default correlation": (
                        fashion.diagnose_overfitting(result).verdict
                    ),
                }
            )
    page.text(
        f"{data.source} Each of {options.repeats} repeats draws {scale.n_train} "
        f"training, {scale.n_validation} validation and {scale.n_test} test images "
        f"from the {n_pool:,} training images; {scale.epochs} epochs "
        f"({scale.bigger_epochs} of the bigger net) in batches of "
        f"{fashion.BATCH_SIZE}, Adam 0.001. The L2 strength is Keras'. Settings were "
        "fixed in advance. "
        + provenance(f"overfitting --repeats {options.repeats}", "two cores")
    )
    page.text(
        "The verdicts are those of `diagnose_overfitting` with the correlation of two "
        f"repeats set to {(scale.n_train + scale.n_validation) / n_pool:g}, the share "
        "of the pool that a repeat uses; its default, half of Nadeau and Bengio's, is "
        "for repeats of the whole pool, and stands in the second table. The effect "
        "is the one that decides, with one-sided bounds at 95 %. ± is the standard "
        "error of the repeats."
    )
    page.table("Verdicts", rows)
    page.table("Test accuracy by how the epoch is chosen", scores)
    minutes = (time.perf_counter() - start) / 60
    page.text(f"The command took {minutes:.0f} minutes.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="another page")
    parts = parser.add_subparsers(dest="part", required=True)
    part = parts.add_parser("reproduce", help=reproduce.__doc__)
    part.add_argument("--seeds", type=int, default=5)
    part.set_defaults(run=reproduce)
    part = parts.add_parser("speed", help=speed.__doc__)
    part.add_argument("--keras-python", action="append", default=[])
    part.add_argument("--rounds", type=int, default=7)
    part.add_argument("--batches", type=int, nargs="+", default=[32, 1024])
    part.add_argument("--n-images", type=int, help="fewer, to try it out")
    part.set_defaults(run=speed)
    part = parts.add_parser("overfitting", help=overfitting.__doc__)
    part.add_argument("--repeats", type=int, default=fashion.scale.n_repeats)
    part.set_defaults(run=overfitting)
    options = parser.parse_args()
    data = fashion.load_images()
    if not data.real:
        parser.error("the real Fashion-MNIST is needed: see `make data`")
    warnings.simplefilter("ignore")  # MLPClassifier would go on
    options.run(options, data)


if __name__ == "__main__":
    main()

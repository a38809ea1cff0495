"""Validation curves whose truth is known: simulated ones, and nets on a known mixture.

Used by ``overfitting.py``. A study is an array of curves (n_repeats, n_epochs).
"""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.signal import lfilter

LOSS = 0.5  # lowest expected loss of the simulated curves
SCORE = 0.85  # highest expected score


# ------------------------------------------------------------------ simulated curves


def loss_shape(kind: str, n_epochs: int, size: float) -> np.ndarray:
    """Expected loss by epoch, lowest at `LOSS` but for "falling".

    "rise" and "early" rise by exactly `size` from the minimum to the mean of the last
    tenth, "early" in the first fifth and then no more; a rise of 0 is a plateau.
    "falling" loses `size` from the tenth before the last to the last tenth.
    """
    x = np.arange(1, n_epochs + 1) / n_epochs
    tail = n_epochs // 10

    def shape(amount: float) -> np.ndarray:
        if kind == "falling":
            return x**-amount
        if kind == "early":
            climb = 1.0 - np.exp(-np.clip(x - 0.1, 0.0, None) / 0.03)
            return 1.0 + 0.6 * np.exp(-x / 0.02) + amount * climb
        climb = np.clip(x - 0.3, 0.0, None)
        return 1.0 + 0.6 * np.exp(-x / 0.06) + amount * climb

    def excess(amount: float) -> float:
        y = shape(amount)
        end = y[-tail:].mean()
        if kind == "falling":
            return 1.0 - end / y[-2 * tail : -tail].mean() - size
        return end / y[:-tail].min() - 1.0 - size

    if size == 0.0:
        return LOSS * shape(0.0)
    y = shape(brentq(excess, 0.0, 2.0))
    return LOSS * y / (1.0 if kind == "falling" else y.min())


def score_shape(n_epochs: int, drop: float) -> np.ndarray:
    """Expected score by epoch: up to a plateau, then down by `drop` at the end."""
    x = np.arange(1, n_epochs + 1) / n_epochs
    return SCORE - 0.25 * np.exp(-x / 0.06) - drop * np.clip(x - 0.3, 0.0, None) / 0.65


def noise(
    kind: str, n_repeats: int, n_epochs: int, rng: np.random.Generator
) -> np.ndarray:
    """Noise of unit size an epoch; "walk" reaches three times it at the end."""
    shape = (n_repeats, n_epochs)
    if kind == "white":
        return rng.normal(size=shape)
    if kind.startswith("ar"):
        phi = float(kind[2:])
        steps = rng.normal(size=shape) * np.sqrt(1 - phi**2)
        steps[:, 0] /= np.sqrt(1 - phi**2)
        return lfilter([1.0], [1.0, -phi], steps, axis=1)
    if kind == "walk":
        walk = np.cumsum(rng.normal(size=shape), axis=1) / np.sqrt(n_epochs)
        return 3.0 * walk + rng.normal(size=shape)
    if kind == "heavy":  # Student's t with 2.5 degrees of freedom, drifting
        steps = rng.standard_t(2.5, size=shape) / np.sqrt(5.0)
        return lfilter([1.0], [1.0, -0.5], steps, axis=1) * np.sqrt(0.75)
    raise ValueError(f"Unknown noise {kind!r}.")


def simulated_study(
    expected: np.ndarray,
    size: float,
    kind: str,
    n_repeats: int,
    shared: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Curves around an expected one; `shared` is the correlation of two repeats.

    Every repeat also has its own level (as its validation rows are easy or hard), half
    of whose variance is shared.
    """
    n_epochs = expected.size
    own = noise(kind, n_repeats, n_epochs, rng)
    common = noise(kind, 1, n_epochs, rng)
    wobble = np.sqrt(1.0 - shared) * own + np.sqrt(shared) * common
    level = rng.normal(size=(n_repeats, 1)) + rng.normal()
    # Neither a loss nor a score falls below zero, even with heavy tails.
    return np.maximum(expected + size * (wobble + level), 0.1 * expected)


# ------------------------------------------------------------------------ real nets


@dataclass(frozen=True, kw_only=True)
class Task:
    """A net with one hidden layer, how it is trained, and on what.

    Without `images`, the rows are drawn from a known mixture: two classes whose odds
    hang on one feature and on the product of two others, which a linear model cannot
    see; a share `flip` of the labels is wrong. With `images` (and their labels), rows
    are drawn from them without replacement, so that pools share none.
    """

    name: str
    hidden: int
    n_pool: int = 400
    validation: float = 0.15
    test: float = 0.25
    n_features: int = 10
    separation: float = 1.5
    flip: float = 0.1
    learning_rate: float = 0.01
    alpha: float = 0.0
    dropout: float = 0.0
    epochs: int = 40
    images: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def n_validation(self) -> int:
        return round(self.validation * self.n_pool)

    @property
    def n_train(self) -> int:
        return self.n_pool - self.n_validation - round(self.test * self.n_pool)


Rows = tuple[torch.Tensor, torch.Tensor]


def draw(task: Task, n_rows: int, rng: torch.Generator) -> Rows:
    """Draw rows with their noisy labels."""
    if task.images is not None:
        images, labels = (torch.from_numpy(array) for array in task.images)
        pick = torch.randperm(len(images), generator=rng)[:n_rows]
        if len(pick) < n_rows:
            raise ValueError(f"{n_rows} rows asked for, there are {len(images)}.")
        return images[pick], labels[pick]
    X = torch.randn(n_rows, task.n_features, generator=rng)
    logit = task.separation * (X[:, 0] + X[:, 1] * X[:, 2])
    y = torch.rand(n_rows, generator=rng) < torch.sigmoid(logit)
    wrong = torch.rand(n_rows, generator=rng) < task.flip
    return X, (y ^ wrong).long()


def net_curves(
    task: Task, n_pools: int, n_repeats: int, seed: int, *, fresh: int = 0
) -> dict[str, np.ndarray]:
    """Train a net on every repeat of every pool, many of them at once.

    Returns "loss" and "accuracy" of shape (n_pools, n_repeats, n_epochs) on the
    validation rows of each repeat's own split, or, with `fresh`, on that many rows
    which no net has seen and all nets share: that tells the truth.
    """
    rng = torch.Generator().manual_seed(seed)
    n_rows = n_pools * task.n_pool
    X, y = draw(task, n_rows + fresh, rng)
    new = (X[n_rows:], y[n_rows:]) if fresh else None
    X = X[:n_rows].reshape(n_pools, task.n_pool, -1)
    y = y[:n_rows].reshape(n_pools, task.n_pool)
    chunk = max(1, int(4e7 / (n_repeats * task.n_pool * X.shape[-1])))
    parts = [
        train(task, X[i : i + chunk], y[i : i + chunk], n_repeats, rng, new)
        for i in range(0, n_pools, chunk)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def train(
    task: Task,
    X: torch.Tensor,
    y: torch.Tensor,
    n_repeats: int,
    rng: torch.Generator,
    new: Rows | None,
) -> dict[str, np.ndarray]:
    """Train the nets of some pools, in batched matrix products, by Adam."""
    n_pools = len(y)
    n_nets, n_classes = n_pools * n_repeats, int(y.max()) + 1
    order = torch.rand(n_nets, task.n_pool, generator=rng).argsort(1)
    pool = torch.arange(n_pools).repeat_interleave(n_repeats)[:, None]
    rows = order[:, : task.n_train]
    held = order[:, task.n_train : task.n_train + task.n_validation]
    X_train, y_train = X[pool, rows], y[pool, rows]
    X_val, y_val = X[pool, held], y[pool, held]
    if new is not None:
        X_val, y_val = (part.expand(n_nets, *part.shape) for part in new)
    weights = []
    for a, b in ((X.shape[-1], task.hidden), (task.hidden, n_classes)):
        bound = (6 / (a + b)) ** 0.5
        w = (2 * torch.rand(n_nets, a, b, generator=rng) - 1) * bound
        weights += [w.requires_grad_(), torch.zeros(n_nets, 1, b, requires_grad=True)]
    adam = torch.optim.Adam(weights, lr=task.learning_rate)

    def logits(rows: torch.Tensor, drop: float) -> torch.Tensor:
        w1, b1, w2, b2 = weights
        h = torch.relu(torch.baddbmm(b1, rows, w1))
        if drop:
            h = h * (torch.rand(h.shape, generator=rng) >= drop) / (1 - drop)
        return torch.baddbmm(b2, h, w2)

    def entropy(z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(
            z.flatten(0, 1), labels.flatten(), reduction="none"
        ).reshape(labels.shape)

    batch, nets = 32, torch.arange(n_nets)[:, None]
    losses, right = [], []
    for _ in range(task.epochs):
        shuffled = torch.rand(n_nets, task.n_train, generator=rng).argsort(1)
        for start in range(0, task.n_train, batch):
            pick = shuffled[:, start : start + batch]
            z = logits(X_train[nets, pick], task.dropout)
            loss = entropy(z, y_train[nets, pick]).mean(1).sum()
            if task.alpha:
                penalty = sum((w**2).sum() for w in weights[::2])
                loss = loss + 0.5 * task.alpha * penalty
            adam.zero_grad()
            loss.backward()
            adam.step()
        with torch.no_grad():
            z = logits(X_val, 0.0)
            losses.append(entropy(z, y_val).double().mean(1).numpy())
            right.append((z.argmax(-1) == y_val).double().mean(1).numpy())
    shape = (n_pools, n_repeats, task.epochs)
    return {
        "loss": np.stack(losses, axis=1).reshape(shape),
        "accuracy": np.stack(right, axis=1).reshape(shape),
    }


def fashion_mnist() -> tuple[np.ndarray, np.ndarray] | None:
    """Training images of Fashion-MNIST, flat, and labels, if SKASTRO_DATA has them."""
    folder = Path(os.environ.get("SKASTRO_DATA", "data")) / "fashion_mnist"
    images = folder / "train-images-idx3-ubyte.gz"
    labels = folder / "train-labels-idx1-ubyte.gz"
    if not (images.exists() and labels.exists()):
        return None
    X = np.frombuffer(gzip.decompress(images.read_bytes()), np.uint8, offset=16)
    y = np.frombuffer(gzip.decompress(labels.read_bytes()), np.uint8, offset=8)
    return X.reshape(len(y), -1) / np.float32(255), y.astype(np.int64)


def intraclass_correlation(values: np.ndarray) -> float:
    """Correlation of two repeats of one pool; `values` is (n_pools, n_repeats)."""
    n = values.shape[1]
    between = n * values.mean(axis=1).var(ddof=1)
    within = values.var(axis=1, ddof=1).mean()
    return float((between - within) / (between + (n - 1) * within))

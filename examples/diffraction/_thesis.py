"""The diffraction thesis again, at reduced scale: its experiments and its split.

The thesis trains one net on 489,500 sums of two patterns of 1,000 singles, 224 x 224
pixels, for 500 epochs. Here are fewer singles, smaller images, narrower nets and fewer
epochs, all of them in `Scale`; the order of things is the thesis's. `run_thesis` gives
the tables of its experiments, `run_splits` what the same nets reach if the test
patterns are new. ``benchmarks/diffraction.py`` and the gallery print both.

How the thesis orders the directions of a pair, and in which frame its labels are, is
not known to us. Here directions are of one octant, in which the pattern and its
in-plane angle tell them, and the first one of a pair is that with the smaller z.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.base import clone

from skastro.datasets import make_diffraction_patterns
from skastro.diffraction import (
    DiffractionOrientationRegressor,
    KinematicSimulator,
    PairMixer,
    TemplateMatcher,
    all_pairs,
    training_memory,
)
from skastro.metrics import direction_angle, direction_summary
from skastro.model_selection import PairGroupKFold, cluster_subsets
from skastro.neural_network import DenseRegressor
from skastro.neural_network.modules import DiffractionThesisNet

Rows = list[dict[str, str]]

# Of a split: the matcher and the look-up take their time.
_MOST_TEST_PAIRS = 300


@dataclass(frozen=True)
class Scale:
    """How much is computed.

    Parameters
    ----------
    n_singles : int
        Single patterns; all of their pairs are used. The thesis: 1,000.
    side : int
        Pixels, a multiple of 8. The thesis: 224.
    epochs : int
        On the first subset; a quarter of it on each later one. The thesis: 500, and in
        its preliminary experiments 50 on each later one.
    n_repeats : int
        Sets of singles. The thesis: 1.
    seed : int
        Of everything.
    split_singles, split_side, split_epochs : int
        The same of `run_splits`, which trains on one fold of each split.
    filters, dense_layer_sizes, batch_size, conv_dropout, dropout
        Of the net. The thesis: (32, 64), (512, 256), 128, 0.25, 0.5.
    test_size : float
        Share of the pairs. The thesis: 10,000 of 499,500.
    """

    n_singles: int
    side: int
    epochs: int
    n_repeats: int = 1
    seed: int = 0
    split_singles: int = 50
    split_side: int = 64
    split_epochs: int = 20
    filters: tuple[int, ...] = (8, 16)
    dense_layer_sizes: tuple[int, ...] = (256, 128)
    batch_size: int = 8
    conv_dropout: float = 0.1
    dropout: float = 0.2
    test_size: float = 0.1

    def describe(self) -> str:
        """Say how much it is, beside the thesis."""
        n = self.n_singles
        return (
            f"{n} singles of {self.side} x {self.side} pixels, all {n * (n - 1) // 2:,}"
            f" pairs, convolutions {self.filters}, dense layers "
            f"{self.dense_layer_sizes}, {self.epochs} epochs and {self.later} on each "
            f"later subset, {self.n_repeats} run(s). The thesis: 1,000 singles of "
            "224 x 224, 499,500 pairs, (32, 64), (512, 256), up to 500 epochs, 1 run. "
            f"Splits: {self.split_singles} singles of {self.split_side} x "
            f"{self.split_side} pixels, {self.split_epochs} epochs of the compact net, "
            "half as many of the thesis's, which sees a quarter of the pixels."
        )

    @property
    def later(self) -> int:
        """Epochs on each subset but the first."""
        return max(1, self.epochs // 4)

    @property
    def passes(self) -> int:
        """Epochs over all pairs with as many steps as the chain of subsets has."""
        return max(1, round((self.epochs + 4 * self.later) / 5))


GLANCE = Scale(n_singles=20, side=32, epochs=8, split_singles=30, split_epochs=6)
QUICK = Scale(n_singles=30, side=32, epochs=32)
FULL = Scale(
    n_singles=45,
    side=48,
    epochs=40,
    n_repeats=3,
    split_singles=120,
    split_epochs=30,
)


def chosen_scale(name: str) -> Scale:
    """Give the scale of a value of ``SKASTRO_SCALE``."""
    return {"glance": GLANCE, "quick": QUICK}.get(name, FULL)


# Of the thesis: MAE and sigma of both heads, MAE and sigma of method 2.
PRELIMINARY = {
    "subset 1 only": (0.2832, 0.5250, 0.2811, 0.5130, 0.2079, 0.4098),
    "(i) then all layers": (0.2680, 0.4898, 0.2723, 0.4771, 0.1974, 0.3697),
    "(ii) then dense layers only": (0.2466, 0.4740, 0.2360, 0.4536, 0.1740, 0.3500),
}
FINAL = {
    "(1) random subsets": (0.2325, 0.4382, 0.2211, 0.4335, 0.1641, 0.3304),
    "(2) k-means, one run": (0.2311, 0.4467, 0.2348, 0.4343, 0.1661, 0.3250),
    "(3) k-means, five directories": (0.2351, 0.4369, 0.2266, 0.4281, 0.1729, 0.3454),
    "(4) equal subsets": (0.2292, 0.4470, 0.2302, 0.4396, 0.1671, 0.3360),
    "(5) all at a quarter of the side": (
        *(0.2880, 0.5646, 0.2956, 0.5656),
        *(0.2193, 0.4710),
    ),
    "(6) all at an eighth of the side": (
        *(0.9669, 1.1678, 0.9858, 1.1667),
        *(0.4227, 0.6498),
    ),
}
COLUMNS = ("MAE1", "s1", "MAE2", "s2", "method 2, oracle", "s, oracle")
N_THESIS = 10_000
# The ranges of the thesis's errors, and how many are at or below the mean.
RANGES = {
    "model (3), head 1": ("0.0013 to 4.6315", ""),
    "model (3), head 2": ("0.0018 to 4.6691", ""),
    "model (3), both heads": ("", "7,792 of 10,000 (78 %)"),
    "model (2), method 2": ("0.0024 to 3.9707", "8,170 of 10,000 (82 %)"),
}
# What a table is called, by its key in the answers of `run_thesis` and `run_splits`.
TITLES = {
    "preliminary": "Preliminary experiments, test pairs of seen singles",
    "experiments": "Experiments (1) to (6), test pairs of seen singles",
    "references": "What others reach on the same test pairs",
    "ranges": "Ranges of the errors, and pairs at or below the mean error",
    "networks": "Nets that the thesis gave up",
    "memory": "The memory rule, (units x batch + parameters) x 8e-9 GB",
    "splits": "The same nets on four splits",
}


# Data


@dataclass
class Pool:
    """Singles, their labels, and all pairs in training and test part."""

    singles: np.ndarray
    directions: np.ndarray
    simulator: KinematicSimulator
    train: np.ndarray
    test: np.ndarray

    def mixer(self, shrink: int = 1) -> PairMixer:
        """Mix singles whose pixels were averaged."""
        return PairMixer(shrunk(self.singles, shrink), self.directions)

    def labels(self, pairs: np.ndarray) -> np.ndarray:
        """Give the labels of pairs."""
        return self.directions[pairs].reshape(len(pairs), -1)


def make_pool(scale: Scale, repeat: int = 0, *, splits: bool = False) -> Pool:
    """Simulate singles and deal their pairs at random, as the thesis does."""
    if splits:
        scale = replace(scale, n_singles=scale.split_singles, side=scale.split_side)
    rng = np.random.default_rng([scale.seed, repeat])
    u = np.abs(rng.normal(size=(scale.n_singles, 3)))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    u = u[np.argsort(u[:, 2])]
    simulator = KinematicSimulator(
        "anatase", shape=(scale.side, scale.side), spot_sigma=0.8, max_g=1.25
    )
    bunch = make_diffraction_patterns(
        simulator=simulator, directions=u, in_plane=0.0, random_state=0
    )
    pairs = rng.permutation(all_pairs(scale.n_singles))
    n_test = max(10, round(scale.test_size * len(pairs)))
    return Pool(bunch.data, bunch.target, simulator, pairs[n_test:], pairs[:n_test])


def shrunk(images: np.ndarray, factor: int) -> np.ndarray:
    """Average pixels."""
    n, side = len(images), images.shape[1] // factor
    blocks = images.reshape(n, side, factor, side, factor)
    return np.ascontiguousarray(blocks.mean(axis=(2, 4), dtype=np.float32))


# Nets


def thesis_net(scale: Scale, **parameters: Any) -> DiffractionOrientationRegressor:
    """Make the thesis's net, narrower, with its recipe."""
    settings: dict[str, Any] = {
        "layout": "thesis",
        "filters": scale.filters,
        "dense_layer_sizes": scale.dense_layer_sizes,
        "conv_dropout": scale.conv_dropout,
        "dropout": scale.dropout,
        "batch_size": scale.batch_size,
        "max_epochs": scale.epochs,
        "random_state": scale.seed,
    }
    return DiffractionOrientationRegressor(**{**settings, **parameters})


def compact_net(scale: Scale, **parameters: Any) -> DiffractionOrientationRegressor:
    """Make the compact net."""
    settings: dict[str, Any] = {
        "filters": (128,),
        "dense_layer_sizes": (256, 128),
        "batch_size": 16,
        "max_epochs": scale.split_epochs,
        "random_state": scale.seed,
    }
    return DiffractionOrientationRegressor(**{**settings, **parameters})


def best_epoch_of(net: Any, n_epochs: int) -> Any:
    """Let a net keep a fifth apart and end with the epoch that is best on it."""
    return net.set_params(
        max_epochs=n_epochs,
        early_stopping=True,
        validation_fraction=0.2,
        n_iter_no_change=n_epochs,
    )


def train_on_subsets(
    first: Any, pool: Pool, subsets: Sequence[np.ndarray], n_epochs: int, freeze: tuple
) -> Any:
    """Go on with a net on further subsets."""
    net = copy.deepcopy(first).set_params(warm_start=True, freeze=freeze)
    best_epoch_of(net, n_epochs)
    for rows in subsets:
        net.fit(pool.train[rows], pool.labels(pool.train[rows]))
    return net


def deal(pool: Pool, how: str, seed: int) -> list[np.ndarray]:
    """Deal the training pairs to five subsets."""
    n = len(pool.train)
    # 100,000 of 489,500 four times, and the rest.
    large = round(n * 100_000 / 489_500)
    sizes = [large] * 4 + [n - 4 * large]
    if how == "equal":
        return cluster_subsets(labels=np.zeros(n), n_subsets=5, random_state=seed)
    if how == "random":
        return cluster_subsets(
            labels=np.zeros(n), subset_sizes=sizes, random_state=seed
        )
    if how == "k-means":
        images = pool.mixer(4)(pool.train).reshape(n, -1)
        return cluster_subsets(
            images,
            n_clusters=5,
            subset_sizes=sizes,
            shares="equal",
            random_state=seed,
        )
    images = pool.mixer(2)(pool.train).reshape(n, -1)
    folders = np.array_split(np.random.default_rng(seed).permutation(n), 5)
    parts = [
        [
            rows[part]
            for part in cluster_subsets(
                images[rows], n_clusters=4, n_subsets=5, random_state=seed
            )
        ]
        for rows in folders
    ]
    return [np.concatenate(same) for same in zip(*parts, strict=True)]


# Predictors without a net


def constant(pool: Pool, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Predict the median label, which no constant beats in the thesis's error."""
    return np.tile(np.median(pool.labels(train), axis=0), (len(test), 1))


def dictionary(pool: Pool, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Look up the sum of two singles of the training pairs that is nearest."""
    known = np.unique(train)
    singles = pool.singles[known].reshape(len(known), -1).astype(np.float64)
    i, j = np.triu_indices(len(known))
    gram = singles @ singles.T
    # |x - (a + b) / 2|² without |x|².
    size = (gram[i, i] + 2 * gram[i, j] + gram[j, j]) / 4
    rows = []
    for batch in np.array_split(test, -(-len(test) // 256)):
        images = pool.mixer()(batch).reshape(len(batch), -1).astype(np.float64)
        along = images @ singles.T
        best = (size - along[:, i] - along[:, j]).argmin(axis=1)
        rows.append(np.column_stack([known[i[best]], known[j[best]]]))
    return pool.labels(np.concatenate(rows))


def matched(pool: Pool, test: np.ndarray) -> np.ndarray:
    """Match templates: two directions in the octant, the smaller z first."""
    simulator = pool.simulator
    matcher = TemplateMatcher(
        simulator.crystal_,
        n_matches=2,
        scale=simulator.scale_,
        max_g=simulator.max_g,
        spot_sigma=simulator.spot_sigma,
    )
    images = pool.mixer()(test)
    u = matcher.fit(images).match(images).rotation_matrices[:, :, 2]
    # Of the rotation's equivalents under 422, one has its direction in the octant.
    u = np.where(u[..., 2:] < 0, u * [1.0, -1.0, -1.0], u)
    for _ in range(3):
        inside = (u[..., :1] >= 0) & (u[..., 1:2] >= 0)
        u = np.where(inside, u, np.stack([-u[..., 1], u[..., 0], u[..., 2]], axis=-1))
    order = np.argsort(u[..., 2], axis=1)
    return np.take_along_axis(u, order[..., None], axis=1).reshape(len(test), 6)


# Errors


def resimulated(pool: Pool, test: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Choose the head whose simulated pattern is more like the mixture.

    This is method 2 without the truth; the in-plane angle is 0, as in the singles.
    """
    images = pool.mixer()(test)
    likeness = []
    for u in np.split(y, 2, axis=1):
        length = np.linalg.norm(u, axis=1, keepdims=True)
        unit = np.where(length > 1e-6, u, [0.0, 0.0, 1.0])
        pattern = pool.simulator.images(unit)
        size = np.sqrt((pattern**2).sum(axis=(1, 2)))
        likeness.append((pattern * images).sum(axis=(1, 2)) / size)
    return np.argmax(likeness, axis=0)


def scores(pool: Pool, y: np.ndarray) -> dict[str, float]:
    """Give the thesis's errors, method 2 with both selectors, and folded angles."""
    truth = pool.labels(pool.test)
    errors = direction_summary(truth, y).errors
    one, two, oracle = (errors.loc[k] for k in ("direction 1", "direction 2", "oracle"))
    each = np.abs(y - truth).reshape(len(y), 2, 3).sum(axis=2)
    chosen = each[np.arange(len(y)), resimulated(pool, pool.test, y)]
    worse = direction_angle(truth, y).max(axis=1)
    values = (one["mae"], one["std"], two["mae"], two["std"])
    return dict(zip(COLUMNS, (*values, oracle["mae"], oracle["std"]), strict=True)) | {
        "method 2, resimulate": float(chosen.mean()),
        "s, resimulate": float(chosen.std()),
        "both < 5°": float((worse < 5).mean()),
    }


def table_rows(
    results: Sequence[dict[str, dict[str, float]]],
    names: Sequence[str],
    thesis: Mapping[str, tuple[float, ...]],
) -> Rows:
    """Write the mean over repeats, and under it the thesis's numbers."""
    rows: Rows = []
    for name in names:
        row = {"training": name, "by": "here"}
        for column in results[0][name]:
            values = np.array([result[name][column] for result in results])
            share = column.startswith("both")
            text = f"{values.mean():.0%}" if share else f"{values.mean():.3f}"
            if len(values) > 1 and not share and not column.startswith("s"):
                error = values.std(ddof=1) / len(values) ** 0.5
                text += f" ± {error:.3f}"
            row[column] = text
        rows.append(row)
        if name in thesis:
            numbers = zip(COLUMNS, thesis[name], strict=True)
            rows.append(
                {"training": "", "by": "thesis"}
                | {column: f"{value:.4f}" for column, value in numbers}
            )
    return rows


def range_rows(pool: Pool, y: dict[str, np.ndarray]) -> Rows:
    """Write ranges and counts of the same two models as the thesis."""
    truth = pool.labels(pool.test)
    three = direction_summary(truth, y["(3) k-means, five directories"]).errors
    two = direction_summary(truth, y["(2) k-means, one run"]).errors
    found = {
        "model (3), head 1": three.loc["direction 1"],
        "model (3), head 2": three.loc["direction 2"],
        "model (3), both heads": three.loc["all"],
        "model (2), method 2": two.loc["oracle"],
    }
    n = len(truth)
    rows = []
    for name, (span, count) in RANGES.items():
        part = found[name]
        below = int(part["n_at_or_below"])
        rows.append(
            {
                "errors of": name,
                "range": f"{part['min']:.4f} to {part['max']:.4f}",
                "thesis, range": span,
                "at or below the mean": f"{below:,} of {n:,} ({below / n:.0%})",
                "thesis, at or below": count,
            }
        )
    return rows


def memory_rows() -> Rows:
    """Count units and parameters of the thesis's three nets at 224 x 224."""
    nets: dict[str, tuple[dict[str, Any], str]] = {
        "4 convolutions, the model": ({}, "converges"),
        "+ dense layer of 1,024": (
            {"dense_layer_sizes": (1024, 512, 256)},
            "out of memory",
        ),
        "6 convolutions": ({"filters": (32, 64, 128)}, "never converges"),
    }
    rows = []
    for name, (config, result) in nets.items():
        with torch.device("meta"):
            module = DiffractionThesisNet((1, 224, 224), 6, **config)
        parameters = sum(p.numel() for p in module.parameters())
        memory = training_memory(module.n_units, 128, parameters)
        rows.append(
            {
                "net": name,
                "units": f"{module.n_units:,}",
                "parameters": f"{parameters:,}",
                "GB at batch 128": f"{memory:.2f}",
                "thesis": result,
            }
        )
    return rows


# The tables


def experiments(scale: Scale, repeat: int) -> tuple[Pool, dict[str, np.ndarray]]:
    """Train everything once, and predict the test pairs."""
    pool = make_pool(scale, repeat)
    y: dict[str, np.ndarray] = {}

    def one_run(pairs: np.ndarray, n_epochs: int, **parameters: Any) -> Any:
        settings = {"mixer": pool.mixer(), **parameters}
        net = thesis_net(scale, **settings)
        net.set_params(random_state=scale.seed + repeat)
        return best_epoch_of(net, n_epochs).fit(pairs, pool.labels(pairs))

    ways = {
        "(1) random subsets": "random",
        "(2) k-means, one run": "k-means",
        "(3) k-means, five directories": "five directories",
        "(4) equal subsets": "equal",
    }
    for name, how in ways.items():
        first, *rest = deal(pool, how, scale.seed + repeat)
        start = one_run(pool.train[first], scale.epochs)
        net = train_on_subsets(start, pool, rest, scale.later, ("conv",))
        y[name] = net.predict(pool.test)
        if how == "random":
            y["subset 1 only"] = start.predict(pool.test)
            y["(ii) then dense layers only"] = y[name]
            net = train_on_subsets(start, pool, rest, scale.later, ())
            y["(i) then all layers"] = net.predict(pool.test)
    sides = {
        "(5) all at a quarter of the side": 4,
        "(6) all at an eighth of the side": 8,
        "all pairs at once (`PairMixer`)": 1,
    }
    for name, shrink in sides.items():
        net = one_run(pool.train, scale.passes, mixer=pool.mixer(shrink))
        y[name] = net.predict(pool.test)
    narrow = scale.filters
    six = (*narrow, 2 * narrow[-1])
    y["6 convolutions"] = one_run(pool.train, scale.passes, filters=six).predict(
        pool.test
    )
    y["MLP"] = dense_predictions(pool, scale, repeat)
    y["constant (median label)"] = constant(pool, pool.train, pool.test)
    y["dictionary look-up"] = dictionary(pool, pool.train, pool.test)
    y["template matcher"] = matched(pool, pool.test)
    return pool, y


def dense_predictions(pool: Pool, scale: Scale, repeat: int) -> np.ndarray:
    """Train the net without its convolutions."""
    net = DenseRegressor(
        hidden_layer_sizes=scale.dense_layer_sizes,
        solver="adadelta",
        learning_rate="constant",
        learning_rate_init=1.0,
        dropout=scale.dropout,
        batch_size=scale.batch_size,
        random_state=scale.seed + repeat,
    )
    mixer = pool.mixer()
    images = mixer(pool.train).reshape(len(pool.train), -1)
    best_epoch_of(net, scale.passes).fit(images, pool.labels(pool.train))
    return net.predict(mixer(pool.test).reshape(len(pool.test), -1))


def run_thesis(scale: Scale = QUICK) -> dict[str, Rows]:
    """Run the thesis's experiments.

    Parameters
    ----------
    scale : Scale
        How much is computed.

    Returns
    -------
    dict of str to list of dict of str to str
        Rows of tables; `TITLES` has their titles, the numbers of the thesis are in
        rows and columns of their own.
    """
    results = []
    for repeat in range(scale.n_repeats):
        pool, y = experiments(scale, repeat)
        results.append({name: scores(pool, one) for name, one in y.items()})
        if not repeat:
            ranges = range_rows(pool, y)
    all_at_once = "all pairs at once (`PairMixer`)"
    references = ("constant (median label)", "dictionary look-up", "template matcher")
    return {
        "preliminary": table_rows(results, list(PRELIMINARY), PRELIMINARY),
        "experiments": table_rows(results, [*FINAL, all_at_once], FINAL),
        "references": table_rows(results, references, {}),
        "ranges": ranges,
        "networks": table_rows(
            results, ("MLP", "6 convolutions", "constant (median label)"), {}
        ),
        "memory": memory_rows(),
    }


def run_splits(scale: Scale = QUICK) -> dict[str, Rows]:
    """Train and test the same nets on the four splits.

    Parameters
    ----------
    scale : Scale
        How much is computed.

    Returns
    -------
    dict of str to list of dict of str to str
        One table, "splits".
    """
    pool = make_pool(scale, splits=True)
    pairs = all_pairs(scale.split_singles)
    nets = {
        "compact net": compact_net(scale, mixer=pool.mixer()),
        # Half of the pixels a side, in half of the epochs: it is slow.
        "thesis's net": thesis_net(
            scale, mixer=pool.mixer(2), max_epochs=scale.split_epochs // 2
        ),
    }
    fitted: dict[tuple[str, bytes], Any] = {}

    def by_net(name: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        def predict(train: np.ndarray, test: np.ndarray) -> np.ndarray:
            # "single-seen" and "orientation" have the same training pairs.
            key = name, train.tobytes()
            if key not in fitted:
                fitted[key] = clone(nets[name]).fit(train, pool.labels(train))
            return fitted[key].predict(test)

        return predict

    methods: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
        "constant": lambda train, test: constant(pool, train, test),
        "dictionary look-up": lambda train, test: dictionary(pool, train, test),
        **{name: by_net(name) for name in nets},
        "template matcher": lambda train, test: matched(pool, test),
    }
    rng = np.random.default_rng(scale.seed)
    rows = []
    for mode in ("pair", "single-seen", "orientation", "block"):
        cv = PairGroupKFold(
            5, mode=mode, directions=pool.directions, random_state=scale.seed
        )
        train, test = (pairs[part] for part in next(cv.split(pairs)))
        test = test[rng.permutation(len(test))[:_MOST_TEST_PAIRS]]
        for name, predict in methods.items():
            y = predict(train, test)
            angles = direction_angle(pool.labels(test), y).max(axis=1)
            rows.append(
                {
                    "split": f"{mode} (leaky)" if cv.leaky else mode,
                    "method": name,
                    "both < 5°": f"{(angles < 5).mean():.1%}",
                    "median of the worse": f"{np.median(angles):.2f}°",
                    "test pairs": f"{len(angles):,}",
                }
            )
    return {"splits": rows}


def show(tables: dict[str, Rows]) -> None:
    """Print tables."""
    import pandas as pd

    for key, rows in tables.items():
        frame = pd.DataFrame(rows).fillna("")
        print(f"\n{TITLES[key]}\n{frame.to_string(index=False)}")


if __name__ == "__main__":
    import sys
    import time

    chosen = FULL if "full" in sys.argv else QUICK
    print(chosen.describe())
    for job in (run_thesis, run_splits):
        begin = time.perf_counter()
        show(job(chosen))
        print(f"({time.perf_counter() - begin:.0f} s)", flush=True)

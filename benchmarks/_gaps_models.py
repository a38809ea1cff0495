"""The rows of the GAPS tables: baselines, nets, and how they are scored."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from skastro.gaps import GAPSVoxelClassifier, PrimaryTrackMasker, VoxelSummary
from skastro.metrics import efficiency_at_rejection

SIGNAL = "antideuteron"

# What a physicist would try first, the knowledge of the tracker left out: largest and
# total deposit, hits, sum and maximum of each layer.
PLAIN = [
    "energy_max_mev",
    "energy_total_mev",
    "n_hits",
    *(f"energy_layer{k}_mev" for k in range(10)),
    *(f"energy_max_layer{k}_mev" for k in range(10)),
]


def prepare(events: Any, how: str) -> Any:
    """Give rows of an experiment: as they are, binarised or with the track masked."""
    X = events.to_csr()
    if how == "masked":
        return PrimaryTrackMasker().fit_transform(X)
    if how == "binarised":
        X = X.copy()
        X.data[:] = 1
    return X


def summary_table(X: Any, how: str) -> tuple[np.ndarray, np.ndarray]:
    """Give the 23 plain features."""
    summary = VoxelSummary(hit_energy=1.0 if how == "binarised" else None)
    table = summary.fit_transform(X)
    names = list(summary.get_feature_names_out())
    return table[:, [names.index(n) for n in PLAIN]], table


def scores_of_fold(
    X: Any, y: np.ndarray, train: np.ndarray, test: np.ndarray, how: str, conv: bool
) -> Iterator[tuple[str, np.ndarray, float]]:
    """Train every model on one fold; give log-odds of the signal and seconds."""
    signal = (y == SIGNAL).astype(int)
    plain, _ = summary_table(X, how)
    start = time.perf_counter()
    boosting = HistGradientBoostingClassifier(
        max_iter=80, early_stopping=False, random_state=0
    )
    boosting.fit(plain[train], signal[train])
    yield (
        "boosting, 23 features",
        boosting.decision_function(plain[test]),
        time.perf_counter() - start,
    )
    binarize = how == "binarised"
    if conv:
        for layout, epochs in (("conv3d", 6), ("depth_channels", 10)):
            net = GAPSVoxelClassifier(
                layout=layout, max_epochs=epochs, binarize=binarize, random_state=0
            )
            start = time.perf_counter()
            net.fit(X[train], y[train])
            took = time.perf_counter() - start
            yield layout, log_odds(net, X[test]), took
    net = GAPSVoxelClassifier(binarize=binarize, random_state=0)
    start = time.perf_counter()
    net.fit(X[train], y[train])
    took = time.perf_counter() - start
    for name, score in parts_of(net, X[test]).items():
        yield name, score, took


def parts_of(net: GAPSVoxelClassifier, X: Any) -> dict[str, np.ndarray]:
    """Give the log-odds of a hybrid and of its two parts, models of their own."""
    alone = {
        name: log_odds(net.set_params(summary_weight=weight), X)
        for name, weight in (("set", 0.0), ("boosting, VoxelSummary", 1.0))
    }
    # With weight 0.5 the mean of both.
    return {**alone, "hybrid": sum(alone.values()) / 2}


def log_odds(model: Any, X: Any) -> np.ndarray:
    """Give the logarithm of the odds of the signal; ties are rarer than in shares."""
    where = list(model.classes_).index(SIGNAL)
    if hasattr(model, "decision_function"):
        return model.decision_function(X) * (1 if where else -1)
    log_proba = model.predict_log_proba(X).astype(np.float64)
    return log_proba[:, where] - log_proba[:, 1 - where]


def row(
    name: str, y: np.ndarray, score: np.ndarray, rejections: tuple[float, ...]
) -> dict[str, str]:
    """Give a row of a table: accuracy, and efficiencies with their total intervals."""
    right = (score > 0) == (y == SIGNAL)
    error = np.sqrt(right.mean() * (1 - right.mean()) / len(right))
    cells = {"model": name, "accuracy": f"{right.mean():.4f} ± {error:.4f}"}
    table = efficiency_at_rejection(y, score, list(rejections), pos_label=SIGNAL)
    for one in table:
        if np.isnan(one.efficiency):
            cells[f"R = {one.rejection:g}"] = f"below {one.upper_limit:.3f}"
        else:
            cells[f"R = {one.rejection:g}"] = (
                f"{one.efficiency:.3f} ({one.low_total:.3f}–{one.high_total:.3f})"
            )
    return cells

"""Does a net read the incoming track or the annihilation star?

An antideuteron goes twice as deep as an antiproton of the same speed, so that the
depth of the stop alone tells much. Here the same net is trained on parts of the events:
without the track, on the track alone, and on the star about the stop, without depth.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from _gaps_study import Sample, Score, halves, make_net, score, score_proba
from sklearn.ensemble import HistGradientBoostingClassifier

from skastro.gaps import PrimaryTrackMasker, VoxelSummary

# Where the track ends and how long and steep it is: no energy, and nothing of the star.
DEPTH = ["stop_layer", "track_first_layer", "track_n_hits", "track_cosine"]
WINDOW = 2


class Parts(NamedTuple):
    """Events, what is left of them, and where they stop."""

    whole: np.ndarray
    track: np.ndarray  # bool
    stop: np.ndarray  # layer, row, column of the track's end; -1 if there is no track
    depth: np.ndarray  # the features named in DEPTH


def take_apart(X: np.ndarray) -> Parts:
    """Find the primary track of events, from their deposits alone."""
    track = PrimaryTrackMasker().track_mask(X)
    summary = VoxelSummary().set_output(transform="pandas").fit_transform(X)
    # The end of the track is its lowest voxel: the beam comes from above.
    layers = track.any(axis=(2, 3))
    found = layers.any(axis=1)
    last = np.where(found, layers.shape[1] - 1 - layers[:, ::-1].argmax(axis=1), 0)
    plane = track[np.arange(len(X)), last].reshape(len(X), -1).argmax(axis=1)
    stop = np.stack([last, *np.unravel_index(plane, X.shape[2:])], axis=1)
    stop[~found] = -1
    return Parts(X, track, stop, summary[DEPTH].to_numpy())


def star_window(parts: Parts, size: int = WINDOW) -> tuple[np.ndarray, np.ndarray]:
    """Cut the star out of events: voxels within ``size`` of the stop, track removed.

    Only stops whose window lies within all layers are kept, so that no edge tells the
    depth; sideways it is filled up with zeros.

    Returns
    -------
    windows, rows
        Of shape (m, k, k, k) with k = 2 size + 1, and which events they are.
    """
    star = np.where(parts.track, 0, parts.whole)
    layer = parts.stop[:, 0]
    n_layers = parts.whole.shape[1]
    rows = np.flatnonzero((layer >= size) & (layer < n_layers - size))
    padded = np.pad(star, ((0, 0), (0, 0), (size, size), (size, size)))
    width = 2 * size + 1
    windows = np.empty((len(rows), width, width, width), dtype=star.dtype)
    for out, row in zip(windows, rows, strict=True):
        k, j, i = parts.stop[row]
        out[:] = padded[row, k - size : k + size + 1, j : j + width, i : i + width]
    return windows, rows


def variants(parts: Parts) -> dict[str, dict[str, Any]]:
    """Name what nets are trained on, with the settings of the net."""
    star = np.where(parts.track, 0, parts.whole)
    alone = np.where(parts.track, parts.whole, 0)
    return {
        "whole event": {"X": parts.whole},
        "track removed": {"X": star},
        "track removed, binarised": {"X": star, "values": "binarised"},
        "track only": {"X": alone},
        "track only, binarised": {"X": alone, "values": "binarised"},
    }


def sums(windows: np.ndarray) -> np.ndarray:
    """Sum up windows for boosting: hits and energy by layer, the largest deposits."""
    by_layer = [f(windows).sum(axis=(2, 3)) for f in (lambda w: w > 0, lambda w: w)]
    largest = -np.sort(-windows.reshape(len(windows), -1), axis=1)[:, :6]
    return np.concatenate([*by_layer, largest], axis=1)


def boosting(seed: int = 0, **more: Any) -> HistGradientBoostingClassifier:
    """Make boosted trees that learn slowly, for features of events."""
    settings = {
        "max_iter": 200,
        "learning_rate": 0.05,
        "max_leaf_nodes": 15,
        "l2_regularization": 5.0,
        "max_features": 0.3,
    }
    return HistGradientBoostingClassifier(random_state=seed, **(settings | more))


INSIDE = f"stop {WINDOW} layers or more inside"


def shortcut_scores(
    sample: Sample,
    parts: Parts,
    *,
    epochs: int | None = None,
    seed: int = 0,
    summaries: bool = False,
) -> dict[tuple[str, str], Score]:
    """Train on each part of the events and score on the same part of the test events.

    Keys are the events and what was trained. The star about the stop needs events that
    stop inside; on these, others are scored too. ``summaries`` adds boosting on the
    features of `VoxelSummary`, of the whole events and of those without track.
    """
    train, test = halves(sample, seed)
    y = sample.y
    windows, rows = star_window(parts)
    inside = np.isin(rows, train)
    kept = rows[~inside]
    found: dict[tuple[str, str], Score] = {}

    def add(name: str, model: Any, X: np.ndarray, *, both: bool = False) -> None:
        model.fit(X[train], y[train])
        found["all", name] = score(model, X[test], y[test])
        if both:
            found[INSIDE, name] = score(model, X[kept], y[kept])

    found["all", "larger class"] = _larger(y[train], y[test])
    found[INSIDE, "larger class"] = _larger(y[rows[inside]], y[kept])
    stump = boosting(seed, max_iter=60, max_leaf_nodes=7, max_features=1.0)
    add("depth only (boosting)", stump, parts.depth, both=True)
    for name, settings in variants(parts).items():
        values = settings.get("values", "energy")
        net = make_net(
            "depth_channels", values=values, epochs=epochs, random_state=seed
        )
        add(f"{name} (net)", net, settings["X"], both=True)
    if summaries:
        for name in ("whole event", "track removed"):
            X = VoxelSummary().fit_transform(variants(parts)[name]["X"])
            add(f"{name} (boosting, VoxelSummary)", boosting(seed), X, both=True)
    models = {
        "star about the stop (net)": (
            make_net("depth_channels", epochs=epochs, random_state=seed),
            windows,
        ),
        "star about the stop (boosting)": (boosting(seed), sums(windows)),
    }
    for name, (model, X) in models.items():
        model.fit(X[inside], y[rows[inside]])
        found[INSIDE, name] = score(model, X[~inside], y[kept])
    return found


def shortcut_rows(scores: dict[tuple[str, str], Score]) -> list[dict[str, str]]:
    """Tabulate them, those of all events first."""
    rows = []
    for (events, name), found in sorted(
        scores.items(), key=lambda item: item[0][0] != "all"
    ):
        rows.append(
            {
                "test events": f"{events} ({found.n:,})",
                "trained on": name,
                "accuracy": f"{found.accuracy:.3f} ± {found.error:.3f}",
                "loss": f"{found.loss:.3f}",
                "area under ROC": f"{found.auc:.3f}",
            }
        )
    return rows


def _larger(train: np.ndarray, test: np.ndarray) -> Score:
    """Score the rule that says the shares of training whatever the event."""
    classes, counts = np.unique(train, return_counts=True)
    proba = np.tile(counts / counts.sum(), (len(test), 1))
    return score_proba(proba, classes.tolist(), test)

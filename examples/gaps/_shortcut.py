"""Does a net read the incoming track or the annihilation star?

An antideuteron goes twice as deep as an antiproton of the same speed, so that the depth
of the stop alone tells much. Here the same net is trained on parts of the events: without
the track, on the track alone, and on the star about the stop, which has no depth.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from _study import Sample, Score, halves, make_net, score
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


def shortcut_scores(
    sample: Sample, parts: Parts, *, epochs: int | None = None, seed: int = 0
) -> dict[str, Score]:
    """Train on each part of the events and score on the same part of the test events.

    The star about the stop is scored on fewer events than the others; beside it stand
    the share of the larger class among them and the net on the whole of these events.
    """
    train, test = halves(sample, seed)
    y = sample.y
    found = {"larger class": _larger(y[train], y[test])}
    depth = HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=7, random_state=seed
    )
    depth.fit(parts.depth[train], y[train])
    found["depth only (boosting)"] = score(depth, parts.depth[test], y[test])
    nets = {}
    for name, settings in variants(parts).items():
        X, values = settings["X"], settings.get("values", "energy")
        net = make_net(
            "depth_channels", values=values, epochs=epochs, random_state=seed
        )
        nets[name] = net.fit(X[train], y[train])
        found[name] = score(net, X[test], y[test])
    windows, rows = star_window(parts)
    inside = np.isin(rows, train)
    net = make_net("depth_channels", epochs=epochs, random_state=seed)
    net.fit(windows[inside], y[rows[inside]])
    kept = rows[~inside]
    found["stops inside: larger class"] = _larger(y[rows[inside]], y[kept])
    found["stops inside: depth only"] = score(depth, parts.depth[kept], y[kept])
    found["stops inside: star about the stop"] = score(net, windows[~inside], y[kept])
    found["stops inside: whole event"] = score(
        nets["whole event"], parts.whole[kept], y[kept]
    )
    return found


def _larger(train: np.ndarray, test: np.ndarray) -> Score:
    """Score the rule that always says the class that is more frequent in training."""
    names, counts = np.unique(train, return_counts=True)
    share = counts / counts.sum()
    right = test == names[counts.argmax()]
    known = dict(zip(names, share, strict=True))
    loss = -np.mean(np.log([known[label] for label in test]))
    return Score(float(right.mean()), float(loss), len(test))

"""Jobs whose cost is followed as they grow: ours, and a peer that does the same work.

A case makes, for a size n, the callables that are timed; data are made before and are
not timed. A slow peer may have sizes of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from training import cnn_data, skorch_net

from skastro.datasets import make_gaps_events, make_xray_sources
from skastro.diffraction import KinematicSimulator, TemplateMatcher
from skastro.galaxy import GalaxyCNNClassifier, ResolutionDegrader
from skastro.gaps import VoxelSummary, simulate_geant4_events
from skastro.model_selection import repeated_holdout
from skastro.neural_network import DenseClassifier
from skastro.neural_network.modules import GalaxyCompactNet
from skastro.xray import xray_features, xray_pipeline

Works = dict[str, Callable[[], Any]]
READ = ["ra", "dec", "rate", "rate_err", "chi2_prob"]
READ += [f"flux_{b}{e}" for b in (1, 2, 3, 4, 5, 8) for e in ("", "_err")]
READ += [f"hr{n}_rate{e}" for n in (1, 2, 3, 4) for e in ("", "_err")]


@dataclass(frozen=True)
class Case:
    """A job: what grows, how large, and what is timed."""

    name: str
    what: str
    sizes: tuple[int, ...]
    make: Callable[[int], Works]
    peer: str = ""
    peer_sizes: tuple[int, ...] | None = None
    peer_make: Callable[[int], Works] | None = None

    def works(self, n: int) -> Works:
        """Give what is timed at a size."""
        found = self.make(n) if n in self.sizes else {}
        if self.peer_make is not None and n in (self.peer_sizes or ()):
            found |= self.peer_make(n)
        elif self.peer_sizes is not None and n not in self.peer_sizes:
            found.pop("peer", None)
        return found


def galaxy_fit(n: int) -> Works:
    """Three epochs of the compact net."""
    X, y = cnn_data(n)
    net = GalaxyCNNClassifier(max_epochs=3, batch_size=32, random_state=0)

    def theirs() -> Any:
        module = GalaxyCompactNet(input_shape=(1, 64, 64), n_outputs=2)
        return skorch_net(module, 3e-3, 32, 3).fit(X[:, None], y)

    return {"ours": lambda: net.fit(X, y), "peer": theirs}


def galaxy_predict(n: int) -> Works:
    """Classes of images, by nets that are trained already."""
    X, y = cnn_data(n)
    net = GalaxyCNNClassifier(max_epochs=1, random_state=0).fit(X[:32], y[:32])
    module = GalaxyCompactNet(input_shape=(1, 64, 64), n_outputs=2)
    peer = skorch_net(module, 3e-3, 32, 1).fit(X[:32, None], y[:32])
    return {"ours": lambda: net.predict(X), "peer": lambda: peer.predict(X[:, None])}


def degrade(n: int) -> Works:
    """Shrink to a quarter and enlarge, bilinear."""
    X = np.random.default_rng(0).normal(size=(n, 64, 64)).astype(np.float32)
    works: Works = {"ours": lambda: ResolutionDegrader(factor=4).transform(X)}
    try:
        from resolution import opencv_stacked
    except ImportError:
        return works
    return works | {"peer": lambda: opencv_stacked(X, 4, "bilinear")}


def _sources(n: int) -> tuple[Any, Any]:
    made = make_xray_sources(n, random_state=0)
    return made.frame[READ], made.target


def _forest(X: Any) -> Any:
    features = xray_features(X, detail="plain", missing="indicate")
    return make_pipeline(features, RandomForestClassifier(500, random_state=0))


def xray_fit(n: int) -> Works:
    """The study's preset beside a forest of 500 trees on plain features."""
    X, y = _sources(n)
    return {
        "ours": lambda: xray_pipeline(X, "study", random_state=0).fit(X, y),
        "peer": lambda: _forest(X).fit(X, y),
    }


def xray_predict(n: int) -> Works:
    """Probabilities by models of 500 sources."""
    X, y = _sources(max(n, 500))
    ours = xray_pipeline(X, "study", random_state=0).fit(X[:500], y[:500])
    theirs = _forest(X).fit(X[:500], y[:500])
    return {
        "ours": lambda: ours.predict_proba(X[:n]),
        "peer": lambda: theirs.predict_proba(X[:n]),
    }


SPACINGS = {30: 12.0, 101: 6.0, 366: 3.0, 1397: 1.5}
N_PATTERNS, N_ANGLES = 32, 36


def match(n: int) -> Works:
    """Search n zone axes for 32 patterns, at all in-plane angles, not refined."""
    simulator = KinematicSimulator("anatase")
    patterns = simulator.images(Rotation.random(N_PATTERNS, random_state=0))
    matcher = TemplateMatcher(zone_spacing=SPACINGS[n], refine=False).fit(patterns)
    if len(matcher.zones_) != n:
        raise AssertionError(f"{len(matcher.zones_)} zones, not {n}")
    works: Works = {"ours": lambda: matcher.match(patterns)}
    if n > 400:
        return works

    def rows(images: np.ndarray) -> np.ndarray:
        small = images.reshape(len(images), 56, 4, 56, 4).mean(axis=(2, 4))
        flat = small.reshape(len(images), -1)
        return flat / np.linalg.norm(flat, axis=1, keepdims=True)

    angles = np.linspace(0, 2 * np.pi, N_ANGLES, endpoint=False)
    library = np.concatenate(
        [rows(simulator.images(matcher.zones_, np.full(n, angle))) for angle in angles]
    )

    def theirs() -> np.ndarray:
        return (rows(patterns) @ library.T).argmax(axis=1)

    return works | {"peer": theirs}


def repeats(n: int) -> Works:
    """Repeats of a dense net, trained together, and a loop over scikit-learn's."""
    X, y = make_classification(3000, 8, n_informative=6, n_classes=4, random_state=0)
    X = X.astype(np.float32)
    net = DenseClassifier(hidden_layer_sizes=(30, 30), max_epochs=5)
    settings = {"n_repeats": n, "random_state": 0, "verbose": 0, "record": "final"}
    train = len(X) * 7 // 10

    def theirs() -> None:
        for seed in range(n):
            order = np.random.default_rng(seed).permutation(len(X))
            loop = MLPClassifier((30, 30), max_iter=5, random_state=seed)
            loop.fit(X[order[:train]], y[order[:train]])
            loop.score(X[order[train:]], y[order[train:]])

    return {"ours": lambda: repeated_holdout(net, X, y, **settings), "peer": theirs}


def events(n: int) -> Works:
    """The fast simulation of the tracker."""
    return {
        "ours": lambda: make_gaps_events(
            n, as_sparse=True, return_X_y=True, random_state=0
        )
    }


def geant4(n: int) -> Works:
    """Geant4 itself, with the start of its process, where it is installed."""
    try:
        simulate_geant4_events(2, physics="data-free", random_state=0)
    except ImportError:
        return {}
    return {
        "peer": lambda: simulate_geant4_events(n, physics="data-free", random_state=0)
    }


def summary(n: int) -> Works:
    """The 90 or so features of an event."""
    X = make_gaps_events(n, as_sparse=True, random_state=0).data
    return {"ours": lambda: VoxelSummary().fit_transform(X)}


FOREST, SKORCH = "random forest, 500 trees", "skorch, same module"
CASES: Sequence[Case] = (
    Case("galaxy net, 3 epochs", "images", (64, 128, 256, 512, 1024), galaxy_fit,
         SKORCH),
    Case("galaxy net, prediction", "images", (64, 256, 1024, 4096), galaxy_predict,
         SKORCH),
    Case("ResolutionDegrader", "images", (16, 64, 256, 1024, 4096, 16384), degrade,
         "loop over OpenCV"),
    Case("X-ray preset 'study', fit", "sources", (500, 1000, 2000, 4000),
         xray_fit, FOREST),
    Case("X-ray preset 'study', prediction", "sources", (500, 2000, 8000, 32000),
         xray_predict, FOREST),
    Case("TemplateMatcher, 32 patterns", "templates (zones)", tuple(SPACINGS), match,
         "NumPy, all zones x 36 angles"),
    Case("30-30 net, 5 epochs, stacked", "repeats", (1, 2, 4, 8, 16, 32, 64), repeats,
         "loop over MLPClassifier"),
    Case("make_gaps_events", "events", (500, 2000, 8000, 32000), events,
         "Geant4, its own process", (80, 400, 2000), geant4),
    Case("VoxelSummary", "events", (500, 2000, 8000, 32000), summary),
)  # fmt: skip


def one_thread() -> None:
    """Let torch use one thread, as all timings do."""
    torch.set_num_threads(1)

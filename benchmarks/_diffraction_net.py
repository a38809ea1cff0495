"""The compact net on unseen orientations, and as proposer of the matcher."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from _bench import record
from _page import Page
from sklearn.frozen import FrozenEstimator

from skastro.datasets import make_diffraction_patterns
from skastro.diffraction import (
    DiffractionOrientationRegressor,
    PairMixer,
    TemplateMatcher,
)
from skastro.metrics import direction_angle, direction_summary

N_SINGLES, N_PAIRS, EPOCHS = 8000, 50_000, 6
N_TEST = 200
TRAIN_SEED, TEST_SEED = 1, 2020


def train(*, quick: bool) -> tuple[DiffractionOrientationRegressor, float, str]:
    """Train on mixtures of single patterns; give the net, the seconds and the size."""
    n = N_SINGLES // 20 if quick else N_SINGLES
    singles = make_diffraction_patterns(n, random_state=TRAIN_SEED)
    # 16 bits keep the weak spots at half the memory.
    patterns = np.rint(singles.data * 65535).astype(np.uint16)
    mixer = PairMixer(patterns, singles.target)
    del singles
    pairs = np.random.default_rng(TRAIN_SEED).integers(
        n, size=(N_PAIRS // 50 if quick else N_PAIRS, 2)
    )
    net = DiffractionOrientationRegressor(
        mixer=mixer, max_epochs=EPOCHS, random_state=0
    )
    start = time.perf_counter()
    net.fit(pairs, mixer.labels(pairs))
    seconds = time.perf_counter() - start
    return net, seconds, f"{EPOCHS} x {len(pairs):,} mixtures of {n:,}"


def row(name: str, y: np.ndarray, found: np.ndarray, seconds: float) -> dict[str, str]:
    """Summarise the errors of a way to find directions."""
    angles = direction_angle(y, found)
    worse = angles.max(axis=1)
    return {
        "way": name,
        "better, median": f"{np.median(angles.min(axis=1)):.4f}°",
        "worse, median": f"{np.median(worse):.4f}°",
        "worse, p90": f"{np.percentile(worse, 90):.2f}°",
        "both < 2°": f"{(worse < 2).mean():.1%}",
        "both < 5°": f"{(worse < 5).mean():.1%}",
        "mixtures a second": f"{len(y) / seconds:.0f}",
    }


def timed(job: Any) -> tuple[Any, float]:
    """Give a result and its seconds."""
    start = time.perf_counter()
    result = job()
    return result, time.perf_counter() - start


def compact(results: Path, about: str, *, quick: bool = False) -> None:
    """Train, test, and propose; write the page."""
    path = None if quick else results / "diffraction_net.rst"
    page = Page(path, "The compact net on mixtures")
    net, seconds, size = train(quick=quick)
    test = make_diffraction_patterns(N_TEST, n_directions=2, random_state=TEST_SEED)
    X, y = test.data, test.target
    constant = np.tile(np.median(np.abs(y.reshape(-1, 3)), axis=0), (len(y), 2))
    page.text(
        f"{about} Trained for {seconds:.0f} s on one core on "
        f"{size} simulated singles, 224 x 224 "
        f"pixels; tested on {N_TEST} clean mixtures (seed {TEST_SEED}) of "
        "orientations that no training pattern has. The recipe was chosen on other "
        "seeds."
    )
    net.predict(X[:20])
    found, dt = timed(lambda: net.predict(X))
    rows = [row("constant", y, constant, 1e-9), row("compact net", y, found, dt)]
    rows[0]["mixtures a second"] = ""
    matcher = TemplateMatcher(n_matches=2).fit(X)
    proposed = TemplateMatcher(n_matches=2, proposer=FrozenEstimator(net)).fit(X)
    for name, model in (
        ("template matcher, refined", matcher),
        ("compact net proposes, matcher refines", proposed),
    ):
        model.match(X[:20])
        result, dt = timed(lambda model=model: model.match(X))
        rows.append(row(name, y, result.directions.reshape(len(y), -1), dt))
    page.table("Folded errors on unseen orientations", rows)
    for found_by in rows[1:]:
        record(
            f"{found_by['way']}, mixtures of unseen orientations",
            ours=f"{found_by['mixtures a second']} a second",
            clock="wall",
            score=f"worse direction, median (net trained on {size})",
            score_ours=found_by["worse, median"],
        )
    worse = direction_angle(y, found).max(axis=1)
    expected = net.predict_error(X).max(axis=1)
    order = np.argsort(expected)
    n_good = int(0.8 * len(y))
    risk = np.cumsum(worse[order]) / np.arange(1, len(y) + 1)
    ideal = np.cumsum(np.sort(worse)) / np.arange(1, len(y) + 1)
    page.table(
        "Reliability: mixtures ordered by the net's own expected error",
        [
            {
                "part": name,
                "worse direction, median": f"{np.median(worse[part]):.2f}°",
                "worse direction, mean": f"{worse[part].mean():.2f}°",
                "expected, mean": f"{expected[part].mean():.2f}°",
            }
            for name, part in (
                ("trusted 80 %", order[:n_good]),
                ("other 20 %", order[n_good:]),
                ("all", order),
            )
        ],
    )
    page.text(
        f"Area under mean error against coverage: {risk.mean():.2f}°, by chance "
        f"{worse.mean():.2f}°, with the true order {ideal.mean():.2f}°."
    )
    print(direction_summary(y, found))

"""The thesis's second method to its end: keep a direction, erase its spots, read again.

The thesis chose the direction to keep with the truth at hand and stopped there. Here
the choice is made in three ways, one of them with the truth and named so, and the
second stage is run.
"""

from __future__ import annotations

from typing import Any

import _thesis as thesis
import numpy as np

from skastro.datasets import make_diffraction_patterns
from skastro.diffraction import (
    KinematicSimulator,
    PairMixer,
    TemplateMatcher,
    TwoStageOrientationRegressor,
    all_pairs,
)
from skastro.metrics import direction_angle

TITLE = "Method 2 with its second stage, test patterns of new orientations"
# Singles for each one of `run_splits`, and training pairs for each single.
_SINGLES, _PAIRS = 4, 8
_TEST = 200


def run_two_stages(scale: thesis.Scale = thesis.QUICK) -> dict[str, thesis.Rows]:
    """Train both stages and compare what they read.

    Parameters
    ----------
    scale : Scale
        How much is computed, as of `run_splits`.

    Returns
    -------
    dict of str to list of dict of str to str
        One table, "two stages".
    """
    side = scale.split_side
    simulator = KinematicSimulator(shape=(side, side), spot_sigma=0.8, max_g=1.25)
    n = _SINGLES * scale.split_singles
    pool = make_diffraction_patterns(n, simulator=simulator, random_state=scale.seed)
    mixer = PairMixer(pool.data, pool.target)
    rng = np.random.default_rng(scale.seed)
    pairs = all_pairs(n)
    pairs = pairs[rng.choice(len(pairs), _PAIRS * n, replace=False)]
    test = make_diffraction_patterns(
        _TEST, n_directions=2, simulator=simulator, random_state=scale.seed + 1
    )
    X, y = test.data, test.target
    model = TwoStageOrientationRegressor(
        thesis.compact_net(scale, mixer=mixer),
        thesis.compact_net(scale),
        simulator=simulator,
        max_remainders=2 * n,
        # Prediction erases directions that are some degrees off.
        training_tilt=2.0,
        random_state=scale.seed,
    ).fit(pairs, mixer.labels(pairs), pool.data, pool.target)
    heads = model.first_.predict(X).reshape(len(X), 2, 3)
    rows = []
    for selector in ("oracle", "resimulate", "reliability"):
        if selector == "oracle":
            answer = model.predict_oracle(X, y)
            _, head = model.kept_direction_oracle(X, y)
        else:
            model.set_params(selector=selector)
            answer, (_, head) = model.predict(X), model.kept_direction(X)
        left = heads[np.arange(len(X)), 1 - head]
        kept, other = answer[:, :3], answer[:, 3:]
        name = "oracle (needs the truth)" if selector == "oracle" else selector
        rows.append(_row(name, "first stage", y, kept, left))
        rows.append(_row(name, "second stage", y, kept, other))
    matcher = TemplateMatcher(
        n_matches=2, scale=simulator.scale_, max_g=1.25, spot_sigma=0.8
    )
    u = matcher.fit(X).predict(X)
    rows.append(_row("", "template matcher", y, u[:, :3], u[:, 3:]))
    return {"two stages": rows}


def _row(
    selector: str, reader: str, y: np.ndarray, kept: Any, other: Any
) -> dict[str, str]:
    """Assign both directions to the true ones, and summarise each."""
    a, b = (
        [direction_angle(y[:, k : k + 3], u).ravel() for k in (0, 3)]
        for u in (kept, other)
    )
    straight = a[0] + b[1] <= a[1] + b[0]
    first = np.where(straight, a[0], a[1])
    second = np.where(straight, b[1], b[0])
    worse = np.maximum(first, second)
    return {
        "direction kept by": selector,
        "the other one read by": reader,
        "kept, median": f"{np.median(first):.2f}°",
        "the other, median": f"{np.median(second):.2f}°",
        "both < 5°": f"{(worse < 5).mean():.1%}",
        "both < 10°": f"{(worse < 10).mean():.1%}",
    }

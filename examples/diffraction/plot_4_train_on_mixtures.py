"""
Train a net on mixtures made on the fly
=======================================

All pairs of 1,000 patterns would be 25 GB of bytes. They need not exist: rows of X are
pairs of *indices*, and the `PairMixer` that the regressor is given renders each batch
as it is needed. Everything else is scikit-learn's: ``GridSearchCV`` searches, the folds
are of `skastro.model_selection.PairGroupKFold`, so that no orientation of a test pair
is in a training pair, and `skastro.metrics.make_direction_scorer` makes the scorers.

In the end the net proposes and the matcher refines.
"""

import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _patterns as patterns
from _patterns import scale
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from skastro.calibration import RiskCoverageDisplay
from skastro.datasets import make_diffraction_patterns
from skastro.diffraction import (
    DiffractionOrientationRegressor,
    DirectionErrorDisplay,
    KinematicSimulator,
    PairMixer,
    TemplateMatcher,
    all_pairs,
)
from skastro.metrics import direction_angle, direction_summary, make_direction_scorer
from skastro.model_selection import PairGroupKFold

# Small images, so that a minute is enough.
simulator = KinematicSimulator(
    "anatase", shape=(64, 64), spot_sigma=0.8, max_g=1.25, counts=2e4
)
n_singles = 4 * scale.n_singles
pool = make_diffraction_patterns(n_singles, simulator=simulator, random_state=0)
mixer = PairMixer(pool.data, pool.target)
pairs = all_pairs(n_singles)
print(
    f"Data: {n_singles} SIMULATED anatase patterns of 64 x 64 pixels, {len(pairs):,} "
    f"pairs: {pool.data.nbytes / 1e6:.0f} MB instead of "
    f"{pool.data[0].nbytes * len(pairs) / 1e9:.1f} GB"
)

# %%
# Search
# ------
# A sample of the pairs will do to choose a parameter. Directions of one crystal that
# symmetry makes equivalent count as one, and the two directions of a pair have no
# order: the net's loss ("pit") and the scorer both know that.

rng = np.random.default_rng(0)
few = rng.choice(len(pairs), 10 * n_singles, replace=False)
net = DiffractionOrientationRegressor(
    mixer=mixer, filters=(128,), batch_size=32, max_epochs=5, random_state=0
)
search = GridSearchCV(
    net,
    {"learning_rate_init": [1e-3, 4e-3]},
    cv=PairGroupKFold(2, random_state=0),
    scoring={
        "median": make_direction_scorer("median"),
        "share < 5°": make_direction_scorer("share_below", limit=5.0),
    },
    refit=False,
).fit(pairs[few], mixer.labels(pairs[few]))
found = search.cv_results_
patterns.show_table(
    "New orientations, two folds",
    [
        {
            "learning_rate_init": parameters["learning_rate_init"],
            "median of the worse direction": f"{-found['mean_test_median'][k]:.1f}°",
            "both < 5°": f"{found['mean_test_share < 5°'][k]:.1%}",
        }
        for k, parameters in enumerate(found["params"])
    ],
)
best = found["params"][int(np.argmax(found["mean_test_median"]))]

# %%
# Train
# -----
# Then on more pairs, for longer. ``random_state`` fixes weights, order and
# augmentation.

many = rng.choice(len(pairs), min(len(pairs), 25 * n_singles), replace=False)
net.set_params(**best, max_epochs=scale.epochs // 3)
start = time.perf_counter()
net.fit(pairs[many], mixer.labels(pairs[many]))
print(
    f"{len(many):,} pairs, {net.max_epochs} epochs: {time.perf_counter() - start:.0f} s"
)

# %%
# Test on orientations that are in no training pair, as images this time: a net that was
# trained with a mixer takes both.

test = make_diffraction_patterns(
    scale.n_pairs, n_directions=2, simulator=simulator, random_state=1
)
X, y = test.data, test.target
settings = {
    "n_matches": 2,
    "scale": simulator.scale_,
    "max_g": simulator.max_g,
    "spot_sigma": simulator.spot_sigma,
}
models = {
    "net": net,
    "matcher": TemplateMatcher(**settings),
    "net proposes, matcher refines": TemplateMatcher(
        proposer=FrozenEstimator(net), **settings
    ),
}
predicted, rows = {}, []
for name, model in models.items():
    if name != "net":
        model.fit(X)
    model.predict(X[:8])
    start = time.perf_counter()
    predicted[name] = model.predict(X)
    rate = len(X) / (time.perf_counter() - start)
    summary = direction_summary(y, predicted[name])
    rows.append(
        {
            "model": name,
            "median, better": f"{summary.angles.loc['better', 'median']:.2g}°",
            "median, worse": f"{summary.angles.loc['worse', 'median']:.2g}°",
            **{f"both < {x:g}°": f"{v:.1%}" for x, v in summary.shares.items()},
            "a second": f"{rate:.0f}",
        }
    )
patterns.show_table("Orientations that no model has seen", rows)
display = DirectionErrorDisplay.from_predictions(y, predicted).plot(which="worse")
display.figure_.suptitle("The worse of the two directions of each pattern")

# %%
# A net answers at once, and coarsely. As proposer it spares the matcher the search of
# the whole library; where its proposals lead nowhere, all zones are searched after all.
#
# Does it know when it is wrong?
# ------------------------------
# With its directions the net learns the error that it should expect of each
# (``predict_error``, in degrees). It learns it from training pairs, so that the numbers
# are too small; their order is what counts.

worse = direction_angle(y, predicted["net"]).max(axis=1)
expected = net.predict_error(X).max(axis=1)
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
axes[0].loglog(expected, worse, ".", color="#0072B2", markersize=4)
axes[0].plot([0.5, 50], [0.5, 50], color="0.5", linewidth=0.8)
axes[0].set(xlabel="Expected error (°)", ylabel="Error of the worse direction (°)")
RiskCoverageDisplay.from_predictions(
    np.zeros(len(y), dtype=int),
    (worse > 5).astype(int),
    net.predict_reliability(X),
    name="net",
).plot(axes[1])
axes[1].set(ylabel="Share with a direction more than 5° off")
plt.show()

"""
Two grains in one pattern
=========================

Where two grains lie over each other, their patterns add up, and a matcher that looks
for one orientation gets one of them, if anything. Here anatase is simulated, pairs of
random orientations 0.5 : 0.5, recorded with 10,000 electrons by a camera whose centre
is off by a pixel and whose scale is off by 1 %, and with relrods a quarter wider than
assumed.

`TemplateMatcher` takes the best zone, refines it, subtracts what it explains, looks
for the second one in what is left, and refines both together.
"""

import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _patterns as patterns
from _patterns import scale

from skastro.calibration import RiskCoverageDisplay
from skastro.datasets import make_diffraction_patterns
from skastro.diffraction import (
    DiffractionPatternDisplay,
    DirectionErrorDisplay,
    KinematicSimulator,
    TemplateMatcher,
)
from skastro.metrics import direction_angle, direction_summary

nominal = KinematicSimulator("anatase")
camera = KinematicSimulator(
    "anatase",
    scale=1.01 * nominal.scale_,
    center=(112.3, 110.9),
    relrod_width=0.025,
    counts=1e4,
)
data = make_diffraction_patterns(
    scale.n_pairs, n_directions=2, simulator=camera, random_state=0
)
X, y = data.data, data.target
print(
    f"Data: {len(X)} SIMULATED mixtures of two anatase crystals, {X.shape[1:]} pixels"
)

# %%
# Match, erase, refine
# --------------------
# What each part is worth, on the same patterns. Without erasing, the second answer is
# the second-best zone of the same search: mostly a neighbour of the first one.

matchers = {
    "not erased": TemplateMatcher(n_matches=2, erase=False, refine=False),
    "erased": TemplateMatcher(n_matches=2, refine=False),
    "erased and refined": TemplateMatcher(n_matches=2),
}
results, rows = {}, []
for name, matcher in matchers.items():
    matcher.fit(X)
    start = time.perf_counter()
    results[name] = matcher.match(X)
    rate = len(X) / (time.perf_counter() - start)
    summary = direction_summary(y, results[name].directions.reshape(len(X), 6))
    rows.append(
        {
            "matcher": name,
            "median, better": f"{summary.angles.loc['better', 'median']:.2f}°",
            "median, worse": f"{summary.angles.loc['worse', 'median']:.2f}°",
            "p90, worse": f"{summary.angles.loc['worse', 'p90']:.2f}°",
            **{f"both < {x:g}°": f"{v:.1%}" for x, v in summary.shares.items()},
            "a second": f"{rate:.0f}",
        }
    )
patterns.show_table("Folded angles to the true directions", rows)

found = {name: r.directions.reshape(len(X), 6) for name, r in results.items()}
display = DirectionErrorDisplay.from_predictions(y, found).plot(which="worse")
display.figure_.suptitle("The worse of the two directions of each pattern")

# %%
# One pattern, what was found in it, and what is left:

matcher, result = matchers["erased and refined"], results["erased and refined"]
figure, axes = plt.subplots(1, 3, figsize=(13.5, 5.2), layout="constrained")
picture = DiffractionPatternDisplay.from_estimator(matcher, X, 0, result=result)
for ax, view in zip(axes, ("pattern", "model", "residual"), strict=True):
    picture.plot(ax, view=view, legend=view == "pattern")
    if view != "residual":
        ax.set_title(view.capitalize())

# %%
# The centre, scale and relrod width are refined with the grains:

print(
    f"centre ({np.median(result.center[:, 0]):.2f}, "
    f"{np.median(result.center[:, 1]):.2f}), true {camera.center}; scale "
    f"{np.median(result.scale) / nominal.scale_:.4f} of the nominal one, true 1.01; "
    f"relrod width {np.median(result.relrod_width):.4f}, true 0.025 1/Å"
)

# %%
# Twins of the zero-order zone
# ----------------------------
# If all visible spots lie in one plane through the origin, turning the crystal by 180°
# about the normal of that plane gives the same spots. No symmetry of the crystal
# relates the two orientations, and nothing but faint spots of higher zones tells them
# apart. So each grain's twin is always returned, with the margin by which it fits
# worse.

worse = direction_angle(y, found["erased and refined"]).max(axis=1)
choices = [
    np.hstack([(result.directions, result.twin_directions)[c][:, g] for g, c in both])
    for both in (((0, a), (1, b)) for a in (0, 1) for b in (0, 1))
]
up_to = np.min([direction_angle(y, c).max(axis=1) for c in choices], axis=0)
apart = direction_angle(
    result.directions.reshape(-1, 3), result.twin_directions.reshape(-1, 3)
).ravel()
print(
    f"Both directions within 2°: {(worse < 2).mean():.1%}; up to the twin: "
    f"{(up_to < 2).mean():.1%}. Of {len(apart)} grains {int((apart > 2).sum())} have a "
    "twin more than 2° away."
)

# %%
# Which answers to believe
# ------------------------
# With fewer electrons more pairs are wrong: faint spots, which tell twins apart, are
# lost first. ``reliability`` ranks the patterns, the margin of the worse grain above
# all; keeping the most reliable ones lowers the share of wrong pairs, those with a
# direction more than 2° off. ``residual_flag`` marks the patterns that are explained
# worse than is usual in the data that the matcher was fitted on, as where a grain was
# missed.

figure, ax = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
rows = []
for counts in (1e4, 3e3, 1e3):
    camera = KinematicSimulator("anatase", counts=counts)
    noisy = make_diffraction_patterns(
        scale.n_pairs, n_directions=2, simulator=camera, random_state=1
    )
    result = TemplateMatcher(n_matches=2).fit(noisy.data).match(noisy.data)
    u = result.directions.reshape(-1, 6)
    wrong = direction_angle(noisy.target, u).max(axis=1) > 2
    display = RiskCoverageDisplay.from_predictions(
        np.zeros(len(wrong), dtype=int),
        wrong.astype(int),
        result.reliability,
        name=f"{counts:,.0f} electrons",
    ).plot(ax)
    curve = display.curve
    most = np.searchsorted(curve.coverage, 0.8)
    rows.append(
        {
            "electrons": f"{counts:,.0f}",
            "wrong": f"{wrong.mean():.1%}",
            "wrong among the most reliable 80 %": f"{curve.risk[most]:.1%}",
            "flagged": int(result.residual_flag.sum()),
            "not valid": int((~result.valid).any(axis=1).sum()),
        }
    )
ax.set(ylabel="Share with a direction more than 2° off")
patterns.show_table("Pairs with a direction more than 2° off", rows)
plt.show()

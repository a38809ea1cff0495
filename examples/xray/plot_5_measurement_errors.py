"""
What do measurement errors do to a classification?
==================================================

A flux with an error of 40 % is one number to a classifier. MUWCLASS (Yang et al. 2022)
draws the measured values again and again within their errors, classifies each draw,
and calls a source confident if the best class leads by two errors:

.. math:: \\mathrm{CT} = \\min_{i \\ne \\mathrm{best}}
          \\frac{P_\\mathrm{best} - P_i}{e_\\mathrm{best} + e_i} \\ge 2.

They keep 81 % of their sources in this way, 97.0 % of them classified correctly. Is
that the errors' merit, or would a plain cut in probability do as well?
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _sources as sources
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skastro.calibration import FeatureErrorEnsemble, RiskCoverageDisplay
from skastro.metrics import classification_summary
from skastro.xray import xray_features

frame, y, _ = sources.load_chandra()
# Of Yang et al. 2022: 2,941 sources, leave-one-out.
MUWCLASS = {"kept": 0.81, "accuracy": 0.970, "balanced": 0.790, "macro-F1": 0.795}

# %%
# Values and their errors
# -----------------------
# Hardness ratios and colours must follow the draws, so none may be among the columns:
# they are made of the drawn fluxes and magnitudes by `skastro.xray.xray_features`,
# inside the pipeline. Simulated sources have the bands of XMM-Newton; they are added up
# to three.

if "flux_s" not in frame:
    bands = {"s": ("1", "2"), "m": ("3",), "h": ("4", "5")}
    for band, parts in bands.items():
        names = [f"flux_{part}" for part in parts]
        errors = frame[[f"{name}_err" for name in names]]
        frame[f"flux_{band}"] = frame[names].sum(axis=1)
        frame[f"flux_{band}_err"] = np.sqrt((errors**2).sum(axis=1))
    ready = frame.filter(regex=r"^(flux_\d|hr\d|rate)").columns
    frame = frame.drop(columns=ready)

fluxes = ["flux_s", "flux_m", "flux_h"]
magnitudes = [c for c in frame if c.endswith("mag") and f"{c}_err" in frame]
error_columns = {name: f"{name}_err" for name in [*fluxes, *magnitudes]}
relative = pd.DataFrame({c: frame[f"{c}_err"] / frame[c] for c in fluxes})
print("Relative errors of the fluxes")
print(relative.quantile([0.1, 0.5, 0.9]).round(2).to_string())
print(f"and of {len(magnitudes)} magnitudes: {', '.join(magnitudes)}")

# %%
# A forest inside, draws around it
# --------------------------------
# Each value is drawn by itself, fluxes above zero only. The same source gets the same
# draws in any company, so that a prediction can be repeated. ``draw="predict"`` fits
# one forest, on the values as measured; "fit+predict" draws the training sources too
# and fits a forest a draw, as MUWCLASS does. Its errors then hold what other
# measurements of the training sources would change.

train, test = train_test_split(
    np.arange(len(y)), test_size=0.5, stratify=y, random_state=0
)
X_train, X_test, y_train, y_test = (
    frame.iloc[train],
    frame.iloc[test],
    y[train],
    y[test],
)
classes = np.unique(y)
forest = make_pipeline(
    xray_features(frame, detail="plain"),
    RandomForestClassifier(
        sources.scale.n_trees, min_samples_leaf=2, n_jobs=2, random_state=0
    ),
)
ensemble = FeatureErrorEnsemble(
    forest,
    error_columns=error_columns,
    positive=fluxes,
    n_draws=30,
    random_state=0,
).fit(X_train, y_train)
small = clone(forest).set_params(
    randomforestclassifier__n_estimators=sources.scale.n_trees // 2
)
like_theirs = (
    clone(ensemble)
    .set_params(estimator=small, draw="fit+predict", n_draws=20)
    .fit(X_train, y_train)
)
proba = ensemble.predict_proba(X_test)
error = ensemble.predict_proba_std(X_test)
confidence = ensemble.confidence(X_test)
predicted = classes[proba.argmax(axis=1)]
plain = ensemble.estimator_.predict_proba(X_test)

# %%
# Three sources
# -------------
# One that is far above the cut, one at the cut, and one below. Bars are the median over
# the draws, and half the distance from the 16th to the 84th percentile. CT knows of
# errors of measurement alone: where classes overlap, it may be large and wrong.

noise = relative.iloc[test].mean(axis=1).to_numpy()
figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), sharey=True, layout="constrained")
for ax, wanted in zip(axes, (8.0, 2.0, 0.5), strict=True):
    distance = np.abs(np.log(np.where(confidence > 0, confidence, np.nan) / wanted))
    i = np.nanargmin(distance)
    ax.bar(classes, proba[i], yerr=error[i], color="#56B4E9", capsize=3)
    ax.plot(classes, plain[i], "k_", ms=14, label="without draws")
    ax.set_title(
        f"CT = {confidence[i]:.1f}; in truth {y_test[i]}\n"
        f"errors of the fluxes {noise[i]:.0%} on average",
        fontsize=10,
    )
    ax.tick_params(axis="x", rotation=60)
axes[0].set(ylabel="Probability", ylim=(0, 1.05))
axes[0].legend()

# %%
# The cut of MUWCLASS, and a plain one
# ------------------------------------
# Each plain cut is set so that it keeps as many sources as CT ≥ 2 above it does; it
# needs no draws. "balanced" and "macro-F1" are of the sources kept.


def kept_scores(name, keep, guess):
    """Score the sources that a cut keeps."""
    found = classification_summary(
        y_test[keep], None, y_pred=guess[keep], labels=classes
    ).overall["value"]
    return {
        "cut": name,
        "kept": f"{keep.mean():.2f}",
        "accuracy": f"{found['accuracy']:.3f}",
        "balanced": f"{found['balanced_accuracy']:.3f}",
        "macro-F1": f"{found['macro_f1']:.3f}",
    } | {c: f"{keep[y_test == c].mean():.2f}" for c in classes}


everything = np.ones(len(test), dtype=bool)
confident = ensemble.accept(X_test)
plain_guess, plain_top = classes[plain.argmax(axis=1)], plain.max(axis=1)
cut = np.quantile(plain_top, 1 - confident.mean())
rows = [
    kept_scores("none, without draws", everything, plain_guess),
    kept_scores("none", everything, predicted),
    kept_scores("CT ≥ 2", confident, predicted),
    kept_scores(f"probability ≥ {cut:.2f}, no draws", plain_top >= cut, plain_guess),
]
keep = like_theirs.accept(X_test)
cut = np.quantile(plain_top, 1 - keep.mean())
rows += [
    kept_scores("CT ≥ 2, a fit a draw", keep, like_theirs.predict(X_test)),
    kept_scores(f"probability ≥ {cut:.2f}, no draws", plain_top >= cut, plain_guess),
]
theirs = {"cut": "MUWCLASS, CT ≥ 2"} | {k: f"{v:.3f}" for k, v in MUWCLASS.items()}
sources.show_table("What is kept, of all and of each class", [*rows, theirs])

# %%
# Risk and coverage
# -----------------
# All cuts at once. Where the curves lie on each other, the errors of measurement add
# nothing to the accuracy: a forest is unsure anyway where classes are mixed, and faint
# sources lie there. What CT has of its own is on the right: of two sources with the
# same probability it prefers the one whose probability is well determined. A rare class
# seldom gets a large probability, but may get a sure one: of the Chandra sources CT
# keeps more cataclysmic variables and high-mass binaries than the plain cut does.


def order_by(model):
    """Give CT as a finite number; where no value could be drawn it is NaN: not sure."""
    values = model.confidence(X_test)
    return np.nan_to_num(values, nan=0.0, posinf=values[np.isfinite(values)].max())


figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
RiskCoverageDisplay.from_predictions(
    y_test, plain_guess, plain_top, name="probability, no draws"
).plot(axes[0])
for name, model in (("CT", ensemble), ("CT, a fit a draw", like_theirs)):
    display = RiskCoverageDisplay.from_predictions(
        y_test, model.predict(X_test), order_by(model), name=name
    )
    display.plot(axes[0], thresholds=2)
axes[0].plot(
    MUWCLASS["kept"],
    1 - MUWCLASS["accuracy"],
    "k*",
    ms=11,
    label="MUWCLASS (other sources)",
)
axes[0].legend(loc="upper left", fontsize="small")

top = proba.max(axis=1)
top_error = error[np.arange(len(test)), proba.argmax(axis=1)]
for right, colour, name in ((True, "#56B4E9", "right"), (False, "#D55E00", "wrong")):
    rows = (predicted == y_test) == right
    axes[1].plot(top[rows], top_error[rows], ".", ms=5, color=colour, label=name)
axes[1].set(xlabel="Largest probability", ylabel="Its error from the draws")
axes[1].legend()
plt.show()

"""
What does a light curve add to a catalogue?
===========================================

A catalogue tells of variability in two numbers, the probability of a constant flux and
the fractional variability, and for most sources in none. The study's open wish was the
light curve itself. `skastro.xray.VariabilityFeatures` measures a series of (time, rate,
error): is it constant, how much does it vary beyond counting noise, and how well is
that known?

All light curves here are SIMULATED (`make_light_curves`): the numbers show how to go
about it and how many counts it takes, and are no result about sources.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline

from skastro.datasets import make_light_curves, make_xray_sources
from skastro.metrics import classification_summary
from skastro.model_selection import MeanConfusionMatrixDisplay
from skastro.xray import VariabilityFeatures, light_curve_array, xray_features

KINDS = ("constant", "red_noise", "flare")
COLOURS = dict(zip(KINDS, ("#0072B2", "#009E73", "#D55E00"), strict=True))

# %%
# Three kinds of light curve
# --------------------------
# A light curve is an array ``(3, n_points)`` of times, rates and errors. A point that is
# not there has the rate NaN: here three in ten bins of 100 s are lost. The mean is 0.3
# counts a second, so 30 counts a bin.

curves = make_light_curves(
    600, n_points=80, mean_rate=0.3, gap_fraction=0.3, random_state=0
)
X, kind = curves.data, curves.target
measure = VariabilityFeatures().set_output(transform="default")
features = pd.DataFrame(measure.fit_transform(X), columns=measure.get_feature_names_out())
print(features.groupby(kind).median().loc[list(KINDS)].round(3).to_string())

figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
for ax, name in zip(axes, KINDS, strict=True):
    # The one in the middle of its kind.
    rows = np.flatnonzero(kind == name)
    i = rows[np.argsort(features["excess_variance"].to_numpy()[rows])[len(rows) // 2]]
    time, rate, error = X[i]
    ax.errorbar(time / 1000, rate, error, fmt=".", ms=4, lw=0.8, color=COLOURS[name])
    ax.plot(time / 1000, curves.true_rate[i], color="0.4", lw=1)
    found = features.loc[i]
    amplitude = "none (negative excess)"
    if np.isfinite(found["fvar"]):
        amplitude = f"{found['fvar']:.2f} ± {found['fvar_err']:.2f}"
    ax.set_title(
        f"{name.replace('_', ' ')}: $F_\\mathrm{{var}}$ {amplitude}\n"
        f"constant with p = {found['chi2_prob']:.2g}",
        fontsize=10,
    )
    ax.set(xlabel="Time (ks)", ylim=(0, None))
axes[0].set_ylabel("Rate (counts/s); line: the truth")

# %%
# Do the errors hold?
# -------------------
# The excess variance is the variance less that of the errors. It may be negative by
# chance, and then there is no fractional variability: NaN, as in the catalogues. So a
# missing ``fvar`` means "little or none", and a mean over those that are left is too
# high. ``excess_variance`` has no such gap: prefer it as a feature. For a constant
# source ``chi2_prob`` must be spread evenly, and it is, for errors that are those of
# the expected counts. Errors from a handful of drawn counts are not.

figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
for name in KINDS:
    rows = (kind == name) & features["fvar"].notna()
    axes[0].errorbar(
        curves.fvar[rows],
        features["fvar"][rows],
        features["fvar_err"][rows],
        fmt="o",
        ms=3,
        lw=0.6,
        alpha=0.6,
        color=COLOURS[name],
        label=f"{name.replace('_', ' ')} ({rows.sum()} of {(kind == name).sum()})",
    )
axes[0].axline((0.1, 0.1), slope=1, color="0.4", ls=":")
axes[0].set(
    xscale="symlog",
    yscale="symlog",
    xlabel="True fractional variability of the bins seen",
    ylabel="Measured",
)
for axis in (axes[0].xaxis, axes[0].yaxis):
    axis.set_major_formatter("{x:g}")
for set_scale in (axes[0].set_xscale, axes[0].set_yscale):
    set_scale("symlog", linthresh=0.1, linscale=0.5)
axes[0].set(xlim=(-0.01, 4), ylim=(0, 4))
ticks = [0, 0.1, 0.3, 1, 3]
axes[0].set_xticks(ticks, [f"{t:g}" for t in ticks])
axes[0].set_yticks(ticks, [f"{t:g}" for t in ticks])
axes[0].legend(title="with a positive excess")
for name in KINDS:
    axes[1].hist(
        features["chi2_prob"][kind == name],
        bins=np.linspace(0, 1, 11),
        histtype="step",
        lw=1.6,
        color=COLOURS[name],
        label=name.replace("_", " "),
    )
axes[1].axhline((kind == "constant").sum() / 10, color="0.4", ls=":")
axes[1].set(xlabel="Probability of a constant source", ylabel="Light curves")
axes[1].legend()

pull = (features["fvar"] - curves.fvar) / features["fvar_err"]
for name in ("red_noise", "flare"):
    rows = (kind == name) & pull.notna()
    print(
        f"{name}: (measured - true) / error has mean {pull[rows].mean():+.2f} and "
        f"standard deviation {pull[rows].std():.2f}"
    )
steady = features["excess_variance"][kind == "constant"]
error = features["excess_variance_err"][kind == "constant"]
print(
    f"constant: excess variance {steady.mean():+.4f} ± {steady.std() / 200**0.5:.4f}, "
    f"negative in {(steady < 0).mean():.0%}; within one error of 0 in "
    f"{(steady.abs() < error).mean():.0%}"
)

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
from sklearn.compose import make_column_transformer
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
# A light curve is an array ``(3, n_points)`` of times, rates and errors. A point that
# is not there has the rate NaN: here three in ten bins of 100 s are lost. The mean is
# 0.3 counts a second, so 30 counts a bin.

curves = make_light_curves(
    600, n_points=80, mean_rate=0.3, gap_fraction=0.3, random_state=0
)
X, kind = curves.data, curves.target
measure = VariabilityFeatures()
values = measure.fit_transform(X)
features = pd.DataFrame(values, columns=measure.get_feature_names_out())
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
# the expected counts. The error of ``fvar`` is that of Vaughan et al. (2003), made for
# errors that are the same in all bins: it holds for red noise, and is too small for a
# flare, whose few bright bins carry both the variance and the largest errors.

# As the measured one: the sample variance, of the bins that are there.
seen = np.where(np.isnan(X[:, 1]), np.nan, curves.true_rate)
true = np.nanstd(seen, axis=1, ddof=1) / np.nanmean(seen, axis=1)

figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
for name in KINDS:
    rows = (kind == name) & features["fvar"].notna()
    axes[0].errorbar(
        true[rows],
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
axes[0].set_xscale("symlog", linthresh=0.1, linscale=0.5)
axes[0].set_yscale("symlog", linthresh=0.1, linscale=0.5)
axes[0].set(
    xlim=(-0.01, 4),
    ylim=(0, 4),
    xlabel="True fractional variability of the bins seen",
    ylabel="Measured",
)
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

pull = (features["fvar"] - true) / features["fvar_err"]
for name in ("red_noise", "flare"):
    rows = (kind == name) & pull.notna()
    print(
        f"{name}: (measured - true) / error has mean {pull[rows].mean():+.2f} and "
        f"standard deviation {pull[rows].std():.2f}"
    )
steady = features["excess_variance"][kind == "constant"]
error = features["excess_variance_err"][kind == "constant"]
print(
    f"constant: excess variance {steady.mean():+.4f} ± {steady.sem():.4f}, "
    f"negative in {(steady < 0).mean():.0%}; within one error of 0 in "
    f"{(steady.abs() < error).mean():.0%}"
)

# %%
# How many counts does it take?
# -----------------------------
# The transformer and a classifier are a pipeline that takes light curves as they are.
# Boosted trees keep the NaN of ``fvar``. Two things would give the kind away here that
# no observer has: simulated errors are those of the *true* rate of each bin, and all
# series have one mean rate. So brightness is spread, and errors are made of what was
# seen, the root of the mean counts of the series.

STEP = 100.0


def as_observed(n, counts, kinds=KINDS, gaps=0.3, seed=0):
    """Simulate n light curves with about so many counts a bin, and their kinds."""
    rng = np.random.default_rng(seed)
    parts = [
        make_light_curves(
            len(kinds),
            n_points=80,
            time_step=STEP,
            mean_rate=counts / STEP * 2.0 ** rng.uniform(-1, 1),
            kinds=kinds,
            gap_fraction=gaps,
            random_state=rng,
        )
        for _ in range(-(-n // len(kinds)))
    ]
    series = np.concatenate([part.data for part in parts])[:n]
    rate = series[:, 1]
    error = np.sqrt(np.nanmean(rate, axis=1, keepdims=True) / STEP)
    series[:, 2] = np.where(np.isnan(rate), np.nan, error)
    return series, np.concatenate([part.target for part in parts])[:n]


model = make_pipeline(
    VariabilityFeatures(),
    HistGradientBoostingClassifier(max_iter=60, random_state=0),
)
cv = StratifiedKFold(3, shuffle=True, random_state=0)
rows, predictions = [], {}
for counts in (5, 20, 80):
    series, truth = as_observed(450, counts, seed=1)
    guess = cross_val_predict(model, series, truth, cv=cv)
    predictions[counts] = truth, guess
    recall = classification_summary(truth, None, y_pred=guess).per_class
    rows.append(
        {"counts a bin": counts, "accuracy": f"{(guess == truth).mean():.3f}"}
        | {f"{name} found": f"{recall.loc[name, 'recall']:.2f}" for name in KINDS}
    )
print("\nThree-fold cross-validation, 450 simulated light curves")
print(pd.DataFrame(rows).to_string(index=False))

figure, axes = plt.subplots(1, 3, figsize=(12, 3.9), layout="constrained")
for ax, (counts, (truth, guess)) in zip(axes, predictions.items(), strict=True):
    MeanConfusionMatrixDisplay.from_predictions(truth, guess).plot(
        ax=ax, colorbar=False
    )
    ax.set_title(f"{counts} counts a bin", fontsize=11)

# %%
# Beside a catalogue
# ------------------
# A simulated catalogue of stars with flares, active galaxies with red noise and steady
# neutron stars, without its own variability columns. The series come as most archives
# give them, a long table with a row a point, for some of the sources only.
# `skastro.xray.light_curve_array` makes one array of them, in the order of its ``ids``.

WHICH = {"LM-STAR": "flare", "AGN": "red_noise", "NS": "constant"}
catalogue = make_xray_sources(
    600, class_weights={"LM-STAR": 4, "AGN": 4, "NS": 1}, random_state=2
).frame
catalogue = catalogue.drop(columns=["chi2_prob", "fvar", "fvar_err"])
y = np.asarray(catalogue["label"], dtype=object).astype(str)

points = []
for seed, (label, name) in enumerate(WHICH.items()):
    ids = catalogue.loc[y == label, "source_id"].to_numpy()
    series, _ = as_observed(len(ids), 10, [name], gaps=0, seed=seed)
    # Four in ten sources have no time series, as in the catalogues.
    for number, curve in list(zip(ids, series, strict=True))[: round(0.6 * len(ids))]:
        long = pd.DataFrame(curve.T, columns=["time", "rate", "rate_err"])
        points.append(long.assign(source_id=number))
points = pd.concat(points).sample(frac=1, random_state=0)
print(f"\n{len(points):,} points of {points['source_id'].nunique()} sources, shuffled")
print(points.head(3).to_string(index=False))

ids, series = light_curve_array(points)
measured = pd.DataFrame(
    measure.fit_transform(series), index=ids, columns=measure.get_feature_names_out()
).drop(columns="mean_rate")
# Measuring learns nothing from other rows, so it may be done before the folds. The join
# is by the id of the source, and sources without a series get NaN.
joined = catalogue.join(measured, on="source_id")
assert len(joined) == len(catalogue)

# %%
# `skastro.xray.xray_features` takes the columns that it knows; a ``ColumnTransformer``
# puts the new ones beside them. Which sources have a series is itself a feature then:
# here it is the same share of every class, in a survey it is not, and the third row
# says what it alone achieves.

beside = make_column_transformer(
    (xray_features(catalogue), list(catalogue.columns)),
    ("passthrough", list(measured.columns)),
)
missing = make_column_transformer(("passthrough", ["has_series"]))
joined["has_series"] = joined["n_points"].notna().astype(float)
trees = HistGradientBoostingClassifier(max_iter=80, random_state=0)
rows = []
for name, part in (
    ("catalogue", xray_features(catalogue)),
    ("catalogue and light curves", beside),
    ("only whether there is a light curve", missing),
):
    scores = cross_val_score(
        make_pipeline(part, trees), joined, y, cv=cv, scoring="f1_macro"
    )
    rows.append({"features": name, "macro-F1": f"{scores.mean():.3f}"})
    rows[-1]["± one fold"] = f"{scores.std(ddof=1):.3f}"
print("\nThree classes, three folds")
print(pd.DataFrame(rows).to_string(index=False))
plt.show()

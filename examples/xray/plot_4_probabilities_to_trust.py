"""
Which probabilities may be believed, and what follows from them?
================================================================

The study trains on resampled classes: 500 active galaxies beside 80 neutron stars in
binaries. Its net then takes every class to be as frequent as it was shown, and says so
with confidence. Nothing needs to be trained again to repair that. This page makes two
fits, the study's net and the recommended ensemble, on X-rays alone, and asks everything
else of these two:

- what prior correction trades, and how the classes of another survey are counted;
- whether 80 % means 80 %;
- decisions for the most probable class or for the largest macro-F1;
- sets of classes that hold the true one nine times in ten, class by class;
- which predictions to leave out, and who pays for it.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _sources as sources
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split

from skastro.calibration import (
    ConformalSetClassifier,
    MacroF1Classifier,
    PriorCorrectedClassifier,
    RejectClassifier,
    ReliabilityDisplay,
    RiskCoverageDisplay,
)
from skastro.metrics import classification_summary
from skastro.xray import xray_pipeline

frame, y, _ = sources.load_chandra()
train, test = train_test_split(
    np.arange(len(y)), test_size=0.5, stratify=y, random_state=0
)
X_train, y_train, X_test, y_test = (
    frame.iloc[train],
    y[train],
    frame.iloc[test],
    y[test],
)
classes, support = np.unique(y_test, return_counts=True)
print(f"{len(train):,} sources to learn from, {len(test):,} to test on")


def scores(name, proba, predicted, truth=y_test):
    """Make a row of the tables of this page."""
    found = classification_summary(truth, proba, y_pred=predicted, labels=classes)
    value = found.overall["value"]
    columns = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "ece")
    return {"": name} | {c.replace("_", " "): f"{value[c]:.3f}" for c in columns}


# %%
# One fit, three populations
# --------------------------
# `skastro.calibration.PriorCorrectedClassifier` notes which class frequencies the net
# is shown behind the sampler, and turns its probabilities into those for others by
# Bayes' rule. ``with_priors`` shares the fit.

study = PriorCorrectedClassifier(
    xray_pipeline(frame, "study", counterparts=False, random_state=0)
).fit(X_train, y_train)
print(
    pd.DataFrame(
        {
            "in the catalogue": study.train_priors_,
            "shown to the net": study.seen_priors_,
        },
        index=study.classes_,
    )
    .round(3)
    .T.to_string()
)

stated = {
    "as resampled": study.estimator_,
    'priors="train"': study,
    'priors="balanced"': study.with_priors("balanced"),
}
shown = {name: model.predict_proba(X_test) for name, model in stated.items()}
rows = [scores(n, p, classes[p.argmax(axis=1)]) for n, p in shown.items()]
sources.show_table("The study's net, one fit", rows)

# %%
# Accuracy and balanced accuracy are bought from each other along a line: any mixture of
# the two priors is another point on it. The study's 75.8 % of accuracy, too, is a
# statement about priors before it is one about a classifier.

mixture = np.linspace(0, 1, 11)
line = []
for share in mixture:
    priors = (1 - share) * study.train_priors_ + share / len(classes)
    proba = study.with_priors(priors).predict_proba(X_test)
    found = classification_summary(y_test, proba, labels=classes).overall["value"]
    line.append((found["accuracy"], found["balanced_accuracy"]))
line = np.array(line)
figure, ax = plt.subplots(figsize=(5.6, 4.4), layout="constrained")
ax.plot(line[:, 0], line[:, 1], "-", color="0.6", zorder=1)
points = ax.scatter(line[:, 0], line[:, 1], c=mixture, cmap="viridis", zorder=2)
for name, place in (('"train"', 0), ('"balanced"', -1)):
    ax.annotate(
        f"priors={name}",
        line[place],
        xytext=(0, -10),
        textcoords="offset points",
        ha="center",
        va="top",
    )
resampled = shown["as resampled"].argmax(axis=1)
summary = classification_summary(y_test, None, y_pred=classes[resampled]).overall[
    "value"
]
ax.plot(summary["accuracy"], summary["balanced_accuracy"], "D", color="#D55E00")
ax.annotate(
    "as resampled",
    (summary["accuracy"], summary["balanced_accuracy"]),
    xytext=(-8, -4),
    textcoords="offset points",
    color="#D55E00",
    ha="right",
)
ax.set(
    xlabel="Accuracy", ylabel="Balanced accuracy", title="One fit of the study's net"
)
ax.margins(x=0.2, y=0.15)
figure.colorbar(points, label="Share of equal priors in the mixture")

# %%
# The recommended ensemble
# ------------------------
# It is calibrated on inner folds while it is trained, and is fitted once.
# ``FrozenEstimator`` keeps it as it is; the meta-estimators below then only look at its
# out-of-fold probabilities ``oof_proba_`` of the training rows. They come with the fit,
# so nothing here trains again.

pipeline = xray_pipeline(
    frame, counterparts=False, decision="argmax", n_jobs=2, random_state=0
).fit(X_train, y_train)
features, ensemble = pipeline[:-1], FrozenEstimator(pipeline[-1])
F_train, F_test = features.transform(X_train), features.transform(X_test)
proba = ensemble.predict_proba(F_test)

most_probable = classes[proba.argmax(axis=1)]
by_rule = MacroF1Classifier(ensemble).fit(F_train, y_train).predict(F_test)
rows += [
    scores("recommended, most probable", proba, most_probable),
    scores("recommended, macro-F1 rule", proba, by_rule),
]
sources.show_table("Beside the study's net, on the same test sources", rows)
recall = pd.DataFrame(
    {
        name: classification_summary(
            y_test, None, y_pred=guess, labels=classes
        ).per_class["recall"]
        for name, guess in (
            ("as resampled", classes[resampled]),
            ("most probable", most_probable),
            ("macro-F1 rule", by_rule),
        )
    }
).T
print("\nShare of each class that is found")
print(recall.round(2).to_string())

# %%
# Does 80 % mean 80 %?
# --------------------
# Of the sources that a classifier gives to a class with a probability of 80 %, eight in
# ten should be of that class. The expected calibration error (ECE) is the mean distance
# from that. Correcting priors is no calibration: where a net is too sure of itself, it
# stays so. scikit-learn's ``CalibratedClassifierCV`` around both trains five nets,
# gives each a temperature from the fold that it did not see, and averages them. Their
# average is better than one net, but less sure than it might be: the recommended
# ensemble calibrates its average once more.

calibrated = CalibratedClassifierCV(study, method="temperature", cv=5)
by_temperature = calibrated.fit(X_train, y_train).predict_proba(X_test)
name = "corrected, five nets with temperatures"
five = scores(name, by_temperature, classes[by_temperature.argmax(axis=1)])
sources.show_table("Calibrated or not", [rows[0], rows[1], five, rows[3]])

figure, axes = plt.subplots(
    2, 4, figsize=(14, 5.0), sharex=True, height_ratios=(3, 1), layout="constrained"
)
for column, (name, stated_proba) in zip(
    axes.T,
    (
        ("as resampled", shown["as resampled"]),
        ("prior-corrected", shown['priors="train"']),
        ("five, temperature", by_temperature),
        ("recommended", proba),
    ),
    strict=True,
):
    ReliabilityDisplay.from_predictions(
        y_test, stated_proba, labels=classes, name=name
    ).plot(column, min_count=5)

# %%
# How many of each class are in a survey without labels?
# ------------------------------------------------------
# Four active galaxies in five are taken out of the test sources, as behind the Galactic
# plane. ``estimate_priors`` finds the frequencies of the classes that make the
# probabilities most likely (Saerens et al. 2002). It believes the probabilities, so
# they have to be calibrated: a net that was trained on interpolated rows misleads it.
# And it can only count what can be told apart. Rare classes that look alike are mixed
# up, and one that is put at zero is never found again. So take from it what is well
# determined: here the share of the active galaxies, with the others in proportion.

rng = np.random.default_rng(0)
kept = (y_test != "AGN") | (rng.random(len(y_test)) < 0.2)
plane_y = y_test[kept]
corrected = PriorCorrectedClassifier(ensemble, training_priors="train").fit(
    F_train, y_train
)
from_ensemble = corrected.estimate_priors(F_test[kept])
table = pd.DataFrame(
    {
        "in the training set": corrected.train_priors_,
        "in this survey": [(plane_y == c).mean() for c in classes],
        "estimated by the ensemble": from_ensemble,
        "by the study's net": study.estimate_priors(X_test[kept]),
    },
    index=classes,
)
others = np.where(classes == "AGN", 0.0, corrected.train_priors_)
agn_only = others / others.sum() * (1 - from_ensemble["AGN"])
agn_only[classes == "AGN"] = from_ensemble["AGN"]
print("\nClass frequencies of a survey with a fifth of the AGN")
print(table.round(3).T.to_string())
rows = []
for name, model in (
    ("priors of the training set", corrected),
    ("all priors estimated", corrected.with_priors(from_ensemble)),
    ("that of AGN estimated", corrected.with_priors(agn_only)),
    ("true ones", corrected.with_priors(table["in this survey"].to_numpy())),
):
    there = model.predict_proba(F_test[kept])
    rows.append(scores(name, there, classes[there.argmax(axis=1)], plane_y))
sources.show_table("The ensemble on that survey", rows)

# %%
# Sets of classes
# ---------------
# `skastro.calibration.ConformalSetClassifier` gives all classes that cannot be
# excluded. Plain sets hold the true class nine times in ten over all sources, and pay
# with the rare classes. Class-conditional sets hold it nine times in ten in each class,
# and are larger; a class of fewer than nine calibration sources is in all of them, and
# a warning says so.

sets = {}
for name, conditional in (("plain", False), ("class-conditional", True)):
    conformal = ConformalSetClassifier(ensemble, class_conditional=conditional)
    sets[name] = conformal.fit(F_train, y_train).predict_set(F_test)
truth = np.searchsorted(classes, y_test)
by_class = {}
for name, members in sets.items():
    covered, size = members[np.arange(len(truth)), truth], members.sum(axis=1)
    by_class[name, "coverage"] = [
        covered[truth == k].mean() for k in range(len(classes))
    ]
    by_class[name, "size"] = [size[truth == k].mean() for k in range(len(classes))]
    print(
        f"{name}: {covered.mean():.1%} of the sets hold the true class, "
        f"{size.mean():.2f} classes in a set, {(size == 1).mean():.0%} with just one"
    )
names = [f"{c} ({n})" for c, n in zip(classes, support, strict=True)]
print(pd.DataFrame(by_class, index=names).round(2).to_string())

figure, axes = plt.subplots(1, 2, figsize=(11, 4), sharey=True, layout="constrained")
place, colours = np.arange(len(classes)), ("#D55E00", "#0072B2")
for ax, what in zip(axes, ("coverage", "size"), strict=True):
    for shift, name, colour in zip((-0.2, 0.2), sets, colours, strict=True):
        ax.barh(place + shift, by_class[name, what], 0.38, color=colour, label=name)
axes[0].axvline(0.9, color="0.3", ls=":")
axes[0].set(yticks=place, yticklabels=names, xlabel="Sets that hold the true class")
axes[0].invert_yaxis()
axes[1].set_xlabel("Mean number of classes in a set")
axes[1].axvline(1, color="0.3", ls=":")
figure.legend(*axes[1].get_legend_handles_labels(), loc="outside upper center", ncols=2)

# %%
# Leaving the doubtful ones out
# -----------------------------
# `skastro.calibration.RejectClassifier` predicts every source, and says beside it which
# predictions to accept. With ``threshold="risk"`` it looks for the lowest threshold
# that keeps the share of errors below a bound with 95 % confidence. The right panel is
# what a cut does to the classes: most rare ones go first, so say what is kept of each.

reject = RejectClassifier(ensemble, threshold="risk", max_risk=0.1).fit(
    F_train, y_train
)
accepted = reject.accept(F_test)
right = reject.predict(F_test) == y_test
print(
    f"\nthreshold {reject.threshold_:.2f} accepts {accepted.mean():.0%} of the test "
    f"sources, {1 - right[accepted].mean():.1%} of them wrong"
)
display = RiskCoverageDisplay.from_estimator(reject, F_test, y_test, name="recommended")
display.plot(thresholds=[0.5, 0.7, 0.8, 0.9])
rows = []
for cut in (0.0, 0.5, 0.7, 0.8, 0.9):
    found = display.curve.at(cut)
    row = {"probability of at least": cut, "kept": f"{found['coverage']:.2f}"}
    row["accuracy"] = f"{1 - found['risk']:.3f}"
    rows.append(row | {c: f"{found[f'coverage_{c}']:.2f}" for c in classes})
sources.show_table("What a cut keeps, of all sources and of each class", rows)
plt.show()

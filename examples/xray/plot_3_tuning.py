"""
How many neurons? Tuning, and the honest score of what was tuned
================================================================

The study chooses its net by a grid search in stratified folds, and shows the accuracy
against the number of neurons. Which settings win depends on the score that one asks
for, and the best score of a search is too good: it is the largest of many, on the rows
that chose it. A second cross-validation around the search gives the honest one.

Before that, the preparation: what do Yeo-Johnson and min-max scaling make of fluxes?

The search trains each net for at most 30 epochs here instead of the study's 600, so
that it takes seconds (``SKASTRO_SCALE="table"`` has them all).
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else "."))
import _sources as sources
from scipy.stats import skew
from sklearn.model_selection import GridSearchCV, ValidationCurveDisplay, cross_validate
from sklearn.preprocessing import MinMaxScaler, PowerTransformer, StandardScaler

from skastro.xray import xray_features, xray_pipeline

frame, y, _ = sources.load_chandra()
X = frame.drop(columns="label")
cv = sources.folds()

# %%
# Before and after Yeo-Johnson and min-max
# ----------------------------------------
# Fluxes are some 1e-14 erg/cm²/s, and the Yeo-Johnson transformation of such numbers is
# linear unless its exponent is astronomically large. It does become that, and still the
# fluxes stay skewed: most of them end at one edge of the scaled range, where a net
# hardly tells them apart. With the logarithm taken first, as
# `skastro.xray.xray_features` does, they fill it. Missing values are left out here.

flux = X["flux_8"] if "flux_8" in X else X[["flux_s", "flux_m", "flux_h"]].sum(axis=1)
plain = xray_features(X, detail="plain", counterparts=False).fit_transform(X)
ratio, varies = (
    next(c for c in plain if c.startswith(start)) for start in ("hr", ("var", "chi2"))
)
columns = pd.DataFrame(
    {
        "flux": flux,
        "log10 of the flux": np.log10(flux.clip(lower=1e-18)),
        ratio: plain[ratio],
        varies: plain[varies],
    }
)
stages = {"as it is": columns.to_numpy()}
power = PowerTransformer().fit(stages["as it is"])
stages["after Yeo-Johnson"] = power.transform(stages["as it is"])
stages["after min-max"] = MinMaxScaler().fit_transform(stages["after Yeo-Johnson"])

figure, axes = plt.subplots(
    len(stages), columns.shape[1], figsize=(11, 7), layout="constrained"
)
for row, (stage, array) in zip(axes, stages.items(), strict=True):
    row[0].set_ylabel(f"{stage}\nsources")
    for ax, name, column in zip(row, columns, array.T, strict=True):
        known = column[np.isfinite(column)]
        ax.hist(known, bins=40, color="#0072B2")
        ax.set_title(f"{name}\nskewness {skew(known):+.1f}", fontsize=9)
rows = []
for name, exponent, column in zip(
    columns, power.lambdas_, stages["after min-max"].T, strict=True
):
    edge = (column < 0.1).sum() / np.isfinite(column).sum()
    rows.append(
        {
            "column": name,
            "exponent of Yeo-Johnson": f"{exponent:.3g}",
            "in the lowest tenth of the scaled range": f"{edge:.1%}",
        }
    )
sources.show_table("Preparation", rows)

# %%
# Accuracy against the number of neurons
# --------------------------------------
# Two layers of as many units each. The study's slide has the accuracy on its test part,
# which then chose the number. Here the curves are those of training and validation
# parts, in folds; macro-F1 stands beside. The training score is on the training sources
# as they are, before resampling.

scores = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "f1_macro": "Macro-F1",
}
model = xray_pipeline(X, "study", random_state=0)
model.set_params(classifier__max_epochs=sources.scale.tuning_epochs)
widths = (2, 5, 10, 20, 40, 80)
curve = GridSearchCV(
    model,
    {"classifier__hidden_layer_sizes": [(n, n) for n in widths]},
    scoring=list(scores),
    refit=False,
    cv=cv,
    return_train_score=True,
    n_jobs=2,
).fit(X, y)


def by_fold(results, part, score):
    return np.column_stack(
        [results[f"split{k}_{part}_{score}"] for k in range(cv.get_n_splits())]
    )


figure, axes = plt.subplots(1, len(scores), figsize=(12, 3.8), layout="constrained")
for ax, (score, label) in zip(axes, scores.items(), strict=True):
    ValidationCurveDisplay(
        param_name="units in each of two layers",
        param_range=np.array(widths),
        train_scores=by_fold(curve.cv_results_, "train", score),
        test_scores=by_fold(curve.cv_results_, "test", score),
        score_name=label,
    ).plot(ax, score_type="both", fill_between_kw={"alpha": 0.2})
    ax.set_xticks(widths, widths)
    ax.minorticks_off()
    ax.grid(color="0.9")
    ax.legend(["training", "validation"], frameon=False)
figure.suptitle("The study's net; bands are the deviation of a fold", fontsize=11)

# %%
# The search
# ----------
# Everything is a parameter of one pipeline: the cap of the resampler, the scaler, the
# width of the net. One search computes several scores, and each may have another
# favourite. With few epochs the winner may also be what learns fastest.

grid = {
    "resample__cap": [150, 500],
    "scale": [MinMaxScaler(), StandardScaler()],
    "classifier__hidden_layer_sizes": [(10, 10), (30, 30)],
}
search = GridSearchCV(
    model, grid, scoring=list(scores), refit="f1_macro", cv=cv, n_jobs=2
).fit(X, y)
results = pd.DataFrame(search.cv_results_)
# scikit-learn divides by the number of folds; one less is the deviation of a fold.
unbiased = np.sqrt(cv.get_n_splits() / (cv.get_n_splits() - 1))
table = pd.DataFrame(
    {
        "cap": results["param_resample__cap"],
        "scaler": results["param_scale"].map(lambda scaler: type(scaler).__name__),
        "net": results["param_classifier__hidden_layer_sizes"].astype(str),
        **{
            label: [
                f"{mean:.3f} ± {unbiased * std:.3f}{' *' * (rank == 1)}"
                for mean, std, rank in results[
                    [f"{kind}_test_{score}" for kind in ("mean", "std", "rank")]
                ].itertuples(index=False)
            ]
            for score, label in scores.items()
        },
    }
)
sources.show_table(
    "The grid; a star marks the best of a column", table.to_dict("records")
)

# %%
# The honest score
# ----------------
# ``cross_validate`` around the search: in each outer fold the search sees the training
# part only and the test part judges what it chose. The outer folds are those of the
# search above, so that scores differ where a fold chose something else. Where the
# winner changes from fold to fold, the grid holds no clear best one.

nested = cross_validate(
    search, X, y, cv=cv, scoring=list(scores), return_estimator=True
)
rows = []
for score, label in scores.items():
    inner, outer = results[f"mean_test_{score}"], nested[f"test_{score}"]
    rows.append(
        {
            "score": label,
            "search: the chosen": f"{inner[search.best_index_]:.3f}",
            "search: the best": f"{inner.max():.3f}",
            "nested": f"{outer.mean():.3f} ± {outer.std(ddof=1):.3f}",
        }
    )
sources.show_table("Chosen by macro-F1", rows)
for k, fitted in enumerate([search, *nested["estimator"]]):
    best = fitted.best_params_
    print(
        f"{'All sources' if k == 0 else f'Outer fold {k}'}: cap "
        f"{best['resample__cap']}, {type(best['scale']).__name__}, "
        f"{best['classifier__hidden_layer_sizes']}"
    )
plt.show()

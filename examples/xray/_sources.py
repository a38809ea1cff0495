"""What the X-ray examples share: the labelled sources, the folds, the tables.

Classes and features are those of the catalogues; nothing is learnt here. The same seed
gives the same folds whatever the classifier, so that classifiers are compared on the
same test rows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score
from sklearn.model_selection import StratifiedKFold, check_cv

from skastro.datasets import (
    fetch_csc_training,
    fetch_lin2024_subset,
    make_xray_sources,
)
from skastro.metrics import ClassificationSummary, classification_summary

# The one constant: "quick" takes up to a minute an example, "table" has the five folds
# of the benchmark, "glance" is for the build of the documentation, whose figures say
# nothing but how they look.
SCALE = os.environ.get("SKASTRO_SCALE", "quick")


class Scale(NamedTuple):
    """How much is computed."""

    n_folds: int
    n_trees: int
    tuning_epochs: int


SCALES = {
    "glance": Scale(2, 50, 10),
    "quick": Scale(3, 100, 30),
    "table": Scale(5, 500, 600),
}
# The galaxy examples have a larger one.
scale = SCALES["table" if SCALE == "thesis" else SCALE]

# Of the study's slides: accuracy on its test part, the only score that they give.
STUDY_ACCURACY = 0.758
# Its training set, before and after resampling.
STUDY_SIZES = {
    "AGN": (5720, 500),
    "CV": (300, 500),
    "HM-STAR": (242, 500),
    "HMXB": (265, 500),
    "LM-STAR": (4929, 500),
    "LMXB": (228, 500),
    "NS": (489, 500),
    "NS_BIN": (43, 80),
    "YSO": (520, 520),
}
HOW_TO_GET = (
    "For real ones call the fetcher once with a network; SKASTRO_DATA names the folder "
    "where the files are."
)


class Sources(NamedTuple):
    """Labelled sources; it can be unpacked."""

    frame: pd.DataFrame
    y: np.ndarray
    description: str


def load_chandra(n_simulated: int = 3000) -> Sources:
    """Load the Chandra training set of MUWCLASS, or simulate, and say which.

    The frame has all columns, ``source_id``, ``ra``, ``dec`` and ``label`` among them;
    `skastro.xray.xray_features` takes from it what may be a feature.
    """
    try:
        data = fetch_csc_training(data_home=_home(), download_if_missing=False)
    except OSError:
        return _simulated(n_simulated, "fetch_csc_training")
    return _told(
        data.frame,
        f"{len(data.frame):,} real Chandra sources (training set of MUWCLASS), "
        f"{len(data.target_names)} classes.",
    )


def load_xmm(n_simulated: int = 3000, smallest_class: int = 1) -> Sources:
    """Load the labelled 4XMM-DR13 sources of Lin et al., or simulate, and say which.

    Classes of fewer than ``smallest_class`` rows are left out. Hardness ratios are of
    fluxes in the real table and of count rates in the simulated one; the names of the
    columns tell (`hardness_names`).
    """
    try:
        data = fetch_lin2024_subset(data_home=_home(), download_if_missing=False)
    except OSError:
        sources = _simulated(n_simulated, "fetch_lin2024_subset", told=False)
    else:
        text = "real 4XMM-DR13 sources (public part of Lin et al. 2024)"
        sources = Sources(data.frame, _labels(data.frame), text)
    names, counts = np.unique(sources.y, return_counts=True)
    kept = np.isin(sources.y, names[counts >= smallest_class])
    frame = sources.frame[kept].reset_index(drop=True)
    text = sources.description
    if text.startswith("real"):
        text = f"{kept.sum():,} {text}, {np.unique(sources.y[kept]).size} classes."
    return _told(frame, text)


def _home() -> str | Path:
    """Find the folder of the data; a path inside the project if none is named."""
    here = Path(__file__).resolve().parents[2] if "__file__" in globals() else Path()
    return os.environ.get("SKASTRO_DATA") or here / "data"


def _simulated(n: int, fetcher: str, *, told: bool = True) -> Sources:
    """Simulate sources with counterparts."""
    frame = make_xray_sources(n, counterparts=True, random_state=0).frame
    text = f"{n:,} SIMULATED X-ray sources (make_xray_sources), for want of {fetcher}"
    text = f"{text}. {HOW_TO_GET}"
    return _told(frame, text) if told else Sources(frame, _labels(frame), text)


def _told(frame: pd.DataFrame, text: str) -> Sources:
    print(f"Data: {text}")
    return Sources(frame, _labels(frame), text)


def _labels(frame: pd.DataFrame) -> np.ndarray:
    """Take the labels as plain strings."""
    return np.asarray(frame["label"], dtype=object).astype(str)


def hardness_names(frame: pd.DataFrame) -> list[str]:
    """Name HR1 to HR4: of count rates, or else of fluxes."""
    for kind in ("rate", "flux"):
        names = [f"hr{i}_{kind}" for i in (1, 2, 3, 4)]
        if set(names) <= set(frame.columns):
            return names
    raise ValueError("The table has no hardness ratios.")


class Predictions(NamedTuple):
    """What a classifier said of every row when the row was in a test fold."""

    y: np.ndarray
    classes: np.ndarray
    proba: np.ndarray
    predicted: np.ndarray
    fold: np.ndarray

    def only(self, rows: np.ndarray) -> Predictions:
        """Keep the rows of a mask."""
        y, classes, *others = self
        return Predictions(y[rows], classes, *(values[rows] for values in others))

    def summary(self) -> ClassificationSummary:
        """Score all rows, with the spread of the folds."""
        return classification_summary(
            self.y,
            self.proba,
            groups=self.fold,
            y_pred=self.predicted,
            labels=self.classes,
        )

    def row(self) -> dict[str, str]:
        """Give the four usual scores, mean over the folds ± deviation of one."""
        table = self.summary().overall
        return {
            title: f"{table.loc[name, 'fold_mean']:.3f} ± "
            f"{table.loc[name, 'fold_std']:.3f}"
            for name, title in (
                ("accuracy", "accuracy"),
                ("balanced_accuracy", "balanced"),
                ("macro_f1", "macro-F1"),
                ("ece", "ECE"),
            )
        }


def folds(seed: int = 0) -> StratifiedKFold:
    """Make the folds that all examples use."""
    return StratifiedKFold(scale.n_folds, shuffle=True, random_state=seed)


def cross_predict(
    model: Any, X: pd.DataFrame, y: np.ndarray, cv: Any = None
) -> Predictions:
    """Train on each training part and predict its test part.

    ``cross_val_predict`` would train twice, for probabilities and for decisions. A
    class that a training part does not have gets the probability 0 there.
    """
    classes = np.unique(y)
    proba = np.zeros((len(y), classes.size))
    predicted = np.empty_like(y)
    fold = np.zeros(len(y), dtype=int)
    for number, (train, test) in enumerate(check_cv(cv or folds()).split(X, y)):
        fitted = clone(model).fit(X.iloc[train], y[train])
        columns = np.searchsorted(classes, fitted.classes_)
        proba[test[:, None], columns] = fitted.predict_proba(X.iloc[test])
        predicted[test] = fitted.predict(X.iloc[test])
        fold[test] = number
    return Predictions(y, classes, proba, predicted, fold)


def bootstrap(y: np.ndarray, predicted: np.ndarray, n_draws: int = 200) -> dict:
    """Score the test rows, ± what other sources of the same classes would change."""
    scores: dict[str, Callable[..., float]] = {
        "accuracy": accuracy_score,
        "balanced": balanced_accuracy_score,
        "macro-F1": partial(f1_score, average="macro"),
    }
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(y == name) for name in np.unique(y)]
    draws = [
        np.concatenate([rng.choice(rows, rows.size) for rows in members])
        for _ in range(n_draws)
    ]
    return {
        name: f"{score(y, predicted):.3f} ± "
        f"{np.std([score(y[i], predicted[i]) for i in draws], ddof=1):.3f}"
        for name, score in scores.items()
    }


def show_table(title: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Print a table and give it back."""
    table = pd.DataFrame(rows).fillna("")
    print(f"\n{title}\n{table.to_string(index=False)}")
    return table

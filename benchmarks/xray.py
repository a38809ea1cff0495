"""Classifiers of X-ray sources on real catalogues, in the same folds.

    python benchmarks/xray.py [--repeats 5] [--jobs 2] [--cache FOLDER]

Five folds, repeated, on the Chandra training set of MUWCLASS (X-rays alone, and with
counterparts) and the labelled 4XMM-DR13 sources of Lin et al.: folds that keep the
shares of the classes, and folds that keep whole fields of the sky together. All that
learns, resampling included, happens inside the folds. Files come from ``SKASTRO_DATA``
or are downloaded. With ``--cache`` finished parts are kept there, and a run that was
stopped goes on. Writes ``docs/results/xray.rst``.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import joblib
import numpy as np
import pandas as pd
import sklearn
from _bench import record
from _page import Page
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import Pipeline as ResamplingPipeline
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline

import skastro
from skastro.calibration import FeatureErrorEnsemble, MacroF1Classifier
from skastro.datasets import fetch_csc_training, fetch_lin2024_subset
from skastro.metrics import classification_summary, risk_coverage_curve
from skastro.model_selection import sky_groups
from skastro.xray import xray_features, xray_pipeline

PAGE = Path(__file__).resolve().parents[1] / "docs" / "results" / "xray.rst"
N_FOLDS = 5
LINKING_DEG = 0.3
# Fewer rows than folds cannot be in every fold.
SMALLEST_CLASS = 7
# Contestants that only answer a question about another one.
FEW_REPEATS = 2
PEERS = ("random forest", "boosting", "MUWCLASS-like")
ASIDE = ("recommended, columns without gaps",)

NOTE = (
    "mean over the repeats and its standard error, which leaves out that other sources "
    "would give other numbers (about 0.02 in macro-F1 on the Chandra sources). Seconds "
    "are those of one fit on one core."
)

Make = Callable[[int], Any]


@dataclass
class Task:
    """A catalogue, what may be used of it, and how it is parted."""

    name: str
    title: str
    frame: pd.DataFrame
    label: np.ndarray
    field: np.ndarray | None
    counterparts: bool

    def folds(self, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Part the rows by class, or by field of the sky and class."""
        kind = StratifiedKFold if self.field is None else StratifiedGroupKFold
        cv = kind(N_FOLDS, shuffle=True, random_state=seed)
        return cv.split(self.frame, self.label, self.field)


def labels(frame: pd.DataFrame) -> np.ndarray:
    """Take the labels as plain strings."""
    return np.asarray(frame["label"], dtype=object).astype(str)


def load_tasks() -> list[Task]:
    """Load both catalogues."""
    chandra = fetch_csc_training().frame
    y = labels(chandra)
    field = sky_groups(chandra["ra"], chandra["dec"], LINKING_DEG)
    xmm = fetch_lin2024_subset().frame
    z = labels(xmm)
    names, count = np.unique(z, return_counts=True)
    names = names[count >= SMALLEST_CLASS]
    keep = np.isin(z, names)
    where = f"{np.unique(field).size} fields of {LINKING_DEG} deg linking"
    both = f"{len(y):,} Chandra sources, {np.unique(y).size} classes"
    return [
        Task("A", f"{both}: X-rays alone", chandra, y, None, False),
        Task("B", f"{both}: with counterparts", chandra, y, None, True),
        Task("A-field", f"{both}: X-rays alone, {where}", chandra, y, field, False),
        Task("B-field", f"{both}: with counterparts, {where}", chandra, y, field, True),
        Task(
            "C",
            f"{keep.sum():,} 4XMM sources, {names.size} classes of at least "
            f"{SMALLEST_CLASS}: X-rays alone",
            xmm[keep].reset_index(drop=True),
            z[keep],
            None,
            False,
        ),
    ]


def contestants(task: Task) -> dict[str, Make]:
    """Make the classifiers; a number seeds each."""
    X, other = task.frame, {"counterparts": task.counterparts}
    plain = {"detail": "plain", **other}

    found: dict[str, Make] = {
        "majority class": lambda seed: DummyClassifier(),
        "study's preset": lambda seed: xray_pipeline(
            X, "study", **other, random_state=seed
        ),
        "random forest": lambda seed: forest(X, plain, seed),
        "boosting": lambda seed: make_pipeline(
            xray_features(X, **plain),
            HistGradientBoostingClassifier(class_weight="balanced", random_state=seed),
        ),
        "recommended": lambda seed: xray_pipeline(X, **other, random_state=seed),
    }
    if task.field is None:
        found |= {
            "MUWCLASS-like": lambda seed: muwclass(X, plain, seed),
            "random forest, our features": lambda seed: forest(X, other, seed),
            "boosting, our features": lambda seed: make_pipeline(
                xray_features(X, **other),
                HistGradientBoostingClassifier(
                    class_weight="balanced", random_state=seed
                ),
            ),
        }
    if task.name == "A":
        found |= {
            "recommended, columns without gaps": lambda seed: xray_pipeline(
                X, **other, missing="drop", random_state=seed
            ),
        }
    return found


def forest(X: pd.DataFrame, features: dict[str, Any], seed: int) -> Any:
    """Make a forest that knows of the rarity of classes and of what is missing."""
    return make_pipeline(
        xray_features(X, **features, missing="indicate"),
        RandomForestClassifier(
            500,
            min_samples_leaf=2,
            class_weight="balanced_subsample",
            random_state=seed,
        ),
    )


def muwclass(X: pd.DataFrame, features: dict[str, Any], seed: int) -> Any:
    """Make draws of the measured errors, SMOTE and a forest of 1,000 trees in all."""
    names = [n for n in X if f"{n}_err" in X and (n[:4] == "flux" or n[-3:] == "mag")]
    pipeline = ResamplingPipeline(
        [
            ("features", xray_features(X, **features)),
            ("fill", SimpleImputer(strategy="constant", fill_value=-100)),
            ("smote", SMOTE(k_neighbors=4, random_state=seed)),
            ("forest", RandomForestClassifier(100, random_state=seed)),
        ]
    )
    return FeatureErrorEnsemble(
        pipeline,
        error_columns={n: f"{n}_err" for n in names},
        positive=[n for n in names if n[:4] == "flux"],
        n_draws=10,
        draw="fit+predict",
        random_state=seed,
    )


def evaluate(
    make: Make, task: Task, seed: int, fold: int, train: np.ndarray, test: np.ndarray
) -> dict[str, Any]:
    """Train and test on one fold."""
    X, y = task.frame, task.label
    model = make(seed * N_FOLDS + fold)
    keywords = {}
    inner = model.steps[-1][1] if isinstance(model, Pipeline) else model
    if task.field is not None and isinstance(inner, MacroF1Classifier):
        # Inner folds that keep fields together, too.
        keywords["classifier__groups"] = task.field[train]
    start = time.perf_counter()
    model.fit(X.iloc[train], y[train], **keywords)
    fitted = time.perf_counter()
    proba = np.asarray(model.predict_proba(X.iloc[test]), dtype=float)
    out = {
        "proba": proba,
        "predicted": model.predict(X.iloc[test]),
        "classes": model.classes_,
        "fit": fitted - start,
        "predict": time.perf_counter() - fitted,
    }
    if isinstance(inner, MacroF1Classifier):
        rows = model[:-1].transform(X.iloc[test])
        out["members"] = inner.estimator_.member_proba(rows)
    if isinstance(model, FeatureErrorEnsemble):
        out["confidence"] = model.confidence(X.iloc[test])
    return out


@dataclass
class Outcome:
    """Predictions of all repeats."""

    proba: np.ndarray
    predicted: np.ndarray
    fold: np.ndarray
    seconds: float
    confidence: np.ndarray
    members: dict[str, np.ndarray]


def run(task: Task, make: Make, repeats: int, jobs: int) -> Outcome:
    """Train and test on all folds of all repeats."""
    parts = [
        (seed, fold, train, test)
        for seed in range(repeats)
        for fold, (train, test) in enumerate(task.folds(seed))
    ]
    done = joblib.Parallel(n_jobs=jobs)(
        joblib.delayed(evaluate)(make, task, *part) for part in parts
    )
    classes, n = np.unique(task.label), len(task.label)
    proba = np.zeros((repeats, n, classes.size))
    predicted = np.empty((repeats, n), dtype=classes.dtype)
    folds = np.zeros((repeats, n), dtype=int)
    confidence = np.full((repeats, n), np.nan)
    members = {name: np.zeros_like(proba) for name in done[0].get("members", ())}
    for (seed, fold, _, test), part in zip(parts, done, strict=True):
        for name, values in members.items():
            values[seed, test] = part["members"][name]
        columns = np.searchsorted(classes, part["classes"])
        proba[seed, test[:, None], columns] = part["proba"]
        predicted[seed, test], folds[seed, test] = part["predicted"], fold
        confidence[seed, test] = part.get("confidence", np.nan)
    seconds = float(np.median([part["fit"] for part in done]))
    return Outcome(proba, predicted, folds, seconds, confidence, members)


def scores(
    task: Task, outcome: Outcome, most_probable: np.ndarray | None = None
) -> dict[str, Any]:
    """Average the scores over repeats; the error is that of the mean."""
    classes, found = np.unique(task.label), []
    probabilities, predictions = outcome.proba, outcome.predicted
    if most_probable is not None:
        probabilities = most_probable
        predictions = classes[probabilities.argmax(axis=2)]
    for proba, predicted, fold in zip(
        probabilities, predictions, outcome.fold, strict=True
    ):
        summary = classification_summary(
            task.label, proba, fold, y_pred=predicted, labels=classes
        ).overall
        whole = summary["value"]
        found.append(
            {
                "accuracy": whole["accuracy"],
                "balanced accuracy": whole["balanced_accuracy"],
                "macro-F1, mean of folds": summary.loc["macro_f1", "fold_mean"],
                "macro-F1, all rows": whole["macro_f1"],
                "MCC": whole["mcc"],
                "ECE": whole["ece"],
                "log-loss": whole["log_loss"],
            }
        )
    frame = pd.DataFrame(found)
    error = (
        frame.std(ddof=1) / np.sqrt(len(frame)) if len(frame) > 1 else 0 * frame.mean()
    )
    return {k: f"{frame[k].mean():.3f} ± {error[k]:.3f}" for k in frame}


def class_scores(task: Task, outcomes: dict[str, Outcome]) -> list[dict[str, Any]]:
    """Give the F1 of every class, all rows together, mean of the repeats."""
    classes, count = np.unique(task.label, return_counts=True)
    rows = []
    for name, outcome in outcomes.items():
        f1 = [
            classification_summary(
                task.label, proba, y_pred=predicted, labels=classes
            ).per_class["f1"]
            for proba, predicted in zip(outcome.proba, outcome.predicted, strict=True)
        ]
        mean = np.mean(f1, axis=0)
        rows.append(
            {"classifier": name}
            | {
                f"{c} ({n})": f"{v:.2f}"
                for c, n, v in zip(classes, count, mean, strict=True)
            }
        )
    return rows


def kept(task: Task, name: str, outcome: Outcome) -> list[dict[str, Any]]:
    """Tell what a cut in confidence keeps, and how right that is."""
    classes, rows = np.unique(task.label), []
    cuts = [("probability", cut) for cut in (0.5, 0.7, 0.8, 0.9)]
    if np.isfinite(outcome.confidence).any():
        cuts.append(("CT of MUWCLASS", 2.0))
    for what, cut in cuts:
        found = []
        for proba, sure in zip(outcome.proba, outcome.confidence, strict=True):
            guess = classes[proba.argmax(axis=1)]
            by = proba.max(axis=1) if what == "probability" else sure
            curve = risk_coverage_curve(task.label, guess, np.nan_to_num(by)).at(cut)
            found.append(curve)
        mean = pd.DataFrame(found).mean()
        rows.append(
            {"classifier": name, "cut": f"{what} ≥ {cut:g}"}
            | {k: f"{v:.3f}" for k, v in mean.items() if k != "threshold"}
        )
    return rows


def main() -> None:
    """Run all, or what the cache lacks, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=None)
    parser.add_argument("--tasks", nargs="*", default=None)
    parser.add_argument("--classifiers", nargs="*", default=None)
    arguments = parser.parse_args()
    chosen, repeats, cache = arguments.tasks, arguments.repeats, arguments.cache
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
    whole = repeats >= 5 and chosen is None and arguments.classifiers is None
    page = Page(PAGE if whole else None, "X-ray sources")
    page.text(
        f"Made on {date.today()} by ``python benchmarks/xray.py`` on {arguments.jobs} "
        f"cores of {platform.machine()}; skastro {skastro.__version__}, scikit-learn "
        f"{sklearn.__version__}. {N_FOLDS} folds; {NOTE}"
    )
    for task in load_tasks():
        if chosen is not None and task.name not in chosen:
            continue
        outcomes: dict[str, Outcome] = {}
        rows = []
        for name, make in contestants(task).items():
            if name not in (arguments.classifiers or [name]):
                continue
            n = min(FEW_REPEATS, repeats) if name in ASIDE else repeats
            file = cache / f"{task.name}-{name}-{n}.joblib" if cache else None
            if file is not None and file.exists():
                outcome = joblib.load(file)
            else:
                outcome = run(task, make, n, arguments.jobs)
                if file is not None:
                    joblib.dump(outcome, file)
            outcomes[name] = outcome
            seconds = {"seconds": f"{outcome.seconds:.1f}", "repeats": n}
            rows.append({"classifier": name, **scores(task, outcome), **seconds})
            print(rows[-1], flush=True)
            if name == "recommended":
                parts = {"": outcome.proba}
                parts |= {f" of its {k}": v for k, v in outcome.members.items()}
                rows += [
                    {"classifier": f"{name}, most probable{part}"}
                    | scores(task, outcome, proba)
                    for part, proba in parts.items()
                ]
        page.table(f"{task.name}: {task.title}", rows)
        for peer in rows:
            if peer["classifier"] in PEERS and "recommended" in outcomes:
                ours = next(r for r in rows if r["classifier"] == "recommended")
                record(
                    f"recommended preset, {task.title}",
                    peer=f"{peer['classifier']}, scikit-learn {sklearn.__version__}",
                    ours=f"{ours['seconds']} s a fit (peer {peer['seconds']} s)",
                    clock="wall",
                    score=f"macro-F1, {N_FOLDS} folds x {repeats}",
                    score_ours=ours["macro-F1, all rows"],
                    score_peer=peer["macro-F1, all rows"],
                )
        page.table(
            f"{task.name}: F1 of the classes (rows)", class_scores(task, outcomes)
        )
        cut = []
        for name in ("recommended", "MUWCLASS-like"):
            if name in outcomes:
                cut += kept(task, name, outcomes[name])
        page.table(f"{task.name}: confident sources only", cut)


if __name__ == "__main__":
    main()

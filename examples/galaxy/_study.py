"""What the galaxy examples share: the data, the protocol of a run, the tables.

A run draws its own split of 7 : 3 (the thesis's), stratified, and with ``balance`` its
own sample with equally many galaxies of each class. Numbers of epochs are fixed in
advance, except where an example says that it shows how they may be chosen. The same
seed gives the same split whatever the net, so that nets are compared run by run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from imblearn import FunctionSampler
from imblearn.pipeline import make_pipeline as make_resampling_pipeline
from imblearn.under_sampling import RandomUnderSampler
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, recall_score
from sklearn.model_selection import (
    BaseCrossValidator,
    StratifiedKFold,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from skastro.datasets import load_galaxy_zoo1_cutouts, make_galaxies
from skastro.galaxy import (
    CutoutNormalizer,
    GalaxyCNNClassifier,
    ResolutionDegrader,
)
from skastro.metrics import true_skill_score
from skastro.model_selection import corrected_resampled_ttest
from skastro.neural_network import NetEmbedder

# The one constant: "quick" takes minutes, "table" made the tables of the
# documentation, "thesis" is 30 runs of up to 900 epochs ("glance" is for the build of
# the documentation, whose figures say nothing but how they look).
SCALE = os.environ.get("SKASTRO_SCALE", "quick")


class Scale(NamedTuple):
    """How much is computed."""

    n_repeats: int
    thesis_epochs: int
    compact_epochs: int
    curve_epochs: int


SCALES = {
    "glance": Scale(2, 3, 8, 4),
    "quick": Scale(3, 15, 25, 20),
    "table": Scale(10, 30, 60, 60),
    "thesis": Scale(30, 900, 900, 900),
}
scale = SCALES[SCALE]

# Of the thesis: mean test accuracy, and of a second set of runs TSS and recalls.
THESIS = {
    "three classes": {"accuracy": 0.688},
    "two classes": {"accuracy": 0.931, "TSS": 0.791, "spiral": 0.948, "ell.": 0.842},
    "two, balanced": {"accuracy": 0.922, "TSS": 0.828, "spiral": 0.919, "ell.": 0.909},
}
TWO = ("elliptical", "spiral")
THREE = ("elliptical", "spiral", "uncertain")


def load_galaxies(n_simulated: int = 1200) -> Bunch:
    """Load the real cut-outs where they are at hand, else simulate, and say which."""
    here = Path(__file__).resolve().parents[2] if "__file__" in globals() else Path()
    home = os.environ.get("SKASTRO_DATA") or here / "data"
    try:
        data = load_galaxy_zoo1_cutouts(data_home=home)
    except OSError:
        data = make_galaxies(n_simulated, output="uint8", random_state=0)
        data.source = (
            f"{n_simulated} SIMULATED galaxies (make_galaxies). `make data` fetches "
            "real ones; SKASTRO_DATA names the folder where they are."
        )
    else:
        data.source = (
            f"{int((data.flag != '').sum())} real SDSS galaxies with a Galaxy Zoo 1 "
            "flag."
        )
    print(f"Data: {data.source}")
    return data


def pixels(images: np.ndarray) -> np.ndarray:
    """Scale display images to 0..1; nothing is learnt from them."""
    return CutoutNormalizer(pixels="display").fit_transform(images)


@dataclass
class Runs:
    """What a set of runs gave."""

    scores: pd.DataFrame  # repeat, variant, metric, value
    curves: pd.DataFrame  # repeat, epoch, split, metric, value
    confusion: np.ndarray  # (n_repeats, n_classes, n_classes), rows are true
    classes: list[str]
    n_train: int
    n_test: int

    def of(self, metric: str, variant: str = "original") -> np.ndarray:
        """Give one number a run."""
        rows = (self.scores.metric == metric) & (self.scores.variant == variant)
        return self.scores[rows].sort_values("repeat").value.to_numpy()

    def mean_ste(self, metric: str, variant: str = "original") -> str:
        """Write mean ± standard error of the runs, which is too small an error."""
        values = self.of(metric, variant)
        error = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
        return f"{values.mean():.3f} ± {error:.3f}"


def repeated_runs(
    net: Any,
    X: np.ndarray,
    y: np.ndarray,
    *,
    n_repeats: int,
    epochs: int | None,
    balance: bool = False,
    curves: bool = False,
    variants: Mapping[str, Any] | None = None,
    train_variant: Any = None,
    train_size: int | None = None,
    first_seed: int = 0,
    n_jobs: int = 2,
) -> Runs:
    """Train and test a net several times.

    ``variants`` are transformers of the test images, ``train_variant`` is one of the
    training images. ``curves`` keeps 10 % of the training images for validation and
    scores every epoch.
    """
    jobs = (
        joblib.delayed(one_run)(
            net,
            X,
            y,
            seed,
            epochs=epochs,
            balance=balance,
            curves=curves,
            variants=variants or {},
            train_variant=train_variant,
            train_size=train_size,
        )
        for seed in range(first_seed, first_seed + n_repeats)
    )
    done = joblib.Parallel(n_jobs=n_jobs, prefer="threads")(jobs)
    columns = ["repeat", "variant", "metric", "value"]
    curve_columns = ["repeat", "epoch", "split", "metric", "value"]
    return Runs(
        pd.DataFrame([row for d in done for row in d.scores], columns=columns),
        pd.DataFrame([row for d in done for row in d.curves], columns=curve_columns),
        np.stack([d.confusion for d in done]),
        list(np.unique(y)),
        done[0].n_train,
        done[0].n_test,
    )


def one_run(
    net: Any,
    X: np.ndarray,
    y: np.ndarray,
    seed: int,
    *,
    epochs: int | None,
    balance: bool,
    curves: bool,
    variants: Mapping[str, Any],
    train_variant: Any,
    train_size: int | None,
) -> Bunch:
    """Draw, train and test once."""
    index = np.arange(len(y))
    if balance:
        sampler = RandomUnderSampler(random_state=seed)
        drawn, _ = sampler.fit_resample(index[:, None], y)
        index = drawn[:, 0]
    train, test = train_test_split(
        index, test_size=0.3, stratify=y[index], random_state=seed
    )
    if train_size is not None:
        train, _ = train_test_split(
            train, train_size=train_size, stratify=y[train], random_state=seed
        )
    valid = train[:0]
    if curves:
        train, valid = train_test_split(
            train, test_size=0.1, stratify=y[train], random_state=seed
        )
    X_train = X[train] if train_variant is None else train_variant.transform(X[train])
    net = seeded(clone(net), seed)
    if epochs is not None:
        net.set_params(max_epochs=epochs)
    rows: list[tuple] = []
    if curves:
        for epoch in range(1, net.max_epochs + 1):
            net.partial_fit(X_train, y[train])
            for split, part in (("validation", valid), ("test", test)):
                proba = net.predict_proba(X[part])
                code = np.searchsorted(net.classes_, y[part])
                own = np.maximum(proba[np.arange(len(part)), code], 1e-12)
                hits = proba.argmax(axis=1) == code
                rows += [
                    (seed, epoch, split, "accuracy", hits.mean()),
                    (seed, epoch, split, "loss", -np.log(own).mean()),
                ]
            rows.append((seed, epoch, "train", "loss", net.loss_curve_[-1]))
    else:
        net.fit(X_train, y[train])
    scores: list[tuple] = []
    predicted = net.predict(X[test])
    for variant, transformer in {"original": None, **variants}.items():
        if transformer is not None:
            predicted_here = net.predict(transformer.transform(X[test]))
        else:
            predicted_here = predicted
        scores += [
            (seed, variant, "accuracy", float(np.mean(predicted_here == y[test]))),
            (seed, variant, "TSS", true_skill_score(y[test], predicted_here)),
            (
                seed,
                variant,
                "balanced accuracy",
                balanced_accuracy_score(y[test], predicted_here),
            ),
        ]
    recalls = recall_score(y[test], predicted, labels=net.classes_, average=None)
    scores += [
        (seed, "original", str(label), float(value))
        for label, value in zip(net.classes_, recalls, strict=True)
    ]
    return Bunch(
        scores=scores,
        curves=rows,
        confusion=confusion_matrix(y[test], predicted, labels=net.classes_),
        n_train=len(train),
        n_test=len(test),
    )


def seeded(net: Any, seed: int) -> Any:
    """Give a seed to a net, or to the parts of a pipeline that take one."""
    names = [p for p in net.get_params() if p.split("__")[-1] == "random_state"]
    # The nets inside an embedder are fitted: their seeds are history.
    return net.set_params(**{n: seed for n in names if "estimator" not in n})


def degraders(
    factors: Sequence[int], enlarge: Sequence[str] = ("bilinear",)
) -> dict[str, ResolutionDegrader]:
    """Make the blurred variants of a test set, named "1/4 bilinear" and so on."""
    return {
        f"1/{k} {method}": ResolutionDegrader(factor=k, enlarge=method)
        for method in enlarge
        for k in factors
    }


def chosen_epochs(runs: Runs) -> dict[str, Any]:
    """Choose the epoch by validation in each run, and as the thesis did."""
    accuracy = runs.curves[runs.curves.metric == "accuracy"]
    table = accuracy.pivot_table("value", index="epoch", columns=["split", "repeat"])
    valid, test = table["validation"], table["test"]
    by_validation = valid.idxmax()
    honest = np.array([test.loc[e, r] for r, e in by_validation.items()])
    mean_curve = test.mean(axis=1)
    return {
        "validation": honest,
        "epochs": by_validation.to_numpy(),
        "test-mean epoch": int(mean_curve.idxmax()),
        "test-mean": test.loc[mean_curve.idxmax()].to_numpy(),
        "test, each run": test.max().to_numpy(),
        "last": test.iloc[-1].to_numpy(),
    }


def recovery(better: Runs, plain: Runs, factors: Sequence[int]) -> dict[str, str]:
    """What one arm gains on another, paired by run, ± corrected standard error."""
    row = {}
    for k in (1, *factors):
        variant = "original" if k == 1 else f"1/{k} bilinear"
        test = corrected_resampled_ttest(
            better.of("accuracy", variant),
            plain.of("accuracy", variant),
            n_train=plain.n_train,
            n_test=plain.n_test,
        )
        name = "sharp" if k == 1 else f"1/{k}"
        row[name] = f"{test.mean:+.3f} ± {test.standard_error:.3f} ({test.verdict})"
    return row


def reach(runs: Runs, factors: Sequence[int], method: str = "bilinear") -> dict:
    """Give mean accuracy at each factor and the share of runs that reach 0.9."""
    row = {}
    for k in (1, *factors):
        values = runs.of("accuracy", "original" if k == 1 else f"1/{k} {method}")
        name = "sharp" if k == 1 else f"1/{k}"
        row[name] = f"{values.mean():.3f} ({(values >= 0.9).mean():.0%})"
    return row


def add_blurred_copies(X: np.ndarray, y: np.ndarray) -> tuple:
    """Add copies of the training images at 1/4 and 1/8, for a `FunctionSampler`."""
    blurred = [ResolutionDegrader(factor=k).fit_transform(X) for k in (4, 8)]
    return np.concatenate([X, *blurred]), np.tile(y, 3)


class CopiesKFold(BaseCrossValidator):
    """Stratified folds that keep the three copies of a galaxy together."""

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        return 5

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[tuple]:
        n = len(y) // 3
        for train, test in StratifiedKFold(5).split(np.zeros(n), y[:n]):
            yield tuple(np.concatenate([i, i + n, i + 2 * n]) for i in (train, test))


def vote_net(augment: str, **parameters: Any) -> GalaxyCNNClassifier:
    """Make the net that learns from votes."""
    settings = {"max_epochs": 30, "average_symmetries": True, **parameters}
    return GalaxyCNNClassifier(
        augment=augment,
        batch_size=64,
        learning_rate_init=4e-3,
        random_state=0,
        **settings,
    )


def logistic(cv: Any = 5) -> Any:
    """Make a logistic regression whose strength is chosen on training data."""
    return make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(
            Cs=np.logspace(-4, 0, 9),
            cv=cv,
            scoring="neg_log_loss",
            max_iter=3000,
            l1_ratios=(0,),
            use_legacy_attributes=False,
        ),
    )


def transfer_models(
    sharp: GalaxyCNNClassifier, degraded: GalaxyCNNClassifier, epochs: int = 20
) -> dict[str, Any]:
    """Make the models that serve flags with nets of votes."""
    return {
        "sharp, frozen": make_pipeline(NetEmbedder(sharp), logistic()),
        "degraded, frozen": make_pipeline(NetEmbedder(degraded), logistic()),
        "degraded, frozen, blurred copies": make_resampling_pipeline(
            FunctionSampler(func=add_blurred_copies, validate=False),
            NetEmbedder(degraded),
            logistic(CopiesKFold()),
        ),
        "degraded, fine-tuned": GalaxyCNNClassifier(
            augment="resolution",
            init_from=FrozenEstimator(degraded),
            max_epochs=epochs,
            learning_rate_init=1.5e-3,
            average_symmetries=degraded.average_symmetries,
        ),
    }


def show_table(title: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Print a table and give it back."""
    table = pd.DataFrame(rows).fillna("")
    print(f"\n{title}\n{table.to_string(index=False)}")
    return table


def draw_curves(runs: Runs, axes: Sequence[Any], label: str, colour: str) -> None:
    """Draw mean ± standard deviation of loss and accuracy on two axes."""
    for ax, metric in zip(axes, ("loss", "accuracy"), strict=True):
        for split, style in (("validation", ":"), ("test", "-")):
            part = runs.curves.query("metric == @metric and split == @split")
            by_epoch = part.groupby("epoch")["value"]
            mean, std = by_epoch.mean(), by_epoch.std(ddof=1)
            ax.plot(mean.index, mean, style, color=colour, label=f"{label}, {split}")
            if split == "test":
                ax.fill_between(
                    mean.index, mean - std, mean + std, color=colour, alpha=0.15
                )
        ax.set(xlabel="Epoch", ylabel=metric.capitalize())


def draw_confusion(runs: Runs, ax: Any, title: str) -> None:
    """Draw the mean ± standard deviation of the row-normalised matrices."""
    share = runs.confusion / runs.confusion.sum(axis=2, keepdims=True)
    mean, std = share.mean(axis=0), share.std(axis=0, ddof=1)
    ax.imshow(mean, vmin=0, vmax=1, cmap="Blues")
    for i, j in np.ndindex(mean.shape):
        ax.text(
            j,
            i,
            f"{mean[i, j]:.2f}\n± {std[i, j]:.2f}",
            ha="center",
            va="center",
            color="white" if mean[i, j] > 0.5 else "black",
        )
    ticks = range(len(runs.classes))
    ax.set_xticks(ticks, runs.classes, rotation=20)
    ax.set_yticks(ticks, runs.classes)
    ax.set(xlabel="Predicted", ylabel="True", title=title)

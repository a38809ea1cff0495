"""From a split to what the last step of a pipeline trains and is scored on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import TransformerMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.class_weight import compute_class_weight

from skastro.model_selection._study.splits import Split
from skastro.utils import LazyRows

ORIGINAL = "original"
Part = tuple[str, str]


@dataclass
class Prepared:
    """One repeat, ready to train.

    Parameters
    ----------
    model : estimator
        Not fitted: the last step, or the whole estimator.
    X_train, y_train : array-like
        What it trains on.
    parts : dict
        (split, variant) to the ``(X, y)`` that it is scored on.
    """

    model: Any
    X_train: Any
    y_train: Any
    parts: dict[Part, tuple[Any, np.ndarray]]


def last_step(estimator: Any) -> Any:
    """Give what is trained in the end."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return estimator


def stopping_of(net: Any) -> Any:
    """Give ``early_stopping`` as a net uses it.

    Parameters
    ----------
    net : estimator
        Not a pipeline.

    Returns
    -------
    bool, str or callable
        False where it has none; "auto" is resolved.
    """
    resolve = getattr(net, "_recipe", None)
    if resolve is not None and hasattr(net, "early_stopping"):
        return resolve("early_stopping")
    return getattr(net, "early_stopping", False)


def n_epochs(estimator: Any) -> int | None:
    """Tell how many epochs the last step would run one by one.

    Parameters
    ----------
    estimator : estimator
        May be a pipeline.

    Returns
    -------
    int or None
        Its ``max_epochs`` or ``max_iter``; None where it has neither or no
        ``partial_fit``, or ends its training itself.
    """
    step = estimator
    while isinstance(step, Pipeline):
        if getattr(step, "transform_input", None):
            return None
        step = step.steps[-1][1]
    if not hasattr(step, "partial_fit") or stopping_of(step):
        return None
    for name in ("max_epochs", "max_iter"):
        value = getattr(step, name, None)
        if value is not None:
            return int(value)
    return None


def part_names(plan: Any, variants: Mapping[str, Any]) -> list[Part]:
    """List what is scored.

    Parameters
    ----------
    plan : SplitPlan
        Tells whether there is a validation part.
    variants : mapping
        Names of the test variants.

    Returns
    -------
    list of (split, variant)
        In the order of all tables.
    """
    names = [("train", ORIGINAL)]
    if plan.validation_size:
        names.append(("validation", ORIGINAL))
    names.append(("test", ORIGINAL))
    return names + [("test", name) for name in variants]


def prepare(
    estimator: Any,
    X: Any,
    y: np.ndarray,
    split: Split,
    variants: Mapping[str, Any],
    *,
    by_epoch: bool,
) -> Prepared:
    """Clone and seed an estimator, and bring the data to its last step.

    Parameters
    ----------
    estimator : estimator
        Is not changed.
    X : array-like
        All samples.
    y : ndarray
        All targets.
    split : Split
        The rows.
    variants : mapping of str to transformer or callable
        Of the test samples.
    by_epoch : bool
        Whether the last step alone is trained. Transformers before it are then fitted
        here, on training rows only, and samplers touch nothing but training rows.

    Returns
    -------
    Prepared
        Model and data.
    """
    model = seeded_clone(estimator, split.seed)
    rows = {
        "train": split.train,
        "validation": split.validation,
        "test": split.test,
    }
    raw = {
        (name, ORIGINAL): (_safe_indexing(X, index), y[index])
        for name, index in rows.items()
        if len(index)
    }
    X_train, y_train = raw["train", ORIGINAL]
    X_test, y_test = raw["test", ORIGINAL]
    for name, variant in variants.items():
        change = variant_transform(variant, X_train, y_train, split.seed)
        # A copy each: what works in place must not change the other versions.
        changed = change(copy_rows(X_test))
        if n_rows(changed) != len(y_test):
            raise ValueError(
                f"test_variants[{name!r}] made {n_rows(changed)} samples of "
                f"{len(y_test)}; it must keep their number and order."
            )
        raw["test", name] = changed, y_test
    if not by_epoch:
        return Prepared(model, X_train, y_train, raw)
    steps: list[Any] = []
    while isinstance(model, Pipeline):
        steps += [step for _, step in model.steps[:-1]]
        model = model.steps[-1][1]
    steps = [s for s in steps if s is not None and s != "passthrough"]
    # Scores of the training part are of the rows as they came, without those that a
    # sampler made, and transformed as test rows are.
    same = not any(_differs_in_training(step) for step in steps)
    if steps and not same:
        X_train = copy_rows(X_train)  # a scaler with copy=False would scale both
    for step in steps:
        if hasattr(step, "fit_resample"):
            X_train, y_train = step.fit_resample(X_train, y_train)
            continue
        X_train = fit_transform(step, X_train, y_train)
        for part, (values, target) in raw.items():
            if not (same and part[0] == "train"):
                raw[part] = step.transform(values), target
    y_train = np.asarray(y_train)
    if same:
        raw["train", ORIGINAL] = X_train, y_train
    if getattr(model, "class_weight", None) == "balanced":
        # The whole training part is known, so that "balanced" can be said in numbers.
        labels = np.unique(y_train)
        weights = compute_class_weight("balanced", classes=labels, y=y_train)
        model.set_params(
            class_weight=dict(zip(labels.tolist(), weights.tolist(), strict=True))
        )
    return Prepared(model, X_train, y_train, raw)


def seeded_clone(estimator: Any, seed: int) -> Any:
    """Clone an estimator and give its parts seeds of their own.

    Parameters
    ----------
    estimator : estimator
        Is not changed, and neither is what a clone shares with it, such as a
        `FrozenEstimator`.
    seed : int
        Where the seeds come from.

    Returns
    -------
    estimator
        Not fitted.
    """
    copy = clone(estimator)
    shared = _shared_prefixes(estimator, copy)
    names = [
        name
        for name in sorted(copy.get_params(deep=True))
        if name.rpartition("__")[2] == "random_state" and not name.startswith(shared)
    ]
    words = np.random.SeedSequence(seed).generate_state(max(1, len(names)))
    limit = np.iinfo(np.int32).max
    seeds = {n: int(w) & limit for n, w in zip(names, words, strict=False)}
    return copy.set_params(**seeds) if seeds else copy


def _shared_prefixes(estimator: Any, copy: Any) -> tuple[str, ...]:
    """Name the parts whose seeds are history: fitted nets inside, mostly."""
    before, after = estimator.get_params(deep=True), copy.get_params(deep=True)
    return tuple(
        f"{name}__"
        for name, part in after.items()
        if hasattr(part, "get_params") and part is before.get(name)
    )


def copy_rows(X: Any) -> Any:
    """Copy samples, whatever they are held in."""
    if isinstance(X, LazyRows):
        return X  # nothing can change them
    return X.copy() if hasattr(X, "copy") else np.array(X)


def n_rows(X: Any) -> int:
    """Count samples."""
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


def variant_transform(
    variant: Any, X_train: Any, y_train: Any, seed: int
) -> Callable[[Any], Any]:
    """Turn a test variant into a function of test samples.

    Parameters
    ----------
    variant : transformer or callable
        A transformer is cloned and fitted on training rows.
    X_train, y_train : array-like
        The training rows as they came.
    seed : int
        For transformers that draw random numbers.

    Returns
    -------
    callable
        Takes samples and gives samples.
    """
    if hasattr(variant, "transform"):
        fitted = seeded_clone(variant, seed).fit(X_train, y_train)
        transform: Callable[[Any], Any] = fitted.transform
        return transform
    change: Callable[[Any], Any] = variant
    if isinstance(X_train, LazyRows):
        # A function may do with arrays what cannot be done with rows in a file.
        return lambda X: change(np.asarray(X))
    return change


def fit_transform(step: Any, X: Any, y: Any) -> Any:
    """Fit a transformer and give the transformed training rows."""
    if hasattr(step, "fit_transform"):
        return step.fit_transform(X, y)
    return step.fit(X, y).transform(X)


def _differs_in_training(step: Any) -> bool:
    """Tell whether training rows leave a step other than test rows would."""
    if hasattr(step, "fit_resample"):
        return True
    own = getattr(type(step), "fit_transform", None)
    return own not in (None, TransformerMixin.fit_transform)

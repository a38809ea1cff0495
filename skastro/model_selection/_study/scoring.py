"""Scores of one model on several parts of the data, quickly enough for every epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring
from sklearn.pipeline import Pipeline

from skastro.metrics._transformed_scorer import _TransformedScorer
from skastro.model_selection._study.preparation import copy_rows, last_step
from skastro.neural_network._classifier import BaseTorchClassifier

LOSS = "loss"
DEFAULT_CLASSIFIER = ("accuracy", "balanced_accuracy", "tss")
DEFAULT_REGRESSOR = ("r2", "neg_root_mean_squared_error")
# Smallest logarithm of a probability that counts: that of the smallest float32.
LEAST_LOG = float(np.log(np.finfo(np.float32).tiny))


def _accuracy(counts: np.ndarray) -> np.ndarray:
    out: np.ndarray = np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1))
    return out


def _balanced_accuracy(counts: np.ndarray) -> np.ndarray:
    out: np.ndarray = np.nanmean(_recalls(counts), axis=-1)
    return out


def _tss(counts: np.ndarray) -> np.ndarray:
    present = (counts.sum(axis=-1) > 0).sum(axis=-1)
    chance = 1.0 / np.where(present > 1, present, np.nan)
    out: np.ndarray = (np.nanmean(_recalls(counts), axis=-1) - chance) / (1.0 - chance)
    return out


def _f1_macro(counts: np.ndarray) -> np.ndarray:
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        scores = 2.0 * hits / (true + predicted)
    out: np.ndarray = np.nanmean(scores, axis=-1)
    return out


def _recalls(counts: np.ndarray) -> np.ndarray:
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore"):
        out: np.ndarray = hits / counts.sum(axis=-1)
        return out


FROM_COUNTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1_macro": _f1_macro,
    "tss": _tss,
}


@dataclass(frozen=True)
class Scoring:
    """Which metrics are taken, and how.

    Parameters
    ----------
    names : tuple of str
        In the order of all tables.
    classes : ndarray or None
        All labels, sorted; None for regressors.
    counted : dict of str to str
        Metrics that are taken from a confusion matrix, by name.
    scorers : dict of str to callable
        Metrics that scikit-learn takes, by name.
    has_loss : bool
        Whether a loss can be taken.
    """

    names: tuple[str, ...]
    classes: np.ndarray | None
    counted: Mapping[str, str]
    scorers: Mapping[str, Any]
    has_loss: bool

    def evaluate(self, model: Any, X: Any, y: np.ndarray) -> Scores:
        """Score a model on one part.

        Parameters
        ----------
        model : estimator
            Fitted.
        X : array-like
            Samples.
        y : ndarray
            Targets.

        Returns
        -------
        Scores
            Metrics, and the confusion matrix of a classifier.
        """
        counts = None
        if self.classes is not None:
            predicted, loss = _classify(model, X, y, self.has_loss)
            counts = count_pairs(
                self.codes(y), self.codes(predicted), len(self.classes)
            )
            found = {name: float(f(counts)) for name, f in FROM_COUNTS.items()}
        else:
            predicted = np.asarray(model.predict(_own(model, X)))
            if predicted.size != y.size:
                raise ValueError(
                    f"predict gave the shape {predicted.shape} for targets of the "
                    f"shape {y.shape}."
                )
            # Some regressors drop the axis of a single output.
            loss, found = float(np.mean((y - predicted.reshape(y.shape)) ** 2)), {}
        scores = {LOSS: loss}
        scores |= {name: found[key] for name, key in self.counted.items()}
        if self.scorers:
            # scikit-learn asks the model for its predictions once for all scorers.
            scorer = check_scoring(model, scoring=dict(self.scorers))
            for name, value in scorer(model, _own(model, X), y).items():
                if np.ndim(value) or isinstance(value, Mapping):
                    raise ValueError(
                        f"The scorer {name!r} must give one number, got {value!r}. "
                        "Several metrics are a list or a dict of scorers."
                    )
                scores[name] = float(value)
        return Scores([scores[name] for name in self.names], counts)

    def codes(self, labels: Any) -> np.ndarray:
        """Number labels by their place in ``classes``."""
        assert self.classes is not None
        labels = np.asarray(labels)
        codes: np.ndarray = np.searchsorted(self.classes, labels)
        known = self.classes[np.minimum(codes, len(self.classes) - 1)] == labels
        if not np.all(known):
            raise ValueError(
                f"The estimator predicted {np.unique(labels[~known]).tolist()}, which "
                f"are none of the classes {self.classes.tolist()}."
            )
        return codes


@dataclass(frozen=True)
class Scores:
    """Scores of one part.

    Parameters
    ----------
    values : list of float
        One a metric.
    counts : ndarray of shape (n_classes, n_classes) or None
        Confusion matrix; rows are true classes.
    """

    values: list[float]
    counts: np.ndarray | None


def make_scoring(scoring: Any, estimator: Any, step: Any, y: np.ndarray) -> Scoring:
    """Find out what is to be scored.

    Parameters
    ----------
    scoring : None, str, callable, sequence of str, or dict
        See `repeated_holdout`.
    estimator : estimator
        The whole one.
    step : estimator
        Its last step.
    y : ndarray
        All targets.

    Returns
    -------
    Scoring
        Ready to use.

    Raises
    ------
    ValueError
        If a name is unknown or stands twice, or nothing can be scored.
    """
    classifies = is_classifier(estimator)
    if scoring is None:
        scoring = DEFAULT_CLASSIFIER if classifies else DEFAULT_REGRESSOR
    wanted = _by_name(scoring)
    if any((name == LOSS) != (scorer == LOSS) for name, scorer in wanted.items()):
        raise ValueError(f'The name "{LOSS}" is that of the loss itself.')
    counted, scorers = {}, {}
    for name, scorer in wanted.items():
        if scorer == LOSS:
            continue
        if classifies and isinstance(scorer, str) and scorer in FROM_COUNTS:
            counted[name] = scorer
            continue
        if isinstance(scorer, _TransformedScorer):
            raise ValueError(
                f"The scorer {name!r} transforms the samples itself. Give what it "
                "transforms with as test_variants={name: transformer} instead: one "
                "training then serves all variants."
            )
        scorers[name] = check_scoring(estimator, scoring=scorer)
    classes = np.unique(y) if classifies else None
    has_loss = not classifies or hasattr(step, "predict_proba")
    if LOSS in wanted and not has_loss:
        raise ValueError(
            f"There is no loss: {type(step).__name__} has no predict_proba."
        )
    names = tuple(wanted)
    if has_loss and LOSS not in wanted:
        names = (*names, LOSS)
    if not names:
        raise ValueError("scoring names no metric.")
    return Scoring(names, classes, counted, scorers, has_loss)


def _by_name(scoring: Any) -> dict[str, Any]:
    if isinstance(scoring, str):
        return {scoring: scoring}
    if callable(scoring):
        return {"score": scoring}
    if isinstance(scoring, Mapping):
        return dict(scoring)
    if isinstance(scoring, Sequence) and all(isinstance(s, str) for s in scoring):
        if len(set(scoring)) < len(scoring):
            raise ValueError(f"A metric stands twice in scoring={list(scoring)!r}.")
        return {name: name for name in scoring}
    raise ValueError(
        "scoring must be a name, a scorer, a list of names, or a dict of names to "
        f"these; got {scoring!r}."
    )


def count_pairs(true: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Count a confusion matrix.

    Parameters
    ----------
    true, predicted : ndarray of int
        Codes.
    n_classes : int
        Their number.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        Rows are true classes.
    """
    pairs = np.bincount(true * n_classes + predicted, minlength=n_classes**2)
    return pairs.reshape(n_classes, n_classes)


def _classify(
    model: Any, X: Any, y: np.ndarray, with_loss: bool
) -> tuple[np.ndarray, float]:
    """Give predictions, and the mean negative logarithm of the true class."""
    if not with_loss:
        return model.predict(_own(model, X)), float("nan")
    classes = np.asarray(model.classes_)
    if getattr(type(last_step(model)), "predict", None) is BaseTorchClassifier.predict:
        # Our nets: one pass through the net is enough, and nothing is rounded to 0.
        log_proba = model.predict_log_proba(_own(model, X))
        predicted = classes[log_proba.argmax(axis=1)]
        least = LEAST_LOG
    else:
        predicted = model.predict(_own(model, X))
        # As scikit-learn's log_loss has it.
        proba = np.asarray(model.predict_proba(_own(model, X)))
        least = float(np.log(np.finfo(proba.dtype).eps))
        log_proba = np.log(np.clip(proba, np.exp(least), 1.0 - np.exp(least)))
    codes = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    losses = log_losses(log_proba, codes)
    losses[classes[codes] != y] = -least  # a class that the model never saw
    return predicted, float(losses.mean())


def _own(model: Any, X: Any) -> Any:
    """Give a pipeline rows of its own: its steps may work in place."""
    return copy_rows(X) if isinstance(model, Pipeline) else X


def log_losses(log_proba: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Give the loss of each sample, for models that know all classes.

    Parameters
    ----------
    log_proba : ndarray of shape (..., n_samples, n_classes)
        Logarithms of probabilities.
    codes : ndarray of shape (..., n_samples)
        The true classes.

    Returns
    -------
    ndarray of shape (..., n_samples)
        In float64.
    """
    own = np.take_along_axis(log_proba, codes[..., None], axis=-1)[..., 0]
    return -np.maximum(own.astype(np.float64), LEAST_LOG)

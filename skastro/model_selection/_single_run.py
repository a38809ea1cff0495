"""Learning curves of one fit: what a fitted net recorded, and what they show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from skastro.model_selection._overfitting_text import percent
from skastro.model_selection._study.preparation import last_step, stopping_of


@dataclass(frozen=True)
class SingleRun:
    """Curves of one fit.

    Parameters
    ----------
    epochs : ndarray of shape (n_epochs,)
        Their numbers.
    train_loss, valid_loss, valid_score : ndarray of shape (n_epochs,)
        The curves; NaN where nothing was recorded.
    score : str
        Name of the score.
    best_epoch : int
        Epoch that the estimator calls its best.
    by : str
        What it is best by.
    restored : bool
        Whether the weights are those of the best epoch.
    """

    epochs: np.ndarray
    train_loss: np.ndarray
    valid_loss: np.ndarray
    valid_score: np.ndarray
    score: str
    best_epoch: int
    by: str
    restored: bool

    def table(self) -> pd.DataFrame:
        """Write the curves as `epoch_table` does, without errors."""
        curves = {
            ("loss", "train"): self.train_loss,
            ("loss", "validation"): self.valid_loss,
            (self.score, "validation"): self.valid_score,
        }
        tables = [
            pd.DataFrame(
                {
                    "metric": metric,
                    "split": split,
                    "variant": "original",
                    "epoch": self.epochs,
                    "mean": curve,
                    "n": 1,
                }
            )
            for (metric, split), curve in curves.items()
            if np.isfinite(curve).any()
        ]
        unknown = dict.fromkeys(("std", "ste", "corrected_ste"), np.nan)
        return pd.concat(tables, ignore_index=True).assign(**unknown)

    def sentence(self) -> str:
        """Say in numbers what is seen."""
        seen = []
        known = np.isfinite(self.valid_loss)
        if known.any():
            epochs, loss = self.epochs[known], self.valid_loss[known]
            least = int(loss.argmin())
            change = loss[-1] / loss[least] - 1.0 if loss[least] > 0 else np.nan
            text = f"validation loss lowest at epoch {epochs[least]}: {loss[least]:.4g}"
            if least + 1 < len(loss):
                rise = f" (+{percent(change)})" if np.isfinite(change) else ""
                text += f", at the end {loss[-1]:.4g}{rise}"
            else:
                text += ", the last"
            seen.append(text)
        known = np.isfinite(self.valid_score)
        if known.any():
            epochs, score = self.epochs[known], self.valid_score[known]
            most = int(score.argmax())
            name = self.score.replace("r2", "R²")
            text = f"validation {name} highest at epoch {epochs[most]}: "
            text += f"{score[most]:.4g}"
            late = f", at the end {score[-1]:.4g}"
            seen.append(text + (late if most + 1 < len(score) else ", the last"))
        return (
            f"Seen: {'; '.join(seen)}. One run has no error and cannot decide: use "
            "repeated_holdout and diagnose_overfitting."
        )


def read_single_run(estimator: Any) -> SingleRun:
    """Read the curves of a fitted net.

    Parameters
    ----------
    estimator : estimator
        Of skastro, or `MLPClassifier` or `MLPRegressor`; or a pipeline that ends in
        one.

    Returns
    -------
    SingleRun
        Its curves.

    Raises
    ------
    NotFittedError
        If it is not fitted.
    ValueError
        If it keeps no curves, or had no validation data.
    """
    net = last_step(estimator)
    check_is_fitted(net)
    name = type(net).__name__
    if getattr(net, "history_", None) and isinstance(net.history_, list):
        epochs, losses, valid_losses, scores = _ours(net.history_)
        remedy = "fit(X, y, X_val=..., y_val=...) or early_stopping=True"
    elif getattr(net, "loss_curve_", None) is not None:
        losses = np.asarray(net.loss_curve_, dtype=float)
        epochs = np.arange(1, len(losses) + 1)
        valid_losses = np.full(len(losses), np.nan)
        scores = np.full(len(losses), np.nan)
        given = getattr(net, "validation_scores_", None)
        if given is not None:
            scores[len(losses) - len(given) :] = given
        remedy = "early_stopping=True"
    else:
        raise ValueError(
            f"{name} keeps no learning curve: neither history_ nor loss_curve_. Over "
            "its epochs, if it has any, repeated_holdout scores it."
        )
    if not (np.isfinite(scores).any() or np.isfinite(valid_losses).any()):
        raise ValueError(
            f"This {name} had no validation data, and over-fitting does not show on "
            f"training data. Use {remedy}."
        )
    best, by = _best(net, epochs, valid_losses, scores)
    stops = stopping_of(net)
    return SingleRun(
        epochs=epochs,
        train_loss=losses,
        valid_loss=valid_losses,
        valid_score=scores,
        score="accuracy" if is_classifier(net) else "r2",
        best_epoch=best,
        by=by,
        # Training that went on by partial_fit took later weights.
        restored=bool(stops) and bool(np.isfinite(scores[-1])),
    )


def _ours(history: list[dict[str, float]]) -> tuple[np.ndarray, ...]:
    """Read ``history_``; epochs of ``partial_fit`` have no validation data."""
    keys = ("train_loss", "valid_loss", "valid_score")
    columns = [
        np.array([row.get(key, np.nan) for row in history], dtype=float) for key in keys
    ]
    return np.array([int(row["epoch"]) for row in history]), *columns


def _best(
    net: Any, epochs: np.ndarray, losses: np.ndarray, scores: np.ndarray
) -> tuple[int, str]:
    """Find the best epoch, by what the net itself goes by."""
    stops = stopping_of(net)
    by_loss = not isinstance(stops, (bool, np.bool_)) and np.isfinite(losses).any()
    by = "lowest validation loss" if by_loss else "highest validation score"
    known = getattr(net, "best_epoch_", None)
    if known is not None and known in epochs:
        return int(known), by
    if by_loss or not np.isfinite(scores).any():
        return int(epochs[np.nanargmin(losses)]), "lowest validation loss"
    return int(epochs[np.nanargmax(scores)]), by

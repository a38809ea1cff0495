"""Three ways of running the repeats of a study; all give the same numbers."""

from __future__ import annotations

import inspect
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import joblib
import numpy as np
from sklearn.utils.parallel import Parallel, delayed
from skorch import NeuralNet

from skastro.model_selection._study.preparation import (
    Part,
    Prepared,
    copy_rows,
    last_step,
    prepare,
)
from skastro.model_selection._study.records import Record
from skastro.model_selection._study.scoring import Scoring
from skastro.model_selection._study.splits import Split, SplitPlan
from skastro.utils import torch_threads

Step = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Study:
    """Everything that a repeat needs, and nothing that changes.

    Parameters
    ----------
    estimator : estimator
        Is cloned.
    X, y : array-like, ndarray
        All samples and targets.
    plan : SplitPlan
        Draws the splits.
    scoring : Scoring
        What is measured.
    variants : mapping of str to transformer or callable
        Of the test samples.
    parts : list of (split, variant)
        What is scored.
    n_epochs : int or None
        Epochs to train one by one; None fits the estimator as a whole.
    only_last : bool
        Whether only the last epoch is scored.
    series : int
        1 for the second set of runs.
    """

    estimator: Any
    X: Any
    y: np.ndarray
    plan: SplitPlan
    scoring: Scoring
    variants: Mapping[str, Any]
    parts: Sequence[Part]
    n_epochs: int | None
    only_last: bool = False
    series: int = 0

    def prepare(self, repeat: int) -> tuple[Split, Prepared]:
        """Draw a split and bring its data to the estimator."""
        split = self.plan.draw(repeat, self.series)
        prepared = prepare(
            self.estimator,
            self.X,
            self.y,
            split,
            self.variants,
            by_epoch=self.n_epochs is not None,
        )
        return split, prepared

    def scored_epochs(self) -> list[int]:
        """List the epochs that are scored."""
        assert self.n_epochs is not None
        first = self.n_epochs if self.only_last else 1
        return list(range(first, self.n_epochs + 1))

    def record(
        self, repeat: int, split: Split, epochs: Sequence[int], values: Any, counts: Any
    ) -> Record:
        """Put the scores of a finished repeat together."""
        sizes = [len(split.train), len(split.validation), len(split.test)]
        return Record(
            repeat,
            np.array(epochs, dtype=np.int64),
            np.asarray(values, dtype=np.float64),
            np.asarray(counts, dtype=np.int64),
            np.array(sizes, dtype=np.int64),
            split.digest(),
        )


def run_repeat(study: Study, repeat: int, step: Step | None = None) -> Record:
    """Train and score once.

    Parameters
    ----------
    study : Study
        What is to be done.
    repeat : int
        Which repeat.
    step : callable, default=None
        Called after each epoch.

    Returns
    -------
    Record
        The scores.
    """
    # One torch thread a worker, whatever the estimator is made of.
    with torch_threads(1), _interrupts():
        split, prepared = study.prepare(repeat)
        try:
            return _train_and_score(study, repeat, split, prepared, step)
        except ValueError as error:
            error.add_note(f"This happened in repeat {repeat} of the study.")
            raise


def _train_and_score(
    study: Study, repeat: int, split: Split, prepared: Prepared, step: Step | None
) -> Record:
    model = prepared.model
    values: list[list[list[float]]] = []
    counts: list[list[np.ndarray]] = []
    if study.n_epochs is None:
        # A pipeline may work in place, and the training rows are scored afterwards.
        model.fit(copy_rows(prepared.X_train), prepared.y_train)
        epochs = [_epochs_run(model)]
        _score(study, model, prepared, values, counts)
        if step is not None:
            step()
        return study.record(repeat, split, epochs, values, counts)
    scored = set(study.scored_epochs())
    keywords = {}
    takes = inspect.signature(model.partial_fit).parameters
    if study.scoring.classes is not None and "classes" in takes:
        keywords["classes"] = study.scoring.classes
    # A call of skorch's own partial_fit runs max_epochs epochs.
    every = {"epochs": 1} if isinstance(model, NeuralNet) else {}
    for epoch in range(1, study.n_epochs + 1):
        model.partial_fit(prepared.X_train, prepared.y_train, **keywords, **every)
        keywords = {}
        if every and "train_loss" not in model.history[-1]:
            raise KeyboardInterrupt  # skorch keeps quiet about it
        if epoch in scored:
            _score(study, model, prepared, values, counts)
        if step is not None:
            step()
    return study.record(repeat, split, sorted(scored), values, counts)


def _score(
    study: Study,
    model: Any,
    prepared: Prepared,
    values: list[list[list[float]]],
    counts: list[list[np.ndarray]],
) -> None:
    """Score all parts after an epoch."""
    scores = [study.scoring.evaluate(model, *prepared.parts[p]) for p in study.parts]
    values.append([score.values for score in scores])
    tests = [
        score.counts
        for part, score in zip(study.parts, scores, strict=True)
        if part[0] == "test" and score.counts is not None
    ]
    counts.append(tests)


def _epochs_run(model: Any) -> int:
    """Tell after how many epochs a fit ended; 0 if it does not say."""
    epochs = getattr(last_step(model), "n_iter_", 0)
    # None where a solver takes no steps, a list where each class has its own number.
    return int(epochs) if epochs is not None and np.ndim(epochs) == 0 else 0


@contextmanager
def _interrupts() -> Iterator[None]:
    """Let Ctrl-C end the study.

    Nets, scikit-learn's among them, take it as the wish to keep what they have learnt,
    and warn: an epoch that was cut would count as a whole one here.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Ctrl-C goes to the main thread only
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Training interrupted by user")
        try:
            yield
        except UserWarning as warning:
            if "interrupted" not in str(warning):
                raise
            raise KeyboardInterrupt from warning


def run_in_turn(
    study: Study, repeats: Sequence[int], step: Step
) -> Iterator[list[Record]]:
    """Run one repeat after the other in this process.

    Parameters
    ----------
    study : Study
        What is to be done.
    repeats : sequence of int
        Which repeats.
    step : callable
        Called after each epoch.

    Yields
    ------
    list of Record
        One.
    """
    for repeat in repeats:
        yield [run_repeat(study, repeat, step)]


def run_in_parallel(
    study: Study, repeats: Sequence[int], n_jobs: int | None
) -> Iterator[list[Record]]:
    """Run one joblib task a repeat on whatever backend is active.

    Parameters
    ----------
    study : Study
        What is to be done; joblib maps large arrays into the workers.
    repeats : sequence of int
        Which repeats.
    n_jobs : int or None
        Of joblib.

    Yields
    ------
    list of Record
        One, as soon as it is finished.
    """
    # The parts of the study travel as arguments of their own, because joblib maps
    # only arrays that it sees.
    plan = study.plan
    rows = (study.X, study.y, plan.strata, plan.labels, plan.groups)
    rest = replace(
        study,
        X=None,
        y=np.empty(0),
        plan=replace(plan, strata=None, labels=None, groups=None),
    )
    # One repeat a task: joblib would else pack quick ones together, and give (and so
    # store) none of them before all are finished.
    settings: dict[str, Any] = {"n_jobs": n_jobs, "batch_size": 1}
    at_once = len(repeats)
    if _gives_results_early():
        settings["return_as"] = "generator_unordered"
    else:
        at_once = max(1, joblib.effective_n_jobs(n_jobs))
    with Parallel(**settings) as parallel:
        for start in range(0, len(repeats), at_once):
            jobs = (
                delayed(_run_with_data)(rest, repeat, *rows)
                for repeat in repeats[start : start + at_once]
            )
            for record in parallel(jobs):
                yield [record]


def _run_with_data(
    study: Study, repeat: int, X: Any, y: Any, strata: Any, labels: Any, groups: Any
) -> Record:
    plan = replace(study.plan, strata=strata, labels=labels, groups=groups)
    return run_repeat(replace(study, X=X, y=y, plan=plan), repeat)


def _gives_results_early() -> bool:
    """Tell whether the active backend can give results as they come."""
    backend, _ = joblib.parallel.get_active_backend()
    return bool(getattr(backend, "supports_return_generator", False))

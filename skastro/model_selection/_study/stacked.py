"""The stacked engine: all repeats of a dense net at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import joblib
import numpy as np

from skastro.model_selection._study.engines import Step, Study
from skastro.model_selection._study.preparation import Prepared, last_step
from skastro.model_selection._study.records import Record
from skastro.model_selection._study.scoring import (
    FROM_COUNTS,
    LOSS,
    Scores,
    log_losses,
)
from skastro.model_selection._study.setup import n_features
from skastro.model_selection._study.splits import Split
from skastro.neural_network._stacked import StackedNets
from skastro.utils import torch_threads

# Bytes of prepared data that one stack may hold.
STACK_BYTES = 1 << 31


def run_stacked(
    study: Study, repeats: Sequence[int], n_jobs: int | None, step: Step
) -> Iterator[list[Record]]:
    """Train the repeats side by side, in as few stacks as memory allows.

    Parameters
    ----------
    study : Study
        Its last step can be stacked.
    repeats : sequence of int
        Which repeats.
    n_jobs : int or None
        Stacks that run at the same time, each on a thread of its own.
    step : callable
        Called after each epoch of each repeat.

    Yields
    ------
    list of Record
        Those of a stack.
    """
    threads = joblib.effective_n_jobs(n_jobs)
    if hasattr(joblib.parallel.get_active_backend()[0], "client"):
        # The cores of a cluster are not those of this machine.
        threads = min(threads, joblib.cpu_count())
    threads = max(1, min(threads, len(repeats)))
    size = -(-len(repeats) // threads)
    size = max(1, min(size, STACK_BYTES // (threads * _bytes_of_repeat(study))))
    stacks = [repeats[i : i + size] for i in range(0, len(repeats), size)]
    stopped = threading.Event()

    def guarded_step() -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        step()

    jobs = (joblib.delayed(_run_stack)(study, stack, guarded_step) for stack in stacks)
    try:
        yield from joblib.Parallel(
            n_jobs=threads, backend="threading", return_as="generator_unordered"
        )(jobs)
    finally:
        # Ctrl-C comes to this thread; the others are told.
        stopped.set()


def _bytes_of_repeat(study: Study) -> int:
    """Estimate what a prepared repeat holds at its peak."""
    split = study.plan.draw(0, study.series)
    n_tests = 1 + len(study.variants)
    rows = 2 * len(split.train) + len(split.validation) + n_tests * len(split.test)
    dtype = getattr(study.X, "dtype", None)
    # Before the last step whole numbers mostly become float64.
    single = dtype == np.float32 or (
        dtype == np.uint8 and study.estimator is last_step(study.estimator)
    )
    # As prepared, and once more as a tensor.
    return max(1, 2 * rows * n_features(study.X) * (4 if single else 8))


def _run_stack(study: Study, repeats: Sequence[int], step: Step) -> list[Record]:
    """Prepare some repeats, and train those together whose rows are as many."""
    with torch_threads(1):
        ready = {repeat: study.prepare(repeat) for repeat in repeats}
        alike: dict[Any, list[int]] = {}
        for repeat, (_, prepared) in ready.items():
            shape = np.shape(prepared.X_train)
            sizes = tuple(np.shape(X)[0] for X, _ in prepared.parts.values())
            alike.setdefault((shape, sizes), []).append(repeat)
        done: list[Record] = []
        for members in alike.values():
            chosen = [(repeat, *ready[repeat]) for repeat in members]
            done += _train_stack(study, chosen, step)
        return done


def _train_stack(
    study: Study, members: list[tuple[int, Split, Prepared]], step: Step
) -> list[Record]:
    assert study.n_epochs is not None
    prepared = [member[2] for member in members]
    nets = StackedNets(
        [p.model for p in prepared],
        [(p.X_train, p.y_train) for p in prepared],
        study.scoring.classes,
        names=[f"repeat {repeat}" for repeat, _, _ in members],
    )
    judge = _Judge(study, nets, prepared)
    scored = study.scored_epochs()
    values: list[list[list[list[float]]]] = [[] for _ in members]
    counts: list[list[list[np.ndarray]]] = [[] for _ in members]
    for epoch in range(1, study.n_epochs + 1):
        nets.train_epoch()
        if epoch >= scored[0]:
            for number, scores in enumerate(judge.scores()):
                values[number].append([score.values for score in scores])
                counts[number].append(
                    [
                        score.counts
                        for part, score in zip(study.parts, scores, strict=True)
                        if part[0] == "test" and score.counts is not None
                    ]
                )
        for _ in members:
            step()
    return [
        study.record(repeat, split, scored, v, c)
        for (repeat, split, _), v, c in zip(members, values, counts, strict=True)
    ]


class _Judge:
    """Scores of all nets of a stack.

    Parameters
    ----------
    study : Study
        Names the parts and metrics.
    nets : StackedNets
        Being trained.
    prepared : list of Prepared
        Their data.
    """

    def __init__(
        self, study: Study, nets: StackedNets, prepared: Sequence[Prepared]
    ) -> None:
        self.study = study
        self.nets = nets
        self.prepared = prepared
        # What scorers of scikit-learn need goes through each net in turn.
        self.together = not study.scoring.scorers and (
            study.scoring.classes is not None
        )
        self.parts: list[tuple[Any, np.ndarray]] = []
        if self.together:
            for part in study.parts:
                rows = nets.load([p.parts[part][0] for p in prepared])
                codes = [study.scoring.codes(p.parts[part][1]) for p in prepared]
                self.parts.append((rows, np.stack(codes)))

    def scores(self) -> list[list[Scores]]:
        """Score every part, for one net after the other."""
        if not self.together:
            evaluate = self.study.scoring.evaluate
            return [
                [evaluate(p.model, *p.parts[part]) for part in self.study.parts]
                for p in self.prepared
            ]
        by_part = [self._score(rows, codes) for rows, codes in self.parts]
        return [list(scores) for scores in zip(*by_part, strict=True)]

    def _score(self, rows: Any, codes: np.ndarray) -> list[Scores]:
        """Score one part of all nets."""
        n_nets = len(codes)
        assert self.study.scoring.classes is not None
        n_classes = len(self.study.scoring.classes)
        predicted = np.empty_like(codes)
        losses = np.empty(codes.shape)
        for block, output in self.nets.outputs(rows):
            log_proba = output.log_softmax(dim=1)
            predicted[:, block] = log_proba.argmax(dim=1).numpy()
            rows_first = log_proba.transpose(1, 2).numpy()
            losses[:, block] = log_losses(rows_first, codes[:, block])
        pair = codes * n_classes + predicted
        pair += np.arange(n_nets)[:, None] * n_classes**2
        counts = np.bincount(pair.ravel(), minlength=n_nets * n_classes**2)
        counts = counts.reshape(n_nets, n_classes, n_classes)
        scoring = self.study.scoring
        found = {
            name: FROM_COUNTS[key](counts) for name, key in scoring.counted.items()
        }
        found[LOSS] = losses.mean(axis=1)
        names = scoring.names
        return [
            Scores([float(found[name][k]) for name in names], counts[k])
            for k in range(n_nets)
        ]

"""Which engine runs a study, and the running itself."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import joblib
import numpy as np

from skastro.model_selection._study.checkpoint import Checkpoint
from skastro.model_selection._study.engines import (
    Study,
    run_in_parallel,
    run_in_turn,
)
from skastro.model_selection._study.preparation import last_step
from skastro.model_selection._study.records import Record
from skastro.model_selection._study.setup import n_features
from skastro.model_selection._study.stacked import run_stacked
from skastro.neural_network._stacked import can_stack, n_parameters
from skastro.utils._progress import progress_bar

# What stacking saves is the cost of calls, which does not grow with the net, while its
# arithmetic does: above so many weights there is little left to save on a CPU.
STACK_PARAMETERS = 50_000


def choose_engine(wanted: str, study: Study, n_jobs: int | None) -> tuple[str, str]:
    """Settle on an engine.

    Parameters
    ----------
    wanted : {"auto", "stacked", "processes", "sequential"}
        Of `repeated_holdout`.
    study : Study
        What is to be run.
    n_jobs : int or None
        Of joblib.

    Returns
    -------
    engine : str
        One of the three.
    reason : str
        Why.

    Raises
    ------
    ValueError
        If "stacked" is wanted and impossible.
    """
    step = last_step(study.estimator)
    obstacle = can_stack(step)
    if obstacle is None and study.n_epochs is None:
        obstacle = "it is fitted as a whole, not epoch by epoch"
    if wanted == "stacked" and obstacle is not None:
        raise ValueError(f'engine="stacked" is not possible because {obstacle}.')
    if wanted != "auto":
        return wanted, "asked for"
    if obstacle is None:
        classes = study.scoring.classes
        width = int(np.prod(study.y.shape[1:])) if classes is None else len(classes)
        weights = n_parameters(step, n_features(study.X), width)
        if weights <= STACK_PARAMETERS:
            return "stacked", f"{weights} weights: small nets train together"
        obstacle = f"{weights} weights are no small net"
    jobs = joblib.effective_n_jobs(n_jobs)
    if jobs > 1:
        return "processes", f"{jobs} jobs; not stacked because {obstacle}"
    return "sequential", f"one job; not stacked because {obstacle}"


def run(
    study: Study,
    n_repeats: int,
    engine: str,
    n_jobs: int | None,
    store: Checkpoint | None,
    verbose: int,
) -> list[Record]:
    """Run what is not finished yet.

    Parameters
    ----------
    study : Study
        What is to be done.
    n_repeats : int
        Number of repeats.
    engine : str
        From `choose_engine`.
    n_jobs : int or None
        Of joblib.
    store : Checkpoint or None
        Where finished repeats are kept.
    verbose : int
        Whether to show a progress bar.

    Returns
    -------
    list of Record
        All repeats, in order.
    """
    done: dict[int, Record] = {}
    if store is not None:
        for repeat in range(n_repeats):
            record = store.load(_file_name(study, repeat))
            if record is not None and _belongs(study, repeat, record):
                done[repeat] = record
    todo = [repeat for repeat in range(n_repeats) if repeat not in done]
    by_repeat = engine == "processes" or study.n_epochs is None
    with progress_bar(
        total=n_repeats * (1 if by_repeat else study.n_epochs or 1),
        initial=len(done) * (1 if by_repeat else study.n_epochs or 1),
        unit="repeat" if by_repeat else "epoch",
        desc=f"repeated_holdout ({engine})",
        verbose=verbose,
    ) as bar:

        def step() -> None:
            bar.update()

        batches: Iterable[list[Record]] = ()
        if engine == "stacked" and todo:
            batches = run_stacked(study, todo, n_jobs, step)
        elif engine == "processes" and todo:
            batches = run_in_parallel(study, todo, _jobs(n_jobs))
        else:
            batches = run_in_turn(study, todo, step)
        for records in batches:
            for record in records:
                if store is not None:
                    store.store(_file_name(study, record.repeat), record)
                done[record.repeat] = record
                if engine == "processes":
                    bar.update()
    return [done[repeat] for repeat in range(n_repeats)]


def _jobs(n_jobs: int | None) -> int | None:
    """Take all cores where nobody said how many."""
    if n_jobs is None and joblib.effective_n_jobs(None) == 1:
        return -1
    return n_jobs


def _file_name(study: Study, repeat: int) -> str:
    if study.series == 0:
        return f"repeat_{repeat:05d}"
    # Another best epoch is another second set.
    return f"second_{study.n_epochs:05d}_{repeat:05d}"


def _belongs(study: Study, repeat: int, record: Record) -> bool:
    """See that a stored repeat is the one that its name says."""
    split = study.plan.draw(repeat, study.series)
    shape = record.values.shape[1:]
    good = (
        record.repeat == repeat
        and record.digest == split.digest()
        and shape == (len(study.parts), len(study.scoring.names))
        and (study.n_epochs is None or record.epochs.tolist() == study.scored_epochs())
    )
    if not good:
        warnings.warn(
            f"The stored repeat {repeat} is not of this study; it is run again.",
            stacklevel=2,
        )
    return good

"""Repeated studies: many seeded splits of any estimator, every epoch recorded."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from skastro.model_selection._result import RepeatedHoldoutResult
from skastro.model_selection._study.checkpoint import Checkpoint
from skastro.model_selection._study.engines import Study
from skastro.model_selection._study.execution import choose_engine, run
from skastro.model_selection._study.fingerprint import describe_data
from skastro.model_selection._study.preparation import (
    last_step,
    n_epochs,
    part_names,
)
from skastro.model_selection._study.score_arrays import SELECT
from skastro.model_selection._study.scoring import make_scoring
from skastro.model_selection._study.setup import (
    check_data,
    check_select,
    check_variants,
    study_facts,
)
from skastro.model_selection._study.splits import SplitPlan, draw_root
from skastro.neural_network._stacked import can_stack
from skastro.utils._typing import Seed

_SIZE = [
    Interval(Real, 0, 1, closed="neither"),
    Interval(Integral, 1, None, closed="left"),
]


@validate_params(
    {
        "estimator": "no_validation",
        "X": "no_validation",
        "y": "no_validation",
        "groups": "no_validation",
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "test_size": _SIZE,
        "train_size": [*_SIZE, None],
        "validation_size": [
            Interval(Real, 0, 1, closed="left"),
            Interval(Integral, 0, None, closed="left"),
            None,
        ],
        "stratify": ["boolean", "array-like", None],
        "balance": ["boolean", Interval(Integral, 1, None, closed="left"), None],
        "test_variants": [dict, None],
        "scoring": [str, callable, list, tuple, dict, None],
        "select": [StrOptions(set(SELECT))],
        "record": [StrOptions({"epochs", "final"})],
        "engine": [StrOptions({"auto", "stacked", "processes", "sequential"})],
        "n_jobs": [Integral, None],
        "checkpoint": [str, os.PathLike, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    },
    prefer_skip_nested_validation=True,
)
def repeated_holdout(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    n_repeats: int = 30,
    test_size: float | int = 0.3,
    train_size: float | int | None = None,
    validation_size: float | int | None = 0.1,
    stratify: Any = True,
    balance: bool | int | None = None,
    test_variants: Mapping[str, Any] | None = None,
    scoring: Any = None,
    select: str = "validation",
    record: str = "epochs",
    engine: str = "auto",
    n_jobs: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    random_state: Seed = None,
    verbose: int = 1,
) -> RepeatedHoldoutResult:
    """Train and score an estimator on many random splits, epoch by epoch.

    Each repeat draws its own split into training, validation and test part from its
    own seed, clones the estimator, seeds it, trains it, and scores it on every part.
    An estimator with ``partial_fit`` and ``max_epochs`` (or ``max_iter``) is scored
    after each epoch, so that learning curves, the choice of an epoch on validation
    data and the diagnosis of over-fitting all come from one study; any other gives
    final scores.

    In a pipeline everything before the last step is fitted once a repeat, on training
    rows only. Samplers (SMOTE, under-sampling) touch nothing but training rows: the
    scores of all parts are those of real rows.

    Parameters
    ----------
    estimator : estimator
        A classifier or regressor, or a pipeline that ends in one. Not changed. All its
        ``random_state`` parameters are set anew in every repeat.
    X : array-like, DataFrame, sparse matrix or LazyRows of n_samples rows
        Samples: a table, or images (n, h, w) or (n, c, h, w). Zarr, HDF5 and Dask
        arrays are taken as `LazyRows`, which stay where they are.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.
    groups : array-like of shape (n_samples,), default=None
        Rows of one group (one source observed twice, say) never come into different
        parts. Sizes are then met as well as the groups allow.
    n_repeats : int, default=30
        Number of repeats. The first ten of thirty are those of a study of ten.
    test_size : float or int, default=0.3
        Share of the rows, or their number, in the test part.
    train_size : float or int, default=None
        Share or number of rows outside the test part that are used, the validation
        part among them. None uses all.
    validation_size : float or int, default=0.1
        Share or number of those rows that are kept for validation. 0 or None keeps
        none; ``select`` must then be "last" or "test-mean".
    stratify : bool or array-like of shape (n_samples,), default=True
        Whether all parts have the classes' shares; or labels whose shares they have.
        Targets that are numbers are not stratified.
    balance : bool or int, default=None
        True draws for each repeat a sample with as many rows of each class as the
        rarest has; a number draws that many. The rest is not used in that repeat.
    test_variants : dict of str to transformer or callable, default=None
        Other versions of the test samples, for instance
        ``{"1/4": ResolutionDegrader(factor=4)}``: one training, all versions scored. A
        transformer gets X as it came, is cloned, seeded, and fitted on training rows
        (put it into a `FrozenEstimator` if it is fitted already); a callable takes
        samples, as an array where X is lazy, and gives samples.
    scoring : str, callable, list of str or dict, default=None
        Metrics as in `cross_validate`, and "tss" for `true_skill_score`. None is
        accuracy, balanced accuracy and TSS for classifiers, R² and the negative root
        mean squared error for regressors. The first is the one that epochs are chosen
        by. The "loss" always comes along, see Notes. For every other metric greater
        is better.
    select : {"validation", "test-mean", "last"}, default="validation"
        Which epoch's scores are the result. "validation": in each repeat the epoch
        with the best validation score; the test part is read at that epoch alone.
        "test-mean": the epoch at which the mean test curve is highest, and then a
        second set of `n_repeats` new splits trained up to there, which gives the
        scores; this is how many papers proceed, and it is optimistic, because the test
        part chose the epoch. "last": the last epoch, fixed in advance.
    record : {"epochs", "final"}, default="epochs"
        "final" fits the estimator as a whole and scores it once; dense nets may still
        be stacked.
    engine : {"auto", "stacked", "processes", "sequential"}, default="auto"
        "stacked" trains all repeats of a dense net of skastro at once; "processes"
        runs each repeat as a task of joblib, with one torch thread, on the backend
        that is active (loky, or a cluster: `on_cluster`); "sequential" runs one after
        the other. All give the same numbers, up to rounding. "auto" stacks where it
        pays, else takes processes if there is more than one job;
        `RepeatedHoldoutResult.engine` says what it took, and why.
    n_jobs : int, default=None
        Tasks at a time. None is one, or what ``joblib.parallel_config`` says; for
        ``engine="processes"`` it is else one a core. The stacked engine uses threads.
    checkpoint : path-like, default=None
        Folder in which every finished repeat is kept. The same call goes on where it
        stopped, whatever stopped it.
    random_state : int, RandomState instance or None, default=None
        Fixes all splits, samples and seeds. Studies with the same one on the same
        targets have the same splits, and can be compared by `compare`.
    verbose : int, default=1
        1 shows a progress bar that also names the engine.

    Returns
    -------
    RepeatedHoldoutResult
        All scores, with summaries and a report.

    Raises
    ------
    ValueError
        If a parameter does not fit the data or the estimator, or a training diverges.
    CheckpointMismatchError
        If the checkpoint is that of other data, another estimator or other parameters.
        The message names what differs. It is a ValueError.
    OSError
        If the checkpoint cannot be written, or another process is writing to it.

    See Also
    --------
    compare : Tell two studies apart.
    diagnose_overfitting : Read the learning curves.
    sklearn.model_selection.cross_validate : Scores of fixed folds, without epochs.

    Notes
    -----
    The loss is the mean negative natural logarithm of the true class's probability for
    classifiers with ``predict_proba``, the mean squared error for regressors. Penalties
    do not count. A single logarithm is cut at -87, the smallest float32, for the nets
    of skastro, and for others as in `sklearn.metrics.log_loss`, at the precision of
    their probabilities (-36 in float64): with overconfident models compare losses of
    one kind only.

    Where epochs are recorded, scorers get the last step and samples as it gets them;
    where an estimator is fitted as a whole, they get the whole and the samples as they
    came.

    Engines differ by the rounding of sums, which a training amplifies: within 1e-9
    (float64) over tens of epochs; over hundreds, with a large step, runs may part.

    One call of ``partial_fit`` on the whole training part counts as one epoch. An
    estimator with ``early_stopping`` ends itself and gives final scores.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine
       Learning 52 (2003) 239-281: why repeated splits are not independent.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skastro.model_selection import repeated_holdout
    >>> from skastro.neural_network import DenseClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = DenseClassifier(hidden_layer_sizes=(8,), learning_rate_init=0.01,
    ...                       max_epochs=30, batch_size=16)
    >>> study = repeated_holdout(net, X, y, n_repeats=5, random_state=0, verbose=0)
    >>> study.engine
    'stacked'
    >>> bool(study.values("accuracy", split="test").mean() > 0.8)
    True
    """
    data = check_data(estimator, X, y, groups, stratify, balance)
    epochs = n_epochs(estimator)
    final = record == "final"
    check_select(select, validation_size, None if final else epochs)
    if final and (engine not in ("auto", "stacked") or can_stack(last_step(estimator))):
        # Nets that stack are trained epoch by epoch all the same: it gives what their
        # fit gives.
        epochs = None
    variants = check_variants(test_variants)
    root = draw_root(random_state)
    plan = SplitPlan(
        n_samples=len(data.y),
        strata=data.strata,
        labels=data.labels,
        groups=data.groups,
        test_size=test_size,
        train_size=train_size,
        validation_size=validation_size,
        balance=balance,
        root=root,
        targets=describe_data(data.y),
    )
    study = Study(
        estimator=estimator,
        X=data.X,
        y=data.y,
        plan=plan,
        scoring=make_scoring(scoring, estimator, last_step(estimator), data.y),
        variants=variants,
        parts=part_names(plan, variants),
        n_epochs=epochs,
        only_last=final and epochs is not None,
    )
    chosen, reason = choose_engine(engine, study, n_jobs)
    with ExitStack() as stack:
        store = None
        if checkpoint is not None:
            fixed = None if random_state is None else root
            store = Checkpoint(checkpoint, study_facts(study), fixed, root)
            stack.enter_context(store.opened())
            study = replace(study, plan=replace(plan, root=store.root))
        result = RepeatedHoldoutResult.from_records(
            run(study, n_repeats, chosen, n_jobs, store, verbose),
            parts=study.parts,
            metrics=study.scoring.names,
            classes=study.scoring.classes,
            select=select,
            engine=chosen,
            engine_reason=reason,
        )
        if select == "test-mean":
            best = int(result.best_epoch("test-mean")[0])
            again = replace(study, n_epochs=best, only_last=True, series=1)
            result.second_set = RepeatedHoldoutResult.from_records(
                run(again, n_repeats, chosen, n_jobs, store, verbose),
                parts=study.parts,
                metrics=study.scoring.names,
                classes=study.scoring.classes,
                select="last",
                engine=chosen,
                engine_reason=reason,
            )
    return result

"""The voxel classifier."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skastro.gaps._geometry import THRESHOLD_MEV
from skastro.gaps._voxel_net import VoxelNet
from skastro.gaps._voxel_recipes import LAYOUTS
from skastro.gaps._voxel_summary import VoxelSummary
from skastro.neural_network._optim import SCHEDULES, SOLVERS
from skastro.neural_network._parameters import auto_or
from skastro.neural_network._typing import Augment, ClassWeight, EarlyStopping
from skastro.utils._typing import Seed


class GAPSVoxelClassifier(VoxelNet):
    """Tell antideuterons from antiprotons by the deposits in a voxel tracker.

    Four layouts: "conv3d", as the study, convolves in three dimensions;
    "depth_channels" takes the layers as channels of a two-dimensional net, which is
    quicker and as good; "set" is a small transformer of the hits alone; and
    "hybrid" joins that with boosted trees on the physics features of `VoxelSummary`:
    the mean of the logarithms of both probabilities. The trees know the energy loss of
    either species, the net what the trees were not told. "hybrid" is at least as good
    as either with some thousand events of random or vertical incidence; with some
    hundred thousand, or without energies, "set" alone is as good.

    What events are encoded by (``layout``, ``binarize``, ``threshold``, ``max_hits``,
    ``summary``) is fixed by the fit: a fitted net refuses to work with another.

    Each layout brings the recipe it is trained with: a parameter that is "auto" takes
    this table's value.

    ====================  ==============  ================  ===============
    parameter             "conv3d"        "depth_channels"  "set", "hybrid"
    ====================  ==============  ================  ===============
    filters               (16, 32, 64)    (48, 48, 64)
    dropout               0.3             0.3               0
    solver                "adamw"         "adamw"           "adamw"
    weight_decay          0.05            0.05              0.02
    batch_size            128             128               64
    learning_rate         "one_cycle"     "one_cycle"       "one_cycle"
    learning_rate_init    0.003           0.003             0.002
    average_symmetries    False           False             True
    ====================  ==============  ================  ===============

    Parameters
    ----------
    layout : {"hybrid", "set", "conv3d", "depth_channels"}, default="hybrid"
        Which net.
    binarize : bool, default=False
        Whether every hit counts as a one: positions alone, without energies and times.
    log_energy : bool, default=True
        Whether energies enter the net as logarithms, or linearly.
    threshold : float, default=0.05
        Deposits below it, in MeV, are no hits.
    filters : sequence of int or "auto", default="auto"
        Filters of the convolutions.
    width : int, default=48
        Width of "set"; a multiple of ``n_heads``.
    n_blocks : int, default=2
        Attention blocks of "set".
    n_heads : int, default=4
        Heads of the attention.
    max_hits : int, default=28
        Hits that "set" sees; the largest of an event, and with ``binarize``, where none
        is larger, those in the upper layers.
    dropout : float or "auto", default="auto"
        Share of the features dropped in training, before the last layer ("set": the
        last but one).
    augment : {"symmetry", "shift"}, callable, list or None, default="symmetry"
        Random changes of each training event: "symmetry" turns and mirrors it in the
        plane of the layers; "shift" also moves it, as far as no hit is lost, for beams
        that always enter at one place. A callable ``(batch, generator) -> batch`` gets
        volumes (n, c, d, h, w), or for "set" lists of hits (n, max_hits, columns).
    average_symmetries : bool or "auto", default="auto"
        Whether predictions are averaged over the eight symmetries of the layers' plane.
        May be changed after the fit.
    summary : VoxelSummary, default=None
        Features of "hybrid"; None is ``VoxelSummary()``. Its ``threshold`` and
        ``image_shape`` are those of the classifier.
    summary_estimator : classifier with ``predict_proba``, default=None
        What learns from them. None is `sklearn.ensemble.HistGradientBoostingClassifier`
        with slow learning and a tenth to a fifth of the features a split.
    summary_weight : float, default=0.5
        Its weight in the mean of the logarithms of probabilities; may be changed after
        the fit.
    solver : {"adam", "adamw", "sgd", "adadelta"} or "auto", default="auto"
        The optimiser.
    alpha : float, default=0.0
        L2 penalty as in scikit-learn.
    weight_decay : float or "auto", default="auto"
        Decoupled weight decay, for ``solver="adamw"`` only.
    batch_size : int or "auto", default="auto"
        Events in a batch.
    learning_rate : {"constant", "cosine", "one_cycle"} or "auto", default="auto"
        Schedule of the step size over ``max_epochs``.
    learning_rate_init : float or "auto", default="auto"
        Step size; the highest one of a schedule.
    max_epochs : int, default=30
        Passes over the data. All are run unless ``early_stopping`` ends the training.
    shuffle : bool, default=True
        Whether each epoch has its own order.
    early_stopping : bool, {"GL", "PQ", "UP"} or callable, default=False
        Whether to keep ``validation_fraction`` of the data apart (stratified), to stop
        when accuracy on it no longer rises, and to restore the best weights. A
        criterion of `skastro.neural_network.stopping`, by its short name or as an
        object, or an own callable decides by the losses instead, and restores the
        weights of the lowest validation loss; ``n_iter_no_change`` and ``tol`` then
        play no part.
    validation_fraction : float, default=0.1
        Share of the training data that early stopping keeps apart.
    n_iter_no_change : int, default=10
        Epochs without a rise of more than ``tol`` after which to stop.
    tol : float, default=0.0001
        Least rise that counts.
    beta_1 : float, default=0.9
        Decay of Adam's first moment.
    beta_2 : float, default=0.999
        Decay of Adam's second moment.
    epsilon : float, default=1e-8
        Stabiliser of Adam and Adadelta.
    momentum : float, default=0.9
        Of "sgd".
    nesterovs_momentum : bool, default=True
        Whether "sgd" uses Nesterov's.
    rho : float, default=0.9
        Decay of Adadelta.
    class_weight : "balanced", dict or None, default=None
        Weight of each class in the loss, as everywhere in scikit-learn.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the net's weights of the last one, for instance
        from a fast simulation to a slow one. Classes and shape must then be the same.
        The summary's estimator is always fitted anew.
    image_shape : (d, h, w) or (2, d, h, w), default=None
        Layers, rows and columns of a flat row, after the channels if there are times.
        None takes rows of 1,440 as (10, 12, 12), rows of 2,880 as (2, 10, 12, 12) and
        any other as one row of voxels.
    dtype : {"auto", "preserve", "float32", "float64", "mixed"}, default="auto"
        Precision of the net: "preserve" is that of X (float32 for uint8, float64 for
        other integers), "auto" float32, and that of X for single rows of voxels.
        "mixed" is float32, with products in bfloat16 on a CUDA GPU (float16 on those
        without it): quicker there, to about three digits.
    device : str, default="auto"
        "auto" takes a GPU where there is one; else torch's name of a device.
    callbacks : list of skorch callbacks, default=None
        Copied for every fit.
    random_state : int, RandomState instance or None, default=None
        Fixes initial weights, order, dropout and augmentation. Global random states
        are not touched.
    n_jobs : int or None, default=None
        Number of torch threads; None means one, which gives the same bits on every
        joblib backend.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    module_ : torch.nn.Module
        The trained module; gives logits.
    net_ : skorch.NeuralNet
        The net that trains it.
    summary_estimator_ : classifier
        Fitted on the summary features; only with "hybrid".
    module_config_ : dict
        The layout and the module's keyword arguments.
    history_ : list of dict
        One entry an epoch: ``epoch``, ``train_loss`` (mean over the epoch while the
        weights change, without penalty) and, with validation data, ``valid_loss`` and
        ``valid_score`` (accuracy).
    loss_curve_ : list of float
        ``train_loss`` of every epoch.
    validation_scores_ : list of float
        ``valid_score`` of every epoch of the last fit; only with validation data.
    best_validation_score_ : float
        The highest of them; with a stopping criterion, that of ``best_epoch_``.
    best_epoch_ : int
        The first epoch that reached it, numbered as in ``history_``; with a stopping
        criterion, the first with the lowest ``valid_loss`` of the last fit.
    n_iter_ : int
        Epochs run.
    n_features_in_ : int
        Values in one event.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of columns, if X had any.
    input_shape_ : (c, d, h, w)
        Channels, layers, rows and columns.
    device_ : str
        Where it was trained.
    dtype_ : str
        Precision it was trained in.

    See Also
    --------
    VoxelSummary : The features, for own models.
    PrimaryTrackMasker : Leaves only the annihilation star.
    skastro.inspection.GradCAM : Where the convolutional layouts look.
    skastro.metrics.efficiency_at_rejection : What to report.

    Notes
    -----
    A "hybrid" also holds scikit-learn's trees, which `skastro.utils.load_model` checks
    node by node; `skops.io.load` wants their type to be trusted.

    Events on disk (`LazyRows`, zarr, HDF5, Dask, large memory maps) are read block by
    block and held as sparse rows or lists of hits, some hundred bytes an event.

    Labels may be any; scores take "antideuteron" as the signal. The accuracy on a
    balanced sample of a narrow range of speeds says little about a flight, in which
    antiprotons are ten thousand times as many.

    References
    ----------
    T. Wada et al., "Application of machine learning to the particle identification of
    GAPS", arXiv:1904.12288 (2019), for dense nets on the same task.

    Examples
    --------
    >>> from skastro.datasets import load_gaps_sample
    >>> from skastro.gaps import GAPSVoxelClassifier
    >>> X, y = load_gaps_sample(incidence="vertical", return_X_y=True)
    >>> net = GAPSVoxelClassifier(layout="depth_channels", max_epochs=3, random_state=0)
    >>> net.fit(X[:1000], y[:1000]).score(X[1000:2000], y[1000:2000]) > 0.8
    True
    """

    _parameter_constraints: dict[str, Any] = {
        **VoxelNet._parameter_constraints,
        "layout": [StrOptions(set(LAYOUTS))],
        "binarize": ["boolean"],
        "log_energy": ["boolean"],
        "threshold": [Interval(Real, 0, None, closed="left")],
        "filters": auto_or("array-like"),
        "width": [Interval(Integral, 1, None, closed="left")],
        "n_blocks": [Interval(Integral, 1, None, closed="left")],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "max_hits": [Interval(Integral, 1, None, closed="left")],
        "dropout": auto_or(Interval(Real, 0, 1, closed="left")),
        "augment": [StrOptions({"symmetry", "shift"}), callable, list, None],
        "average_symmetries": auto_or("boolean"),
        "summary": [VoxelSummary, None],
        "summary_estimator": [HasMethods(["fit", "predict_proba"]), None],
        "summary_weight": [Interval(Real, 0, 1, closed="both")],
        "solver": auto_or(StrOptions(set(SOLVERS))),
        "weight_decay": auto_or(Interval(Real, 0, None, closed="left")),
        "learning_rate": auto_or(StrOptions(set(SCHEDULES))),
        "learning_rate_init": auto_or(Interval(Real, 0, None, closed="neither")),
    }

    def __init__(
        self,
        *,
        layout: str = "hybrid",
        binarize: bool = False,
        log_energy: bool = True,
        threshold: float = THRESHOLD_MEV,
        filters: Sequence[int] | str = "auto",
        width: int = 48,
        n_blocks: int = 2,
        n_heads: int = 4,
        max_hits: int = 28,
        dropout: float | str = "auto",
        augment: Augment = "symmetry",
        average_symmetries: bool | str = "auto",
        summary: Any = None,
        summary_estimator: Any = None,
        summary_weight: float = 0.5,
        solver: str = "auto",
        alpha: float = 0.0,
        weight_decay: float | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: str = "auto",
        learning_rate_init: float | str = "auto",
        max_epochs: int = 30,
        shuffle: bool = True,
        early_stopping: EarlyStopping = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        rho: float = 0.9,
        class_weight: ClassWeight = None,
        warm_start: bool = False,
        image_shape: Sequence[int] | None = None,
        dtype: str = "auto",
        device: str = "auto",
        callbacks: list[Any] | None = None,
        random_state: Seed = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.layout = layout
        self.binarize = binarize
        self.log_energy = log_energy
        self.threshold = threshold
        self.filters = filters
        self.width = width
        self.n_blocks = n_blocks
        self.n_heads = n_heads
        self.max_hits = max_hits
        self.dropout = dropout
        self.augment = augment
        self.average_symmetries = average_symmetries
        self.summary = summary
        self.summary_estimator = summary_estimator
        self.summary_weight = summary_weight
        self.solver = solver
        self.alpha = alpha
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_epochs = max_epochs
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.rho = rho
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.image_shape = image_shape
        self.dtype = dtype
        self.device = device
        self.callbacks = callbacks
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

"""The regressor of beam directions."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

from skastro.diffraction._net_recipes import (
    AUGMENTATION_NAMES,
    RECIPES,
)
from skastro.diffraction._orientation_net import OrientationNet
from skastro.diffraction._pair_mixer import PairMixer
from skastro.neural_network._optim import SCHEDULES, SOLVERS
from skastro.neural_network._parameters import auto_or
from skastro.neural_network._regressor import BaseTorchRegressor
from skastro.neural_network._typing import Augment, EarlyStopping
from skastro.utils._typing import Seed


class DiffractionOrientationRegressor(OrientationNet):
    """Net that reads one or more beam directions from a spot pattern.

    Two layouts: "thesis" is the net of the diffraction thesis, pairs of convolutions
    with two dense layers and a head for each direction, 102,958,822 parameters at
    224x224; "compact" compares a pattern with 512 learned ones at all in-plane angles
    and is small, quick and blind to in-plane rotation and to mirrors. Each brings the
    recipe it is trained with: a parameter that is "auto" takes this table's value.

    ====================  ======================  ===============
    parameter             "compact"               "thesis"
    ====================  ======================  ===============
    filters               (512,)                  (32, 64)
    dense_layer_sizes     (1024, 1024, 512, 256)  (512, 256)
    dropout               0                       0.5
    loss                  "pit"                   "l1"
    laue_group            "4/mmm"                 None
    solver                "adamw"                 "adadelta"
    weight_decay          0.01                    0
    learning_rate         "one_cycle"             "constant"
    learning_rate_init    0.004                   1.0
    rho                   0.9                     0.95
    epsilon               1e-8                    1e-7
    batch_size            64                      128, 16 for one
    early_stopping        False                   True
    n_iter_no_change      10                      max_epochs
    validation_fraction   0.1                     0.2
    ====================  ======================  ===============

    Labels are Cartesian unit vectors in the crystal frame (x along a, z along c*), not
    indices [uvw]: `uvw_to_cartesian` and `cartesian_to_uvw` go between them. Targets
    that are no directions have a plain linear head. Flat rows without ``image_shape``
    are no images; with "auto" they have dense layers of (512, 256), no dropout and no
    early stopping.

    Parameters
    ----------
    n_directions : int or "auto", default="auto"
        Directions in a row of y, up to 4; 0 is a plain head. "auto" takes 3 or 6
        columns of vectors whose lengths are within 2 % of one as one or two
        directions, and all else as plain, with a warning if these are 3 or 6 columns
        that belong to images. Directions are scaled to length one.
    layout : {"compact", "thesis"}, default="compact"
        Which net.
    loss : {"auto", "pit", "l1", "squared_error"}, default="auto"
        "pit" is the distance from label to prediction in the best assignment of
        directions, which have no order, and trains expected errors too
        (`predict_error`); "l1" the absolute error summed over all columns in their
        order; "squared_error" half the squared one. For plain targets "compact" takes
        the last.
    laue_group : str, array-like of shape (n, 3, 3), "auto" or None, default="auto"
        Laue group of the crystal: directions are folded into its sector, as
        `skastro.utils.fold_directions` does, since equivalent ones give the same
        pattern. "auto" is, for "compact", that of the mixer if it has one, else that
        of anatase; set it for other crystals. None does not fold; "compact" then
        tells mirrored patterns apart.
    mixer : PairMixer or None, default=None
        Makes X of pairs: rows of X are then indices of its patterns. The trained net
        takes images with axes too, also after ``set_params(mixer=None)``, which keeps
        the patterns out of a stored model.
    filters : sequence of int or "auto", default="auto"
        Of "thesis": filters of both convolutions of each block; of "compact": one
        number.
    dense_layer_sizes : sequence of int or "auto", default="auto"
        Widths of the dense layers.
    dropout : float or "auto", default="auto"
        Share dropped in training after each dense layer ("thesis") or the last one
        ("compact").
    conv_dropout : float, default=0.25
        Share dropped after each block of "thesis".
    freeze : sequence of {"conv", "dense", "head"}, default=()
        Parts that are kept as they are, the normalisation of "compact" with "conv";
        may be changed between ``partial_fit`` calls or fits with ``warm_start``.
    augment : {"rotation", "symmetry", "geometric"}, callable, list or None, \
            default=None
        Random changes of each training image: "symmetry" turns by 90° and flips,
        "rotation" also turns by any angle, "geometric" also shifts and zooms. Flips
        are left out where labels are not folded, because mirrored patterns then have
        other labels. Also any callable ``(batch, generator) -> batch``, and lists.
    solver : {"adam", "adamw", "sgd", "adadelta"} or "auto", default="auto"
        The optimiser.
    alpha : float, default=0.0
        L2 penalty as in scikit-learn.
    weight_decay : float or "auto", default="auto"
        Decoupled weight decay, for ``solver="adamw"`` only.
    batch_size : int or "auto", default="auto"
        Samples in a batch; "auto" is as in the table for images and
        min(200, n_samples) for flat rows without ``image_shape``.
    learning_rate : {"constant", "cosine", "one_cycle"} or "auto", default="auto"
        Schedule of the step size over ``max_epochs``.
    learning_rate_init : float or "auto", default="auto"
        Step size; the highest one of a schedule.
    max_epochs : int, default=60
        Passes over the data. All are run unless ``early_stopping`` ends the training.
    shuffle : bool, default=True
        Whether each epoch has its own order.
    early_stopping : bool, {"auto", "GL", "PQ", "UP"} or callable, default="auto"
        Whether to keep ``validation_fraction`` of the data apart, to stop when the
        score on it no longer rises, and to restore the weights of the best epoch. The
        score is minus the validation error, summed over the directions (R² with
        "squared_error"). With ``n_iter_no_change`` equal to ``max_epochs`` nothing
        stops, and the best epoch is restored, as in the thesis. Criteria of
        `skastro.neural_network.stopping` decide by the losses. Of pairs, the part kept
        apart shares its singles with the rest: give ``X_val`` to `fit` instead.
        ``partial_fit`` keeps nothing apart and restores nothing; it takes "auto" and
        False.
    validation_fraction : float or "auto", default="auto"
        Share of the training data that early stopping keeps apart.
    n_iter_no_change : int or "auto", default="auto"
        Epochs without a rise of more than ``tol`` after which to stop.
    tol : float, default=0.0001
        Least rise that counts.
    beta_1 : float, default=0.9
        Decay of Adam's first moment.
    beta_2 : float, default=0.999
        Decay of Adam's second moment.
    epsilon : float or "auto", default="auto"
        Stabiliser of Adam and Adadelta.
    momentum : float, default=0.9
        Of "sgd".
    nesterovs_momentum : bool, default=True
        Whether "sgd" uses Nesterov's.
    rho : float or "auto", default="auto"
        Decay of Adadelta.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last one. Shapes must then be
        the same.
    image_shape : (h, w) or (c, h, w), default=None
        What a flat row is, in pixels. None takes a flat row as one row of pixels.
    dtype : {"auto", "preserve", "float32", "float64", "mixed"}, default="auto"
        Precision: "preserve" is that of X (float32 for uint8, float64 for other
        integers), "auto" the same for
        flat rows without ``image_shape`` and float32 for images.
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
    n_directions_ : int
        Directions in a row of y; 0 if y are other numbers.
    laue_group_ : str, array-like or None
        The group that directions were folded by in the fit, and are in `predict`.
    n_outputs_ : int
        Columns of y.
    module_ : torch.nn.Module
        The trained module.
    net_ : skorch.NeuralNet
        The net that trains it.
    module_config_ : dict
        The layout and the module's keyword arguments.
    history_ : list of dict
        One entry an epoch: ``epoch``, ``train_loss`` and, with validation data,
        ``valid_loss`` and ``valid_score``.
    loss_curve_ : list of float
        ``train_loss`` of every epoch.
    validation_scores_ : list of float
        ``valid_score`` of every epoch of the last fit; only with validation data.
    best_validation_score_ : float
        The highest of them; with a stopping criterion, that of ``best_epoch_``.
    best_epoch_ : int
        The first epoch that reached it, numbered as in ``history_``.
    n_iter_ : int
        Epochs run.
    n_features_in_ : int
        Columns of X as flat rows.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of columns, if X had any.
    input_shape_ : (c, h, w)
        Shape of one image; (1, 1, n_features_in_) for flat rows.
    device_ : str
        Where it was trained.
    dtype_ : str
        Precision it was trained in.

    See Also
    --------
    PairMixer : Mixtures on the fly.
    skastro.datasets.make_diffraction_patterns : Patterns with labels.
    training_memory : The thesis's estimate of what a training needs.

    Notes
    -----
    The centre of the patterns must be in the middle of the image for "compact"
    (`PatternCenterer`). Its predictions are unit vectors.

    .. warning::
        With the wrong ``laue_group`` labels are folded onto directions whose patterns
        differ, or equivalent ones stay apart; nothing in the data tells. "auto" is
        right for 4/mmm alone, unless the mixer names its group: give
        ``Crystal.laue_group`` of your crystal.

    Examples
    --------
    >>> from skastro.datasets import make_diffraction_patterns
    >>> from skastro.diffraction import DiffractionOrientationRegressor
    >>> from skastro.diffraction import KinematicSimulator
    >>> simulator = KinematicSimulator("anatase", shape=(32, 32), spot_sigma=0.7)
    >>> X, y = make_diffraction_patterns(
    ...     60, simulator=simulator, return_X_y=True, random_state=0)
    >>> net = DiffractionOrientationRegressor(filters=(32,), max_epochs=5,
    ...                                       random_state=0).fit(X, y)
    >>> net.predict(X).shape, net.predict_error(X).shape
    ((60, 3), (60, 1))
    """

    _parameter_constraints: dict[str, Any] = {
        **BaseTorchRegressor._parameter_constraints,
        "n_directions": auto_or(Interval(Integral, 0, None, closed="left")),
        "layout": [StrOptions(set(RECIPES))],
        "loss": [StrOptions({"auto", "pit", "l1", "squared_error"})],
        "laue_group": [str, "array-like", None],
        "mixer": [PairMixer, None],
        "filters": auto_or("array-like"),
        "dense_layer_sizes": auto_or("array-like"),
        "dropout": auto_or(Interval(Real, 0, 1, closed="left")),
        "conv_dropout": [Interval(Real, 0, 1, closed="left")],
        "freeze": [list, tuple],
        "augment": [StrOptions(AUGMENTATION_NAMES), callable, list, None],
        "solver": auto_or(StrOptions(set(SOLVERS))),
        "weight_decay": auto_or(Interval(Real, 0, None, closed="left")),
        "learning_rate": auto_or(StrOptions(set(SCHEDULES))),
        "learning_rate_init": auto_or(Interval(Real, 0, None, closed="neither")),
        "rho": auto_or(Interval(Real, 0, 1, closed="both")),
        "epsilon": auto_or(Interval(Real, 0, None, closed="neither")),
        **{
            name: auto_or(*BaseTorchRegressor._parameter_constraints[name])
            for name in ("early_stopping", "validation_fraction", "n_iter_no_change")
        },
    }

    def __init__(
        self,
        *,
        n_directions: int | str = "auto",
        layout: str = "compact",
        loss: str = "auto",
        laue_group: Any = "auto",
        mixer: PairMixer | None = None,
        filters: Sequence[int] | str = "auto",
        dense_layer_sizes: Sequence[int] | str = "auto",
        dropout: float | str = "auto",
        conv_dropout: float = 0.25,
        freeze: Sequence[str] = (),
        augment: Augment = None,
        solver: str = "auto",
        alpha: float = 0.0,
        weight_decay: float | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: str = "auto",
        learning_rate_init: float | str = "auto",
        max_epochs: int = 60,
        shuffle: bool = True,
        early_stopping: EarlyStopping = "auto",
        validation_fraction: float | str = "auto",
        n_iter_no_change: int | str = "auto",
        tol: float = 1e-4,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | str = "auto",
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        rho: float | str = "auto",
        warm_start: bool = False,
        image_shape: Sequence[int] | None = None,
        dtype: str = "auto",
        device: str = "auto",
        callbacks: list[Any] | None = None,
        random_state: Seed = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_directions = n_directions
        self.layout = layout
        self.loss = loss
        self.laue_group = laue_group
        self.mixer = mixer
        self.filters = filters
        self.dense_layer_sizes = dense_layer_sizes
        self.dropout = dropout
        self.conv_dropout = conv_dropout
        self.freeze = freeze
        self.augment = augment
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
        self.warm_start = warm_start
        self.image_shape = image_shape
        self.dtype = dtype
        self.device = device
        self.callbacks = callbacks
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

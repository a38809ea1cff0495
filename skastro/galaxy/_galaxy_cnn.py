"""The galaxy classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skastro.galaxy._recipes import (
    AUGMENTATIONS,
    IMAGE_BATCH,
    RECIPES,
    make_galaxy_module,
)
from skastro.neural_network._classifier import BaseTorchClassifier
from skastro.neural_network._loader import Augmentation
from skastro.neural_network._optim import SCHEDULES, SOLVERS
from skastro.neural_network._parameters import auto_or
from skastro.neural_network._transfer import TransferMixin
from skastro.neural_network._typing import Augment, ClassWeight, EarlyStopping
from skastro.neural_network.augmentation import apply_symmetry, as_augmentation
from skastro.utils._typing import Seed


class GalaxyCNNClassifier(TransferMixin, BaseTorchClassifier):
    """Convolutional net for galaxy cut-outs.

    Two layouts: "thesis" is the net of the galaxy thesis, three pooled convolutions
    and two dense layers of 1,024; "compact" is a small net with batch normalisation
    and global average pooling, which is both better and quicker. Each brings the
    recipe it is trained with: a parameter that is "auto" takes this table's value.

    ====================  ==================  =============
    parameter             "compact"           "thesis"
    ====================  ==================  =============
    filters               (16, 32, 64, 128)   (32, 64, 128)
    dropout               0.2                 0.5
    solver                "adamw"             "adam"
    weight_decay          0.05                0
    learning_rate         "one_cycle"         "constant"
    learning_rate_init    0.003               0.0003
    ====================  ==================  =============

    Flat rows without ``image_shape`` are no images, and train without dropout. Values
    of pixels are taken as they come; scale them with `CutoutNormalizer`.

    Parameters
    ----------
    layout : {"compact", "thesis"}, default="compact"
        Which net.
    filters : sequence of int or "auto", default="auto"
        Filters of the convolutions; three of them for "thesis".
    dense_layer_sizes : sequence of int, default=(1024, 1024)
        Dense layers of "thesis"; "compact" has none.
    dropout : float or "auto", default="auto"
        Share dropped in training: of the pooled features ("compact") or after each
        dense layer ("thesis").
    padding : {"valid", "same"}, default="valid"
        Of the convolutions of "thesis", which does not state it.
    augment : {"symmetry", "geometric", "resolution"}, callable, list or None, \
            default=None
        Random changes of each training image: "symmetry" rotates by 90° and flips,
        "geometric" also rotates by any angle, shifts by up to 4 pixels and zooms by
        up to 10 %, "resolution" also degrades each image by its own factor
        (`RandomResolution`), which keeps the net working on blurred images. Also any
        callable ``(batch, generator) -> batch``, and lists.
    average_symmetries : bool, default=False
        Whether predictions are averaged over the symmetries of the frame (eight for a
        square). That many times slower; may be changed after the fit.
    init_from : fitted net or None, default=None
        All layers but the last start from its weights. Wrap it in
        `sklearn.frozen.FrozenEstimator`, so that cloning, as in cross-validation,
        keeps it fitted. It must not have seen test galaxies.
    solver : {"adam", "adamw", "sgd", "adadelta"} or "auto", default="auto"
        The optimiser.
    alpha : float, default=0.0
        L2 penalty as in scikit-learn.
    weight_decay : float or "auto", default="auto"
        Decoupled weight decay, for ``solver="adamw"`` only.
    batch_size : int or "auto", default="auto"
        Samples in a batch; "auto" is 32 for images and min(200, n_samples) for flat
        rows without ``image_shape``.
    learning_rate : {"constant", "cosine", "one_cycle"} or "auto", default="auto"
        Schedule of the step size over ``max_epochs``.
    learning_rate_init : float or "auto", default="auto"
        Step size; the highest one of a schedule.
    max_epochs : int, default=60
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
        Whether ``fit`` goes on from the weights of the last one. Classes and shape
        must then be the same; see `fine_tune` for other classes.
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
    classes_ : ndarray of shape (n_classes,)
        The labels.
    module_ : torch.nn.Module
        The trained module; gives logits.
    net_ : skorch.NeuralNet
        The net that trains it.
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
        Values in one image.
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
    CutoutNormalizer : Brings raw cut-outs to the scale of a net.
    ResolutionDegrader : The resolution gap, for a scorer.
    NetEmbedder : The penultimate layer as a transformer.

    References
    ----------
    T.-Y. Cheng et al., MNRAS 493, 4209 (2020), the net that the thesis follows.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.galaxy import GalaxyCNNClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["faint", "bright"], 20)
    >>> X = rng.normal(size=(40, 16, 16)) + np.repeat([0.0, 1.0], 20)[:, None, None]
    >>> net = GalaxyCNNClassifier(filters=(4, 8), max_epochs=20, random_state=0)
    >>> net.fit(X, y).score(X, y)
    1.0
    """

    _module_class = staticmethod(make_galaxy_module)
    _image_module = True

    _parameter_constraints: dict[str, Any] = {
        **BaseTorchClassifier._parameter_constraints,
        "layout": [StrOptions(set(RECIPES))],
        "filters": auto_or("array-like"),
        "dense_layer_sizes": ["array-like"],
        "dropout": auto_or(Interval(Real, 0, 1, closed="left")),
        "padding": [StrOptions({"valid", "same"})],
        "augment": [StrOptions(set(AUGMENTATIONS)), callable, list, None],
        "average_symmetries": ["boolean"],
        "init_from": [HasMethods(["fit", "predict"]), None],
        "solver": auto_or(StrOptions(set(SOLVERS))),
        "weight_decay": auto_or(Interval(Real, 0, None, closed="left")),
        "learning_rate": auto_or(StrOptions(set(SCHEDULES))),
        "learning_rate_init": auto_or(Interval(Real, 0, None, closed="neither")),
    }

    def __init__(
        self,
        *,
        layout: str = "compact",
        filters: Sequence[int] | str = "auto",
        dense_layer_sizes: Sequence[int] = (1024, 1024),
        dropout: float | str = "auto",
        padding: str = "valid",
        augment: Augment = None,
        average_symmetries: bool = False,
        init_from: Any = None,
        solver: str = "auto",
        alpha: float = 0.0,
        weight_decay: float | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: str = "auto",
        learning_rate_init: float | str = "auto",
        max_epochs: int = 60,
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
        self.filters = filters
        self.dense_layer_sizes = dense_layer_sizes
        self.dropout = dropout
        self.padding = padding
        self.augment = augment
        self.average_symmetries = average_symmetries
        self.init_from = init_from
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

    def _recipe(self, name: str) -> Any:
        value = getattr(self, name)
        if name == "dropout" and value == "auto" and self.input_shape_[1] == 1:
            return 0.0
        if isinstance(value, str) and value == "auto" and name in RECIPES[self.layout]:
            return RECIPES[self.layout][name]
        return value

    def _batch_size(self, n_samples: int) -> int:
        # A flat row is a sample of features and trains as in the dense nets.
        if self.batch_size == "auto" and self.input_shape_[1] > 1:
            return min(IMAGE_BATCH, n_samples)
        return super()._batch_size(n_samples)

    def _module_config(self, input_shape: tuple[int, int, int]) -> dict[str, Any]:
        filters = [int(f) for f in self._recipe("filters")]
        thesis = self.layout == "thesis"
        if not filters or min(filters) < 1 or (thesis and len(filters) != 3):
            raise ValueError(
                f"filters must be {'three ' if thesis else ''}positive integers, got "
                f"{self.filters!r}."
            )
        config = {
            "layout": self.layout,
            "input_shape": list(input_shape),
            "n_outputs": len(self.classes_),
            "filters": filters,
            "dropout": float(self._recipe("dropout")),
        }
        if thesis:
            config["dense_layer_sizes"] = [int(s) for s in self.dense_layer_sizes]
            config["padding"] = self.padding
        return config

    def _augmentation(self) -> Augmentation | None:
        return as_augmentation(self.augment, AUGMENTATIONS)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Give the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, h, w) or \
                (n_samples, c, h, w)
            Images in any of the layouts.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, in the order of ``classes_``; each row sums to one. They
            are the net's softmax (with ``average_symmetries`` its mean over the
            symmetries) and not calibrated.
        """
        return np.concatenate([p.numpy() for p in self._forward(X, self._probability)])

    def _probability(self, batch: torch.Tensor) -> torch.Tensor:
        return self._symmetric(lambda x: self._apply(x).softmax(dim=1), batch)

    def _log_probability(self, batch: torch.Tensor) -> torch.Tensor:
        if not self.average_symmetries:
            return super()._log_probability(batch)
        proba = self._probability(batch)
        # A probability that is too small for its type has no logarithm.
        return proba.clamp_min(torch.finfo(proba.dtype).tiny).log()

    def _features(self, batch: torch.Tensor) -> torch.Tensor:
        return self._symmetric(super()._features, batch)

    def _symmetric(
        self, function: Callable[[torch.Tensor], torch.Tensor], batch: torch.Tensor
    ) -> torch.Tensor:
        """Average a function over the symmetries of the frame, where asked to."""
        h, w = batch.shape[2:]
        if not self.average_symmetries or min(h, w) < 2:
            return function(batch)
        turns = range(4) if h == w else (0, 2)
        outputs = [
            function(apply_symmetry(batch, turn, flip=flip))
            for turn in turns
            for flip in (False, True)
        ]
        return torch.stack(outputs).mean(dim=0)

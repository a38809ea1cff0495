"""A dense net for numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skastro.neural_network._dense import DENSE_CONSTRAINTS, DenseMixin
from skastro.neural_network._regressor import BaseTorchRegressor
from skastro.neural_network._typing import Augment, EarlyStopping
from skastro.utils._typing import Seed


class DenseRegressor(DenseMixin, BaseTorchRegressor):
    """Multilayer perceptron for one or more numbers.

    The last layer is linear; the loss is half the squared error, summed over the
    outputs. Flat rows train in the precision of ``X``, images in float32. Scale the
    targets (`sklearn.compose.TransformedTargetRegressor`) if they are far from one.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Widths of the hidden layers; an empty sequence is linear regression.
    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        Of the hidden layers.
    dropout : float, default=0.0
        Share of hidden values dropped in training, in [0, 1).
    solver : {"adam", "adamw", "sgd", "adadelta"}, default="adam"
        The optimiser.
    alpha : float, default=0.0001
        L2 penalty as in scikit-learn: 0.5 · alpha · ||W||² / n is added to the loss of
        a batch of n samples (of total weight n), for weights but not for biases.
    weight_decay : float, default=0.0
        Decoupled weight decay, for ``solver="adamw"`` only.
    batch_size : int or "auto", default="auto"
        Samples in a batch; "auto" is min(200, n_samples).
    learning_rate : {"constant", "cosine", "one_cycle"}, default="constant"
        Schedule of the step size over ``max_epochs``.
    learning_rate_init : float, default=0.001
        Step size; the highest one of a schedule.
    max_epochs : int, default=200
        Passes over the data. All are run unless ``early_stopping`` ends the training.
    shuffle : bool, default=True
        Whether each epoch has its own order.
    early_stopping : bool, {"GL", "PQ", "UP"} or callable, default=False
        Whether to keep ``validation_fraction`` of the data apart, to stop when R² on
        it no longer rises, and to restore the best weights. A criterion of
        `skastro.neural_network.stopping`, by its short name or as an object, or an own
        callable decides by the losses instead, and restores the weights of the lowest
        validation loss; ``n_iter_no_change`` and ``tol`` then play no part.
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
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last one. Shapes must then be
        the same.
    image_shape : (h, w) or (c, h, w), default=None
        What a flat row is, in pixels; needed for ``augment`` on flat rows.
    augment : {"symmetry", "geometric"}, callable, list or None, default=None
        Augmentation of training images, see `skastro.neural_network.augmentation`.
    dtype : {"auto", "preserve", "float32", "float64", "mixed"}, default="auto"
        Precision: "preserve" is that of X (float32 for uint8, float64 for other
        integers), "auto" the same for
        flat rows and float32 for images.
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
        Number of torch threads; None means one, which is quickest for small nets
        and gives the same bits on every joblib backend.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    n_outputs_ : int
        Columns of y.
    module_ : torch.nn.Module
        The trained module.
    net_ : skorch.NeuralNet
        The net that trains it.
    module_config_ : dict
        The module's keyword arguments.
    history_ : list of dict
        One entry an epoch: ``epoch``, ``train_loss`` (mean over the epoch while the
        weights change, without penalty) and, with validation data, ``valid_loss`` and
        ``valid_score`` (R²).
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
        Values in one sample.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of columns, if X had any.
    input_shape_ : (c, h, w)
        Shape of one sample; (1, 1, n_features_in_) for flat rows.
    device_ : str
        Where it was trained.
    dtype_ : str
        Precision it was trained in.

    See Also
    --------
    DenseClassifier : The same for labels.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.neural_network import DenseRegressor
    >>> X = np.linspace(-1, 1, 200)[:, None]
    >>> net = DenseRegressor(hidden_layer_sizes=50, activation="tanh",
    ...                      learning_rate_init=0.02, batch_size=20,
    ...                      max_epochs=100, random_state=0)
    >>> net.fit(X, np.sin(3 * X[:, 0])).score(X, np.sin(3 * X[:, 0])) > 0.95
    True
    """

    _parameter_constraints: dict[str, Any] = {
        **BaseTorchRegressor._parameter_constraints,
        **DENSE_CONSTRAINTS,
    }

    def __init__(
        self,
        *,
        hidden_layer_sizes: Sequence[int] | int = (100,),
        activation: str = "relu",
        dropout: float = 0.0,
        solver: str = "adam",
        alpha: float = 0.0001,
        weight_decay: float = 0.0,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        max_epochs: int = 200,
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
        warm_start: bool = False,
        image_shape: Sequence[int] | None = None,
        augment: Augment = None,
        dtype: str = "auto",
        device: str = "auto",
        callbacks: list[Any] | None = None,
        random_state: Seed = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
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
        self.augment = augment
        self.dtype = dtype
        self.device = device
        self.callbacks = callbacks
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _module_config(self, input_shape: tuple[int, int, int]) -> dict[str, Any]:
        return self._config(input_shape, self.n_outputs_)

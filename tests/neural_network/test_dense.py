from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline as make_resampling_pipeline
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, EpochScoring

from skastro.neural_network import DenseClassifier, DenseRegressor


def iris() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.mark.parametrize("alpha", [0.0, 1.5])
@pytest.mark.parametrize("weighted", [False, True])
def test_steps_equal_those_of_mlpclassifier(alpha: float, weighted: bool) -> None:
    X, y = iris()
    weight = np.random.default_rng(0).uniform(0.1, 3, len(y)) if weighted else None
    ours = DenseClassifier(
        hidden_layer_sizes=(7,),
        solver="sgd",
        momentum=0.0,
        learning_rate_init=0.1,
        alpha=alpha,
        batch_size=len(y),
        max_epochs=1,
        random_state=0,
    ).fit(X, y, sample_weight=weight)
    peer = MLPClassifier(
        (7,),
        solver="sgd",
        momentum=0.0,
        learning_rate_init=0.1,
        alpha=alpha,
        batch_size=len(y),
        random_state=0,
    )
    peer.partial_fit(X, y, classes=np.unique(y))
    layers = [ours.module_.features[1], ours.module_.head]
    peer.coefs_ = [layer.weight.detach().numpy().T.copy() for layer in layers]
    peer.intercepts_ = [layer.bias.detach().numpy().copy() for layer in layers]
    peer._optimizer.velocities = [
        np.zeros_like(p) for p in peer.coefs_ + peer.intercepts_
    ]
    for _ in range(5):
        ours.partial_fit(X, y, sample_weight=weight)
        # scikit-learn holds views of these arrays in its optimiser.
        for params, grad in zip(
            [*peer.coefs_, *peer.intercepts_],
            gradients(peer, X, y, weight),
            strict=True,
        ):
            params -= 0.1 * grad
    for layer, coef in zip(layers, peer.coefs_, strict=True):
        np.testing.assert_allclose(
            layer.weight.detach().numpy().T, coef, rtol=1e-9, atol=1e-12
        )


def gradients(
    peer: Any, X: np.ndarray, y: np.ndarray, weight: np.ndarray | None
) -> list[np.ndarray]:
    """Ask scikit-learn for the gradient of its own loss."""
    onehot = peer._label_binarizer.transform(y).astype(float)
    activations = [X, *[np.empty((len(X), c.shape[1])) for c in peer.coefs_]]
    deltas = [np.empty_like(a) for a in activations[1:]]
    coefs = [np.empty_like(c) for c in peer.coefs_]
    intercepts = [np.empty_like(i) for i in peer.intercepts_]
    peer._backprop(X, onehot, weight, activations, deltas, coefs, intercepts)
    return [*coefs, *intercepts]


def test_regressor_loss_and_step_equal_those_of_mlpregressor() -> None:
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 2))
    settings: dict[str, Any] = {"solver": "sgd", "momentum": 0.0, "alpha": 0.3}
    ours = DenseRegressor(
        hidden_layer_sizes=(5,),
        learning_rate_init=0.05,
        batch_size=40,
        max_epochs=1,
        random_state=0,
        **settings,
    ).fit(X, y)
    peer = MLPRegressor(
        hidden_layer_sizes=(5,), learning_rate_init=0.05, batch_size=40, **settings
    )
    peer.partial_fit(X, y)
    layers = [ours.module_.features[1], ours.module_.head]
    for params, layer in zip(peer.coefs_, layers, strict=True):
        params[:] = layer.weight.detach().numpy().T
    for params, layer in zip(peer.intercepts_, layers, strict=True):
        params[:] = layer.bias.detach().numpy()
    peer._optimizer.velocities = [
        np.zeros_like(p) for p in peer.coefs_ + peer.intercepts_
    ]
    for _ in range(3):
        ours.partial_fit(X, y)
        peer.partial_fit(X, y)
    np.testing.assert_allclose(ours.predict(X), peer.predict(X), rtol=1e-9)


def test_float32_and_float64_nets_agree() -> None:
    X, y = iris()
    nets = [
        DenseClassifier(max_epochs=20, dtype=dtype, random_state=0).fit(X, y)
        for dtype in ("float32", "float64")
    ]
    np.testing.assert_allclose(
        nets[0].predict_proba(X), nets[1].predict_proba(X), atol=1e-4
    )


def test_early_stopping_restores_the_best_weights() -> None:
    X, y = make_classification(
        400, n_informative=4, flip_y=0.2, class_sep=0.7, random_state=0
    )
    net = DenseClassifier(
        hidden_layer_sizes=(60,),
        learning_rate_init=0.01,
        early_stopping=True,
        n_iter_no_change=8,
        random_state=0,
    ).fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    assert net.n_iter_ < net.max_epochs
    assert net.best_epoch_ == int(np.argmax(net.validation_scores_)) + 1
    assert net.score(X[300:], y[300:]) == pytest.approx(net.best_validation_score_)
    assert len(net.history_) == net.n_iter_ == len(net.loss_curve_)
    assert set(net.history_[0]) == {"epoch", "train_loss", "valid_loss", "valid_score"}


def test_early_stopping_splits_by_class_and_without_overlap() -> None:
    X, y = iris()
    seen: list[int] = []

    class Spy(Callback):
        def on_train_begin(self, net: Any, X: Any = None, **kwargs: Any) -> None:
            seen.extend([X.train.n_samples, X.valid.n_samples])

    DenseClassifier(
        early_stopping=True,
        validation_fraction=0.2,
        max_epochs=2,
        callbacks=[Spy()],
        random_state=0,
    ).fit(X, y)
    assert seen == [120, 30]


def test_validation_data_do_not_change_the_training() -> None:
    X, y = iris()
    plain = DenseClassifier(max_epochs=5, random_state=0).fit(X, y)
    watched = DenseClassifier(max_epochs=5, random_state=0).fit(X, y, X_val=X, y_val=y)
    assert np.array_equal(plain.predict_proba(X), watched.predict_proba(X))
    assert not hasattr(plain, "validation_scores_")
    assert watched.validation_scores_[-1] == watched.score(X, y)


def test_history_loss_is_the_cross_entropy() -> None:
    X, y = iris()
    net = DenseClassifier(max_epochs=3, random_state=0).fit(X, y, X_val=X, y_val=y)
    proba = net.predict_proba(X)
    expected = -np.log(proba[np.arange(len(y)), y]).mean()
    assert net.history_[-1]["valid_loss"] == pytest.approx(expected, rel=1e-12)


def test_warm_start_goes_on_and_refuses_other_classes() -> None:
    X, y = iris()
    net = DenseClassifier(max_epochs=30, warm_start=True, random_state=0).fit(X, y)
    first = net.loss_curve_[0]
    net.fit(X, y)
    assert net.n_iter_ == 60
    assert net.loss_curve_[30] < net.loss_curve_[25] < first
    with pytest.raises(ValueError, match="not expected"):
        net.fit(X, np.where(y == 2, 7, y))


def test_partial_fit_learns_about_classes_that_come_later() -> None:
    X, y = iris()
    net = DenseClassifier(random_state=0)
    net.partial_fit(X[:60], y[:60], classes=[0, 1, 2])
    assert net.predict_proba(X).shape == (150, 3)
    net.partial_fit(X, y)
    with pytest.raises(ValueError, match="not the same"):
        net.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"classes=\[2\]"):
        DenseClassifier().partial_fit(X[:60], y[:60]).partial_fit(X, y)


def test_class_weight_is_sample_weight() -> None:
    X, y = iris()
    keep = np.r_[0:50, 50:60, 100:130]
    X, y = X[keep], y[keep]
    by_class = DenseClassifier(
        class_weight={0: 1.0, 1: 5.0, 2: 2.0}, max_epochs=5, random_state=0
    ).fit(X, y)
    by_sample = DenseClassifier(max_epochs=5, random_state=0).fit(
        X, y, sample_weight=np.array([1.0, 5.0, 2.0])[y]
    )
    assert np.array_equal(by_class.predict_proba(X), by_sample.predict_proba(X))


def test_skorch_callbacks_are_copied_and_called() -> None:
    X, y = iris()

    class Counter(Callback):
        def __init__(self) -> None:
            self.batches = 0
            self.epochs = 0

        def on_batch_end(self, net: Any, **kwargs: Any) -> None:
            self.batches += 1
            assert "train_loss" in net.history[-1]["batches"][-1]

        def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
            self.epochs += 1

    mine = Counter()
    net = DenseClassifier(max_epochs=4, batch_size=50, callbacks=[mine]).fit(X, y)
    used = dict(net.net_.callbacks_)["Counter"]
    assert (used.batches, used.epochs) == (12, 4)
    assert mine.batches == 0
    assert np.isfinite(net.loss_curve_).all()


def test_scoring_callback_of_skorch_works_on_loss() -> None:
    X, y = iris()
    scoring = EpochScoring(lambda net, X, y=None: len(net.history), name="epochs")
    net = DenseClassifier(max_epochs=3, callbacks=[scoring])
    net.fit(X, y, X_val=X, y_val=y)
    assert net.net_.history[:, "epochs"] == [1, 2, 3]


def test_ctrl_c_leaves_a_usable_estimator() -> None:
    X, y = iris()

    # A signal can come anywhere; here it comes from inside the third epoch's batch.
    def step(self: Any, batch: Any, **kwargs: Any) -> Any:
        if len(self.history) == 3:
            raise KeyboardInterrupt
        return original(self, batch, **kwargs)

    from skastro.neural_network._net import WeightedNet

    original = WeightedNet.train_step
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WeightedNet, "train_step", step)
        net = DenseClassifier(max_epochs=10, random_state=0)
        with pytest.warns(UserWarning, match="interrupted"):
            net.fit(X, y)
    assert net.n_iter_ == 2
    two = DenseClassifier(max_epochs=2, random_state=0).fit(X, y)
    assert np.array_equal(net.predict_proba(X), two.predict_proba(X))


def test_sklearn_callbacks_are_told_about_epochs() -> None:
    callback = pytest.importorskip("sklearn.callback", reason="scikit-learn < 1.9")
    X, y = iris()
    monitor = callback.ScoringMonitor(scoring="accuracy")
    net = DenseClassifier(max_epochs=3, random_state=0).set_callbacks(monitor)
    net.fit(X, y)
    log = monitor.get_logs(select="most_recent").data  # one dict an epoch
    assert len(log) == 3
    assert log[-1]["accuracy"] == net.score(X, y)


def test_progress_bar_says_loss_and_score(capsys: pytest.CaptureFixture) -> None:
    X, y = iris()
    DenseClassifier(max_epochs=2, verbose=1).fit(X, y, X_val=X, y_val=y)
    shown = capsys.readouterr().err
    assert "DenseClassifier" in shown
    assert "loss=" in shown
    assert "validation score=" in shown


def test_composes_with_grid_search_pipeline_and_resampler() -> None:
    X, y = iris()
    names = np.array(["a", "b", "c"])[y]
    pipe = make_resampling_pipeline(
        StandardScaler(),
        RandomOverSampler(random_state=0),
        DenseClassifier(max_epochs=60, learning_rate_init=0.01, random_state=0),
    )
    search = GridSearchCV(
        pipe,
        {"denseclassifier__hidden_layer_sizes": [(5,), (20, 20)]},
        cv=StratifiedKFold(3),
    ).fit(X, names)
    assert search.best_score_ > 0.9
    assert set(search.predict(X)) <= {"a", "b", "c"}
    keep = np.r_[0:50, 50:60, 100:130]
    with pytest.raises(ValueError, match="weights or resampling"):
        pipe.fit(X[keep], y[keep], denseclassifier__sample_weight=np.ones(90))


def test_learns_digits_as_well_as_mlpclassifier() -> None:
    X, y = load_digits(return_X_y=True)
    ours = make_pipeline(
        StandardScaler(), DenseClassifier(max_epochs=30, random_state=0)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the peer's convergence warning
        peer = make_pipeline(
            StandardScaler(), MLPClassifier(max_iter=30, random_state=0)
        )
        peer_score = cross_val_score(peer, X, y, cv=3).mean()
    assert cross_val_score(ours, X, y, cv=3).mean() > peer_score - 0.01


def test_augmentation_needs_images() -> None:
    X, y = iris()
    with pytest.raises(ValueError, match="image_shape"):
        DenseClassifier(augment="symmetry", max_epochs=1).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"learning_rate_init": -1.0}, "learning_rate_init"),
        ({"hidden_layer_sizes": (10, 0)}, "hidden_layer_sizes"),
        ({"hidden_layer_sizes": (10, 2.5)}, "hidden_layer_sizes"),
        ({"device": "abacus"}, "abacus"),
        ({"image_shape": (2, 3)}, "6 pixels"),
        ({"image_shape": (2, 2, 2, 2)}, "image_shape"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"solver": "lbfgs"}, "solver"),
    ],
)
def test_wrong_parameters_are_refused(parameters: dict, match: str) -> None:
    X, y = iris()
    with pytest.raises(ValueError, match=match):
        DenseClassifier(**parameters).fit(X, y)


def test_targets_are_checked() -> None:
    X, y = iris()
    with pytest.raises(ValueError, match="inconsistent"):
        DenseClassifier().fit(X, y[:-1])
    with pytest.raises(ValueError, match="together"):
        DenseClassifier().fit(X, y, X_val=X)
    regressor = DenseRegressor(max_epochs=2).fit(X, X[:, :2])
    with pytest.raises(ValueError, match="2"):
        regressor.partial_fit(X, X)
    with pytest.raises(ValueError, match="validation_fraction"):
        DenseClassifier(early_stopping=True).fit(X[:6], [0, 1, 2, 0, 1, 2])


def test_labels_from_pandas_strings() -> None:
    import pandas as pd

    X, y = iris()
    labels = pd.Series(np.array(["x", "yy", "z"])[y])
    net = DenseClassifier(max_epochs=2).fit(
        pd.DataFrame(X, columns=list("abcd")), labels
    )
    assert isinstance(net.classes_, np.ndarray)
    assert net.feature_names_in_.tolist() == list("abcd")


def test_dropout_is_inactive_in_prediction() -> None:
    X, y = iris()
    net = DenseClassifier(dropout=0.5, max_epochs=3, random_state=0).fit(X, y)
    assert np.array_equal(net.predict_proba(X), net.predict_proba(X))
    assert not net.module_.training


def test_model_stored_on_a_gpu_loads_without_one() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    X, y = iris()
    net = DenseClassifier(max_epochs=2, dropout=0.2, random_state=0).fit(X, y)
    state = net.__getstate__()
    state["device_"] = "cuda"
    state["_net_state"]["generators"]["dropout"] = np.zeros(16, np.uint8)
    loaded = DenseClassifier.__new__(DenseClassifier)
    loaded.__setstate__(state)
    assert loaded.device_ == "cpu"
    assert np.array_equal(loaded.predict_proba(X), net.predict_proba(X))
    loaded.partial_fit(X, y)


def test_a_training_that_diverges_says_so() -> None:
    X, y = iris()
    net = DenseClassifier(solver="sgd", learning_rate_init=1e8, max_epochs=50)
    with pytest.raises(ValueError, match="diverged"):
        net.fit(X * 100, y)


@pytest.mark.parametrize("weight", [np.nan, np.inf, -1.0, 1e39, 1e-50])
def test_class_weights_are_checked_like_sample_weights(weight: float) -> None:
    X, y = iris()
    with pytest.raises(ValueError, match="weight"):
        DenseClassifier(class_weight=dict.fromkeys(range(3), weight)).fit(X, y)


def test_pixels_too_large_for_single_precision_are_refused() -> None:
    X, y = np.ones((10, 4, 4)), np.arange(10) % 2
    X[3, 1, 1] = 1e39
    with pytest.raises(ValueError, match="float32"):
        DenseClassifier(max_epochs=1).fit(X, y)


def test_early_stopping_weights_its_score() -> None:
    X, y = iris()
    doubled, wrong = np.r_[X, X], np.r_[y, (y + 1) % 3]
    weight = np.r_[np.ones(150), np.zeros(150)]
    net = DenseClassifier(
        early_stopping=True, max_epochs=80, learning_rate_init=0.01, random_state=0
    ).fit(doubled, wrong, sample_weight=weight)
    assert net.best_validation_score_ > 0.9


def test_warm_start_refuses_another_net_and_a_spent_schedule_warns() -> None:
    X, y = iris()
    net = DenseClassifier(max_epochs=2, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        net.set_params(hidden_layer_sizes=(3,)).fit(X, y)
    spent = DenseClassifier(max_epochs=2, learning_rate="one_cycle").fit(X, y)
    with pytest.warns(UserWarning, match="schedule"):
        spent.partial_fit(X, y)


def test_log_probabilities_are_exact() -> None:
    X, y = iris()
    net = DenseClassifier(max_epochs=5, random_state=0).fit(X, y)
    far = X * 1e4
    log_proba = net.predict_log_proba(far)
    assert log_proba.min() < -1000
    np.testing.assert_allclose(net.predict_log_proba(X), np.log(net.predict_proba(X)))


def test_an_augmentation_in_place_leaves_the_data_alone() -> None:
    X, y = np.random.default_rng(0).normal(size=(20, 4, 4)).astype("f4"), [0, 1] * 10
    before = X.copy()
    DenseClassifier(
        augment=lambda batch, generator: batch.mul_(2), shuffle=False, max_epochs=2
    ).fit(X, y)
    assert np.array_equal(X, before)


def test_channels_last_images_are_refused() -> None:
    X = np.zeros((6, 12, 12, 3), "f4")
    with pytest.raises(ValueError, match="moveaxis"):
        DenseClassifier(max_epochs=1).fit(X, [0, 1] * 3)


def test_a_callback_can_watch_the_validation_score() -> None:
    from skorch.callbacks import EarlyStopping

    X, y = iris()
    stop = EarlyStopping(monitor="valid_score", lower_is_better=False, patience=3)
    net = DenseClassifier(callbacks=[stop], max_epochs=200, learning_rate_init=0.01)
    net.fit(X, y, X_val=X, y_val=y)
    assert net.n_iter_ < 200

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skastro.neural_network import DenseClassifier, NetEmbedder

X, Y = load_digits(return_X_y=True)


@pytest.fixture(scope="module")
def odd() -> DenseClassifier:
    net = DenseClassifier(hidden_layer_sizes=(40, 20), max_epochs=10, random_state=0)
    return net.fit(X[:900], Y[:900] % 2)


def test_features_are_the_input_of_the_last_layer(odd: DenseClassifier) -> None:
    features = NetEmbedder(odd).fit_transform(X)
    assert features.shape == (len(X), 20)
    head = odd.module_.head
    logits = features @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    assert np.array_equal(logits.argmax(1), odd.predict(X))


def test_a_fitted_net_survives_cross_validation(odd: DenseClassifier) -> None:
    before = odd.predict_proba(X)
    pipe = make_pipeline(NetEmbedder(odd), LogisticRegression(max_iter=2000))
    assert cross_val_score(pipe, X[900:], Y[900:], cv=3, n_jobs=2).mean() > 0.7
    cloned = clone(pipe).set_params(netembedder__estimator__verbose=1)
    assert cloned.fit(X[:300], Y[:300])[0].estimator_.verbose == 1
    assert odd.verbose == 0
    assert np.array_equal(odd.predict_proba(X), before)


def test_an_unfitted_net_is_trained_anew_in_each_fit() -> None:
    net = DenseClassifier(max_epochs=3, random_state=0)
    embedder = NetEmbedder(net).fit(X, Y)
    assert embedder.estimator_ is not net
    assert not hasattr(net, "module_")
    assert clone(embedder).estimator is not net


def test_pipelines_and_frozen_nets_are_looked_through(odd: DenseClassifier) -> None:
    pipe = make_pipeline(
        StandardScaler(), DenseClassifier(max_epochs=3, random_state=0)
    ).fit(X, Y)
    scaled = pipe[:-1].transform(X)
    assert np.array_equal(NetEmbedder(pipe).fit_transform(X), pipe[-1].embed(scaled))
    frozen = NetEmbedder(FrozenEstimator(odd)).fit(X)
    assert np.array_equal(frozen.transform(X), odd.embed(X))


def test_names_and_data_frames_out(odd: DenseClassifier) -> None:
    embedder = NetEmbedder(odd).set_output(transform="pandas").fit(X)
    frame = clone(embedder).fit(X).transform(X)
    assert list(frame.columns) == [f"netembedder{i}" for i in range(20)]
    loaded = pickle.loads(pickle.dumps(embedder))
    assert np.array_equal(loaded.transform(X), frame)


def test_wrong_estimators_and_samples_are_refused(odd: DenseClassifier) -> None:
    with pytest.raises(TypeError, match="embed"):
        NetEmbedder(LogisticRegression()).fit(X, Y)
    with pytest.raises(TypeError, match="nonsense"):
        NetEmbedder(odd).fit(X, Y, nonsense=3)
    with pytest.raises(ValueError, match="64 features"):
        NetEmbedder(odd).fit(X[:, :10])

"""Non-negative parts: the same as scikit-learn's, and the share that they explain."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix
from sklearn.decomposition import NMF, MiniBatchNMF
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer
from sklearn.utils.estimator_checks import check_estimator

from skastro.inspection import NMFParts

SHAPE = (3, 5, 6)


def events(
    n: int = 120, density: float = 0.08, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Volumes of two classes with hits about different places; some have none."""
    rng = np.random.default_rng(seed)
    y = np.where(np.arange(n) % 2, "proton", "deuteron")
    X = rng.exponential(3.0, (n, *SHAPE)) * (rng.random((n, *SHAPE)) < density)
    X[y == "proton", 0, 2, 3] += rng.exponential(5.0, (y == "proton").sum())
    X[y == "deuteron", 2, 1] += rng.exponential(2.0, ((y == "deuteron").sum(), 1))
    X[:4] = 0
    return X, y


def dense_share(X: np.ndarray, W: np.ndarray, H: np.ndarray, base: Any = 0.0) -> float:
    return float(1 - ((X - W @ H) ** 2).sum() / ((X - base) ** 2).sum())


@pytest.mark.parametrize("solver", ["cd", "mu", "minibatch"])
def test_checks_of_scikit_learn_pass_with_every_solver(solver: str) -> None:
    check_estimator(NMFParts(solver=solver), on_skip=None)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("solver", "model"),
    [
        ("cd", NMF(3, solver="cd", max_iter=400, random_state=5)),
        ("mu", NMF(3, solver="mu", max_iter=400, random_state=5)),
        (
            "minibatch",
            MiniBatchNMF(3, batch_size=16, max_iter=400, random_state=5),
        ),
    ],
)
def test_parts_equal_those_of_scikit_learn_to_the_bit(
    solver: str, model: Any, dtype: type
) -> None:
    X = events()[0].reshape(120, -1).astype(dtype)
    rows = csr_array(X)
    parts = NMFParts(3, solver=solver, max_iter=400, batch_size=16, random_state=5)
    parts.fit(X)
    W = model.fit(rows).transform(rows)
    assert type(parts.models_["all"]) is type(model)
    assert np.array_equal(parts.components_, model.components_)
    assert np.array_equal(parts.transform(X), W)
    assert parts.components_.dtype == W.dtype == dtype
    assert parts.converged_ == {"all": True}
    assert parts.n_iter_ == model.n_iter_ < 400


def test_further_parameters_reach_the_model() -> None:
    X = events()[0].reshape(120, -1)
    given = {"beta_loss": "kullback-leibler", "alpha_W": 0.01}
    ours = NMFParts(2, solver="mu", random_state=0, nmf_params=given).fit(X)
    theirs = NMF(2, solver="mu", random_state=0, **given).fit(csr_array(X))
    assert np.array_equal(ours.components_, theirs.components_)
    with pytest.raises(ValueError, match="Invalid parameter 'no'"):
        NMFParts(nmf_params={"no": 1}).fit(X)


@pytest.mark.parametrize("solver", ["cd", "minibatch"])
def test_each_class_is_as_if_fitted_alone(solver: str) -> None:
    X, y = events()
    options: dict[str, Any] = {"solver": solver, "random_state": 3, "batch_size": 32}
    both = NMFParts(2, **options).fit(X, y)
    assert both.classes_.tolist() == list(both.models_) == ["deuteron", "proton"]
    weights = both.transform(X)
    for k, label in enumerate(both.classes_):
        alone = NMFParts(2, **options).fit(X[y == label])
        H = both.components_by_class_[label]
        assert np.array_equal(H, alone.components_)
        assert np.array_equal(both.components_[2 * k : 2 * k + 2], H)
        assert np.array_equal(weights[:, 2 * k : 2 * k + 2], alone.transform(X))
        assert both.explained_share_[label] == alone.explained_share_["all"]
        assert np.array_equal(both.part_shares_[label], alone.part_shares_["all"])
    assert both.get_feature_names_out().tolist() == [
        "deuteron_part0",
        "deuteron_part1",
        "proton_part0",
        "proton_part1",
    ]


def test_common_parts_do_not_look_at_the_classes() -> None:
    X, y = events()
    common = NMFParts(2, per_class=False, random_state=0).fit(X, y)
    without = NMFParts(2, random_state=0).fit(X)
    assert np.array_equal(common.components_, without.components_)
    assert len(common.classes_) == 0
    assert common.explained_share(X, y) == common.explained_share_
    assert common.get_feature_names_out().tolist() == ["part0", "part1"]


@pytest.mark.parametrize("density", [0.08, 0.6])
@pytest.mark.parametrize("center", ["none", "largest"])
def test_flat_volumes_and_sparse_rows_agree_to_the_bit(
    density: float, center: str
) -> None:
    X, y = events(density=density)
    flat = X.reshape(len(X), -1)
    with_zeros = csr_array(flat)
    twice = csr_array(
        (
            np.repeat(with_zeros.data / 2, 2),
            np.repeat(with_zeros.indices, 2),
            with_zeros.indptr * 2,
        ),
        shape=flat.shape,
    )
    kept = twice.data.copy()
    parts = NMFParts(3, center=center, image_shape=SHAPE, random_state=0, max_iter=30)
    expected = parts.fit(flat, y).transform(flat)
    H, share = parts.components_, parts.explained_share_
    for layout in (
        X,
        csr_array(flat),
        csr_matrix(flat),
        csr_array(flat).tocsc(),
        twice,
    ):
        parts.fit(layout, y)
        assert np.array_equal(parts.components_, H)
        assert parts.explained_share_ == share
        assert np.array_equal(parts.transform(layout), expected)
        assert np.array_equal(parts.transform(X), expected)
        assert parts.input_shape_ == SHAPE
    assert np.array_equal(twice.data, kept)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("density", [0.08, 0.6])
@pytest.mark.parametrize("solver", ["cd", "minibatch"])
def test_explained_shares_equal_dense_computations(
    solver: str, density: float, dtype: type
) -> None:
    X, y = events(density=density)
    X = X.reshape(len(X), -1).astype(dtype)
    train = np.arange(len(X)) % 4 < 2
    parts = NMFParts(3, solver=solver, random_state=0).fit(X[train], y[train])
    test_shares = parts.explained_share(csr_array(X[~train]), y[~train])
    over_mean = parts.explained_share(X[~train], y[~train], relative_to="mean")
    near = {"rel": 0, "abs": 1e-10}
    rest = total = 0.0
    for label in parts.classes_:
        H = parts.components_by_class_[label].astype(float)

        def weights(rows: np.ndarray, label: str = label) -> np.ndarray:
            rows = csr_array(rows) if density < 0.2 else rows
            return parts.models_[label].transform(rows).astype(float)

        seen, other = X[train & (y == label)], X[~train & (y == label)]
        W_seen, W = weights(seen), weights(other)
        seen, other = seen.astype(float), other.astype(float)
        mean = seen.mean(axis=0)
        got = parts.explained_share_[label]
        assert got == pytest.approx(dense_share(seen, W_seen, H), **near)
        got = parts.explained_share_over_mean_[label]
        assert got == pytest.approx(dense_share(seen, W_seen, H, mean), **near)
        share = dense_share(other, W, H)
        assert test_shares[label] == pytest.approx(share, **near)
        share = dense_share(other, W, H, mean)
        assert over_mean[label] == pytest.approx(share, **near)
        assert over_mean[label] < test_shares[label] < 1
        rest += ((other - W @ H) ** 2).sum()
        total += (other**2).sum()
    assert parts.score(X[~train], y[~train]) == pytest.approx(
        1 - rest / total, rel=0, abs=1e-10
    )


def test_share_of_training_is_the_same_when_asked_again() -> None:
    X, y = events()
    parts = NMFParts(4, random_state=0).fit(X, y)
    assert parts.explained_share(X, y) == parts.explained_share_
    again = parts.explained_share(X, y, relative_to="mean")
    assert again == parts.explained_share_over_mean_
    assert all(parts.converged_.values())
    for label, model in parts.models_.items():
        norm = np.linalg.norm(X[y == label])
        # `NMF` has its error from before the last step of the weights.
        theirs = 1 - (model.reconstruction_err_ / norm) ** 2
        assert parts.explained_share_[label] == pytest.approx(theirs, abs=1e-4)


def test_shares_of_parts_add_up_and_more_parts_explain_more() -> None:
    X, y = events()
    previous = 0.0
    for k in (1, 3, 9):
        parts = NMFParts(k, random_state=0, max_iter=2000).fit(X, y)
        for label, shares in parts.part_shares_.items():
            assert shares.shape == (k,)
            assert (shares > 0).all()
            assert shares.sum() == pytest.approx(parts.explained_share_[label])
        assert parts.explained_share_["deuteron"] > previous
        previous = parts.explained_share_["deuteron"]


def test_exact_parts_explain_everything() -> None:
    rng = np.random.default_rng(0)
    X = rng.random((50, 2)) @ np.kron(np.eye(2), np.ones((1, 20)))
    parts = NMFParts(2, random_state=0, tol=1e-10, max_iter=5000).fit(X)
    assert parts.explained_share_["all"] == pytest.approx(1, abs=1e-8)
    assert parts.explained_share_["all"] <= 1


@pytest.mark.parametrize("solver", ["cd", "mu", "minibatch"])
def test_events_of_one_voxel_are_explained_without_a_warning(solver: str) -> None:
    X = np.zeros((7, 12))
    X[:, 4] = np.arange(1.0, 8.0)
    parts = NMFParts(2, solver=solver, random_state=0).fit(X)
    assert parts.explained_share_["all"] == pytest.approx(1, abs=1e-4)
    assert np.isfinite(parts.components_).all()


def test_equal_events_leave_nothing_beside_their_mean() -> None:
    parts = NMFParts(1, random_state=0).fit(np.tile([0.1, 0, 0.7, 0.3], (7, 1)))
    assert parts.explained_share_["all"] == pytest.approx(1)
    assert np.isnan(parts.explained_share_over_mean_["all"])


def test_largest_value_is_shifted_to_the_middle() -> None:
    X = np.zeros((5, 2, 3, 3))
    X[0, 0, 0, 0], X[0, 1, 2, 1] = 5, 1  # the largest in a corner
    X[1, 1, 2, 2], X[1, 0, 0, 0] = 4, 3  # and in the opposite one
    X[2, 0, 1, 2] = X[2, 1, 1, 0] = 2  # of two, the first counts
    X[3, 0, 2, 0] = 7
    parts = NMFParts(1, center="largest", random_state=0).fit(X)
    assert parts.part_shape_ == (3, 5, 5)
    expected = np.zeros((5, 3, 5, 5))
    expected[0, 1, 2, 2], expected[0, 2, 4, 3] = 5, 1
    expected[1, 1, 2, 2], expected[1, 0, 0, 0] = 4, 3
    expected[2, 1, 2, 2] = expected[2, 2, 2, 0] = 2
    expected[3, 1, 2, 2] = 7
    rows = expected.reshape(5, -1)
    assert np.array_equal(parts.mean_events_["all"], rows.mean(axis=0))
    theirs = NMF(1, random_state=0).fit(csr_array(rows))
    assert np.array_equal(parts.components_, theirs.components_)
    assert np.array_equal(parts.transform(X), theirs.transform(csr_array(rows)))
    # Nothing is cut off: the total is that of the events.
    W = theirs.transform(csr_array(rows))
    share = dense_share(rows, W, theirs.components_)
    assert parts.explained_share_["all"] == pytest.approx(share, abs=1e-10)
    assert share == pytest.approx(
        1 - ((rows - W @ theirs.components_) ** 2).sum() / ((X**2).sum())
    )
    assert parts.part_images().shape == (1, 3, 5, 5)
    assert parts.inverse_transform(W).shape == (5, 3, 5, 5)


def test_channels_are_shifted_with_the_first_one() -> None:
    X = np.zeros((3, 2, 2, 2, 3))
    X[0, 0, 1, 0, 2], X[0, 1, 1, 0, 2], X[0, 1, 0, 0, 2] = 1, 50, 40
    X[1, 0, 0, 1, 0], X[1, 1, 0, 1, 1] = 3, 9
    X[2, 1, 0, 1, 2] = 6  # nothing in the first channel
    parts = NMFParts(1, center="largest", random_state=0).fit(X)
    assert parts.part_shape_ == (2, 3, 3, 5)
    expected = np.zeros((3, 2, 3, 3, 5))
    expected[0, 0, 1, 1, 2], expected[0, 1, 1, 1, 2], expected[0, 1, 0, 1, 2] = (
        1,
        50,
        40,
    )
    expected[1, 0, 1, 1, 2], expected[1, 1, 1, 1, 3] = 3, 9
    expected[2, 1, 1, 2, 3] = 6
    mean = expected.reshape(3, -1).mean(axis=0)
    assert np.array_equal(parts.mean_events_["all"], mean)
    same = NMFParts(1, center="largest", center_axes=[1, 2, 3], random_state=0).fit(X)
    assert np.array_equal(same.components_, parts.components_)
    plane = NMFParts(1, center="largest", center_axes=[2, 3], random_state=0).fit(X)
    assert plane.part_shape_ == (2, 2, 3, 5)


@pytest.mark.parametrize("solver", ["cd", "mu", "minibatch"])
def test_events_without_a_hit_have_no_weights(solver: str) -> None:
    X, y = events()
    parts = NMFParts(2, solver=solver, random_state=0).fit(X, y)
    weights = parts.transform(X)
    assert (weights[:4] == 0).all()
    assert (weights[4:].sum(axis=1) > 0).all()
    assert (parts.transform(X[:2]) == 0).all()
    assert all(np.isnan(v) for v in parts.explained_share(X[:4], y[:4]).values())
    centered = NMFParts(2, solver=solver, center="largest", random_state=0).fit(X, y)
    assert (centered.transform(X)[:4] == 0).all()


def test_a_class_of_empty_events_is_refused() -> None:
    X, y = events()
    X[y == "proton"] = 0
    with pytest.raises(ValueError, match="class 'proton' has a value above 0"):
        NMFParts().fit(X, y)
    with pytest.raises(ValueError, match="No event has a value above 0"):
        NMFParts().fit(np.zeros((5, 4)))


def test_auto_takes_minibatches_for_many_parts_of_many_events() -> None:
    X = events(70)[0]
    options: dict[str, Any] = {"random_state": 0, "max_iter": 2}
    few = NMFParts(2, batch_size=10, **options).fit(X)
    assert type(few.models_["all"]) is NMF
    many = NMFParts(32, batch_size=10, **options).fit(X)
    assert type(many.models_["all"]) is MiniBatchNMF
    short = NMFParts(32, batch_size=35, **options).fit(X)
    assert type(short.models_["all"]) is NMF


def test_an_unfinished_fit_says_so_without_a_warning() -> None:
    X, y = events()
    parts = NMFParts(5, max_iter=2, random_state=0).fit(X, y)
    assert parts.converged_ == {"deuteron": False, "proton": False}
    assert parts.n_iter_ == 2


def test_inverse_transform_gives_events_of_a_class() -> None:
    X, y = events()
    parts = NMFParts(2, random_state=0).fit(X, y)
    W = parts.transform(X)
    back = parts.inverse_transform(W, "proton")
    assert back.shape == X.shape
    expected = (W[:, 2:] @ parts.components_by_class_["proton"]).reshape(X.shape)
    assert np.array_equal(back, expected)
    assert np.array_equal(parts.inverse_transform(W[:, 2:], "proton"), expected)
    flat = NMFParts(2, random_state=0).fit(X.reshape(len(X), -1))
    assert flat.inverse_transform(flat.transform(X.reshape(120, -1))).shape == (120, 90)
    other = parts.inverse_transform(W, "deuteron")
    np.testing.assert_allclose(parts.inverse_transform(W), (back + other) / 2)
    with pytest.raises(ValueError, match="label must be one of"):
        parts.inverse_transform(W, "muon")
    with pytest.raises(ValueError, match="4 columns, or 2 of one class"):
        parts.inverse_transform(W[:, :3], "proton")


def test_what_makes_no_sense_is_refused() -> None:
    X, y = events()
    flat = X.reshape(len(X), -1)
    with pytest.raises(ValueError, match="image_shape for flat rows"):
        NMFParts(center="largest").fit(flat)
    with pytest.raises(ValueError, match="60 features, but X has 90"):
        NMFParts(image_shape=(2, 5, 6)).fit(flat)
    with pytest.raises(ValueError, match="one event of X is"):
        NMFParts(image_shape=(5, 3, 6)).fit(X)
    with pytest.raises(ValueError, match="all positive integers"):
        NMFParts(image_shape=(3, 0, 6)).fit(X)
    with pytest.raises(ValueError, match="different axes from 0 to 2"):
        NMFParts(center="largest", center_axes=[1, 3]).fit(X)
    with pytest.raises(ValueError, match="Unknown label type"):
        NMFParts().fit(X, np.linspace(0, 1.5, len(X)))
    with pytest.raises(ValueError, match="120 events, but y has 3"):
        NMFParts().fit(X, y[:3])
    with pytest.raises(ValueError, match="Negative values in data"):
        NMFParts().fit(X - 1)
    X[7, 1, 2, 3] = np.nan
    with pytest.raises(ValueError, match=r"1 of 10800 values.*\(7, 45\)"):
        NMFParts().fit(X)
    X[7, 1, 2, 3] = 0
    parts = NMFParts().fit(X, y)
    with pytest.raises(ValueError, match="fitted on events of shape"):
        parts.transform(X.transpose(0, 2, 1, 3))
    with pytest.raises(ValueError, match="give y"):
        parts.explained_share(X)
    with pytest.raises(ValueError, match=r"not seen in fit: \['kaon'\]"):
        parts.score(X, np.where(y == "proton", "kaon", y))
    with pytest.raises(ValueError, match="relative_to"):
        parts.explained_share(X, y, relative_to="median")


def test_classes_may_be_missing_among_held_out_events() -> None:
    X, y = events()
    parts = NMFParts(random_state=0).fit(X, y)
    assert list(parts.explained_share(X[y == "proton"], y[y == "proton"])) == ["proton"]


def test_pipelines_searches_and_pickles() -> None:
    X, y = events()
    flat = csr_array(X.reshape(len(X), -1))
    search = GridSearchCV(
        make_pipeline(Binarizer(), NMFParts(random_state=0)),
        {"nmfparts__n_components": [1, 3]},
        cv=3,
    ).fit(flat, y)
    assert search.best_params_ == {"nmfparts__n_components": 3}
    best = search.best_estimator_
    loaded = pickle.loads(pickle.dumps(best))
    assert np.array_equal(loaded.transform(flat), best.transform(flat))
    frame = NMFParts(random_state=0).set_output(transform="pandas").fit(flat, y)
    assert frame.transform(flat).columns[3] == "proton_part1"


def test_seeds_fix_the_result_and_the_global_stream_is_left_alone() -> None:
    X, y = events()
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    NMFParts(init="random", max_iter=2).fit(X, y)
    first, second = (
        NMFParts(init="random", random_state=seed).fit(X, y).components_
        for seed in (1, 2)
    )
    assert not np.array_equal(first, second)
    third = NMFParts(init="random", random_state=np.random.RandomState(4)).fit(X, y)
    fourth = NMFParts(init="random", random_state=np.random.RandomState(4)).fit(X, y)
    assert np.array_equal(third.components_, fourth.components_)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002

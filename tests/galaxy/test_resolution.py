"""Lower resolution, compared with OpenCV and with what it should mean."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skastro.galaxy import ResolutionDegrader

METHODS = ["nearest", "bilinear", "bicubic"]
TOLERANCE = 1e-6


def images(shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


def opencv(
    X: np.ndarray, factor: float, rounding: str, method: str | None
) -> np.ndarray:
    """Do the same with cv2.resize, one (h, w) image at a time."""
    cv2 = pytest.importorskip("cv2")
    flags = {
        "nearest": cv2.INTER_NEAREST,
        "bilinear": cv2.INTER_LINEAR,
        "bicubic": cv2.INTER_CUBIC,
    }
    h, w = X.shape[-2:]
    scale = 1 / factor
    size = max(1, round(w * scale)), max(1, round(h * scale))
    done = []
    for image in X.reshape(-1, h, w):
        if rounding == "block":
            small = cv2.resize(
                image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
            )
        else:
            small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        if method is not None:
            small = cv2.resize(small, (w, h), interpolation=flags[method])
        done.append(small)
    return np.stack(done).reshape(*X.shape[:-2], *done[0].shape)


def tolerance() -> float:
    """OpenCV without Intel's library places weights less precisely."""
    cv2 = pytest.importorskip("cv2")
    return TOLERANCE if cv2.ipp.useIPP() else 3e-5


def assert_equals_opencv(
    X: np.ndarray, factor: float, rounding: str, method: str | None
) -> None:
    ours = ResolutionDegrader(
        factor=factor, rounding=rounding, enlarge=method
    ).transform(X)
    theirs = opencv(X, factor, rounding, method)
    assert ours.shape == theirs.shape
    assert ours.dtype == X.dtype
    error = np.abs(ours - theirs).max() / np.abs(X).max()
    assert error < tolerance(), (X.shape, factor, error)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rounding", ["block", "exact"])
@pytest.mark.parametrize("method", [*METHODS, None])
def test_equals_opencv_for_the_factors_of_the_study(
    method: str | None, rounding: str, dtype: type
) -> None:
    X = images((2, 64, 64), dtype)
    for factor in range(1, 9):
        assert_equals_opencv(X, factor, rounding, method)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rounding", ["block", "exact"])
@pytest.mark.parametrize("method", [*METHODS, None])
def test_equals_opencv_for_random_shapes_and_factors(
    method: str | None, rounding: str, dtype: type
) -> None:
    rng = np.random.default_rng(1)
    for trial in range(120):
        h, w = rng.integers(1, 24 if trial % 2 else 130, size=2)
        factor = float(
            rng.choice([rng.integers(1, 9), round(rng.uniform(1, 8), 1)])
            if trial % 3
            else rng.uniform(1, 8)
        )
        if rounding == "block" and min(h, w) / factor <= 0.5:
            continue  # OpenCV raises an error
        assert_equals_opencv(images((1, h, w), dtype), factor, rounding, method)


@pytest.mark.parametrize(
    ("shape", "factor"),
    [
        ((2, 3, 33, 50), 3),  # channels
        ((2, 63, 45), 2.5),
        ((2, 64, 64), 3.3),
        ((1, 300, 611), 7),
        ((3, 2, 2), 1.2),  # neither axis changes: a copy
        ((3, 2, 64), 1.2),  # one of them does not
        ((2, 101, 99), 3.0005),  # overlaps that OpenCV leaves out
        ((2, 120, 90), 9.99),
        ((1, 5, 5), 40),
    ],
)
def test_equals_opencv_in_odd_cases(shape: tuple[int, ...], factor: float) -> None:
    for dtype in (np.float32, np.float64):
        for rounding in ("block", "exact"):
            if rounding == "block" and min(shape[-2:]) / factor <= 0.5:
                continue
            for method in METHODS:
                assert_equals_opencv(images(shape, dtype), factor, rounding, method)


@pytest.mark.parametrize("factor", [2, 3, 8, 2.5])
def test_a_single_row_of_pixels(factor: float) -> None:
    X = images((4, 1, 37), np.float64)
    flat = ResolutionDegrader(factor=factor).fit_transform(X[:, 0])
    assert np.array_equal(flat, ResolutionDegrader(factor=factor).transform(X)[:, 0])
    assert_equals_opencv(X, factor, "exact", "bilinear")


@pytest.mark.parametrize("method", [*METHODS, None])
def test_the_three_layouts_agree(method: str | None) -> None:
    X = images((5, 3, 12, 10))
    one = ResolutionDegrader(factor=3, enlarge=method)
    size = (12, 10) if method else (4, 3)
    expected = one.transform(X)
    assert expected.shape == (5, 3, *size)
    rows = clone(one).set_params(image_shape=(3, 12, 10))
    assert np.array_equal(rows.fit_transform(X.reshape(5, -1)), expected.reshape(5, -1))
    # Products of another number of rows may round differently.
    assert np.allclose(one.transform(X[:, 1]), expected[:, 1], atol=1e-6)


def test_bytes_and_memory_maps(tmp_path: object) -> None:
    X = np.random.default_rng(0).integers(0, 256, size=(70, 64, 64)).astype(np.uint8)
    expected = ResolutionDegrader(factor=3).transform(X.astype(np.float32))
    assert expected.dtype == np.float32
    np.save(f"{tmp_path}/X.npy", X)
    mapped = np.load(f"{tmp_path}/X.npy", mmap_mode="r")
    for given in (X, mapped, X[:, ::-1][:, ::-1]):
        got = ResolutionDegrader(factor=3).fit(given).transform(given)
        assert got.dtype == np.float32
        assert np.array_equal(got, expected)
    as_int = ResolutionDegrader(factor=3).transform(X.astype(np.int32))
    assert as_int.dtype == np.float64
    assert np.allclose(as_int, expected, atol=1e-4)


def test_a_batch_does_not_change_its_images() -> None:
    # More images than one piece holds, and a last piece that is not full.
    X = images((150, 64, 64))
    together = ResolutionDegrader(factor=5).transform(X)
    alone = np.concatenate([ResolutionDegrader(factor=5).transform(x[None]) for x in X])
    assert np.abs(together - alone).max() < 1e-6


def test_input_is_not_changed_nor_shared() -> None:
    X = images((2, 8, 8))
    before = X.copy()
    for parameters in ({"factor": 1}, {"factor": 2}, {"factor": 1, "enlarge": None}):
        out = ResolutionDegrader(**parameters).transform(X)
        assert not np.shares_memory(out, X)
        out[:] = 0
        assert np.array_equal(X, before)


@pytest.mark.parametrize("factor", [1, 2, 3.3])
def test_psf_matching_comes_first(factor: float) -> None:
    X = images((3, 40, 31), np.float64)
    sigma = np.sqrt(3.7**2 - 1.4**2) / 2.3548200450309493
    smooth = np.stack([gaussian_filter(x, sigma, mode="reflect") for x in X])
    matched = ResolutionDegrader(factor=factor, psf_fwhm_in=1.4, psf_fwhm_out=3.7)
    plain = ResolutionDegrader(factor=factor)
    assert np.allclose(matched.transform(X), plain.transform(smooth), atol=1e-12)


def test_psf_matching_gives_the_wanted_width() -> None:
    y, x = np.mgrid[:65, :65] - 32.0
    fwhm_in, fwhm_out = 4.0, 9.0
    sigmas = np.array([fwhm_in, fwhm_out]) / 2.3548200450309493
    before, after = (np.exp(-0.5 * (x**2 + y**2) / s**2) / s**2 for s in sigmas)
    matched = ResolutionDegrader(
        factor=1, psf_fwhm_in=fwhm_in, psf_fwhm_out=fwhm_out
    ).transform(before[None])[0]
    assert np.allclose(matched, after, atol=1e-3 * after.max())
    assert np.isclose(matched.sum(), before.sum())


def test_equal_widths_change_nothing() -> None:
    X = images((2, 16, 16))
    same = ResolutionDegrader(factor=2, psf_fwhm_in=3, psf_fwhm_out=3)
    assert np.array_equal(same.transform(X), ResolutionDegrader(factor=2).transform(X))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"psf_fwhm_in": 1.0}, "go together"),
        ({"psf_fwhm_out": 1.0}, "go together"),
        ({"psf_fwhm_in": 2.0, "psf_fwhm_out": 1.0}, "wider PSF only"),
        ({"factor": 0.5}, "factor"),
        ({"factor": np.nan}, "factor"),
        ({"factor": np.inf}, "factor"),
        ({"enlarge": "cubic"}, "enlarge"),
        ({"noise_sigma": -1}, "noise_sigma"),
        ({"image_shape": (3, 3)}, "image_shape"),
    ],
)
def test_parameters_without_meaning_are_refused(parameters: dict, message: str) -> None:
    X = images((2, 8, 8))
    with pytest.raises(ValueError, match=message):
        ResolutionDegrader(**parameters).fit(X)
    with pytest.raises(ValueError, match=message):
        ResolutionDegrader(**parameters).transform(X)


def test_noise_is_that_of_the_small_pixels() -> None:
    X = np.full((40, 64, 64), 7.0)
    noisy = ResolutionDegrader(
        factor=4, enlarge=None, noise_sigma=0.5, random_state=0
    ).transform(X)
    assert noisy.shape == (40, 16, 16)
    assert abs(noisy.std() - 0.5) < 0.01
    assert abs(noisy.mean() - 7) < 0.02
    # Enlarged without interpolation, cells keep one value each.
    cells = ResolutionDegrader(
        factor=4, enlarge="nearest", noise_sigma=0.5, random_state=0
    ).transform(X)
    assert np.allclose(cells[:, ::4, ::4], noisy)
    assert np.array_equal(cells[:, 1::4, 2::4], cells[:, ::4, ::4])


def test_noise_is_seeded() -> None:
    X = images((70, 64, 64), np.float64)
    one = ResolutionDegrader(noise_sigma=1.0, random_state=3)
    first = one.transform(X)
    assert np.array_equal(one.fit(X).transform(X), first)
    # Drawn image by image, so that neither precision nor a longer set matters.
    assert np.allclose(one.transform(X[:50].astype(np.float32)), first[:50], atol=1e-5)
    other = clone(one).set_params(random_state=4).transform(X)
    assert not np.allclose(other, first)
    state = np.random.RandomState(0)
    drawn = clone(one).set_params(random_state=state)
    assert not np.allclose(drawn.transform(X), drawn.transform(X))


def test_global_random_state_is_left_alone() -> None:
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    ResolutionDegrader(noise_sigma=1.0).transform(images((2, 8, 8)))
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_a_hole_is_refused_with_its_place() -> None:
    for dtype in (np.float32, np.float64):
        X = images((150, 64, 64), dtype)
        # Pixels of the last row and column, which factor 3 leaves out.
        X[149, 63, 63] = np.nan
        X[141, 2, 3] = np.inf
        with pytest.raises(ValueError, match=r"2 of 614400 values.*\(141, 2, 3\)"):
            ResolutionDegrader(factor=3).transform(X)
    with pytest.raises(ValueError, match="infinity"):
        ResolutionDegrader().transform(np.full((1, 4, 4), -np.inf))


def test_large_numbers_are_no_holes() -> None:
    X = images((3, 8, 8)) * np.float32(1e30)
    out = ResolutionDegrader().transform(X)
    scaled = ResolutionDegrader().transform(X / np.float32(1e30))
    assert np.allclose(out / np.float32(1e30), scaled, atol=1e-6)


def test_fitted_or_not() -> None:
    X, other = images((3, 8, 8)), images((3, 9, 9))
    one = ResolutionDegrader()
    state = dict(vars(one))
    one.transform(X)
    one.transform(other)
    assert vars(one) == state
    with pytest.raises(NotFittedError):
        one.get_feature_names_out()
    one.fit(X)
    assert one.input_shape_ == (1, 8, 8)
    with pytest.raises(ValueError, match=r"shape \(1, 8, 8\).*\(1, 9, 9\)"):
        one.transform(other)
    one.set_params(factor=0.1)
    with pytest.raises(ValueError, match="factor"):
        one.transform(X)


def test_names_and_data_frames() -> None:
    X = pd.DataFrame(images((4, 24), np.float64)).add_prefix("p")
    same = ResolutionDegrader(image_shape=(4, 6)).set_output(transform="pandas")
    out = same.fit_transform(X)
    assert list(out.columns) == list(X.columns)
    small = clone(same).set_params(enlarge=None, factor=2.5)
    small.set_output(transform="pandas")
    out = small.fit_transform(X)
    assert out.shape == (4, 4)
    assert list(out.columns) == list(small.get_feature_names_out())
    assert out.columns[3] == "resolutiondegrader3"
    channels = ResolutionDegrader(image_shape=(2, 4, 3), enlarge=None)
    assert len(channels.fit(X).get_feature_names_out()) == 2 * 2 * 2


def test_composes_and_pickles() -> None:
    X = images((12, 64), np.float64)
    pipe = make_pipeline(ResolutionDegrader(image_shape=(8, 8)), StandardScaler())
    out = pipe.fit_transform(X)
    again = pickle.loads(pickle.dumps(pipe)).transform(X)
    assert np.array_equal(again, out)

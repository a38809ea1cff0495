"""`make_galaxies`: its contract, and how hard its galaxies are."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skastro.datasets import make_galaxies
from skastro.galaxy import unpack_objid

FLAGS = ["spiral", "elliptical", "uncertain"]


@pytest.fixture(scope="module")
def jpegs():
    return make_galaxies(1000, output="uint8", random_state=0)


def statistics(images):
    """Mean, standard deviation, centre and border: brightness, no shapes."""
    images = images.astype(np.float64)
    rows, columns = np.mgrid[:64, :64] - 31.5
    radius = np.hypot(rows, columns)
    return np.column_stack(
        [
            images.mean(axis=(1, 2)),
            images.std(axis=(1, 2)),
            images[:, radius < 3].mean(axis=1),
            np.median(images[:, radius > 30], axis=1),
        ]
    )


def test_bunch():
    galaxies = make_galaxies(145, random_state=0)
    assert galaxies.images.shape == (145, 64, 64)
    assert galaxies.images.dtype == np.float32
    assert set(galaxies) == {
        "images",
        "objid",
        "ra",
        "dec",
        "majority_vote",
        "flag",
        "target",
        "target_names",
        "redshift",
        "scale_arcsec",
        "bands",
        "truth",
        "DESCR",
    }
    for key in ("objid", "ra", "dec", "majority_vote", "flag", "target", "redshift"):
        assert galaxies[key].shape == (145,), key
    assert galaxies.scale_arcsec == 0.396
    assert galaxies.target_names == FLAGS
    # One fifth of the real 284 : 122 : 319.
    counts = [int(np.sum(galaxies.flag == name)) for name in FLAGS]
    np.testing.assert_allclose(counts, [56.8, 24.4, 63.8], atol=1.0)
    assert "145 simulated" in galaxies.DESCR
    truth = galaxies.truth
    np.testing.assert_array_equal(truth["flag"].to_numpy(dtype=str), galaxies.flag)
    np.testing.assert_array_equal(truth["redshift"], galaxies.redshift)
    # The classes are mixed, not one after the other.
    assert np.sum(galaxies.flag[1:] != galaxies.flag[:-1]) > 50


def test_ids_and_positions_are_possible():
    galaxies = make_galaxies(700, size=16, noise=0.0, random_state=1)
    assert galaxies.objid.dtype == np.int64
    assert np.unique(galaxies.objid).size == 700
    parts = unpack_objid(galaxies.objid)
    assert np.all(parts.skyversion == 1)
    assert np.all(parts.rerun == 41)
    assert np.all((parts.camcol >= 1) & (parts.camcol <= 6))
    assert np.all(parts.field >= 11)
    assert np.all((parts.id >= 1) & (parts.id <= 300))
    assert np.all((galaxies.ra >= 0) & (galaxies.ra < 360))
    assert np.all(np.abs(galaxies.dec) <= 90)


def test_seed_fixes_all_and_the_global_state_is_untouched():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    a, b, c = (make_galaxies(70, size=32, random_state=s) for s in (5, 5, 6))
    make_galaxies(2, size=16)
    after = np.random.get_state()[1]  # noqa: NPY002
    np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(a.images, b.images)
    np.testing.assert_array_equal(a.objid, b.objid)
    assert a.truth.equals(b.truth)
    assert not np.array_equal(a.images, c.images)
    for make in (np.random.RandomState, np.random.default_rng):
        first, second = (
            make_galaxies(3, size=16, random_state=make(0), return_X_y=True)[0]
            for _ in range(2)
        )
        np.testing.assert_array_equal(first, second)


def test_outputs_are_the_same_galaxies():
    counts, nanomaggies = (
        make_galaxies(40, output=output, random_state=2)
        for output in ("counts", "nanomaggies")
    )
    np.testing.assert_array_equal(counts.flag, nanomaggies.flag)
    assert np.all(counts.images >= 1000)
    assert abs(np.median(nanomaggies.images[:, :4, :4])) < 0.05
    back = (counts.images - 1142.0) * np.float32(0.0052)
    np.testing.assert_allclose(back, nanomaggies.images, atol=0.0027)


@pytest.mark.parametrize("output", ["counts", "nanomaggies", "uint8"])
def test_bands_have_an_axis(output):
    X, y = make_galaxies(
        5, bands="gri", size=48, output=output, return_X_y=True, random_state=0
    )
    assert X.shape == (5, 3, 48, 48)
    assert y.shape == (5,)
    assert np.isfinite(X).all()
    assert X.dtype == (np.uint8 if output == "uint8" else np.float32)
    one = make_galaxies(5, bands=["g"], size=48, output=output, random_state=0)
    assert one.images.shape == (5, 48, 48)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"uncertain": "drop"}, [70, 30, 0]),
        ({"class_weights": {"spiral": 1, "elliptical": 1}}, [50, 50, 0]),
        ({"class_weights": {"spiral": 4058, "elliptical": 1561, "uncertain": 9310}},
         [27, 11, 62]),
        ({"class_weights": dict.fromkeys(FLAGS, 0.1)}, [34, 33, 33]),
    ],
)  # fmt: skip
def test_class_shares(options, expected):
    galaxies = make_galaxies(100, size=16, random_state=0, **options)
    assert [int(np.sum(galaxies.flag == name)) for name in FLAGS] == expected
    assert galaxies.target_names == [
        name for name, n in zip(FLAGS, expected, strict=True) if n
    ]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"n_samples": 0}, "n_samples"),
        ({"n_samples": 10.0}, "n_samples"),
        ({"n_samples": True}, "n_samples"),
        ({"size": 8}, "size"),
        ({"bands": "rx"}, "bands"),
        ({"bands": "rr"}, "bands"),
        ({"bands": ""}, "bands"),
        ({"output": "dn"}, "output"),
        ({"psf": "airy"}, "psf"),
        ({"psf_fwhm": 0.5}, "psf_fwhm"),
        ({"psf_fwhm": np.nan}, "psf_fwhm"),
        ({"sky": -1.0}, "sky"),
        ({"noise": np.inf}, "noise"),
        ({"noise": "low"}, "noise"),
        ({"uncertain": "maybe"}, "uncertain"),
        ({"class_weights": {"ring": 1}}, "ring"),
        ({"class_weights": {"spiral": -1}}, "class_weights"),
        ({"class_weights": {"uncertain": 1}, "uncertain": "drop"}, "class_weights"),
    ],
)
def test_refusals(options, match):
    with pytest.raises(ValueError, match=match):
        make_galaxies(**{"n_samples": 4, **options})


def test_seeing_and_noise_change_images_and_not_flags():
    sharp = make_galaxies(40, random_state=3, noise=0.0)
    blurred = make_galaxies(40, random_state=3, noise=0.0, psf_fwhm=4.0, sky=500.0)
    np.testing.assert_array_equal(sharp.flag, blurred.flag)
    assert sharp.truth.equals(blurred.truth)
    assert np.median(blurred.images[:, :4, :4]) >= 1500
    centre = (slice(None), slice(28, 36), slice(28, 36))
    peak = sharp.images[centre].max(axis=(1, 2)) - 1142
    assert np.mean(blurred.images[centre].max(axis=(1, 2)) - 1500 < peak) > 0.9


def test_large_images():
    galaxies = make_galaxies(3, size=200, random_state=0)
    assert galaxies.images.shape == (3, 200, 200)
    assert np.isfinite(galaxies.images).all()


def test_difficulty_is_that_of_the_real_ones(jpegs):
    features, flag = statistics(jpegs.images), jpegs.flag
    model = make_pipeline(StandardScaler(), LogisticRegression(C=10, max_iter=2000))
    two = flag != "uncertain"
    easy = cross_val_score(model, features[two], flag[two], cv=5).mean()
    hard = cross_val_score(model, features, flag, cv=5).mean()
    # Real: 0.92 and 0.645.
    assert 0.87 < easy < 0.95
    assert 0.60 < hard < 0.71


def test_fine_structure_tells_spirals_until_it_is_blurred(jpegs):
    two = jpegs.flag != "uncertain"
    images = jpegs.images[two].astype(np.float64)
    is_spiral = jpegs.flag[two] == "spiral"
    # What a quarter turn does not repeat: a smooth round galaxy has none of it.
    contrast = []
    for k in (1, 4, 16):
        small = images.reshape(-1, 64 // k, k, 64 // k, k).mean(axis=(2, 4))
        turned = np.rot90(small, axes=(1, 2))
        residual = np.abs(small - turned).mean(axis=(1, 2)) / small.mean(axis=(1, 2))
        contrast.append(
            np.median(residual[is_spiral]) - np.median(residual[~is_spiral])
        )
    assert contrast[0] > contrast[1] > contrast[2] > -0.1


@pytest.mark.real_data
def test_statistics_are_near_the_real_ones(jpegs, data_home):
    with np.load(data_home / "galaxy_zoo1" / "sdss_gz1_cutouts_64.npz") as file:
        images, flag = file["images"], file["flag"]
    real, made = statistics(images), statistics(jpegs.images)
    spread = real[flag != ""].std(axis=0)
    for name in FLAGS:
        difference = np.median(made[jpegs.flag == name], axis=0) - np.median(
            real[flag == name], axis=0
        )
        # Medians of mean, deviation, centre and border, in units of the real spread.
        assert np.all(np.abs(difference) < 0.7 * spread), (name, difference / spread)


@pytest.mark.parametrize("parameters", [{"psf_fwhm": 20.0}, {"sky": 1e6}])
def test_what_is_not_simulated_rightly_is_refused(parameters: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        make_galaxies(3, **parameters)

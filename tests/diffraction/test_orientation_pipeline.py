"""One call from detector images to orientations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from skastro.diffraction import (
    Crystal,
    KinematicSimulator,
    TemplateMatcher,
    direction_from_rotation,
    orientation_pipeline,
)
from skastro.metrics import direction_angle

N = 12
SETTINGS = {"zone_spacing": 4.0}


@pytest.fixture(scope="module")
def session() -> tuple[np.ndarray, np.ndarray, float]:
    """Detector images whose centre is another one each time."""
    simulator = KinematicSimulator(
        "silver",
        shape=(112, 112),
        direct_beam=20.0,
        background=0.5,
        center_jitter=3.0,
    )
    rotations = Rotation.random(N, random_state=5)
    images = simulator.images(rotations, random_state=0)
    return images, direction_from_rotation(rotations), simulator.scale_


def errors(u: np.ndarray, found: np.ndarray) -> np.ndarray:
    return direction_angle(u, found, laue_group="m-3m").ravel()


def test_every_pattern_has_its_own_centre(
    session: tuple[np.ndarray, np.ndarray, float],
) -> None:
    X, u, scale = session
    pipe = orientation_pipeline("silver", scale, **SETTINGS).fit(X)
    alone = pipe.predict(X)
    assert np.median(errors(u, alone)) < 0.3
    assert (errors(u, alone) < 2.0).mean() > 0.9
    scan = X.reshape(3, 4, 112, 112)
    centers = pipe[0].find_centers(scan)
    np.testing.assert_allclose(centers, pipe[0].find_centers(X), atol=1e-6)
    assert np.ptp(centers[:, 0]) > 3
    mapped = orientation_pipeline("silver", scale, **SETTINGS).fit(scan)
    np.testing.assert_allclose(mapped.predict(scan), alone, atol=1e-5)
    assert mapped[-1].match(mapped[:-1].transform(scan)).scan_shape == (3, 4)


def test_flat_rows(session: tuple[np.ndarray, np.ndarray, float]) -> None:
    X, _, scale = session
    images = orientation_pipeline("silver", scale, **SETTINGS).fit(X).predict(X)
    pipe = orientation_pipeline("silver", scale, image_shape=(112, 112), **SETTINGS)
    rows = X.reshape(N, -1)
    np.testing.assert_allclose(pipe.fit(rows).predict(rows), images, atol=1e-6)


def test_known_centre() -> None:
    center = (62.0, 50.0)
    simulator = KinematicSimulator(
        "silver", shape=(112, 112), direct_beam=20.0, background=0.5, center=center
    )
    rotations = Rotation.random(N, random_state=6)
    X = simulator.images(rotations)
    pipe = orientation_pipeline("silver", simulator.scale_, center=center, **SETTINGS)
    found = pipe.fit(X).predict(X)
    assert "center" not in pipe.named_steps
    assert np.median(errors(direction_from_rotation(rotations), found)) < 0.3
    with pytest.raises(ValueError, match="leave center out"):
        orientation_pipeline("silver", 0.03, center=center, calibrate=True)


def test_calibration(session: tuple[np.ndarray, np.ndarray, float]) -> None:
    X, u, scale = session
    pipe = orientation_pipeline("silver", 1.1 * scale, calibrate=True, **SETTINGS)
    found = pipe.fit(X).predict(X)
    assert pipe.named_steps["scale"].scale_ == pytest.approx(scale, rel=0.005)
    assert np.median(errors(u, found)) < 0.5


def test_unknown_parameter() -> None:
    with pytest.raises(TypeError, match="zone_spacin"):
        orientation_pipeline("silver", 0.03, zone_spacin=2.0)


@pytest.mark.parametrize(
    "parameters", [{"crystal": "rutile"}, {"crystal": "silicon"}, {"scale": 0.028}]
)
def test_wrong_model_is_said(parameters: dict) -> None:
    """A limit that is learned from a wrong model must not pass for good."""
    X = KinematicSimulator("anatase").images(Rotation.random(12, random_state=0))
    with pytest.warns(UserWarning, match="explains hardly half"):
        TemplateMatcher(**({"crystal": "anatase"} | parameters)).fit(X)


def test_units_are_refused() -> None:
    with pytest.raises(ValueError, match="in kV"):
        KinematicSimulator("silver", voltage_kv=200_000)
    nanometres = Crystal("Ag", (0.4, 0.4, 0.4, 90, 90, 90), [("Ag", 0, 0, 0)])
    with pytest.raises(ValueError, match=r"no reflection|No spot"):
        KinematicSimulator(nanometres)
    with pytest.raises(ValueError, match="relrod_width"):
        KinematicSimulator("silver", relrod_width=20)
    with pytest.raises(ValueError, match="No spot is on the image"):
        KinematicSimulator("silver", camera_length=800, pixel_size=55e-6)
    with pytest.raises(ValueError, match="on one pixel"):
        KinematicSimulator("silver", camera_length=0.8, pixel_size=55)
    with pytest.raises(ValueError, match="on one pixel"):
        KinematicSimulator("silver", scale=20.0)

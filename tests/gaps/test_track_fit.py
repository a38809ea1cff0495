"""The track model and the fit, against tables and an independent likelihood."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import logsumexp
from sklearn.utils import shuffle

from skastro.gaps import VoxelSummary
from skastro.gaps._track_model import MASSES, track_model

ELECTRON, PROTON, DEUTERON = 0.51099895, 938.27209, 1875.6129


def loss_per_area(energy: float, mass: float) -> float:
    """Bethe's formula for silicon with Sternheimer's density effect, MeV cm2/g."""
    gamma = 1 + energy / mass
    square = 1 - 1 / gamma**2
    ratio = ELECTRON / mass
    most = 2 * ELECTRON * square * gamma**2 / (1 + 2 * gamma * ratio + ratio**2)
    x = math.log10(math.sqrt(square) * gamma)
    delta = 0.0
    if x >= 0.2015:
        delta = 2 * math.log(10) * x - 4.4355
        if x < 2.8716:
            delta += 0.1492 * (2.8716 - x) ** 3.2546
    mean = 173e-6
    log = 0.5 * math.log(2 * ELECTRON * square * gamma**2 * most / mean**2)
    return 0.307075 * 14 / 28.0855 / square * (log - square - delta / 2)


def reach(energy: float, mass: float) -> float:
    """Range in g/cm2; below 1 MeV a nucleon it is negligible."""
    low = mass / PROTON
    return quad(lambda t: 1 / loss_per_area(t, mass), low, energy, limit=200)[0]


@pytest.mark.parametrize(
    ("beta", "energies", "layers"),
    [
        (0.20, (19.3, 38.7), (0.89, 1.79)),
        (0.25, (30.8, 61.5), (2.04, 4.09)),
        (0.30, (45.3, 90.6), (4.08, 8.15)),
        (0.35, (63.4, 126.6), (7.42, 14.8)),
    ],
)
def test_energies_and_ranges_are_those_of_the_table(
    beta: float, energies: tuple, layers: tuple
) -> None:
    model = track_model((beta, 0.5), 20, torch.float64)
    for s in range(2):
        before, loss = model.before[s, 0, 0].numpy(), model.loss[s, 0, 0].numpy()
        assert before[0] == pytest.approx(energies[s], abs=0.06)
        assert loss.sum() == pytest.approx(before[0], rel=1e-9)
        np.testing.assert_allclose(before[1:], before[:-1] - loss[:-1], atol=1e-9)
        # It ends in the wafer that its range in layers says.
        assert int((before > 0).sum()) == math.ceil(layers[s])


@pytest.mark.parametrize("species", [0, 1])
def test_losses_follow_from_an_integral_of_bethes_formula(species: int) -> None:
    mass = (PROTON, DEUTERON)[species]
    assert MASSES[species] == pytest.approx(mass, rel=1e-6)
    model = track_model((0.26, 0.30), 10, torch.float64)
    for speed, lean in ((0, 0), (5, 7), (9, 15)):
        gamma = 1 / math.sqrt(1 - float(model.beta[speed]) ** 2)
        energy = mass * (gamma - 1)
        path = 2.329 * 0.25 * float(model.inverse_cosine[lean])
        for i in range(10):
            found = float(model.before[species, speed, lean, i])
            assert found == pytest.approx(energy, rel=2e-3, abs=0.05)
            left = reach(energy, mass) - path
            if left < 0.05:
                break
            low = mass / PROTON
            energy = brentq(
                lambda t, left=left: reach(t, mass) - left, low, energy, rtol=1e-6
            )


def test_an_antideuteron_goes_twice_as_far_at_equal_speed() -> None:
    model = track_model((0.26, 0.30), 12, torch.float64)
    # Two wafers of the antideuteron are as one of the antiproton, times the masses.
    one = model.loss[0, :, 0, 0]
    two = model.loss[1, :, 0, :2].sum(dim=1)
    # Twice to within .1 %: the masses are as 1.999 to 1.
    torch.testing.assert_close(two, 2 * one, rtol=1e-3, atol=0)


def test_speeds_and_inclinations_span_what_they_should() -> None:
    model = track_model((0.2, 0.4), 10, torch.float32)
    assert model.loss.dtype == torch.float32
    assert float(model.beta[0]) == pytest.approx(0.2)
    assert float(model.beta[-1]) == pytest.approx(0.4)
    assert float(model.inverse_cosine[0]) == 1
    assert float(model.inverse_cosine[-1]) == pytest.approx(5)
    assert model.loss.shape == (2, len(model.beta), len(model.inverse_cosine), 10)
    assert bool((model.loss >= 0).all())


# A brute-force likelihood, wafer by wafer, of one line that is given.


def likelihoods(
    above: list[float],
    stop: float,
    others: list[float],
    tangent: float,
    n_gaps: int,
    distance: float = 0.0,
    missed: int = 0,
) -> dict[str, np.ndarray]:
    model = track_model((0.25, 0.31), 10, torch.float64)
    common = sum(-2.5 - 1.6 * math.log1p(e / 1.5) for e in others)
    common += -((distance / 4) ** 2) / 2 - 1.5 * missed
    size = (2, 2, len(model.beta), len(model.inverse_cosine))
    level = np.zeros(size)  # species, end, speed, inclination
    left = np.zeros((2, *size[2:]))
    sigma_line = 3.5 / (10 * n_gaps)
    for s, b, i in np.ndindex(2, *size[2:]):
        before = model.before[s, b, i].numpy()
        loss = model.loss[s, b, i].numpy()
        seen = math.sqrt(max(0.0, float(model.inverse_cosine[i]) ** 2 - 1))
        base = -(((seen - tangent) / sigma_line) ** 2) / 2 - math.log(sigma_line)
        for wafer, deposit in enumerate(above):
            sigma = 0.05 * loss[wafer] + 0.35
            term = -(((deposit - loss[wafer]) / sigma) ** 2) / 2 - math.log(sigma)
            base += -40 if loss[wafer] <= 0.05 else max(term, -40)
        energy, full = before[len(above)], loss[len(above)]
        left[s, b, i] = energy
        added = stop - energy
        rest = flight = -40.0
        if energy > 0.05 and full >= energy - 0.02:
            fall = added / 1.5
            rest = -added / 18 if added >= 0 else -(fall**2) / 2
            rest = max(rest - 3.2, -40)
        elif energy > 0.05:
            short = min(stop - full, 0) / 1.5
            flight = -max(added, 0) / 18 - 4 - short**2 / 2 - 3.2
            flight = max(flight, -40)
        level[s, 0, b, i] = common + base + rest
        level[s, 1, b, i] = common + base + flight
    both = np.logaddexp(level[:, 0], level[:, 1])
    share = np.exp(both - logsumexp(both, axis=(1, 2), keepdims=True))
    return {
        "ends": logsumexp(level, axis=(2, 3)),
        "evidence": logsumexp(both, axis=(1, 2)),
        "best": both.max(axis=(1, 2)),
        "residual": (share * left).sum(axis=(1, 2)),
        "beta": (share * model.beta.numpy()[:, None]).sum(axis=(1, 2)),
        "inverse": (share * model.inverse_cosine.numpy()).sum(axis=(1, 2)),
    }


def summary(hits: dict[tuple[int, int, int], float], **options: object) -> pd.Series:
    X = np.zeros((1, 10, 12, 12))
    for place, energy in hits.items():
        X[(0, *place)] = energy
    table = VoxelSummary(**options).set_output(transform="pandas").fit_transform(X)
    return table.iloc[0]


SPECIES = ("antiproton", "antideuteron")
VERTICAL = {(0, 5, 5): 6.5, (1, 5, 5): 7.5, (2, 5, 5): 10.5, (3, 5, 5): 30.0}
LEANING = {(1, 2, 3): 8.0, (2, 3, 3): 9.0, (3, 4, 3): 11.0, (4, 5, 3): 45.0}
FAR = {(7, 5, 9): 0.9, (6, 1, 1): 2.0, (3, 9, 9): 4.0}


@pytest.mark.parametrize(("track", "tangent"), [(VERTICAL, 0.0), (LEANING, 1.2)])
@pytest.mark.parametrize("others", [{}, FAR])
def test_likelihoods_equal_those_of_brute_force(
    track: dict, tangent: float, others: dict
) -> None:
    row = summary({**track, **others})
    *above, stop = track.values()
    # The line may be drawn from any of the upper hits, with its own lever arm.
    every = [
        likelihoods(above, stop, list(others.values()), tangent, n_gaps)
        for n_gaps in (1, 2, 3)
    ]
    expected = max(every, key=lambda one: logsumexp(one["evidence"]))
    assert row["track_n_hits"] == 4
    assert row["track_length_cm"] == pytest.approx(30 * math.hypot(1, tangent))
    assert row["track_cosine"] == pytest.approx(1 / math.hypot(1, tangent))
    assert row["track_rms_distance_cm"] == pytest.approx(0, abs=1e-9)
    for s, name in enumerate(SPECIES):
        for column, key in (
            (f"log_likelihood_{name}", "evidence"),
            (f"log_best_{name}", "best"),
            (f"residual_energy_{name}_mev", "residual"),
            (f"beta_{name}", "beta"),
            (f"inverse_cosine_{name}", "inverse"),
        ):
            assert row[column] == pytest.approx(expected[key][s], rel=1e-6), column
        for end, kind in enumerate(("rest", "flight")):
            share = expected["ends"] - logsumexp(expected["ends"])
            found = row[f"log_share_{name}_{kind}"]
            assert found == pytest.approx(share[s, end], rel=1e-6, abs=1e-6)
        added = stop - expected["residual"][s]
        assert row[f"star_energy_at_stop_{name}_mev"] == pytest.approx(added)
    ratio = expected["evidence"][1] - expected["evidence"][0]
    assert row["track_log_ratio"] == pytest.approx(ratio, rel=1e-6)


def test_a_silent_wafer_and_a_hit_beside_the_line_cost() -> None:
    # The third of five wafers is silent; the fourth hit is one wafer beside.
    row = summary({(0, 5, 5): 9, (1, 5, 5): 10, (3, 5, 5): 12, (4, 5, 5): 60.0})
    assert row["track_missed_wafers"] == 1
    assert row["track_n_hits"] == 4
    expected = likelihoods([9, 10, 12], 60, [], 0.0, 4, missed=1)
    for s, name in enumerate(SPECIES):
        found = row[f"log_likelihood_{name}"]
        assert found == pytest.approx(expected["evidence"][s], rel=1e-6)


def test_species_follow_the_energy() -> None:
    model = track_model((0.25, 0.31), 10, torch.float64)
    for s, sign in ((0, -1), (1, 1)):
        b = 5
        loss = model.loss[s, b, 0].numpy()
        n = int((loss > 0).sum())
        hits = {(k, 4, 7): float(loss[k]) for k in range(n)}
        hits[(n - 1, 4, 7)] += 12
        row = summary(hits)
        assert sign * row["track_log_ratio"] > 3
        assert row["stop_layer"] == n - 1
        speed = row[f"beta_{SPECIES[s]}"]
        assert speed == pytest.approx(float(model.beta[b]), abs=0.01)


def test_speeds_that_are_not_given_do_not_fit() -> None:
    model = track_model((0.35, 0.36), 10, torch.float64)
    loss = model.loss[0, 0, 0].numpy()
    hits = {(k, 4, 7): float(e) for k, e in enumerate(loss) if e > 0}
    narrow, wide = summary(hits), summary(hits, beta=(0.25, 0.40))
    assert wide["log_likelihood_antiproton"] > narrow["log_likelihood_antiproton"] + 5
    assert wide["beta_antiproton"] == pytest.approx(0.35, abs=0.01)


def test_the_fit_finds_the_end_of_clean_tracks_at_any_angle() -> None:
    rng = np.random.default_rng(4)
    model = track_model((0.25, 0.31), 10, torch.float64)
    X, ends = [], []
    while len(X) < 200:
        s, b, i = rng.integers(2), rng.integers(len(model.beta)), rng.integers(9)
        loss = model.loss[s, b, i].numpy()
        n = int((loss > 0.3).sum())
        tangent = math.sqrt(float(model.inverse_cosine[i]) ** 2 - 1)
        angle = rng.uniform(0, 2 * math.pi)
        start = rng.uniform(3, 8, size=2)
        step = tangent * 10 / 12 * np.array([math.cos(angle), math.sin(angle)])
        cells = np.round(start + step * np.arange(n)[:, None]).astype(int)
        if n < 2 or cells.min() < 0 or cells.max() > 11 or n > 10:
            continue
        event = np.zeros((10, 12, 12))
        event[np.arange(n), cells[:, 0], cells[:, 1]] = loss[:n]
        event[n - 1, cells[-1, 0], cells[-1, 1]] += rng.exponential(18)
        X.append(event)
        ends.append(n - 1)
    table = VoxelSummary().set_output(transform="pandas").fit_transform(np.array(X))
    assert (table["stop_layer"] == ends).mean() > 0.9
    again = VoxelSummary().fit_transform(shuffle(np.array(X), random_state=0))
    np.testing.assert_array_equal(again, shuffle(table.to_numpy(), random_state=0))

"""Features of what is not the primary: the annihilation star, and times."""

from __future__ import annotations

import torch
from torch import Tensor

from skastro.gaps._hits import Hits
from skastro.gaps._summary_track import stop_position
from skastro.gaps._track_fit import TrackFit

# Shells about the stop and about the largest deposit, in cm.
SHELLS_CM = (0.0, 15.0, 25.0, 45.0)
# A pion that crosses a wafer leaves about 1 MeV; fragments leave more.
_MINIMUM_IONIZING = (0.35, 4.0)
_KINDS = ("all", "light", "heavy")
_SPEED_OF_LIGHT = 29.9792458  # cm/ns
# Directions are equal within this.
_SAME_COSINE = 1e-5
# Later hits are from decays and captures at rest.
_LATE_NS = 15.0

STAR_NAMES = [
    "star_energy_mev",
    "star_n_hits",
    "star_energy_max_mev",
    "star_n_hits_above_2.5_mev",
    *(f"star_n_hits_from_{r:g}_cm" for r in SHELLS_CM),
    *(f"star_energy_from_{r:g}_cm_mev" for r in SHELLS_CM),
    *(f"max_n_hits_from_{r:g}_cm" for r in SHELLS_CM),
    *(f"max_energy_from_{r:g}_cm_mev" for r in SHELLS_CM),
    "star_n_hits_up",
    "star_n_hits_down",
    "star_energy_up_mev",
    "star_energy_down_mev",
    *(f"star_prongs_{k}" for k in _KINDS),
    *(f"star_n_hits_{k}" for k in _KINDS),
    *(f"star_energy_{k}_mev" for k in _KINDS),
    "star_cosine_mean",
    "star_n_forward",
    "star_n_backward",
    "star_energy_forward_mev",
    "star_distance_max_cm",
    "star_distance_mean_cm",
    "star_n_beside_stop",
    "star_n_layers",
]
TIME_NAMES = [
    "time_track_ns",
    "time_track_beta",
    "time_first_step_beta",
    "time_last_step_beta",
    "time_last_ns",
    "n_late_hits",
    "time_star_mean_ns",
    "time_star_min_ns",
]


def star_features(hits: Hits, fit: TrackFit) -> Tensor:
    """Describe the hits off the track.

    Parameters
    ----------
    hits : Hits
        Of n events, h each.
    fit : TrackFit
        Of the same.

    Returns
    -------
    Tensor of shape (n, n_features)
        In the order of ``STAR_NAMES``.
    """
    dtype = hits.energy.dtype
    zero = hits.energy.new_zeros(())
    off = torch.where(fit.used, zero, hits.energy)
    is_off = off > 0
    vertex = stop_position(hits, fit)
    ray = hits.position - vertex[:, None]
    distance = ray.norm(dim=2)
    unit = ray / distance.clamp(min=1)[..., None]
    far = is_off & (distance > 1)

    def count(mask: Tensor) -> Tensor:
        return mask.sum(dim=1)

    def energy(mask: Tensor) -> Tensor:
        return torch.where(mask, hits.energy, zero).sum(dim=1)

    columns = [off.sum(dim=1), count(is_off), off.amax(dim=1), count(off > 2.5)]
    # Hits off the track about the stop, then all hits about the largest of them.
    about = (hits.position - hits.position[:, :1]).norm(dim=2)
    for mask, radius in ((is_off, distance), (hits.energy > 0, about)):
        shells = [
            mask & (radius >= low) & (radius < high)
            for low, high in zip(SHELLS_CM, [*SHELLS_CM[1:], float("inf")], strict=True)
        ]
        columns += [count(s) for s in shells] + [energy(s) for s in shells]
    up, down = is_off & (ray[..., 2] > 1), is_off & (ray[..., 2] < -1)
    columns += [count(up), count(down), energy(up), energy(down)]

    low, high = _MINIMUM_IONIZING
    light = far & (hits.energy > low) & (hits.energy < high)
    kinds = [far, light, far & (hits.energy >= high)]
    columns += _prongs(unit, distance, kinds)
    columns += [count(k) for k in kinds] + [energy(k) for k in kinds]

    downwards = torch.cat([fit.slope, torch.ones_like(fit.slope[:, :1])], dim=1)
    downwards = -downwards / downwards.norm(dim=1, keepdim=True)
    cosine = (unit * downwards[:, None]).sum(dim=2)
    clear = far & (hits.energy > low)
    n_clear = count(clear).clamp(min=1)
    columns += [
        torch.where(clear, cosine, zero).sum(dim=1) / n_clear,
        count(clear & (cosine > 0.5)),
        count(clear & (cosine < -0.5)),
        energy(clear & (cosine > 0)),
        torch.where(clear, distance, zero).amax(dim=1),
        torch.where(clear, distance, zero).sum(dim=1) / n_clear,
        count(is_off & (distance < 13) & (ray[..., 2].abs() < 1)),
        _n_layers(hits.layer, is_off),
    ]
    return torch.stack([c.to(dtype) for c in columns], dim=1)


def time_features(hits: Hits, fit: TrackFit) -> Tensor:
    """Describe when the hits came.

    Parameters
    ----------
    hits : Hits
        With times.
    fit : TrackFit
        Of the same events.

    Returns
    -------
    Tensor of shape (n, n_features)
        In the order of ``TIME_NAMES``. Speeds, over that of light, are those between
        the middles of wafers; 0 where the track has too few hits, and at most 2.
    """
    assert hits.time is not None
    zero = hits.energy.new_zeros(())
    present = hits.energy > 0
    track = fit.used & present
    row = torch.arange(len(fit.stop))
    # Along the track, from the first wafer to the stop.
    order = torch.where(track, hits.layer, 10_000).argsort(dim=1, stable=True)
    n = track.sum(dim=1)
    last = (n - 1).clamp(min=0)

    def speed(one: Tensor, two: Tensor) -> Tensor:
        a, b = order[row, one], order[row, two]
        path = (hits.position[row, a] - hits.position[row, b]).norm(dim=1)
        assert hits.time is not None
        took = (hits.time[row, b] - hits.time[row, a]).abs()
        beta = path / (took.clamp(min=1e-3) * _SPEED_OF_LIGHT)
        return torch.where((n > 1) & (took > 0), beta.clamp(max=2), zero)

    begin = torch.zeros_like(last)
    took = (hits.time[row, fit.stop] - hits.time[row, order[row, begin]]).abs()
    off = present & ~fit.used
    prompt = off & (hits.time < hits.time[row, fit.stop][:, None] + _LATE_NS)
    after = (hits.time - hits.time[row, fit.stop][:, None]).clamp(-100, 100)
    n_prompt = prompt.sum(dim=1)
    earliest = torch.where(prompt, after, torch.full_like(after, 100)).amin(dim=1)
    columns = [
        took.clamp(max=100),
        speed(begin, last),
        speed(begin, last.clamp(max=1)),
        speed((last - 1).clamp(min=0), last),
        torch.where(present, hits.time, zero).clamp(max=1e3).amax(dim=1),
        (present & (hits.time > hits.time[row, fit.stop][:, None] + _LATE_NS)).sum(1),
        torch.where(prompt, after, zero).sum(dim=1) / n_prompt.clamp(min=1),
        torch.where(n_prompt > 0, earliest, zero),
    ]
    return torch.stack([c.to(hits.energy.dtype) for c in columns], dim=1)


def _prongs(unit: Tensor, distance: Tensor, kinds: list[Tensor]) -> list[Tensor]:
    """Count directions: hits that a wafer's size cannot tell apart count as one."""
    cosine = unit @ unit.transpose(1, 2)
    size = torch.atan(6.0 / distance.clamp(min=6.0))
    # Many pairs on a grid are just as far apart as that: rounding must not decide.
    widest = torch.maximum(size[:, :, None], size[:, None]).cos()
    alike = cosine > widest - _SAME_COSINE
    counts = []
    for kind in kinds:
        neighbours = (alike & kind[:, :, None] & kind[:, None]).sum(dim=2)
        share = kind.to(unit.dtype) / neighbours.clamp(min=1)
        counts.append(share.sum(dim=1))
    return counts


def _n_layers(layer: Tensor, mask: Tensor) -> Tensor:
    ordered = torch.where(mask, layer, -1).sort(dim=1).values
    new = ordered[:, 1:] != ordered[:, :-1]
    return (new & (ordered[:, 1:] >= 0)).sum(dim=1) + (ordered[:, 0] >= 0)

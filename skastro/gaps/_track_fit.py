"""The fit of the primary's track to the deposits of an event."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from skastro.gaps._geometry import LAYER_GAP_CM
from skastro.gaps._hits import Hits
from skastro.gaps._track_candidates import Candidates, find_candidates
from skastro.gaps._track_model import TrackModel

# The shapes of the likelihood are rough on purpose: what is made of them is learned
# from data. Straggling and the path through a wafer: 5 % and 0.35 MeV.
_SPREAD, _LEAST_SPREAD = 0.05, 0.35
# What the annihilation adds to the stop, an exponential of this many MeV.
_STAR_MEV, _STAR_LEVEL = 18.0, 3.2
# An end in flight instead of at rest.
_FLIGHT = 4.0
# Uncertainty of a position along each axis, for two wafers.
_LINE_CM = 3.5
_MISSED, _SINGLE, _OFF_LINE_CM = 1.5, 1.0, 4.0
# Log-likelihoods end here: one bad hit must not decide.
_FLOOR = -40.0
_COARSE_FLOOR = -25.0
# MeV; a primary that leaves less in a wafer had stopped before.
_NO_LOSS = 0.05
# Candidates that are fitted in full, after a coarse fit of all of them.
N_FULL = 5
N_LARGEST = 8


class TrackFit(NamedTuple):
    """The best candidate of each of n events.

    Two species: antiproton, antideuteron.
    """

    single: Tensor  # (n,)
    stop: Tensor  # (n,): index of the hit
    stop_layer: Tensor  # (n,)
    first_layer: Tensor  # (n,)
    slope: Tensor  # (n, 2)
    energy: Tensor  # (n, layers): deposits above the stop, from the top down
    n_above: Tensor  # (n,): hits above the stop
    used: Tensor  # (n, h)
    distance: Tensor  # (n,)
    missed: Tensor  # (n,)
    evidence: Tensor  # (n, 2, 2): log-likelihood of species, (at rest, in flight)
    all_evidence: Tensor  # (n, 2, 2): the same, over all candidates
    margin: Tensor  # (n,): log-likelihood of the second candidate minus that of this
    best: Tensor  # (n, 2): largest log-likelihood of each species
    residual: Tensor  # (n, 2): expected energy left at the stop, MeV
    beta: Tensor  # (n, 2): expected speed at the first wafer
    inverse_cosine: Tensor  # (n, 2): expected 1 / cos(zenith)


def fit_track(hits: Hits, shape: tuple[int, ...], model: TrackModel) -> TrackFit:
    """Find the primary, and how well either species explains what it left.

    All deposits above the stop must follow the loss of a particle that slows down; the
    one at the stop must be at least the energy left, plus what the annihilation
    adds; hits off the track have a density of their own. The likelihood is summed over
    speed and inclination, for every species and for an end at rest or in flight.

    Parameters
    ----------
    hits : Hits
        Of n events.
    shape : (layers, rows, columns)
        The grid.
    model : TrackModel
        The tables.

    Returns
    -------
    TrackFit
        The candidate with the largest likelihood of either species. Events without
        hits have one, of zeros.
    """
    found = find_candidates(hits, shape, N_LARGEST)
    end = hits.energy.gather(1, found.stop)
    common = _common(hits, found)
    lean = _inclination_prior(found, model)
    coarse = _coarse_fit(found, end, lean, model) + common
    chosen = coarse.topk(min(N_FULL, coarse.shape[1]), dim=1).indices
    some = Candidates(*(_take(field, chosen) for field in found))
    rest, flight = _full_fit(some, _take(end, chosen), _take(lean, chosen), model)
    shared = _take(common, chosen)[:, :, None, None]
    rest, flight = rest + shared, flight + shared
    both = torch.logaddexp(rest, flight)
    by_candidate = torch.stack([rest.logsumexp(3), flight.logsumexp(3)], dim=3)
    total = both.logsumexp(dim=(2, 3))
    ranked = total.sort(dim=1, descending=True).values
    second = ranked[:, 1] - ranked[:, 0] if ranked.shape[1] > 1 else 0 * ranked[:, 0]
    row, at = torch.arange(len(total)), total.argmax(dim=1)
    one = Candidates(*(field[row, at] for field in some))
    likelihood = both[row, at]
    weight = likelihood.softmax(dim=2)
    grid = weight.reshape(len(row), 2, len(model.beta), -1)
    left = _at_stop(model.before, one.n_above)
    return TrackFit(
        one.single,
        one.stop,
        one.stop_layer,
        one.first_layer,
        one.slope,
        one.energy,
        one.n_above,
        one.used,
        one.distance,
        one.missed,
        by_candidate[row, at],
        by_candidate.logsumexp(dim=1),
        second,
        likelihood.amax(dim=2),
        (weight * left.flatten(2)).sum(dim=2),
        (grid.sum(dim=3) * model.beta).sum(dim=2),
        (grid.sum(dim=2) * model.inverse_cosine).sum(dim=2),
    )


def _common(hits: Hits, found: Candidates) -> Tensor:
    """Give what neither speed nor species changes: the other hits, and the line."""
    off = -2.5 - 1.6 * torch.log1p(hits.energy / 1.5)
    off = torch.where(hits.energy > 0, off, 0)[:, None]
    others = torch.where(found.used, 0, off).sum(dim=2)
    line = -((found.distance / _OFF_LINE_CM) ** 2) / 2
    level = others + line - _MISSED * found.missed - _SINGLE * found.single
    return torch.where(found.valid, level, torch.full_like(level, -1e9))


def _inclination_prior(found: Candidates, model: TrackModel) -> Tensor:
    """Give the log-density of each inclination, (n, c, inclinations)."""
    tangent = (model.inverse_cosine**2 - 1).clamp(min=0).sqrt()
    layers = (found.stop_layer - found.first_layer).clamp(min=1).to(tangent.dtype)
    sigma = (_LINE_CM / (LAYER_GAP_CM * layers))[..., None]
    seen = found.slope.norm(dim=-1)[..., None]
    density = -(((tangent - seen) / sigma) ** 2) / 2 - sigma.log()
    return torch.where(found.single[..., None], torch.full_like(density, -2), density)


def _coarse_fit(
    found: Candidates, end: Tensor, lean: Tensor, model: TrackModel
) -> Tensor:
    """Give each candidate's best log-likelihood at its own inclination."""
    nearest = lean.argmax(dim=2)
    last = found.n_above.clamp(max=model.loss.shape[-1] - 1)
    left = model.before.permute(2, 3, 0, 1)[nearest, last]
    total = torch.zeros_like(left)
    for i in range(model.loss.shape[-1]):
        here = i < found.n_above
        if not here.any():
            break
        mean = model.loss[..., i]
        sigma = 0.15 * mean + 0.5
        # By speed, for the inclination of each candidate.
        mean, log_sigma, inverse, dead = (
            t.permute(2, 0, 1)[nearest]
            for t in (mean, sigma.log(), 1 / sigma, mean <= _NO_LOSS)
        )
        fit = (found.energy[..., i, None, None] - mean).mul_(inverse)
        fit = fit.square_().mul_(-0.5).sub_(log_sigma).clamp_(min=_COARSE_FLOOR)
        fit.masked_fill_(dead, _COARSE_FLOOR)
        total += fit.mul_(here[..., None, None])
    added = end[..., None, None] - left
    fit = torch.where(added < 0, -((added / 4) ** 2) / 2, -added / _STAR_MEV)
    return (total + fit.clamp(min=_COARSE_FLOOR)).amax(dim=(2, 3))


def _full_fit(
    some: Candidates, end: Tensor, lean: Tensor, model: TrackModel
) -> tuple[Tensor, Tensor]:
    """Give log-likelihoods (n, c, 2, speeds x inclinations), at rest and in flight."""
    # Works in place: these arrays are what the time goes into.
    size = (*lean.shape[:2], *model.loss.shape[:3])
    track = lean[:, :, None, None].expand(size).clone()
    for i in range(model.loss.shape[-1]):
        here = i < some.n_above
        if not here.any():
            break
        mean = model.loss[..., i]
        sigma = _SPREAD * mean + _LEAST_SPREAD
        fit = (some.energy[..., i, None, None, None] - mean).div_(sigma)
        fit = fit.square_().mul_(-0.5).sub_(sigma.log()).clamp_(min=_FLOOR)
        fit.masked_fill_(mean <= _NO_LOSS, _FLOOR)
        track += fit.mul_(here[..., None, None, None])
    left = _at_stop(model.before, some.n_above)
    full = _at_stop(model.loss, some.n_above)
    stop = end[..., None, None, None]
    moving = left > _NO_LOSS
    at_rest = moving & (full >= left - 0.02)
    added = stop - left
    rest = torch.where(added < 0, -((added / 1.5) ** 2) / 2, -added / _STAR_MEV)
    # In flight it gave up to `full` and then kept what was left for the star.
    short = (stop - full).clamp(max=0)
    flight = -added.clamp(min=0) / _STAR_MEV - _FLIGHT - (short / 1.5) ** 2 / 2
    never = torch.full_like(rest, _FLOOR)
    rest = torch.where(at_rest, rest - _STAR_LEVEL, never).clamp(min=_FLOOR)
    flight = torch.where(moving & ~at_rest, flight - _STAR_LEVEL, never)
    return (
        (track + rest).flatten(3),
        (track + flight.clamp(min=_FLOOR)).flatten(3),
    )


def _at_stop(table: Tensor, count: Tensor) -> Tensor:
    """Look a table (2, speeds, inclinations, wafers) up at the wafer of the stop."""
    return table.permute(3, 0, 1, 2)[count.clamp(max=table.shape[3] - 1)]


def _take(field: Tensor, index: Tensor) -> Tensor:
    if field.dim() == 2:
        return field.gather(1, index)
    return field.gather(1, index[..., None].expand(-1, -1, field.shape[2]))

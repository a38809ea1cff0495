"""Straight lines through the largest hits, and the hits that lie on them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from skastro.gaps._geometry import LAYER_GAP_CM, PITCH_CM
from skastro.gaps._hits import Hits

# Hits further from the line than this are not the primary's: the middle of a wafer
# of 5 cm is up to 5 cm away from where it was crossed, and so are those of the two
# that define the line.
TOLERANCE_CM = 7.0
# A line that crosses a wafer this close to its middle must have hit it.
SURE_CM = 3.5
# Least deposit of the primary beside the line's own end, and above it: a primary at
# minimal path loses more than 7 MeV a wafer below beta = 0.3, 2.9 at 0.5.
LEAST_MEV, LEAST_ABOVE_MEV = 0.3, 2.5


class Candidates(NamedTuple):
    """For n events, c ways to draw the primary; the last of them are single hits."""

    valid: Tensor  # (n, c)
    single: Tensor  # (n, c): the primary stopped in the first wafer that it hit
    stop: Tensor  # (n, c): index of the hit where it ended
    stop_layer: Tensor  # (n, c)
    first_layer: Tensor  # (n, c): where the line begins
    slope: Tensor  # (n, c, 2): dx/dz, dy/dz
    energy: Tensor  # (n, c, layers): deposits above the stop, from the top down
    n_above: Tensor  # (n, c): how many those are
    used: Tensor  # (n, c, h): the hits on the track, the stop among them
    distance: Tensor  # (n, c): root mean square distance from the line, cm
    missed: Tensor  # (n, c): wafers that the line crosses without a hit


def find_candidates(hits: Hits, shape: tuple[int, ...], n_largest: int) -> Candidates:
    """Draw lines through pairs of the largest hits.

    Parameters
    ----------
    hits : Hits
        Of n events, h each.
    shape : (layers, rows, columns)
        The grid.
    n_largest : int
        Hits that may be ends of a line.

    Returns
    -------
    Candidates
        ``n_largest (n_largest - 1) / 2`` lines and ``n_largest`` single hits an event.
    """
    energy, layer, position = hits.energy, hits.layer, hits.position
    n, h = energy.shape
    k = min(n_largest, h)
    one, two = torch.triu_indices(k, k, offset=1)
    below = layer[:, one] > layer[:, two]
    alone = torch.arange(k).expand(n, k)
    upper = torch.cat([torch.where(below, two, one), alone], dim=1)
    stop = torch.cat([torch.where(below, one, two), alone], dim=1)
    single = torch.arange(upper.shape[1]).expand(n, -1) >= len(one)
    first, last = layer.gather(1, upper), layer.gather(1, stop)
    e_first, e_last = energy.gather(1, upper), energy.gather(1, stop)
    line = (last > first) & (e_first > LEAST_MEV) & (e_last > LEAST_MEV)
    valid = torch.where(single, e_last > 0, line)

    start, end = _take(position, upper), _take(position, stop)
    drop = end[..., 2] - start[..., 2]
    drop = torch.where(drop == 0, torch.full_like(drop, -LAYER_GAP_CM), drop)
    slope = (end[..., :2] - start[..., :2]) / drop[..., None]
    off = position[:, None, :, :2] - start[:, :, None, :2]
    rise = position[:, None, :, 2] - start[:, :, None, 2]
    distance = (off - slope[:, :, None] * rise[..., None]).norm(dim=-1)

    above = layer[:, None] < first[..., None]
    least = torch.where(above, LEAST_ABOVE_MEV, LEAST_MEV)
    between = (layer[:, None] != first[..., None]) & (layer[:, None] < last[..., None])
    possible = between & (energy[:, None] > least) & ~single[..., None]
    possible &= distance < TOLERANCE_CM
    distance = torch.where(possible, distance, torch.full_like(distance, 1e3))

    index = torch.arange(h)
    used = (index == upper[..., None]) | (index == stop[..., None])
    deposits = energy.new_zeros((*stop.shape, shape[0]))
    count = torch.zeros_like(stop)
    square = torch.zeros_like(e_last)
    missed = torch.zeros_like(e_last)
    size = torch.tensor([shape[2], shape[1]])
    middle = (size - 1) / 2
    for depth in range(shape[0]):
        here = torch.where(layer[:, None] == depth, distance, 1e3)
        nearest, which = here.min(dim=-1)
        found = nearest < TOLERANCE_CM
        top = (first == depth) & ~single
        on = (found | top) & (last != depth)
        chosen = torch.where(top, e_first, energy.gather(1, which))
        slot = count.clamp(max=shape[0] - 1)[..., None]
        old = deposits.gather(2, slot)
        deposits.scatter_(2, slot, torch.where(on[..., None], chosen[..., None], old))
        square += torch.where(found, nearest**2, 0)
        used |= found[..., None] & (index == which[..., None])
        # A wafer that was crossed near its middle, after the first one, and is silent.
        z = ((shape[0] - 1) / 2 - depth) * LAYER_GAP_CM
        cross = (start[..., :2] + slope * (z - start[..., 2:])) / PITCH_CM + middle
        nearby = cross.round()
        inside = ((nearby >= 0) & (nearby < size)).all(dim=-1)
        sure = ((cross - nearby) * PITCH_CM).norm(dim=-1) < SURE_CM
        silent = inside & sure & ~on & (count > 0) & (depth < last) & ~single
        missed += silent
        count += on
    rms = (square / count.clamp(min=1)).sqrt()
    return Candidates(
        valid,
        single,
        stop,
        last,
        first,
        slope,
        deposits,
        count,
        used,
        rms,
        missed,
    )


def _take(values: Tensor, index: Tensor) -> Tensor:
    return values.gather(1, index[..., None].expand(-1, -1, values.shape[2]))

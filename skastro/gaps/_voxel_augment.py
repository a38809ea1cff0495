"""Random changes of events that leave their physics as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from skastro.neural_network.augmentation import RandomSymmetry, apply_symmetry

N_SYMMETRIES = 8


@dataclass(frozen=True)
class VoxelSymmetry:
    """Turn and mirror each event in the plane of the layers; depth stays.

    Parameters
    ----------
    shape : (c, d, h, w)
        Of an event.
    as_hits : bool
        Whether batches are hits (n, n_hits, columns) or volumes (n, c, d, h, w).
    """

    shape: Sequence[int]
    as_hits: bool

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Turn each event at random; gives a new tensor."""
        if not self.as_hits:
            planes = batch.flatten(1, 2)
            return RandomSymmetry()(planes, generator).reshape(batch.shape)
        which = torch.randint(N_SYMMETRIES, (len(batch),), generator=generator)
        return turn_hits(batch, self.shape, which.to(batch.device))


@dataclass(frozen=True)
class VoxelShift:
    """Move each event in the plane of the layers, as far as no hit gets lost.

    Parameters
    ----------
    shape : (c, d, h, w)
        Of an event.
    as_hits : bool
        Whether batches are hits (n, n_hits, columns) or volumes (n, c, d, h, w).
    """

    shape: Sequence[int]
    as_hits: bool

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Move each event at random; gives a new tensor."""
        h, w = self.shape[-2:]
        draw = torch.rand((len(batch), 2), generator=generator).to(batch.device)
        moved = batch.clone()
        if self.as_hits:
            layer, row, column = split_voxel(batch[..., 0], self.shape)
            present = batch[..., 1] > 0
            places = [(row, h), (column, w)]
            shifts = [
                _shift(draw[:, i], place, present, size)[:, None]
                for i, (place, size) in enumerate(places)
            ]
            index = join_voxel(layer, row + shifts[0], column + shifts[1], self.shape)
            moved[..., 0] = torch.where(present, index, batch[..., 0])
            return moved
        hit = (batch[:, 0] > 0).any(dim=1)
        for i, size in enumerate((h, w)):
            seen = hit.any(dim=2 - i)
            place = torch.arange(size, device=batch.device).expand(len(batch), size)
            shift = _shift(draw[:, i], place.to(batch.dtype), seen, size).long()
            for step in shift.unique().tolist():
                rows = torch.nonzero(shift == step)[:, 0]
                moved[rows] = moved[rows].roll(int(step), dims=3 + i)
        return moved


def turn_hits(x: Tensor, shape: Sequence[int], which: Tensor | int) -> Tensor:
    """Turn hits by symmetries of the plane of the layers.

    Parameters
    ----------
    x : Tensor of shape (n, n_hits, columns)
        The first column is the flat index of the voxel.
    shape : (c, d, h, w)
        Of an event. If rows and columns differ in number, only those four symmetries
        that do not exchange them are used.
    which : Tensor of shape (n,), or int
        0 to 7: bits for mirroring rows, mirroring columns, and exchanging the two.

    Returns
    -------
    Tensor
        A new one; 0 is the identity.
    """
    h, w = shape[-2:]
    layer, row, column = split_voxel(x[..., 0], shape)
    which = torch.as_tensor(which, device=x.device).reshape(-1, 1)
    row = torch.where(which % 2 == 1, h - 1 - row, row)
    column = torch.where((which // 2) % 2 == 1, w - 1 - column, column)
    if h == w:
        swap = which // 4 == 1
        row, column = torch.where(swap, column, row), torch.where(swap, row, column)
    turned = x.clone()
    index = join_voxel(layer, row, column, shape)
    turned[..., 0] = torch.where(x[..., 1] > 0, index, x[..., 0])
    return turned


def turn_batch(x: Tensor, shape: Sequence[int], which: int, *, as_hits: bool) -> Tensor:
    """Turn all events of a batch alike.

    Parameters
    ----------
    x : Tensor
        Hits (n, n_hits, columns) or volumes (n, c, d, h, w).
    shape : (c, d, h, w)
        Of an event.
    which : int
        0 to 7; those that exchange rows and columns need as many of either.
    as_hits : bool
        Which of the two layouts.

    Returns
    -------
    Tensor
        In the same layout.
    """
    if as_hits:
        return turn_hits(x, shape, which)
    planes = apply_symmetry(x.flatten(1, 2), which % 4, flip=which >= 4)
    return planes.reshape(x.shape)


def every_turn(x: Tensor, shape: Sequence[int], *, as_hits: bool) -> Iterator[Tensor]:
    """Turn a batch by each symmetry that the plane of the layers has.

    Parameters
    ----------
    x : Tensor
        Hits (n, n_hits, columns) or volumes (n, c, d, h, w).
    shape : (c, d, h, w)
        Of an event.
    as_hits : bool
        Which of the two layouts.

    Yields
    ------
    Tensor
        Eight batches, or four where rows and columns differ in number.
    """
    every: Sequence[int] = range(N_SYMMETRIES)
    if shape[-2] != shape[-1]:  # without the exchange of rows and columns
        every = range(4) if as_hits else (0, 2, 4, 6)
    for which in every:
        yield turn_batch(x, shape, which, as_hits=as_hits)


def split_voxel(voxel: Tensor, shape: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Split flat indices into layer, row and column."""
    h, w = shape[-2:]
    layer = torch.div(voxel, h * w, rounding_mode="floor")
    row = torch.div(voxel, w, rounding_mode="floor") - layer * h
    return layer, row, voxel - (layer * h + row) * w


def join_voxel(
    layer: Tensor, row: Tensor, column: Tensor, shape: Sequence[int]
) -> Tensor:
    """Give the flat index."""
    h, w = shape[-2:]
    return (layer * h + row) * w + column


def _shift(draw: Tensor, place: Tensor, present: Tensor, size: int) -> Tensor:
    """Draw a whole shift for each event that keeps all hits inside."""
    low = torch.where(present, place, size).amin(dim=1)
    high = torch.where(present, place, -1).amax(dim=1)
    room = (size - 1 - high) + low
    shift = (draw * (room + 1)).floor() - low
    return torch.where(present.any(dim=1), shift, torch.zeros_like(shift))

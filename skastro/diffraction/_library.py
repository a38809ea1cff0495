"""The library of templates, and the search in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from skastro.diffraction._orientation import rotation_from_direction
from skastro.diffraction._polar import PolarGrid, fourth_root
from skastro.diffraction._render import SpotRenderer
from skastro.diffraction._simulator import KinematicSimulator
from skastro.diffraction._zone_grid import zone_grid
from skastro.utils import fold_directions

# Templates are drawn on a grid of their own before they are resampled.
_DRAWN = 256

# Width of the templates' spots, in 1/Å.
_TEMPLATE_SIGMA = 0.025

# Zones further apart than this are different answers, in degrees.
_DISTANT = 6.0

# Zones that are tried about a proposed direction.
_NEAREST = 9

# Every so manieth zone is enough to know what chance gives.
_SPARSE = 4

# Angles at which the correlation is looked at.
N_ANGLES = 192


class Candidates(NamedTuple):
    """The best templates of each image, best first."""

    rotation: np.ndarray  # (n, k, 3, 3), crystal to lab
    correlation: np.ndarray  # (n, k)
    margin: np.ndarray  # (n, 1), share by which the best one beats distant ones
    phase: np.ndarray  # (n, k)
    zone: np.ndarray  # (n, k), index over all phases
    angle: np.ndarray  # (n, k), in radians
    mirrored: np.ndarray  # (n, k)


class TemplateLibrary:
    """Templates of all phases over their standard sectors.

    Parameters
    ----------
    simulators : sequence of KinematicSimulator
        One a phase.
    grid : PolarGrid
        On which images are compared.
    spacing_deg : float
        Mean distance of zones, in degrees.
    """

    def __init__(
        self,
        simulators: Sequence[KinematicSimulator],
        grid: PolarGrid,
        spacing_deg: float,
    ) -> None:
        self.grid = grid
        zones, phases, polar = [], [], []
        for number, simulator in enumerate(simulators):
            u = zone_grid(simulator.crystal_.point_operations, spacing_deg)
            zones.append(u)
            phases.append(np.full(len(u), number))
            polar.append(self._draw(simulator, u))
        self.zones = np.concatenate(zones)
        self.phases = np.concatenate(phases)
        self.polar = torch.cat(polar)
        self.base = rotation_from_direction(self.zones).as_matrix()
        near = np.abs(self.zones @ self.zones.T) > np.cos(np.radians(_DISTANT))
        near &= self.phases[:, None] == self.phases
        self._near = torch.from_numpy(near)
        self._groups = [s.crystal_.point_operations for s in simulators]
        spectrum = self.grid.spectrum(self.polar)  # (f, zones, rings)
        self._spectrum = spectrum
        joined = torch.cat([spectrum.real, spectrum.imag], dim=1)
        self._joined = joined.transpose(1, 2).contiguous()  # (f, rings, 2 zones)
        some = spectrum[:, ::_SPARSE]
        joined = torch.cat([some.real, some.imag], dim=1)
        self._sparse = joined.transpose(1, 2).contiguous()

    def _draw(self, simulator: KinematicSimulator, zones: np.ndarray) -> Tensor:
        """Draw fourth roots of the intensities with a width of their own."""
        middle = (_DRAWN - 1) / 2
        scale = float(self.grid.radii.max()) * 1.05 / middle
        spots = simulator.spots(zones)
        polar = PolarGrid(
            (_DRAWN, _DRAWN),
            (middle, middle),
            scale,
            self.grid.radii,
            self.grid.n_azimuths,
            self.grid.n_frequencies,
        )
        renderer = SpotRenderer((_DRAWN, _DRAWN), _TEMPLATE_SIGMA / scale)
        parts = []
        for start in range(0, len(zones), 64):
            first, last = np.searchsorted(spots.pattern, [start, start + 64])
            part = slice(first, last)
            images = renderer.draw(
                spots.pattern[part] - start,
                middle + spots.g[part, 1] / scale,
                middle + spots.g[part, 0] / scale,
                np.sqrt(np.sqrt(spots.intensity[part])),
                min(64, len(zones) - start),
            )
            parts.append(polar.sample(torch.from_numpy(images.copy())))
        return torch.cat(parts)

    def correlate(self, polar: Tensor) -> Tensor:
        """Correlate images with all templates, at all angles, plain and mirrored.

        Parameters
        ----------
        polar : Tensor of shape (n, n_rings, n_azimuths)
            Fourth roots of the images on the rings.

        Returns
        -------
        Tensor of shape (n, 2, n_zones, N_ANGLES)
            Correlations in [-1, 1].
        """
        return self._correlate(polar, self._joined)

    def _correlate(self, polar: Tensor, joined: Tensor) -> Tensor:
        spectrum = self.grid.spectrum(polar)
        f, n, _ = spectrum.shape
        zones = joined.shape[2] // 2
        both = torch.cat([spectrum.real, spectrum.imag], dim=1)
        product = torch.bmm(both, joined).reshape(f, 2, n, 2, zones)
        rr, ri = product[:, 0, :, 0], product[:, 0, :, 1]
        ir, ii = product[:, 1, :, 0], product[:, 1, :, 1]
        # Plain: image times conj(template). The spectrum of a mirrored template is the
        # conjugate one.
        out = torch.zeros((n, 2, zones, N_ANGLES // 2 + 1), dtype=torch.complex64)
        out[:, 0, :, 1 : f + 1] = torch.complex(rr + ii, ir - ri).permute(1, 2, 0)
        out[:, 1, :, 1 : f + 1] = torch.complex(rr - ii, ir + ri).permute(1, 2, 0)
        result: Tensor = torch.fft.irfft(out, n=N_ANGLES, dim=3) * (N_ANGLES / 2)
        return result

    def zone_maxima(self, polar: Tensor) -> np.ndarray:
        """Give the best correlation of each zone.

        Parameters
        ----------
        polar : Tensor of shape (n, n_rings, n_azimuths)
            Fourth roots of the images on the rings.

        Returns
        -------
        ndarray of shape (n, n_zones), float32
            Maxima over angle and mirror.
        """
        return np.asarray(self.correlate(polar).amax(dim=(1, 3)).numpy())

    def search(self, polar: Tensor, n_candidates: int = 1) -> Candidates:
        """Find the best orientations of each image.

        Parameters
        ----------
        polar : Tensor of shape (n, n_rings, n_azimuths)
            Fourth roots of the images on the rings.
        n_candidates : int, default=1
            How many; they differ in their zone or in being mirrored.

        Returns
        -------
        Candidates
            Best first.
        """
        correlation = self.correlate(polar)
        all_zones = np.broadcast_to(
            np.arange(len(self.zones)), (len(correlation), len(self.zones))
        )
        margin = self._margin(correlation.amax(dim=3))
        return self._pick(correlation, all_zones, margin, n_candidates)

    def search_near(self, polar: Tensor, directions: np.ndarray) -> Candidates:
        """Find the best orientations among the zones near a proposed direction.

        Parameters
        ----------
        polar : Tensor of shape (n, n_rings, n_azimuths)
            Fourth roots of the images on the rings.
        directions : ndarray of shape (n, 3)
            One for each image.

        Returns
        -------
        Candidates
            One of each image; the margin is NaN, see `far_margins`.
        """
        tables = []
        for number, group in enumerate(self._groups):
            mine = np.flatnonzero(self.phases == number)
            closeness = fold_directions(directions, group) @ self.zones[mine].T
            count = min(_NEAREST, len(mine))
            tables.append(mine[np.argsort(-closeness, axis=1)[:, :count]])
        zones = np.concatenate(tables, axis=1)
        image = self.grid.spectrum(polar)  # (f, n, rings)
        template = self._spectrum[:, torch.from_numpy(zones)]  # (f, n, k, rings)
        f, n, _ = image.shape
        out = torch.zeros((n, 2, zones.shape[1], N_ANGLES // 2 + 1), dtype=torch.cfloat)
        for row, other in enumerate((template.conj(), template)):
            product = torch.einsum("fnr,fnkr->nkf", image, other)
            out[:, row, :, 1 : f + 1] = product
        correlation = torch.fft.irfft(out, n=N_ANGLES, dim=3) * (N_ANGLES / 2)
        return self._pick(correlation, zones, np.full((n, 1), np.nan), 1)

    def far_margins(
        self, polar: Tensor, found: Sequence[Candidates]
    ) -> list[Candidates]:
        """Compare candidates with the best of every fourth zone far from them all.

        Parameters
        ----------
        polar : Tensor of shape (n, n_rings, n_azimuths)
            Fourth roots of the images on the rings.
        found : sequence of Candidates
            One for each grain.

        Returns
        -------
        list of Candidates
            The same with margins.
        """
        sparse = self._correlate(polar, self._sparse).amax(dim=(1, 3))
        near = torch.zeros_like(sparse, dtype=torch.bool)
        for one in found:
            near |= self._near[torch.from_numpy(one.zone[:, 0])][:, ::_SPARSE]
        far = torch.where(near, -1.0, sparse).amax(dim=1).clamp_min(0.0).numpy()
        shares = [1.0 - far / np.maximum(f.correlation[:, 0], 1e-6) for f in found]
        return [
            f._replace(margin=np.clip(share, 0.0, 1.0)[:, None])
            for f, share in zip(found, shares, strict=True)
        ]

    def _pick(
        self,
        correlation: Tensor,
        zones: np.ndarray,
        margin: np.ndarray,
        n_candidates: int,
    ) -> Candidates:
        """Take the highest peaks of correlations (n, 2, k, N_ANGLES) with k zones."""
        n = len(correlation)
        best, where = correlation.max(dim=3)
        flat = best.reshape(n, -1)
        top = torch.topk(flat, min(n_candidates, flat.shape[1]), dim=1)
        mirrored, local = np.divmod(top.indices.numpy(), zones.shape[1])
        zone = np.take_along_axis(zones, local, axis=1)
        step = where.reshape(n, -1).gather(1, top.indices)
        curves = correlation.reshape(n, -1, N_ANGLES)
        rows = torch.arange(n)[:, None]
        before, at, after = (
            curves[rows, top.indices, (step + d) % N_ANGLES].numpy() for d in (-1, 0, 1)
        )
        # The vertex of a parabola through three points.
        bend = before - 2 * at + after
        shift = np.where(bend < 0, 0.5 * (before - after) / np.minimum(bend, -1e-12), 0)
        angle = (step.numpy() + shift) * (2 * np.pi / N_ANGLES)
        return Candidates(
            rotation=self.orientation(zone, angle, mirrored),
            correlation=top.values.numpy().astype(np.float64),
            margin=margin,
            phase=self.phases[zone],
            zone=zone,
            angle=angle,
            mirrored=mirrored.astype(bool),
        )

    def chance(self, polar: Tensor) -> np.ndarray:
        """Find the correlation that chance gives: that of rings turned at random.

        Parameters
        ----------
        polar : Tensor of shape (n, n_rings, n_azimuths)
            Fourth roots of the images on the rings.

        Returns
        -------
        ndarray of shape (n,)
            Largest correlation with a quarter of the templates.
        """
        n_rings, n_azimuths = polar.shape[1:]
        turns = np.random.RandomState(0).randint(n_azimuths, size=n_rings)
        index = torch.from_numpy((np.arange(n_azimuths) + turns[:, None]) % n_azimuths)
        turned = polar.gather(2, index.expand(len(polar), -1, -1))
        best: np.ndarray = (
            self._correlate(turned, self._sparse).amax(dim=(1, 2, 3)).numpy()
        )
        return best.astype(np.float64)

    def search_beside(self, polar: Tensor, taken: np.ndarray) -> Candidates:
        """Find the best orientation among zones far from those already taken.

        Parameters
        ----------
        polar : Tensor of shape (n, n_rings, n_azimuths)
            Fourth roots of the images on the rings.
        taken : ndarray of shape (n, k), int
            Zones already taken.

        Returns
        -------
        Candidates
            One of each image.
        """
        found = self.search(polar, 2 * len(self.zones))
        near = self._near.numpy()[taken[:, :, None], found.zone[:, None, :]].any(axis=1)
        # The last resort, where all zones are near, is the first candidate.
        first = np.where(near.all(axis=1), 0, (~near).argmax(axis=1))
        rows = np.arange(len(first))
        picked = [
            getattr(found, name)[rows, first][:, None]
            for name in found._fields
            if name != "margin"
        ]
        names = [name for name in found._fields if name != "margin"]
        return Candidates(margin=found.margin, **dict(zip(names, picked, strict=True)))

    def _margin(self, best: Tensor) -> np.ndarray:
        """Compare the best zone with the best of those that are far from it."""
        by_zone = best.amax(dim=1)
        first, where = by_zone.max(dim=1)
        far = torch.where(self._near[where], -1.0, by_zone).amax(dim=1)
        share = 1.0 - far.clamp_min(0.0) / first.clamp_min(1e-6)
        return share.clamp(0.0, 1.0).numpy().astype(np.float64)[:, None]

    def orientation(
        self, zone: np.ndarray, angle: np.ndarray, mirrored: np.ndarray
    ) -> np.ndarray:
        """Give the rotations of templates turned in the plane.

        A pattern mirrored at the x axis, y -> -y, is that of the orientation
        diag(-1, 1, -1) R: the mirror diag(1, -1, 1) R, made proper by the inversion
        that every set of kinematic intensities has.

        Parameters
        ----------
        zone, angle, mirrored : ndarray of shape (...)
            Number of the zone, angle in radians, and whether it is mirrored.

        Returns
        -------
        ndarray of shape (..., 3, 3)
            Crystal to lab.
        """
        matrices = self.base[zone].copy()
        turned = np.asarray(mirrored, dtype=bool)
        matrices[turned] = np.array([-1.0, 1.0, -1.0])[:, None] * matrices[turned]
        flat = np.zeros((angle.size, 3))
        flat[:, 2] = angle.ravel()
        spin = Rotation.from_rotvec(flat).as_matrix().reshape(*angle.shape, 3, 3)
        return np.asarray(spin @ matrices)


def to_polar(grid: PolarGrid, images: Tensor) -> Tensor:
    """Resample the fourth roots of images.

    Parameters
    ----------
    grid : PolarGrid
        The rings.
    images : Tensor of shape (n, h, w), float32
        Not negative.

    Returns
    -------
    Tensor of shape (n, n_rings, n_azimuths)
        Fourth roots on the rings.
    """
    return grid.sample(fourth_root(images))

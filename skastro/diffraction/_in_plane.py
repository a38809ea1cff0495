"""The in-plane angle of patterns whose beam direction is known."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from skastro.diffraction._orientation import rotation_from_direction
from skastro.diffraction._polar import PolarGrid, fourth_root
from skastro.diffraction._simulator import KinematicSimulator

# Rings per 1/Å, azimuths and frequencies, as the template matcher has them.
_RINGS, _AZIMUTHS, _FREQUENCIES = 41, 256, 63

# Angles at which the correlation is looked at: one template an image leaves time for
# more than the matcher's.
_ANGLES = 720

# Rings reach this far beyond the last reflection, in 1/Å.
_BEYOND = 0.02


class InPlaneSearch:
    """Turns the simulated pattern of a direction until it fits an image.

    Parameters
    ----------
    simulator : KinematicSimulator
        Without noise and background.
    min_g : float
        Radius of the innermost ring, in 1/Å.
    """

    def __init__(self, simulator: KinematicSimulator, min_g: float) -> None:
        self.simulator = simulator
        last = simulator.max_g + _BEYOND
        self.grid = PolarGrid(
            simulator._detector.shape,
            simulator.center_,
            simulator.scale_,
            np.linspace(min_g, last, max(8, round(_RINGS * (last - min_g)))),
            _AZIMUTHS,
            _FREQUENCIES,
        )

    def __call__(
        self, images: Tensor, directions: np.ndarray, *, mirror: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the orientations.

        Parameters
        ----------
        images : Tensor of shape (n, h, w), float32
            Not negative.
        directions : ndarray of shape (n, 3)
            One beam direction an image.
        mirror : bool
            Whether the opposite direction, whose pattern is the mirror image, is tried
            too.

        Returns
        -------
        rotation : ndarray of shape (n, 3, 3)
            Crystal to lab.
        correlation : ndarray of shape (n,)
            Of the fourth roots of image and turned pattern on the rings, in [-1, 1].
        """
        patterns = torch.from_numpy(self.simulator.images(directions))
        image, template = (self._spectrum(x) for x in (images, patterns))
        # Image times conj(template); the spectrum of a mirrored template is the
        # conjugate one.
        products = [(image * template.conj()).sum(dim=2)]
        if mirror:
            products.append((image * template).sum(dim=2))
        spectrum = torch.stack(products, dim=1).permute(2, 1, 0)  # (n, 1 or 2, f)
        # irfft wants frequency 0 too, which the grid leaves out.
        spectrum = torch.nn.functional.pad(spectrum, (1, 0))
        curves = torch.fft.irfft(spectrum, n=_ANGLES, dim=2) * (_ANGLES / 2)
        best, where = curves.flatten(1).max(dim=1)
        mirrored, step = np.divmod(where.numpy(), _ANGLES)
        rows = np.arange(len(images))
        values = curves.numpy()
        before, at, after = (
            values[rows, mirrored, (step + d) % _ANGLES] for d in (-1, 0, 1)
        )
        # The vertex of a parabola through three points.
        bend = np.minimum(before - 2 * at + after, -1e-12)
        angle = (step + 0.5 * (before - after) / bend) * (2 * np.pi / _ANGLES)
        # y -> -y in the plane is the orientation diag(-1, 1, -1) R: TemplateLibrary.
        matrices = rotation_from_direction(directions).as_matrix()
        flip = np.where(mirrored[:, None] == 1, [-1.0, 1.0, -1.0], 1.0)
        matrices = flip[:, :, None] * matrices
        spin = np.zeros_like(matrices)
        cos, sin = np.cos(angle), np.sin(angle)
        spin[:, 0, 0], spin[:, 0, 1], spin[:, 1, 0], spin[:, 1, 1] = cos, -sin, sin, cos
        spin[:, 2, 2] = 1.0
        return spin @ matrices, best.numpy().astype(np.float64)

    def _spectrum(self, images: Tensor) -> Tensor:
        return self.grid.spectrum(self.grid.sample(fourth_root(images)))

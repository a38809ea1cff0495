"""Kinematic spot patterns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from skastro.diffraction._crystal import Crystal, as_crystal
from skastro.diffraction._detector import Detector
from skastro.diffraction._orientation import as_matrices
from skastro.diffraction._relrod import default_cut, relrod_weight
from skastro.diffraction._render import SpotRenderer
from skastro.diffraction._scattering import electron_wavelength
from skastro.diffraction._simulator_checks import (
    check_out,
    check_parameters,
    check_scale,
    choose_scale,
)
from skastro.diffraction._spots import SpotList
from skastro.utils import own_random_state, torch_threads
from skastro.utils._typing import Seed

# Patterns that are computed at once: their spots stay in the processor's cache.
_CHUNK = 64


class KinematicSimulator:
    """Spot patterns of a crystal in the kinematic approximation.

    A reflection appears if its excitation error, the distance along z from the curved
    Ewald sphere, is small; its intensity is ``|F|²`` times the weight of the
    relrod. Dynamical scattering, which changes intensities in crystals thicker than
    some 10 nm, is not modelled.

    Parameters
    ----------
    crystal : Crystal or str, default="anatase"
        The crystal, or the name of a built-in one.
    voltage_kv : float, default=200.0
        Accelerating voltage.
    max_g : float, default=1.5
        Longest reciprocal vector 1/d, in 1/Å.
    relrod : {"gaussian", "lorentzian", "sinc2", "linear", "binary"}, \
            default="gaussian"
        Fall-off of the intensity with the excitation error s: exp(-s² / 2 width²);
        1 / ((pi s / width)² + 1); (sin(pi s / width) / (pi s / width))², which is a
        foil of thickness 1 / width; ``1 - |s| / width``; or none.
    relrod_width : float, default=0.02
        Its width, in 1/Å.
    max_excitation_error : float or None, default=None
        Reflections with a larger ``|s|`` are left out; None is 2.5 ``relrod_width`` for
        "gaussian" and ``relrod_width`` for the others. In 1/Å.
    b_iso : float, default=0.5
        Debye-Waller factor B in Å² of atoms whose own is not known.
    intensity_power : float, default=1.0
        Spot intensities are raised to this power; dynamical and precession patterns
        have flatter ones.
    direct_beam : float, default=0.0
        Intensity of the undiffracted beam as a multiple of the strongest spot that the
        crystal has in exact Bragg position.
    shape : (h, w), default=(224, 224)
        Of the images, in pixels.
    scale : float or None, default=None
        1/Å per pixel. None computes it from ``camera_length`` and ``pixel_size`` if
        they are given, else ``max_g`` lies 7/3 of ``spot_sigma`` inside the nearer
        border of a centred pattern, whatever ``center`` is.
    camera_length : float or None, default=None
        In mm; with ``pixel_size`` another way to give the scale.
    pixel_size : float or None, default=None
        Of the detector, in µm.
    center : (row, col) or None, default=None
        Position of the direct beam; None is the middle, ((h - 1) / 2, (w - 1) / 2).
    spot_sigma : float, default=1.5
        Standard deviation of the Gaussian spots, in pixels.
    normalize : {"max", "sum", None}, default="max"
        Each image is divided by its largest value or by its sum, before noise. None
        keeps ``|F|²`` (Å²) as the sum over a spot's pixels (to 0.2 % for a
        ``spot_sigma`` of 0.7 or more).
    background : float, default=0.0
        Intensity in a smooth background that falls off exponentially from the
        centre, as a multiple of the intensity in all spots.
    background_length : float, default=0.25
        Its decay length, in 1/Å.
    beam_stop : float, default=0.0
        Radius of a beam stop about the centre, in pixels; 0 is none.
    center_jitter : float, default=0.0
        Standard deviation of the centre, drawn for each image, in pixels.
    counts : float or None, default=None
        Mean number of electrons in an image, background included, with Poisson
        noise; the images then hold counts. None is without noise.

    Attributes
    ----------
    crystal_ : Crystal
        The crystal.
    wavelength_ : float
        Of the electrons, in Å.
    scale_ : float
        1/Å per pixel.
    center_ : tuple of float
        (row, col) of the direct beam.
    reflections_ : Reflections
        All that may appear.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    See Also
    --------
    skastro.datasets.make_diffraction_patterns : Patterns with labels.
    PairMixer : Overlapping patterns, made while a net trains.

    Notes
    -----
    Lab frame: x along columns, to the right; y along rows, down; the beam direction is
    z. A pixel is (row, col) = centre + (gy, gx) / scale. Rotations take the crystal
    frame to the lab, g_lab = R g; orix and diffsims use the transposed one.

    With s = 1/lambda - sqrt(1/lambda² - gx² - gy²) - gz, a reflection is in Bragg
    position at s = 0.

    Examples
    --------
    >>> from skastro.diffraction import KinematicSimulator
    >>> simulator = KinematicSimulator("anatase", shape=(64, 64))
    >>> simulator.images([[0, 0, 1], [1, 0, 1]], in_plane=0.2).shape
    (2, 64, 64)
    """

    def __init__(
        self,
        crystal: Crystal | str = "anatase",
        *,
        voltage_kv: float = 200.0,
        max_g: float = 1.5,
        relrod: str = "gaussian",
        relrod_width: float = 0.02,
        max_excitation_error: float | None = None,
        b_iso: float = 0.5,
        intensity_power: float = 1.0,
        direct_beam: float = 0.0,
        shape: Sequence[int] = (224, 224),
        scale: float | None = None,
        camera_length: float | None = None,
        pixel_size: float | None = None,
        center: Sequence[float] | None = None,
        spot_sigma: float = 1.5,
        normalize: str | None = "max",
        background: float = 0.0,
        background_length: float = 0.25,
        beam_stop: float = 0.0,
        center_jitter: float = 0.0,
        counts: float | None = None,
    ) -> None:
        self.crystal = crystal
        self.voltage_kv = voltage_kv
        self.max_g = max_g
        self.relrod = relrod
        self.relrod_width = relrod_width
        self.max_excitation_error = max_excitation_error
        self.b_iso = b_iso
        self.intensity_power = intensity_power
        self.direct_beam = direct_beam
        self.shape = shape
        self.scale = scale
        self.camera_length = camera_length
        self.pixel_size = pixel_size
        self.center = center
        self.spot_sigma = spot_sigma
        self.normalize = normalize
        self.background = background
        self.background_length = background_length
        self.beam_stop = beam_stop
        self.center_jitter = center_jitter
        self.counts = counts
        self._set_up()

    def _set_up(self) -> None:
        self.crystal_ = as_crystal(self.crystal)
        self.wavelength_ = electron_wavelength(self.voltage_kv)
        check_parameters(self)
        cut = self.max_excitation_error
        self.cut_ = default_cut(self.relrod, self.relrod_width) if cut is None else cut
        self._detector = Detector(
            shape=self.shape,
            scale=choose_scale(self),
            center=self.center,
            max_g=self.max_g,
            spot_sigma=self.spot_sigma,
            normalize=self.normalize,
            background=self.background,
            background_length=self.background_length,
            beam_stop=self.beam_stop,
            center_jitter=self.center_jitter,
            counts=self.counts,
        )
        self.scale_ = self._detector.scale
        self.center_ = self._detector.center
        self.reflections_ = self.crystal_.reflections(self.max_g, b_iso=self.b_iso)
        check_scale(self)
        self._strength = self.reflections_.intensity**self.intensity_power

    def __repr__(self) -> str:
        """Name crystal, voltage and scale."""
        h, w = self.shape
        return (
            f"<KinematicSimulator of {self.crystal_.name}, {self.voltage_kv:g} kV, "
            f"{h} x {w} pixels of {self.scale_:.5g} 1/Å, {self.relrod} relrod>"
        )

    def spots(self, orientations: Any, in_plane: Any = 0.0) -> SpotList:
        """Find the reflections near the Ewald sphere.

        Parameters
        ----------
        orientations : array-like of shape (n, 3), or Rotation
            Beam directions in the crystal frame (Cartesian, of any length), or full
            orientations, crystal to lab.
        in_plane : float or array-like of shape (n,), default=0.0
            In-plane angle of beam directions, in radians, as in
            `rotation_from_direction`.

        Returns
        -------
        SpotList
            Of n patterns, without the direct beam.

        Raises
        ------
        ValueError
            If orientations are not finite or of another shape.
        """
        matrices = as_matrices(orientations, in_plane)
        parts = [
            self._spots(matrices[start : start + _CHUNK])
            for start in range(0, max(1, len(matrices)), _CHUNK)
        ]
        counts = [_CHUNK * k for k in range(len(parts))]
        which = [part[0] + first for part, first in zip(parts, counts, strict=True)]
        columns = [np.concatenate(c) for c in zip(*(p[1:] for p in parts), strict=True)]
        index, g, s, intensity = columns
        return SpotList(
            len(matrices),
            np.concatenate(which),
            self.reflections_.hkl[index],
            g,
            s,
            intensity,
        )

    def _spots(self, matrices: np.ndarray) -> tuple[np.ndarray, ...]:
        """Give pattern, reflection, (gx, gy), s and intensity of every spot."""
        g = self.reflections_.g
        inverse = 1.0 / self.wavelength_
        # s depends on gz and |g| alone: positions are computed for visible ones only.
        gz = matrices[:, 2, :] @ g.T
        # On the flat sphere of the paraxial limit s is lambda g² / 2 - gz: the square
        # root is taken for what is near it only. The slack bounds the difference.
        half = 0.5 * self.wavelength_ * np.square(self.reflections_.g_length)
        reach = self.cut_ + self.wavelength_ * self.max_g**2
        slack = self.cut_ + self.wavelength_ * reach**2
        slack += self.wavelength_**3 * self.max_g**4
        pattern, index = np.nonzero(np.abs(gz - half) < slack)
        z = gz[pattern, index]
        square = np.square(self.reflections_.g_length)[index] - z * z
        s = inverse - np.sqrt(inverse**2 - square) - z
        near = np.abs(s) < self.cut_
        pattern, index, s = pattern[near], index[near], s[near]
        xy = np.einsum("nij,nj->ni", matrices[pattern, :2], g[index])
        weight = relrod_weight(self.relrod, s, self.relrod_width)
        return pattern, index, xy, s, self._strength[index] * weight

    def images(
        self,
        orientations: Any,
        in_plane: Any = 0.0,
        *,
        random_state: Seed = None,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Draw the patterns.

        Parameters
        ----------
        orientations : array-like of shape (n, 3), or Rotation
            As `spots` takes them.
        in_plane : float or array-like of shape (n,), default=0.0
            As `spots` takes it.
        random_state : int, RandomState instance or None, default=None
            Of Poisson noise and centres; only used where there is either.
        out : ndarray of shape (n, h, w), default=None
            Where the images go, for instance a memory map; float32 or float64.

        Returns
        -------
        ndarray of shape (n, h, w), float32
            Bright spots on dark ground, not negative; ``out`` if it was given.

        Raises
        ------
        ValueError
            If orientations are not finite or of another shape, or ``out`` does not fit.
        """
        matrices = as_matrices(orientations, in_plane)
        h, w = self._detector.shape
        if out is None:
            out = np.empty((len(matrices), h, w), dtype=np.float32)
        else:
            check_out(out, (len(matrices), h, w))
        rng = own_random_state(random_state)
        # Noise must not depend on the size of the chunks.
        centers = self._detector.draw_centers(len(matrices), rng)
        beam = self.direct_beam * float(self._strength.max())
        renderer = SpotRenderer((h, w), self.spot_sigma)
        # One thread gives the same bits on every machine, and is quickest here.
        with torch_threads(None):
            for start in range(0, len(matrices), _CHUNK):
                part = slice(start, min(start + _CHUNK, len(matrices)))
                n = part.stop - start
                pattern, _, g, _, intensity = self._spots(matrices[part])
                if beam:
                    pattern = np.concatenate([pattern, np.arange(n)])
                    g = np.concatenate([g, np.zeros((n, 2))])
                    intensity = np.concatenate([intensity, np.full(n, beam)])
                where = centers[part][pattern]
                images = renderer.draw(
                    pattern,
                    where[:, 0] + g[:, 1] / self.scale_,
                    where[:, 1] + g[:, 0] / self.scale_,
                    intensity,
                    n,
                )
                out[part] = self._detector.expose(images, centers[part], rng)
        return out

    def torch_images(
        self,
        rotations: torch.Tensor,
        *,
        max_spots: int = 128,
    ) -> torch.Tensor:
        """Draw patterns that can be differentiated in the orientation.

        Parameters
        ----------
        rotations : Tensor of shape (n, 3, 3)
            Rotation matrices, crystal to lab; float64 is advised.
        max_spots : int, default=128
            The strongest reflections of each pattern that are drawn.

        Returns
        -------
        Tensor of shape (n, h, w)
            As `images` draws them, but without background, beam stop, jitter and
            noise, and with whole Gaussians. Where a relrod is cut at
            ``max_excitation_error`` a spot still appears at once: the gradient is that
            of the spots which are there.

        Raises
        ------
        ValueError
            If the shape is another.
        """
        from skastro.diffraction._torch_render import torch_images

        return torch_images(self, rotations, max_spots)

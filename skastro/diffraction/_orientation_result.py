"""What the template matcher found in patterns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from skastro.diffraction._crystal import Crystal
from skastro.diffraction._orientation import bunge_angles
from skastro.diffraction._write_ang import write_ang
from skastro.diffraction._write_ctf import write_ctf

# Differences of deviance over the sum of the image: one of 10,000 counts would not
# tell the twin apart below this.
_UNDECIDED = 1e-4
_DIFFERENT_DEG = 1.0


@dataclass(frozen=True)
class OrientationResult:
    """Orientations of k grains in each of n patterns, and how far to trust them.

    Parameters
    ----------
    crystals : tuple of Crystal
        The phases.
    rotation_matrices : ndarray of shape (n, k, 3, 3)
        Crystal to lab. Of the equivalent ones it is that whose beam direction is
        nearest to the standard sector.
    directions : ndarray of shape (n, k, 3)
        Beam directions in the standard sector, Cartesian unit vectors in the crystal
        frame.
    phase : ndarray of shape (n, k), int
        Index into `crystals`.
    share : ndarray of shape (n, k)
        Of the pattern's modelled intensity; 1 for a single grain. NaN if it was not
        refined.
    correlation : ndarray of shape (n, k)
        With the best template, in [-1, 1].
    margin : ndarray of shape (n, k)
        1 - (best correlation of zones more than 6° away) / correlation, in [0, 1].
    contrast : ndarray of shape (n, k)
        Correlation over that of the same pattern with its rings turned at random.
    score : ndarray of shape (n,)
        Sum of (sqrt(image) - sqrt(model))² over the sum of the image: 0 is a perfect
        fit, 1 is none. NaN if it was not refined, or if the pattern is empty.
    residual_flag : ndarray of shape (n,), bool
        Whether the score is above the limit learned in ``fit``: a grain was missed, or
        is wrong.
    valid : ndarray of shape (n, k), bool
        False where a grain cannot be trusted: too faint, no better than chance, a
        brighter grain or its twin once more, or in a pattern that the model does not
        explain. True is no proof: see `twin_undecided` for what noise or symmetry
        leaves open.
    twin_directions : ndarray of shape (n, k, 3)
        Folded beam directions of the zero-order-zone twin of each grain, the other
        answer with (nearly) the same pattern. NaN if it was not refined.
    twin_margin : ndarray of shape (n, k)
        By how much the twin's Poisson deviance is larger, over the sum of the image.
        Multiplied by the number of counts it is the deviance difference of a counting
        detector; values below about 4 over the number of counts decide nothing.
    center : ndarray of shape (n, 2)
        Row and column of the direct beam, refined, in pixels.
    scale : ndarray of shape (n,)
        Refined, in 1/Å per pixel.
    relrod_width : ndarray of shape (n,)
        Refined, in 1/Å.
    spot_sigma : ndarray of shape (n,)
        Refined, in pixels.
    scan_shape : tuple of int or None, default=None
        (rows, columns) if the patterns were a scan.

    Examples
    --------
    >>> from skastro.diffraction import KinematicSimulator, TemplateMatcher
    >>> X = KinematicSimulator("silver").images([[1, 1, 4], [1, 0, 1]])
    >>> result = TemplateMatcher("silver", zone_spacing=5.0).fit(X).match(X)
    >>> result.to_frame()[["phase", "valid"]].drop_duplicates()
        phase  valid
    0  silver   True
    """

    crystals: tuple[Crystal, ...]
    rotation_matrices: np.ndarray
    directions: np.ndarray
    phase: np.ndarray
    share: np.ndarray
    correlation: np.ndarray
    margin: np.ndarray
    contrast: np.ndarray
    score: np.ndarray
    residual_flag: np.ndarray
    valid: np.ndarray
    twin_directions: np.ndarray
    twin_margin: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    relrod_width: np.ndarray
    spot_sigma: np.ndarray
    scan_shape: tuple[int, int] | None = None

    def __len__(self) -> int:
        """Count the patterns."""
        return len(self.score)

    @property
    def rotations(self) -> Rotation:
        """All n k orientations, those of a pattern side by side."""
        return Rotation.from_matrix(self.rotation_matrices.reshape(-1, 3, 3))

    @property
    def twin_undecided(self) -> np.ndarray:
        """Whether a grain cannot be told from its twin, (n, k): then take both.

        The twin is more than 1° away and its margin below 0.0001, that is less than
        one unit of deviance in a pattern of 10,000 counts.
        """
        gap = np.linalg.norm(self.directions - self.twin_directions, axis=2)
        return np.asarray(
            (self.twin_margin < _UNDECIDED) & (gap > np.radians(_DIFFERENT_DEG))
        )

    @property
    def reliability(self) -> np.ndarray:
        """Trust in each pattern, in [0, 1]: the smallest margin of its grains.

        It is lowered by the share of the faintest grain (one over the number of grains
        is full trust), halved where the residual is flagged and where a grain cannot be
        told from its twin, and 0 where a grain is not valid. Good for ranking; it is
        no probability.
        """
        trust = np.where(self.valid, self.margin, 0.0).min(axis=1)
        n_grains = self.phase.shape[1]
        if n_grains > 1:
            faintest = np.nan_to_num(self.share.min(axis=1), nan=1.0 / n_grains)
            trust = trust * np.minimum(1.0, n_grains * faintest)
        trust = np.where(self.twin_undecided.any(axis=1), 0.5 * trust, trust)
        return np.asarray(np.where(self.residual_flag, 0.5 * trust, trust))

    def bunge(self, *, degrees: bool = True) -> np.ndarray:
        """Give Bunge's Euler angles.

        Parameters
        ----------
        degrees : bool, default=True
            Unit; False gives radians.

        Returns
        -------
        ndarray of shape (n, k, 3)
            Angles phi1, Phi, phi2.
        """
        angles = bunge_angles(self.rotations, degrees=degrees)
        return angles.reshape(*self.phase.shape, 3)

    def to_frame(self) -> pd.DataFrame:
        """Give one row a grain.

        Returns
        -------
        DataFrame
            Columns "pattern", "grain", "phase", "phi1", "Phi", "phi2" (degrees), "ux",
            "uy", "uz" (folded), "share", "correlation", "margin", "contrast",
            "score", "residual_flag", "twin_margin" and "valid"; of a scan also "row"
            and "column".
        """
        n, k = self.phase.shape
        pattern = np.repeat(np.arange(n), k)
        angles = self.bunge().reshape(-1, 3)
        u = self.directions.reshape(-1, 3)
        names = [c.name for c in self.crystals]
        frame = pd.DataFrame(
            {
                "pattern": pattern,
                "grain": np.tile(np.arange(k), n),
                "phase": [names[p] for p in self.phase.ravel()],
                **dict(zip(("phi1", "Phi", "phi2"), angles.T, strict=True)),
                **dict(zip(("ux", "uy", "uz"), u.T, strict=True)),
                "share": self.share.ravel(),
                "correlation": self.correlation.ravel(),
                "margin": self.margin.ravel(),
                "contrast": self.contrast.ravel(),
                "score": self.score[pattern],
                "residual_flag": self.residual_flag[pattern],
                "twin_margin": self.twin_margin.ravel(),
                "valid": self.valid.ravel(),
            }
        )
        if self.scan_shape is not None:
            row, column = np.divmod(pattern, self.scan_shape[1])
            frame.insert(1, "row", row)
            frame.insert(2, "column", column)
        return frame

    def write_map(
        self, path: str | Path, *, step: float | tuple[float, float], grain: int = 0
    ) -> None:
        """Write a scan's orientations as text for other programs.

        Parameters
        ----------
        path : str or Path
            Ends with ".ang" (EDAX) or ".ctf" (Oxford).
        step : float or (row step, column step)
            Between the points of the scan, in nm.
        grain : int, default=0
            Which grain of each pattern; 0 is the brightest.

        Raises
        ------
        OSError
            If the file cannot be written.
        ValueError
            If the patterns are no scan, there is no such grain, or the name has
            another ending.

        See Also
        --------
        write_ang : What the columns mean.
        write_ctf : The same for ".ctf".
        """
        writers = {".ang": write_ang, ".ctf": write_ctf}
        suffix = Path(path).suffix.lower()
        if suffix not in writers:
            raise ValueError(f'path must end with ".ang" or ".ctf", got {str(path)!r}.')
        if self.scan_shape is None:
            raise ValueError(
                "These patterns are no scan: match an array of shape "
                "(rows, columns, h, w)."
            )
        if not 0 <= grain < self.phase.shape[1]:
            raise ValueError(
                f"grain must be 0 to {self.phase.shape[1] - 1}, got {grain}."
            )
        writers[suffix](
            path,
            Rotation.from_matrix(self.rotation_matrices[:, grain]),
            scan_shape=self.scan_shape,
            step=step,
            phases=self.crystals,
            phase_ids=self.phase[:, grain],
            invalid=~self.valid[:, grain],
            score=np.clip(self.correlation[:, grain], 0.0, None),
            reliability=self.margin[:, grain],
        )

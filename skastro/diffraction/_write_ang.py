"""Writer of EDAX's text files of orientation maps."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from skastro.diffraction._orientation_table import (
    POSITION_DECIMALS,
    clean_name,
    crystal_frames,
    laue_code,
    make_table,
    quality,
    write_text,
)

# EDAX's numbers of the Laue groups.
_SYMMETRY = {
    "-1": 1,
    "2/m": 20,
    "mmm": 22,
    "4/m": 4,
    "4/mmm": 42,
    "-3": 3,
    "-3m": 32,
    "6/m": 6,
    "6/mmm": 62,
    "m-3": 23,
    "m-3m": 43,
}

# Angles and fit of a point that is not indexed.
_NO_ANGLE = 4 * math.pi
_NO_FIT = 180.0


def write_ang(
    path: str | Path,
    rotations: Rotation,
    *,
    scan_shape: Sequence[int],
    step: float | Sequence[float],
    phases: Sequence[Any],
    phase_ids: Any = None,
    invalid: Any = None,
    score: Any = None,
    reliability: Any = None,
    deviation: Any = None,
    crystal_frame: str = "vendor",
) -> None:
    """Write an orientation map as EDAX ``.ang`` text.

    OIM Analysis, MTEX, orix and most other programs for orientation maps read it. The
    file appears complete or not at all.

    Parameters
    ----------
    path : str or Path
        The file; an old one is replaced.
    rotations : scipy.spatial.transform.Rotation
        Of the n points of the scan, row by row; crystal to lab.
    scan_shape : (rows, columns)
        Of the scan.
    step : float or (row step, column step)
        Between points, in nm. The file has µm.
    phases : sequence of Crystal
        The phases: anything with ``name``, ``cell`` and ``laue_group``.
    phase_ids : array-like of int of shape (n,), default=None
        Index into ``phases`` for each point; -1 where not indexed. May be left out for
        a single phase.
    invalid : array-like of bool of shape (n,), default=None
        Points that are not indexed, beside those of phase -1.
    score : array-like of shape (n,), default=None
        Not negative; the column "image quality". None writes 0.
    reliability : array-like of shape (n,), default=None
        Between 0 and 1; the column "confidence index". None writes 0.
    deviation : array-like of shape (n,), default=None
        In degrees; the column "fit". None writes 0.
    crystal_frame : {"vendor", "skastro"}, default="vendor"
        Cartesian frame of the crystal that the angles refer to. "vendor": for
        monoclinic crystals x along a* and z along c, for all others ours. "skastro": x
        along a and z along c* for all.

    Raises
    ------
    OSError
        If the file cannot be written; an old one is then left alone.
    ValueError
        If shapes, phases or numbers make no sense.

    See Also
    --------
    write_ctf : The same for Oxford's format.

    Notes
    -----
    Columns are phi1, Phi, phi2 (Bunge, radians), x, y (µm), image quality, confidence
    index, phase, detector signal (0) and fit. Phases count from 1. A point that is not
    indexed has angles of 4 pi, confidence index -1, phase 0 and fit 180, as EDAX has
    it. The angles refer to the axes of the pattern: x along its columns to the right, y
    along its rows down. If the scan is rotated against the pattern, multiply the
    rotations from the left first.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from scipy.spatial.transform import Rotation
    >>> from skastro.diffraction import Crystal, write_ang
    >>> path = Path(tempfile.mkdtemp(), "map.ang")
    >>> silver = Crystal.from_name("silver")
    >>> R = Rotation.from_euler("ZXZ", [[0.1, 0.2, 0.3]] * 6)
    >>> write_ang(path, R, scan_shape=(2, 3), step=5.0, phases=[silver])
    >>> path.read_text().splitlines()[-1].split()[:5]
    ['0.10000', '0.20000', '0.30000', '0.0100000', '0.0050000']
    """
    phases = list(phases)
    table = make_table(
        rotations,
        scan_shape=scan_shape,
        step=step,
        phases=phases,
        phase_ids=phase_ids,
        invalid=invalid,
        frames=crystal_frames(phases, crystal_frame, ["2/m"]),
    )
    image_quality = quality(score, table, "score", most=math.inf, missing=0.0)
    confidence = quality(reliability, table, "reliability", most=1.0, missing=-1.0)
    fit = quality(deviation, table, "deviation", most=180.0, missing=_NO_FIT)
    euler = table.euler.copy()
    euler[table.phase == 0] = _NO_ANGLE
    rows = np.column_stack(
        [
            euler,
            table.x,
            table.y,
            image_quality,
            confidence,
            table.phase,
            np.zeros(len(euler)),
            fit,
        ]
    )
    place = f"%13.{POSITION_DECIMALS}f"
    text = io.StringIO()
    text.write("\n".join(_header(phases, table.shape, table.step)) + "\n")
    np.savetxt(
        text,
        rows,
        fmt=f"%9.5f %9.5f %9.5f {place} {place} %12.5f %8.5f %2d %6d %9.5f",
    )
    write_text(path, text.getvalue())


def _header(
    phases: list[Any], shape: tuple[int, int], step: tuple[float, float]
) -> list[str]:
    lines = [
        "# TEM_PIXperUM          1.000000",
        "# x-star                0.000000",
        "# y-star                0.000000",
        "# z-star                0.000000",
        "# WorkingDistance       0.000000",
        "#",
    ]
    # EDAX lists the phases from the last to the first.
    for number in range(len(phases), 0, -1):
        phase = phases[number - 1]
        lengths = " ".join(f"{v:.4f}" for v in phase.cell[:3])
        angles = " ".join(f"{v:.3f}" for v in phase.cell[3:])
        lines += [
            f"# Phase {number}",
            f"# MaterialName  {clean_name(phase)}",
            "# Formula",
            "# Info",
            f"# Symmetry              {laue_code(phase, _SYMMETRY)}",
            f"# LatticeConstants      {lengths} {angles}",
            "# NumberFamilies        0",
            "#",
        ]
    place = f".{POSITION_DECIMALS}f"
    return [
        *lines,
        "# GRID: SqrGrid",
        f"# XSTEP: {step[1]:{place}}",
        f"# YSTEP: {step[0]:{place}}",
        f"# NCOLS_ODD: {shape[1]}",
        f"# NCOLS_EVEN: {shape[1]}",
        f"# NROWS: {shape[0]}",
        "#",
        "# OPERATOR: skastro",
        "#",
        "# SAMPLEID:",
        "#",
        "# SCANID:",
        "#",
    ]

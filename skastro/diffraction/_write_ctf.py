"""Writer of Oxford's Channel Text Files of orientation maps."""

from __future__ import annotations

import io
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
from skastro.utils._laue import LAUE_GROUPS

# The format counts the Laue groups from 1, in the order of our list.
_LAUE_NUMBER = {group: number for number, group in enumerate(LAUE_GROUPS, start=1)}

_NO_SOLUTION = 3

# Groups whose a and a*, or c and c*, are not parallel.
_OBLIQUE = ["-1", "2/m", "-3", "-3m", "6/m", "6/mmm"]


def write_ctf(
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
    voltage_kv: float = 200.0,
) -> None:
    """Write an orientation map as Oxford's Channel Text File, ``.ctf``.

    AZtec, Channel 5, MTEX, orix and most other programs for orientation maps read it.
    The file appears complete or not at all.

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
        Between 0 and 1, in steps of 1 / 255; the column "BC". None writes 0.
    reliability : array-like of shape (n,), default=None
        Between 0 and 1, in steps of 1 / 255; the column "BS". None writes 0.
    deviation : array-like of shape (n,), default=None
        In degrees; the column "MAD". None writes 0.
    crystal_frame : {"vendor", "skastro"}, default="vendor"
        Cartesian frame of the crystal that the angles refer to. "vendor": x along a*
        and z along c, which differs from ours for trigonal and hexagonal (by 30
        degrees about c), monoclinic and triclinic crystals. "skastro": x along a and z
        along c*, which orix takes for granted.
    voltage_kv : float, default=200.0
        Accelerating voltage, for the header.

    Raises
    ------
    OSError
        If the file cannot be written; an old one is then left alone.
    ValueError
        If shapes, phases or numbers make no sense.

    See Also
    --------
    write_ang : The same for EDAX's format.

    Notes
    -----
    Columns are phase, x, y (µm), bands (0), error, the Bunge angles in degrees, MAD, BC
    and BS. Phases count from 1. A point that is not indexed has phase 0, error 3 ("no
    solution") and zeros. The angles refer to the axes of the pattern: x along its
    columns to the right, y along its rows down. If the scan is rotated against the
    pattern, multiply the rotations from the left first.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from scipy.spatial.transform import Rotation
    >>> from skastro.diffraction import Crystal, write_ctf
    >>> path = Path(tempfile.mkdtemp(), "map.ctf")
    >>> anatase = Crystal.from_name("anatase")
    >>> R = Rotation.from_euler("ZXZ", [[10, 20, 30]] * 6, degrees=True)
    >>> write_ctf(path, R, scan_shape=(2, 3), step=5.0, phases=[anatase])
    >>> path.read_text().splitlines()[-1].split()[5:8]
    ['10.0000', '20.0000', '30.0000']
    """
    phases = list(phases)
    table = make_table(
        rotations,
        scan_shape=scan_shape,
        step=step,
        phases=phases,
        phase_ids=phase_ids,
        invalid=invalid,
        frames=crystal_frames(phases, crystal_frame, _OBLIQUE),
    )
    contrast = quality(score, table, "score", most=1.0, missing=0.0)
    slope = quality(reliability, table, "reliability", most=1.0, missing=0.0)
    deviations = quality(deviation, table, "deviation", most=180.0, missing=0.0)
    euler = np.degrees(table.euler).round(4)
    euler[:, [0, 2]] %= 360
    n = len(euler)
    rows = np.column_stack(
        [
            table.phase,
            table.x,
            table.y,
            np.zeros(n),
            np.where(table.phase == 0, _NO_SOLUTION, 0),
            euler,
            deviations,
            np.rint(255 * contrast),
            np.rint(255 * slope),
        ]
    )
    place = f"%.{POSITION_DECIMALS}f"
    fmt = ["%d", place, place, "%d", "%d", *["%.4f"] * 4, "%d", "%d"]
    text = io.StringIO()
    text.write("\n".join(_header(phases, table.shape, table.step, voltage_kv)) + "\n")
    np.savetxt(text, rows, fmt=fmt, delimiter="\t")
    write_text(path, text.getvalue())


def _header(
    phases: list[Any],
    shape: tuple[int, int],
    step: tuple[float, float],
    voltage_kv: float,
) -> list[str]:
    place = f".{POSITION_DECIMALS}f"
    sample = {
        "Mag": 0,
        "Coverage": 100,
        "Device": 0,
        "KV": voltage_kv,
        "TiltAngle": 0,
        "TiltAxis": 0,
    }
    reference = "\t".join(
        [
            "Euler angles refer to Sample Coordinate system (CS0)!",
            *(f"{key}\t{value:g}" for key, value in sample.items()),
        ]
    )
    lines = [
        "Channel Text File",
        "Prj\tskastro",
        "Author\tskastro",
        "JobMode\tGrid",
        f"XCells\t{shape[1]}",
        f"YCells\t{shape[0]}",
        f"XStep\t{step[1]:{place}}",
        f"YStep\t{step[0]:{place}}",
        "AcqE1\t0",
        "AcqE2\t0",
        "AcqE3\t0",
        reference,
        f"Phases\t{len(phases)}",
    ]
    for phase in phases:
        lengths = ";".join(f"{v:.4f}" for v in phase.cell[:3])
        angles = ";".join(f"{v:.3f}" for v in phase.cell[3:])
        # The space group is not known: 0. Two fields and a comment follow.
        lines.append(
            f"{lengths}\t{angles}\t{clean_name(phase)}\t"
            f"{laue_code(phase, _LAUE_NUMBER)}\t0\t\t\tskastro"
        )
    lines.append("Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS")
    return lines

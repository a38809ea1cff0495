"""Reader of NanoMEGAS block files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from skastro.diffraction._detector import camera_scale
from skastro.diffraction._diffraction_scan import DiffractionScan

_MAGIC = 0x0102
_FRAME_MARK = 0x55AA

# The head of a file, little-endian and without gaps. What the numbers at its end mean
# is not published; they are not read.
_HEADER = np.dtype(
    [
        ("identifier", "S6"),
        ("magic", "<u2"),
        ("image_offset", "<u4"),
        ("pattern_offset", "<u4"),
        ("flags", "<u4"),
        ("pattern_size", "<u2"),  # px
        ("pattern_rotation", "<u2"),
        ("columns", "<u2"),
        ("rows", "<u2"),
        ("scan_rotation", "<u2"),  # 1/100 degree
        ("column_step", "<f8"),  # nm
        ("row_step", "<f8"),  # nm
        ("voltage", "<u4"),  # V
        ("pixels_per_cm", "<u2"),  # 1/100 per cm
        ("camera_length", "<u4"),  # 1/10 mm
        ("acquisition_time", "<f8"),  # days
    ]
)
# Where the note begins.
_NOTE_OFFSET = 240


def read_blo(path: str | Path, *, lazy: bool = False) -> DiffractionScan:
    """Read diffraction patterns from a NanoMEGAS block file (``.blo``).

    Parameters
    ----------
    path : str or Path
        The file.
    lazy : bool, default=False
        Whether the file is mapped into memory, and read where a slice is taken.

    Returns
    -------
    DiffractionScan
        Patterns of shape (rows, columns, size, size), uint8. The scale follows from
        pixel size, camera length and voltage as the file has them, which are nominal;
        None if one of them is missing. ``metadata`` has ``"voltage_kv"``,
        ``"camera_length_mm"``, ``"pixel_mm"``, ``"scan_rotation_deg"`` and ``"note"``.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it is no such file, is truncated, or a pattern does not begin where it
        should.

    Examples
    --------
    >>> from skastro.diffraction import read_blo
    >>> scan = read_blo("scan.blo")  # doctest: +SKIP
    >>> patterns = scan.data.reshape(-1, *scan.data.shape[-2:])  # doctest: +SKIP
    """
    path = Path(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        raw = file.read(_HEADER.itemsize)
        if len(raw) < _HEADER.itemsize:
            raise ValueError(f"{path.name} is no block file: {size} bytes are too few.")
        head = np.frombuffer(raw, _HEADER)[0]
        if head["identifier"] != b"IMGBLO" or head["magic"] != _MAGIC:
            raise ValueError(
                f"{path.name} is no block file: it does not begin with IMGBLO and "
                f"{_MAGIC:#06x}."
            )
        shape = int(head["rows"]), int(head["columns"])
        side, start = int(head["pattern_size"]), int(head["pattern_offset"])
        frame = np.dtype(
            [("mark", "<u2"), ("number", "<u4"), ("pattern", "u1", (side, side))]
        )
        needed = start + shape[0] * shape[1] * frame.itemsize
        if 0 in (*shape, side) or start < _HEADER.itemsize or size < needed:
            raise ValueError(
                f"{path.name} is damaged or truncated: {shape[0]} x {shape[1]} "
                f"patterns of {side} x {side} pixels end at byte {needed}, but it "
                f"has {size}."
            )
        file.seek(_NOTE_OFFSET)
        note = file.read(max(0, min(int(head["image_offset"]), start) - _NOTE_OFFSET))
    frames = np.memmap(path, frame, mode="r", offset=start, shape=shape)
    marks = frames["mark"]
    if (marks != _FRAME_MARK).any():
        bad = np.argwhere(marks != _FRAME_MARK)[0].tolist()
        raise ValueError(
            f"{path.name} is damaged: pattern {tuple(bad)} does not begin with its "
            f"mark {_FRAME_MARK:#06x}."
        )
    patterns = frames["pattern"]
    voltage_kv = int(head["voltage"]) / 1e3
    camera_length = int(head["camera_length"]) / 10
    density = int(head["pixels_per_cm"]) / 100
    pixel = 10 / density if density else None
    scale = None
    if voltage_kv and camera_length and pixel:
        scale = camera_scale(voltage_kv, camera_length, 1e3 * pixel)
    step = float(head["row_step"]), float(head["column_step"])
    metadata: dict[str, Any] = {
        "voltage_kv": voltage_kv or None,
        "camera_length_mm": camera_length or None,
        "pixel_mm": pixel,
        "scan_rotation_deg": int(head["scan_rotation"]) / 100,
        "note": note.decode("latin-1").strip("\x00").strip(),
    }
    return DiffractionScan(
        data=patterns if lazy else np.array(patterns),
        scale=scale,
        navigation_shape=shape,
        step=step if all(np.isfinite(s) and s > 0 for s in step) else None,
        metadata=metadata,
    )

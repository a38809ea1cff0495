"""Columns of voxel events in NumPy's archives."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skastro.gaps._event_columns import NOTE


def write_npz(path: Path, columns: Mapping[str, np.ndarray], note: str) -> None:
    """Write columns.

    Parameters
    ----------
    path : Path
        The file.
    columns : mapping of str to ndarray
        What to write.
    note : str
        What to write beside them.
    """
    # The note comes first: a damaged directory of a zip archive loses what follows,
    # and the note then tells that it is not there.
    arrays: dict[str, Any] = {NOTE: np.array(note), **columns}
    # NumPy before 2.1 forgets to close its archive when the disk is full, and Python
    # complains of that later. In memory nothing fails.
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    with path.open("xb") as file:
        file.write(stream.getbuffer())

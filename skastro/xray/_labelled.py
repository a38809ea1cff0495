"""What the readers of labelled CSV tables share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from skastro.xray._catalogue import Column, choose_columns, describe, existing_file
from skastro.xray._read_4xmm import check_positions
from skastro.xray._table_files import TableFile


def read_labelled(
    path: Path, what: str, layout: Sequence[Column], catalogue: str
) -> pd.DataFrame:
    """Read a whole table into a tidy frame.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        Name of such files, for messages.
    layout : sequence of Column
        All columns that are kept.
    catalogue : str
        Name for the attributes.

    Returns
    -------
    DataFrame
        Every row of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not what it should be; the message names file and fault.
    """
    existing_file(path, what)
    try:
        file = TableFile(path)
        chosen = choose_columns(layout, file.names, None)
        kinds = {column.raw: column.kind for column in chosen}
        table = pd.concat(list(file.frames(kinds)))
        # A column of the file may serve under two names.
        table = table[[column.raw for column in chosen]]
        table.columns = pd.Index([column.name for column in chosen])
        check_positions(table)
    except ValueError as error:
        raise ValueError(f"{what} {path}: {error}") from error
    return describe(table, catalogue)

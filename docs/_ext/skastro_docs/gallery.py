"""Give every example of the gallery the same start."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import torch

_FILTERS = list(warnings.filters)
_THREADS = torch.get_num_threads()


def reset_state(gallery_conf: dict[str, Any], fname: str) -> None:
    """Undo what an example may have left behind.

    Parameters
    ----------
    gallery_conf : dict
        Settings of sphinx-gallery.
    fname : str
        The example.
    """
    warnings.resetwarnings()
    warnings.filters[:] = _FILTERS  # type: ignore[index]
    # Figures are saved by the gallery; plt.show() has no window to open.
    warnings.filterwarnings("ignore", message=".*non-interactive.*")
    torch.set_num_threads(_THREADS)
    # Lines that come and go on a terminal are noise on a page.
    logging.getLogger("skorch").setLevel(logging.WARNING)


def examples(folder: Path) -> list[Path]:
    """List the scripts that the gallery runs.

    Parameters
    ----------
    folder : Path
        Where they are, each in the folder of its section.

    Returns
    -------
    list of Path
        Sorted by name.
    """
    return sorted(folder.glob("*/plot_*.py"))

"""Optional dependencies, imported where they are used."""

from __future__ import annotations

import importlib
from typing import Any


def import_optional(name: str, *, extra: str) -> Any:
    """Import a module that only some users need.

    Parameters
    ----------
    name : str
        Dotted name, such as ``"astropy.io.fits"``.
    extra : str
        The extra of this package that brings it.

    Returns
    -------
    module
        The module.

    Raises
    ------
    ImportError
        If it is not installed; the message has the command that installs it.

    Examples
    --------
    >>> from skastro.utils._optional import import_optional
    >>> import_optional("json", extra="astro").dumps([1])
    '[1]'
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"name must be that of a module, got {name!r}.")
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ImportError(
            f"{package} is needed here and could not be imported ({error}). Install "
            f'it with: pip install "skastro[{extra}]"'
        ) from error

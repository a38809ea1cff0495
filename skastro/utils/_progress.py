"""A progress bar, or nothing at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tqdm.auto import tqdm


class NoBar:
    """Stand in for a bar that nobody wants to see.

    tqdm takes a lock even for a bar that is disabled, and processes that were forked
    share it: where one is killed while it holds the lock, all others wait for ever.

    Parameters
    ----------
    iterable : iterable, default=()
        What is gone through.
    """

    def __init__(self, iterable: Iterable[Any] = ()) -> None:
        self.iterable = iterable

    def __iter__(self) -> Iterator[Any]:
        """Go through it."""
        return iter(self.iterable)

    def __enter__(self) -> NoBar:
        """Begin."""
        return self

    def __exit__(self, *error: object) -> None:
        """End."""

    def update(self, n: float = 1) -> None:
        """Do nothing."""


def progress_bar(
    iterable: Iterable[Any] | None = None, *, verbose: Any, **settings: Any
) -> Any:
    """Make a bar where the user wants one.

    Parameters
    ----------
    iterable : iterable, default=None
        What is gone through; None for a bar that is moved by ``update``.
    verbose : bool or int
        Whether there is a bar.
    **settings : dict
        Of ``tqdm.tqdm``.

    Returns
    -------
    tqdm or NoBar
        An iterable and a context manager with ``update``.
    """
    if not verbose:
        return NoBar(() if iterable is None else iterable)
    return tqdm(iterable, **settings)

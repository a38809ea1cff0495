"""Where a warning points: at the caller's line, whatever lies between."""

from __future__ import annotations

import sys

_LIBRARIES = frozenset({"skastro", "sklearn", "skorch", "imblearn"})


def caller_stacklevel() -> int:
    """Return the ``stacklevel`` at which a warning points at the user's line.

    scikit-learn 1.9 puts one more wrapper around ``fit`` than 1.8 does, so that a
    number in the code would be right with one of them only.
    """
    # Level 1 is the function that asks: the frame above this one.
    frame = sys._getframe(1)
    level = 1
    while frame.f_globals.get("__name__", "").split(".")[0] in _LIBRARIES:
        if frame.f_back is None:
            break
        frame = frame.f_back
        level += 1
    return level

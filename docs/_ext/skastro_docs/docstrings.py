"""Small repairs of docstrings on their way from numpydoc's form to pages."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

# "ndarray of shape (n_features_in_,)": reStructuredText takes it for a link.
_TRAILING_UNDERSCORE = re.compile(r"(?<![\w`.])([A-Za-z]\w*_)(?![\w`])")
_IN_PROSE = re.compile(r"(?<![\w`.])(n_features_in_)(?![\w`])")
_TYPE_LINE = re.compile(r"^(\s*[\w*, ]+ : )(.*)$")


def repair(lines: list[str]) -> None:
    r"""Join continued lines, and mark fitted attributes in types as code.

    Parameters
    ----------
    lines : list of str
        A docstring, changed in place. Raw docstrings still hold the backslash with
        which a long type goes on in the next line.
    """
    joined: list[str] = []
    for line in lines:
        if joined and joined[-1].endswith("\\"):
            joined[-1] = joined[-1][:-1].rstrip() + " " + line.lstrip()
        else:
            joined.append(line)
    for i, line in enumerate(joined):
        if match := _TYPE_LINE.match(line):
            joined[i] = match[1] + _TRAILING_UNDERSCORE.sub(r"``\1``", match[2])
        elif not line.lstrip().startswith((">>>", "...")):
            joined[i] = _IN_PROSE.sub(r"``\1``", line)
    lines[:] = joined


def setup(app: Sphinx) -> dict[str, Any]:
    """Repair before numpydoc (priority 500) sees the lines."""
    app.connect(
        "autodoc-process-docstring",
        lambda app, what, name, obj, options, lines: repair(lines),
        priority=400,
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}

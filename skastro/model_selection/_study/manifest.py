"""The file of a checkpoint that says which study it belongs to."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from typing import Any

# Raised when what is stored changes its meaning.
_FORMAT = 1
# What a manifest begins with, so that one that was cut is known for what it was.
_ABOUT = "skastro.model_selection.repeated_holdout"
_HEAD = f'{{\n "about": "{_ABOUT}",'.encode()


def to_bytes(root: int, facts: Mapping[str, str]) -> bytes:
    """Write a manifest.

    Parameters
    ----------
    root : int
        Seed of the study.
    facts : mapping of str to str
        What the study is.

    Returns
    -------
    bytes
        Of a JSON file.
    """
    content: dict[str, Any] = {"about": _ABOUT, "format": _FORMAT, "root": root}
    content["facts"] = dict(sorted(facts.items()))
    content["check"] = _check(content)
    return json.dumps(content, indent=1).encode()


def from_bytes(stored: bytes) -> tuple[int, dict[str, str]]:
    """Read a manifest.

    Parameters
    ----------
    stored : bytes
        The whole file.

    Returns
    -------
    root : int
        Seed of the study.
    facts : dict of str to str
        What the study is.

    Raises
    ------
    ValueError
        If it is damaged, or not a manifest.
    """
    content = json.loads(stored)
    if not isinstance(content, dict) or content.get("about") != _ABOUT:
        raise ValueError("it is not the manifest of a study")
    if content.get("format") != _FORMAT:
        raise ValueError(
            f"its format is {content.get('format')}; this version of skastro reads "
            f"{_FORMAT}"
        )
    if content.get("check") != _check(content):
        raise ValueError("its content was changed")
    return int(content["root"]), dict(content["facts"])


def was_cut(stored: bytes) -> bool:
    """Tell whether bytes are what is left of a manifest, and nobody's own file.

    Parameters
    ----------
    stored : bytes
        What cannot be read.

    Returns
    -------
    bool
        True for the beginning of a manifest, for nothing, and for zeros, as a power
        cut leaves them.
    """
    left = stored.rstrip(b"\0")
    if not left.startswith(_HEAD):
        return _HEAD.startswith(left)
    with contextlib.suppress(ValueError):
        json.loads(left)
        return False  # whole, but changed
    return True


def _check(content: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in content.items() if key != "check"}
    text = json.dumps(rest, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()

"""Symmetry operations of a crystal, from their coordinate triplets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

import numpy as np

# How far a decimal fraction may be from a multiple of 1/24, in 1/24.
_ROUNDED = 0.1

_TERM = re.compile(r"([+-]?)(\d+(?:/[1-9]\d*|\.\d*)?|\.\d+)?\*?([xyz])?")

# No space group has more operations a cell than the 192 of F-centred cubic ones.
_MOST_OPERATIONS = 192


def parse_operation(triplet: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a coordinate triplet such as ``"-y+1/4,x+3/4,z+1/4"``.

    Parameters
    ----------
    triplet : str
        As the International Tables and CIF files write it.

    Returns
    -------
    rotation : ndarray of shape (3, 3), int
        Acts on fractional coordinates.
    translation : ndarray of shape (3,), float
        In [0, 1).

    Raises
    ------
    ValueError
        If it cannot be read.
    """
    if not isinstance(triplet, str):
        raise TypeError(f"A symmetry operation is a str like 'x,y,z', not {triplet!r}.")
    parts = triplet.lower().replace(" ", "").replace("'", "").split(",")
    if len(parts) != 3:
        raise ValueError(f"A symmetry operation has three parts: {triplet!r}.")
    rotation = np.zeros((3, 3), dtype=int)
    translation = np.zeros(3)
    for row, part in enumerate(parts):
        position = 0
        while position < len(part):
            match = _TERM.match(part, position)
            if match is None or match.end() == position:
                raise ValueError(f"Cannot read {part!r} of the operation {triplet!r}.")
            sign = -1 if match[1] == "-" else 1
            if match[3]:
                factor = Fraction(match[2] or "1")
                if factor.denominator != 1:
                    raise ValueError(f"Fractional factor in {triplet!r}.")
                rotation[row, "xyz".index(match[3])] += sign * int(factor)
            elif match[2]:
                translation[row] += sign * float(Fraction(match[2]))
            else:
                raise ValueError(f"Cannot read {part!r} of the operation {triplet!r}.")
            position = match.end()
    if abs(round(float(np.linalg.det(rotation)))) != 1:
        raise ValueError(f"{triplet!r} is not a symmetry operation.")
    # Those of space groups are multiples of 1/24, which files may give as 0.3333.
    steps = np.rint(translation * 24)
    near = np.abs(translation * 24 - steps) < _ROUNDED
    translation = np.where(near, steps / 24, translation)
    return rotation, translation % 1.0


def close_group(
    triplets: Iterable[str],
) -> tuple[np.ndarray, np.ndarray]:
    """Multiply operations until nothing new appears.

    Parameters
    ----------
    triplets : iterable of str
        Generators, or all operations, of a space group.

    Returns
    -------
    rotations : ndarray of shape (n_operations, 3, 3), int
        The identity is first.
    translations : ndarray of shape (n_operations, 3)
        Modulo lattice translations.

    Raises
    ------
    ValueError
        If they generate more than 192 operations, so are no space group.
    """

    def key(rotation: np.ndarray, translation: np.ndarray) -> tuple[int, ...]:
        # Translations of space groups are multiples of 1/24.
        steps = np.rint(translation * 24).astype(int) % 24
        return (*rotation.ravel().tolist(), *steps.tolist())

    identity = (np.eye(3, dtype=int), np.zeros(3))
    generators = [parse_operation(t) for t in triplets]
    found = {key(*identity): identity}
    fresh = [identity]
    while fresh:
        products = []
        for rotation, translation in fresh:
            for r, t in generators:
                product = (r @ rotation, (r @ translation + t) % 1.0)
                name = key(*product)
                if name not in found:
                    found[name] = product
                    products.append(product)
        if len(found) > _MOST_OPERATIONS:
            raise ValueError(
                "The symmetry operations do not close: they are no space group in "
                "this cell."
            )
        fresh = products
    rotations, translations = zip(*found.values(), strict=True)
    return np.array(rotations), np.array(translations)

"""SDSS object ids: 64-bit numbers that a float64 cannot hold."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

_INT64_MAX = np.iinfo(np.int64).max


class ObjidParts(NamedTuple):
    """Fields of SDSS object ids, integers of the ids' shape.

    Parameters
    ----------
    skyversion : ndarray of int
        Version of the sky resolution: 1 for DR7 ids of the best sky, 2 for DR8+ ids.
    rerun : ndarray of int
        Version of the photometric pipeline: 40 to 44 for DR7, 301 for DR8+.
    run : ndarray of int
        Imaging run.
    camcol : ndarray of int
        Camera column, 1 to 6.
    first_field : ndarray of int
        1 for the first field of a segment, else 0.
    field : ndarray of int
        Field within the run.
    id : ndarray of int
        Number of the object within the field.

    See Also
    --------
    unpack_objid : Makes them.

    Examples
    --------
    >>> from skastro.galaxy import unpack_objid
    >>> unpack_objid([588015509806252115])._fields[2:4]
    ('run', 'camcol')
    """

    skyversion: np.ndarray
    rerun: np.ndarray
    run: np.ndarray
    camcol: np.ndarray
    first_field: np.ndarray
    field: np.ndarray
    id: np.ndarray


def check_objids(objid: Any, name: str = "objid") -> np.ndarray:
    """Turn ids into int64 without ever passing through a float.

    Parameters
    ----------
    objid : array-like of int or str
        Ids of any shape. Strings hold decimal digits only.
    name : str, default="objid"
        How messages call them.

    Returns
    -------
    ndarray of int64
        The same ids; 0-d for a scalar.

    Raises
    ------
    TypeError
        If the ids are floats or booleans. A float64 has 53 bits of mantissa, so the
        last digits of an id that passed through one are already lost.
    ValueError
        If a string is not a whole number, or an id is negative or over 63 bits.

    Examples
    --------
    >>> from skastro.galaxy._objid import check_objids
    >>> check_objids(["588015509806252115"])
    array([588015509806252115])
    """
    values = np.asarray(objid)
    if values.dtype.kind in "OT" or type(values.dtype).__name__ == "StringDType":
        values = np.asarray(_as_strings_or_ints(values, name))
    if values.dtype.kind == "f" and values.size == 0:
        values = values.astype(np.int64)  # an empty list is no evidence of floats
    if values.dtype.kind in "fcb":
        raise TypeError(
            f"{name} has dtype {values.dtype}, but SDSS ids need all of 64 bits: a "
            "float64 keeps 53, so the last digits are lost already. Read the column "
            "as int64 or as strings (a blank cell turns a whole column into floats)."
        )
    if values.dtype.kind == "U":
        try:
            values = np.char.strip(values).astype("S")
        except UnicodeEncodeError:
            raise ValueError(f"{name} holds text that is no whole number.") from None
    if values.dtype.kind == "S":
        return _parse_digits(values, name)
    if values.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers or strings, got {values.dtype}.")
    if values.size and (values.min() < 0 or values.max() > _INT64_MAX):
        raise ValueError(f"{name} must be between 0 and 2**63 - 1.")
    return values.astype(np.int64)


def _as_strings_or_ints(values: np.ndarray, name: str) -> np.ndarray:
    """Give an object array one dtype, refusing mixtures and floats."""
    kinds = {type(v) for v in values.ravel()}
    if kinds and all(issubclass(k, str) for k in kinds):
        return values.astype("U")
    whole = all(issubclass(k, (int, np.integer)) and k is not bool for k in kinds)
    if whole:
        try:
            return values.astype(np.int64)
        except OverflowError:
            raise ValueError(f"{name} must be between 0 and 2**63 - 1.") from None
    names = ", ".join(sorted(k.__name__ for k in kinds))
    raise TypeError(
        f"{name} must be all integers or all strings, got {names}. Floats cannot hold "
        "a 64-bit id, and a missing value (None, NaN) is no id."
    )


def _parse_digits(values: np.ndarray, name: str) -> np.ndarray:
    """Read decimal digits exactly; nothing else is taken for a number."""
    text = np.char.strip(values)
    bad = ~np.char.isdigit(text)
    if bad.any():
        first = np.unravel_index(int(np.argmax(bad)), bad.shape)
        raise ValueError(
            f"{name} must hold whole numbers: {int(bad.sum())} of {bad.size} do not, "
            f"the first is {text[first].decode()!r}"
            + (f" at index {int(first[0])}." if first else ".")
        )
    try:
        return text.astype(np.int64)
    except OverflowError:
        raise ValueError(f"{name} must be between 0 and 2**63 - 1.") from None


def unpack_objid(objid: Any) -> ObjidParts:
    """Split SDSS object ids into run, camera column, field and the rest.

    Parameters
    ----------
    objid : array-like of int or str
        64-bit ``objID`` of SDSS photometry, any shape.

    Returns
    -------
    ObjidParts
        Named tuple of int64 arrays with the shape of `objid`: ``skyversion``,
        ``rerun``, ``run``, ``camcol``, ``first_field``, ``field``, ``id``.

    Raises
    ------
    TypeError
        If the ids are floats: their last digits, and with them field and id, are gone.
    ValueError
        If an id is not a whole number, or its camera column is not 1 to 6.

    References
    ----------
    The bits, from the highest: 1 unused, 4 skyversion, 11 rerun, 16 run, 3 camcol,
    1 first_field, 12 field, 16 id (SDSS CAS, "SDSS objID explained").

    Examples
    --------
    >>> from skastro.galaxy import unpack_objid
    >>> parts = unpack_objid(588015509806252115)
    >>> int(parts.run), int(parts.camcol), int(parts.field)
    (3325, 5, 108)
    """
    ids = check_objids(objid)
    parts = ObjidParts(
        skyversion=(ids >> 59) & 0xF,
        rerun=(ids >> 48) & 0x7FF,
        run=(ids >> 32) & 0xFFFF,
        camcol=(ids >> 29) & 0x7,
        first_field=(ids >> 28) & 0x1,
        field=(ids >> 16) & 0xFFF,
        id=ids & 0xFFFF,
    )
    wrong = np.atleast_1d((parts.camcol < 1) | (parts.camcol > 6))
    if wrong.any():
        example = int(np.atleast_1d(ids).ravel()[int(np.argmax(wrong.ravel()))])
        raise ValueError(
            f"{int(wrong.sum())} of {wrong.size} are no SDSS object ids: the camera "
            f"column must be 1 to 6. The first is {example}."
        )
    return parts

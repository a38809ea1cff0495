"""Columns of voxel events in trees of ROOT files."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skastro.gaps._event_columns import HITS, NOTE, TRUTH, ContentError
from skastro.utils import import_optional

_TREE = "events"
_COUNTER = "n_hits"
# Events that are handed to uproot at once.
_CHUNK = 100_000
# Files above 2 GB have wider fields in their header, and say so by their version.
_BIG = 1_000_000


def write_root(
    path: Path, columns: Mapping[str, np.ndarray], note: str, tree: str | None
) -> None:
    """Write a tree with an entry for each event.

    Parameters
    ----------
    path : Path
        The file.
    columns : mapping of str to ndarray
        What to write. Hits become branches of lists, the target the branch
        ``target``, and "truth.<name>" the branch ``truth_<name>``.
    note : str
        What to write beside the tree, as ``<tree>_skastro``.
    tree : str or None
        Name of the tree; None is "events".
    """
    uproot = import_optional("uproot", extra="root")
    ak = import_optional("awkward", extra="root")
    tree = _TREE if tree is None else tree
    n = int(columns["n_events"])
    edges = np.searchsorted(columns["event"], np.arange(n + 1))
    branches: dict[str, Any] = {}
    for name, array in columns.items():
        if name in HITS[1:]:
            branches[name] = ak.unflatten(array, np.diff(edges))
        elif name not in ("event", "n_events"):
            text = array.dtype.kind == "U"
            values = ak.from_iter(array.tolist()) if text else array
            if text and not n:
                values = ak.Array([""])[:0]
            branches[name.replace(".", "_")] = values
    types = {
        name: values.dtype if isinstance(values, np.ndarray) else ak.type(values)
        for name, values in branches.items()
    }
    with uproot.recreate(path) as file:
        file[f"{tree}_{NOTE}"] = note
        made = file.mktree(tree, types, counter_name=lambda _: _COUNTER)
        for first in range(0, n, _CHUNK):
            made.extend({k: v[first : first + _CHUNK] for k, v in branches.items()})


def read_root(
    path: Path, tree: str | None, names: Mapping[str, str]
) -> tuple[dict[str, np.ndarray], str | None]:
    """Read a tree of events, or a flat one of hits.

    Parameters
    ----------
    path : Path
        The file.
    tree : str or None
        Name of the tree; None is the only one.
    names : mapping of str to str
        Branches that have other names than ours.

    Returns
    -------
    columns : dict of str to ndarray
        As `skastro.gaps._event_columns.from_columns` takes them.
    note : str or None
        What was written beside the tree.

    Raises
    ------
    ValueError
        If it is truncated or damaged, or there is no such tree or branch.
    """
    uproot = import_optional("uproot", extra="root")
    ak = import_optional("awkward", extra="root")
    _check_length(path)
    # Damaged bytes raise nearly anything from the depth of uproot.
    try:
        # As a key, so that a colon in the path does not part it from a tree.
        with uproot.open({os.fspath(path): None}) as file:
            found, note = _find(file, tree)
            return _columns(ak, found, names), note
    except ImportError:
        # Of a library for one of ROOT's compressions.
        raise
    except ContentError as error:
        raise ValueError(f"{path.name}: {error}") from error
    except Exception as error:
        raise ValueError(
            f"{path.name} cannot be read, is truncated or damaged: {error}"
        ) from error


def _check_length(path: Path) -> None:
    """Compare the length of a file with what its header says."""
    with path.open("rb") as file:
        header = file.read(24)
    if len(header) == 24:
        (version,) = struct.unpack(">i", header[4:8])
        wide = version >= _BIG
        (end,) = struct.unpack(">q" if wide else ">i", header[12 : 20 if wide else 16])
        if path.stat().st_size >= end > 0:
            return
        raise ValueError(
            f"{path.name} is truncated: it has {path.stat().st_size} bytes, and its "
            f"header announces {end}."
        )
    raise ValueError(f"{path.name} is truncated: it has only {len(header)} bytes.")


def _find(file: Any, tree: str | None) -> tuple[Any, str | None]:
    """Find the tree and the note beside it."""
    kinds = file.classnames(cycle=False)
    trees = [
        name
        for name, kind in kinds.items()
        if kind in ("TTree", "TNtuple", "TNtupleD") or kind.endswith("RNTuple")
    ]
    if tree is None and len(trees) != 1:
        raise ContentError(f"name one of its trees, {sorted(trees)}, with tree.")
    name = trees[0] if tree is None else tree
    if name not in trees:
        raise ContentError(f"there is no tree {name!r}, but {sorted(trees)}.")
    note = f"{name}_{NOTE}"
    return file[name], str(file[note]) if note in kinds else None


def _columns(ak: Any, tree: Any, names: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Read the branches that are ours."""
    there = set(tree.keys())
    ours = {key: key for key in (*HITS, "n_events", "target")}
    ours |= {
        TRUTH + key.removeprefix("truth_"): key
        for key in there
        if key.startswith("truth_")
    }
    wanted = {k: v for k, v in (ours | dict(names)).items() if v in there}
    absent = sorted(set(names.values()) - there)
    if absent:
        raise ContentError(f"there are no branches {absent}, but {sorted(there)}.")
    if "voxel" not in wanted or "energy" not in wanted:
        raise ContentError(
            f"there are no branches for voxel and energy, but {sorted(there)}: tell "
            "with names which they are."
        )
    arrays = {k: tree.arrays([v], library="ak")[v] for k, v in wanted.items()}
    n = int(tree.num_entries)
    short = sorted(k for k, v in arrays.items() if len(v) != n)
    if short:
        raise ContentError(f"there are {n} entries, but fewer values of {short}.")
    if arrays["voxel"].ndim == 1:
        columns = {k: _flat(ak, v, k) for k, v in arrays.items() if k in HITS}
        if "event" not in columns:
            raise ContentError("a tree of hits needs a branch for event.")
        if rest := sorted(set(names) - set(HITS)):
            raise ContentError(f"a tree of hits has no values an event for {rest}.")
        return columns
    columns = {"n_events": np.asarray(n, dtype=np.int64)}
    counts = ak.to_numpy(ak.num(arrays["voxel"])).astype(np.int64)
    columns["event"] = np.repeat(np.arange(n), counts)
    for key, array in arrays.items():
        if key in HITS[1:]:
            if array.ndim != 2 or not np.array_equal(ak.num(array), counts):
                raise ContentError(f"voxel and {key} are not equally long everywhere.")
            columns[key] = ak.to_numpy(ak.flatten(array))
        elif key not in ("event", "n_events"):
            columns[key] = _flat(ak, array, key)
    return columns


def _flat(ak: Any, array: Any, name: str) -> np.ndarray:
    """Give a branch with one value an entry as an array."""
    if ak.parameters(array).get("__array__") == "string":
        return np.array(ak.to_list(array), dtype=np.str_)
    if array.ndim != 1:
        raise ContentError(f"{name} must have one value an entry.")
    out: np.ndarray = ak.to_numpy(array)
    return out

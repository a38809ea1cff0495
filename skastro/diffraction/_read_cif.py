"""Structures from CIF files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from skastro.utils import import_optional

# Symmetry operations have had three names.
_OPERATIONS = (
    "_space_group_symop_operation_xyz",
    "_space_group_symop.operation_xyz",
    "_symmetry_equiv_pos_as_xyz",
)

_CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")

# U in Å² from which it is no measured one: programs write 1 where they know none.
_NO_U = 0.5


def read_cif(path: Path) -> dict[str, Any]:
    """Read a structure from a CIF file through gemmi.

    Parameters
    ----------
    path : Path
        The file; its first block with atoms is read.

    Returns
    -------
    dict
        "cell", "sites", "operations" and "space_group" of a `Crystal`.

    Raises
    ------
    ImportError
        If gemmi is not installed.
    OSError
        If there is no such file.
    ValueError
        If it is no CIF file with a cell, atoms at known places, and a symmetry.
    """
    gemmi = import_optional("gemmi", extra="crystal")
    path.stat()
    try:
        document = gemmi.cif.read(str(path))
        structures = [gemmi.make_small_structure_from_block(b) for b in document]
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{path.name} is no readable CIF file: {error}") from error
    for block, structure in zip(document, structures, strict=True):
        if not structure.sites:
            continue
        # gemmi puts 1 Å, 90° and 0 where a file says nothing.
        _need_cell(gemmi, block, path.name)
        _need_places(gemmi, block, path.name)
        group = structure.spacegroup
        return {
            "cell": structure.cell.parameters,
            "sites": [
                (
                    site.element.name,
                    *site.fract.tolist(),
                    site.occ,
                    _b_iso(site.u_iso),
                )
                for site in structure.sites
            ],
            "operations": _triplets(gemmi, block, group, path.name),
            "space_group": structure.spacegroup_hm if group is None else group.hm,
        }
    raise ValueError(f"{path.name} has no block with atoms.")


def _need_cell(gemmi: Any, block: Any, file: str) -> None:
    for name in _CELL:
        values = block.find_values(f"_cell_{name}") or block.find_values(
            f"_cell.{name}"
        )
        if not values or math.isnan(gemmi.cif.as_number(values[0])):
            raise ValueError(f"{file} does not say _cell_{name}.")


def _need_places(gemmi: Any, block: Any, file: str) -> None:
    for axis in "xyz":
        values = block.find_values(f"_atom_site_fract_{axis}") or block.find_values(
            f"_atom_site.fract_{axis}"
        )
        if not values or any(math.isnan(gemmi.cif.as_number(v)) for v in values):
            raise ValueError(f"{file} does not say every _atom_site_fract_{axis}.")


def _triplets(gemmi: Any, block: Any, group: Any, file: str) -> list[str]:
    for tag in _OPERATIONS:
        triplets = [gemmi.cif.as_string(v) for v in block.find_values(tag)]
        if triplets:
            return triplets
    if group is None:
        raise ValueError(
            f"{file} has neither symmetry operations nor the symbol of a known space "
            "group."
        )
    return [operation.triplet() for operation in group.operations()]


def _b_iso(u_iso: float) -> float:
    """Turn U into B = 8 pi² U; NaN where the file knows none."""
    return 8 * math.pi**2 * u_iso if 0 < u_iso < _NO_U else math.nan

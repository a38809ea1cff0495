"""Structures that need no file.

Cells are in Å and degrees, sites are (element, x, y, z), operations generate the space
group in the origin choice that the sites are given in (International Tables A).
"""

from __future__ import annotations

from typing import Any

_FACE_CENTRED = ("x,y+1/2,z+1/2", "x+1/2,y,z+1/2")
_CUBIC = ("-x,-y,z", "-x,y,-z", "z,x,y", "-x,-y,-z")

BUILTIN: dict[str, dict[str, Any]] = {
    # Origin choice 2; C. J. Howard et al., Acta Cryst. B 47, 462 (1991).
    "anatase": {
        "cell": (3.7845, 3.7845, 9.5143, 90.0, 90.0, 90.0),
        "sites": (("Ti", 0.0, 0.75, 0.125), ("O", 0.0, 0.75, 0.125 + 0.20806)),
        "operations": (
            "x+1/2,y+1/2,z+1/2",
            "-x+1/2,-y,z+1/2",
            "-y+1/4,x+3/4,z+1/4",
            "-x+1/2,y,-z+1/2",
            "-x,-y,-z",
        ),
        "space_group": "I 41/a m d",
    },
    # S. C. Abrahams and J. L. Bernstein, J. Chem. Phys. 55, 3206 (1971).
    "rutile": {
        "cell": (4.5937, 4.5937, 2.9587, 90.0, 90.0, 90.0),
        "sites": (("Ti", 0.0, 0.0, 0.0), ("O", 0.3048, 0.3048, 0.0)),
        "operations": (
            "-x,-y,z",
            "-y+1/2,x+1/2,z+1/2",
            "-x+1/2,y+1/2,-z+1/2",
            "-x,-y,-z",
        ),
        "space_group": "P 42/m n m",
    },
    "silver": {
        "cell": (4.0857, 4.0857, 4.0857, 90.0, 90.0, 90.0),
        "sites": (("Ag", 0.0, 0.0, 0.0),),
        "operations": (*_FACE_CENTRED, *_CUBIC, "y,x,-z"),
        "space_group": "F m -3 m",
    },
    # Origin choice 2, with the inversion centre at the origin.
    "silicon": {
        "cell": (5.43102, 5.43102, 5.43102, 90.0, 90.0, 90.0),
        "sites": (("Si", 0.125, 0.125, 0.125),),
        "operations": (
            *_FACE_CENTRED,
            "-x+3/4,-y+1/4,z+1/2",
            "-x+1/4,y+1/2,-z+3/4",
            "z,x,y",
            "y+3/4,x+1/4,-z+1/2",
            "-x,-y,-z",
        ),
        "space_group": "F d -3 m",
    },
    "aluminium": {
        "cell": (4.0495, 4.0495, 4.0495, 90.0, 90.0, 90.0),
        "sites": (("Al", 0.0, 0.0, 0.0),),
        "operations": (*_FACE_CENTRED, *_CUBIC, "y,x,-z"),
        "space_group": "F m -3 m",
    },
}

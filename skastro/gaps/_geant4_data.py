"""The data sets of Geant4: what is installed, and empty ones to stand in for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Variables of all data sets that the bindings look for, and would download, when they
# are imported; and how the names of their folders begin.
DATA_SETS = {
    "G4NEUTRONHPDATA": "G4NDL",
    "G4LEDATA": "G4EMLOW",
    "G4LEVELGAMMADATA": "PhotonEvaporation",
    "G4RADIOACTIVEDATA": "RadioactiveDecay",
    "G4PARTICLEXSDATA": "G4PARTICLEXS",
    "G4PIIDATA": "G4PII",
    "G4REALSURFACEDATA": "RealSurface",
    "G4SAIDXSDATA": "G4SAIDDATA",
    "G4ABLADATA": "G4ABLA",
    "G4INCLDATA": "G4INCL",
    "G4ENSDFSTATEDATA": "G4ENSDFSTATE",
    "G4CHANNELINGDATA": "G4CHANNELING",
}

# What FTFP_BERT reads; of the others nothing is read here.
NEEDED = ("G4LEDATA", "G4LEVELGAMMADATA", "G4PARTICLEXSDATA", "G4ENSDFSTATEDATA")

# A neutron's cross-section table that is zero everywhere.
_ZERO_TABLE = "1e-11 20 2\n2\n1e-11 0\n20 0\n"


def installed_data_sets(environment: Mapping[str, str]) -> dict[str, str]:
    """Find the official data sets of this machine.

    A data set's own variable goes first, then the folder ``GEANT4_DATA_DIR``, then
    ``.geant4_pybind`` in the home folder, where the bindings put what they download.

    Parameters
    ----------
    environment : mapping
        Variables, as in `os.environ`.

    Returns
    -------
    dict
        Variables and folders of those data sets that are folders with files in them.

    Examples
    --------
    >>> from skastro.gaps._geant4_data import installed_data_sets
    >>> installed_data_sets({"G4LEDATA": "/no/such/folder"}).get("G4LEDATA")
    """
    places = [Path.home() / ".geant4_pybind"]
    if environment.get("GEANT4_DATA_DIR"):
        places.insert(0, Path(environment["GEANT4_DATA_DIR"]))
    found = {}
    for name, stem in DATA_SETS.items():
        if environment.get(name):
            candidates = [Path(environment[name])]
        else:
            candidates = [
                folder
                for place in places
                for folder in sorted(place.glob(f"{stem}[0-9]*"), reverse=True)
            ]
        for folder in candidates:
            if folder.is_dir() and next(folder.iterdir(), None) is not None:
                found[name] = str(folder)
                break
    return found


def make_environment(folder: Path, installed: Mapping[str, str]) -> dict[str, str]:
    """Give every data set a folder, so that nothing is downloaded.

    Parameters
    ----------
    folder : Path
        An existing folder; data sets without content are made in it.
    installed : mapping
        What `installed_data_sets` found; empty for the physics without data sets.

    Returns
    -------
    dict
        Variables and folders of all data sets, and ``GEANT4_DATA_DIR``.

    Notes
    -----
    The list of nuclear levels that stands in is empty, and the neutron's cross-sections
    are zero for all elements: without these files hadronic physics stops Geant4.
    """
    # Where this is set, the bindings do not look for data sets, whatever is missing.
    variables = {"GEANT4_DATA_DIR": str(folder)}
    for name in DATA_SETS:
        if name in installed:
            variables[name] = installed[name]
            continue
        place = folder / name
        place.mkdir()
        variables[name] = str(place)
        if name == "G4ENSDFSTATEDATA":
            (place / "ENSDFSTATE.dat").touch()
        elif name == "G4PARTICLEXSDATA":
            (place / "neutron").mkdir()
            for kind in ("inel", "el", "cap"):
                for z in range(1, 93):
                    (place / "neutron" / f"{kind}{z}").write_text(_ZERO_TABLE)
    return variables

"""The program in which Geant4 runs, started as a process of its own with two paths.

Geant4 can be set up once a process and ends the process on a fatal error. What to do
comes as npz, hits go out as npz, counts of finished events go to the first standard
output, and whatever Geant4 prints goes to standard error. Nothing of the package is
imported: a run would wait for it.
"""

from __future__ import annotations

import importlib
import math
import os
import sys
from array import array
from typing import Any

import numpy as np

# Processes that read data sets, and the particles that have them.
_DATA_PROCESSES = ("phot", "Rayl", "eBrem")
_PARTICLES = [
    "gamma",
    "e-",
    "e+",
    "mu-",
    "mu+",
    "pi-",
    "pi+",
    "kaon-",
    "kaon+",
    "proton",
    "anti_proton",
    "deuteron",
    "anti_deuteron",
    "triton",
    "anti_triton",
    "He3",
    "anti_He3",
    "alpha",
    "anti_alpha",
    "GenericIon",
]

# The exit status that says so: what was simulated could not be written.
NOT_WRITTEN = 74
# How many events pass between two counts.
_EVERY = 20


class _Book:
    """Hits of the run and ends of the primaries, event by event.

    ``energy`` (MeV) and ``time`` (ns, the first) are of the wafers hit in this event;
    ``end`` is the voxel, and the kinetic energy before the last step, of its primary.
    """

    def __init__(self, n: int) -> None:
        self.energy: dict[int, float] = {}
        self.time: dict[int, float] = {}
        self.end: tuple[int, float] | None = None
        self.event = array("i")
        self.voxel = array("h")
        self.energies = array("f")
        self.times = array("f")
        self.end_voxel = np.full(n, -1, np.int16)
        self.in_flight = np.zeros(n, bool)

    def close(self, number: int) -> None:
        """Store the event that just ended."""
        start = min(self.time.values(), default=0.0)
        for voxel in sorted(self.energy):
            self.event.append(number)
            self.voxel.append(voxel)
            self.energies.append(self.energy[voxel])
            self.times.append(self.time[voxel] - start)
        if self.end is not None:
            voxel, kinetic = self.end
            self.end_voxel[number] = voxel
            self.in_flight[number] = kinetic > 0
        self.energy.clear()
        self.time.clear()
        self.end = None


def _make_wafers(g4: Any, book: _Book) -> Any:
    """Make the sensitive detector: it sees steps in silicon, and no others."""
    energy, time = book.energy, book.time
    killed = (g4.fStopAndKill, g4.fKillTrackAndSecondaries)

    class Wafers(g4.G4VSensitiveDetector):
        def ProcessHits(self, step: Any, history: Any) -> bool:  # noqa: N802
            deposit = step.GetTotalEnergyDeposit()
            track = step.GetTrack()
            primary = track.GetTrackID() == 1
            if deposit <= 0 and not primary:
                return False
            before = step.GetPreStepPoint()
            voxel = before.GetTouchable().GetCopyNumber()
            if deposit > 0:
                at = before.GetGlobalTime()
                energy[voxel] = energy.get(voxel, 0.0) + deposit
                time[voxel] = min(time.get(voxel, at), at)
            # Capture happens at rest: its step begins with no energy left.
            if primary and track.GetTrackStatus() in killed:
                book.end = (voxel, before.GetKineticEnergy())
            return True

    return Wafers("Wafers")


def _make_tracker(g4: Any, task: dict[str, Any], book: _Book) -> Any:
    """Make the tracker, silicon discs in vacuum; copy numbers are voxels."""

    class Tracker(g4.G4VUserDetectorConstruction):
        def Construct(self) -> Any:  # noqa: N802
            nist = g4.G4NistManager.Instance()
            vacuum = nist.FindOrBuildMaterial("G4_Galactic")
            silicon = nist.FindOrBuildMaterial("G4_Si")
            box = g4.G4Box("World", *[float(task["world"]) * g4.cm] * 3)
            world = g4.G4LogicalVolume(box, vacuum, "World")
            place = g4.G4PVPlacement(
                None, g4.G4ThreeVector(), world, "World", None, False, 0
            )
            disc = g4.G4Tubs(
                "Wafer",
                0.0,
                float(task["radius"]) * g4.cm,
                float(task["thickness"]) / 2 * g4.cm,
                0.0,
                math.tau,
            )
            self.wafer = g4.G4LogicalVolume(disc, silicon, "Wafer")
            # Geant4 holds bare pointers: what Python drops is gone.
            self.kept = [box, world, place, disc]
            for voxel, centre in enumerate(task["centres"] * g4.cm):
                at = g4.G4ThreeVector(*centre.tolist())
                self.kept.append(
                    g4.G4PVPlacement(None, at, self.wafer, "Wafer", world, False, voxel)
                )
            return place

        def ConstructSDandField(self) -> None:  # noqa: N802
            wafers = _make_wafers(g4, book)
            g4.G4SDManager.GetSDMpointer().AddNewDetector(wafers)
            self.wafer.SetSensitiveDetector(wafers)
            self.kept.append(wafers)

    return Tracker()


def _make_physics(g4: Any, cut: float, full: bool) -> Any:
    """Make the physics list; without data sets what reads them is taken out."""

    class Physics(g4.G4VModularPhysicsList):
        def __init__(self) -> None:
            super().__init__()
            self.kept = [
                g4.G4DecayPhysics(),
                g4.G4EmStandardPhysics(),
                g4.G4StoppingPhysics(),
                g4.G4HadronPhysicsFTFP_BERT(),
                g4.G4HadronElasticPhysics(),
                g4.G4IonPhysics(),
            ]
            for constructor in self.kept:
                self.RegisterPhysics(constructor)
            self.SetDefaultCutValue(cut * g4.mm)
            if not full:
                # Only now: the constructor of the electromagnetic part resets them.
                parameters = g4.G4EmParameters.Instance()
                parameters.SetGeneralProcessActive(False)
                parameters.SetFluo(False)
                parameters.SetAuger(False)
                parameters.SetPixe(False)

        def ConstructProcess(self) -> None:  # noqa: N802
            super().ConstructProcess()
            table = g4.G4ParticleTable.GetParticleTable()
            for name in [] if full else _PARTICLES:
                manager = table.FindParticle(name).GetProcessManager()
                for process in list(manager.GetProcessList()):
                    if process.GetProcessName() in _DATA_PROCESSES:
                        manager.RemoveProcess(process)

    return Physics()


def _make_actions(g4: Any, task: dict[str, Any], book: _Book, report: Any) -> Any:
    """Make what happens at the start and at the end of an event."""
    n = len(task["beta"])

    class Gun(g4.G4VUserPrimaryGeneratorAction):
        def __init__(self) -> None:
            super().__init__()
            table = g4.G4ParticleTable.GetParticleTable()
            particle = table.FindParticle(str(task["particle"]))
            gamma = 1 / np.sqrt(1 - task["beta"].astype(float) ** 2)
            self.kinetic = ((gamma - 1) * particle.GetPDGMass()).tolist()
            self.position = (task["position"] * g4.cm).tolist()
            self.direction = task["direction"].tolist()
            self.gun = g4.G4ParticleGun(particle, 1)

        def GeneratePrimaries(self, event: Any) -> None:  # noqa: N802
            i = event.GetEventID()
            self.gun.SetParticlePosition(g4.G4ThreeVector(*self.position[i]))
            self.gun.SetParticleMomentumDirection(g4.G4ThreeVector(*self.direction[i]))
            self.gun.SetParticleEnergy(self.kinetic[i])
            self.gun.GeneratePrimaryVertex(event)

    class Close(g4.G4UserEventAction):
        def EndOfEventAction(self, event: Any) -> None:  # noqa: N802
            done = event.GetEventID() + 1
            book.close(done - 1)
            if done % _EVERY == 0 or done == n:
                report.write(f"{done}\n")
                report.flush()

    class Actions(g4.G4VUserActionInitialization):
        def Build(self) -> None:  # noqa: N802
            self.kept = [Gun(), Close()]
            for action in self.kept:
                self.SetUserAction(action)

    return Actions()


def _write(path: str, hits: dict[str, np.ndarray]) -> None:
    """Write the hits, so that the file is complete if it exists."""
    partial = path + ".part"
    with open(partial, "wb") as out:
        np.savez(out, **hits)  # type: ignore[arg-type]
        out.flush()
        os.fsync(out.fileno())
    os.replace(partial, path)


def main(task_path: str, result_path: str) -> None:
    """Transport the events of one species.

    Parameters
    ----------
    task_path : str
        The npz with everything that the parts above take, and two ``seeds``.
    result_path : str
        Where the hits go; the file is complete if it exists.
    """
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with np.load(task_path, allow_pickle=False) as file:
        task = dict(file)
    g4 = importlib.import_module("geant4_pybind")
    book = _Book(len(task["beta"]))
    before, during = task["seeds"].tolist()
    g4.G4Random.setTheSeed(before)
    manager = g4.G4RunManagerFactory.CreateRunManager(g4.G4RunManagerType.Serial)
    parts = [
        _make_tracker(g4, task, book),
        _make_physics(g4, float(task["cut"]), bool(task["full"])),
        _make_actions(g4, task, book, report),
    ]
    for part in parts:
        manager.SetUserInitialization(part)
    manager.Initialize()
    # Setting up may draw numbers, differently with and without data sets.
    g4.G4Random.setTheSeed(during)
    manager.BeamOn(len(task["beta"]))
    hits: dict[str, np.ndarray] = {
        "event": np.array(book.event, np.int32),
        "voxel": np.array(book.voxel, np.int16),
        "energy": np.array(book.energies, np.float32),
        "time": np.array(book.times, np.float32),
        "end_voxel": book.end_voxel,
        "in_flight": book.in_flight,
        "version": np.array(str(g4.G4Version)),
    }
    try:
        _write(result_path, hits)
    except Exception:
        # Of a full disk, where no log can tell why; NumPy gives it as ValueError too.
        os._exit(NOT_WRITTEN)
    report.close()
    sys.stdout.flush()
    # Geant4 and Python pull the same objects down when a process ends in order.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])

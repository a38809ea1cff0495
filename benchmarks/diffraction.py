"""Electron diffraction: speed and accuracy of simulator and matcher, and the studies.

Parts, all by default: ``simulate`` (against diffsims in the same run), ``match``
(singles and mixtures of unseen orientations: clean, with noise, with a wrong camera;
pyxem beside it with ``--pyxem PYTHON``), ``real`` (silver and steel patterns, under
``SKASTRO_DATA``), ``memory`` (a net that trains on all mixtures of 1,000 patterns),
``net`` (the compact net on unseen orientations, and as proposer of the matcher) and
``study`` (the thesis again at reduced scale, ``examples/diffraction/_thesis.py``).

Run it with ``python benchmarks/diffraction.py [PART ...]``; one thread throughout.
Orientations of ``match`` are drawn with seed 2020, which was not looked at while the
matcher was written; its settings were chosen on seeds 1 to 4.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from _bench import absent, paired, record, spread, version_of
from _diffraction_net import compact
from _diffraction_real import real
from _diffraction_study import study
from _page import Page
from scipy.spatial.transform import Rotation

from skastro.diffraction import (
    KinematicSimulator,
    TemplateMatcher,
    direction_from_rotation,
)
from skastro.metrics import direction_angle

RESULTS = Path(__file__).parents[1] / "docs" / "results"
SEED = 2020
N = 200
PAIRED_RUNS = 5
TARGETS = {"diffsims, rounded to pixels": 20.0, "diffsims, sub-pixel": 1000.0}
PARTS = ("simulate", "match", "real", "memory", "net", "study")

# The camera that the "wrong camera" rows are recorded with; the matcher assumes the
# middle of the image, the nominal scale and a relrod width of 0.02 1/Å.
WRONG = {"center": (112.3, 110.9), "scale": 1.5 / 108 * 1.01, "relrod_width": 0.025}


def about() -> str:
    """Say when, where and how."""
    return (
        f"Made on {datetime.now(UTC):%Y-%m-%d} by ``python benchmarks/diffraction.py "
        f"{' '.join(sys.argv[1:])}``".rstrip()
        + f" on one core of {os.cpu_count()} "
        f"({platform.machine()}), one thread."
    )


def simulate(n: int = N, n_many: int = 2000) -> None:
    """Images a second, and agreement, against diffsims."""
    from diffpy.structure import Atom, Lattice, Structure
    from diffsims.generators.simulation_generator import SimulationGenerator
    from orix.crystal_map import Phase
    from orix.quaternion import Rotation as OrixRotation

    page = Page(RESULTS / "diffraction_speed.rst", "Diffraction patterns a second")
    page.text(about())
    drawn = Rotation.random(n, random_state=SEED).as_matrix()
    # orix keeps rotations to some 1e-5 only: both get what it makes of them.
    peers_own = OrixRotation.from_matrix(drawn.transpose(0, 2, 1))
    rotations = Rotation.from_matrix(peers_own.to_matrix().transpose(0, 2, 1))
    ours = KinematicSimulator(
        "anatase", relrod="lorentzian", relrod_width=0.02, max_excitation_error=0.05
    )
    crystal = ours.crystal_
    atoms = zip(crystal.elements, crystal.positions, strict=True)
    phase = Phase(
        name="anatase",
        space_group=141,
        structure=Structure(
            lattice=Lattice(*crystal.cell), atoms=[Atom(e, x) for e, x in atoms]
        ),
    )
    generator = SimulationGenerator(200, shape_factor_model="lorentzian")

    def theirs() -> Any:
        return generator.calculate_diffraction2d(
            phase,
            peers_own,
            reciprocal_radius=1.5,
            max_excitation_error=0.05,
            shape_factor_width=0.02,
            with_direct_beam=False,
            debye_waller_factors={"Ti": 0.5, "O": 0.5},
        )

    def draw(*, fast: bool) -> None:
        simulation = theirs()
        for k in range(n):
            simulation.irot[k].get_diffraction_pattern(
                shape=(224, 224), sigma=1.5, calibration=ours.scale_, fast=fast
            )

    spots = ours.spots(rotations)
    simulation = theirs()
    worst_g = worst_i = 0.0
    shared = 0
    for k in range(n):
        peer = simulation.irot[k].get_current_coordinates()
        mine = {
            tuple(h): (g, i)
            for h, g, i in zip(
                spots[k].hkl.tolist(), spots[k].g, spots[k].intensity, strict=True
            )
        }
        hkl = np.rint(peer.hkl).astype(int).tolist()
        bright = np.asarray(peer.intensity) > 1e-6 * np.max(peer.intensity)
        for h, xy, i, seen in zip(
            hkl, np.asarray(peer.data)[:, :2], peer.intensity, bright, strict=True
        ):
            if seen:
                g, intensity = mine[tuple(h)]
                worst_g = max(worst_g, float(np.abs(g - xy).max()))
                worst_i = max(worst_i, abs(intensity / float(i) - 1))
                shared += 1
    many = Rotation.random(n_many, random_state=SEED)
    out = np.empty((n_many, 224, 224), dtype=np.float32)
    jobs: dict[str, dict[str, Callable[[], Any]]] = {
        "spot lists": {
            "ours": lambda: ours.spots(many),
            "diffsims spot lists": theirs,
        },
        "images, 224 x 224, sub-pixel": {
            "ours": lambda: ours.images(many, out=out),
            "diffsims, rounded to pixels": lambda: draw(fast=True),
            "diffsims, sub-pixel": lambda: draw(fast=False),
        },
    }
    rows = []
    for name, works in jobs.items():
        # The first call of the peer compiles and is not counted.
        turns = paired(works, PAIRED_RUNS, clock="wall")
        for peer in list(works)[1:]:
            # Theirs are fewer: what is compared is the time of one.
            ratios = [ratio * n_many / n for ratio in turns.ratios(peer)]
            rate = n_many / turns.median("ours")
            rows.append(
                {
                    "job": name,
                    "a second": f"{rate:,.0f}",
                    "peer": peer,
                    "peer, a second": f"{n / turns.median(peer):,.1f}",
                    "ratio, median (least, most)": spread(ratios, 0),
                }
            )
            record(
                f"{name}, anatase",
                peer=f"{peer}, {version_of('diffsims')}",
                ratios=ratios,
                clock="wall",
                ours=f"{rate:,.0f} a second",
                score="largest difference: positions, intensities",
                score_ours=f"{worst_g:.0e} 1/Å, {worst_i:.0e}",
                target=TARGETS.get(peer),
            )
    page.table(f"Orientation to spots or image; {PAIRED_RUNS} paired runs", rows)
    page.text(
        f"Over {n} orientations and {shared:,} spots, positions agree to "
        f"{worst_g:.1e} 1/Å and intensities to {worst_i:.1e} (relative). diffsims "
        "draws sub-pixel spots with compiled code, after a first call that is not "
        "counted."
    )


def mixtures(seed: int, n: int) -> tuple[Rotation, Rotation, np.ndarray]:
    """Draw two orientations for each pattern."""
    first = Rotation.random(n, random_state=seed)
    second = Rotation.random(n, random_state=seed + 1)
    u = [direction_from_rotation(r) for r in (first, second)]
    return first, second, np.hstack(u)


def poisson(images: np.ndarray, counts: float, seed: int) -> np.ndarray:
    """Give every image so many counts."""
    total = images.sum(axis=(1, 2), keepdims=True)
    noisy = np.random.default_rng(seed).poisson(images / total * counts)
    return noisy.astype(np.float32)


def match(pyxem: str | None, n: int = N) -> None:
    """Errors and speed on unseen orientations."""
    page = Page(RESULTS / "diffraction_matching.rst", "Template matching")
    page.text(
        about() + f" {n} random anatase orientations, or pairs of them 0.5:0.5, seed "
        f"{SEED}; folded angle of the worse direction. The wrong camera is off by 1 px "
        "in the centre and 1 % in the scale, and has relrods 25 % wider than assumed."
    )
    first, second, u = mixtures(SEED, n)
    rows = []
    for name, camera, counts in (
        ("clean", {}, None),
        ("10,000 counts", {}, 1e4),
        ("10,000 counts, wrong camera", WRONG, 1e4),
    ):
        simulator = KinematicSimulator("anatase", **camera)
        a, b = simulator.images(first), simulator.images(second)
        for k, images, y in ((1, a, u[:, :3]), (2, (a + b) / 2, u)):
            if counts:
                images = poisson(images, counts, SEED)
            settings = {
                "refined": {},
                "not refined": {"refine": False},
                "not erased": {"erase": False},
            }
            for setting, parameters in settings.items():
                if setting == "not erased" and k == 1:
                    continue
                matcher = TemplateMatcher(n_matches=k, **parameters).fit(images)
                matcher.match(images[:32])
                start = time.perf_counter()
                result = matcher.match(images)
                rate = n / (time.perf_counter() - start)
                what = "singles" if k == 1 else "pairs"
                if setting == "refined":
                    record(
                        f"TemplateMatcher, {what} on unseen orientations, {name}",
                        ours=f"{rate:.0f} a second",
                        clock="wall",
                        score="median and p90 of the worse direction, share below 2°",
                        score_ours=", ".join(list(errors(y, result).values())[:3]),
                    )
                rows.append(
                    {
                        "patterns": f"{what}, {name}",
                        "matcher": setting,
                        **errors(y, result),
                        "a second": f"{rate:.0f}",
                    }
                )
    if pyxem:
        rows += peer_rows(pyxem, first, second, u, rows)
    else:
        why = "it needs an environment of its own: --pyxem"
        absent("TemplateMatcher, clean patterns", "pyxem", why)
    page.table("Folded error of the worse direction", rows)
    page.text(
        '"Up to the twin" counts a pattern as found if its orientations or their '
        "zero-order-zone twins, which are returned beside them, are. Flagged are "
        "patterns with the residual flag."
    )


def errors(y: np.ndarray, result: Any) -> dict[str, str]:
    """Summarise the worse direction's errors."""
    flat = result.directions.reshape(len(result), -1)
    worse = direction_angle(y, flat).max(axis=1)
    row = shares(worse)
    if np.isfinite(result.twin_directions).all():
        best = worse.copy()
        k = result.directions.shape[1]
        # Every choice of each grain or its twin.
        for choice in range(1, 2**k):
            picked = [
                result.twin_directions[:, g]
                if choice >> g & 1
                else result.directions[:, g]
                for g in range(k)
            ]
            best = np.minimum(best, direction_angle(y, np.hstack(picked)).max(axis=1))
        row["< 2°, up to the twin"] = f"{(best < 2).mean():.1%}"
        row["flagged"] = f"{int(result.residual_flag.sum())}"
    return row


def shares(worse: np.ndarray) -> dict[str, str]:
    """Give median, 90th percentile and shares."""
    return {
        "median": f"{np.median(worse):.4f}°",
        "p90": f"{np.percentile(worse, 90):.3f}°",
        "< 2°": f"{(worse < 2).mean():.1%}",
        "< 5°": f"{(worse < 5).mean():.1%}",
    }


def peer_rows(
    python: str,
    first: Rotation,
    second: Rotation,
    u: np.ndarray,
    matched: list[dict[str, str]],
) -> list[dict[str, str]]:
    """Let pyxem, in an environment of its own, match the clean patterns."""
    simulator = KinematicSimulator("anatase")
    a, b = simulator.images(first), simulator.images(second)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for k, images, y in ((1, a, u[:, :3]), (2, (a + b) / 2, u)):
            np.savez(f"{folder}/in.npz", images=images, scale=simulator.scale_, k=k)
            worker = Path(__file__).with_name("_pyxem_worker.py")
            subprocess.run(
                [python, str(worker), f"{folder}/in.npz", f"{folder}/out.npz"],
                check=True,
            )
            with np.load(f"{folder}/out.npz") as file:
                directions = file["directions"].reshape(len(images), -1)
                about_peer = json.loads(str(file["about"]))
            what = "singles" if k == 1 else "pairs"
            found = shares(direction_angle(y, directions).max(axis=1))
            ours = next(r for r in matched if r["patterns"] == f"{what}, clean")
            speed = float(ours["a second"]) / len(images) * about_peer["seconds"]
            record(
                f"TemplateMatcher, {what} on unseen orientations, clean",
                peer=f"pyxem {about_peer['version']}, its own process",
                ratios=[speed],
                clock="wall",
                ours=f"{ours['a second']} a second",
                score="median and p90 of the worse direction, share below 2°",
                score_ours=", ".join(list(ours.values())[2:5]),
                score_peer=", ".join(list(found.values())[:3]),
            )
            rows.append(
                {
                    "patterns": f"{what}, clean",
                    "matcher": f"pyxem {about_peer['version']}",
                    **found,
                    "a second": f"{len(images) / about_peer['seconds']:.1f}",
                }
            )
    return rows


def memory() -> None:
    """Train on all pairs of 1,000 patterns in a process of its own."""
    page = Page(RESULTS / "diffraction_memory.rst", "All mixtures of 1,000 patterns")
    page.text(about())
    worker = Path(__file__).with_name("_mixture_worker.py")
    done = subprocess.run(
        [sys.executable, str(worker)], check=True, capture_output=True, text=True
    )
    rows = json.loads(done.stdout.splitlines()[-1])
    page.table("Peak memory of a process, measured by the operating system", rows)
    record(
        "training on all 499,500 pairs of 1,000 patterns",
        ours=f"{rows[-1]['pairs a second']} pairs a second",
        clock="wall",
        score="peak memory (limit 1 GiB)",
        score_ours=f"{rows[-1]['MiB']} MiB",
    )


def main() -> None:
    """Run the parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all")
    parser.add_argument("--pyxem", help="a Python that can import pyxem 0.21")
    parser.add_argument(
        "--quick", action="store_true", help="little, but of real and memory"
    )
    arguments = parser.parse_args()
    wrong = set(arguments.parts) - set(PARTS)
    if wrong:
        parser.error(f"unknown part {sorted(wrong)}; there are {', '.join(PARTS)}")
    small = (8, 16) if arguments.quick else ()
    jobs: dict[str, Callable[[], None]] = {
        "simulate": lambda: simulate(*small),
        "match": lambda: match(arguments.pyxem, *small[:1]),
        "real": lambda: real(RESULTS, about()),
        "memory": memory,
        "net": lambda: compact(RESULTS, about(), quick=arguments.quick),
        "study": lambda: study(RESULTS, about(), quick=arguments.quick),
    }
    for part in arguments.parts or PARTS:
        jobs[part]()


if __name__ == "__main__":
    main()

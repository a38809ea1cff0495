"""The jobs of ``make bench``: which script, with what, how long at most.

Speed is measured at full size, one job at a time. Studies of accuracy take hours at the
size of the documentation's tables (``make study``); here they run at the scale that
stands in `note`, two at a time, since their time is not what is compared.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent

#: Scripts that are no benchmark, and why.
NO_BENCHMARK = {
    "figure.py": "draws the picture of the README from a table that is there",
    "gaps_sample.py": "makes the sample of events that the package carries",
    "run_all.py": "runs the others",
}


@dataclass(frozen=True)
class Job:
    """A script with its arguments."""

    name: str
    title: str
    script: str
    arguments: tuple[str, ...] = ()
    #: At sizes that show only that it runs.
    smoke: tuple[str, ...] = ()
    #: Whether its time is measured, so that nothing runs beside it.
    speed: bool = True
    minutes: float = 10.0
    note: str = ""
    #: Of the examples that a study shares; "table" is what `make study` runs.
    study: str = ""
    #: Whether it needs the real files under SKASTRO_DATA.
    data: bool = False
    #: Whether the page shows the tables that it writes, which are small.
    tables: bool = False
    environment: dict[str, str] = field(default_factory=dict)


def _peer(option: str, variable: str) -> tuple[str, ...]:
    """Give the option that names a Python with a peer, if the environment has one."""
    python = os.environ.get(variable)
    return (option, python) if python else ()


JOBS = (
    Job(
        "training",
        "Nets: training and prediction",
        "training.py",
        smoke=("--quick", "--repeats", "1"),
    ),
    Job(
        "resolution",
        "Degrading images",
        "resolution.py",
        smoke=("--images", "20", "--rounds", "2"),
    ),
    Job(
        "repeat_study",
        "Repeated studies",
        "repeat_study.py",
        ("--rounds", "3", "--dtypes", "float32"),
        smoke=("--rounds", "1", "--quick"),
        minutes=15,
    ),
    Job(
        "fashion_speed",
        "The lecture's net on Fashion-MNIST: an epoch",
        "fashion.py",
        ("speed", "--rounds", "5", *_peer("--keras-python", "SKASTRO_BENCH_KERAS")),
        smoke=("speed", "--rounds", "1", "--n-images", "500"),
        data=True,
    ),
    Job(
        "xray_catalogue",
        "A catalogue of X-ray sources",
        "xray_catalogue.py",
        ("--runs", "983948:study", "25000:recommended"),
        smoke=("--runs", "600:study", "--fillers", "3"),
        note="the recommended preset on 25,000 rows",
    ),
    Job(
        "diffraction",
        "Diffraction patterns: simulating, matching, memory",
        "diffraction.py",
        (
            *("simulate", "match", "memory"),
            *_peer("--pyxem", "SKASTRO_BENCH_PYXEM"),
        ),
        smoke=("simulate", "match", "--quick"),
    ),
    Job(
        "gaps_events",
        "The fast simulation of the GAPS tracker",
        "gaps_events.py",
        ("--seconds", "4", "--events", "30000"),
        smoke=("--seconds", "1", "--events", "400", "--training", "400"),
        note="30,000 events in the comparison of distributions",
    ),
    Job(
        "gaps_nmf",
        "Non-negative parts of events: time",
        "gaps_nmf.py",
        ("--only-time",),
        smoke=("--only-time", "--quick", "--rounds", "1"),
    ),
    Job(
        "inspection",
        "Grad-CAM",
        "inspection.py",
        ("--rounds", "5"),
        smoke=("--rounds", "1", "--nets", "voxel"),
    ),
    Job(
        "growth",
        "How cost grows",
        "growth.py",
        smoke=("--rounds", "1", "--largest", "100", "--figure", "{pages}/growth.png"),
    ),
    Job(
        "limits",
        "Where the time goes",
        "limits.py",
        smoke=("--size", "0.01"),
        minutes=20,
    ),
    Job(
        "memory",
        "Data larger than memory",
        "memory.py",
        smoke=("--quick",),
        speed=False,
        minutes=15,
        tables=True,
    ),
    Job(
        "gpu",
        "On a GPU",
        "gpu.py",
        smoke=("--device", "cpu", "--scale", "smoke"),
        minutes=30,
        tables=True,
    ),
    Job(
        "galaxy",
        "Galaxies across the resolution gap",
        "galaxy.py",
        ("--brief", "--repeats", "3"),
        smoke=("--brief", "--repeats", "2"),
        speed=False,
        study="quick",
        note="compact net only, 3 repeats",
        minutes=20,
    ),
    Job(
        "fashion_reproduce",
        "The lecture's table, reproduced",
        "fashion.py",
        ("reproduce", "--seeds", "2"),
        smoke=("reproduce", "--seeds", "2"),
        speed=False,
        data=True,
        note="2 seeds",
    ),
    Job(
        "fashion_overfitting",
        "Over-fitting of three nets, and remedies",
        "fashion.py",
        ("overfitting", "--repeats", "3"),
        smoke=("overfitting", "--repeats", "2"),
        speed=False,
        study="glance",
        data=True,
        note="500 training images, 10 epochs, 3 repeats",
    ),
    Job(
        "overfitting",
        "What the over-fitting verdicts are worth",
        "overfitting.py",
        ("--quick",),
        smoke=("--quick",),
        speed=False,
        note="a twentieth of the simulated studies, few pools of nets",
    ),
    Job(
        "xray",
        "X-ray sources on real catalogues",
        "xray.py",
        (
            *("--repeats", "1", "--jobs", "1", "--tasks", "A"),
            *("--classifiers", "random forest", "boosting", "recommended"),
        ),
        smoke=(
            *("--repeats", "1", "--jobs", "1", "--tasks", "A"),
            *("--classifiers", "boosting"),
        ),
        speed=False,
        data=True,
        note="task A, 1 repeat of 5 folds, three classifiers",
        minutes=20,
    ),
    Job(
        "diffraction_study",
        "Diffraction: measured patterns, the net, the thesis",
        "diffraction.py",
        ("real", "net", "study", "--quick"),
        smoke=("real",),
        speed=False,
        note="a twentieth of the net's training patterns, the thesis at quick scale",
        minutes=20,
    ),
    Job(
        "gaps",
        "Antideuterons: hybrid and boosting",
        "gaps.py",
        ("brief",),
        smoke=("--help",),
        speed=False,
        data=True,
        note="random incidence, 2 folds",
        minutes=20,
    ),
    Job(
        "gaps_study",
        "The GAPS study's nets",
        "gaps_study.py",
        ("--quick", "--seeds", "1"),
        smoke=("--help",),
        speed=False,
        note="600 events, 2 epochs: it shows that the study runs, not what it finds",
    ),
)


def left_out() -> set[str]:
    """Name the scripts that neither run nor are said to be none."""
    there = {path.name for path in HERE.glob("*.py") if not path.name.startswith("_")}
    return there - {job.script for job in JOBS} - set(NO_BENCHMARK)

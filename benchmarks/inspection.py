"""Time `GradCAM` against captum and pytorch-grad-cam, alternating in one run.

    python benchmarks/inspection.py [--rounds 9]

512 events in batches of 128, one thread, from NumPy array to NumPy array: maps of a
given class at the last convolution, rectified and enlarged to the grid of the input.
The nets are a Conv3d net on voxels, 16-32-64 filters with batch normalisation, and the
galaxy classifier's compact net on images of 64 x 64. pytorch-grad-cam rescales every
map and enlarges volumes by its own rule; what it computes is compared before that.
It imports torchvision and ttach, which this computation does not use and which need not
be installed: empty modules stand in for them here. Writes
``docs/results/inspection.rst``.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import platform
import statistics
import sys
import types
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from _bench import CLOCKS, Turns, absent, paired, record, spread, version_of
from _page import Page
from captum.attr import LayerAttribution, LayerGradCam
from torch import nn

from skastro.galaxy import GalaxyCNNClassifier
from skastro.inspection import GradCAM

PAGE = Path(__file__).resolve().parents[1] / "docs" / "results" / "inspection.rst"
EVENTS, BATCH = 512, 128
TARGETS = {"pytorch-grad-cam": 3.0, "captum": 2.0}

Work = Callable[[], np.ndarray]
Times = dict[str, list[float]]
DISTRIBUTION = {"pytorch-grad-cam": "grad-cam", "captum": "captum"}


def import_peer() -> types.ModuleType | None:
    """Import pytorch-grad-cam with what it imports and does not need, if it is here."""
    if importlib.util.find_spec("pytorch_grad_cam") is None:
        return None

    class Unused:
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            pass

    names = {
        "torchvision": (),
        "torchvision.transforms": ("Compose", "Normalize", "ToTensor"),
        "torchvision.transforms.functional": ("resize",),
        "ttach": ("Compose", "HorizontalFlip", "Multiply"),
    }
    for name, contents in names.items():
        try:
            __import__(name)
        except ImportError:
            stand_in = types.ModuleType(name)
            for thing in contents:
                setattr(stand_in, thing, Unused)
            sys.modules[name] = stand_in
    import pytorch_grad_cam

    return pytorch_grad_cam


class VoxelNet(nn.Module):
    """Three 3-D convolutions of 16, 32 and 64 filters, pooled, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, filters in ((1, 16), (16, 32), (32, 64)):
            layers += [nn.Conv3d(before, filters, 3, padding=1)]
            layers += [nn.BatchNorm3d(filters), nn.ReLU()]
            layers += [nn.MaxPool3d(2)] if filters < 64 else []
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(64, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x).mean(dim=(2, 3, 4)))


def voxel_case() -> tuple[Any, np.ndarray, str]:
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    estimator = types.SimpleNamespace(module_=VoxelNet().eval(), classes_=np.arange(2))
    X = rng.exponential(10.0, size=(EVENTS, 1, 10, 12, 12))
    X *= rng.random(X.shape) < 0.01
    return estimator, np.log1p(X).astype(np.float32), "body.8"


def galaxy_case() -> tuple[Any, np.ndarray, str]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(EVENTS, 1, 64, 64)).astype(np.float32)
    net = GalaxyCNNClassifier(max_epochs=1, random_state=0)
    return net.fit(X, np.arange(EVENTS) % 2), X, "convolutions.3"


def contestants(
    estimator: Any, X: np.ndarray, layer: str, codes: np.ndarray
) -> dict[str, Work]:
    """Give what each library does for all events."""
    peer = import_peer()
    module = estimator.module_
    part = module.get_submodule(layer)
    mode = {2: "bilinear", 3: "trilinear"}[X.ndim - 2]
    starts = range(0, len(X), BATCH)

    def captum() -> np.ndarray:
        done = []
        for i in starts:
            batch = torch.from_numpy(X[i : i + BATCH])
            wanted = torch.from_numpy(codes[i : i + BATCH])
            raw = LayerGradCam(module, part).attribute(
                batch, wanted, relu_attributions=True
            )
            maps = LayerAttribution.interpolate(raw, X.shape[2:], mode)
            done.append(maps.detach().numpy()[:, 0])
        return np.concatenate(done)

    def grad_cam(step: int) -> np.ndarray:
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

        done = []
        with peer.GradCAM(model=module, target_layers=[part]) as cam:
            for i in range(0, len(X), step):
                wanted = [ClassifierOutputTarget(c) for c in codes[i : i + step]]
                done.append(cam(torch.from_numpy(X[i : i + step]), wanted))
        return np.concatenate(done)

    ours = GradCAM(estimator, layer=layer, batch_size=BATCH)
    behind = GradCAM(estimator, batch_size=BATCH)
    works = {
        "skastro": lambda: ours(X, codes),
        'skastro, layer="auto"': lambda: behind(X, codes),
        "captum": captum,
    }
    if peer is not None:
        works["pytorch-grad-cam"] = lambda: grad_cam(BATCH)
        works["pytorch-grad-cam, one event a call"] = lambda: grad_cam(1)
    return works


def check(estimator: Any, X: np.ndarray, layer: str, codes: np.ndarray) -> list[float]:
    """Give the largest differences to captum's maps and the other's raw ones."""
    works = contestants(estimator, X, layer, codes)
    ours = works["skastro"]()
    to_captum = float(np.abs(ours - works["captum"]()).max() / np.abs(ours).max())
    peer = import_peer()
    if peer is None:
        if to_captum > 1e-5:
            raise AssertionError(f"Maps differ by {to_captum:.1e}.")
        return [to_captum, float("nan")]
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    part = estimator.module_.get_submodule(layer)
    few, wanted = X[:BATCH], codes[:BATCH]
    with peer.GradCAM(model=estimator.module_, target_layers=[part]) as cam:
        targets = [ClassifierOutputTarget(c) for c in wanted]
        cam(torch.from_numpy(few), targets)
        kept = cam.activations_and_grads
        maps = [t.numpy() for t in (kept.activations[0], kept.gradients[0])]
        theirs = cam.get_cam_image(torch.from_numpy(few), part, targets, *maps)
    raw = GradCAM(estimator, layer=layer, upsample=False, signed=True)(few, wanted)
    to_peer = float(np.abs(raw - theirs).max() / np.abs(raw).max())
    if max(to_captum, to_peer) > 1e-5:
        raise AssertionError(f"Maps differ by {to_captum:.1e} and {to_peer:.1e}.")
    return [to_captum, to_peer]


def serve(pipe: Any, name: str, case: tuple, codes: np.ndarray) -> None:
    """Time one contestant in a process of its own, as often as asked."""
    torch.set_num_threads(1)
    now = CLOCKS["CPU"]
    work = contestants(*case, codes)[name]
    while pipe.recv():
        start = now()
        work()
        pipe.send(now() - start)


def apart(names: list[str], case: tuple, codes: np.ndarray, rounds: int) -> Times:
    """Time contestants in processes of their own, in turns, half of them backwards."""
    context = multiprocessing.get_context("spawn")
    pipes, workers = {}, []
    for name in names:
        pipes[name], end = context.Pipe()
        worker = context.Process(target=serve, args=(end, name, case, codes))
        worker.start()
        workers.append(worker)
    times: Times = {name: [] for name in names}
    for number in range(rounds + 1):
        for name in names[:: -1 if number % 2 else 1]:
            pipes[name].send(True)
            spent = pipes[name].recv()
            if number:  # the first call warms up
                times[name].append(spent)
    for pipe, worker in zip(pipes.values(), workers, strict=True):
        pipe.send(False)
        worker.join()
    return times


def together(case: tuple, codes: np.ndarray, rounds: int) -> Times:
    """Time contestants in this process, in turns."""
    return paired(contestants(*case, codes), rounds).seconds


def compare(page: Page, title: str, case: tuple, rounds: int) -> None:
    """Add the table of one net."""
    codes = np.random.default_rng(1).integers(0, 2, EVENTS)
    names = list(contestants(*case, codes))
    if import_peer() is None:
        why = "not installed, see benchmarks/README.md"
        absent(f"Grad-CAM, {title}", "pytorch-grad-cam", why)
    runs = {"own process": apart(names, case, codes, rounds)}
    errors = check(*case, codes)
    runs["one process"] = together(case, codes, rounds)
    rows, verdicts = [], []
    for name in names:
        row = {"": name}
        for kind, times in runs.items():
            ratios = Turns("CPU", times).ratios(name, "skastro")
            median = statistics.median(times[name])
            row[f"{kind}: events per second"] = f"{EVENTS / median:,.0f}"
            row[f"{kind}: time, ratio to the first row"] = spread(ratios)
            library = name.partition(",")[0]
            if library in DISTRIBUTION and "," not in name:
                own = statistics.median(times["skastro"])
                record(
                    f"Grad-CAM, {title}, {kind}",
                    peer=version_of(DISTRIBUTION[library]),
                    ratios=ratios,
                    clock="CPU",
                    ours=f"{EVENTS / own:,.0f} maps a second",
                    score="largest difference of the maps",
                    score_ours=f"{errors[library != 'captum']:.0e}",
                    target=TARGETS[library],
                )
            if name in TARGETS:
                ratio, wanted = statistics.median(ratios), TARGETS[name]
                met = "met" if ratio >= wanted else "missed"
                verdicts.append(
                    f"{wanted:.0f} times {name}, {kind}: {ratio:.2f}, {met}"
                )
        rows.append(row)
    page.table(f"{title}, layer {case[2]}", rows)
    page.text(
        f"Targets: {'; '.join(verdicts)}. Largest difference to captum's maps "
        f"{errors[0]:.1e} and to pytorch-grad-cam's raw ones {errors[1]:.1e} of the "
        "largest value."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--output", type=Path, default=PAGE)
    parser.add_argument("--nets", nargs="+", default=["voxel", "galaxy"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    page = Page(arguments.output, "Grad-CAM: time")
    page.text(
        f"Made on {date.today()} by ``python benchmarks/inspection.py --rounds "
        f"{arguments.rounds}`` on {platform.machine()}, Python "
        f"{platform.python_version()}, torch {torch.__version__}, captum "
        f"{version('captum')}, {version_of('grad-cam')}. CPU seconds of one "
        f"thread, {EVENTS} events in batches of {BATCH}, classes given, from NumPy to "
        "NumPy; contestants in turn, ratios of the same round, median and range. "
        "pytorch-grad-cam runs with empty modules in place of torchvision and ttach; "
        "its maps are rescaled event by event, the others are not. The row with "
        '``layer="auto"`` takes the maps behind the activation, the others those of '
        "the convolution itself. In a process of its own each library has the memory "
        "allocator as it finds it; in one process all profit from the hint that "
        "skastro gives it (as they do where a net was trained by skastro before)."
    )
    nets = {
        "voxel": ("Conv3d 16-32-64 on (1, 10, 12, 12)", voxel_case),
        "galaxy": ("GalaxyCNNClassifier on 64 x 64", galaxy_case),
    }
    for name in arguments.nets:
        title, case = nets[name]
        compare(page, title, case(), arguments.rounds)


if __name__ == "__main__":
    main()

"""Time `ResolutionDegrader` against a loop over OpenCV's `resize`.

1,000 images of 64 x 64 pixels in float32 are shrunk by area averaging and enlarged
back. OpenCV is timed twice: in the loop that one writes, whose results are stacked, and
in one that writes each result into an array made before. All use one thread, alternate
in the same run, and are checked to give the same numbers first. The time of each is its
best of the rounds, which other work on the machine changes least.

Run it with ``python benchmarks/resolution.py``; it needs the extra "peers". Which
instructions NumPy's BLAS takes matters: on some virtual machines it does not see that
the processor has AVX-512 (set ``OPENBLAS_CORETYPE=SkylakeX`` where it does).
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable
from datetime import UTC, datetime

import cv2
import numpy as np
import sklearn
from _bench import paired, record, version_of
from threadpoolctl import threadpool_info, threadpool_limits

from skastro.galaxy import ResolutionDegrader

FACTORS = range(2, 9)
RECORDED = (2, 8)
OPENCV = "opencv-python-headless"
METHODS = {
    "nearest": cv2.INTER_NEAREST,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
}


def opencv_stacked(images: np.ndarray, factor: int, method: str) -> np.ndarray:
    """Shrink and enlarge one image after the other, and stack them."""
    size = images.shape[:0:-1]
    scale, flag = 1 / factor, METHODS[method]
    done = []
    for image in images:
        small = cv2.resize(
            image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
        )
        done.append(cv2.resize(small, size, interpolation=flag))
    return np.stack(done)


def opencv_in_place(images: np.ndarray, factor: int, method: str) -> np.ndarray:
    """Shrink and enlarge one image after the other, into one array."""
    size = images.shape[:0:-1]
    scale, flag = 1 / factor, METHODS[method]
    out = np.empty_like(images)
    for image, place in zip(images, out, strict=True):
        small = cv2.resize(
            image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
        )
        cv2.resize(small, size, dst=place, interpolation=flag)
    return out


def compare(
    images: np.ndarray, factor: int, method: str, rounds: int
) -> tuple[np.ndarray, list[list[float]]]:
    """Best milliseconds of ours and of the two loops, in turns, and their ratios."""
    degrader = ResolutionDegrader(factor=factor, enlarge=method)
    works: dict[str, Callable[[], np.ndarray]] = {
        "ours": lambda: degrader.transform(images),
        "loop": lambda: opencv_stacked(images, factor, method),
        "in place": lambda: opencv_in_place(images, factor, method),
    }
    ours, stacked, in_place = (work() for work in works.values())
    for theirs in (stacked, in_place):
        error = np.abs(ours - theirs).max() / np.abs(images).max()
        if error > 1e-6:
            raise AssertionError(f"factor {factor}, {method}: differ by {error:.1e}")
    turns = paired(works, rounds, clock="wall")
    best = 1e3 * np.array([min(turns.seconds[who]) for who in works])
    return best, [turns.ratios(who) for who in ("loop", "in place")]


def blas_architecture() -> str:
    """Name the processor that NumPy's BLAS thinks it runs on."""
    found = [library.get("architecture") for library in threadpool_info()]
    return next((name for name in found if name), "unknown")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()

    cv2.setNumThreads(1)
    images = np.random.default_rng(0).normal(size=(arguments.images, 64, 64))
    images = images.astype(np.float32)
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, one thread, "
        f"BLAS for {blas_architecture()}, "
        f"OpenCV {cv2.__version__}, NumPy {np.__version__}, "
        f"scikit-learn {sklearn.__version__}"
    )
    print(
        f"Shrink and enlarge {len(images)} images of 64 x 64, float32, "
        f"best of {arguments.rounds} rounds in ms"
    )
    print("factor  enlarge    loop  in place  skastro   ratio to loop  to in place")
    ratios = []
    with threadpool_limits(1):
        for factor in FACTORS:
            for method in METHODS:
                times, paired_ratios = compare(images, factor, method, arguments.rounds)
                ratios.append(times[1:] / times[0])
                print(
                    f"{factor:6}  {method:8}{times[1]:7.2f}{times[2]:10.2f}"
                    f"{times[0]:9.2f}{ratios[-1][0]:16.2f}{ratios[-1][1]:13.2f}",
                    flush=True,
                )
                for how, found in zip(
                    ("loop", "loop in place"), paired_ratios, strict=True
                ):
                    if factor in RECORDED:
                        record(
                            f"ResolutionDegrader, 1/{factor}, {method}",
                            peer=f"{how} over {version_of(OPENCV)}",
                            ratios=found,
                            clock="wall",
                            ours=f"{1e3 * len(images) / times[0]:,.0f} images a second",
                            score="largest difference below",
                            score_ours="1e-6",
                            target=3.0 if how == "loop" else None,
                        )
    mean = np.exp(np.mean(np.log(ratios), axis=0))
    print(
        f"geometric mean of the ratios: {mean[0]:.2f} to the loop, "
        f"{mean[1]:.2f} to the one in place"
    )


if __name__ == "__main__":
    main()

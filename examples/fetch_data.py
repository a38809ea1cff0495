"""
Download the public data
========================

Fetches what the studies of this gallery use, into ``data/`` (or the folder that
``SKASTRO_DATA`` names): Galaxy Zoo 1 Table 2 (20 MB), Fashion-MNIST (31 MB), two tables
of X-ray sources with known classes (2 MB) and cut-outs of 300 galaxies of each class
from the image service of SDSS (900 pictures of about 3 kB,
one every half second). It can be stopped and started again at any time: what is there
is not asked for twice. ``make data`` runs it.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from skastro.datasets import (
    fetch_csc_training,
    fetch_fashion_mnist,
    fetch_galaxy_zoo1_cutouts,
    fetch_galaxy_zoo1_table,
    fetch_lin2024_subset,
)

HERE = Path(__file__).resolve().parents[1]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Download the public data.")
    home = os.environ.get("SKASTRO_DATA") or HERE / "data"
    parser.add_argument("--data-home", type=Path, default=Path(home))
    parser.add_argument("--n-per-class", type=int, default=300)
    parser.add_argument("--delay", type=float, default=0.5, help="seconds a request")
    parser.add_argument("--table-url", help="another address of Table 2")
    parser.add_argument("--fashion-url", help="another folder of Fashion-MNIST")
    parser.add_argument("--chandra-url", help="another address of the Chandra table")
    parser.add_argument("--xmm-url", help="another address of the 4XMM table")
    parser.add_argument("--cutout-url", help="another address of the image service")
    return parser.parse_args(arguments)


def fetch(options: argparse.Namespace) -> None:
    """Fetch the data sets and say what is there now."""
    home = options.data_home.absolute()
    print(f"Data folder: {home}")
    print("1. Galaxy Zoo 1 Table 2: votes and flags of 667,944 galaxies, 20 MB")
    zoo = fetch_galaxy_zoo1_table(data_home=home, url=options.table_url, verbose=1)
    counts = {name: int((zoo.target == name).sum()) for name in zoo.target_names}
    print(f"   {zoo.filename}\n   {counts}")
    print("2. Fashion-MNIST: 60,000 + 10,000 grey images of clothes, 31 MB")
    fashion = fetch_fashion_mnist(
        subset="all", data_home=home, url=options.fashion_url, verbose=1
    )
    print(f"   {len(fashion.images)} images: {Path(fashion.filenames[0]).parent}")
    print("3. X-ray sources with known classes: Chandra and 4XMM-DR13, 2 MB")
    for load, url in (
        (fetch_csc_training, options.chandra_url),
        (fetch_lin2024_subset, options.xmm_url),
    ):
        sources = load(data_home=home, url=url, verbose=1)
        print(f"   {len(sources.target)} sources: {sources.filename}")
    minutes = 3 * options.n_per_class * (options.delay + 0.5) / 60
    print(
        f"4. Cut-outs of {options.n_per_class} galaxies of each class, 64 x 64 pixels: "
        f"about {minutes:.0f} minutes if none is there yet"
    )
    cutouts = fetch_galaxy_zoo1_cutouts(
        options.n_per_class,
        data_home=home,
        table=zoo.table,
        url=options.cutout_url,
        delay=options.delay,
        verbose=1,
    )
    print(f"   {len(cutouts.images)} images: {cutouts.filename}")
    if cutouts.skipped:
        print(f"   {len(cutouts.skipped)} galaxies had no picture; others replace them")
    print(
        "\nDone. To use the data:\n"
        f"  export SKASTRO_DATA={home}\n"
        "  python -c 'from skastro.datasets import load_galaxy_zoo1_cutouts as load; "
        "print(load().DESCR)'\n"
        "  make demo"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run, and end with a message instead of a traceback."""
    try:
        fetch(parse(arguments))
    except KeyboardInterrupt:
        print("\nStopped. What came so far is kept; run it again to go on.")
        return 130
    except (OSError, ValueError, ImportError) as error:
        print(
            f"\nThe data could not be fetched.\n{error}\n\n"
            "What came so far is kept; run it again to go on. Without a network, the "
            "demo and the examples run on simulated data."
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

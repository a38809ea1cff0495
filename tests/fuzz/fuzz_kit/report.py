"""The table of a long run."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Mapping, Set
from pathlib import Path

import numpy as np

from fuzz_kit.target import CASES, REFUSED, SEED

# A part of the page on trust, which has its own title.
_HEAD = """Hostile input to every public function, estimator, reader and fetcher:
damaged files, odd shapes and dtypes, NaN, infinities and numbers near the ends of
their range, names that lead elsewhere, servers that lie. A case is *refused* if it
ended in an exception that is documented; all others gave a result that was then
checked: finite where it should be, probabilities that add up to one, labels of the
classes, the same for a second call and another layout in memory, the input unchanged.
*Found* are cases that ended otherwise: another exception, a hang, too much memory, a
wrong result.

{total:,} cases in {minutes:.0f} minutes of one core on {date}, Python {python}, NumPy
{numpy}, seed {seed}. To run it again, with other cases: ``make stress``, with another
``SKASTRO_FUZZ_SEED``.

.. list-table::
   :header-rows: 1
   :widths: 50 15 15 20

   * - Target
     - Cases
     - Refused
     - Found
"""


def write_report(folder: Path, seconds: Mapping[str, float], failed: Set[str]) -> None:
    """Write ``fuzz.rst``."""
    folder.mkdir(parents=True, exist_ok=True)
    text = _HEAD.format(
        total=sum(CASES.values()),
        minutes=sum(seconds.values()) / 60,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        python=platform.python_version(),
        numpy=np.__version__,
        seed=SEED,
    )
    for name in sorted(CASES):
        found = "a failure" if name in failed else "nothing"
        text += (
            f"   * - {name}\n     - {CASES[name]:,}\n     - {REFUSED[name]:,}\n"
            f"     - {found}\n"
        )
    (folder / "fuzz.rst").write_text(text, encoding="utf-8")

"""Two hundred kills at random moments: `make stress`."""

from __future__ import annotations

import importlib.util
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "skastro_kill_server", Path(__file__).parent / "kill_server.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
kills = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(kills)

pytestmark = [
    pytest.mark.stress,
    pytest.mark.skipif(os.name != "posix", reason="needs fork and signals"),
]
POOL = {"engine": "processes", "n_jobs": 2}
# 200 kills together.
PLAN: dict[str, tuple[int, dict[str, Any]]] = {
    "sequential": (70, {}),
    "sequential, second set": (50, {"select": "test-mean"}),
    "stacked, second set": (60, {"engine": "stacked", "select": "test-mean"}),
    "processes, forked": (14, {**POOL, "backend": "multiprocessing"}),
    # Its workers have to import everything first.
    "processes, loky": (6, {**POOL, "stretch": 6}),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with kills.KillServer() as running:
        yield running


def test_there_are_two_hundred() -> None:
    assert sum(number for number, _ in PLAN.values()) == 200


@pytest.mark.parametrize("name", PLAN)
def test_kills_at_random_moments(
    server: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Each study is resumed after every kill until it is done, then the next begins.

    `Campaign` sees that no finished repeat runs again, none is lost or there twice, and
    that the result is that of a study that nobody disturbed, bit for bit.
    """
    number, job = PLAN[name]
    seed = int(os.environ.get("SKASTRO_KILL_SEED", secrets.randbits(32)))
    campaign = kills.Campaign(server, tmp_path / "kills", **job)
    campaign.run(number, seed)
    with capsys.disabled():
        print(
            f"\n{name}: {campaign.kills} kills in {campaign.studies} studies of "
            f"{len(campaign.seed_of)} repeats; a file was being written at "
            f"{campaign.aimed + campaign.by_chance} of them, {campaign.by_chance} by "
            f"chance; {campaign.starts} trainings; nothing lost, nothing done twice "
            f"(seed {seed})"
        )
    assert campaign.kills == number
    assert campaign.aimed + campaign.by_chance > 0

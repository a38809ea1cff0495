"""A file that is written anew stays where it is, and as private as it was."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from skastro.utils._atomic import replacing

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")


def test_permissions_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "private.txt"
    path.write_text("old")
    path.chmod(0o600)
    with replacing(path) as work:
        work.write_text("new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_behind_a_link_is_written(tmp_path: Path) -> None:
    there = tmp_path / "other_disk"
    there.mkdir()
    (there / "real.txt").write_text("old")
    link = tmp_path / "link.txt"
    link.symlink_to(there / "real.txt")
    with replacing(link) as work:
        assert work.parent == there
        work.write_text("new")
    assert link.is_symlink()
    assert (there / "real.txt").read_text() == "new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.txt", "other_disk"]

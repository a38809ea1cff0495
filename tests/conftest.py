"""Fixtures for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="session")
def data_home() -> Path:
    """Folder with the real files, or a skip that says how to get them."""
    folder = os.environ.get("SKASTRO_DATA")
    if not folder:
        pytest.skip("SKASTRO_DATA is not set: real files are not at hand")
    return Path(folder)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Run torch on one thread: two test workers share two cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

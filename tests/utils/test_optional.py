"""Optional dependencies."""

from __future__ import annotations

import pytest

from skastro.utils import import_optional


def test_a_module_that_is_there() -> None:
    import json.decoder

    assert import_optional("json.decoder", extra="astro") is json.decoder


def test_a_missing_module_names_its_extra() -> None:
    with pytest.raises(ImportError, match=r'pip install "skastro\[plot\]"'):
        import_optional("no_such_module.part", extra="plot")


@pytest.mark.parametrize("name", [None, 3, ""])
def test_names_that_are_none(name):
    with pytest.raises(TypeError, match="name must be"):
        import_optional(name, extra="hdf5")

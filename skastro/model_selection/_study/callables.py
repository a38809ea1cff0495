"""What functions and classes do, told from their code and what the code refers to."""

from __future__ import annotations

import dis
import functools
import sys
import sysconfig
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from sklearn.base import BaseEstimator
from torch import nn

from skastro.model_selection._study.arrays import is_data, pack

_LIBRARIES = tuple(
    {
        str(Path(sysconfig.get_path(name)).resolve())
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
    }
)
_PLAIN = (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset)


class Encoder(Protocol):
    """What is asked of `content.Content`."""

    def encode(self, value: Any) -> bytes:
        """Give the bytes of any value."""

    def refer(self, thing: Any) -> bytes:
        """Give the bytes of a name, and have what it stands for encoded once."""


def qualified(thing: Any) -> str:
    """Name a function, class or routine; never by an address."""
    thing = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{getattr(thing, '__module__', None)}.{thing.__qualname__}"


@functools.cache
def is_library(module: str | None) -> bool:
    """Tell whether code is part of Python, of an installed package, or of skastro.

    Such code is known by its name: nobody edits it between two runs of a study.

    Parameters
    ----------
    module : str or None
        Its ``__module__``.

    Returns
    -------
    bool
        False for scripts, notebooks and packages under development.
    """
    top = (module or "builtins").partition(".")[0]
    if top in sys.builtin_module_names or top == "skastro":
        return True
    if top == "__main__" or top not in sys.modules:
        return False
    file = getattr(sys.modules[top], "__file__", None)
    if file is None:
        # A namespace package, or typed in.
        folders = list(getattr(sys.modules[top], "__path__", []))
        file = folders[0] if folders else ""
    if not file:
        return False
    path = Path(file).resolve()
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    return bool(installed) or any(path.is_relative_to(f) for f in _LIBRARIES)


def has_own_code(thing: Any) -> bool:
    """Tell whether the name of a function or class does not say what it does."""
    nested = "<" in thing.__qualname__
    if isinstance(thing, types.FunctionType):
        # Made inside another function: captured values make a difference.
        return nested or not is_library(thing.__module__)
    return not is_library(thing.__module__)


def encode_function(function: types.FunctionType, encoder: Encoder) -> bytes:
    """Tell what a function does: its code, defaults, captured and global values.

    Parameters
    ----------
    function : function
        Its file and line do not count, and neither do comments and docstrings.
    encoder : Encoder
        For the values.

    Returns
    -------
    bytes
        Equal for equal functions.
    """
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(encoder.encode(cell.cell_contents))
        except ValueError:  # not filled yet
            cells.append(b"")
    others: list[bytes] = []
    # By where the code was written: a decorator may give a function another module.
    if not is_library(function.__globals__.get("__name__")):
        for name in sorted(set(_global_names(function.__code__))):
            if name in function.__globals__:
                value = function.__globals__[name]
                others += [name.encode(), _global_value(value, encoder)]
    return pack(
        "function",
        qualified(function).encode(),
        _encode_code(function.__code__, encoder),
        encoder.encode(function.__defaults__),
        encoder.encode(function.__kwdefaults__),
        pack("cells", *cells),
        pack("globals", *others),
    )


def encode_class(kind: type, encoder: Encoder) -> bytes:
    """Tell what the instances of a class do.

    Parameters
    ----------
    kind : type
        Classes of libraries among its bases are known by name.
    encoder : Encoder
        For the values.

    Returns
    -------
    bytes
        Of all methods and plain attributes.
    """
    parts = []
    for base in kind.__mro__:
        parts.append(qualified(base).encode())
        if not has_own_code(base):
            continue
        for name, value in sorted(vars(base).items()):
            functions = list(_functions(value))
            if functions:
                coded = pack("methods", *(encoder.encode(f) for f in functions))
            elif name.startswith("__"):
                continue
            elif value is None or isinstance(value, _PLAIN) or is_data(value):
                coded = encoder.encode(value)
            else:
                coded = qualified(type(value)).encode()
            parts += [name.encode(), coded]
    return pack("class", *parts)


def _functions(value: Any) -> Iterator[types.FunctionType]:
    """Find the functions in an attribute of a class."""
    if isinstance(value, types.FunctionType):
        yield value
    elif isinstance(value, (staticmethod, classmethod, functools._lru_cache_wrapper)):
        yield from _functions(value.__wrapped__)
    elif isinstance(value, property):
        for part in (value.fget, value.fset, value.fdel):
            yield from _functions(part)
    elif isinstance(value, functools.cached_property):
        yield from _functions(value.func)


def _global_value(value: Any, encoder: Encoder) -> bytes:
    """Tell what a global name stands for, without following instances.

    Those are caches, loggers and the like: they change without a difference.
    """
    if isinstance(value, (types.FunctionType, type)):
        return encoder.refer(value)
    known = value is None or isinstance(
        value,
        (
            *_PLAIN,
            np.generic,
            functools.partial,
            functools._lru_cache_wrapper,
            types.ModuleType,
            types.MethodType,
            BaseEstimator,
            nn.Module,
        ),
    )
    if known or is_data(value):
        return encoder.encode(value)
    return qualified(type(value)).encode()


def _encode_code(code: types.CodeType, encoder: Encoder) -> bytes:
    """Tell what code does, whatever file and line it stands in."""
    steps = []
    for step in dis.get_instructions(code):
        argument = step.argval
        if isinstance(argument, types.CodeType):
            coded = _encode_code(argument, encoder)
        else:
            coded = encoder.encode(argument)
        steps += [step.opname.encode(), coded]
    head = (
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags,
        code.co_varnames,
    )
    return pack("code", repr(head).encode(), code.co_exceptiontable, *steps)


def _global_names(code: types.CodeType) -> Iterator[str]:
    for step in dis.get_instructions(code):
        if isinstance(step.argval, types.CodeType):
            yield from _global_names(step.argval)
        elif step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield step.argval

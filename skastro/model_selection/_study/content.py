"""The content of any object as a hash: equal objects give equal ones, everywhere."""

from __future__ import annotations

import copyreg
import enum
import functools
import inspect
import types
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from skastro.model_selection._study.arrays import hash_data, is_data, pack
from skastro.model_selection._study.callables import (
    encode_class,
    encode_function,
    has_own_code,
    qualified,
)

# Entries of fitted estimators that tell how long something took, or what wrote them.
_VOLATILE = frozenset(
    {
        "_sklearn_version",
        "dur",
        "mean_fit_time",
        "mean_score_time",
        "refit_time_",
        "std_fit_time",
        "std_score_time",
    }
)
_MODULE_PARTS = ("_parameters", "_buffers", "_modules")
_MODULE_INTERNAL = frozenset(vars(nn.Module())) - {*_MODULE_PARTS, "training"}


def digest(value: Any) -> str:
    """Hash the content of an object.

    Parameters
    ----------
    value : object
        Anything. Neither identity nor sharing of its parts counts, nor the order of
        dicts and sets.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    content = Content()
    whole = content.encode(value)
    return pack("content", whole, *content.references()).hex()[:32]


def atom(value: Any) -> str | None:
    """Write a plain value; None if it is not one.

    Numbers and strings of NumPy are written as those of Python that they equal.
    """
    if isinstance(value, enum.Enum):
        return f"{qualified(type(value))}.{value.name}"
    if isinstance(value, np.generic) and value.dtype.kind in "biufcSU":
        value = value.item()
    kind: Any
    for kind in (bool, int, float, complex, str, bytes):
        if isinstance(value, kind):
            return repr(value) if type(value) is kind else repr(kind(value))
    return repr(value) if value is None or value is Ellipsis else None


class Content:
    """A walk through an object.

    Functions and classes met on the way are named where they are met; what they do is
    told once, in `references`.
    """

    def __init__(self) -> None:
        self._path: list[int] = []
        self._pending: list[Any] = []
        self._met: dict[int, Any] = {}
        self._fitted = 0

    def references(self) -> list[bytes]:
        """Give the code of all that was referred to, in an order of its own."""
        found = []
        while self._pending:
            thing = self._pending.pop()
            if isinstance(thing, type):
                found.append(encode_class(thing, self))
            else:
                found.append(encode_function(thing, self))
        return sorted(found)

    def refer(self, thing: Any) -> bytes:
        """Name a function or class, and have its code told later."""
        if has_own_code(thing) and id(thing) not in self._met:
            # Kept, so that no other object gets its number.
            self._met[id(thing)] = thing
            self._pending.append(thing)
        return pack("name", qualified(thing).encode())

    def encode(self, value: Any) -> bytes:
        """Give the bytes of any value.

        Parameters
        ----------
        value : object
            Anything.

        Returns
        -------
        bytes
            Equal for equal values.
        """
        plain = atom(value)
        if plain is not None:
            return plain.encode(errors="surrogatepass")
        if isinstance(value, type):
            return self.refer(value)
        if id(value) in self._path:
            # Around a circle: how far back is what can be said.
            back = len(self._path) - self._path.index(id(value))
            return pack("circle", str(back).encode())
        self._path.append(id(value))
        try:
            return self._encode(value)
        finally:
            self._path.pop()

    def _encode(self, value: Any) -> bytes:
        if is_data(value):
            return hash_data(value, self.encode)
        if type(value) in (list, tuple):
            kind = type(value).__name__
            return pack(kind, *(self.encode(item) for item in value))
        if type(value) in (set, frozenset):
            kind = type(value).__name__
            return pack(kind, *sorted(self.encode(item) for item in value))
        if type(value) in (dict, OrderedDict):
            return self._encode_dict(value)
        if isinstance(value, types.FunctionType):
            if has_own_code(value):
                return encode_function(value, self)
            return self.refer(value)
        if isinstance(value, types.ModuleType):
            return pack("module", value.__name__.encode())
        if isinstance(value, functools._lru_cache_wrapper):
            return self.encode(value.__wrapped__)
        if isinstance(value, functools.partial):
            parts = (value.func, value.args, value.keywords)
            return pack("partial", *(self.encode(part) for part in parts))
        if inspect.isroutine(value):
            return self._encode_routine(value)
        if isinstance(value, torch.Tensor):
            return self._encode_tensor(value)
        if isinstance(value, nn.Module):
            return self._encode_module(value)
        if isinstance(value, torch.Generator):
            return pack("generator", self.encode(value.get_state()))
        if isinstance(value, np.generic):
            return pack("scalar", self.encode(np.asarray(value)))
        return self._encode_object(value)

    def _encode_dict(self, value: Mapping[Any, Any]) -> bytes:
        entries = [
            pack("entry", self.encode(key), self.encode(part))
            for key, part in value.items()
            if not (self._fitted and isinstance(key, str) and key in _VOLATILE)
        ]
        if isinstance(value, OrderedDict):
            return pack("ordered", *entries)
        return pack("dict", *sorted(entries))

    def _encode_routine(self, value: Any) -> bytes:
        """Tell a method from others, also by the object that it belongs to."""
        owner = getattr(value, "__self__", None)
        if owner is None or isinstance(owner, types.ModuleType):
            return pack("routine", qualified(value).encode())
        function = getattr(value, "__func__", None)
        name = qualified(value).encode() if function is None else self.encode(function)
        return pack("method", name, self.encode(owner))

    def _encode_tensor(self, value: torch.Tensor) -> bytes:
        values = value.detach().to("cpu").resolve_conj().resolve_neg()
        if values.layout != torch.strided:
            values = values.to_dense()
        kind = str(values.dtype).encode()
        if values.dtype == torch.bfloat16:
            values = values.to(torch.float32)  # exact
        return pack("tensor", kind, self.encode(values.numpy()))

    def _encode_module(self, value: nn.Module) -> bytes:
        """Encode a net's weights and settings, without what torch keeps for itself."""
        settings = {k: v for k, v in vars(value).items() if k not in _MODULE_INTERNAL}
        hooks = [
            list(v.values())
            for k, v in sorted(vars(value).items())
            if k.endswith("_hooks") and v
        ]
        parts = [self.encode(dict(settings.pop(name))) for name in _MODULE_PARTS]
        order = tuple(vars(value)["_modules"])
        rest = [self.encode(part) for part in (settings, order, hooks)]
        return pack("net", self.refer(type(value)), *parts, *rest)

    def _encode_object(self, value: Any) -> bytes:
        """Encode what pickle would store of an object."""
        kind = self.refer(type(value))
        try:
            reduced = reduce(value)
        except Exception:  # whatever an object's own methods raise
            # Locks, open files, running generators: they have no content.
            return pack("opaque", kind)
        if isinstance(reduced, str):
            module = getattr(value, "__module__", None) or type(value).__module__
            return pack("global", f"{module}.{reduced}".encode())
        make, arguments, state, items, entries = (*reduced, *(None,) * 3)[:5]
        fitted = hasattr(value, "get_params")
        self._fitted += fitted
        try:
            return pack(
                "object",
                kind,
                self.encode(make),
                self.encode(arguments),
                self.encode(state),
                self.encode(None if items is None else list(items)),
                self.encode(None if entries is None else dict(entries)),
            )
        finally:
            self._fitted -= fitted


def reduce(value: Any) -> Any:
    """Take an object apart as pickle does."""
    own = copyreg.dispatch_table.get(type(value))
    return value.__reduce_ex__(4) if own is None else own(value)

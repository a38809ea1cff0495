"""Model files made to run a command when they are loaded: the command never runs."""

from __future__ import annotations

import copy
import importlib.util
import io
import json
import os
import pickle
import random
import secrets
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import skastro
from skastro.neural_network import DenseClassifier
from skastro.utils import load_model, save_model

sio = pytest.importorskip("skops.io")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="the payload is for a shell")

_SPEC = importlib.util.spec_from_file_location(
    "skastro_model_cases", Path(__file__).with_name("model_cases.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
cases = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(cases)

SYSTEM = f"{os.system.__module__}.system"
State = dict[str, Any]


def node(loader: str, name: str, **rest: Any) -> State:
    module, _, item = name.rpartition(".")
    return {"__class__": item, "__module__": module, "__loader__": loader, **rest}


def plain(value: Any) -> State:
    return node("JsonNode", "builtins.str", content=json.dumps(value), is_json=True)


def sequence(*items: State, kind: str = "Tuple") -> State:
    name = f"builtins.{kind.lower()}"
    return node(f"{kind}Node", name, content=list(items))


def mapping(**items: State) -> State:
    keys = sequence(*[node("TypeNode", "builtins.str") for _ in items], kind="List")
    return node("DictNode", "builtins.dict", content=items, key_types=keys)


def call(name: str, *arguments: State) -> State:
    return node("ConstructorFromReduceNode", name, content=sequence(*arguments))


class Reduced:
    """What a pickle would run."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


def pickled_array(command: str) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([Reduced(command)], object), allow_pickle=True)
    return stream.getvalue()


def _partial(command: str) -> State:
    return node(
        "PartialNode",
        "functools.partial",
        content={
            "func": node("FunctionNode", SYSTEM),
            "args": sequence(plain(command)),
            "kwds": mapping(),
            "namespace": plain(None),
        },
    )


def _method(command: str) -> State:
    name = "skastro.neural_network._dense_classifier.DenseClassifier"
    content = {"func": "fit", "obj": node("ObjectNode", name, content=mapping())}
    return node("MethodNode", name, content=content)


def _tree(command: str) -> State:
    reduce = {"args": sequence(plain(command)), "constructor": SYSTEM}
    return node("TreeNode", SYSTEM, __reduce__=reduce, content=mapping())


def _old_function(command: str) -> State:
    """A function under the name of another, as files of old versions could have it."""
    content = {"module_path": "os", "function": "system"}
    return node("FunctionNode", "numpy.clip", content=content, protocol=0)


def _in_process(name: str, code: str) -> Callable[[str], State]:
    return lambda command: call(name, plain(code.format(command=command)))


_PYTHON = "__import__('os').system({command!r})"
PAYLOADS: dict[str, Callable[[str], State]] = {
    "os.system": lambda c: call("os.system", plain(c)),
    "posix.system": lambda c: call(SYSTEM, plain(c)),
    "subprocess": lambda c: call(
        "subprocess.Popen", sequence(*map(plain, ["sh", "-c", c]), kind="List")
    ),
    "eval": _in_process("builtins.eval", _PYTHON),
    "exec": _in_process("builtins.exec", _PYTHON),
    "eval of numexpr's kind": _in_process("pandas.eval", _PYTHON),
    "an object of a module of ours": lambda c: call(
        "skastro.utils._fetch.os", plain(c)
    ),
    "a name through a module of ours": lambda c: call(
        "skastro.utils._fetch.os.system", plain(c)
    ),
    "a loader of pickles": lambda c: call("joblib.load", plain(c)),
    "torch": lambda c: call("torch.load", plain(c)),
    "a function": lambda c: node("FunctionNode", SYSTEM),
    "a function of builtins": lambda c: node("FunctionNode", "builtins.eval"),
    "a type": lambda c: node("TypeNode", "builtins.eval"),
    "a type of os": lambda c: node("TypeNode", SYSTEM),
    "an object of os": lambda c: node("ObjectNode", SYSTEM, content=mapping()),
    "a partial": _partial,
    "a method of ours": _method,
    "a tree": _tree,
    "a function under another name": _old_function,
    "methodcaller": lambda c: node(
        "OperatorFuncNode",
        "operator.methodcaller",
        attrs=sequence(plain("system"), plain(c)),
    ),
    "attrgetter": lambda c: node(
        "OperatorFuncNode", "operator.attrgetter", attrs=sequence(plain("__class__"))
    ),
    "an operator that calls": lambda c: node(
        "OperatorFuncNode",
        "operator.call",
        attrs=sequence(node("FunctionNode", SYSTEM), plain(c)),
    ),
    "a trusted type that is called": lambda c: call(
        "skastro.neural_network._dense_classifier.DenseClassifier",
        node("FunctionNode", SYSTEM),
    ),
    "a module like ours": lambda c: node("ObjectNode", "skastro.evil.X"),
    "a file like ours": lambda c: node("ObjectNode", "skastro.galaxy._evil_cnn.X"),
    "ours in other letters": lambda c: node(
        "ObjectNode", "skastro.galaxy._galaxy_cnn.galaxycnnclassifier"
    ),
    "ours with a blank": lambda c: node(
        "ObjectNode", "skastro.galaxy._galaxy_cnn .GalaxyCNNClassifier"
    ),
    "a base of ours": lambda c: node(
        "ObjectNode", "skastro.neural_network._base.BaseTorchEstimator"
    ),
    "a module that runs when imported": lambda c: node("ObjectNode", "evil_module.X"),
    "a generator": lambda c: node(
        "RandomGeneratorNode",
        "numpy.random._generator.Generator",
        content={"bit_generator": mapping(bit_generator=plain("get_state"))},
    ),
    "unknown loader": lambda c: node("EvilNode", "builtins.str", content=plain(c)),
    "cached": lambda c: node("CachedNode", SYSTEM, __id__=-1),
    "a pickled array": lambda c: node(
        "NdArrayNode", "numpy.ndarray", type="numpy", file="pickled.npy"
    ),
    "an array of them": lambda c: node(
        "NdArrayNode",
        "numpy.ndarray",
        type="json",
        content=sequence(call(SYSTEM, plain(c)), kind="List"),
        shape=plain([1]),
    ),
}


class Trap:
    """A folder with the mark that a payload would leave."""

    def __init__(self, folder: Path) -> None:
        self.mark = folder / "the payload ran"
        self.command = f"touch '{self.mark}'"
        self.path = folder / "model.skops"
        self.extra = {"pickled.npy": pickled_array(self.command)}

    def write(self, state: State, members: dict[str, bytes]) -> None:
        state = {**state, "_skops_version": "0.14"}
        state.setdefault("protocol", 2)
        with zipfile.ZipFile(self.path, "w") as archive:
            for name, content in {**members, **self.extra}.items():
                archive.writestr(name, content)
            archive.writestr("schema.json", json.dumps(state))


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trap]:
    """Also modules that run when they are imported, where a name may lead."""
    trap = Trap(tmp_path)
    (tmp_path / "code").mkdir()
    for name in ("evil_module", "evil"):
        code = f"import os\nos.system({trap.command!r})\nclass X: pass\n"
        (tmp_path / "code" / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path / "code")
    places = [*skastro.__path__, str(tmp_path / "code")]
    monkeypatch.setattr(skastro, "__path__", places)
    yield trap
    assert not trap.mark.exists()
    assert not {"evil_module", "skastro.evil"} & set(sys.modules)


@pytest.mark.parametrize("kind", PAYLOADS)
def test_a_payload_alone(trap: Trap, kind: str) -> None:
    trap.write(PAYLOADS[kind](trap.command), {})
    with pytest.raises(ValueError, match=r"is not trusted|cannot be loaded"):
        load_model(trap.path)


def test_the_message_names_what_is_not_trusted(trap: Trap) -> None:
    trap.write(call(SYSTEM, plain(trap.command)), {})
    with pytest.raises(ValueError, match="is not trusted, and nothing") as caught:
        load_model(trap.path)
    assert f"['{SYSTEM}']" in str(caught.value)
    assert "model.skops" in str(caught.value)


def test_the_payloads_are_alive(tmp_path: Path) -> None:
    """Where their names are trusted, they run: the tests above test something."""
    trap = Trap(tmp_path)
    for kind, name in (("posix.system", SYSTEM), ("eval", "builtins.eval")):
        trap.write(PAYLOADS[kind](trap.command), {})
        sio.load(trap.path, trusted=[name])
        assert trap.mark.exists()
        trap.mark.unlink()


@pytest.mark.parametrize("kind", ["pickle", "joblib", "npz"])
def test_pickles_in_other_clothes(trap: Trap, kind: str) -> None:
    bad = Reduced(trap.command)
    if kind == "pickle":
        trap.path.write_bytes(pickle.dumps(bad))
    elif kind == "joblib":
        import joblib

        joblib.dump([bad], trap.path)
    else:
        with trap.path.open("wb") as file:
            np.savez(file, a=np.array([bad], object))
    with pytest.raises(ValueError, match=r"is a pickle|is no model file"):
        load_model(trap.path)


def test_saving_runs_no_reduce(trap: Trap) -> None:
    net = DenseClassifier().set_params(random_state=Reduced(trap.command))
    with pytest.raises(ValueError, match=r"Reduced.* would refuse"):
        save_model(net, trap.path)


# --- payloads inside of a model ----------------------------------------------------


def places(state: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Name every node of a schema."""
    items: Any = ()
    if isinstance(state, dict):
        if "__loader__" in state:
            yield path
        items = state.items()
    elif isinstance(state, list):
        items = enumerate(state)
    for key, value in items:
        yield from places(value, (*path, key))


def graft(state: State, path: tuple[Any, ...], payload: State) -> State:
    if not path:
        return payload
    state = copy.deepcopy(state)
    parent: Any = state
    for key in path[:-1]:
        parent = parent[key]
    # Without an identity: skops would take what it made of the same one before.
    parent[path[-1]] = payload
    return state


def parts_of(model: Any) -> tuple[State, dict[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(sio.dumps(model))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(members.pop("schema.json")), members


def attack(trap: Trap, model: Any, tries: list[tuple[Any, str]]) -> tuple[int, int]:
    """Load a model with a payload at each place; count the tries and the refusals.

    What is not refused is harmless: a node of an object that the file has twice, of
    which skops reads the first, and a name that is only numpy.clip in new files.
    """
    state, members = parts_of(model)
    refused = 0
    for path, kind in tries:
        trap.write(graft(state, path, PAYLOADS[kind](trap.command)), members)
        try:
            load_model(trap.path)
        except ValueError:
            refused += 1
        assert not trap.mark.exists(), (path, kind)
    return len(tries), refused


def test_a_payload_at_every_place_of_a_model(trap: Trap) -> None:
    model, _, _ = cases.fit("DenseClassifier")
    kinds = list(PAYLOADS)
    every = list(places(parts_of(model)[0]))
    tries = [(path, kinds[i % len(kinds)]) for i, path in enumerate(every)]
    n, refused = attack(trap, model, tries[:: len(tries) // 60])
    assert n >= 60
    assert refused > 0.9 * n


@pytest.mark.stress
def test_every_payload_at_random_places_of_every_model(
    trap: Trap, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("SKASTRO_FAULT_SEED", secrets.randbits(32)))
    draw = random.Random(seed)
    n = refused = 0
    for name in cases.CASES:
        model, _, _ = cases.fit(name)
        every = list(places(parts_of(model)[0]))
        tries = [(draw.choice(every), kind) for kind in PAYLOADS for _ in range(6)]
        found = attack(trap, model, tries)
        n, refused = n + found[0], refused + found[1]
    with capsys.disabled():
        print(
            f"\n{n} hostile model files ({len(PAYLOADS)} payloads, {len(cases.CASES)} "
            f"estimators): {refused} refused, no payload ran (seed {seed})"
        )
    assert refused > 0.9 * n

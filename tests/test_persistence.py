"""Model files: what is saved comes back to the bit, and what is trusted is listed."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline

import skastro
from skastro.galaxy import CutoutNormalizer, RandomResolution
from skastro.neural_network import DenseClassifier
from skastro.neural_network.augmentation import Compose, RandomAffine, RandomSymmetry
from skastro.neural_network.stopping import GeneralizationLoss
from skastro.utils import all_estimators, load_model, save_model, trusted_types
from skastro.utils._model_types import CHECKED_TREE
from skastro.xray import _feature_functions, xray_features, xray_pipeline

pytest.importorskip("skops.io")

_SPEC = importlib.util.spec_from_file_location(
    "skastro_model_cases", Path(__file__).with_name("model_cases.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
cases = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(cases)


def test_there_is_a_case_of_every_estimator() -> None:
    assert set(cases.CASES) == set(dict(all_estimators()))


@pytest.mark.parametrize("name", cases.CASES)
def test_every_estimator_comes_back_to_the_bit(name: str, tmp_path: Path) -> None:
    model, X, y = cases.fit(name)
    save_model(model, tmp_path / "model.skops")
    loaded = load_model(tmp_path / "model.skops")
    assert type(loaded) is type(model)
    before, after = cases.outputs(model, X, y), cases.outputs(loaded, X, y)
    assert set(before) == set(after)
    for method, values in before.items():
        np.testing.assert_array_equal(after[method], values, err_msg=method)
        assert after[method].dtype == values.dtype
    assert list(tmp_path.iterdir()) == [tmp_path / "model.skops"]


def test_pipelines_and_parameters_that_are_objects(tmp_path: Path) -> None:
    X, y = cases.galaxies()
    changes = Compose([RandomSymmetry(), RandomAffine(rotation=10.0)])
    for augment in (changes, RandomResolution()):
        net = clone(cases.CNN).set_params(
            augment=augment,
            early_stopping=GeneralizationLoss(5.0),
            validation_fraction=0.3,
        )
        model = make_pipeline(CutoutNormalizer(), net).fit(X, y)
        save_model(model, tmp_path / "model.skops", overwrite=True)
        loaded = load_model(tmp_path / "model.skops")
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
        again = clone(loaded).fit(X, y)  # the parameters came back, too
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("preset", ["recommended", "study"])
def test_ready_pipelines_of_catalogues(preset: str, tmp_path: Path) -> None:
    from skastro.datasets import make_xray_sources

    frame = make_xray_sources(300, random_state=0).frame
    frame = frame[frame["label"].isin(["AGN", "LM-STAR"])]
    y = frame["label"].to_numpy(dtype=str)
    model = xray_pipeline(frame, preset, random_state=0)
    if preset == "study":
        model.set_params(classifier__max_epochs=2)
    else:
        ensemble = model.named_steps["classifier"].estimator
        ensemble.set_params(cv=2, n_repeats=1)
        for _, member in ensemble.estimators:
            few = {"max_iter": 2, "dense__max_epochs": 2, "quantiles__n_quantiles": 20}
            known = member.get_params()
            member.set_params(**{k: v for k, v in few.items() if k in known})
    model.fit(frame, y)
    save_model(model, tmp_path / "model.skops")
    loaded = load_model(tmp_path / "model.skops")
    np.testing.assert_array_equal(
        loaded.predict_proba(frame), model.predict_proba(frame)
    )


@pytest.mark.parametrize("detail", ["plain", "full"])
def test_features_of_catalogues(detail: str, tmp_path: Path) -> None:
    from skastro.datasets import make_xray_sources

    frame = make_xray_sources(60, random_state=0).frame
    known = inspect.signature(xray_features).parameters["detail"]
    options = {"detail": detail} if detail == "plain" else {}
    assert known.default != "plain"
    model = xray_features(frame, **options).fit(frame)
    save_model(model, tmp_path / "model.skops")
    loaded = load_model(tmp_path / "model.skops")
    np.testing.assert_array_equal(loaded.transform(frame), model.transform(frame))
    assert list(loaded.get_feature_names_out()) == list(model.get_feature_names_out())


# --- what is trusted ---------------------------------------------------------------


def resolve(name: str) -> Any:
    module, _, item = name.rpartition(".")
    return getattr(importlib.import_module(module), item)


def test_the_list_is_of_what_is_there() -> None:
    names = trusted_types()
    assert names == sorted(set(names))
    own = [name for name in names if name.startswith("skastro.")]
    for name in own:
        item = resolve(name)
        assert f"{item.__module__}.{item.__qualname__}" == name
    estimators = {f"{c.__module__}.{c.__name__}" for _, c in all_estimators()}
    assert estimators <= set(own)
    functions = {name for name in own if isinstance(resolve(name), FunctionType)}
    public = {
        f"{_feature_functions.__name__}.{name}"
        for name, item in vars(_feature_functions).items()
        if isinstance(item, FunctionType)
        and item.__module__ == _feature_functions.__name__
        and not name.startswith("_")
    }
    assert public | {"skastro.xray._features._constant_name"} == functions
    assert set(names) - set(own) == {
        "functools.partial",
        "imblearn.pipeline.Pipeline",
        "numpy.clip",
        "numpy.dtype",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.GroupKFold",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.StratifiedGroupKFold",
        "sklearn.model_selection._split.StratifiedKFold",
    }


# What a constructor or function on the list may not do with what it is given.
FORBIDDEN = (
    *("eval", "exec", "compile", "open", "__import__", "import_module", "system"),
    *("popen", "Popen", "load", "loads", "import_optional", "fetch_file", "run"),
)


@pytest.mark.parametrize(
    "name", [n for n in trusted_types() if n.startswith("skastro.")]
)
def test_making_what_is_trusted_starts_nothing(name: str) -> None:
    """Nothing on the list evaluates, imports, opens or starts when it is made."""
    item = resolve(name)
    makers = [item] if isinstance(item, FunctionType) else []
    if isinstance(item, type):
        kinds = [k for k in item.__mro__ if k.__module__.startswith("skastro.")]
        makers += [
            vars(kind)[method]
            for kind in kinds
            for method in ("__init__", "__new__", "__post_init__", "__setstate__")
            if isinstance(vars(kind).get(method), FunctionType)
        ]
        # Nothing takes part in loading that has not been looked at.
        assert not [k for k in kinds if {"__reduce__", "__reduce_ex__"} & set(vars(k))]
    for maker in makers:
        used = set(maker.__code__.co_names)
        assert not used & set(FORBIDDEN), (name, maker)


def test_no_source_loads_pickles() -> None:
    """`numpy.load` gets no allow_pickle=True, and nobody unpickles or evaluates."""
    import ast

    for path in sorted(Path(skastro.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names]
                module = getattr(node, "module", None) or ""
                found = {module.split(".")[0], *(n.split(".")[0] for n in names)}
                # Dask sends the calls of a program to its own workers as pickles.
                if path.name != "_dask_backend.py":
                    assert not found & {"pickle", "dill", "cloudpickle", "shelve"}, path
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", None)
                assert name not in ("eval", "exec", "__import__"), path
                keys = {k.arg: k.value for k in node.keywords}
                allowed = keys.get("allow_pickle")
                assert allowed is None or allowed.value is False, path  # type: ignore[attr-defined]


# --- saving ------------------------------------------------------------------------


def doubled(batch: Any, generator: Any) -> Any:
    """Be a function of a user's."""
    return batch


def test_what_would_not_load_is_not_saved(tmp_path: Path) -> None:
    X, y = cases.galaxies()
    net = clone(cases.CNN).set_params(augment=doubled).fit(X, y)
    path = tmp_path / "model.skops"
    name = f"{doubled.__module__}.doubled"
    with pytest.raises(ValueError, match="which load_model would refuse") as caught:
        save_model(net, path)
    assert name in str(caught.value)
    assert not path.exists()
    save_model(net, path, trusted=[name])
    with pytest.raises(ValueError, match="is not trusted, and nothing"):
        load_model(path)
    loaded = load_model(path, trusted=iter([name]))
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
    with pytest.raises(ValueError, match=r"cannot be stored|would refuse"):
        save_model(
            clone(net).set_params(augment=lambda batch, _: batch), tmp_path / "b"
        )


def test_a_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        save_model(DenseClassifier(), path)
    assert path.read_text() == "mine"
    save_model(DenseClassifier(), path, overwrite=True)
    assert isinstance(load_model(str(path)), DenseClassifier)


@pytest.mark.parametrize("trusted", [True, "os.system", b"a", [1]])
def test_names_are_a_list(trusted: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="list of dotted names"):
        load_model(tmp_path / "a", trusted=trusted)


# --- files that are none -----------------------------------------------------------


def model_bytes() -> bytes:
    import skops.io

    found: bytes = skops.io.dumps(DenseClassifier(max_epochs=2).fit(*cases.table()))
    return found


def other_archive(*members: tuple[str, bytes], packed: bool = False) -> bytes:
    stream = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, "w", kind) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


NO_MODELS: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "no model file of skops"),
    "text": (lambda: b"a model", "no model file of skops"),
    "cut": (lambda: model_bytes()[:-100], "no model file of skops"),
    "pickle": (lambda: pickle.dumps({"a": 1}), "is a pickle"),
    "no schema": (lambda: other_archive(("a", b"a")), "no model file of skops"),
    "schema of nothing": (lambda: other_archive(("schema.json", b"{}")), "damaged"),
    "no JSON": (lambda: other_archive(("schema.json", b"{")), "damaged"),
    "a list": (lambda: other_archive(("schema.json", b"[]")), "damaged"),
    "deep": (
        lambda: other_archive(("schema.json", b"[" * 200_000 + b"]" * 200_000)),
        "damaged",
    ),
    "bomb": (
        lambda: other_archive(("schema.json", bytes(10_000_000)), packed=True),
        "unpack to far more",
    ),
}


@pytest.mark.parametrize("kind", NO_MODELS)
def test_what_is_no_model_file(kind: str, tmp_path: Path) -> None:
    make, message = NO_MODELS[kind]
    path = tmp_path / "a.skops"
    path.write_bytes(make())
    with pytest.raises(ValueError, match=message) as caught:
        load_model(path)
    assert "a.skops" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "none.skops")


def test_flipped_bytes_are_noticed(tmp_path: Path) -> None:
    """The archive has checksums; what they do not cover changes no weight."""
    X, _ = cases.table()
    content = model_bytes()
    path = tmp_path / "a.skops"
    path.write_bytes(content)
    expected = load_model(path).predict_proba(X)
    draw = np.random.default_rng(0)
    noticed = 0
    for place in draw.choice(len(content), 150, replace=False):
        changed = bytearray(content)
        changed[place] ^= 1 << int(draw.integers(8))
        path.write_bytes(changed)
        try:
            loaded = load_model(path)
        except ValueError:
            noticed += 1
        else:
            np.testing.assert_array_equal(loaded.predict_proba(X), expected)
    assert noticed > 75


# --- trees -------------------------------------------------------------------------


def boosted() -> Any:
    X, y = cases.table()
    return HistGradientBoostingClassifier(max_iter=2).fit(X, y)


def bend(field: str, value: int) -> Callable[[Any], Any]:
    def change(model: Any) -> Any:
        nodes = model._predictors[1][2].nodes
        nodes[field][np.flatnonzero(nodes["is_leaf"] == 0)[0]] = value
        return model

    return change


def emptied(model: Any) -> Any:
    tree = model._predictors[0][0]
    tree.nodes = tree.nodes[:0]
    return model


def widened(model: Any) -> Any:
    model.n_features_in_ = "4"
    return model


BENT: dict[str, tuple[Callable[[Any], Any], str]] = {
    "child beyond": (bend("left", 10**6), "points out of the tree"),
    "child itself": (bend("right", 0), "points out of the tree"),
    "feature": (bend("feature_idx", 4), "points out of the row"),
    "category": (bend("is_categorical", 1), "with categories"),
    "no nodes": (emptied, "no such array"),
    "no width": (widened, "no known width"),
    "alone": (lambda model: model._predictors[0][0], "belongs to no ensemble"),
    "preprocessor": (
        lambda model: vars(model).update(_preprocessor=CutoutNormalizer()) or model,
        "no known width",
    ),
}


@pytest.mark.parametrize("kind", BENT)
def test_trees_that_would_crash_python(kind: str, tmp_path: Path) -> None:
    change, message = BENT[kind]
    path = tmp_path / "model.skops"
    save_model({"of": [change(boosted())]}, path)
    with pytest.raises(ValueError, match=message):
        load_model(path)
    # Whoever made the file may say so.
    load_model(path, trusted=[CHECKED_TREE])


def test_trees_in_order_load(tmp_path: Path) -> None:
    save_model(boosted(), tmp_path / "a")
    X, _ = cases.table()
    np.testing.assert_array_equal(
        load_model(tmp_path / "a").predict_proba(X), boosted().predict_proba(X)
    )


def test_forests_have_to_be_named(tmp_path: Path) -> None:
    X, y = cases.table()
    forest = RandomForestClassifier(n_estimators=2, random_state=0).fit(X, y)
    names = ["sklearn.tree._tree.Tree"]
    save_model(forest, tmp_path / "a", trusted=names)
    loaded = load_model(tmp_path / "a", trusted=names)
    np.testing.assert_array_equal(loaded.predict(X), forest.predict(X))


def test_a_value_in_the_place_of_a_method(tmp_path: Path) -> None:
    for model, name in ((boosted(), "_preprocess_X"), (DenseClassifier(), "fit")):
        vars(model)[name] = np.absolute
        save_model(model, tmp_path / "a", overwrite=True)
        with pytest.raises(ValueError, match=f"place of the method .*{name}"):
            load_model(tmp_path / "a")

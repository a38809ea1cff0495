"""The protocol that the gallery and the benchmark share does what it says."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sklearn.base import clone

from skastro.datasets import make_galaxies
from skastro.galaxy import GalaxyCNNClassifier

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def study() -> ModuleType:
    path = EXAMPLES / "galaxy" / "_study.py"
    spec = importlib.util.spec_from_file_location("_study", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["_study"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def galaxies(study: ModuleType) -> tuple[np.ndarray, np.ndarray]:
    data = make_galaxies(90, size=32, output="uint8", uncertain="drop", random_state=0)
    return study.pixels(data.images), data.target


NET = GalaxyCNNClassifier(filters=(4, 8), batch_size=16)


def test_studies_are_repeatable(
    study: ModuleType, galaxies: tuple[np.ndarray, np.ndarray]
) -> None:
    X, y = galaxies
    net = clone(NET).set_params(max_epochs=4)
    options = {"n_repeats": 2, "test_variants": study.degraders((2,))}
    result = study.study_of(net, X, y, **options)
    again = study.study_of(net, X, y, n_jobs=1, **options)
    assert result.scores.equals(again.scores)
    assert result.epochs.tolist() == [4]
    assert result.variants == ["original", "1/2 bilinear"]
    recalls = [study.recalls(result, label) for label in result.classes]
    np.testing.assert_allclose(
        np.mean(recalls, axis=0), result.values("balanced_accuracy")
    )
    other = study.study_of(net.set_params(max_epochs=1), X, y, **options)
    rows = study.recovery(result, other, (2,))
    assert set(rows) == {"sharp", "1/2"}
    assert study.reach(result, (2,))["1/2"].endswith("%)")


def test_folds_keep_copies_together(study: ModuleType) -> None:
    y = np.tile(np.arange(40) % 2, 3)
    for train, test in study.CopiesKFold().split(y, y):
        assert not set(train % 40) & set(test % 40)
        assert len(train) + len(test) == 120


def test_transfer_models_train_and_predict(
    study: ModuleType, galaxies: tuple[np.ndarray, np.ndarray]
) -> None:
    X, y = galaxies
    net = study.vote_net("resolution", max_epochs=1, average_symmetries=False)
    net.set_params(filters=(4, 8)).fit(X, y)
    models = study.transfer_models(net, net, epochs=1)
    models["degraded, fine-tuned"].set_params(filters=(4, 8))
    for model in models.values():
        result = study.study_of(model, X, y, n_repeats=1)
        assert 0 <= result.values("accuracy")[0] <= 1
    assert np.array_equal(net.classes_, np.unique(y))


@pytest.mark.parametrize("script", sorted(EXAMPLES.rglob("*.py")), ids=lambda p: p.name)
def test_scripts_compile(script: Path) -> None:
    compile(script.read_text(), script.name, "exec")

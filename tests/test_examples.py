"""The protocol that the gallery and the benchmark share does what it says."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from skastro.datasets import make_galaxies
from skastro.galaxy import GalaxyCNNClassifier, ResolutionDegrader

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


def test_runs_are_repeatable_and_curves_end_where_scores_are(
    study: ModuleType, galaxies: tuple[np.ndarray, np.ndarray]
) -> None:
    X, y = galaxies
    options = {"n_repeats": 2, "epochs": 4, "curves": True}
    variants = {"1/2": ResolutionDegrader(factor=2)}
    runs = study.repeated_runs(NET, X, y, variants=variants, **options)
    again = study.repeated_runs(NET, X, y, variants=variants, n_jobs=1, **options)
    assert runs.scores.equals(again.scores)
    assert runs.curves.equals(again.curves)
    last = runs.curves.query("epoch == 4 and split == 'test' and metric == 'accuracy'")
    assert last.value.tolist() == runs.of("accuracy").tolist()
    hits = np.trace(runs.confusion, axis1=1, axis2=2) / runs.confusion.sum(axis=(1, 2))
    np.testing.assert_allclose(hits, runs.of("accuracy"))
    assert len(runs.of("accuracy", "1/2")) == 2


def test_epoch_rules(study: ModuleType, galaxies: tuple) -> None:
    X, y = galaxies
    runs = study.repeated_runs(NET, X, y, n_repeats=2, epochs=5, curves=True)
    choice = study.chosen_epochs(runs)
    curves = runs.curves.query("metric == 'accuracy'")
    for repeat, (epoch, score) in enumerate(
        zip(choice["epochs"], choice["validation"], strict=True)
    ):
        mine = curves[curves["repeat"] == repeat]
        valid = mine.query("split == 'validation'").set_index("epoch").value
        assert valid[epoch] == valid.max()
        assert mine.query("split == 'test' and epoch == @epoch").value.item() == score
    # What looks at the test set cannot come out lower.
    assert (choice["test, each run"] >= choice["validation"]).all()
    assert choice["test-mean"].mean() >= choice["last"].mean()


def test_balanced_runs_have_equal_classes(
    study: ModuleType, galaxies: tuple[np.ndarray, np.ndarray]
) -> None:
    X, y = galaxies
    runs = study.repeated_runs(NET, X, y, n_repeats=2, epochs=1, balance=True)
    tested = runs.confusion.sum(axis=2)
    assert abs(tested[:, 0] - tested[:, 1]).max() <= 1
    small = study.repeated_runs(NET, X, y, n_repeats=1, epochs=1, train_size=20)
    assert small.n_train == 20


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
        runs = study.repeated_runs(model, X, y, n_repeats=1, epochs=None)
        assert 0 <= runs.of("accuracy")[0] <= 1
    assert np.array_equal(net.classes_, np.unique(y))


@pytest.mark.parametrize("script", sorted(EXAMPLES.rglob("*.py")), ids=lambda p: p.name)
def test_scripts_compile(script: Path) -> None:
    compile(script.read_text(), script.name, "exec")

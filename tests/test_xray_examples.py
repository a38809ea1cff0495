"""What the X-ray examples share does what it says."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import GaussianNB

from skastro.sampling import CappedResampler

FOLDER = Path(__file__).parents[1] / "examples" / "xray"


@pytest.fixture(scope="module")
def sources() -> Iterator[ModuleType]:
    path = FOLDER / "_sources.py"
    spec = importlib.util.spec_from_file_location("_sources", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKASTRO_SCALE", "quick")
        patch.setitem(sys.modules, "_sources", module)
        spec.loader.exec_module(module)
        yield module


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SKASTRO_DATA", str(tmp_path))


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("loader", ["load_chandra", "load_xmm"])
def test_without_the_files_sources_are_simulated_and_said_to_be(
    sources: ModuleType, loader: str, capsys: pytest.CaptureFixture[str]
) -> None:
    frame, y, description = getattr(sources, loader)(n_simulated=400)
    assert "SIMULATED" in description
    assert description in capsys.readouterr().out
    assert len(frame) == len(y) == 400
    assert y.dtype.kind == "U"
    assert (frame["label"].to_numpy(dtype=str) == y).all()
    assert sources.hardness_names(frame)[0] == "hr1_rate"
    again = getattr(sources, loader)(n_simulated=400)
    pd.testing.assert_frame_equal(frame, again.frame)


@pytest.mark.usefixtures("nowhere")
def test_small_classes_can_be_left_out(sources: ModuleType) -> None:
    whole = pd.Series(sources.load_xmm(400).y).value_counts()
    frame, y, _ = sources.load_xmm(400, smallest_class=8)
    expected = whole[whole >= 8]
    assert 1 < len(expected) < len(whole)
    assert pd.Series(y).value_counts().to_dict() == expected.to_dict()
    assert frame.index.to_list() == list(range(len(y)))


@pytest.mark.real_data
def test_with_the_files_they_are_used(
    sources: ModuleType, data_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKASTRO_DATA", str(data_home))
    chandra, xmm = sources.load_chandra(), sources.load_xmm(smallest_class=7)
    assert chandra.description.startswith("3,126 real Chandra sources")
    assert xmm.description.startswith("1,002 real 4XMM-DR13 sources")
    assert (chandra.y == "HMXB").sum() == 34
    assert set(xmm.y) == {"AGN", "LM-STAR", "CV", "NS", "HMXB"}
    assert sources.hardness_names(xmm.frame)[3] == "hr4_flux"
    with pytest.raises(ValueError, match="hardness"):
        sources.hardness_names(chandra.frame)


def test_class_sizes_are_those_of_the_slides(sources: ModuleType) -> None:
    before, after = np.transpose(list(sources.STUDY_SIZES.values()))
    assert (before.sum(), after.sum()) == (12_736, 4_100)
    y = np.repeat(list(sources.STUDY_SIZES), before)
    found = CappedResampler().fit(np.zeros((y.size, 1)), y).sampling_strategy_
    assert list(found.values()) == after.tolist()


@pytest.fixture
def blobs() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.repeat(["AGN", "CV", "YSO"], [60, 30, 15])
    shift = np.repeat([0.0, 1.0, 3.0], [60, 30, 15])[:, None]
    return pd.DataFrame(rng.normal(size=(105, 2)) + shift, columns=["a", "b"]), y


def test_every_row_is_predicted_from_the_other_folds(
    sources: ModuleType, blobs: Any
) -> None:
    X, y = blobs
    found = sources.cross_predict(GaussianNB(), X, y)
    expected = cross_val_predict(
        GaussianNB(), X, y, cv=sources.folds(), method="predict_proba"
    )
    np.testing.assert_array_equal(found.proba, expected)
    assert (found.predicted == found.classes[expected.argmax(axis=1)]).all()
    parts = [test for _, test in sources.folds().split(X, y)]
    assert [set(np.flatnonzero(found.fold == k)) for k in range(3)] == [
        set(part) for part in parts
    ]
    by_fold = [f1_score(y[p], found.predicted[p], average="macro") for p in parts]
    row = found.row()
    assert list(row) == ["accuracy", "balanced", "macro-F1", "ECE"]
    assert row["macro-F1"] == f"{np.mean(by_fold):.3f} ± {np.std(by_fold, ddof=1):.3f}"
    some = found.only(y != "YSO")
    assert len(some.y) == len(some.proba) == len(some.fold) == 90
    assert some.summary().n_rows == 90


def test_a_class_unknown_to_a_training_part_has_no_probability(
    sources: ModuleType, blobs: Any
) -> None:
    X, y = blobs
    young = np.flatnonzero(y == "YSO")
    rest = np.flatnonzero(y != "YSO")
    found = sources.cross_predict(GaussianNB(), X, y, [(rest, young), (young, rest)])
    assert (found.proba[young, 2] == 0).all()
    assert (found.proba[rest] == [0, 0, 1]).all()


def test_bootstrap_is_of_the_test_rows(sources: ModuleType) -> None:
    y = np.repeat(["AGN", "CV"], [90, 10])
    right = sources.bootstrap(y, y)
    assert right == dict.fromkeys(right, "1.000 ± 0.000")
    none_found = sources.bootstrap(y, np.full_like(y, "AGN"))
    assert none_found["accuracy"] == "0.900 ± 0.000"
    assert none_found["balanced"] == "0.500 ± 0.000"
    half = np.where(np.arange(100) % 2, "AGN", y)
    # Half of 10 are found: the error of the recall is sqrt(0.5 0.5 / 10), of two 1/2.
    value, error = map(float, sources.bootstrap(y, half, 500)["balanced"].split("±"))
    assert value == 0.75
    assert error == pytest.approx(np.sqrt(0.025) / 2, rel=0.15)

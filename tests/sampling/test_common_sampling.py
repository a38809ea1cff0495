"""Every sampler passes the checks of imbalanced-learn and of scikit-learn."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from imblearn.utils.estimator_checks import estimator_checks_generator
from sklearn.utils.estimator_checks import parametrize_with_checks

from skastro.utils import all_estimators

SAMPLERS = [
    cls for _, cls in all_estimators() if callable(getattr(cls, "fit_resample", None))
]


def instances() -> list[Any]:
    # The checks of imbalanced-learn compare runs, so the draws have to be the same.
    found = []
    for cls in SAMPLERS:
        seeded = "random_state" in inspect.signature(cls).parameters
        found.append(cls(random_state=0) if seeded else cls())
    return found


def test_the_samplers_are_found() -> None:
    assert "CappedResampler" in {cls.__name__ for cls in SAMPLERS}


# imbalanced-learn's own decorator gives pytest a generator, which pytest 9 deprecates.
IMBLEARN_CHECKS = [
    pair
    for sampler in instances()
    for pair in estimator_checks_generator(sampler, expected_failed_checks=None)
]


@pytest.mark.parametrize(
    ("estimator", "check"),
    IMBLEARN_CHECKS,
    ids=[f"{type(e).__name__}-{c.func.__name__}" for e, c in IMBLEARN_CHECKS],
)
def test_imblearn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@parametrize_with_checks(instances(), expected_failed_checks=None)
def test_sklearn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_checks_that_work_both_ways() -> None:
    # With a cap inside the checks' class sizes, rows are cut as well as made.
    from imblearn.utils import estimator_checks

    from skastro.sampling import CappedResampler

    sampler = CappedResampler(cap=300, random_state=0)
    for name in ("sparse", "pandas", "pandas_sparse", "list", "multiclass_ova"):
        getattr(estimator_checks, f"check_samplers_{name}")("CappedResampler", sampler)
    with pytest.raises(ValueError, match="sampling_strategy"):
        sampler.set_params(sampling_strategy="majority").fit_resample([[0]], [0])

"""A scorer that looks at the test data through a transformer."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

from sklearn.exceptions import NotFittedError
from sklearn.metrics import check_scoring
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import check_is_fitted


def transformed_scorer(
    scorer: str | Callable[..., float], transformer: Any
) -> Callable[..., float]:
    """Make a scorer that transforms the test data before it scores.

    ``transformed_scorer(scorer, transformer)(estimator, X, y)`` is
    ``scorer(estimator, transformer.transform(X), y)``. A transformer inside a
    `Pipeline` changes training and test data alike; here only what the fitted
    estimator is tested on changes. With a transformer that blurs, it is the
    resolution gap as a score: trained on sharp images, tested on blurred ones.

    Parameters
    ----------
    scorer : str or callable
        A scorer name of scikit-learn, or ``scorer(estimator, X, y, **kwargs)`` such as
        `tss_scorer`.
    transformer : transformer, Pipeline or list of transformers
        Applied to X, in this order. Each must be stateless (its ``requires_fit`` tag
        is False) or fitted already; it is never fitted here.

    Returns
    -------
    callable
        ``scorer(estimator, X, y, **kwargs)`` for ``scoring=``; picklable. Keyword
        arguments, and with metadata routing the requests, are those of `scorer`.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If a transformer needs a fit and has none: fitting it on the test data would
        leak them into the score.
    TypeError
        If `scorer` or `transformer` is not what is described above.
    ValueError
        If `scorer` is an unknown name or a metric function.

    See Also
    --------
    tss_scorer : The true skill score as a scorer.

    Notes
    -----
    The transformer is kept by reference. One that draws random numbers (noise) with
    ``random_state=None`` gives another score at every call: give it a seed.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from skastro.metrics import transformed_scorer, tss_scorer
    >>> X, y = np.eye(4), [0, 0, 1, 1]
    >>> blurred = transformed_scorer(tss_scorer, FunctionTransformer(np.negative))
    >>> blurred(DummyClassifier().fit(X, y), X, y)
    0.0
    """
    return _TransformedScorer(_check_scorer(scorer), transformer)


class _TransformedScorer:
    """What `transformed_scorer` returns.

    It is on purpose no subclass of scikit-learn's own scorer class: that one shares
    the predictions of one X among all scorers of a dict, and this one has another X.

    Parameters
    ----------
    scorer : callable
        ``scorer(estimator, X, y, **kwargs)``.
    transformer : transformer, Pipeline or list of transformers
        Applied to X.
    """

    def __init__(self, scorer: Callable[..., float], transformer: Any) -> None:
        self.scorer = scorer
        self.transformer = transformer
        if isinstance(transformer, (list, tuple)) and not transformer:
            raise TypeError("transformer is an empty list: nothing would transform.")
        for step in _flat_steps(transformer):
            _check_ready(step)

    def __call__(self, estimator: Any, X: Any, y: Any = None, **kwargs: Any) -> float:
        """Score the estimator on transformed X.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator.
        X : array-like of shape (n_samples, ...)
            Test data, before the transformer.
        y : array-like of shape (n_samples,), default=None
            What is true.
        **kwargs : dict
            Passed on to the scorer, for instance ``sample_weight``.

        Returns
        -------
        float
            What the scorer says.
        """
        for step in _flat_steps(self.transformer):
            X = step.transform(X)
        return self.scorer(estimator, X, y, **kwargs)

    def __repr__(self) -> str:
        name = getattr(self.scorer, "__qualname__", None) or repr(self.scorer)
        return f"transformed_scorer({name}, {self.transformer!r})"

    def set_score_request(self, **kwargs: Any) -> _TransformedScorer:
        """Say which metadata the scorer takes (scikit-learn's metadata routing).

        Parameters
        ----------
        **kwargs : dict
            As ``set_score_request`` of the wrapped scorer has them, for instance
            ``sample_weight=True``.

        Returns
        -------
        transformed scorer
            Itself. The wrapped scorer is copied before, so a shared one such as
            `tss_scorer` stays as it is.
        """
        scorer: Any = copy.copy(self.scorer)
        self.scorer = scorer.set_score_request(**kwargs)
        return self

    def get_metadata_routing(self) -> Any:
        """Return the metadata requests of the wrapped scorer.

        Returns
        -------
        MetadataRequest or MetadataRouter
            A copy.
        """
        return get_routing_for_object(self.scorer)

    def _accept_sample_weight(self) -> bool:
        # scikit-learn asks every scorer this as long as routing is switched off.
        inner = getattr(self.scorer, "_accept_sample_weight", None)
        if inner is not None:
            return bool(inner())
        return "sample_weight" in inspect.signature(self.scorer).parameters


def _check_scorer(scorer: Any) -> Callable[..., float]:
    """Turn a name into a scorer, and refuse what is none."""
    if not isinstance(scorer, str) and not callable(scorer):
        raise TypeError(
            "scorer must be a scorer name or a callable scorer(estimator, X, y), got "
            f"{scorer!r}."
        )
    if inspect.isfunction(scorer):
        # scikit-learn knows its own metrics only; ours have the same signature.
        names = list(inspect.signature(scorer).parameters)
        if names[:1] == ["y_true"]:
            raise ValueError(
                f"{scorer.__name__} is a metric, metric(y_true, y_pred), not a scorer: "
                "wrap it with sklearn.metrics.make_scorer."
            )
    out: Callable[..., float] = check_scoring(scoring=scorer)
    return out


def _flat_steps(transformer: Any) -> list[Any]:
    """List the transformers of a pipeline or list, in order."""
    if isinstance(transformer, Pipeline):
        transformer = [step for _, step in transformer.steps]
    if not isinstance(transformer, (list, tuple)):
        return [transformer]
    flat: list[Any] = []
    for step in transformer:
        if step is None or (isinstance(step, str) and step == "passthrough"):
            continue
        flat.extend(_flat_steps(step))
    return flat


def _check_ready(transformer: Any) -> None:
    """Refuse what cannot transform, or would first have to be fitted."""
    if inspect.isclass(transformer) or not hasattr(transformer, "transform"):
        raise TypeError(
            f"transformer must have a transform method, got {transformer!r}; a plain "
            "function goes into sklearn.preprocessing.FunctionTransformer."
        )
    # Without a fit there is no state, so nothing could be missing.
    if not hasattr(transformer, "fit") or not get_tags(transformer).requires_fit:
        return
    try:
        check_is_fitted(transformer)
    except NotFittedError as error:
        raise NotFittedError(
            f"{transformer!r} is not fitted. Fitting it on the test data would leak "
            "them into the score: fit it on training data first, or use a stateless "
            "transformer (tag requires_fit=False)."
        ) from error

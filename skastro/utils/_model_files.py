"""Model files that run no code when they are loaded."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from skastro.utils._atomic import replacing
from skastro.utils._model_checks import check_boosted_trees, check_methods
from skastro.utils._model_types import CHECKED_TREE, trusted_types
from skastro.utils._optional import import_optional

# Zeros pack a thousand to one; weights hardly at all.
_MOST_PACKED = 100
_READ_FIRST = (
    "Read what it does; if you trust it and the file's author, name it in trusted="
)


def save_model(
    model: Any,
    path: str | os.PathLike[str],
    *,
    trusted: Iterable[str] = (),
    overwrite: bool = False,
) -> None:
    """Write a fitted model to a file that runs no code when it is loaded.

    The file appears whole or not at all. What `load_model` would refuse is refused
    here, while the model is still at hand.

    Parameters
    ----------
    model : object
        An estimator, a pipeline, or a list or dict of them.
    path : path-like
        The file, by custom ``.skops``.
    trusted : iterable of str, default=()
        Dotted names of types and functions beyond `trusted_types` that the model may
        hold, such as a function of yours in ``augment=``.
    overwrite : bool, default=False
        Whether to replace a file that is there.

    Raises
    ------
    FileExistsError
        If there is such a file and `overwrite` is False.
    ImportError
        If skops, the extra ``persistence``, is not installed.
    OSError
        If the file cannot be written; an old one is then left alone.
    ValueError
        If the model holds a type that is not trusted, or cannot be stored.

    See Also
    --------
    load_model : Loads it.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_iris
    >>> from skastro.neural_network import DenseClassifier
    >>> from skastro.utils import load_model, save_model
    >>> X, y = load_iris(return_X_y=True)
    >>> net = DenseClassifier(max_epochs=2, random_state=0).fit(X, y)
    >>> path = os.path.join(tempfile.mkdtemp(), "net.skops")
    >>> save_model(net, path)
    >>> (load_model(path).predict(X) == net.predict(X)).all()
    np.True_
    """
    skops = import_optional("skops.io", extra="persistence")
    path = Path(path)
    names = {*trusted_types(), CHECKED_TREE, *_listed(trusted)}
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path.name} is there already; pass overwrite=True.")
    try:
        content = skops.dumps(model)
        held = skops.get_untrusted_types(data=content)
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"This model cannot be stored: {error}") from error
    if unknown := sorted({*held} - names):
        raise ValueError(
            f"The model holds {unknown}, which load_model would refuse. Take it out of "
            "the model (of a search, save its best_estimator_), or name it in trusted= "
            "here and in load_model."
        )
    with replacing(path) as work:
        work.write_bytes(content)


def load_model(path: str | os.PathLike[str], *, trusted: Iterable[str] = ()) -> Any:
    """Load a model from a file of `save_model` or `skops.io.dump`, running no code.

    Unlike a pickle, which runs whatever code is in it, such a file only names types and
    gives values. A type is made only if skops, `trusted_types` or `trusted` has its
    full name; else nothing of the file is made or imported.

    Parameters
    ----------
    path : path-like
        The file.
    trusted : iterable of str, default=()
        Dotted names beyond `trusted_types` that may be made. Never take them from the
        file itself: read what each does.

    Returns
    -------
    object
        The model.

    Raises
    ------
    ImportError
        If skops, the extra ``persistence``, is not installed.
    OSError
        If the file cannot be read.
    ValueError
        If it is no such file, is damaged or truncated, holds a type that is not trusted
        (the message names it), or trees that point out of themselves.

    See Also
    --------
    save_model : Writes such files.
    trusted_types : What is trusted.

    Notes
    -----
    - A file that loads is not therefore right: who made it decides what it predicts.
    - Trees of `HistGradientBoostingClassifier` are checked node by node. Those of
      forests (``sklearn.tree._tree.Tree``) cannot be before they are made, and are
      refused unless you name them: in a file made for it they can crash Python.
    - Names of types contain names of files in this package. A model is for the
      versions of this package and of scikit-learn that it was fitted with.

    Examples
    --------
    >>> import os, tempfile
    >>> import skops.io
    >>> from skastro.utils import load_model
    >>> path = os.path.join(tempfile.mkdtemp(), "bad.skops")
    >>> skops.io.dump([os.system], path)
    >>> load_model(path)
    Traceback (most recent call last):
    ValueError: bad.skops holds ['posix.system'], which is not trusted...
    """
    skops = import_optional("skops.io", extra="persistence")
    path = Path(path)
    own = _listed(trusted)
    names = sorted({*trusted_types(), CHECKED_TREE, *own})
    content = path.read_bytes()
    _check_archive(content, path.name)
    try:
        held = skops.get_untrusted_types(data=content)
    except Exception as error:
        raise _damaged(path, error) from error
    if unknown := sorted({*held} - {*names}):
        raise ValueError(
            f"{path.name} holds {unknown}, which is not trusted, and nothing of the "
            f"file was loaded. {_READ_FIRST}."
        )
    try:
        model = skops.loads(content, trusted=names)
        check_methods(model)
        if CHECKED_TREE not in own:
            check_boosted_trees(model)
    except Exception as error:
        raise _damaged(path, error) from error
    return model


def _listed(trusted: Iterable[str]) -> list[str]:
    """Give the names that the user trusts."""
    if isinstance(trusted, (str, bytes, bool)):
        raise ValueError(f"trusted must be a list of dotted names, got {trusted!r}.")
    own = [*trusted]
    if odd := [name for name in own if not isinstance(name, str)]:
        raise ValueError(f"trusted must be a list of dotted names, got {odd[0]!r}.")
    return own


def _check_archive(content: bytes, name: str) -> None:
    """Refuse what is no model file, and what grows beyond measure when unpacked."""
    if content[:1] == b"\x80":
        raise ValueError(
            f"{name} is a pickle, which would run the code in it, and is not loaded. "
            "Files of save_model or skops.io.dump are."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            archive.getinfo("schema.json")
    except (zipfile.BadZipFile, KeyError, NotImplementedError, ValueError) as error:
        raise ValueError(
            f"{name} is no model file of skops, or it is truncated or damaged: {error}"
        ) from error
    if sum(member.file_size for member in members) > _MOST_PACKED * len(content):
        raise ValueError(f"{name} would unpack to far more than a model needs.")


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(
        f"{path.name} cannot be loaded; it is damaged, made for other versions, or not "
        f"what it says: {type(error).__name__}: {error}"
    )

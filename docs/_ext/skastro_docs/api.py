"""Pages of the API reference, one for each name in an ``__all__``.

They are written before Sphinx reads its sources, so a new public name appears by
itself and one that went away takes its page along.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

FOLDER = Path("api", "generated")
INHERITED = ("get_params", "set_params", "set_output", "get_feature_names_out")


def public_modules(package: str) -> list[Any]:
    """Import the public sub-packages of a package, sorted by name."""
    root = importlib.import_module(package)
    names = sorted(
        info.name
        for info in pkgutil.walk_packages(root.__path__, prefix=f"{package}.")
        if not any(part.startswith("_") for part in info.name.split("."))
    )
    modules = [importlib.import_module(name) for name in names]
    return [module for module in modules if getattr(module, "__all__", None)]


def own_members(cls: type, package: str) -> tuple[list[str], list[str]]:
    """Find the methods and properties that the package itself wrote."""
    methods, properties = [], []
    for name, member in inspect.getmembers(cls):
        if name.startswith("_") and not (
            name == "__call__" and "__call__" in vars(cls)
        ):
            continue
        target = member.fget if isinstance(member, property) else member
        if not (getattr(target, "__module__", None) or "").startswith(package):
            continue
        if isinstance(member, property):
            properties.append(name)
        elif inspect.isroutine(member):
            methods.append(name)
    return methods, properties


def summary(item: Any) -> str:
    """Give the first line of a docstring."""
    return (inspect.getdoc(item) or "").split("\n", 1)[0]


def class_page(module: str, name: str, cls: type, package: str) -> list[str]:
    """Write the page of a class: itself, a table of methods, the methods."""
    methods, properties = own_members(cls, package)
    lines = [f".. autoclass:: {name}", ""]
    members = [(m, "meth") for m in methods] + [(p, "attr") for p in properties]
    if members:
        lines += [".. rubric:: Methods", "", ".. list-table::", "   :widths: 1 2", ""]
        for member, role in members:
            label = f":{role}:`~{module}.{name}.{member}`"
            lines += [f"   * - {label}", f"     - {summary(getattr(cls, member))}"]
        lines += [""]
    inherited = [f"``{m}``" for m in INHERITED if hasattr(cls, m) and m not in methods]
    if inherited:
        lines += [f"Inherited from scikit-learn: {', '.join(inherited)}.", ""]
    for member in methods:
        lines += [f".. automethod:: {name}.{member}", ""]
    for member in properties:
        lines += [f".. autoproperty:: {name}.{member}", ""]
    return lines


def page(module: str, name: str, item: Any, package: str) -> str:
    """Write the page of one public name."""
    lines = [name, "=" * len(name), "", f".. currentmodule:: {module}", ""]
    if inspect.isclass(item):
        lines += class_page(module, name, item, package)
    elif inspect.isroutine(item):
        lines += [f".. autofunction:: {name}", ""]
    else:
        lines += [f".. autodata:: {name}", "   :no-value:", ""]
    # Empty until an example of the gallery uses the name.
    lines += [
        f".. minigallery:: {module}.{name}",
        "   :add-heading: Examples of the gallery",
        "   :heading-level: -",
        "",
    ]
    return "\n".join(lines)


def table(module: Any) -> list[str]:
    """Write the section of one sub-package for the index."""
    name = module.__name__
    lines = [name, "-" * len(name), "", f".. py:module:: {name}", ""]
    lines += [(inspect.getdoc(module) or "").strip(), ""]
    lines += [".. list-table::", "   :widths: 2 3", "   :class: api-table", ""]
    for public in module.__all__:
        item = getattr(module, public)
        text = summary(item) if callable(item) else ""
        lines += [f"   * - :obj:`~{name}.{public}`", f"     - {text}"]
    pages = [f"   generated/{name}.{public}" for public in module.__all__]
    # The caption heads its pages in the side bar.
    options = ["   :hidden:", f"   :caption: {name.removeprefix('skastro.')}"]
    return [*lines, "", ".. toctree::", *options, "", *pages, ""]


def write_pages(source: Path, package: str = "skastro") -> list[Path]:
    """Write all pages below a folder, touching only what changed.

    Parameters
    ----------
    source : Path
        Folder of the documentation.
    package : str
        What is documented.

    Returns
    -------
    list of Path
        The files.
    """
    folder = source / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    texts = {}
    index: list[str] = []
    for module in public_modules(package):
        index += table(module)
        for public in module.__all__:
            item = getattr(module, public)
            text = page(module.__name__, public, item, package)
            texts[folder / f"{module.__name__}.{public}.rst"] = text
    texts[folder / "index.inc"] = "\n".join(index)
    for stale in set(folder.glob("*.rst")) - set(texts):
        stale.unlink()
    for path, text in texts.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    return sorted(texts)


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages as soon as Sphinx is set up."""
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir)) and None)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

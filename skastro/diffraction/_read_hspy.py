"""Reader of HyperSpy's files, which are plain HDF5."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from skastro.diffraction._diffraction_scan import (
    DiffractionScan,
    angstroms,
    check_stack,
    reciprocal_of,
)
from skastro.utils import import_optional
from skastro.utils._unpack import most_bytes

# Pixels whose sides differ by more than this are not square.
_SQUARE = 1e-3

# Deeper groups are no metadata that a person wrote.
_DEEPEST = 12


class LazyPatterns:
    """Patterns in an HDF5 file, read slice by slice.

    The file is opened for each slice only: nothing needs to be closed, and it can be
    pickled and sent to workers.

    Parameters
    ----------
    path : Path
        The file.
    key : str
        Of the data set in it.
    shape : tuple of int
        Of the data.
    dtype : dtype
        Of the data.
    """

    def __init__(
        self, path: Path, key: str, shape: tuple[int, ...], dtype: np.dtype
    ) -> None:
        self.path = path
        self.key = key
        self.shape = shape
        self.dtype = dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        h5py = import_optional("h5py", extra="hdf5")
        with h5py.File(self.path, "r") as file:
            try:
                return file[self.key][index]
            except (OSError, KeyError) as error:
                raise ValueError(f"{self.path.name} is damaged: {error}") from error

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("Patterns in a file cannot be had without a copy.")
        return np.asarray(self[()], dtype=dtype)

    def __repr__(self) -> str:
        return f"<{self.path.name}: {self.dtype} patterns of shape {self.shape}>"


def read_hspy(
    path: str | Path, *, experiment: str | None = None, lazy: bool = False
) -> DiffractionScan:
    """Read diffraction patterns from a HyperSpy file (``.hspy``, ``.hdf5``).

    It needs h5py, the extra ``hdf5``, but not HyperSpy. Other formats are read with
    RosettaSciIO or any other reader: the estimators take arrays.

    Parameters
    ----------
    path : str or Path
        The file.
    experiment : str, default=None
        Name of the data set, for files with several. None takes the only one whose
        signals are images.
    lazy : bool, default=False
        Whether the patterns stay in the file until a slice of ``data`` is taken.

    Returns
    -------
    DiffractionScan
        Patterns with their scale in 1/Å per pixel and their step in nm, from whatever
        units the file has. ``metadata`` has ``"title"``, ``"axes"`` as they are in the
        file, and its metadata tree.

    Raises
    ------
    ImportError
        If h5py is not installed.
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it is no such file, is truncated or damaged, has no images, or has several
        data sets with images and no ``experiment`` is given; and if pixels are not
        square.

    Examples
    --------
    >>> import h5py, os, tempfile
    >>> from skastro.diffraction import read_hspy
    >>> path = os.path.join(tempfile.mkdtemp(), "scan.hspy")
    >>> with h5py.File(path, "w") as file:
    ...     group = file.create_group("Experiments/scan")
    ...     group["data"] = [[[0, 1], [2, 3]]] * 5
    ...     for i, (size, unit) in enumerate([(5, "nm"), (2, "1/nm"), (2, "1/nm")]):
    ...         axis = dict(size=size, scale=0.2, units=unit, navigate=i == 0)
    ...         group.create_group(f"axis-{i}").attrs.update(axis)
    >>> scan = read_hspy(path)
    >>> scan.data.shape, scan.scale, scan.step
    ((5, 2, 2), 0.02, (0.2,))
    """
    h5py = import_optional("h5py", extra="hdf5")
    path = Path(path)
    with path.open("rb") as raw:
        raw.read(1)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(
            f"{path.name} is no HDF5 file, or it is truncated: {error}"
        ) from error
    with file:
        try:
            return _read(h5py, file, path, experiment, lazy)
        except (OSError, KeyError, RuntimeError, TypeError) as error:
            raise ValueError(f"{path.name} is damaged: {error}") from error


def _read(
    h5py: Any, file: Any, path: Path, experiment: str | None, lazy: bool
) -> DiffractionScan:
    """Read an open file."""
    experiments = file.get("Experiments")
    if not isinstance(experiments, h5py.Group) or not len(experiments):
        raise ValueError(f"{path.name} is no HyperSpy file: it has no Experiments.")
    axes = {
        name: _axes(h5py, group, path)
        for name, group in experiments.items()
        if isinstance(group, h5py.Group)
        and isinstance(group.get("data"), h5py.Dataset)
        and (experiment is None or name == experiment)
    }
    images = [name for name, a in axes.items() if _is_image(a)]
    if len(images) != 1:
        what = "several experiments with" if images else "no experiment with"
        which = "" if experiment is None else f" of the name {experiment!r}"
        raise ValueError(
            f"{path.name} has {what} images{which}; its experiments are "
            f"{sorted(experiments)}. Images have two signal axes, the last ones."
        )
    name = images[0]
    group = experiments[name]
    data = group["data"]
    check_stack(data, path.name)
    sizes = tuple(axis.get("size") for axis in axes[name])
    if sizes != data.shape:
        raise ValueError(
            f"{path.name} has data of shape {data.shape}, but axes of {sizes}."
        )
    if not lazy and data.nbytes > most_bytes(path.stat().st_size):
        raise ValueError(
            f"{path.name} announces {data.nbytes} bytes of patterns, which would fill "
            "the memory and cannot be in a file of this size. If they are nearly all "
            "zero, read them with lazy=True."
        )
    signal, navigation = axes[name][-2:], axes[name][:-2]
    tree = group.get("metadata")
    metadata = _tree(h5py, tree) if isinstance(tree, h5py.Group) else {}
    general = metadata.get("General")
    title = general.get("title") if isinstance(general, dict) else None
    metadata = {"title": title or name, "axes": axes[name], **metadata}
    key = f"/Experiments/{name}/data"
    lazily = LazyPatterns(path.absolute(), key, data.shape, data.dtype)
    return DiffractionScan(
        data=lazily if lazy else data[()],
        scale=_scale(signal, path),
        navigation_shape=tuple(int(s) for s in data.shape[:-2]),
        step=_step(navigation),
        metadata=metadata,
    )


def _axes(h5py: Any, group: Any, path: Path) -> list[dict[str, Any]]:
    """List the axes of an experiment in the order of its array."""
    numbers = sorted(
        int(name[5:])
        for name in group
        if name.startswith("axis-") and name[5:].isdecimal()
    )
    if numbers != list(range(len(numbers))):
        raise ValueError(f"{path.name} has axes {numbers}, of which some are missing.")
    return [_attributes(h5py, group[f"axis-{i}"]) for i in numbers]


def _is_image(axes: list[dict[str, Any]]) -> bool:
    """Say whether the last two axes, and no others, are those of the signal."""
    signal = [not axis.get("navigate", False) for axis in axes]
    return len(signal) >= 2 and all(signal[-2:]) and not any(signal[:-2])


def _scale(signal: list[dict[str, Any]], path: Path) -> float | None:
    """Give the scale of the signal axes in 1/Å per pixel, None if not known."""
    scales = []
    for axis in signal:
        unit = reciprocal_of(str(axis.get("units", "")))
        scale = _positive(axis.get("scale"))
        if unit is None or scale is None:
            return None
        scales.append(scale / unit)
    if abs(scales[0] / scales[1] - 1) > _SQUARE:
        raise ValueError(
            f"{path.name} has pixels of {scales[0]:.5g} x {scales[1]:.5g} 1/Å, which "
            "are not square: resample the patterns first."
        )
    return sum(scales) / 2


def _step(navigation: list[dict[str, Any]]) -> tuple[float, ...] | None:
    """Give the steps of the scan in nm, None if one is not known."""
    steps = []
    for axis in navigation:
        unit = angstroms(str(axis.get("units", "")))
        scale = _positive(axis.get("scale"))
        if unit is None or scale is None:
            return None
        steps.append(scale * unit / 10)
    return tuple(steps)


def _positive(value: Any) -> float | None:
    """Give a number if it is positive and finite, else None."""
    good = isinstance(value, (int, float)) and math.isfinite(value) and value > 0
    return float(value) if good else None


def _tree(h5py: Any, group: Any, depth: int = 0) -> dict[str, Any]:
    """Give attributes and sub-groups as nested dictionaries of plain values."""
    values = _attributes(h5py, group)
    if depth < _DEEPEST:
        for name, item in group.items():
            if isinstance(item, h5py.Group):
                values[name] = _tree(h5py, item, depth + 1)
    return values


def _attributes(h5py: Any, group: Any) -> dict[str, Any]:
    """Give attributes as plain values; others are left out."""
    values = {}
    for name in group.attrs:
        value = group.attrs[name]
        if isinstance(value, np.generic):
            value = value.item()
        elif isinstance(value, np.ndarray) and value.ndim == 1 and value.size < 1000:
            value = value.tolist()
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if isinstance(value, h5py.Empty) or value == "_None_":
            value = None
        if value is None or isinstance(value, (bool, int, float, str, list)):
            values[str(name)] = value
    return values

"""The thesis's rule for the memory of a training."""

from __future__ import annotations

from skastro.utils._real_array import real_array

_MOST = 1e100


def training_memory(n_units: int, batch_size: int, n_parameters: int) -> float:
    """Estimate the memory that training a net needs.

    The rule of the diffraction thesis: eight bytes for each value of a forward pass
    (itself and its gradient, in single precision) and for each parameter. Slots of the
    optimiser and the training data come on top.

    Parameters
    ----------
    n_units : int
        Values that a forward pass holds for one image, as
        ``DiffractionThesisNet.n_units`` counts them.
    batch_size : int
        Images in a batch.
    n_parameters : int
        Weights and biases of the net.

    Returns
    -------
    float
        In GB (10⁹ bytes).

    Examples
    --------
    >>> from skastro.diffraction import training_memory
    >>> round(training_memory(6_273_542, 128, 102_958_822), 2)
    7.25
    """
    sizes = {
        "n_units": n_units,
        "batch_size": batch_size,
        "n_parameters": n_parameters,
    }
    for name, size in sizes.items():
        size = real_array(size, name).item()
        if not 0 <= size < _MOST:
            raise ValueError(f"{name} must be from 0 to 1e100, got {size}.")
    # NumPy's small integers would overflow without a word.
    n_units, batch_size = int(n_units), int(batch_size)
    n_parameters = int(n_parameters)
    return (n_units * batch_size + n_parameters) * 8e-9

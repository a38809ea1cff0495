"""Erasing a found template from polar images."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from skastro.diffraction._library import Candidates, TemplateLibrary


def erase_template(
    library: TemplateLibrary,
    polar: Tensor,
    found: Candidates,
    threshold: float,
    rank: int = 0,
) -> Tensor:
    """Set the bins to zero in which a found template is bright.

    Parameters
    ----------
    library : TemplateLibrary
        Whose templates were found.
    polar : Tensor of shape (n, n_rings, n_azimuths)
        Fourth roots of the images on the rings.
    found : Candidates
        Of each image.
    threshold : float
        Share of the template's intensity above which a bin is erased.
    rank : int, default=0
        Which candidate.

    Returns
    -------
    Tensor, same shape
        What is left.
    """
    n_azimuths = library.grid.n_azimuths
    template = library.polar[found.zone[:, rank]]
    azimuth = torch.arange(n_azimuths)
    shift = torch.from_numpy(
        np.rint(found.angle[:, rank] / (2 * np.pi) * n_azimuths).astype(int)
    )
    sign = torch.from_numpy(np.where(found.mirrored[:, rank], -1, 1))
    # A turned template has at azimuth a what the plain one has at a - angle.
    source = ((azimuth - shift[:, None]) * sign[:, None]) % n_azimuths
    source = source[:, None, :].expand(-1, template.shape[1], -1)
    turned = template.gather(2, source)
    limit = turned.amax(dim=(1, 2), keepdim=True) * threshold**0.25
    return torch.where(turned > limit, 0.0, polar)

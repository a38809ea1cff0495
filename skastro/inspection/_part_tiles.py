"""Parts as tiles of one picture."""

from __future__ import annotations

import numpy as np

# Empty pixels between the views of a part.
_GAP = 1


def projections(volume: np.ndarray) -> np.ndarray:
    """Put the three summed projections of a volume side by side, as a drawing has them.

    Parameters
    ----------
    volume : ndarray of shape (d, h, w)
        The part.

    Returns
    -------
    ndarray of shape (h + 1 + d, w + 1 + d)
        Top left the sum over axis 0, (h, w); below it that over axis 1, (d, w); to its
        right that over axis 2, (h, d). NaN elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.inspection._part_tiles import projections
    >>> projections(np.ones((1, 2, 3)))
    array([[ 1.,  1.,  1., nan,  3.],
           [ 1.,  1.,  1., nan,  3.],
           [nan, nan, nan, nan, nan],
           [ 2.,  2.,  2., nan, nan]])
    """
    d, h, w = volume.shape
    out = np.full((h + _GAP + d, w + _GAP + d), np.nan)
    out[:h, :w] = volume.sum(axis=0)
    out[h + _GAP :, :w] = volume.sum(axis=1)
    out[:h, w + _GAP :] = volume.sum(axis=2).T
    return out


def strip(volume: np.ndarray) -> np.ndarray:
    """Put the layers of a volume side by side.

    Parameters
    ----------
    volume : ndarray of shape (d, h, w)
        The part.

    Returns
    -------
    ndarray of shape (h, d * (w + 1) - 1)
        Layer 0 on the left; a column of NaN between two.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.inspection._part_tiles import strip
    >>> strip(np.arange(4.0).reshape(2, 2, 1))
    array([[ 0., nan,  2.],
           [ 1., nan,  3.]])
    """
    d, h, w = volume.shape
    out = np.full((h, d * (w + _GAP) - _GAP), np.nan)
    for k, layer in enumerate(volume):
        out[:, k * (w + _GAP) : k * (w + _GAP) + w] = layer
    return out


def as_tile(image: np.ndarray, view: str) -> np.ndarray:
    """Give the picture of one part.

    Parameters
    ----------
    image : ndarray with one, two or three axes
        The part.
    view : {"projections", "strip"}
        How a volume is shown. Images are shown as they are, rows as one line.

    Returns
    -------
    ndarray of shape (height, width)
        The tile; NaN where there is nothing to see.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.inspection._part_tiles import as_tile
    >>> as_tile(np.ones((10, 12, 12)), "projections").shape
    (23, 23)
    >>> as_tile(np.ones(5), "projections").shape
    (1, 5)
    """
    if image.ndim == 3:
        return projections(image) if view == "projections" else strip(image)
    return np.atleast_2d(np.asarray(image, dtype=np.float64))


def mosaic(
    tiles: list[np.ndarray], n_columns: int, head: int, gap: int
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Put equal tiles on a grid, with room for a line of text above each.

    Parameters
    ----------
    tiles : list of ndarray of shape (height, width)
        In the order of reading.
    n_columns : int
        Tiles of a line.
    head : int
        Empty rows above each tile.
    gap : int
        Empty columns between two.

    Returns
    -------
    picture : ndarray
        NaN where no tile is.
    corners : list of (row, column)
        Of the top left pixel of each tile.

    Examples
    --------
    >>> import numpy as np
    >>> from skastro.inspection._part_tiles import mosaic
    >>> picture, corners = mosaic([np.ones((2, 2))] * 3, n_columns=2, head=1, gap=1)
    >>> picture.shape, corners
    ((6, 5), [(1, 0), (1, 3), (4, 0)])
    """
    height, width = tiles[0].shape
    n_columns = min(n_columns, len(tiles))
    n_lines = -(-len(tiles) // n_columns)
    picture = np.full(
        (n_lines * (height + head), n_columns * (width + gap) - gap), np.nan
    )
    corners = []
    for k, tile in enumerate(tiles):
        line, column = divmod(k, n_columns)
        top, left = line * (height + head) + head, column * (width + gap)
        picture[top : top + height, left : left + width] = tile
        corners.append((top, left))
    return picture, corners

"""Values at samples from those at the nodes of the fine lattice of a placement."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.geometry.coregistration import FINE_LINE_STEP, FINE_PIXEL_STEP
from s1card.window import Window

Floats = NDArray[np.float64]


def at_samples(
    layer: Floats, first: tuple[int, int], window: Window, block: tuple[int, int] = (1, 1)
) -> Floats:
    """A layer at the samples of a window, or in the middle of blocks of samples; bilinear.

    Args:
        layer: Values at nodes, rows x cols; they must surround the window.
        first: Index of the first node, as in a placement.
        window: Of samples, or of blocks.
        block: Lines and pixels of a block.
    """
    out = np.empty(window.shape)
    _at_samples(layer, first, (window.row, window.col), block, out)
    return out


@njit(cache=True, nogil=True)
def _at_samples(
    layer: Floats, first: tuple[int, int], corner: tuple[int, int], block: tuple[int, int], out: Floats
) -> None:
    node = np.empty(layer.shape[1])
    index, weight = np.empty(out.shape[1], np.int64), np.empty(out.shape[1])
    for k in range(out.shape[1]):
        x = ((corner[1] + k + 0.5) * block[1] - 0.5) / FINE_PIXEL_STEP - first[1]
        index[k] = min(max(int(x), 0), layer.shape[1] - 2)
        weight[k] = x - index[k]
    for i in range(out.shape[0]):
        y = ((corner[0] + i + 0.5) * block[0] - 0.5) / FINE_LINE_STEP - first[0]
        r = min(max(int(y), 0), layer.shape[0] - 2)
        w = y - r
        for j in range(node.size):
            node[j] = layer[r, j] + w * (layer[r + 1, j] - layer[r, j])
        for k in range(out.shape[1]):
            j = index[k]
            out[i, k] = node[j] + weight[k] * (node[j + 1] - node[j])

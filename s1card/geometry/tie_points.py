"""Values annotated at tie points of the radar image, everywhere in between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TiePoints:
    """A quantity at ``line`` (n) x ``pixel`` (m), both increasing; interpolated bilinearly."""

    line: Floats
    pixel: Floats
    value: Floats

    def evaluate(self, line: Floats, pixel: Floats) -> Floats32:
        """Values at fractional lines and pixels (2-D); goes on straight beyond the outer points; NaN gives NaN."""
        out = np.empty(line.shape, np.float32)
        _interpolate(self.line, self.pixel, self.value, line, pixel, out)
        return out


@njit(cache=True, nogil=True)
def _cell(nodes: Floats, x: float) -> int:
    low, high = 0, nodes.size - 2
    while low < high:
        middle = (low + high + 1) // 2
        if nodes[middle] <= x:
            low = middle
        else:
            high = middle - 1
    return low


@njit(cache=True, nogil=True)
def _interpolate(
    node_line: Floats, node_pixel: Floats, value: Floats, line: Floats, pixel: Floats, out: Floats32
) -> None:
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            y, x = line[i, j], pixel[i, j]
            if not (y == y and x == x):
                out[i, j] = np.nan
                continue
            r, c = _cell(node_line, y), _cell(node_pixel, x)
            wy = (y - node_line[r]) / (node_line[r + 1] - node_line[r])
            wx = (x - node_pixel[c]) / (node_pixel[c + 1] - node_pixel[c])
            top = value[r, c] + wx * (value[r, c + 1] - value[r, c])
            bottom = value[r + 1, c] + wx * (value[r + 1, c + 1] - value[r + 1, c])
            out[i, j] = top + wy * (bottom - top)

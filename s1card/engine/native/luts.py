"""Annotated look-up tables, ready to be evaluated over windows.

A table is a set of vectors along range at certain lines. Each vector is interpolated linearly to every pixel once;
a window then interpolates linearly between the two vectors that enclose its lines. Both extrapolate at their ends,
as SNAP does. Values are float32, arithmetic is float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.window import Window

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class RangeVectors:
    """Vectors along range.

    Attributes:
        line: n lines, increasing.
        value: n x pixels, float32.
    """

    line: Floats
    value: Floats32

    def evaluate(self, window: Window) -> Floats32:
        """Values over a window of the scene."""
        out = np.empty(window.shape, np.float32)
        _between_vectors(self.line, self.value, window.row, window.col, out)
        return out


def range_vectors(
    lines: Sequence[float], nodes: Sequence[NDArray[np.int64]], values: Sequence[Floats32], pixels: int
) -> RangeVectors:
    """Spread vectors given at nodes to all pixels.

    Args:
        lines: Line of each vector, increasing.
        nodes: Pixel of each value of each vector, increasing.
        values: The vectors.
        pixels: Width of the scene.
    """
    dense = np.stack([interpolate_linear(n, v, pixels) for n, v in zip(nodes, values, strict=True)])
    return RangeVectors(np.asarray(lines, np.float64), dense)


def interpolate_linear(nodes: NDArray[np.int64], values: Floats32, count: int) -> Floats32:
    """Linear interpolation to 0 .. count - 1 that goes on straight beyond the outer nodes; one node: constant."""
    out = np.empty(count, np.float32)
    _interpolate(nodes.astype(np.float64), values.astype(np.float64), out)
    return out


@njit(cache=True, nogil=True)
def _interpolate(nodes: Floats, values: Floats, out: Floats32) -> None:
    j = 0
    for i in range(out.size):
        if nodes.size == 1:
            out[i] = values[0]
            continue
        while j < nodes.size - 2 and i >= nodes[j + 1]:
            j += 1
        weight = (i - nodes[j]) / (nodes[j + 1] - nodes[j])
        out[i] = values[j] + weight * (values[j + 1] - values[j])


@njit(cache=True, nogil=True)
def _between_vectors(line: Floats, value: Floats32, row: int, col: int, out: Floats32) -> None:
    for i in range(out.shape[0]):
        j = 0
        while j < line.size - 2 and row + i >= line[j + 1]:
            j += 1
        if line.size == 1:
            for k in range(out.shape[1]):
                out[i, k] = value[0, col + k]
            continue
        weight = np.float32((row + i - line[j]) / (line[j + 1] - line[j]))
        for k in range(out.shape[1]):
            first = value[j, col + k]
            out[i, k] = first + weight * (value[j + 1, col + k] - first)

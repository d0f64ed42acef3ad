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

    def calibrated(self, power: Floats32, window: Window) -> Floats32:
        """Power of a window of the scene divided by the square of the values."""
        out = np.empty(window.shape, np.float32)
        _divide_by_squares(self.line, self.value, window.row, window.col, power, out)
        return out

    def fill(self, out: Floats32, window: Window, part: Window, factor: Floats32) -> None:
        """Write the values of a part, times a factor for each of its lines, into the samples of a window."""
        lines, pixels = part.slices_in(window)
        _scale(self.line, self.value, part.row, part.col, factor, out[lines], pixels.start, part.cols)


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


@njit(cache=True, nogil=True, inline="always")
def _bracket(line: Floats, row: int) -> tuple[int, int, np.float32]:
    """The vectors before and after a line, and the weight of the second."""
    if line.size == 1:
        return 0, 0, np.float32(0.0)
    j = 0
    while j < line.size - 2 and row >= line[j + 1]:
        j += 1
    return j, j + 1, np.float32((row - line[j]) / (line[j + 1] - line[j]))


@njit(cache=True, nogil=True)
def _between_vectors(line: Floats, value: Floats32, row: int, col: int, out: Floats32) -> None:
    for i in range(out.shape[0]):
        before, after, weight = _bracket(line, row + i)
        first, second = value[before, col:], value[after, col:]
        for k in range(out.shape[1]):
            out[i, k] = first[k] + weight * (second[k] - first[k])


@njit(cache=True, nogil=True)
def _divide_by_squares(
    line: Floats, value: Floats32, row: int, col: int, power: Floats32, out: Floats32
) -> None:
    for i in range(out.shape[0]):
        before, after, weight = _bracket(line, row + i)
        first, second = value[before, col:], value[after, col:]
        for k in range(out.shape[1]):
            factor = first[k] + weight * (second[k] - first[k])
            out[i, k] = power[i, k] / (factor * factor)


@njit(cache=True, nogil=True)
def _scale(
    line: Floats,
    value: Floats32,
    row: int,
    col: int,
    factor: Floats32,
    out: Floats32,
    begin: int,
    count: int,
) -> None:
    """Values from (row, col) on, times a factor, into ``count`` samples of each line from ``begin`` on."""
    for i in range(factor.size):
        before, after, weight = _bracket(line, row + i)
        first, second, here = value[before, col:], value[after, col:], out[i, begin:]
        for k in range(count):
            here[k] = (first[k] + weight * (second[k] - first[k])) * factor[i]

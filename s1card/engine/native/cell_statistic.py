"""A number that describes the surroundings of every sample, such as a percentile, without seams.

A raster is cut into cells, a number is found for each, and between the centres of cells they are interpolated. Cells
lie where they lie, whatever window is asked for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from s1card.chunk_cache import ChunkCache
from s1card.window import Window

Floats = NDArray[np.float64]
Read = Callable[[Window], NDArray[np.float32]]
Statistic = Callable[[NDArray[np.float32]], float]

CELL = 512
"""Edge of a cell, about, samples."""

KEPT = 1 << 20


class CellStatistic:
    """A number per cell of a raster, found when it is first needed; thread safe."""

    def __init__(self, shape: tuple[int, int], read: Read, statistic: Statistic) -> None:
        self._read, self._statistic = read, statistic
        self._rows, self._cols = _edges(shape[0]), _edges(shape[1])
        self._cells = ChunkCache(self._make, KEPT)

    def evaluate(self, window: Window) -> Floats:
        """Numbers of the samples of a window, NaN where no cell near has samples."""
        rows = _Between(self._rows, np.arange(window.row, window.row_end))
        cols = _Between(self._cols, np.arange(window.col, window.col_end))
        total, weight = np.zeros(window.shape), np.zeros(window.shape)
        for row in rows.cells:
            for col in cols.cells:
                value = float(self._cells.get((row, col))[0])
                if np.isfinite(value):
                    share = np.outer(rows.weight(row), cols.weight(col))
                    total += share * value
                    weight += share
        out = np.full(window.shape, np.nan)
        np.divide(total, weight, out=out, where=weight > 0.0)
        return out

    def _make(self, key: tuple[int, int]) -> Floats:
        (row, row_end), (col, col_end) = self._rows[key[0] : key[0] + 2], self._cols[key[1] : key[1] + 2]
        samples = self._read(Window(int(row), int(col), int(row_end - row), int(col_end - col)))
        held = samples[np.isfinite(samples)]
        return np.array([self._statistic(held) if held.size else np.nan])


class _Between:
    """Weights of cells along one axis, for some samples."""

    def __init__(self, edges: NDArray[np.int64], samples: NDArray[np.int64]) -> None:
        centres = (edges[:-1] + edges[1:] - 1) / 2.0
        self._place = np.interp(samples, centres, np.arange(centres.size))
        first, last = int(np.floor(self._place[0])), int(np.ceil(self._place[-1]))
        self.cells = range(first, last + 1)

    def weight(self, cell: int) -> Floats:
        return np.maximum(0.0, 1.0 - np.abs(self._place - cell))


def _edges(size: int) -> NDArray[np.int64]:
    """First samples of cells of nearly one size, and the end."""
    count = max(1, round(size / CELL))
    return np.array([size * k // count for k in range(count + 1)])

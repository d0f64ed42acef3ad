"""Overviews that grow while the tiles of the full resolution arrive, in any order."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.raster.sink import TILE, BandSpec

Emit = Callable[[int, int, int, NDArray[Any] | None], None]
"""Takes level, tile row, tile column and the finished tile (None if it holds nothing but nodata)."""


def level_shapes(shape: tuple[int, int], tile: int = TILE) -> list[tuple[int, int]]:
    """Sizes of the full resolution (level 0) and of its overviews, until one fits into a tile."""
    shapes = [shape]
    while max(shapes[-1]) > tile:
        rows, cols = shapes[-1]
        shapes.append((-(-rows // 2), -(-cols // 2)))
    return shapes


@njit(cache=True, nogil=True)
def _valid_sum(tile: NDArray[Any], row: int, col: int, nodata: float) -> tuple[float, int]:
    """Sum of the valid samples of up to 2 x 2 from ``row`` and ``col`` on, and their number."""
    total, count = 0.0, 0
    for source_row in range(row, min(row + 2, tile.shape[0])):
        for source_col in range(col, min(col + 2, tile.shape[1])):
            value = np.float64(tile[source_row, source_col])
            if math.isfinite(value) and value != nodata:
                total += value
                count += 1
    return total, count


@njit(cache=True, nogil=True)
def _sum_of_four(tile: NDArray[Any], row: int, col: int, nodata: float) -> float:
    """Sum of 2 x 2 samples, not finite if there are fewer or one is invalid: three times as fast."""
    if row + 1 == tile.shape[0] or col + 1 == tile.shape[1]:
        return math.nan
    first, second = np.float64(tile[row, col]), np.float64(tile[row, col + 1])
    third, fourth = np.float64(tile[row + 1, col]), np.float64(tile[row + 1, col + 1])
    if nodata in (first, second, third, fourth):
        return math.nan
    return first + second + third + fourth


@njit(cache=True, nogil=True)
def _average(tile: NDArray[Any], nodata: float, rounded: bool, out: NDArray[Any]) -> None:
    for row in range(0, tile.shape[0], 2):
        for col in range(0, tile.shape[1], 2):
            total, count = _sum_of_four(tile, row, col, nodata), 4
            if not math.isfinite(total):
                total, count = _valid_sum(tile, row, col, nodata)
            if count:
                mean = total / count
                out[row // 2, col // 2] = np.rint(mean) if rounded else mean


def halve(tile: NDArray[Any], size: tuple[int, int], band: BandSpec, out: NDArray[Any]) -> None:
    """Put the upper left ``size`` samples of a tile, at half the resolution, into ``out``.

    A sample is the mean of the valid ones (finite and not nodata) of its 2 x 2 samples, rounded to
    even for integers, or the top left one for ``nearest``. Without a valid one ``out`` stays as it
    is: filled with nodata.

    Args:
        tile: C-contiguous samples.
        size: Rows and columns of the tile that lie inside the raster.
        band: Says how.
        out: Room for half of ``size``, rounded up.
    """
    rows, cols = size
    if band.overview == "nearest":
        part = tile[:rows:2, :cols:2]
        out[: part.shape[0], : part.shape[1]] = part
        return
    nodata = math.nan if band.nodata is None else band.nodata
    _average(tile[:rows, :cols], nodata, tile.dtype.kind != "f", out)


@dataclass
class _Partial:
    """An overview tile that still waits for some of its children."""

    waiting: int
    data: NDArray[Any] | None = field(default=None)


class Pyramid:
    """Makes overview tiles as soon as the four tiles below them are there.

    What is kept in memory are the tiles along the front of what has arrived: for tiles in rows
    about two rows of overview tiles. The result does not depend on the order.

    Args:
        shape: Rows and columns of the full resolution.
        band: Type, nodata and kind of overview.
        emit: Called with each finished overview tile, by the thread that brought the last child.
        tile: Side of a tile.
    """

    def __init__(self, shape: tuple[int, int], band: BandSpec, emit: Emit, tile: int = TILE) -> None:
        self.shapes = level_shapes(shape, tile)
        self._band = band
        self._emit = emit
        self._tile = tile
        self._partial: dict[tuple[int, int, int], _Partial] = {}
        self._lock = threading.Lock()

    @property
    def pending(self) -> int:
        """Number of overview tiles that wait in memory."""
        return len(self._partial)

    def add(self, row: int, col: int, data: NDArray[Any] | None) -> None:
        """Take a tile of the full resolution and hand on every overview tile that it completes.

        Args:
            row, col: Place among the tiles.
            data: The whole tile, C-contiguous; None if it holds nothing but nodata.
        """
        for level in range(1, len(self.shapes)):
            self._place(level, row, col, data)
            finished, data = self._pop(level, row // 2, col // 2)
            if not finished:
                return
            row, col = row // 2, col // 2
            self._emit(level, row, col, data)

    def _place(self, level: int, row: int, col: int, data: NDArray[Any] | None) -> None:
        """Halve a tile of ``level - 1`` into its quarter of the tile above it."""
        with self._lock:
            key = level, row // 2, col // 2
            partial = self._partial.setdefault(key, _Partial(self._children(*key)))
            if data is None:
                return
            if partial.data is None:
                partial.data = np.full((self._tile, self._tile), self._band.fill, data.dtype)
            target = partial.data
        rows, cols = self.shapes[level - 1]
        size = min(self._tile, rows - row * self._tile), min(self._tile, cols - col * self._tile)
        half = self._tile // 2
        top, left = half * (row % 2), half * (col % 2)
        halve(data, size, self._band, target[top : top + half, left : left + half])

    def _pop(self, level: int, row: int, col: int) -> tuple[bool, NDArray[Any] | None]:
        """Count a child as arrived; the tile if it was the last."""
        with self._lock:
            partial = self._partial[level, row, col]
            partial.waiting -= 1
            if partial.waiting:
                return False, None
            return True, self._partial.pop((level, row, col)).data

    def _children(self, level: int, row: int, col: int) -> int:
        rows, cols = (-(-size // self._tile) for size in self.shapes[level - 1])
        return min(2, rows - 2 * row) * min(2, cols - 2 * col)

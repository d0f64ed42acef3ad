"""Tiles of layers that are dear to compute, made once and kept while they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.chunk_cache import ChunkCache
from s1card.window import Window

Layers = NDArray[Any]
Make = Callable[[Window], Layers]

TILE_ROWS, TILE_COLS = 128, 2048


@dataclass(frozen=True, eq=False)
class Tiling:
    """How a raster is cut into tiles: never across a multiple of ``period`` rows (the lines of a burst).

    Tiles lie where they lie whatever window is read, so that values cannot depend on how the work is cut.
    """

    shape: tuple[int, int]
    period: int
    rows: int = TILE_ROWS
    cols: int = TILE_COLS

    @property
    def per_period(self) -> int:
        """Rows of tiles in one period."""
        return -(-self.period // self.rows)

    @property
    def across(self) -> int:
        """Columns of tiles."""
        return -(-self.shape[1] // self.cols)

    def tile(self, index: int) -> Window:
        """Window of a tile."""
        line, column = divmod(index, self.across)
        burst, k = divmod(line, self.per_period)
        row, col = burst * self.period + k * self.rows, column * self.cols
        row_end = min(row + self.rows, (burst + 1) * self.period, self.shape[0])
        return Window(row, col, row_end - row, min(self.cols, self.shape[1] - col))

    def over(self, window: Window) -> Iterator[int]:
        """Indices of the tiles that a window touches, row by row."""
        for line in range(self._line_of(window.row), self._line_of(window.row_end - 1) + 1):
            for column in range(window.col // self.cols, (window.col_end - 1) // self.cols + 1):
                yield line * self.across + column

    def _line_of(self, row: int) -> int:
        burst, within = divmod(row, self.period)
        return burst * self.per_period + within // self.rows


class TileCache:
    """Tiles of several rasters, bounded in bytes, shared by all threads."""

    def __init__(self, capacity: int) -> None:
        self._rasters: list[tuple[Tiling, Make]] = []
        self._tiles = ChunkCache(self._make, capacity)

    def add(self, tiling: Tiling, make: Make) -> Callable[[Window, int], Layers]:
        """Take a raster in, whose tiles ``make(window)`` computes: layers x rows x cols.

        Returns:
            A function that gives a window of one layer, as a new array.
        """
        self._rasters.append((tiling, make))
        raster = len(self._rasters) - 1

        def read(window: Window, layer: int) -> Layers:
            return self._read(raster, window, layer)

        return read

    def _read(self, raster: int, window: Window, layer: int) -> Layers:
        tiling = self._rasters[raster][0]
        out: Layers | None = None
        for index in self._others_work_last(raster, tiling.over(window)):
            tile, place = self._tiles.get((raster, index)), tiling.tile(index)
            if out is None:
                out = np.empty(window.shape, tile.dtype)
            part = place.intersection(window)
            out[part.slices_in(window)] = tile[layer][part.slices_in(place)]
        assert out is not None
        return out

    def _others_work_last(self, raster: int, indices: Iterable[int]) -> Iterator[int]:
        """Tiles that other threads are making come last: threads that need the same tiles share the work."""
        waiting = []
        for index in indices:
            if self._tiles.is_in_the_making((raster, index)):
                waiting.append(index)
            else:
                yield index
        yield from waiting

    def _make(self, key: tuple[int, int]) -> Layers:
        tiling, make = self._rasters[key[0]]
        return make(tiling.tile(key[1]))

"""Tiles of layers that are dear to compute, made once and kept while they are needed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
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
    """How a raster is cut into tiles: never across a multiple of ``period`` rows (the lines of a burst), nor a cut.

    Tiles lie where they lie whatever window is read, so that values cannot depend on how the work is cut.

    Attributes:
        shape: Of the raster.
        period: Rows.
        rows, cols: Of a tile, at most.
        cuts: Further rows at which tiles begin, for what is read on one side of them only.
    """

    shape: tuple[int, int]
    period: int
    rows: int = TILE_ROWS
    cols: int = TILE_COLS
    cuts: tuple[int, ...] = ()

    @cached_property
    def edges(self) -> list[int]:
        """First rows of the rows of tiles, and the end of the last one."""
        end = self.shape[0]
        borders = sorted({*range(0, end, self.period), *self.cuts, end})
        parts = [range(*span, _even_part(span[1] - span[0], self.rows)) for span in pairwise(borders)]
        return [*(row for part in parts for row in part), end]

    @property
    def across(self) -> int:
        """Columns of tiles."""
        return -(-self.shape[1] // self.cols)

    def tile(self, index: int) -> Window:
        """Window of a tile."""
        line, column = divmod(index, self.across)
        row, row_end = self.edges[line : line + 2]
        col = column * self.cols
        return Window(row, col, row_end - row, min(self.cols, self.shape[1] - col))

    def over(self, window: Window) -> Iterator[int]:
        """Indices of the tiles that a window touches, row by row."""
        first, end = bisect_right(self.edges, window.row) - 1, bisect_left(self.edges, window.row_end)
        for line in range(first, end):
            for column in range(window.col // self.cols, (window.col_end - 1) // self.cols + 1):
                yield line * self.across + column


def _even_part(size: int, most: int) -> int:
    """Size of parts that are as equal as can be, each ``most`` at most."""
    return -(-size // -(-size // most))


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

"""Lines of a scene, read once and kept while they are needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.chunk_cache import ChunkCache
from s1card.window import Window

CHUNK_LINES = 128

Samples = NDArray[Any]
ReadLines = Callable[[int, int], Samples]


class LineCache:
    """Chunks of whole lines of several rasters, bounded in bytes, shared by all threads."""

    def __init__(self, capacity: int) -> None:
        self._rasters: list[tuple[int, ReadLines]] = []
        self._chunks = ChunkCache(self._read_chunk, capacity)

    def add(self, shape: tuple[int, int], read_lines: ReadLines) -> Callable[[Window], Samples]:
        """Take a raster of ``shape`` in, whose lines ``read_lines(first, count)`` reads (count x pixels ...).

        Returns:
            A function that gives the samples of a window, as a new array.
        """
        self._rasters.append((shape[0], read_lines))
        return partial(self._read, len(self._rasters) - 1, shape[1])

    def _read(self, raster: int, pixels: int, window: Window) -> Samples:
        out: Samples | None = None
        for index in range(window.row // CHUNK_LINES, (window.row_end - 1) // CHUNK_LINES + 1):
            chunk = self._chunks.get((raster, index))
            if out is None:
                out = np.empty((*window.shape, *chunk.shape[2:]), chunk.dtype)
            place = Window(index * CHUNK_LINES, 0, chunk.shape[0], pixels)
            part = place.intersection(window)
            out[part.slices_in(window)] = chunk[part.slices_in(place)]
        assert out is not None
        return out

    def _read_chunk(self, key: tuple[int, int]) -> Samples:
        lines, read_lines = self._rasters[key[0]]
        first = key[1] * CHUNK_LINES
        return read_lines(first, min(CHUNK_LINES, lines - first))

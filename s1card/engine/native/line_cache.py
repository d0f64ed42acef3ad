"""Lines of a scene, read once and kept while they are needed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from s1card.window import Window

CHUNK_LINES = 128

Samples = NDArray[np.uint16]


class LineCache:
    """Least recently used chunks of lines of several rasters, bounded in bytes, shared by all threads.

    A chunk that two threads want is read once; the other waits.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._size = 0
        self._chunks: OrderedDict[tuple[str, int], Samples] = OrderedDict()
        self._lock = threading.Lock()
        self._reading: dict[tuple[str, int], threading.Lock] = {}

    def read(
        self, key: str, shape: tuple[int, int], window: Window, read_lines: Callable[[int, int], Samples]
    ) -> Samples:
        """Samples of a window of raster ``key`` that has ``shape``; ``read_lines(first, count)`` reads it."""
        out = np.empty(window.shape, np.uint16)
        for index in range(window.row // CHUNK_LINES, (window.row_end - 1) // CHUNK_LINES + 1):
            first = index * CHUNK_LINES
            chunk = self._chunk((key, index), first, min(CHUNK_LINES, shape[0] - first), read_lines)
            part = Window(first, 0, chunk.shape[0], shape[1]).intersection(window)
            out[part.slices_in(window)] = chunk[part.slices_in(Window(first, 0, *chunk.shape))]
        return out

    def _chunk(
        self, key: tuple[str, int], first: int, count: int, read_lines: Callable[[int, int], Samples]
    ) -> Samples:
        with self._lock:
            if key in self._chunks:
                self._chunks.move_to_end(key)
                return self._chunks[key]
            reading = self._reading.setdefault(key, threading.Lock())
        with reading:
            with self._lock:
                if key in self._chunks:
                    return self._chunks[key]
            chunk = read_lines(first, count)
            with self._lock:
                self._keep(key, chunk)
                self._reading.pop(key, None)
            return chunk

    def _keep(self, key: tuple[str, int], chunk: Samples) -> None:
        self._chunks[key] = chunk
        self._size += chunk.nbytes
        while self._size > self._capacity and len(self._chunks) > 1:
            _, dropped = self._chunks.popitem(last=False)
            self._size -= dropped.nbytes

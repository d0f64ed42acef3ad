"""Files of uncompressed samples, band after band, row after row."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.raster import disk
from s1card.raster.sink import BandSpec, as_dtype
from s1card.window import Window


class RawFile:
    """A preallocated file into which windows are written at their final place.

    Args:
        path: File to create.
        shape: Rows and columns of each plane.
        dtype: Type of the samples, with its byte order.
        planes: Number of planes.
        front: Bytes before the first plane.

    Raises:
        ResourceError: The disk has not that much room, or cannot be written.
    """

    def __init__(
        self, path: Path, shape: tuple[int, int], dtype: np.dtype[Any], *, planes: int = 1, front: bytes = b""
    ) -> None:
        self.path = path
        self._dtype = dtype
        self._cols = shape[1]
        self._plane = shape[0] * shape[1] * dtype.itemsize
        self._front = len(front)
        self._lock = threading.Lock()
        self._fd = disk.create(path, len(front) + planes * self._plane)
        disk.pwrite_all(self._fd, front, 0, path)

    def write(self, plane: int, window: Window, data: NDArray[Any], band: BandSpec) -> None:
        """Write a window of a plane; thread safe.

        Raises:
            ResourceError: The disk is full or cannot be written.
        """
        samples = np.ascontiguousarray(as_dtype(data, self._dtype, band))
        item, start = self._dtype.itemsize, self._front + plane * self._plane
        if window.cols == self._cols:
            disk.pwrite_all(
                self._fd, disk.bytes_of(samples), start + window.row * self._cols * item, self.path
            )
            return
        for row, line in enumerate(samples, window.row):
            offset = start + (row * self._cols + window.col) * item
            disk.pwrite_all(self._fd, disk.bytes_of(line), offset, self.path)

    def close(self) -> None:
        """Close the file; harmless when called again.

        Raises:
            ResourceError: The system could not keep what was written.
        """
        with self._lock:
            fd, self._fd = self._fd, -1
        if fd >= 0:
            disk.finish(fd, self.path)

    def abort(self) -> None:
        """Close the file, without a word about errors, and remove it."""
        with self._lock:
            fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
        disk.discard(self.path)

"""Tiles of float32 GeoTIFFs compressed after the floating point predictor, as our cards have them.

Compressed tiles are read as ranges of bytes and decoded here, in a third of the time that GDAL needs: it undoes
the predictor byte by byte, and copies every block through its cache.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.errors import DataError
from s1card.source import storage
from s1card.window import Window

_RUN_BYTES = 4 << 20
"""Most bytes that one request fetches; a tile that is larger comes alone."""
_GAP_BYTES = 1 << 14
"""Bytes between two tiles that are fetched along rather than asked for separately."""

_DECODERS: dict[str, Callable[..., Any]] = {
    "ZSTD": imagecodecs.zstd_decode,
    "DEFLATE": imagecodecs.deflate_decode,
}


@dataclass(frozen=True)
class Tile:
    """A tile that a window needs.

    Attributes:
        window: The part of the raster that it covers, cut at the raster's edges.
        start, size: Its bytes in the file; size is 0 where it was not written because it holds no data.
    """

    window: Window
    start: int
    size: int


class TiledFloats:
    """Reads windows of one band from compressed tiles; any number of threads may read at the same time.

    Args:
        location: The file or object.
        shape: Rows and columns of the raster.
        block: Rows and columns of a tile.
        starts, sizes: Where the bytes of each tile are, tile rows x tile columns.
        decode: Decompressor of imagecodecs.
        fill: Value of tiles that were not written.
    """

    def __init__(
        self,
        location: str,
        shape: tuple[int, int],
        block: tuple[int, int],
        starts: NDArray[np.int64],
        sizes: NDArray[np.int64],
        decode: Callable[..., Any],
        fill: float,
    ) -> None:
        self._location = location
        self._shape, self._block = shape, block
        self._starts, self._sizes = starts, sizes
        self._decode, self._fill = decode, fill
        self._own = threading.local()
        self._file = None if storage.is_remote(location) else os.open(location, os.O_RDONLY)

    def read(self, window: Window, out: NDArray[np.float32]) -> None:
        """Fill an array with the values of a window.

        Raises:
            DataError: The file ends before, or a tile cannot be decoded.
            NetworkError: The object store does not answer.
        """
        for run in _runs(self._tiles(window)):
            if not run[0].size:
                out[run[0].window.intersection(window).slices_in(window)] = self._fill
                continue
            data = self._bytes(run[0].start, run[-1].start + run[-1].size - run[0].start)
            for tile in run:
                start = tile.start - run[0].start
                self._decode_into(data[start : start + tile.size], tile, window, out)

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _tiles(self, window: Window) -> Iterator[Tile]:
        rows, cols = self._block
        whole = Window(0, 0, *self._shape)
        for i in range(window.row // rows, -(-window.row_end // rows)):
            for j in range(window.col // cols, -(-window.col_end // cols)):
                place = Window(i * rows, j * cols, rows, cols).intersection(whole)
                yield Tile(place, int(self._starts[i, j]), int(self._sizes[i, j]))

    def _bytes(self, start: int, size: int) -> memoryview:
        """Bytes of the file; they hold until this thread asks for others."""
        if self._file is None:
            return memoryview(storage.read_range(self._location, start, size))
        buffer = getattr(self._own, "buffer", b"")
        if len(buffer) < size:
            buffer = self._own.buffer = bytearray(size)
        data = memoryview(buffer)[:size]
        if os.preadv(self._file, [data], start) != size:
            raise DataError(f"the file ends before byte {start + size}", subject=self._location)
        return data

    def _decode_into(self, data: memoryview, tile: Tile, window: Window, out: NDArray[np.float32]) -> None:
        rows, cols = self._block
        scratch = getattr(self._own, "scratch", None)
        if scratch is None:
            scratch = self._own.scratch = np.empty(rows * cols * 4, np.uint8)
        try:
            decoded = self._decode(data, out=scratch)
        except RuntimeError as error:  # what all errors of imagecodecs are
            raise DataError(f"a tile cannot be decoded: {error}", subject=self._location) from error
        if len(decoded) != len(scratch):
            raise DataError(
                f"a tile holds {len(decoded)} bytes instead of {len(scratch)}", subject=self._location
            )
        part = tile.window.intersection(window)
        row, col = part.row - tile.window.row, part.col - tile.window.col
        target = out[part.slices_in(window)].view(np.uint32)
        _undo_prediction(scratch.view(np.uint64).reshape(rows, cols // 2), row, col, target)


def open_tiles(dataset: Any, location: str, index: int) -> TiledFloats | None:
    """A reader of a band's tiles; None where its layout is another one, which GDAL reads then.

    Args:
        dataset: The raster, opened by rasterio.
        location: Where it is.
        index: The band, from 1.

    Raises:
        OSError: The file cannot be opened.
    """
    structure = dataset.tags(ns="IMAGE_STRUCTURE")
    decode = _DECODERS.get(structure.get("COMPRESSION", ""))
    rows, cols = dataset.block_shapes[index - 1]
    is_ours = (
        decode is not None
        and dataset.driver == "GTiff"
        and dataset.dtypes[index - 1] == "float32"
        and structure.get("PREDICTOR") == "3"
        and (dataset.count == 1 or structure.get("INTERLEAVE") == "BAND")
        and rows % 16 == cols % 16 == 0
        and cols != dataset.width  # may be strips, of which the last one is cut
        and sys.byteorder == "little"
        and (storage.is_remote(location) or not location.startswith("/vsi"))
    )
    if not is_ours or decode is None:
        return None
    tile_rows, tile_cols = -(-dataset.height // rows), -(-dataset.width // cols)
    starts, sizes = (
        np.array(
            [
                [
                    int(dataset.get_tag_item(f"BLOCK_{what}_{j}_{i}", "TIFF", bidx=index) or 0)
                    for j in range(tile_cols)
                ]
                for i in range(tile_rows)
            ],
            np.int64,
        ).reshape(tile_rows, tile_cols)
        for what in ("OFFSET", "SIZE")
    )
    nodata = dataset.nodatavals[index - 1]
    fill = 0.0 if nodata is None else nodata
    return TiledFloats(location, dataset.shape, (rows, cols), starts, sizes, decode, fill)


def _runs(tiles: Iterator[Tile]) -> Iterator[list[Tile]]:
    """Tiles that lie one after the other in the file, to be fetched at once; tiles without bytes come alone."""
    run: list[Tile] = []
    for tile in tiles:
        if run and not _continues(run, tile):
            yield run
            run = []
        run.append(tile)
    if run:
        yield run


def _continues(run: list[Tile], tile: Tile) -> bool:
    last = run[-1]
    gap = tile.start - last.start - last.size
    is_near = 0 <= gap <= _GAP_BYTES and tile.start + tile.size - run[0].start <= _RUN_BYTES
    return is_near and tile.size > 0 and last.size > 0


@njit(cache=True, nogil=True, inline="always")
def _add_bytes(a: np.uint64, b: np.uint64) -> np.uint64:
    """Eight sums of bytes, each modulo 256."""
    low, top = np.uint64(0x7F7F7F7F7F7F7F7F), np.uint64(0x8080808080808080)
    return ((a & low) + (b & low)) ^ ((a ^ b) & top)


@njit(cache=True, nogil=True)
def _undo_prediction(words: NDArray[np.uint64], row0: int, col0: int, out: NDArray[np.uint32]) -> None:
    """The part of a tile from (row0, col0) on that ``out`` covers, as the bits of its floats.

    A row holds the planes of its samples' bytes, the most significant first, each byte as difference to the one before
    (see `s1card.raster.codec.predict_floats`). Eight bytes are summed at once inside a word: the low seven bits of each
    are added so that no carry leaves them, and the top bits by exclusive or.
    """
    sums = np.empty(words.shape[1], np.uint64)
    cols, wanted = words.shape[1] * 2, out.shape[1]
    plane = sums.view(np.uint8)
    first, second = plane[col0 : col0 + wanted], plane[cols + col0 : cols + col0 + wanted]
    third, fourth = plane[2 * cols + col0 : 2 * cols + col0 + wanted], plane[3 * cols + col0 :]
    for row in range(out.shape[0]):
        source, target = words[row0 + row], out[row]
        for k in range(len(source)):  # apart from the loop below, so that it runs in vectors
            word = source[k]
            word = _add_bytes(word, word << np.uint64(8))
            word = _add_bytes(word, word << np.uint64(16))
            sums[k] = _add_bytes(word, word << np.uint64(32))
        total = np.uint64(0)
        for k in range(len(source)):
            word = sums[k]
            sums[k] = _add_bytes(word, (total & np.uint64(0xFF)) * np.uint64(0x0101010101010101))
            total += word >> np.uint64(56)
        for col in range(len(target)):
            target[col] = (
                (np.uint32(first[col]) << np.uint32(24))
                | (np.uint32(second[col]) << np.uint32(16))
                | (np.uint32(third[col]) << np.uint32(8))
                | np.uint32(fourth[col])
            )

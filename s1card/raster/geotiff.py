"""One GeoTIFF with all bands: uncompressed in strips, or compressed in tiles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.geometry.map_grid import MapGrid
from s1card.raster import disk, tiff
from s1card.raster.codec import TileCodec
from s1card.raster.raw import RawFile
from s1card.raster.sink import (
    TILE,
    BandSpec,
    Extent,
    Tags,
    TileLedger,
    WrittenFile,
    check_bands,
    common_dtype,
    common_nodata,
    shape_of,
)
from s1card.raster.tiled import TiledTiff
from s1card.window import Window

STRIP_BYTES = 1 << 18
"""Size that strips come near to, so that readers of windows read little in vain."""


class GeoTiffSink:
    """SNAP's ``GeoTIFF``: all bands uncompressed, one after the other, in the type that holds all.

    Band names, units and nodata are written, which SNAP leaves to a private tag. A file beyond
    4 GB is a BigTIFF.

    Args:
        path: Final path.
        extent: Map grid, or rows and columns in radar geometry.
        bands: What the bands hold.
        tags: Metadata of the file.

    Raises:
        UsageError: Bands that no file can hold.
        ResourceError: The disk is full or cannot be written.
    """

    tile = (TILE, TILE)

    def __init__(self, path: Path, extent: Extent, bands: Sequence[BandSpec], tags: Tags) -> None:
        check_bands(bands, extent)
        shape, dtype = shape_of(extent), common_dtype(bands)
        self._path = path
        self._bands = list(bands)
        self._ledger = TileLedger(shape, len(bands))
        geo = tiff.geo_tags(extent) if isinstance(extent, MapGrid) else []
        extra = geo + tiff.metadata_tags(bands, tags, common_nodata(bands))
        front = _encode_front(shape, dtype, len(bands), extra)
        self._file = RawFile(disk.part_name(path), shape, dtype, planes=len(bands), front=front)

    def write(self, band_index: int, window: Window, data: NDArray[Any]) -> None:
        """Write samples of one band; see `RasterSink.write`."""
        with self._ledger.writing(band_index, window, data):
            self._file.write(band_index, window, data, self._bands[band_index])

    def close(self) -> list[Path]:
        """Complete the file; see `RasterSink.close`."""
        try:
            self._ledger.close()
            self._file.close()
            disk.publish(self._file.path, self._path)
        except BaseException:
            self.abort()
            raise
        return [self._path]

    def abort(self) -> None:
        """Remove the file; see `RasterSink.abort`."""
        self._ledger.abort()
        self._file.abort()


def _encode_front(
    shape: tuple[int, int], dtype: np.dtype[Any], samples: int, extra: Sequence[tiff.Tag]
) -> bytes:
    """Header and directory of a file whose planes of strips follow at once."""
    rows, cols = shape
    row_bytes = cols * dtype.itemsize
    big = tiff.needs_bigtiff(rows * row_bytes * samples)
    strip = min(rows, max(1, STRIP_BYTES // row_bytes))
    layout = tiff.ImageLayout(shape, dtype, samples, (strip, cols), tiled=False)
    starts = np.arange(0, rows, strip)
    sizes = np.tile((np.minimum(starts + strip, rows) - starts) * row_bytes, samples)
    offsets = (np.arange(samples)[:, None] * rows + starts[None, :]).ravel() * row_bytes
    start = len(tiff.encode_front([[*layout.tags(offsets, sizes, big), *extra]], b"", big))
    return tiff.encode_front([[*layout.tags(offsets + start, sizes, big), *extra]], b"", big)


class BigTiffSink:
    """SNAP's ``GeoTIFF-BigTIFF``: all bands in tiles, compressed, without overviews.

    DEFLATE without predictor, because every reader knows it; SNAP itself reads these files again.

    Args:
        path: Final path.
        extent: Map grid, or rows and columns in radar geometry.
        bands: What the bands hold.
        tags: Metadata of the file.

    Attributes:
        written: After `close`: size, checksum and statistics of the file.

    Raises:
        UsageError: Bands that no file can hold.
        ResourceError: The disk is full or cannot be written.
    """

    tile = (TILE, TILE)

    def __init__(self, path: Path, extent: Extent, bands: Sequence[BandSpec], tags: Tags) -> None:
        check_bands(bands, extent)
        self.written: list[WrittenFile] = []
        self._ledger = TileLedger(shape_of(extent), len(bands))
        codec = TileCodec("deflate", level=1, predict=False)
        self._file = TiledTiff(path, extent, bands, tags, codec, overviews=False)

    def write(self, band_index: int, window: Window, data: NDArray[Any]) -> None:
        """Compress and store whole tiles of one band; see `RasterSink.write`."""
        with self._ledger.writing(band_index, window, data) as tiles:
            for tile in tiles:
                self._file.write(band_index, tile, data[tile.window.slices_in(window)])

    def close(self) -> list[Path]:
        """Complete the file; see `RasterSink.close`."""
        try:
            self._ledger.close()
            self.written = [self._file.finish()]
            self._file.publish()
        except BaseException:
            self.abort()
            raise
        return [self._file.path]

    def abort(self) -> None:
        """Remove the file; see `RasterSink.abort`."""
        self._ledger.abort()
        self._file.abort()

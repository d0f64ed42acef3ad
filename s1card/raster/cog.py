"""Cloud-optimized GeoTIFFs, one per band, from tiles in any order."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from s1card.raster.codec import TileCodec
from s1card.raster.sink import TILE, BandSpec, Extent, Tags, TileLedger, WrittenFile, check_bands, shape_of
from s1card.raster.tiled import TiledTiff
from s1card.window import Window


class CogSink:
    """Writes each band into a cloud-optimized GeoTIFF of its own, with overviews.

    The thread that brings a tile also compresses it and makes the overview tiles that it completes,
    so the work spreads over the threads of the caller. The bytes of the files depend neither on
    the order of the tiles nor on the number of threads. Tiles without data take no space.

    Args:
        paths: Final path of each band's file.
        extent: Map grid, or rows and columns in radar geometry.
        bands: What the bands hold.
        tags: Metadata, written into every file.
        codec: Compression.
        threads: Files that `close` completes at the same time.
        sync: Whether `close` waits until the disk has all.

    Attributes:
        written: After `close`: size, checksum and statistics of each file, in the order of bands.

    Raises:
        UsageError: Bands that no file can hold.
        ResourceError: The disk is full or cannot be written.
    """

    tile = (TILE, TILE)

    def __init__(
        self,
        paths: Sequence[Path],
        extent: Extent,
        bands: Sequence[BandSpec],
        tags: Tags,
        *,
        codec: TileCodec | None = None,
        threads: int = 1,
        sync: bool = False,
    ) -> None:
        check_bands(bands, extent)
        self.written: list[WrittenFile] = []
        self._threads = threads
        self._sync = sync
        self._ledger = TileLedger(shape_of(extent), len(bands))
        codec = codec or TileCodec()
        self._files = [
            TiledTiff(path, extent, [band], tags, codec, overviews=True)
            for path, band in zip(paths, bands, strict=True)
        ]

    def write(self, band_index: int, window: Window, data: NDArray[Any]) -> None:
        """Compress and store whole tiles of one band; see `RasterSink.write`."""
        with self._ledger.writing(band_index, window, data) as tiles:
            for tile in tiles:
                self._files[band_index].write(0, tile, data[tile.window.slices_in(window)])

    def close(self) -> list[Path]:
        """Complete the files; see `RasterSink.close`. What they hold is in `written` then."""
        try:
            self._ledger.close()
            with ThreadPoolExecutor(max(1, min(self._threads, len(self._files)))) as pool:
                written = list(pool.map(lambda file: file.finish(sync=self._sync), self._files))
            for file in self._files:
                file.publish()
        except BaseException:
            self.abort()
            raise
        self.written = written
        return [file.path for file in self.written]

    def abort(self) -> None:
        """Remove everything; see `RasterSink.abort`."""
        self._ledger.abort()
        for file in self._files:
            file.abort()

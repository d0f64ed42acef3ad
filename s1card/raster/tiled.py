"""A tiled TIFF whose tiles arrive in any order, and whose bytes do not tell in which."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.geometry.map_grid import MapGrid
from s1card.raster import disk, tiff
from s1card.raster.codec import TileCodec
from s1card.raster.overviews import Pyramid, level_shapes
from s1card.raster.sink import (
    TILE,
    BandSpec,
    Extent,
    LatticeTile,
    Tags,
    WrittenFile,
    as_dtype,
    common_dtype,
    common_nodata,
    shape_of,
)
from s1card.raster.statistics import BandStatistics, TileMoments, combine, tile_moments

GHOST_BODY = (
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
)
GHOST = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(GHOST_BODY) + GHOST_BODY
"""What tells GDAL's reader of remote files that it may fetch a tile in one request, by the rules of
https://gdal.org/drivers/raster/cog.html#header-ghost-area."""

MARK = 4
"""Bytes of the leader and of the trailer around each tile, which the ghost area promises."""


@dataclass(frozen=True)
class _Level:
    """One resolution: its layout, and where the tiles lie in the spool (size 0: nothing but nodata)."""

    layout: tiff.ImageLayout
    offsets: NDArray[np.int64]  # (bands, tile rows, tile columns)
    sizes: NDArray[np.int64]

    @classmethod
    def empty(cls, layout: tiff.ImageLayout) -> _Level:
        rows, cols = (-(-size // TILE) for size in layout.shape)
        lattice = layout.samples, rows, cols
        return cls(layout, np.zeros(lattice, np.int64), np.zeros(lattice, np.int64))

    def placed(self, start: int) -> tuple[NDArray[np.int64], int]:
        """Final offsets of the tiles if the first lies at ``start``, and the end of the last."""
        room = np.where(self.sizes > 0, self.sizes + 2 * MARK, 0).ravel()
        ends = start + np.cumsum(room)
        offsets = np.where(room > 0, ends - room + MARK, 0)
        return offsets.astype(np.int64), int(ends[-1])


class TiledTiff:
    """One tiled TIFF in the making.

    Tiles are compressed by the thread that brings them and appended to a nameless spool file;
    `finish` copies them in their fixed order behind the header.

    Args:
        path: Final path.
        extent: Map grid, or rows and columns.
        bands: Bands of the file; samples are stored in the type that holds all of them.
        tags: Metadata of the file.
        codec: Compression.
        overviews: Whether to add overviews and lay the file out as a cloud-optimized GeoTIFF;
            without, the file is a BigTIFF whatever its size.

    Raises:
        ResourceError: The disk is full or cannot be written.
    """

    def __init__(
        self,
        path: Path,
        extent: Extent,
        bands: Sequence[BandSpec],
        tags: Tags,
        codec: TileCodec,
        *,
        overviews: bool,
    ) -> None:
        self.path = path
        self._bands = list(bands)
        self._dtype = common_dtype(bands)
        self._nodata = common_nodata(bands)
        self._codec = codec
        self._tags = dict(tags)
        self._geo = tiff.geo_tags(extent) if isinstance(extent, MapGrid) else []
        self._cog = overviews
        shape = shape_of(extent)
        shapes = level_shapes(shape) if overviews else [shape]
        self._levels = [_Level.empty(self._layout(size, size != shape)) for size in shapes]
        self._moments: list[dict[tuple[int, int], TileMoments]] = [{} for _ in bands]
        self._pyramids = [
            Pyramid(shape, band, partial(self._store, number)) if overviews else None
            for number, band in enumerate(bands)
        ]
        self._spool = disk.Spool(path)
        self._part = disk.part_name(path)

    def write(self, band: int, tile: LatticeTile, data: NDArray[Any]) -> None:
        """Take the samples of one tile; thread safe.

        Raises:
            ResourceError: The disk is full or cannot be written.
        """
        spec = self._bands[band]
        samples = self._padded(data, spec)
        moments = tile_moments(samples, *tile.window.shape, spec.nodata)
        self._moments[band][tile.row, tile.col] = moments
        sparse = moments.blank == data.size and self._is_file_nodata(spec.nodata)
        block = None if sparse else samples
        self._store(band, 0, tile.row, tile.col, block)
        pyramid = self._pyramids[band]
        if pyramid is not None:
            pyramid.add(tile.row, tile.col, block)

    def finish(self, *, sync: bool = False) -> WrittenFile:
        """Write the file under a temporary name, which `publish` turns into the final one.

        Args:
            sync: Whether to wait until the disk has all.

        Raises:
            ResourceError: The disk is full or cannot be written.
        """
        digest, size = hashlib.sha256(), 0
        fd = disk.create(self._part)
        try:
            for piece in self._pieces():
                digest.update(piece)
                disk.write_all(fd, piece, self.path)
                size += len(piece)
        finally:
            disk.finish(fd, self.path, sync=sync)
        self._spool.close()
        return WrittenFile(self.path, size, digest.hexdigest(), self._statistics)

    def publish(self) -> None:
        """Give the finished file its final name."""
        disk.publish(self._part, self.path)

    def abort(self) -> None:
        """Remove what is not yet published."""
        self._spool.close()
        disk.discard(self._part)

    @property
    def _is_big(self) -> bool:
        tiles = sum(level.sizes.size for level in self._levels)
        return not self._cog or tiff.needs_bigtiff(tiles * TILE * TILE * self._dtype.itemsize)

    @property
    def _statistics(self) -> tuple[BandStatistics, ...]:
        rows, cols = self._levels[0].layout.shape
        return tuple(
            combine((moments[key] for key in sorted(moments)), rows * cols) for moments in self._moments
        )

    def _layout(self, shape: tuple[int, int], overview: bool) -> tiff.ImageLayout:
        return tiff.ImageLayout(
            shape,
            self._dtype,
            len(self._bands),
            (TILE, TILE),
            compression=self._codec.code,
            predictor=self._codec.predictor(self._dtype),
            overview=overview,
        )

    def _padded(self, data: NDArray[Any], band: BandSpec) -> NDArray[Any]:
        data = as_dtype(data, self._dtype, band)
        if data.shape == (TILE, TILE):
            return np.ascontiguousarray(data)
        block = np.full((TILE, TILE), band.fill, self._dtype)
        block[: data.shape[0], : data.shape[1]] = data
        return block

    def _is_file_nodata(self, value: float | None) -> bool:
        if value is None or self._nodata is None:
            return False
        return value == self._nodata or (math.isnan(value) and math.isnan(self._nodata))

    def _store(self, band: int, level: int, row: int, col: int, block: NDArray[Any] | None) -> None:
        """Compress a tile into the spool; one of nothing but nodata takes no space (a sparse tile)."""
        if block is None:
            return
        encoded = self._codec.encode(block)
        piece = struct.pack("<I", len(encoded)) + encoded + encoded[-MARK:]
        self._levels[level].offsets[band, row, col] = self._spool.append(piece)
        self._levels[level].sizes[band, row, col] = len(encoded)

    def _pieces(self) -> Iterator[bytes]:
        """The file from its first to its last byte; overviews come first, the smallest at the front."""
        big, ghost = self._is_big, GHOST if self._cog else b""
        unplaced = [np.zeros(level.sizes.size, np.int64) for level in self._levels]
        start = len(tiff.encode_front(self._directories(unplaced, big), ghost, big))
        placed: list[NDArray[np.int64]] = []
        for level in reversed(self._levels):
            offsets, start = level.placed(start)
            placed.insert(0, offsets)
        yield tiff.encode_front(self._directories(placed, big), ghost, big)
        for level in reversed(self._levels):
            for offset, size in zip(level.offsets.ravel(), level.sizes.ravel(), strict=True):
                if size:
                    yield self._spool.read(int(offset), int(size) + 2 * MARK)

    def _directories(self, offsets: Sequence[NDArray[np.int64]], big: bool) -> list[list[tiff.Tag]]:
        metadata = tiff.metadata_tags(self._bands, self._tags, self._nodata, self._statistics)
        directories = []
        for number, (level, placed) in enumerate(zip(self._levels, offsets, strict=True)):
            extra = tiff.nodata_tags(self._nodata) if number else self._geo + metadata
            directories.append(level.layout.tags(placed, level.sizes.ravel(), big) + extra)
        return directories

"""What a raster writer is: bands that take tiles in any order from several threads."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from s1card.errors import S1CardError, UsageError
from s1card.geometry.map_grid import MapGrid
from s1card.raster.statistics import BandStatistics
from s1card.window import Window

Tags = Mapping[str, str]
Array = NDArray[Any]
Extent = MapGrid | tuple[int, int]
"""Where a raster lies: a map grid, or (rows, cols) in radar geometry."""

TILE = 512
"""Side of a tile of every format, in samples."""

DTYPES = ("uint8", "uint16", "int16", "uint32", "int32", "float32", "float64")


@dataclass(frozen=True)
class BandSpec:
    """What a band holds.

    Attributes:
        name: Name by which readers find the band; it also names files.
        unit: Physical unit, empty if none.
        description: One sentence for people.
        dtype: Sample type, one of `DTYPES`.
        nodata: Value of samples without data (NaN for floats as a rule), None if every sample is valid.
        overview: How overviews are made: mean of the valid samples, or the top left sample.
    """

    name: str
    unit: str = ""
    description: str = ""
    dtype: str = "float32"
    nodata: float | None = float("nan")
    overview: Literal["average", "nearest"] = "average"

    @property
    def fill(self) -> float:
        """Value of samples that nothing was known of."""
        if self.nodata is not None:
            return self.nodata
        return float("nan") if np.dtype(self.dtype).kind == "f" else 0.0


@dataclass(frozen=True)
class WrittenFile:
    """A complete file.

    Attributes:
        path: Where it lies.
        size: Bytes.
        sha256: Checksum of the content, in hexadecimal.
        statistics: Of each band in it.
    """

    path: Path
    size: int
    sha256: str
    statistics: tuple[BandStatistics, ...]


class RasterSink(Protocol):
    """A raster file, or several, that is being written."""

    tile: tuple[int, int]

    def write(self, band_index: int, window: Window, data: Array) -> None:
        """Write samples of one band; thread safe, in any order, each tile exactly once.

        Args:
            band_index: Position of the band in the list the sink was opened with.
            window: One tile or a rectangle of whole tiles of the lattice `tile`.
            data: Samples, shape of the window, of the band's type or one that casts to it safely.

        Raises:
            ResourceError: The disk is full or cannot be written.
        """

    def close(self) -> list[Path]:
        """Complete the files, give them their final names, and return these.

        Raises:
            S1CardError: Tiles are missing; nothing gets its final name.
            ResourceError: The disk is full or cannot be written.
        """

    def abort(self) -> None:
        """Remove everything that was written; harmless after `close` and when called again."""


def shape_of(extent: Extent) -> tuple[int, int]:
    """Rows and columns of an extent."""
    return extent.shape if isinstance(extent, MapGrid) else extent


def check_bands(bands: Sequence[BandSpec], extent: Extent) -> None:
    """Refuse what no format can hold.

    Raises:
        UsageError: No bands, twice the same name, a name that is no file name, a type nobody
            writes, an integer band with a nodata value it cannot hold, or an empty raster.
    """
    names = [band.name for band in bands]
    if not names or len(set(names)) != len(names):
        raise UsageError(
            "a raster needs bands of distinct names", subject=", ".join(names), advice="Rename or add bands"
        )
    if min(shape_of(extent)) < 1:
        raise UsageError(
            f"the raster is empty: {shape_of(extent)}", advice="Choose an area that meets the scene"
        )
    for band in bands:
        _check_band(band)


def _check_band(band: BandSpec) -> None:
    if not band.name or "/" in band.name or band.name.startswith("."):
        raise UsageError(
            "the name of a band must serve as a file name", subject=band.name, advice="Rename it"
        )
    if band.dtype not in DTYPES:
        raise UsageError(
            f"no raster format here holds samples of type {band.dtype}",
            subject=band.name,
            advice=f"Use one of {', '.join(DTYPES)}",
        )
    dtype = np.dtype(band.dtype)
    if band.nodata is None or dtype.kind == "f":
        return
    limits = np.iinfo(dtype)
    if not (limits.min <= band.nodata <= limits.max and float(band.nodata).is_integer()):
        raise UsageError(
            f"{band.dtype} cannot hold the nodata value {band.nodata}",
            subject=band.name,
            advice="Use a value of the band's type, or none",
        )


def common_dtype(bands: Sequence[BandSpec]) -> np.dtype[Any]:
    """The narrowest type that holds the samples of all bands, for formats with one type per file."""
    return np.result_type(*(band.dtype for band in bands))


def common_nodata(bands: Sequence[BandSpec]) -> float | None:
    """The nodata value of a file that holds these bands, for formats with one value per file.

    If bands disagree, NaN serves a floating point file if one band has it, because it is a valid
    sample of none; any other value could be one, and the file has no nodata value then.
    """
    values = {"nan" if band.nodata is not None and math.isnan(band.nodata) else band.nodata for band in bands}
    if "nan" in values and common_dtype(bands).kind == "f":
        return math.nan
    only = values.pop()
    return None if values or isinstance(only, str) else only


def as_dtype(data: Array, dtype: np.dtype[Any], band: BandSpec) -> Array:
    """Samples in the type of the file, without a silent loss.

    Raises:
        S1CardError: The samples do not cast to the type (a float into an integer band).
    """
    if data.dtype == dtype:
        return data
    if not np.can_cast(data.dtype, dtype, "same_kind"):
        raise S1CardError(f"samples of type {data.dtype} given for {dtype}", subject=band.name)
    return data.astype(dtype)


@dataclass(frozen=True)
class LatticeTile:
    """A tile of the lattice: its row and column among tiles, and the samples it covers."""

    row: int
    col: int
    window: Window


class TileLedger:
    """Which tiles of which band have been written: each must come, and once only.

    Args:
        shape: Rows and columns of the raster.
        bands: Number of bands.
        tile: Rows and columns of a tile.
    """

    def __init__(self, shape: tuple[int, int], bands: int, tile: tuple[int, int] = (TILE, TILE)) -> None:
        self.shape = shape
        self.tile = tile
        self.lattice = (-(-shape[0] // tile[0]), -(-shape[1] // tile[1]))
        self._claimed = np.zeros((bands, *self.lattice), np.bool_)
        self._written = np.zeros((bands, *self.lattice), np.bool_)
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def writing(self, band: int, window: Window, data: Array) -> Iterator[list[LatticeTile]]:
        """Claim the tiles of a window, and note them as written if the block ends well.

        Raises:
            S1CardError: The window is off the lattice, its shape is not that of the data, or one
                of its tiles came before.
        """
        where = self._index(band, window, data)
        with self._lock:
            if self._closed or self._claimed[where].any():
                state = "after the raster was closed" if self._closed else "twice"
                raise S1CardError(f"tile written {state}", subject=f"band {band}, {window}")
            self._claimed[where] = True
        yield [self._tile(part) for part in window.tiles(*self.tile)]
        with self._lock:
            self._written[where] = True

    def close(self) -> None:
        """Take no more tiles.

        Raises:
            S1CardError: Tiles are missing.
        """
        with self._lock:
            self._closed = True
            missing = int(np.count_nonzero(~self._written))
            if missing:
                first = np.argwhere(~self._written)[0]
                raise S1CardError(
                    f"{missing} of {self._written.size} tiles were not written, the first is "
                    f"band {first[0]}, tile row {first[1]}, tile column {first[2]}"
                )

    def abort(self) -> None:
        """Take no more tiles, whatever is missing."""
        with self._lock:
            self._closed = True

    def _tile(self, window: Window) -> LatticeTile:
        return LatticeTile(window.row // self.tile[0], window.col // self.tile[1], window)

    def _index(self, band: int, window: Window, data: Array) -> tuple[int, slice, slice]:
        whole = Window(0, 0, *self.shape)
        (height, width), starts = self.tile, (window.row, window.col)
        ends = ((window.row_end, height, self.shape[0]), (window.col_end, width, self.shape[1]))
        fits = (
            not window.is_empty
            and data.shape == window.shape
            and window.intersection(whole) == window
            and starts[0] % height == starts[1] % width == 0
            and all(end % step == 0 or end == size for end, step, size in ends)
        )
        if not fits:
            raise S1CardError(
                f"window off the lattice of {height} x {width}, or data of another shape {data.shape}",
                subject=f"band {band}, {window}",
            )
        rows = slice(window.row // height, -(-window.row_end // height))
        return band, rows, slice(window.col // width, -(-window.col_end // width))

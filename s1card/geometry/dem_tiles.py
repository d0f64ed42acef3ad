"""Elevation rasters as files: which of a folder are tiles, what their headers say, reading their heights."""

from __future__ import annotations

import math
import re
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import rasterio
from numpy.typing import NDArray
from pyproj.exceptions import CRSError
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from s1card.errors import DemError
from s1card.window import Window

RASTER_SUFFIXES = frozenset({".tif", ".tiff", ".hgt", ".img", ".dt0", ".dt1", ".dt2", ".bil", ".asc", ".flt"})
"""What counts as a tile in a folder, besides zipped SRTM. A VRT does not: it only repeats the tiles."""

VOID_VALUES = (-32768.0, -9999.0)
"""Never heights, whether the raster says so or not."""

_HIGHEST = 12_000.0
"""Metres; what lies further from the datum is no height on Earth."""

_AUXILIARY = re.compile(r"_(EDM|FLM|HEM|WBM|MSK|STK|NUM)\.\w+$", re.IGNORECASE)
"""Companions of Copernicus, ALOS and ASTER tiles which are rasters but not heights."""

_ZIPPED_SRTM = re.compile(r"^([NS]\d\d[EW]\d\d\d)\.(SRTMHGT|hgt)\.zip$", re.IGNORECASE)


@dataclass(frozen=True)
class Tile:
    """One elevation raster, described by its header.

    Attributes:
        path: File as GDAL is to open it.
        crs: Horizontal CRS, as an authority code or WKT.
        x0, y0: Centre of the first sample.
        dx, dy: Spacing, both positive.
        rows, cols: Size.
        voids: Values that are not heights.
        scale, offset: Height in metres = value * scale + offset.
    """

    path: str
    crs: str
    x0: float
    y0: float
    dx: float
    dy: float
    rows: int
    cols: int
    voids: tuple[float, ...]
    scale: float
    offset: float

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Outer edges of the pixels: left, bottom, right, top."""
        left, top = self.x0 - 0.5 * self.dx, self.y0 + 0.5 * self.dy
        return left, top - self.rows * self.dy, left + self.cols * self.dx, top


def find_tiles(path: Path, nodata: float | None) -> list[Tile]:
    """The tile of a file, or the tiles of a folder and its sub-folders in the order of their paths.

    Raises:
        DemError: If there is nothing usable at ``path``, or the tiles are of different CRS.
    """
    if not path.is_dir():
        return [read_header(path, nodata)]
    tiles = [read_header(file, nodata) for file in tile_files(path)]
    if not tiles:
        raise DemError("the folder holds no elevation raster", subject=str(path), advice=_WHAT_IS_A_DEM)
    for tile in tiles:
        if tile.crs != tiles[0].crs:
            first = tiles[0]
            raise DemError(
                f"its CRS is {_short(tile.crs)}, but that of {Path(first.path).name} is {_short(first.crs)}",
                subject=tile.path,
                advice="Bring all tiles of a folder to one CRS, or give a VRT made with gdalwarp",
            )
    return tiles


_WHAT_IS_A_DEM = "A DEM is a raster that GDAL reads, or a folder of such rasters (GeoTIFF, HGT, zipped SRTM)"


def _short(crs: str) -> str:
    return crs if len(crs) < 60 else str(pyproj.CRS.from_user_input(crs).name)


def tile_files(folder: Path) -> Iterator[Path]:
    """Elevation rasters in a folder and below, in the order of their paths."""
    for path in sorted(folder.rglob("*")):
        known = path.suffix.lower() in RASTER_SUFFIXES or _ZIPPED_SRTM.match(path.name)
        if known and not path.name.startswith(".") and not _AUXILIARY.search(path.name) and path.is_file():
            yield path


def gdal_name(path: Path) -> str:
    """The file as GDAL opens it: a zipped SRTM tile through the file inside the archive."""
    zipped = _ZIPPED_SRTM.match(path.name)
    return f"/vsizip/{path}/{zipped[1]}.hgt" if zipped else str(path)


def open_raster(path: Path) -> Any:
    """The rasterio dataset of a file.

    Raises:
        DemError: If it is missing or GDAL cannot open it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            return rasterio.open(gdal_name(path))
    except RasterioError as error:
        happened = "the DEM does not exist" if not path.exists() else f"the DEM cannot be opened ({error})"
        raise DemError(happened, subject=str(path), advice=_WHAT_IS_A_DEM) from error


def read_header(path: Path, nodata: float | None) -> Tile:
    """What the header of an elevation raster says.

    Raises:
        DemError: If it is no such raster, is rotated, or its heights are not metres.
    """
    with open_raster(path) as dataset:
        crs = _horizontal_crs(dataset, path)
        transform = dataset.transform
        if transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
            raise _unusable(path, "the raster is not north-up", "Straighten it with gdalwarp")
        if dataset.count < 1 or dataset.dtypes[0].startswith("complex"):
            raise _unusable(path, "its first band holds no heights", _WHAT_IS_A_DEM)
        if (dataset.units[0] or "m").lower() not in {"m", "metre", "metres", "meter", "meters"}:
            raise _unusable(path, f"its heights are in {dataset.units[0]!r}", "Convert them to metres")
        known = (dataset.nodata, nodata)
        return Tile(
            path=gdal_name(path),
            crs=crs,
            x0=transform.c + 0.5 * transform.a,
            y0=transform.f + 0.5 * transform.e,
            dx=transform.a,
            dy=-transform.e,
            rows=dataset.height,
            cols=dataset.width,
            voids=VOID_VALUES + tuple(_as_float32(v) for v in known if v is not None and not math.isnan(v)),
            scale=float(dataset.scales[0]),
            offset=float(dataset.offsets[0]),
        )


def _as_float32(value: float) -> float:
    """A nodata value as heights hold it; float64's lowest number, a common one, becomes float32's."""
    limits = np.finfo(np.float32)
    return float(np.float32(min(max(value, float(limits.min)), float(limits.max))))


def _horizontal_crs(dataset: Any, path: Path) -> str:
    """The CRS of a raster without its heights, as an authority code where it has one."""
    if dataset.crs is None:
        raise _unusable(
            path, "the raster has no coordinate reference system", "Assign it with gdal_edit.py -a_srs"
        )
    try:
        crs = pyproj.CRS.from_user_input(dataset.crs.to_wkt())
    except CRSError as error:
        raise _unusable(path, f"its CRS is not understood ({error})", "Assign another") from error
    crs = crs.sub_crs_list[0] if crs.is_compound else crs.to_2d()
    if not (crs.is_geographic or crs.is_projected):
        raise _unusable(path, f"its CRS {crs.name!r} does not tie it to the Earth", "Assign the right one")
    authority = crs.to_authority()
    return ":".join(authority) if authority else str(crs.to_wkt())


def _unusable(path: Path, message: str, advice: str) -> DemError:
    return DemError(message, subject=str(path), advice=advice)


class TileReader:
    """Reads heights of tiles; each file is opened once and read by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, tuple[Any, threading.Lock]] = {}

    def read(self, tile: Tile, window: Window) -> NDArray[np.float32]:
        """Heights (m) of a window inside a tile, NaN where it has none.

        Raises:
            DemError: If the file cannot be read there.
        """
        try:
            dataset, lock = self._dataset(tile.path)
            with lock:
                raw = dataset.read(1, window=((window.row, window.row_end), (window.col, window.col_end)))
        except RasterioError as error:
            raise DemError(
                f"the DEM cannot be read at rows {window.row}..{window.row_end} ({error})",
                subject=tile.path,
                advice="The file is probably truncated: fetch it again",
            ) from error
        height: NDArray[np.float32] = raw.astype(np.float32)
        for value in tile.voids:
            height[height == np.float32(value)] = np.nan
        if (tile.scale, tile.offset) != (1.0, 0.0):
            height = (height.astype(np.float64) * tile.scale + tile.offset).astype(np.float32)
        height[np.abs(height) > _HIGHEST] = np.nan
        return height

    def _dataset(self, path: str) -> tuple[Any, threading.Lock]:
        with self._lock:
            if path not in self._open:
                self._open[path] = rasterio.open(path), threading.Lock()
            return self._open[path]

    def close(self) -> None:
        """Close every file."""
        with self._lock:
            for dataset, _ in self._open.values():
                dataset.close()
            self._open.clear()

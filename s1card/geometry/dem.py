"""Elevation models: any raster or folder of tiles, given as heights above the WGS84 ellipsoid.

A DEM is cut into chunks fixed to its lattice. A chunk is made once - tiles joined, voids closed, sea filled,
geoid added - and kept in a bounded cache; windows are assembled from chunks. A height therefore does not
depend on the window through which it is read.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.exceptions import ProjError

from s1card.chunk_cache import ChunkCache
from s1card.errors import DemError
from s1card.geometry.dem_datum import guess_datum
from s1card.geometry.dem_mosaic import Mosaic, make_layers
from s1card.geometry.dem_tiles import Tile, find_tiles
from s1card.geometry.dem_voids import LARGEST_VOID, VOID_MARGIN, fill_small_voids
from s1card.geometry.dem_window import HeightPatch, sample_bilinear
from s1card.geometry.geoid import GeoidGrid, VerticalDatum, find_geoid
from s1card.window import Window

__all__ = ["CACHE_BYTES", "Dem", "HeightPatch", "Sea", "VerticalDatum", "guess_datum"]

Sea = Literal["geoid", "nodata"]
Bounds = tuple[float, float, float, float]

CACHE_BYTES = 128 << 20
"""Heights that a DEM keeps in memory unless told otherwise."""

_CHUNK = 1024
"""Rows and columns of a chunk."""

_READ_MARGIN = 2
"""Samples that a patch extends beyond the wanted rectangle, as cubic interpolation needs."""

_GEOID_STEP_METRES = 500.0
"""The geoid is evaluated at least this densely, and linear between: at most 1 mm off in mountains."""


class Dem:
    """Heights above the WGS84 ellipsoid, read by rectangle. Safe for threads. Made by ``Dem.open``.

    Attributes:
        name: Name of the file or folder.
        datum: What the heights in the files are measured from.
        crs: CRS of the lattice, as an authority code or WKT; coordinates are in the order x, y.
        origin: (x, y) of sample (0, 0) of the lattice.
        spacing: (dx, dy) of the lattice in units of the CRS.
        bounds: Outer edges of what the files cover: x_min, y_min, x_max, y_max.
    """

    def __init__(
        self,
        path: Path,
        datum: VerticalDatum,
        tiles: list[Tile],
        *,
        geoid: Path | None,
        sea: Sea,
        cache_bytes: int,
    ) -> None:
        self.path = path
        self.name = path.name
        self.datum = datum
        self.sea = sea
        self.crs = tiles[0].crs
        self._crs = pyproj.CRS.from_user_input(self.crs)
        self._tiles = tiles
        self._mosaic = Mosaic(make_layers(tiles, geographic=self._crs.is_geographic))
        self._lattice = self._mosaic.lattice
        self.origin = self._lattice.x0, self._lattice.y0
        self.spacing = self._lattice.dx, self._lattice.dy
        corners = np.array([tile.bounds for tile in tiles])
        self.bounds: Bounds = (*corners[:, :2].min(axis=0).tolist(), *corners[:, 2:].max(axis=0).tolist())
        self._given_geoid = geoid
        self._chunks = ChunkCache(self._make_chunk, cache_bytes)
        self._to_lon_lat = threading.local()
        if datum != VerticalDatum.ELLIPSOID:
            _ = self._geoid  # a missing grid is told now, not in the middle of a run

    @classmethod
    def open(
        cls,
        path: Path | str,
        datum: VerticalDatum | str,
        *,
        nodata: float | None = None,
        geoid: Path | None = None,
        sea: Sea = "geoid",
        cache_bytes: int = CACHE_BYTES,
    ) -> Dem:
        """Open an elevation raster, or a folder of tiles.

        Args:
            path: Any raster GDAL reads, with a geographic or projected CRS, heights in metres in the first
                band; or a folder, searched with its sub-folders for tiles (VRTs in it are left out).
            datum: What its heights are measured from.
            nodata: A value that is no height, besides the raster's own nodata, NaN, -32768 and -9999.
            geoid: Geoid grid, or a folder with one; else the places where PROJ keeps them are searched.
            sea: What voids are, and the gaps between the tiles of a folder: ``geoid``, water at the height of
                the geoid, or ``nodata``, unknown. Outside a single raster the height is always unknown.
            cache_bytes: Bound of the heights kept in memory.

        Raises:
            DemError: If the DEM or the geoid grid is missing or cannot be used.
            UsageError: If the datum is not one.
        """
        path = Path(path)
        tiles = find_tiles(path, nodata)
        return cls(path, VerticalDatum.parse(datum), tiles, geoid=geoid, sea=sea, cache_bytes=cache_bytes)

    def read(self, x_min: float, y_min: float, x_max: float, y_max: float) -> HeightPatch:
        """Ellipsoidal heights over a rectangle of the DEM's CRS, and two samples more on every side.

        Two reads agree in every bit where they overlap.

        Raises:
            DemError: If a file cannot be read, or the sea needs a geoid grid that is not there.
        """
        window = self._window_of(x_min, y_min, x_max, y_max)
        height = np.empty(window.shape, np.float32)
        for part, values in self._parts(window):
            height[part.slices_in(window)] = values
        if self.sea == "geoid" and not self._has_geoid and np.isnan(height).any():
            self._refuse_water(window, height)
        lattice = self._lattice
        x0, y0 = lattice.x0 + window.col * lattice.dx, lattice.y0 - window.row * lattice.dy
        return HeightPatch(self.crs, x0, y0, lattice.dx, lattice.dy, height, window.row, window.col)

    def height_at(self, longitude: float, latitude: float) -> float:
        """Ellipsoidal height (m) of a place in degrees, bilinear; NaN where it is unknown or no file covers it.

        Raises:
            DemError: As of `read`.
        """
        x, y = longitude, latitude
        if not self._crs.is_geographic:
            x, y = self._transformer.transform(longitude, latitude, direction="INVERSE")
        x = float(self.nearest_turn(np.asarray(x)))
        if not shapely.contains_xy(self._footprint, x, y):
            return math.nan
        patch = self.read(x, y, x, y)
        return float(sample_bilinear(patch.height, float(patch.row(y)), float(patch.col(x))))

    def nearest_turn(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Longitudes within half a turn of the DEM's middle, which may lie beyond 180 degrees; other x as they are."""
        if not self._crs.is_geographic:
            return x
        middle = (self.bounds[0] + self.bounds[2]) / 2.0
        return np.asarray(x + 360.0 * np.round((middle - x) / 360.0))

    def coverage(self, lon_lat_bounds: Bounds) -> float:
        """Share (0..1) of a rectangle that the files cover, voids in them included.

        Args:
            lon_lat_bounds: West, south, east, north in degrees.
        """
        wanted = shapely.box(*self._from_lon_lat(lon_lat_bounds))
        shared = shapely.intersection(self._footprint, wanted).area
        return float(min(1.0, shared / wanted.area)) if wanted.area else 0.0

    def require_overlap(self, lon_lat_bounds: Bounds) -> None:
        """Refuse a DEM that lies elsewhere.

        Args:
            lon_lat_bounds: West, south, east, north of the scene or area, in degrees.

        Raises:
            DemError: If no file reaches into the rectangle, or all samples in it are voids.
        """
        if self.coverage(lon_lat_bounds) <= 0.0:
            own = _lon_lat_text(self._transformer.transform_bounds(*self.bounds))
            raise DemError(
                f"the DEM covers {own}, which does not touch the wanted {_lon_lat_text(lon_lat_bounds)}",
                subject=str(self.path),
                advice="Give a DEM of the area of the scene",
            )
        if not self._has_heights(self._window_of(*self._from_lon_lat(lon_lat_bounds))):
            raise DemError(
                f"the DEM has nothing but voids over {_lon_lat_text(lon_lat_bounds)}",
                subject=str(self.path),
                advice="Check its nodata value, or give another DEM",
            )

    def close(self) -> None:
        """Close the files and drop the cache."""
        self._chunks.clear()
        self._mosaic.close()

    def _window_of(self, x_min: float, y_min: float, x_max: float, y_max: float) -> Window:
        """The samples around a rectangle, with the margin."""
        if not all(map(math.isfinite, (x_min, y_min, x_max, y_max))) or x_max < x_min or y_max < y_min:
            raise DemError(
                f"heights are wanted over an impossible rectangle ({x_min}, {y_min}, {x_max}, {y_max})",
                subject=str(self.path),
                advice="Check that the wanted area can be shown in the CRS of the DEM",
            )
        lattice = self._lattice
        row = math.floor((lattice.y0 - y_max) / lattice.dy) - _READ_MARGIN
        col = math.floor((x_min - lattice.x0) / lattice.dx) - _READ_MARGIN
        row_end = math.ceil((lattice.y0 - y_min) / lattice.dy) + _READ_MARGIN + 1
        col_end = math.ceil((x_max - lattice.x0) / lattice.dx) + _READ_MARGIN + 1
        return Window(row, col, row_end - row, col_end - col)

    def _parts(self, window: Window) -> Iterator[tuple[Window, NDArray[np.float32]]]:
        """The heights of a window, chunk by chunk."""
        for row in range(window.row // _CHUNK, (window.row_end - 1) // _CHUNK + 1):
            for col in range(window.col // _CHUNK, (window.col_end - 1) // _CHUNK + 1):
                place = _chunk_window(row, col)
                part = window.intersection(place)
                yield part, self._chunks.get((row, col))[part.slices_in(place)]

    def _has_heights(self, window: Window) -> bool:
        """Whether any height of a window is known."""
        return any(bool(np.isfinite(values).any()) for _, values in self._parts(window))

    def _make_chunk(self, key: tuple[int, int]) -> NDArray[np.float32]:
        """Ellipsoidal heights of one chunk, from the files."""
        inner = _chunk_window(*key)
        outer = inner.grown(VOID_MARGIN)
        height, covered = self._mosaic.read(outer)
        if covered.any() and np.isnan(height).any():
            height = fill_small_voids(height, LARGEST_VOID)
        cut = inner.slices_in(outer)
        height, covered = height[cut], covered[cut]
        fills_sea = self.sea == "geoid" and self._has_geoid
        water = self._water(height, covered) if fills_sea else np.False_
        if not (water.any() or (covered.any() and self.datum != VerticalDatum.ELLIPSOID)):
            return np.ascontiguousarray(height)
        return self._referred(height, water, inner)

    def _water(self, height: NDArray[np.float32], covered: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Where there is sea: voids in what the files cover, and all that the tiles of a folder leave out."""
        return np.asarray(np.isnan(height) & (covered | self.path.is_dir()))

    @cached_property
    def _has_geoid(self) -> bool:
        """Whether there is a geoid grid; without one, ellipsoidal heights serve wherever there is no sea."""
        try:
            return self._geoid is not None
        except DemError:
            return False

    def _refuse_water(self, window: Window, height: NDArray[np.float32]) -> None:
        """Refuse heights with sea in them, the level of which nobody knows."""
        if self._water(height, self._mosaic.read(window)[1]).any():
            _ = self._geoid

    def _referred(
        self, height: NDArray[np.float32], water: NDArray[np.bool_] | np.bool_, window: Window
    ) -> NDArray[np.float32]:
        """Heights referred to the ellipsoid, with water at the height of the geoid."""
        geoid = self._undulation(window)
        land = height if self.datum == VerticalDatum.ELLIPSOID else height + geoid
        return np.where(water, geoid, land).astype(np.float32)

    def _undulation(self, window: Window) -> NDArray[np.float64]:
        """Height of the geoid (m) at the samples of a chunk: linear between nodes fixed to the lattice."""
        step = self._geoid_step
        lattice = self._lattice
        rows = np.arange(window.row, window.row_end + step, step)
        cols = np.arange(window.col, window.col_end + step, step)
        x, y = np.meshgrid(lattice.x0 + cols * lattice.dx, lattice.y0 - rows * lattice.dy)
        lon, lat = self._lon_lat(x, y)
        known = np.isfinite(lon) & np.isfinite(lat)  # corners of a chunk may lie beyond the projection
        nodes = self._geoid.undulation(np.where(known, lon, 0.0), np.where(known, lat, 0.0))
        nodes[~known] = np.nan
        fraction = np.arange(step) / step
        across = nodes[:, :-1, np.newaxis] + fraction * np.diff(nodes, axis=1)[:, :, np.newaxis]
        lines = across.reshape(len(rows), -1)
        down = lines[:-1, np.newaxis] + fraction[:, np.newaxis] * np.diff(lines, axis=0)[:, np.newaxis]
        return np.asarray(down.reshape(window.shape))

    @cached_property
    def _geoid_step(self) -> int:
        """Samples between the nodes of the geoid: a power of two, so that chunks begin at nodes."""
        metres = 111_320.0 if self._crs.is_geographic else self._crs.axis_info[0].unit_conversion_factor
        samples = _GEOID_STEP_METRES / (max(self.spacing) * metres)
        return int(2 ** min(8, max(0, math.floor(math.log2(samples)))))

    @cached_property
    def _geoid(self) -> GeoidGrid:
        """The geoid of the DEM's heights; for ellipsoidal heights EGM96, which then stands for the sea."""
        datum = VerticalDatum.EGM96 if self.datum == VerticalDatum.ELLIPSOID else self.datum
        try:
            return GeoidGrid(find_geoid(datum, self._given_geoid))
        except DemError as error:
            if self.datum != VerticalDatum.ELLIPSOID:
                raise
            raise DemError(
                f"voids of the DEM are to be filled with the height of the sea, but {error.message}",
                subject=str(self.path),
                advice=f"{error.advice}; or leave voids unknown (sea='nodata')",
            ) from error

    @property
    def _transformer(self) -> pyproj.Transformer:
        """From the DEM's CRS to longitude and latitude; one per thread, as PROJ wants it."""
        if not hasattr(self._to_lon_lat, "transformer"):
            self._to_lon_lat.transformer = pyproj.Transformer.from_crs(self._crs, "EPSG:4326", always_xy=True)
        transformer: pyproj.Transformer = self._to_lon_lat.transformer
        return transformer

    def _lon_lat(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Longitude and latitude (degrees) of points of the DEM's CRS."""
        if self._crs.is_geographic:
            return x, np.clip(y, -90.0, 90.0)
        lon, lat = self._transformer.transform(x, y)
        return lon, lat

    def _from_lon_lat(self, lon_lat_bounds: Bounds) -> Bounds:
        """A rectangle of longitude and latitude in the DEM's CRS.

        Raises:
            DemError: If the DEM's projection cannot show it.
        """
        if self._crs.is_geographic:
            return lon_lat_bounds
        try:
            bounds: Bounds = self._transformer.transform_bounds(*lon_lat_bounds, direction="INVERSE")
        except ProjError:
            bounds = (math.inf,) * 4
        if not all(map(math.isfinite, bounds)):
            raise DemError(
                f"the wanted {_lon_lat_text(lon_lat_bounds)} cannot be shown in the CRS of the DEM",
                subject=str(self.path),
                advice="Give a DEM of the area of the scene",
            )
        return bounds

    @cached_property
    def _footprint(self) -> shapely.Geometry:
        """What the files cover; geographic tiles on every turn of the Earth that callers may mean."""
        turns = (-360.0, 0.0, 360.0) if self._crs.is_geographic else (0.0,)
        boxes = [
            shapely.box(left + turn, bottom, right + turn, top)
            for left, bottom, right, top in (tile.bounds for tile in self._tiles)
            for turn in turns
        ]
        return shapely.union_all(boxes)


def _chunk_window(chunk_row: int, chunk_col: int) -> Window:
    return Window(chunk_row * _CHUNK, chunk_col * _CHUNK, _CHUNK, _CHUNK)


def _lon_lat_text(bounds: Bounds) -> str:
    west, south, east, north = bounds
    return f"longitudes {west:.3f}..{east:.3f}, latitudes {south:.3f}..{north:.3f}"

"""Elevation models for SNAP: a GeoTIFF in geographic coordinates, of the heights that the native engine uses.

Three things in SNAP call for it. It knows no geoid but EGM96; some of its operators add EGM96 to every external
model, whatever the graph says; and it reads external models half a pixel off, to the north-west.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numba import njit
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from rasterio.errors import RasterioError

from s1card.errors import DemError, ResourceError
from s1card.geometry.dem import Bounds, Dem
from s1card.geometry.dem_window import HeightPatch, sample_bilinear
from s1card.geometry.geoid import GeoidGrid, VerticalDatum, find_geoid
from s1card.raster.disk import disk_errors

NO_HEIGHT = -32768.0
"""Nodata of the prepared model; SNAP's default, 0, is a height."""
MARGIN = 0.05
"""Degrees prepared around the scenes: 5 km, more than terrain of 8 km shifts a pixel, and SNAP's own margins."""
STRIPE = 64
"""Rows written at a time."""
METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True)
class PreparedDem:
    """A model ready for SNAP.

    Attributes:
        path: The GeoTIFF.
        above_egm96: Whether its heights are above EGM96, for operators that add EGM96 always.
    """

    path: Path
    above_egm96: bool


@dataclass(frozen=True)
class Lattice:
    """Samples in longitude and latitude (degrees): centre of the first one, spacing, numbers."""

    lon0: float
    lat0: float
    dx: float
    dy: float
    rows: int
    cols: int


def prepare_dem(
    dem: Dem, area: Bounds, path: Path, *, above_egm96: bool, geoid: Path | None = None, placed: bool = True
) -> PreparedDem:
    """Write the part of an elevation model that an area needs.

    Samples of a model in EPSG:4326 are taken over as they are; others are interpolated bilinearly on a lattice of
    the same spacing.

    Args:
        dem: The model; its own reading gives ellipsoidal heights.
        area: West, south, east, north of the scenes, degrees.
        path: File to write.
        above_egm96: Whether to refer the heights to EGM96.
        geoid: Grid of EGM96, or a folder with one; None: searched.
        placed: Whether to move the file's georeference half a sample to the south-east, against SNAP's reading.

    Raises:
        DemError: The model does not cover the area, or there is no EGM96 grid.
        ResourceError: The disk is full.
    """
    dem.require_overlap(area)
    west, south, east, north = area
    grown = west - MARGIN, south - MARGIN, east + MARGIN, north + MARGIN
    lattice = _lattice(dem, grown)
    egm96 = GeoidGrid(find_geoid(VerticalDatum.EGM96, geoid)) if above_egm96 else None
    shift = 0.0 if placed else 0.5
    transform = rasterio.Affine(
        lattice.dx,
        0.0,
        lattice.lon0 - shift * lattice.dx,
        0.0,
        -lattice.dy,
        lattice.lat0 + shift * lattice.dy,
    )
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=lattice.cols,
            height=lattice.rows,
            count=1,
            dtype="float32",
            crs="EPSG:4326",
            transform=transform,
            nodata=NO_HEIGHT,
            bigtiff="IF_SAFER",
        ) as target:
            for row in range(0, lattice.rows, STRIPE):
                rows = min(STRIPE, lattice.rows - row)
                height = _heights(dem, lattice, row, rows, egm96)
                height[np.isnan(height)] = NO_HEIGHT
                target.write(height, 1, window=((row, row + rows), (0, lattice.cols)))
    except RasterioError as error:
        raise ResourceError(
            f"the elevation model cannot be written: {error}",
            subject=str(path),
            advice="Free some space, or name another scratch folder (S1CARD_SCRATCH)",
        ) from error
    return PreparedDem(path, above_egm96)


def _lattice(dem: Dem, area: Bounds) -> Lattice:
    """The lattice of the prepared model: that of the model itself where it is in longitude and latitude."""
    west, south, east, north = area
    if east - west > 180.0:
        raise DemError(
            "a scene across the date line cannot be served to SNAP",
            subject=dem.name,
            advice="Use --engine native",
        )
    if _is_geographic(dem):
        dx, dy = dem.spacing
        first = math.floor((west - dem.origin[0]) / dx), math.floor((dem.origin[1] - north) / dy)
        lon0, lat0 = dem.origin[0] + first[0] * dx, dem.origin[1] - first[1] * dy
    else:
        metres = min(dem.spacing) * CRS.from_user_input(dem.crs).axis_info[0].unit_conversion_factor
        dy = metres / METRES_PER_DEGREE
        dx = dy / max(0.05, math.cos(math.radians((south + north) / 2)))
        lon0, lat0 = west, north
    rows, cols = math.ceil((lat0 - south) / dy) + 1, math.ceil((east - lon0) / dx) + 1
    return Lattice(lon0, lat0, dx, dy, rows, cols)


def _is_geographic(dem: Dem) -> bool:
    """Whether the model is in WGS84 longitude and latitude, so that its samples may stay where they are."""
    return CRS.from_user_input(dem.crs).to_epsg() in (4326, 4979)


def _heights(dem: Dem, lattice: Lattice, row: int, rows: int, egm96: GeoidGrid | None) -> NDArray[np.float32]:
    """Rows of the prepared model, NaN where nothing is known."""
    lat = lattice.lat0 - np.arange(row, row + rows, dtype=np.float64) * lattice.dy
    lon = lattice.lon0 + np.arange(lattice.cols, dtype=np.float64) * lattice.dx
    if _is_geographic(dem):
        patch = dem.read(lon[0], lat[-1], lon[-1], lat[0])
        r, c = round(float(patch.row(lat[0]))), round(float(patch.col(lon[0])))
        height = patch.height[r : r + rows, c : c + lattice.cols].copy()
    else:
        height = _resampled(dem, lon, lat)
    if egm96 is not None:
        height -= egm96.undulation(*np.meshgrid(lon, lat)).astype(np.float32)
    return height


def _resampled(dem: Dem, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float32]:
    transformer = Transformer.from_crs("EPSG:4326", dem.crs, always_xy=True)
    x, y = transformer.transform(*np.meshgrid(lon, lat))
    known = np.isfinite(x) & np.isfinite(y)
    height = np.full(x.shape, np.nan, np.float32)
    if known.any():
        patch = dem.read(x[known].min(), y[known].min(), x[known].max(), y[known].max())
        height[known] = _sampled(patch, x[known], y[known])
    return height


def _sampled(patch: HeightPatch, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float32]:
    return _sample(patch.height, patch.row(y), patch.col(x))


@njit(cache=True, nogil=True)
def _sample(
    height: NDArray[np.float32], row: NDArray[np.float64], col: NDArray[np.float64]
) -> NDArray[np.float32]:
    values = np.empty(row.size, np.float32)
    for k in range(row.size):
        values[k] = sample_bilinear(height, row[k], col[k])
    return values

"""The output grid of Terrain-Correction, by SNAP's rules.

SNAP derives the extent from the tie points of the four image corners and takes the north-west corner of that extent
as the *centre* of the first pixel. Where the terrain is not as high as the tie points say, that cuts the image off: so
the extent grows where a corner, on the terrain, lies farther out than tie points are accurate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from s1card.engine.native.context import Parameters
from s1card.engine.native.product import Product
from s1card.engine.native.tie_grid import unwrapped_longitude
from s1card.errors import GraphError
from s1card.geometry.dem import Dem
from s1card.geometry.ellipsoid import SEMI_MAJOR_AXIS, SEMI_MINOR_AXIS
from s1card.geometry.ground_points import Place, terrain_place
from s1card.geometry.map_grid import MapGrid
from s1card.geometry.orbit import OrbitTable

EDGE_SAMPLES = 200
TIE_POINT_ACCURACY = 50.0  # m; real ones differ from range-Doppler by up to 20 m (docs/footprints.md)
METRES_PER_DEGREE = SEMI_MAJOR_AXIS * math.pi / 180
DEFAULT_CRS = "WGS84(DD)"
AUTO_UTM = "AUTO:42001"


@dataclass(frozen=True)
class Extent:
    """Longitudes and latitudes that enclose an image, degrees."""

    west: float
    south: float
    east: float
    north: float

    def grown_to(self, place: Place, tolerance: float) -> Extent:
        """The extent with a place in it, or the same where that lies no farther out than a tolerance (m)."""
        north = tolerance / METRES_PER_DEGREE
        east = north / math.cos(math.radians(place.latitude))
        turns = round(((self.west + self.east) / 2.0 - place.longitude) / 360.0)
        longitude = place.longitude + 360.0 * turns
        return Extent(
            longitude if longitude < self.west - east else self.west,
            place.latitude if place.latitude < self.south - north else self.south,
            longitude if longitude > self.east + east else self.east,
            place.latitude if place.latitude > self.north + north else self.north,
        )


def output_grid(source: Product, parameters: Parameters, orbit: OrbitTable, dem: Dem) -> MapGrid:
    """The map grid that the parameters of Terrain-Correction ask for.

    Raises:
        GraphError: The projection cannot be read, or the grid would be empty.
    """
    extent = terrain_extent(source, orbit, dem)
    crs = map_projection(parameters["mapProjection"], source)
    spacing = pixel_spacing(source, parameters, crs.is_geographic)
    left, bottom, right, top = _projected(extent, crs)
    name = f"EPSG:{crs.to_epsg()}" if crs.to_epsg() else crs.to_wkt()
    if parameters["alignToStandardGrid"]:
        origin_x, origin_y = parameters["standardGridOriginX"], parameters["standardGridOriginY"]
        left = math.floor((left - origin_x) / spacing) * spacing + origin_x
        top = math.ceil((top - origin_y) / spacing) * spacing + origin_y
        cols, rows = math.ceil((right - left) / spacing), math.ceil((top - bottom) / spacing)
    else:
        cols, rows = math.floor((right - left) / spacing), math.floor((top - bottom) / spacing)
    if cols < 1 or rows < 1:
        raise GraphError(
            f"a pixel spacing of {spacing:g} leaves no pixel of the scene", subject=source.scene.name
        )
    return MapGrid(name, left - spacing / 2, top + spacing / 2, spacing, spacing, rows, cols)


def pixel_spacing(source: Product, parameters: Parameters, is_geographic: bool) -> float:
    """Output spacing in units of the map, from metres, degrees, or the scene's own spacing."""
    metres, degrees = float(parameters["pixelSpacingInMeter"]), float(parameters["pixelSpacingInDegree"])
    if metres <= 0 and degrees <= 0:
        metres = max(source.ground_spacing)
    if metres <= 0:
        metres = degrees * SEMI_MINOR_AXIS * math.pi / 180
    if degrees <= 0:
        degrees = metres / SEMI_MAJOR_AXIS * 180 / math.pi
    return degrees if is_geographic else metres


def map_projection(text: str | None, source: Product) -> CRS:
    """The CRS of ``mapProjection``: empty or WGS84(DD), ``AUTO:42001``, digits, ``EPSG:n``, or WKT.

    Raises:
        GraphError: None of these.
    """
    name = (text or DEFAULT_CRS).strip()
    if name == DEFAULT_CRS or name.startswith(f'GEOGCS["{DEFAULT_CRS}"'):
        return CRS.from_epsg(4326)
    if name.upper().startswith(AUTO_UTM):
        return _automatic_utm(source)
    try:
        return CRS.from_user_input(f"EPSG:{name}" if name.isdigit() else name)
    except CRSError as error:
        raise GraphError(
            f"mapProjection {name[:60]!r} is not understood",
            advice="Use AUTO:42001, EPSG:<code> or WKT",
        ) from error


def _automatic_utm(source: Product) -> CRS:
    """UTM zone of the scene centre."""
    extent = image_extent(source)
    zone = math.floor(((extent.west + extent.east) / 2 + 180) / 6) % 60 + 1
    return CRS.from_epsg((32600 if extent.north + extent.south >= 0 else 32700) + zone)


def terrain_extent(source: Product, orbit: OrbitTable, dem: Dem) -> Extent:
    """Bounds of the four corner pixel centres: those of the tie points, and what the terrain shows beyond them."""
    extent = image_extent(source)
    for sample, near in _corners(source).items():
        place = terrain_place(source.radar_grid, orbit, dem, sample, near)
        if place is not None:
            extent = extent.grown_to(place, TIE_POINT_ACCURACY)
    return extent


def image_extent(source: Product) -> Extent:
    """Bounds of the four corner pixel centres, from SNAP's tie points."""
    places = _corners(source).values()
    longitude, latitude = [p.longitude for p in places], [p.latitude for p in places]
    return Extent(min(longitude), min(latitude), max(longitude), max(latitude))


def _corners(source: Product) -> dict[tuple[float, float], Place]:
    """Where tie points have the corners, by line and pixel; longitudes go on beyond 180 degrees."""
    rows, cols = source.shape
    samples = [(line, pixel) for line in (0.0, rows - 1.0) for pixel in (0.0, cols - 1.0)]
    latitude, longitude = source.tie_grid.position(*np.array(samples).T)
    places = zip(unwrapped_longitude(longitude), latitude, strict=True)
    return {sample: Place(float(x), float(y)) for sample, (x, y) in zip(samples, places, strict=True)}


def _projected(extent: Extent, crs: CRS) -> tuple[float, float, float, float]:
    """Bounds of the extent's outline on the map."""
    if crs.is_geographic:
        return extent.west, extent.south, extent.east, extent.north
    t = np.linspace(0.0, 1.0, EDGE_SAMPLES)
    lon = extent.west + (extent.east - extent.west) * np.concatenate([t, t, 0 * t, 0 * t + 1])
    lat = extent.south + (extent.north - extent.south) * np.concatenate([0 * t, 0 * t + 1, t, t])
    try:
        x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat, errcheck=True)
    except ProjError as error:
        raise GraphError(f"the scene cannot be shown in {crs.name}: {error}") from error
    return float(np.min(x)), float(np.min(y)), float(np.max(x)), float(np.max(y))

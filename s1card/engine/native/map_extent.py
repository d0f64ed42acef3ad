"""The output grid of Terrain-Correction, by SNAP's rules.

SNAP derives the extent from the tie points of the four image corners and takes the north-west corner of that extent
as the *centre* of the first pixel.
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
from s1card.geometry.ellipsoid import SEMI_MAJOR_AXIS, SEMI_MINOR_AXIS
from s1card.geometry.map_grid import MapGrid

EDGE_SAMPLES = 200
DEFAULT_CRS = "WGS84(DD)"
AUTO_UTM = "AUTO:42001"


@dataclass(frozen=True)
class Extent:
    """Longitudes and latitudes that enclose an image, degrees."""

    west: float
    south: float
    east: float
    north: float


def output_grid(source: Product, parameters: Parameters) -> MapGrid:
    """The map grid that the parameters of Terrain-Correction ask for.

    Raises:
        GraphError: The projection cannot be read, or the grid would be empty.
    """
    extent = image_extent(source)
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


def image_extent(source: Product) -> Extent:
    """Bounds of the four corner pixel centres, from SNAP's tie points."""
    rows, cols = source.shape
    line, pixel = np.array([0.0, 0.0, rows - 1.0, rows - 1.0]), np.array([0.0, cols - 1.0, 0.0, cols - 1.0])
    latitude, longitude = source.tie_grid.position(line, pixel)
    longitude = unwrapped_longitude(longitude)
    return Extent(
        float(longitude.min()), float(latitude.min()), float(longitude.max()), float(latitude.max())
    )


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

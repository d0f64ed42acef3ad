"""The outline of the valid data of a raster, on the globe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from rasterio.windows import Window as RasterWindow
from shapely.geometry import MultiPoint, MultiPolygon, Polygon, box
from shapely.geometry.polygon import orient

from s1card.card.raster_facts import RasterFacts
from s1card.errors import DataError

MAX_PIXELS = 40_000_000
"""Of the overview that the outline is taken from: of a full scene its pixels are 40 m, the outline is right to 20 m."""

EDGE_PARTS = 32
"""Parts that the outline's longest extent is cut into before it is turned into longitude and latitude."""

_STRIP_ROWS = 512


@dataclass(frozen=True)
class Footprint:
    """Outline in longitude and latitude (degrees, WGS 84), counter-clockwise.

    Attributes:
        geometry: A polygon, or two where it crosses the antimeridian.
        bbox: West, south, east, north; west > east across the antimeridian (RFC 7946).
    """

    geometry: Polygon | MultiPolygon
    bbox: tuple[float, float, float, float]


def valid_footprint(facts: RasterFacts) -> Footprint:
    """The convex hull of the valid pixels of a raster, read from an overview.

    Raises:
        DataError: No pixel is valid.
    """
    overview, factor = _overview(facts)
    points = _edge_points(facts, overview, factor)
    if not len(points):
        raise DataError(
            "the card holds no valid pixel",
            subject=facts.path.name,
            advice="Check that the elevation model and the area of interest cover the scene",
        )
    half = 0.5 * factor * facts.transform[0]
    hull = MultiPoint(points).convex_hull
    if not isinstance(hull, Polygon):  # a single pixel, row or column
        hull = hull.buffer(half)
    return to_globe(Polygon(shapely.get_coordinates(hull.simplify(half))), facts.wkt)


def to_globe(outline: Polygon, crs: str) -> Footprint:
    """An outline on a map as longitude and latitude, its edges following the map's straight lines."""
    west, south, east, north = outline.bounds
    dense = shapely.segmentize(outline, max(east - west, north - south) / EDGE_PARTS)
    transformer = Transformer.from_crs(CRS.from_user_input(crs), "EPSG:4326", always_xy=True)
    longitude, latitude = transformer.transform(*np.asarray(dense.exterior.coords)[:, :2].T)
    # Longitudes run on past 180 degrees, so that a polygon across the antimeridian stays in one piece here.
    longitude = longitude[0] + (longitude - longitude[0] + 180) % 360 - 180
    globe = Polygon(np.round(np.column_stack([longitude, latitude]), 6))
    parts = [part for turn in (-360, 0, 360) if (part := _part(globe, turn)) is not None]
    bounds = shapely.bounds(parts)
    west, east = bounds[0][0], bounds[-1][2]
    if len(parts) > 1:
        west, east = max(bounds[:, 0]), min(bounds[:, 2])
    box_ = (float(west), float(bounds[:, 1].min()), float(east), float(bounds[:, 3].max()))
    return Footprint(parts[0] if len(parts) == 1 else MultiPolygon(parts), box_)


def _part(globe: Polygon, turn: int) -> Polygon | None:
    """What lies in -180..180 of a polygon turned about the globe."""
    moved = shapely.transform(globe, lambda points: points + np.array([turn, 0]))
    part = moved.intersection(box(-180, -90, 180, 90))
    return orient(part) if isinstance(part, Polygon) and part.area > 0 else None


def _overview(facts: RasterFacts) -> tuple[int | None, int]:
    """Level and reduction factor of the finest overview that is small enough (None, 1: the image itself)."""
    levels = [(None, 1), *enumerate(facts.overviews)]
    rows, cols = facts.shape
    return next((found for found in levels if rows * cols <= MAX_PIXELS * found[1] ** 2), levels[-1])


def _edge_points(facts: RasterFacts, overview: int | None, factor: int) -> NDArray[np.float64]:
    """Centres (map x, y) of the first and last valid pixel of every row, n x 2."""
    options = {} if overview is None else {"overview_level": overview}
    a, _, left, _, e, top = facts.transform
    points = []
    with rasterio.open(facts.path, **options) as source:
        for row in range(0, source.height, _STRIP_ROWS):
            rows = min(_STRIP_ROWS, source.height - row)
            values = source.read(1, window=RasterWindow(0, row, source.width, rows))
            valid = _is_valid(values, source.nodata)
            found = np.flatnonzero(valid.any(axis=1))
            first = valid[found].argmax(axis=1)
            last = valid.shape[1] - 1 - valid[found, ::-1].argmax(axis=1)
            for col in (first, last):
                x = left + (np.minimum((col + 0.5) * factor, facts.shape[1])) * a
                y = top + (np.minimum((found + row + 0.5) * factor, facts.shape[0])) * e
                points.append(np.column_stack([x, y]))
    return np.concatenate(points) if points else np.empty((0, 2))


def _is_valid(values: NDArray[np.generic], nodata: float | None) -> NDArray[np.bool_]:
    if nodata is None or np.isnan(nodata):
        return np.asarray(~np.isnan(values))
    return np.asarray(values != nodata)

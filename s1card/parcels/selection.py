"""Which parcels are worth to be measured: large enough, and inside the area of interest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from s1card.errors import UsageError
from s1card.parcels.areas import ground_areas
from s1card.parcels.chunks import in_chunks
from s1card.parcels.records import ParcelSet, Skipped
from s1card.parcels.reference_system import (
    LONGITUDE_LATITUDE,
    Transformation,
    horizontal_system,
    lonlat_bounds,
)

MINIMUM_AREA = 3000.0
"""m²: the original leaves out parcels that hold too few pixels."""

TOO_SMALL = "smaller than the minimum area"
OUTSIDE = "outside the area of interest"

_STEP = 0.01
"""Degrees: the outline of an area of interest is straight in longitude and latitude; 0.3 m off it is curved."""

_MARGIN = 1.0
"""Degrees around the parcels beyond which an area of interest does not matter."""


@dataclass(frozen=True, eq=False)
class Selection:
    """Parcels that are wanted, and why others are not, in the order of the set."""

    parcels: ParcelSet
    skipped: tuple[Skipped, ...]


def select_parcels(
    parcels: ParcelSet,
    *,
    minimum_area: float = MINIMUM_AREA,
    area: str | None = None,
    aoi_buffer: float = 0.0,
) -> Selection:
    """Parcels of at least an area that meet the area of interest.

    Args:
        parcels: Parcels in any coordinate reference system.
        minimum_area: On the ground, m²; 0 for all.
        area: Area of interest: WKT of a polygon or multipolygon in longitude and latitude; None for everywhere. A
            parcel that touches it belongs to it.
        aoi_buffer: Width by which the area of interest grows, m.

    Raises:
        UsageError: The area of interest is no polygon.
    """
    system = horizontal_system(parcels.crs)
    reasons = np.zeros(len(parcels), np.uint8)
    ground = np.zeros(0)
    if minimum_area > 0:
        ground = ground_areas(parcels.geometries, system)
        reasons[~(ground >= minimum_area)] = 1
    if area is not None:
        reasons[~_meets(parcels, _polygon(area), aoi_buffer, system)] = 2
    skipped = [
        Skipped(parcels.ids[k], TOO_SMALL, f"{ground[k]:.1f} m²")
        if reasons[k] == 1
        else Skipped(parcels.ids[k], OUTSIDE)
        for k in np.flatnonzero(reasons)
    ]
    return Selection(take(parcels, reasons == 0), tuple(skipped))


def take(parcels: ParcelSet, wanted: NDArray[np.bool_]) -> ParcelSet:
    """Some parcels of a set, with their numbers; the set itself if all are wanted."""
    return parcels if wanted.all() else parcels.part(wanted)


def _polygon(text: str) -> BaseGeometry:
    try:
        shape = shapely.from_wkt(text)
    except shapely.GEOSException as error:
        raise UsageError(f"the area of interest is not WKT: {error}", subject=text[:60]) from error
    if shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
        raise UsageError("the area of interest is not a polygon", subject=text[:60])
    west, south, east, north = shape.bounds
    if not (-540.0 <= west <= east <= 540.0 and -90.0 <= south <= north <= 90.0):
        raise UsageError(
            "the area of interest is not in degrees", subject=text[:60], advice="Give longitude and latitude"
        )
    return shape if shape.is_valid else shapely.make_valid(shape)


def _meets(parcels: ParcelSet, area: BaseGeometry, width: float, system: CRS) -> NDArray[np.bool_]:
    """Which parcels meet an area (longitude, latitude) that has grown by a width (m)."""
    if not len(parcels):
        return np.zeros(0, bool)
    shape = _on_map(_grown(area, width), parcels, system)
    if shape is None:
        return np.zeros(len(parcels), bool)
    shapely.prepare(shape)
    return np.concatenate(in_chunks(lambda some: shapely.intersects(shape, some), parcels.geometries))


def _grown(area: BaseGeometry, width: float) -> BaseGeometry:
    """An area in degrees with a margin of metres, measured on a map that keeps areas about its middle."""
    if width == 0:
        return area
    outline = shapely.segmentize(area, _STEP)
    longitude, latitude = shapely.get_coordinates(shapely.centroid(area))[0]
    local = CRS.from_user_input(f"+proj=laea +lon_0={longitude} +lat_0={latitude} +datum=WGS84 +units=m")
    to_map = Transformation(LONGITUDE_LATITUDE, local, area.bounds)
    on_map = shapely.buffer(shapely.transform(outline, to_map), width)
    back = Transformation(local, LONGITUDE_LATITUDE, on_map.bounds)
    return shapely.transform(on_map, back)


def _on_map(area: BaseGeometry, parcels: ParcelSet, system: CRS) -> BaseGeometry | None:
    """The part of an area (degrees) around the parcels, on their map; None if there is none.

    Only that part, since a map need not be defined far from what it is for.
    """
    west, south, east, north = shapely.total_bounds(parcels.geometries)
    around = lonlat_bounds((west, south, east, north), system)
    if around is None:
        return None
    frame = shapely.box(
        around[0] - _MARGIN,
        max(-90.0, around[1] - _MARGIN),
        around[2] + _MARGIN,
        min(90.0, around[3] + _MARGIN),
    )
    part = shapely.segmentize(shapely.intersection(area, frame), _STEP)
    if part.is_empty:
        return None
    to_map = Transformation(LONGITUDE_LATITUDE, system, part.bounds)
    on_map = shapely.transform(part, to_map)
    return on_map if on_map.is_valid else shapely.make_valid(on_map)

"""Areas on the ground, whatever the map."""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from s1card.geometry.ellipsoid import ECCENTRICITY_SQUARED, SEMI_MAJOR_AXIS
from s1card.parcels.chunks import in_chunks
from s1card.parcels.records import Geometries
from s1card.parcels.reference_system import LONGITUDE_LATITUDE, Transformation, unit

Floats = NDArray[np.float64]

_STEP = 50.0
"""Distance (m) over which the scale of a map is measured on either side of a parcel's centroid."""


def ground_areas(geometries: Geometries, system: CRS) -> Floats:
    """Areas of polygons on the WGS84 ellipsoid, with edges that are straight on their own map.

    Area on the map times the areal scale at the centroid. The scale changes over a parcel, but its linear part cancels
    about the centroid: what is left is (size / earth radius) squared, 2.5e-6 for a parcel 10 km wide.

    Args:
        geometries: n polygons or multipolygons, none of them missing or empty.
        system: Their coordinate reference system.

    Returns:
        n, m²; NaN where the map has no place on earth.
    """
    if len(geometries) == 0:
        return np.zeros(0)
    west, south, east, north = shapely.total_bounds(geometries)
    to_degrees = Transformation(system, LONGITUDE_LATITUDE, (west, south, east, north))
    step = _STEP / (SEMI_MAJOR_AXIS if system.is_geographic else 1.0) / unit(system)
    return np.concatenate(in_chunks(lambda some: _areas(some, to_degrees, step), geometries))


def _areas(geometries: Geometries, to_degrees: Transformation, step: float) -> Floats:
    centre = shapely.get_coordinates(shapely.centroid(geometries))
    return np.asarray(shapely.area(geometries) * _areal_scale(centre, to_degrees, step))


def _areal_scale(centre: Floats, to_degrees: Transformation, step: float) -> Floats:
    """Square metres on the ellipsoid per square unit of the map, by central differences.

    Args:
        centre: n x 2.
        to_degrees: From the map to longitude and latitude.
        step: Units of the map.
    """
    to_east, to_north = np.array([step, 0.0]), np.array([0.0, step])
    around = [centre + to_east, centre - to_east, centre + to_north, centre - to_north]
    degrees = to_degrees(np.concatenate(around)).reshape(4, -1, 2)
    with np.errstate(invalid="ignore"):  # places that PROJ calls infinite
        along_x, along_y = degrees[0] - degrees[1], degrees[2] - degrees[3]
        for along in (along_x, along_y):
            along[:, 0] = (along[:, 0] + 180.0) % 360.0 - 180.0
        determinant = np.abs(along_x[:, 0] * along_y[:, 1] - along_x[:, 1] * along_y[:, 0])
        latitude = np.radians(degrees[:, :, 1].mean(axis=0))
        scale = determinant * math.radians(1.0) ** 2 / (2.0 * step) ** 2 * _square_radian(latitude)
        return np.where(np.isfinite(scale) & (np.abs(latitude) < math.pi / 2), scale, np.nan)


def _square_radian(latitude: Floats) -> Floats:
    """Square metres of the ellipsoid per radian of longitude and radian of latitude, at a latitude (rad)."""
    root = 1.0 - ECCENTRICITY_SQUARED * np.sin(latitude) ** 2
    return np.asarray(SEMI_MAJOR_AXIS**2 * (1.0 - ECCENTRICITY_SQUARED) / root**2 * np.cos(latitude))

"""The WGS84 ellipsoid: geodetic and earth-centred coordinates."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SEMI_MAJOR_AXIS = 6_378_137.0
FLATTENING = 1.0 / 298.257223563
SEMI_MINOR_AXIS = SEMI_MAJOR_AXIS * (1.0 - FLATTENING)
ECCENTRICITY_SQUARED = FLATTENING * (2.0 - FLATTENING)


@njit(cache=True, nogil=True, inline="always")
def ecef(longitude: float, latitude: float, height: float) -> tuple[float, float, float]:
    """Earth-centred coordinates (m) of a point given by longitude and latitude (rad) and height (m)."""
    sin_lat, cos_lat = math.sin(latitude), math.cos(latitude)
    normal = SEMI_MAJOR_AXIS / math.sqrt(1.0 - ECCENTRICITY_SQUARED * sin_lat * sin_lat)
    radius = (normal + height) * cos_lat
    return (
        radius * math.cos(longitude),
        radius * math.sin(longitude),
        (normal * (1.0 - ECCENTRICITY_SQUARED) + height) * sin_lat,
    )


@njit(cache=True, nogil=True)
def ecef_points(longitude: Floats, latitude: Floats, height: Floats) -> Floats:
    """Earth-centred coordinates of n points.

    Args:
        longitude, latitude: n, degrees.
        height: n, metres above the ellipsoid.

    Returns:
        n x 3, metres.
    """
    points = np.empty((longitude.size, 3))
    for i in range(longitude.size):
        x, y, z = ecef(math.radians(longitude[i]), math.radians(latitude[i]), height[i])
        points[i, 0], points[i, 1], points[i, 2] = x, y, z
    return points


@njit(cache=True, nogil=True)
def geodetic(x: float, y: float, z: float) -> tuple[float, float, float]:
    """Longitude, latitude (rad) and height (m) of an earth-centred point (m).

    Bowring's formula (1976), applied twice: exact to a nanometre up to some 10 km from the ellipsoid.
    """
    distance = math.hypot(x, y)
    tangent = z * SEMI_MAJOR_AXIS / (distance * SEMI_MINOR_AXIS)  # of the reduced latitude
    second = ECCENTRICITY_SQUARED / (1.0 - ECCENTRICITY_SQUARED)
    sine = cosine = 0.0
    for _ in range(2):
        cosine = 1.0 / math.sqrt(1.0 + tangent * tangent)
        sine = tangent * cosine
        numerator = z + second * SEMI_MINOR_AXIS * sine * sine * sine
        tan_lat = numerator / (distance - ECCENTRICITY_SQUARED * SEMI_MAJOR_AXIS * cosine * cosine * cosine)
        tangent = (1.0 - FLATTENING) * tan_lat
    latitude = math.atan(tan_lat)
    sin_lat, cos_lat = math.sin(latitude), math.cos(latitude)
    root = math.sqrt(1.0 - ECCENTRICITY_SQUARED * sin_lat * sin_lat)
    height = distance * cos_lat + z * sin_lat - SEMI_MAJOR_AXIS * root
    return math.atan2(y, x), latitude, height

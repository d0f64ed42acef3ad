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

"""How slopes change the backscatter that the sensor receives.

Gamma nought of a field is power over area perpendicular to the look direction, beta nought is power over area in the
slant plane. A plane element of normal n that is seen in the direction s, with the flight along a, covers (n . s) dA of
the first and |n . (s x a)| dA of the second; on level ground the ratio is 1 / tan(incidence). Everything is taken in
earth-centred coordinates at the very point that a pixel sees.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from s1card.scene.records import Floats
from s1card.simulate.ellipsoid import ECCENTRICITY2, SEMI_MAJOR
from s1card.simulate.terrain import Heights, height_at
from s1card.simulate.view import View

STEEPEST = (
    1e-3  # of |n . (s x a)|: beyond, the slope is seen edge-on in the slant plane and the ratio has no bound
)
APART = 1e-3  # of a sample of the elevation model, between the points that a slope is taken from


class Flightpath(NamedTuple):
    """Place (lines, 3) and unit direction of flight (lines, 3) of the sensor, earth-fixed; empty without slopes."""

    place: Floats
    direction: Floats


LEVEL = Flightpath(np.empty((0, 3)), np.empty((0, 3)))


def flightpath(view: View) -> Flightpath:
    """The path over the lines of an image."""
    time = view.line_time(np.arange(float(view.lines)))
    velocity = view.orbit.velocity(time)
    return Flightpath(
        np.ascontiguousarray(view.orbit.position(time)),
        np.ascontiguousarray(velocity / np.linalg.norm(velocity, axis=-1, keepdims=True)),
    )


@njit(cache=True, nogil=True)
def beta_over_gamma(
    heights: Heights, place: Floats, direction: Floats, longitude: float, latitude: float, height: float
) -> float:
    """Beta nought over gamma nought of the terrain at a point (degrees, m); 0 where it looks away from the sensor.

    Args:
        heights: Terrain; the slope is that of the bilinear surface.
        place, direction: Of the sensor, earth-fixed (3).
        longitude, latitude, height: The point.
    """
    lon, lat = math.radians(longitude), math.radians(latitude)
    sin_lat, cos_lat, sin_lon, cos_lon = math.sin(lat), math.cos(lat), math.sin(lon), math.cos(lon)
    w = 1.0 - ECCENTRICITY2 * sin_lat * sin_lat
    normal = SEMI_MAJOR / math.sqrt(w)
    meridian = normal * (1.0 - ECCENTRICITY2) / w
    d = APART * heights.step
    per_degree = 0.5 / d / math.radians(1.0)
    east = (height_at(heights, longitude + d, latitude) - height_at(heights, longitude - d, latitude)) * (
        per_degree / ((normal + height) * cos_lat)
    )
    north = (height_at(heights, longitude, latitude + d) - height_at(heights, longitude, latitude - d)) * (
        per_degree / (meridian + height)
    )
    px = (normal + height) * cos_lat * cos_lon
    py = (normal + height) * cos_lat * sin_lon
    pz = (normal * (1.0 - ECCENTRICITY2) + height) * sin_lat
    nx = cos_lat * cos_lon + east * sin_lon + north * sin_lat * cos_lon
    ny = cos_lat * sin_lon - east * cos_lon + north * sin_lat * sin_lon
    nz = sin_lat - north * cos_lat
    sx, sy, sz = place[0] - px, place[1] - py, place[2] - pz
    distance = math.sqrt(sx * sx + sy * sy + sz * sz)
    facing = (nx * sx + ny * sy + nz * sz) / distance
    if facing <= 0.0:
        return 0.0
    ax, ay, az = direction[0], direction[1], direction[2]
    mx, my, mz = sy * az - sz * ay, sz * ax - sx * az, sx * ay - sy * ax
    across = abs(nx * mx + ny * my + nz * mz) / distance
    return float(facing / max(across, STEEPEST))

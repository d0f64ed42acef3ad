"""Places on the ground that radar samples see, where their height is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.geometry.coregistration import ground_point
from s1card.geometry.dem import Dem
from s1card.geometry.ellipsoid import ecef
from s1card.geometry.orbit import OrbitTable, state_at
from s1card.geometry.radar_grid import RadarGrid

Floats = NDArray[np.float64]

STEPS = 50  # of the search for the terrain that a sample sees
SETTLED = 1.0  # m between two steps


def ground_places(
    orbit: OrbitTable, time: Floats, slant_range: Floats, height: Floats, start: Floats
) -> tuple[Floats, Floats]:
    """Longitude and latitude of a lattice of radar samples.

    Args:
        orbit: Of the sensor.
        time: Zero-Doppler time of n rows, s since the epoch of the orbit.
        slant_range: Of m columns, m.
        height: n x m, m above the ellipsoid; NaN where unknown.
        start: An earth-centred point (m) on the ground that the sensor sees, to begin with.

    Returns:
        n x m, degrees; NaN where the height is unknown.
    """
    longitude, latitude = np.empty(height.shape), np.empty(height.shape)
    _ground_places((orbit.time, orbit.coefficients), time, slant_range, height, start, longitude, latitude)
    return longitude, latitude


@dataclass(frozen=True)
class Place:
    """A place on the ground, degrees."""

    longitude: float
    latitude: float


def terrain_place(
    radar: RadarGrid, orbit: OrbitTable, dem: Dem, sample: tuple[float, float], near: Place
) -> Place | None:
    """Where the terrain is that a radar sample sees, to some metres.

    The height of the terrain at the place found is the height of the next one; outside of layover that converges.

    Args:
        radar: Grid of the image.
        orbit: Of the sensor, with the epoch of the grid.
        dem: Terrain.
        sample: Line and pixel.
        near: Where to begin.

    Returns:
        None where the terrain is unknown or the search does not settle.
    """
    time = radar.azimuth_time(sample[0])
    slant_range = radar.slant_range(time, np.asarray(sample[1])).reshape(1)
    height = 0.0
    for _ in range(STEPS):
        start = np.array(ecef(math.radians(near.longitude), math.radians(near.latitude), height))
        seen = ground_places(orbit, time.reshape(1), slant_range, np.full((1, 1), height), start)
        near = Place(*(float(value[0, 0]) for value in seen))
        terrain = dem.height_at(near.longitude, near.latitude) if math.isfinite(near.longitude) else math.nan
        if not abs(terrain - height) > SETTLED:  # also NaN
            return near if math.isfinite(terrain) else None
        height = terrain
    return None


@njit(cache=True, nogil=True)
def _ground_places(
    orbit: tuple[Floats, Floats],
    time: Floats,
    slant_range: Floats,
    height: Floats,
    start: Floats,
    longitude: Floats,
    latitude: Floats,
) -> None:
    for i in range(time.size):
        state = state_at(orbit[0], orbit[1], time[i])
        point = start.copy()
        for j in range(slant_range.size):
            longitude[i, j] = latitude[i, j] = np.nan
            if height[i, j] == height[i, j]:
                lon, lat = ground_point(state, slant_range[j], height[i, j], point)
                longitude[i, j], latitude[i, j] = math.degrees(lon), math.degrees(lat)

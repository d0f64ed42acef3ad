"""Places on the ground that radar samples see, where their height is known."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.geometry.coregistration import ground_point
from s1card.geometry.orbit import OrbitTable, state_at

Floats = NDArray[np.float64]


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

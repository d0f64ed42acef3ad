"""The WGS84 ellipsoid, apart from :mod:`s1card.geometry`: the truth owes nothing to what it tests."""

from __future__ import annotations

import numpy as np

from s1card.scene.records import Floats

SEMI_MAJOR = 6_378_137.0
FLATTENING = 1.0 / 298.257223563
SEMI_MINOR = SEMI_MAJOR * (1.0 - FLATTENING)
ECCENTRICITY2 = FLATTENING * (2.0 - FLATTENING)


def up_vector(longitude: Floats | float, latitude: Floats | float) -> Floats:
    """Unit normals (..., 3) of the ellipsoid at geodetic positions in degrees."""
    lon, lat = np.broadcast_arrays(np.radians(longitude), np.radians(latitude))
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def geodetic_to_ecef(longitude: Floats | float, latitude: Floats | float, height: Floats | float) -> Floats:
    """Earth-fixed positions (..., 3) in metres of geodetic positions in degrees and metres."""
    up = up_vector(longitude, latitude)
    normal_radius = SEMI_MAJOR / np.sqrt(1.0 - ECCENTRICITY2 * up[..., 2] ** 2)
    radius = np.asarray(normal_radius + height)
    polar = normal_radius * (1.0 - ECCENTRICITY2) + height
    return np.stack([radius * up[..., 0], radius * up[..., 1], polar * up[..., 2]], axis=-1)


def ecef_to_geodetic(position: Floats) -> tuple[Floats, Floats, Floats]:
    """Longitude and latitude in degrees and height in metres of positions (..., 3).

    Bowring's formula (1976) with one iteration more than near the surface needs (error below 1 nm).
    """
    x, y, z = position[..., 0], position[..., 1], position[..., 2]
    distance = np.hypot(x, y)
    reduced = np.arctan2(z * SEMI_MAJOR, distance * SEMI_MINOR)
    second = ECCENTRICITY2 / (1.0 - ECCENTRICITY2)
    for _ in range(3):
        latitude = np.arctan2(
            z + second * SEMI_MINOR * np.sin(reduced) ** 3,
            distance - ECCENTRICITY2 * SEMI_MAJOR * np.cos(reduced) ** 3,
        )
        reduced = np.arctan2(SEMI_MINOR * np.sin(latitude), SEMI_MAJOR * np.cos(latitude))
    normal_radius = SEMI_MAJOR / np.sqrt(1.0 - ECCENTRICITY2 * np.sin(latitude) ** 2)
    height = distance * np.cos(latitude) + z * np.sin(latitude) - SEMI_MAJOR**2 / normal_radius
    return np.degrees(np.arctan2(y, x)), np.degrees(latitude), height

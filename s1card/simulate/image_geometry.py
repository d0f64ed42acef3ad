"""What the annotation says of the geometry: state vectors, geolocation grid, heading."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from s1card.scene.records import SPEED_OF_LIGHT, Floats, GeolocationGrid, Ints, StateVectors
from s1card.simulate.acquisition import Acquisition
from s1card.simulate.config import GrdConfig
from s1card.simulate.ellipsoid import ecef_to_geodetic
from s1card.simulate.ground import TerrainSearch, on_terrain
from s1card.simulate.orbit import CircularOrbit, incidence_angle
from s1card.simulate.terrain import Heights
from s1card.simulate.view import View

GRID_COLUMNS = 21
VECTORS_BEFORE = 8  # state vectors before and after the middle of the scene


@dataclass(frozen=True, eq=False)
class ImageGeometry:
    """What the annotation says of the geometry, the same for all polarizations."""

    state_vectors: StateVectors
    grid: GeolocationGrid
    incidence_mid: float
    heading: float


def image_geometry(config: GrdConfig, acquisition: Acquisition, heights: Heights) -> ImageGeometry:
    """Compute state vectors, geolocation grid, incidence in the middle, and heading."""
    middle = np.array([0.5 * (acquisition.lines - 1)]), np.array([0.5 * (acquisition.pixels - 1)])
    return ImageGeometry(
        state_vectors(acquisition, config.annotation_orbit_error),
        geolocation_grid(acquisition, heights),
        float(acquisition.incidence(*middle)[0]),
        heading(acquisition.orbit),
    )


def state_vectors(view: View, error: tuple[float, float, float]) -> StateVectors:
    """Vectors every 10 s around the scene, moved by an error along track, to the right and up (metres)."""
    reach = math.ceil(view.lines * view.line_interval / 20.0) + VECTORS_BEFORE
    time = np.asarray(2.0 + 10.0 * np.arange(-reach, reach + 1))
    position, velocity = view.orbit.position(time), view.orbit.velocity(time)
    along = velocity / np.linalg.norm(velocity, axis=1, keepdims=True)
    right = np.cross(velocity, position)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    moved = position + error[0] * along + error[1] * right + error[2] * np.cross(right, along)
    utc = np.array([view.utc(float(moment)) for moment in time])
    return StateVectors(utc, np.round(moved, 6), np.round(velocity, 6), "annotation")


def geolocation_grid(acquisition: Acquisition, heights: Heights) -> GeolocationGrid:
    """Tie points on the terrain: 21 across the image, about one a second along it."""
    rows = max(2, math.ceil((acquisition.lines - 1) * acquisition.line_interval) + 1)
    line = np.round(np.linspace(0, acquisition.lines - 1, rows)).astype(np.int64)
    pixel = np.round(np.linspace(0, acquisition.pixels - 1, GRID_COLUMNS)).astype(np.int64)
    return tie_points(acquisition, heights, line, pixel, on_terrain)


def tie_points(
    view: View, heights: Heights, line: Ints, pixel: Ints, search: TerrainSearch
) -> GeolocationGrid:
    """Tie points on the terrain at lines (n) and pixels (m) of a view."""
    lines, pixels = np.meshgrid(line.astype(float), pixel.astype(float), indexing="ij")
    flat = lines.ravel(), pixels.ravel()
    points, height = search(view, heights, *flat, view.reference_height)
    longitude, latitude, _ = ecef_to_geodetic(points)
    time = view.line_time(flat[0])
    satellite = view.orbit.position(time)
    distance = view.slant_range(time, flat[1])
    values = (
        2.0 * distance / SPEED_OF_LIGHT,
        latitude,
        longitude,
        height,
        incidence_angle(satellite, points),
        _elevation_angle(satellite, points),
    )
    utc = np.array([view.utc(float(view.line_time(k))) for k in line])
    return GeolocationGrid(line, pixel, utc, *(value.reshape(lines.shape) for value in values))


def _elevation_angle(satellite: Floats, point: Floats) -> Floats:
    """Angles in degrees at the satellite between the earth's centre and the points."""
    sight = point - satellite
    cosine = -np.einsum("...i,...i->...", sight, satellite)
    return np.asarray(
        np.degrees(np.arccos(cosine / np.linalg.norm(sight, axis=-1) / np.linalg.norm(satellite, axis=-1)))
    )


def heading(orbit: CircularOrbit) -> float:
    """Direction of flight over the ground in the middle of the scene, degrees clockwise from north."""
    longitude, latitude, _ = ecef_to_geodetic(orbit.position(np.array([-0.5, 0.5])))
    east = (longitude[1] - longitude[0]) * math.cos(math.radians(latitude[0]))
    return math.degrees(math.atan2(east, latitude[1] - latitude[0]))

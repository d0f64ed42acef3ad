"""Truth for the tests of layer 20, by other means than the package's: closed forms and root finding.

Only the layout of simulated scenes is taken from the package; how a point is found in them is written here again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.polynomial.polynomial import polyval
from pyproj import Transformer
from scipy.interpolate import BarycentricInterpolator
from scipy.optimize import brentq

from s1card.geometry.geocoding import Geocoder
from s1card.geometry.map_grid import MapGrid
from s1card.geometry.orbit import OrbitTable, tabulate_orbit
from s1card.geometry.radar_grid import GroundRange, RadarGrid
from s1card.scene.records import StateVectors
from s1card.simulate.acquisition import Acquisition, plan_acquisition
from s1card.simulate.config import GrdConfig
from s1card.simulate.image_geometry import state_vectors

EPOCH = np.datetime64("2021-06-12T05:26:22.000000", "us")
TO_ECEF = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
Path = Callable[[float], np.ndarray]  # position (m) or velocity (m/s) at a time (s)


@dataclass(frozen=True)
class Circle:
    """A circular orbit about the turning earth; times in seconds."""

    radius: float = 7_071_000.0
    rate: float = 2 * np.pi / 5924.57
    inclination: float = np.radians(98.18)
    earth: float = 7.292115e-5
    start: float = 0.7

    def position(self, t: float) -> np.ndarray:
        a = self.start + self.rate * t
        inertial = self.radius * (np.cos(a) + 1j * np.cos(self.inclination) * np.sin(a))
        fixed = inertial * np.exp(-1j * self.earth * t)
        return np.array([fixed.real, fixed.imag, self.radius * np.sin(self.inclination) * np.sin(a)])

    def velocity(self, t: float) -> np.ndarray:
        a = self.start + self.rate * t
        inertial = self.radius * (np.cos(a) + 1j * np.cos(self.inclination) * np.sin(a))
        change = self.radius * self.rate * (-np.sin(a) + 1j * np.cos(self.inclination) * np.cos(a))
        fixed = (change - 1j * self.earth * inertial) * np.exp(-1j * self.earth * t)
        climb = self.radius * self.rate * np.sin(self.inclination) * np.cos(a)
        return np.array([fixed.real, fixed.imag, climb])

    def vectors(self, times: np.ndarray) -> StateVectors:
        return vectors_of(
            times, np.array([self.position(t) for t in times]), np.array([self.velocity(t) for t in times])
        )


def vectors_of(times: np.ndarray, position: np.ndarray, velocity: np.ndarray | None = None) -> StateVectors:
    """State vectors at seconds since `EPOCH`."""
    utc = EPOCH + np.round(np.asarray(times, np.float64) * 1e6).astype("timedelta64[us]")
    return StateVectors(utc, position, position if velocity is None else velocity, "annotation", "by hand")


def lagrange(vectors: StateVectors, epoch: np.datetime64, points: int = 8) -> tuple[Path, Path]:
    """Position and velocity through the nearest vectors, by scipy."""
    times = (vectors.time - epoch) / np.timedelta64(1, "us") * 1e-6

    def through(values: np.ndarray, t: float) -> np.ndarray:
        after = int(np.searchsorted(times, t, side="right"))
        first = min(max(after - points // 2, 0), times.size - points)
        nodes = slice(first, first + points)
        return np.asarray(BarycentricInterpolator(times[nodes], values[nodes])(t))

    return (lambda t: through(vectors.position, t)), (lambda t: through(vectors.velocity, t))


def ecef(longitude: float, latitude: float, height: float) -> np.ndarray:
    """Earth-fixed coordinates by PROJ; degrees and metres."""
    return np.array(TO_ECEF.transform(longitude, latitude, height))


def zero_doppler_root(
    paths: tuple[Path, Path], point: np.ndarray, low: float, high: float
) -> tuple[float, float]:
    """Zero-Doppler time (s) and slant range (m) by bisection of V . (P - S)."""
    position, velocity = paths
    time = float(
        brentq(lambda t: float(velocity(t) @ (point - position(t))), low, high, xtol=1e-13, rtol=1e-15)
    )
    return time, float(np.linalg.norm(point - position(time)))


def ground_range_root(axis: GroundRange, time: float, slant_range: float) -> float:
    """Pixel of a slant range: root of the polynomial that is interpolated linearly between two records."""
    k = int(np.clip(np.searchsorted(axis.time, time, side="right") - 1, 0, axis.time.size - 2))
    weight = (time - axis.time[k]) / (axis.time[k + 1] - axis.time[k])

    def slant(ground: float, record: int) -> float:
        return float(polyval(ground - axis.origin[record], axis.coefficients[record]))

    def excess(pixel: float) -> float:
        ground = axis.first + pixel * axis.spacing
        return (1 - weight) * slant(ground, k) + weight * slant(ground, k + 1) - slant_range

    return float(brentq(excess, -2_000.0, 60_000.0, xtol=1e-10))


@dataclass(frozen=True, eq=False)
class View:
    """The geometry of a simulated scene: what the package works on, and what it is made from."""

    config: GrdConfig

    @cached_property
    def acquisition(self) -> Acquisition:
        return plan_acquisition(self.config)

    @cached_property
    def vectors(self) -> StateVectors:
        return state_vectors(self.acquisition, (0.0, 0.0, 0.0))

    @cached_property
    def radar(self) -> RadarGrid:
        scene = self.acquisition
        epoch = scene.utc(scene.first_time)
        shift = (scene.epoch - epoch) / np.timedelta64(1, "us") * 1e-6
        axis = GroundRange(
            scene.spacing, 0.0, scene.record_time + shift, scene.grsr, np.zeros(scene.record_time.size)
        )
        first = scene.first_time + shift
        return RadarGrid(epoch, first, scene.line_interval, scene.lines, scene.pixels, axis)

    @cached_property
    def orbit(self) -> OrbitTable:
        return tabulate_orbit(self.vectors, self.radar.epoch)

    def place(self, line: float, pixel: float, height: float = 0.0) -> tuple[float, float]:
        """Longitude and latitude (degrees) of an image position."""
        point = self.acquisition.ground(np.array([line]), np.array([pixel]), height)[0]
        longitude, latitude, _ = TO_ECEF.transform(*point, direction="INVERSE")
        return float(longitude), float(latitude)

    def grid(self, crs: str, spacing: float, line: float, pixel: float, half: float = 300.0) -> MapGrid:
        """A map grid whose pixel (half, half) lies close to an image position."""
        to_map = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
        x, y = to_map.transform(*self.place(line, pixel))
        left, top = (np.floor(x / spacing) - half) * spacing, (np.ceil(y / spacing) + half) * spacing
        return MapGrid(crs, float(left), float(top), spacing, spacing, int(2 * half), int(2 * half))

    def geocoder(self, grid: MapGrid, radar: RadarGrid | None = None) -> Geocoder:
        """Without elevation model: heights are given."""
        return Geocoder(grid, radar or self.radar, self.orbit, None)  # type: ignore[arg-type]


def map_to_geographic(grid: MapGrid, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude (degrees) of pixel centres, from the grid's corner."""
    x = grid.left + (cols + 0.5) * grid.spacing_x
    y = grid.top - (rows + 0.5) * grid.spacing_y
    longitude, latitude = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)
    return np.asarray(longitude), np.asarray(latitude)

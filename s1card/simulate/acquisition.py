"""The radar's view of the ground: times of lines, ranges of pixels, and back from the ground to both.

What the annotation of the product says is the definition of a pixel: zero-Doppler time gives the line;
slant range gives the ground range through the annotated polynomials, linear in time between two records.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import Polynomial
from numpy.polynomial.polynomial import polyder, polyval

from s1card.scene.records import SPEED_OF_LIGHT, Floats
from s1card.simulate.config import GrdConfig
from s1card.simulate.ellipsoid import ecef_to_geodetic, geodetic_to_ecef
from s1card.simulate.flight import solar_epoch, utc
from s1card.simulate.orbit import (
    RADIUS,
    CircularOrbit,
    central_angle,
    ground_point,
    incidence_angle,
    orbit_over,
    zero_doppler_time,
)

GRSR_DEGREE = 8
# ESA's slant-to-ground polynomials have degree 8 too and miss their inverse by 0.08 m over the full IW swath;
# degree 12 brings that to 0.2 mm (0.6 m in EW, where they miss by 22 m).
SRGR_DEGREE = 12
RECORD_STEP = 1.0  # seconds between records of the coordinate conversion
EARTH_RADIUS = 6_371_000.0


@dataclass(frozen=True, eq=False)
class Acquisition:
    """Geometry of a simulated scene. Times are seconds from ``epoch``, the middle of the scene.

    Attributes:
        orbit: The true orbit.
        epoch: UTC time of the middle, microseconds.
        first_time: Time of line 0.
        line_interval: Seconds; lines - 1 of them are a whole number of microseconds.
        lines, pixels, spacing: Size of the image and its pixel spacing, metres.
        near_time: Two-way slant range time of pixel 0, seconds.
        reference_height: Height above the ellipsoid to which ground range belongs, metres.
        record_time: Times (n) of the coordinate conversions.
        grsr, srgr: Their polynomials, both (n, 13), lowest power first.
    """

    orbit: CircularOrbit
    epoch: np.datetime64
    first_time: float
    line_interval: float
    lines: int
    pixels: int
    spacing: float
    near_time: float
    reference_height: float
    record_time: Floats
    grsr: Floats
    srgr: Floats

    @property
    def near_range(self) -> float:
        """Slant range of pixel 0, metres."""
        return self.near_time * SPEED_OF_LIGHT / 2.0

    def utc(self, time: float) -> np.datetime64:
        """UTC time, rounded to microseconds."""
        return utc(self.epoch, time)

    def line_time(self, line: Floats | float) -> Floats:
        """Zero-Doppler times of lines."""
        return np.asarray(self.first_time + np.asarray(line, np.float64) * self.line_interval)

    def slant_range(self, time: Floats, pixel: Floats) -> Floats:
        """Slant ranges of pixels at given times (same shape), by the annotated polynomials."""
        coefficients = self._coefficients(time)
        return np.asarray(polyval(pixel * self.spacing, np.moveaxis(coefficients, -1, 0), tensor=False))

    def image_position(self, points: Floats) -> tuple[Floats, Floats]:
        """Exact line and pixel of points (n, 3): zero-Doppler root, then root of the range polynomial."""
        time = zero_doppler_time(self.orbit, points)
        distance = np.linalg.norm(points - self.orbit.position(time), axis=-1)
        coefficients = np.moveaxis(self._coefficients(time), -1, 0)
        slope = polyder(coefficients, axis=0)
        ground = (distance - self.near_range) / math.sin(math.radians(38.0))
        for _ in range(20):
            excess = polyval(ground, coefficients, tensor=False) - distance
            ground = ground - excess / polyval(ground, slope, tensor=False)
        return (time - self.first_time) / self.line_interval, ground / self.spacing

    def ground(self, line: Floats, pixel: Floats, height: Floats | float) -> Floats:
        """Points (..., 3) at lines and pixels (same shape) at a height above the ellipsoid."""
        time = self.line_time(line)
        return ground_point(self.orbit, time, self.slant_range(time, pixel), height, self.centre)

    def incidence(self, line: Floats, pixel: Floats) -> Floats:
        """Incidence angles in degrees on the reference height."""
        points = self.ground(line, pixel, self.reference_height)
        return incidence_angle(self.orbit.position(self.line_time(line)), points)

    @property
    def centre(self) -> Floats:
        """A point (3) near the middle of the scene, where Newton's method starts."""
        satellite, velocity = self.orbit.position(0.0), self.orbit.velocity(0.0)
        right = np.cross(velocity, satellite)
        angle = self.pixels * self.spacing / 2.0 / EARTH_RADIUS + _angle_of_range(self.near_range)
        down = satellite / np.linalg.norm(satellite)
        return EARTH_RADIUS * (math.cos(angle) * down + math.sin(angle) * right / np.linalg.norm(right))

    def _coefficients(self, time: Floats) -> Floats:
        """Range polynomials (..., 9) at times, linear between the records."""
        place = (np.asarray(time) - self.record_time[0]) / (self.record_time[1] - self.record_time[0])
        index = np.clip(np.floor(place).astype(int), 0, len(self.record_time) - 2)
        weight = (place - index)[..., None]
        return np.asarray((1.0 - weight) * self.grsr[index] + weight * self.grsr[index + 1])


def plan_acquisition(config: GrdConfig) -> Acquisition:
    """The geometry that sees the wanted place at the wanted part of the swath."""
    mode = config.mode_facts
    orbit = orbit_over(
        config.longitude, config.latitude, config.mean_height, centre_incidence(config), config.ascending
    )
    interval = _line_interval(orbit, config, mode.spacing)
    duration_us = round((config.lines - 1) * interval * 1e6)
    first_time = -(duration_us // 2) * 1e-6
    near_time = float(f"{2.0 * _near_range(orbit, config) / SPEED_OF_LIGHT:.15e}")
    record_time = _record_times(first_time, duration_us * 1e-6)
    grsr, srgr = _conversions(orbit, config, record_time, near_time * SPEED_OF_LIGHT / 2.0)
    return Acquisition(
        orbit,
        solar_epoch(config.day, config.longitude, config.ascending),
        first_time,
        float(f"{duration_us * 1e-6 / (config.lines - 1):.15e}"),
        config.lines,
        config.pixels,
        mode.spacing,
        near_time,
        config.mean_height,
        record_time,
        grsr,
        srgr,
    )


def centre_incidence(config: GrdConfig) -> float:
    """Incidence angle in degrees at the scene centre: the scene lies in the swath where it is wanted."""
    mode = config.mode_facts
    near = central_angle(math.radians(mode.near_incidence))
    far = central_angle(math.radians(mode.far_incidence))
    room = max(0.0, (far - near) - config.pixels * mode.spacing / EARTH_RADIUS)
    angle = near + config.range_position * room + 0.5 * config.pixels * mode.spacing / EARTH_RADIUS
    sight = math.atan2(EARTH_RADIUS * math.sin(angle), RADIUS - EARTH_RADIUS * math.cos(angle))
    return math.degrees(angle + sight)


def _angle_of_range(slant_range: float) -> float:
    cosine = (RADIUS**2 + EARTH_RADIUS**2 - slant_range**2) / (2.0 * RADIUS * EARTH_RADIUS)
    return math.acos(min(1.0, cosine))


def _line_interval(orbit: CircularOrbit, config: GrdConfig, spacing: float) -> float:
    """Seconds in which the zero-Doppler plane moves on by the pixel spacing at the scene centre."""
    centre = geodetic_to_ecef(config.longitude, config.latitude, config.mean_height)
    distance = np.linalg.norm(centre - orbit.position(0.0))
    moments = np.array([-0.5, 0.5])
    ends = ground_point(orbit, moments, np.full(2, distance), config.mean_height, centre)
    return spacing / float(np.linalg.norm(ends[1] - ends[0]))


def _range_profile(orbit: CircularOrbit, time: float, ranges: Floats, config: GrdConfig) -> Floats:
    """Ground range (n) along the reference surface from the first of n slant ranges at a time.

    The sum of chords; over the earth a chord of 250 m is shorter than its arc by 2e-8 m.
    """
    guess = geodetic_to_ecef(config.longitude, config.latitude, config.mean_height)
    points = ground_point(orbit, np.full(ranges.shape, time), ranges, config.mean_height, guess)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _near_range(orbit: CircularOrbit, config: GrdConfig) -> float:
    """Slant range of pixel 0: the scene centre is the middle of the image."""
    centre = geodetic_to_ecef(config.longitude, config.latitude, config.mean_height)
    middle = float(np.linalg.norm(centre - orbit.position(0.0)))
    half = 0.5 * (config.pixels - 1) * config.mode_facts.spacing
    ranges = np.linspace(middle, middle - half, 1025)
    profile = _range_profile(orbit, 0.0, ranges, config)
    return float(np.interp(half, profile, ranges))


def _record_times(first_time: float, duration: float) -> Floats:
    """Every second, from two seconds before the first line to two after the last, on whole microseconds."""
    count = math.ceil((duration + 4.0) / RECORD_STEP) + 1
    return np.asarray(np.round((first_time - 2.0 + RECORD_STEP * np.arange(count)) * 1e6) * 1e-6)


def _conversions(
    orbit: CircularOrbit, config: GrdConfig, record_time: Floats, near_range: float
) -> tuple[Floats, Floats]:
    """Polynomials ground to slant and slant to ground, both (n, 13), as their text will say.

    Readers expect both to have the same number of coefficients, so the shorter one ends in zeros.
    """
    extent = max(config.pixels * config.mode_facts.spacing, 60_000.0)
    grsr = np.zeros((len(record_time), SRGR_DEGREE + 1))
    srgr = np.empty((len(record_time), SRGR_DEGREE + 1))
    for k, time in enumerate(record_time):
        grsr[k, : GRSR_DEGREE + 1], srgr[k] = _conversion(orbit, config, float(time), near_range, extent)
    return grsr, srgr


def _conversion(
    orbit: CircularOrbit, config: GrdConfig, time: float, near_range: float, extent: float
) -> tuple[Floats, Floats]:
    ranges = near_range + np.linspace(0.0, 1.0, 1025) * extent * math.sin(math.radians(48.0))
    profile = _range_profile(orbit, time, ranges, config)
    within = profile <= 1.02 * extent
    forward = Polynomial.fit(profile[within], ranges[within], GRSR_DEGREE).convert()
    grsr = _as_written(np.real(forward.coef))
    ground = np.linspace(0.0, extent, 1025)
    backward = Polynomial.fit(polyval(ground, grsr) - near_range, ground, SRGR_DEGREE).convert()
    return grsr, _as_written(np.real(backward.coef))


def _as_written(values: Floats) -> Floats:
    """Numbers after a trip through the text of the annotation."""
    return np.array([float(f"{value:.15e}") for value in values])


def footprint(acquisition: Acquisition) -> list[tuple[float, float]]:
    """Longitude and latitude of the corners: first line far and near, last line near and far."""
    last_line, last_pixel = acquisition.lines - 1, acquisition.pixels - 1
    line = np.array([0.0, 0.0, last_line, last_line])
    pixel = np.array([last_pixel, 0.0, 0.0, last_pixel])
    points = acquisition.ground(line, pixel, acquisition.reference_height)
    longitude, latitude, _ = ecef_to_geodetic(points)
    return [(float(x), float(y)) for x, y in zip(longitude, latitude, strict=True)]

"""The true orbit: a circle about the earth, with exact derivatives in the earth-fixed frame.

Times are seconds from the middle of the scene.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import root

from s1card.errors import UsageError
from s1card.scene.records import Floats
from s1card.simulate.ellipsoid import ecef_to_geodetic, geodetic_to_ecef, up_vector

EARTH_ROTATION = 7.292115e-5
GRAVITY = 3.986004418e14
# 175 revolutions in twelve days, Sentinel-1's repeat cycle; the circle of that period is 693 km up.
MEAN_MOTION = 2.0 * math.pi * 175 / (12 * 86400.0)
RADIUS = (GRAVITY / MEAN_MOTION**2) ** (1.0 / 3.0)
INCLINATION = math.radians(98.18)
PERIOD = 2.0 * math.pi / MEAN_MOTION


@dataclass(frozen=True)
class CircularOrbit:
    """A circular orbit.

    Attributes:
        node: Earth-fixed longitude of the ascending node at time 0, radians.
        argument: Angle from the ascending node at time 0, radians.
    """

    node: float
    argument: float

    def position(self, time: Floats | float) -> Floats:
        """Positions (..., 3) in metres, earth fixed."""
        return self._rotate(time, _circle(self._angle(time)))

    def velocity(self, time: Floats | float) -> Floats:
        """Velocities (..., 3) in metres per second: the exact derivative of the positions."""
        angle = self._angle(time)
        plane, _ = _circle(angle)
        plane_rate, climb_rate = _circle_rate(angle)
        moving = MEAN_MOTION * plane_rate - 1j * EARTH_ROTATION * plane
        return self._rotate(time, (moving, MEAN_MOTION * climb_rate))

    def acceleration(self, time: Floats | float) -> Floats:
        """Accelerations (..., 3) in metres per second squared."""
        angle = self._angle(time)
        plane, climb = _circle(angle)
        plane_rate, _ = _circle_rate(angle)
        squares = MEAN_MOTION**2 + EARTH_ROTATION**2
        turning = -squares * plane - 2j * EARTH_ROTATION * MEAN_MOTION * plane_rate
        return self._rotate(time, (turning, -(MEAN_MOTION**2) * climb))

    @property
    def ascending_node_time(self) -> float:
        """The last time before 0 at which the satellite crossed the equator northwards."""
        return -(self.argument % (2.0 * math.pi)) / MEAN_MOTION

    def _angle(self, time: Floats | float) -> Floats:
        return np.asarray(self.argument + MEAN_MOTION * np.asarray(time))

    def _rotate(self, time: Floats | float, plane_climb: tuple[Floats, Floats]) -> Floats:
        plane, climb = plane_climb
        turned = plane * np.exp(1j * (self.node - EARTH_ROTATION * np.asarray(time)))
        return np.stack([turned.real, turned.imag, climb], axis=-1)


def _circle(angle: Floats) -> tuple[Floats, Floats]:
    """Equatorial components as one complex number, and the polar component, of the inertial circle."""
    plane = RADIUS * (np.cos(angle) + 1j * math.cos(INCLINATION) * np.sin(angle))
    return plane, RADIUS * math.sin(INCLINATION) * np.sin(angle)


def _circle_rate(angle: Floats) -> tuple[Floats, Floats]:
    plane = RADIUS * (-np.sin(angle) + 1j * math.cos(INCLINATION) * np.cos(angle))
    return plane, RADIUS * math.sin(INCLINATION) * np.cos(angle)


def zero_doppler_time(orbit: CircularOrbit, point: Floats) -> Floats:
    """Times at which points (..., 3) are seen across the flight, by Newton's method on the true orbit."""
    time = np.zeros(point.shape[:-1])
    for _ in range(8):
        velocity = orbit.velocity(time)
        sight = point - orbit.position(time)
        slope = _dot(orbit.acceleration(time), sight) - _dot(velocity, velocity)
        time = time - _dot(velocity, sight) / slope
    return time


def ground_point(
    orbit: CircularOrbit, time: Floats, slant_range: Floats, height: Floats | float, guess: Floats
) -> Floats:
    """Points (..., 3) at a height above the ellipsoid, at a slant range in the zero-Doppler plane of a time.

    Newton's method on three equations: perpendicular to the flight, distance, geodetic height.
    """
    position, velocity = orbit.position(time), orbit.velocity(time)
    point = np.broadcast_to(guess, position.shape).copy()
    for _ in range(8):
        sight = point - position
        longitude, latitude, above = ecef_to_geodetic(point)
        rows = np.stack([velocity, sight, up_vector(longitude, latitude)], axis=-2)
        distance = _dot(sight, sight)
        residual = np.stack(
            [_dot(velocity, sight), 0.5 * (distance - slant_range**2), above - height], axis=-1
        )
        point -= np.linalg.solve(rows, residual[..., None])[..., 0]
    return point


def incidence_angle(satellite: Floats, point: Floats) -> Floats:
    """Angles in degrees between the line of sight and the normal of the ellipsoid at points (..., 3)."""
    longitude, latitude, _ = ecef_to_geodetic(point)
    sight = satellite - point
    cosine = _dot(sight, up_vector(longitude, latitude)) / np.linalg.norm(sight, axis=-1)
    return np.asarray(np.degrees(np.arccos(cosine)))


def orbit_over(
    longitude: float, latitude: float, height: float, incidence: float, ascending: bool
) -> CircularOrbit:
    """The orbit that sees a place to its right at time 0 under an incidence angle (degrees).

    Raises:
        UsageError: The orbit does not reach that latitude.
    """
    point = geodetic_to_ecef(longitude, latitude, height)

    def miss(unknowns: Floats) -> Floats:
        orbit = CircularOrbit(float(unknowns[0]), float(unknowns[1]))
        satellite, velocity = orbit.position(0.0), orbit.velocity(0.0)
        along = _dot(velocity, point - satellite) / np.linalg.norm(velocity) / RADIUS
        return np.array([along, np.radians(incidence_angle(satellite, point) - incidence)])

    solution = root(miss, _first_guess(longitude, latitude, incidence, ascending), tol=1e-14)
    orbit = CircularOrbit(float(solution.x[0]), float(solution.x[1]))
    right = np.cross(orbit.velocity(0.0), orbit.position(0.0))
    if np.abs(solution.fun).max() > 1e-9 or _dot(right, point - orbit.position(0.0)) <= 0.0:
        raise UsageError(
            f"no orbit sees latitude {latitude:g} under {incidence:.1f} degrees to its right",
            advice="Choose a scene centre between 78 degrees south and north",
        )
    return orbit


def _first_guess(longitude: float, latitude: float, incidence: float, ascending: bool) -> Floats:
    """Node and argument of an orbit that passes roughly beside the place, on its left hand."""
    aside = central_angle(math.radians(incidence)) / math.cos(math.radians(latitude))
    sine = math.sin(math.radians(latitude)) / math.sin(INCLINATION)
    climb = math.asin(min(1.0, max(-1.0, sine)))
    argument = climb if ascending else math.pi - climb
    below = math.radians(longitude) + (-aside if ascending else aside)
    swing = math.atan2(math.cos(INCLINATION) * math.sin(argument), math.cos(argument))
    return np.array([below - swing, argument])


def central_angle(incidence: float, earth_radius: float = 6_371_000.0) -> float:
    """Angle at the earth's centre between satellite and a point seen under an incidence angle (radians)."""
    return incidence - math.asin(earth_radius / RADIUS * math.sin(incidence))


def _dot(one: Floats, other: Floats) -> Floats:
    return np.asarray(np.einsum("...i,...i->...", one, other))

"""The two flights of a pair: the reference sees the scene centre, the secondary flies beside it."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import root

from s1card.errors import UsageError
from s1card.scene.records import SPEED_OF_LIGHT, Floats
from s1card.simulate.ellipsoid import geodetic_to_ecef
from s1card.simulate.flight import CYCLE_ORBITS, Flight, number_orbit, on_relative_orbit, solar_epoch
from s1card.simulate.orbit import RADIUS, CircularOrbit, orbit_over
from s1card.simulate.slc.config import SlcPairConfig

_NEXT_TRACK = 73  # relative orbits from a swath to the one beside it
_OTHER_ANGLE, _MIDDLE_ANGLE = 5.0, 38.0  # degrees
DAY = np.timedelta64(86_400_000_000, "us")


def reference_flight(config: SlcPairConfig, centre_time: float) -> Flight:
    """The flight that sees the scene centre at a two-way slant range time (seconds), at time 0."""
    incidence = _incidence(config, centre_time * SPEED_OF_LIGHT / 2.0)
    orbit = orbit_over(config.longitude, config.latitude, config.mean_height, incidence, config.ascending)
    epoch = solar_epoch(config.day, config.longitude, config.ascending)
    return Flight(config.platform, orbit, epoch, number_orbit(config.platform, orbit, epoch, config.seed))


def secondary_flight(config: SlcPairConfig, reference: Flight) -> Flight:
    """The flight some days before, on the same relative orbit, at the perpendicular baseline."""
    orbit = orbit_beside(reference.orbit, scene_centre(config), config.baseline)
    return _flight_before(config, reference, orbit, reference.numbers.relative_orbit)


def flight_of_other_track(config: SlcPairConfig, reference: Flight, centre_time: float) -> Flight:
    """A flight some days before, on the relative orbit whose swath is next to that of the reference."""
    seen = _incidence(config, centre_time * SPEED_OF_LIGHT / 2.0)
    incidence = seen + (_OTHER_ANGLE if seen < _MIDDLE_ANGLE else -_OTHER_ANGLE)
    orbit = orbit_over(config.longitude, config.latitude, config.mean_height, incidence, config.ascending)
    relative = (reference.numbers.relative_orbit - 1 + _NEXT_TRACK) % CYCLE_ORBITS + 1
    return _flight_before(config, reference, orbit, relative)


def _flight_before(config: SlcPairConfig, reference: Flight, orbit: CircularOrbit, relative: int) -> Flight:
    epoch = np.datetime64(reference.epoch - config.days * DAY)
    platform = config.secondary_platform
    counted = number_orbit(platform, orbit, epoch, config.seed)
    return Flight(platform, orbit, epoch, on_relative_orbit(platform, counted, relative, config.seed))


def scene_centre(config: SlcPairConfig) -> Floats:
    """The scene centre (3), earth fixed."""
    return geodetic_to_ecef(config.longitude, config.latitude, config.mean_height)


def perpendicular_baseline(reference: CircularOrbit, secondary: CircularOrbit, point: Floats) -> float:
    """Baseline (m) across the line of sight to a point (3) that both orbits see at time 0, positive upwards."""
    position, velocity = reference.position(0.0), reference.velocity(0.0)
    across = np.cross(point - position, velocity)
    across *= np.sign(across @ position) / np.linalg.norm(across)
    return float((secondary.position(0.0) - position) @ across)


def orbit_beside(reference: CircularOrbit, point: Floats, baseline: float) -> CircularOrbit:
    """The orbit of the same height that sees a point (3) at time 0 at a perpendicular baseline (m).

    Raises:
        UsageError: There is none.
    """

    def miss(offset: Floats) -> Floats:
        orbit = CircularOrbit(reference.node + offset[0] / RADIUS, reference.argument + offset[1] / RADIUS)
        velocity = orbit.velocity(0.0)
        along = velocity @ (point - orbit.position(0.0)) / np.linalg.norm(velocity)
        return np.array([along, perpendicular_baseline(reference, orbit, point) - baseline])

    solution = root(miss, np.array([baseline, 0.0]), tol=1e-13)
    if np.abs(solution.fun).max() > 1e-5:
        raise UsageError(f"no orbit has a perpendicular baseline of {baseline:g} m")
    node, argument = solution.x / RADIUS
    return CircularOrbit(reference.node + float(node), reference.argument + float(argument))


def _incidence(config: SlcPairConfig, slant_range: float) -> float:
    """Incidence angle (degrees) at the scene centre over a sphere of its radius."""
    radius = float(np.linalg.norm(scene_centre(config)))
    cosine = (RADIUS**2 - radius**2 - slant_range**2) / (2.0 * radius * slant_range)
    return math.degrees(math.acos(cosine))

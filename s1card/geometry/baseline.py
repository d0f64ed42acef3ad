"""How far apart two passes see a point, and what that means for the interferometric phase."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s1card.errors import OrbitError
from s1card.geometry.ellipsoid import ecef_points
from s1card.geometry.orbit import OrbitTable, zero_doppler

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Baseline:
    """The vector from the reference's to the secondary's position, each at its zero-Doppler time of one ground point.

    Signs are SNAP's, and follow the phase of reference times conjugate secondary, ``-4 pi / wavelength (R_reference -
    R_secondary)``. The three components are at right angles; they need not add up to the length exactly, as
    ``parallel`` is a difference of ranges.

    SNAP's "Perp Baseline" is ``sqrt(length**2 - parallel**2)`` in the middle of the image at height 0. It holds the
    separation along the track too, which changes no phase with height: for S1A 2023-03-31 and 2023-03-19 over
    Amsterdam 33.90 m, of which 33.61 m are perpendicular.

    Attributes:
        perpendicular: Across the line of sight in the zero-Doppler plane of the reference, m; positive where the
            secondary lies on the side to which a point moves that rises at constant range (up, and away from the track
            of a right-looking antenna).
        parallel: Slant range of the reference minus that of the secondary, m; positive where the secondary is nearer.
        along_track: Along the velocity of the reference, m; not 0 where the tracks are not parallel.
        length: m.
        slant_range: From the reference, m.
        incidence_angle: Of the reference, from the ellipsoid's normal, degrees.
    """

    perpendicular: float
    parallel: float
    along_track: float
    length: float
    slant_range: float
    incidence_angle: float

    def height_of_ambiguity(self, wavelength: float) -> float:
        """Rise (m) of the ground that turns the phase by 2 pi: ``-wavelength R sin(incidence) / (2 perpendicular)``.

        Hanssen, "Radar Interferometry", 2001, section 2.4. By the phase above it is negative where a rise turns the
        phase backwards, and R, the range of the secondary, makes it exact. Infinite at a perpendicular baseline of 0.
        SNAP's value has the incidence angle from the geocentric direction, and SNAP's perpendicular baseline.

        Args:
            wavelength: m.
        """
        if self.perpendicular == 0.0:
            return math.inf
        across = (self.slant_range - self.parallel) * math.sin(math.radians(self.incidence_angle))
        return -wavelength * across / (2.0 * self.perpendicular)


def baseline_at(
    reference: OrbitTable, secondary: OrbitTable, longitude: float, latitude: float, height: float = 0.0
) -> Baseline:
    """The baseline of two passes at a ground point.

    Args:
        reference: Orbit of the reference; the epochs of the two orbits are their own.
        secondary: Orbit of the secondary.
        longitude, latitude: Degrees.
        height: Above the ellipsoid, m.

    Raises:
        OrbitError: One of the orbits does not pass the point.
    """
    point = ecef_points(*(np.array([value]) for value in (longitude, latitude, height)))[0]
    up = _normal(longitude, latitude)
    time, slant_range = _closest(reference, point)
    other_time, other_range = _closest(secondary, point)
    position = reference.position(time)
    along = _unit(reference.velocity(time))
    sight = _unit(point - position)
    across = _unit(up - (up @ sight) * sight - (up @ along) * along)
    vector = secondary.position(other_time) - position
    return Baseline(
        perpendicular=float(vector @ across),
        parallel=slant_range - other_range,
        along_track=float(vector @ along),
        length=float(np.linalg.norm(vector)),
        slant_range=slant_range,
        incidence_angle=math.degrees(math.acos(-float(up @ sight))),
    )


def _closest(orbit: OrbitTable, point: Floats) -> tuple[float, float]:
    """Zero-Doppler time (s since the orbit's epoch) and slant range (m) of a point."""
    middle = 0.5 * float(orbit.time[0] + orbit.time[-1])
    x, y, z = (float(value) for value in point)
    time, distance = zero_doppler(orbit.time, orbit.coefficients, x, y, z, middle)
    if math.isnan(time):
        raise OrbitError(
            "the orbit does not pass the point within its state vectors",
            subject=f"orbit around {orbit.epoch}",
            advice="Take a point inside both scenes, or an orbit file that covers them",
        )
    return float(time), float(distance)


def _normal(longitude: float, latitude: float) -> Floats:
    """The ellipsoid's normal at a point (degrees), earth fixed."""
    turn, rise = math.radians(longitude), math.radians(latitude)
    return np.array(
        [math.cos(rise) * math.cos(turn), math.cos(rise) * math.sin(turn), math.sin(rise)], np.float64
    )


def _unit(vector: Floats) -> Floats:
    return np.asarray(vector / np.linalg.norm(vector))

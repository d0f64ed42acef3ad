"""A slant range image on a regular grid, such as one burst."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from s1card.scene.records import Floats
from s1card.simulate.flight import utc
from s1card.simulate.orbit import CircularOrbit, ground_point, incidence_angle, zero_doppler_time


@dataclass(frozen=True, eq=False)
class SlantView:
    """Lines at regular zero-Doppler times, pixels at regular slant ranges. Times are seconds from ``epoch``.

    Attributes:
        orbit: The true orbit.
        epoch: UTC.
        first_time: Time of line 0.
        line_interval: Seconds.
        near_range, spacing: Slant range of pixel 0 and distance of pixels, metres.
        lines, pixels: Size.
        reference_height: Height above the ellipsoid around which the terrain swings, metres.
        centre: A point (3) near the middle of the scene, where Newton's method starts.
    """

    orbit: CircularOrbit
    epoch: np.datetime64
    first_time: float
    line_interval: float
    near_range: float
    spacing: float
    lines: int
    pixels: int
    reference_height: float
    centre: Floats

    def utc(self, time: float) -> np.datetime64:
        """UTC time, rounded to microseconds."""
        return utc(self.epoch, time)

    def line_time(self, line: Floats | float) -> Floats:
        """Zero-Doppler times of lines."""
        return np.asarray(self.first_time + np.asarray(line, np.float64) * self.line_interval)

    def slant_range(self, time: Floats, pixel: Floats) -> Floats:
        """Slant ranges of pixels, whatever the time, metres."""
        return np.asarray(self.near_range + np.asarray(pixel, np.float64) * self.spacing)

    def ground(self, line: Floats, pixel: Floats, height: Floats | float) -> Floats:
        """Points (..., 3) at lines and pixels (same shape) at a height above the ellipsoid."""
        time = self.line_time(line)
        return ground_point(self.orbit, time, self.slant_range(time, pixel), height, self.centre)

    def look(self, points: Floats) -> tuple[Floats, Floats]:
        """Zero-Doppler times and slant ranges (metres) of points (..., 3)."""
        time = zero_doppler_time(self.orbit, points)
        return time, np.asarray(np.linalg.norm(points - self.orbit.position(time), axis=-1))

    def image_position(self, points: Floats) -> tuple[Floats, Floats]:
        """Exact line and pixel of points (..., 3)."""
        return self.place_of(*self.look(points))

    def place_of(self, time: Floats, distance: Floats) -> tuple[Floats, Floats]:
        """Line and pixel of zero-Doppler times and slant ranges."""
        return (time - self.first_time) / self.line_interval, (distance - self.near_range) / self.spacing

    def incidence(self, line: Floats, pixel: Floats) -> Floats:
        """Incidence angles in degrees on the reference height."""
        points = self.ground(line, pixel, self.reference_height)
        return incidence_angle(self.orbit.position(self.line_time(line)), points)

    def window(self, line: int, pixel: int, lines: int, pixels: int) -> SlantView:
        """The view of a part, which may reach beyond the image."""
        return replace(
            self,
            first_time=float(self.line_time(line)),
            near_range=self.near_range + pixel * self.spacing,
            lines=lines,
            pixels=pixels,
        )

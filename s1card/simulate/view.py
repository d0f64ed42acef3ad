"""An image as the geometry sees it, whatever its kind: times of lines, ranges of pixels, places on the ground."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from s1card.scene.records import Floats
from s1card.simulate.orbit import CircularOrbit


class View(Protocol):
    """Lines at zero-Doppler times, pixels at slant ranges. Times are seconds from the middle of the scene."""

    @property
    def orbit(self) -> CircularOrbit:
        """The true orbit."""

    @property
    def lines(self) -> int:
        """Number of lines."""

    @property
    def pixels(self) -> int:
        """Number of pixels."""

    @property
    def line_interval(self) -> float:
        """Seconds."""

    @property
    def reference_height(self) -> float:
        """Height above the ellipsoid around which the terrain swings, metres."""

    def utc(self, time: float) -> np.datetime64:
        """UTC time, rounded to microseconds."""

    def line_time(self, line: Floats | float) -> Floats:
        """Zero-Doppler times of lines."""

    def slant_range(self, time: Floats, pixel: Floats) -> Floats:
        """Slant ranges of pixels at given times (same shape), metres."""

    def ground(self, line: Floats, pixel: Floats, height: Floats | float) -> Floats:
        """Points (..., 3) at lines and pixels (same shape) at a height above the ellipsoid."""

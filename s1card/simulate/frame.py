"""A flat local frame in metres around the scene centre, in which terrain and fields are defined."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from s1card.scene.records import Floats

METRES_PER_DEGREE = math.pi / 180.0 * 6_371_000.0


@dataclass(frozen=True)
class LocalFrame:
    """Equidistant cylindrical: x to the east and y to the north of a centre given in degrees."""

    longitude: float
    latitude: float

    @property
    def scale(self) -> tuple[float, float]:
        """Metres per degree of longitude and of latitude."""
        return METRES_PER_DEGREE * math.cos(math.radians(self.latitude)), METRES_PER_DEGREE

    def to_map(self, longitude: Floats | float, latitude: Floats | float) -> tuple[Floats, Floats]:
        """Frame coordinates in metres."""
        east, north = self.scale
        return (
            np.asarray((np.asarray(longitude) - self.longitude) * east),
            np.asarray((np.asarray(latitude) - self.latitude) * north),
        )

    def to_geodetic(self, x: Floats | float, y: Floats | float) -> tuple[Floats, Floats]:
        """Longitude and latitude in degrees."""
        east, north = self.scale
        return np.asarray(self.longitude + np.asarray(x) / east), np.asarray(
            self.latitude + np.asarray(y) / north
        )

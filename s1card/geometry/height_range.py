"""Lowest and highest heights and steepest slopes of parts of an elevation model, each part looked through once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from s1card.geometry.dem import Dem
from s1card.geometry.map_grid import MapGrid

Floats32 = NDArray[np.float32]

PART = 256  # rows and columns of samples


@dataclass(frozen=True)
class HeightRange:
    """What terrain is known to keep within.

    Attributes:
        lowest, highest: m above the ellipsoid.
        steepest: No slope is steeper than this (rise over run).
    """

    lowest: float
    highest: float
    steepest: float = math.inf

    @property
    def relief(self) -> float:
        """Metres between the lowest and the highest height."""
        return self.highest - self.lowest

    def joined(self, other: HeightRange) -> HeightRange:
        """The range of both."""
        return HeightRange(
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
            max(self.steepest, other.steepest),
        )

    def widened(self, share: float) -> HeightRange:
        """A range with a share of the relief, and a metre, more at both ends: what interpolation may add."""
        more = share * self.relief + 1.0
        return HeightRange(self.lowest - more, self.highest + more, self.steepest * (1.0 + 4.0 * share))


@dataclass(frozen=True, eq=False)
class HeightRanges:
    """Height ranges of an elevation model. Safe for threads: at worst two of them find the same."""

    dem: Dem

    def over(self, x_min: float, y_min: float, x_max: float, y_max: float) -> HeightRange | None:
        """Range over a rectangle of the model's CRS, or a little more; None where no height is known."""
        found: HeightRange | None = None
        left, bottom, right, top = self._reach
        (x0, y0), (dx, dy) = self.dem.origin, self.dem.spacing
        first_col, last_col = (
            math.floor((x - x0) / dx / PART) for x in (max(x_min, left), min(x_max, right))
        )
        first_row, last_row = (
            math.floor((y0 - y) / dy / PART) for y in (min(y_max, top), max(y_min, bottom))
        )
        for row in range(first_row, last_row + 1):
            for col in range(first_col, last_col + 1):
                part = self._part(row, col)
                if part is not None:
                    found = part if found is None else found.joined(part)
        return found

    @property
    def _reach(self) -> tuple[float, float, float, float]:
        """Where heights are known: between the tiles of a folder, and around them, the sea is known too."""
        if self.dem.path.is_dir() and self.dem.sea == "geoid":
            return -math.inf, -math.inf, math.inf, math.inf
        return self.dem.bounds

    @cached_property
    def _known(self) -> dict[tuple[int, int], HeightRange | None]:
        return {}

    def _part(self, row: int, col: int) -> HeightRange | None:
        if (row, col) not in self._known:
            self._known[row, col] = self._find(row, col)
        return self._known[row, col]

    def _find(self, row: int, col: int) -> HeightRange | None:
        (x0, y0), (dx, dy) = self.dem.origin, self.dem.spacing
        left, top = x0 + col * PART * dx, y0 - row * PART * dy
        height = self.dem.read(left, top - PART * dy, left + PART * dx, top).height
        known = height[np.isfinite(height)]
        if not known.size:
            return None
        width, tall = self._sample_size(top, top - PART * dy)
        steepest = math.hypot(_step(height, 1) / width, _step(height, 0) / tall)
        return HeightRange(float(known.min()), float(known.max()), steepest)

    def _sample_size(self, top: float, bottom: float) -> tuple[float, float]:
        """Least width and height of samples between two y, m."""
        grid = MapGrid(self.dem.crs, 0.0, 0.0, *self.dem.spacing, 1, 1)
        furthest = math.radians(min(89.9, max(abs(top), abs(bottom)))) if grid.is_geographic else 0.0
        dx, dy = self.dem.spacing
        return dx * grid.metres_per_unit * math.cos(furthest), dy * grid.metres_per_unit * 0.993


def _step(height: Floats32, axis: int) -> float:
    """The greatest difference between neighbours, m; 0 where there are none."""
    steps = np.abs(np.diff(height, axis=axis))
    steps = steps[np.isfinite(steps)]
    return float(steps.max()) if steps.size else 0.0

"""The lattice of pixels that many cards share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s1card.geometry.map_grid import MapGrid
from s1card.window import Window

PHASE_DIGITS = 6
"""Grids whose pixel edges agree to a millionth of a pixel lie on the same lattice."""


@dataclass(frozen=True)
class Lattice:
    """All pixels of a coordinate system that have the same size and the same edges, as far as it reaches.

    Grids cut out of one lattice differ by whole pixels: what is known of a parcel's pixels holds on all of them.

    Attributes:
        crs: Coordinate reference system, as an authority code or WKT.
        spacing_x, spacing_y: Pixel size in units of the CRS, positive.
        phase_x, phase_y: Where pixel edges lie, in pixels from the origin of the CRS: 0 <= phase < 1.
    """

    crs: str
    spacing_x: float
    spacing_y: float
    phase_x: float = 0.0
    phase_y: float = 0.0

    @classmethod
    def of(cls, grid: MapGrid) -> Lattice:
        """The lattice that a grid is cut out of."""
        return cls(
            grid.crs,
            grid.spacing_x,
            grid.spacing_y,
            _phase(grid.left / grid.spacing_x),
            _phase(-grid.top / grid.spacing_y),
        )

    def col(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Columns (fractions count from the left edge of a pixel) of map coordinates."""
        return np.asarray((x - self.phase_x * self.spacing_x) / self.spacing_x)

    def row(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rows (fractions count from the upper edge of a pixel) of map coordinates; they grow to the south."""
        return np.asarray((-y - self.phase_y * self.spacing_y) / self.spacing_y)

    def x(self, col: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map coordinates of the left edges of columns."""
        return np.asarray((col + self.phase_x) * self.spacing_x)

    def y(self, row: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map coordinates of the upper edges of rows."""
        return np.asarray(-(row + self.phase_y) * self.spacing_y)

    def window(self, grid: MapGrid) -> Window:
        """Where a grid of this lattice lies on it."""
        row = round(-grid.top / grid.spacing_y - self.phase_y)
        col = round(grid.left / grid.spacing_x - self.phase_x)
        return Window(row, col, grid.rows, grid.cols)


def _phase(position: float) -> float:
    return round(position % 1.0, PHASE_DIGITS) % 1.0

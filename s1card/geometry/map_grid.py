"""The map side of geocoding: a north-up grid of square pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from s1card.geometry.ellipsoid import SEMI_MAJOR_AXIS
from s1card.window import Window


@dataclass(frozen=True)
class MapGrid:
    """A north-up raster on a map.

    Attributes:
        crs: Coordinate reference system, as an authority code (``EPSG:32632``) or WKT.
        left, top: Map coordinates of the *outer corner* of pixel (0, 0).
        spacing_x, spacing_y: Pixel size in units of the CRS, both positive.
        rows, cols: Size.
    """

    crs: str
    left: float
    top: float
    spacing_x: float
    spacing_y: float
    rows: int
    cols: int

    @cached_property
    def pyproj_crs(self) -> CRS:
        """The CRS as an object."""
        return CRS.from_user_input(self.crs)

    @property
    def is_geographic(self) -> bool:
        """Whether coordinates are longitude and latitude in degrees."""
        return bool(self.pyproj_crs.is_geographic)

    @property
    def metres_per_unit(self) -> float:
        """Length of one unit of the coordinates, m; of a degree, along the equator."""
        factor = float(self.pyproj_crs.axis_info[0].unit_conversion_factor)
        return factor * SEMI_MAJOR_AXIS if self.is_geographic else factor

    @property
    def epsg(self) -> int | None:
        """EPSG code of the CRS where it has one."""
        return self.pyproj_crs.to_epsg()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.cols

    @property
    def window(self) -> Window:
        """The whole grid as a window."""
        return Window(0, 0, self.rows, self.cols)

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients (a, b, c, d, e, f): x = a col + b row + c, y = d col + e row + f (corners)."""
        return self.spacing_x, 0.0, self.left, 0.0, -self.spacing_y, self.top

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Outer edges: left, bottom, right, top."""
        return (
            self.left,
            self.top - self.rows * self.spacing_y,
            self.left + self.cols * self.spacing_x,
            self.top,
        )

    def x(self, col: NDArray[Any] | float) -> NDArray[np.float64]:
        """Map x of pixel *centres*: an integer column is the centre of its pixel."""
        return np.asarray(self.left + (np.asarray(col, np.float64) + 0.5) * self.spacing_x)

    def y(self, row: NDArray[Any] | float) -> NDArray[np.float64]:
        """Map y of pixel *centres*: an integer row is the centre of its pixel."""
        return np.asarray(self.top - (np.asarray(row, np.float64) + 0.5) * self.spacing_y)

    def crop(self, window: Window) -> MapGrid:
        """The grid of a window, on the same lattice."""
        return MapGrid(
            self.crs,
            self.left + window.col * self.spacing_x,
            self.top - window.row * self.spacing_y,
            self.spacing_x,
            self.spacing_y,
            window.rows,
            window.cols,
        )

    def window_of(self, left: float, bottom: float, right: float, top: float) -> Window:
        """The smallest window that covers a rectangle of map coordinates, clipped to the grid."""
        tolerance = 1e-6
        col = math.floor((left - self.left) / self.spacing_x + tolerance)
        row = math.floor((self.top - top) / self.spacing_y + tolerance)
        col_end = math.ceil((right - self.left) / self.spacing_x - tolerance)
        row_end = math.ceil((self.top - bottom) / self.spacing_y - tolerance)
        return Window(row, col, max(0, row_end - row), max(0, col_end - col)).intersection(self.window)

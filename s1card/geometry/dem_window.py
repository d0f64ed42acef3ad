"""A rectangle of ellipsoidal heights, and the kernels that look a height up in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class HeightPatch:
    """Heights above the WGS84 ellipsoid on a regular lattice of the DEM's own CRS.

    Sample (r, c) lies at ``x0 + c * dx``, ``y0 - r * dy``: these are sample *centres*.

    Attributes:
        crs: CRS of the lattice, as an authority code or WKT.
        x0, y0: Coordinates of sample (0, 0).
        dx, dy: Spacing in units of the CRS, both positive.
        height: Heights in metres, float32 (rows, cols), C-contiguous; NaN where unknown.
        first_row, first_col: Place of sample (0, 0) in the lattice of the whole DEM.
    """

    crs: str
    x0: float
    y0: float
    dx: float
    dy: float
    height: NDArray[np.float32]
    first_row: int = 0
    first_col: int = 0

    def row(self, y: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Fractional row of map coordinates ``y``, for the kernels below."""
        return np.asarray((self.y0 - np.asarray(y, np.float64)) / self.dy)

    def col(self, x: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Fractional column of map coordinates ``x``, for the kernels below."""
        return np.asarray((np.asarray(x, np.float64) - self.x0) / self.dx)


@njit(cache=True, nogil=True)
def sample_bilinear(height: NDArray[np.float32], r: float, c: float) -> float:
    """Height at row ``r``, column ``c`` from the four samples around it.

    NaN outside the patch (of at least 2 x 2 samples) and where a sample of non-zero weight is NaN.
    """
    rows, cols = height.shape
    if not (r >= 0.0 and r <= rows - 1 and c >= 0.0 and c <= cols - 1):
        return math.nan
    i = min(int(r), rows - 2)
    j = min(int(c), cols - 2)
    v = r - i
    u = c - j
    top = (1.0 - u) * height[i, j] + u * height[i, j + 1]
    bottom = (1.0 - u) * height[i + 1, j] + u * height[i + 1, j + 1]
    value: float = (1.0 - v) * top + v * bottom
    if not math.isnan(value) or (0.0 < u < 1.0 and 0.0 < v < 1.0):
        return value
    # On a row or column of the lattice a NaN of zero weight must not spoil the result.
    value = 0.0
    for m in range(2):
        for n in range(2):
            weight = (v if m else 1.0 - v) * (u if n else 1.0 - u)
            if weight != 0.0:
                value += weight * height[i + m, j + n]
    return value


@njit(cache=True, nogil=True)
def _catmull_rom(t: float, k: int) -> float:
    """Weight of sample ``k`` (0..3) at fraction ``t`` between samples 1 and 2.

    Cubic convolution with a = -1/2 (Keys, 1981, eq. 4).
    """
    if k == 0:
        return ((-0.5 * t + 1.0) * t - 0.5) * t
    if k == 1:
        return (1.5 * t - 2.5) * t * t + 1.0
    if k == 2:
        return ((-1.5 * t + 2.0) * t + 0.5) * t
    return (0.5 * t - 0.5) * t * t


@njit(cache=True, nogil=True)
def sample_cubic(height: NDArray[np.float32], r: float, c: float) -> float:
    """Height at row ``r``, column ``c`` by Catmull-Rom interpolation over 4 x 4 samples.

    NaN where a sample of non-zero weight is NaN or lies outside the patch.
    """
    rows, cols = height.shape
    if not (r >= 0.0 and r <= rows - 1 and c >= 0.0 and c <= cols - 1):
        return math.nan
    i = int(r)
    j = int(c)
    value = 0.0
    for m in range(4):
        weight_row = _catmull_rom(r - i, m)
        if weight_row == 0.0:
            continue
        row = i + m - 1
        for n in range(4):
            weight = weight_row * _catmull_rom(c - j, n)
            col = j + n - 1
            if weight == 0.0:
                continue
            if row < 0 or row >= rows or col < 0 or col >= cols:
                return math.nan
            value += weight * height[row, col]
    return value

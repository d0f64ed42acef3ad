"""Bilinear interpolation that weights the valid ones among its four samples, if the nearest of them is valid."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


@njit(cache=True, nogil=True)
def _bilinear_of_valid(a: float, b: float, c: float, d: float, fy: np.float32, fx: np.float32) -> float:
    """Bilinear value of four samples (a b over c d) of which some are NaN; NaN if the nearest one is."""
    nearest = (d if fx >= 0.5 else c) if fy >= 0.5 else (b if fx >= 0.5 else a)
    if nearest != nearest:
        return np.nan
    total = weight = np.float32(0)
    gy, gx = np.float32(1) - fy, np.float32(1) - fx
    for v, w in ((a, gy * gx), (b, gy * fx), (c, fy * gx), (d, fy * fx)):
        if v == v:
            total += w * v
            weight += w
    return float(total / weight)


@njit(cache=True, nogil=True)
def bilinear_at(source: Floats32, y: float, x: float) -> float:
    """Value at (y, x), whatever lies around; NaN outside the centres of the outer samples."""
    rows, cols = source.shape
    if not (0.0 <= y <= rows - 1 and 0.0 <= x <= cols - 1):
        return np.nan
    r, c = min(int(y), rows - 2), min(int(x), cols - 2)
    return _bilinear_of_valid(
        source[r, c],
        source[r, c + 1],
        source[r + 1, c],
        source[r + 1, c + 1],
        np.float32(y - r),
        np.float32(x - c),
    )


@njit(cache=True, nogil=True)
def bilinear(source: Floats32, line: Floats, pixel: Floats, row: float, col: float, out: Floats32) -> None:
    """Values at fractional lines and pixels, which count from ``row`` and ``col`` before the first sample."""
    rows, cols = source.shape
    if rows < 2 or cols < 2:
        out[:] = np.nan
        return
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            y, x = line[i, j] - row, pixel[i, j] - col
            value = np.float32(np.nan)
            if y >= 0.0 and y < rows - 1 and x >= 0.0 and x < cols - 1:
                r, c = int(y), int(x)
                fy, fx = np.float32(y - r), np.float32(x - c)
                top = source[r, c] + fx * (source[r, c + 1] - source[r, c])
                bottom = source[r + 1, c] + fx * (source[r + 1, c + 1] - source[r + 1, c])
                value = top + fy * (bottom - top)
            if value == value:
                out[i, j] = value
            else:  # rare: an edge, or a sample without data
                out[i, j] = bilinear_at(source, y, x)

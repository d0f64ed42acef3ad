"""Interpolation of a raster at fractional lines and pixels.

An integer coordinate is the centre of a sample. A result needs a valid nearest sample; the bilinear kernel then
weights the valid ones among its four, so that nodata never bleeds into the picture nor eats a rim off it. The longer
kernels need all their samples valid and fall back to the bilinear rule where they are not.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

NEAREST, BILINEAR = 0, 2

METHODS: dict[str, int] = {
    "NEAREST_NEIGHBOUR": NEAREST,
    "BILINEAR_INTERPOLATION": BILINEAR,
    "CUBIC_CONVOLUTION": 4,
    "BICUBIC_INTERPOLATION": 4,
    "BISINC_5_POINT_INTERPOLATION": 5,
    "BISINC_11_POINT_INTERPOLATION": 11,
    "BISINC_21_POINT_INTERPOLATION": 21,
}
"""Number of taps of each of SNAP's methods (0: nearest)."""


def reach(taps: int) -> int:
    """Samples that a kernel needs on each side of a point."""
    return max(1, (taps + 1) // 2)


def resample(
    source: Floats32, line: Floats, pixel: Floats, taps: int, origin: tuple[int, int] = (0, 0)
) -> Floats32:
    """Values of ``source`` at fractional positions.

    Args:
        source: Samples; NaN is nodata.
        line, pixel: Positions, two-dimensional; NaN gives NaN.
        taps: Kernel length as in `METHODS`.
        origin: Position of the first sample of ``source``.

    Returns:
        float32, shape of ``line``.
    """
    out = np.empty(line.shape, np.float32)
    row, col = float(origin[0]), float(origin[1])
    if taps == NEAREST:
        _nearest(source, line, pixel, row, col, out)
    elif taps == BILINEAR:
        _bilinear(source, line, pixel, row, col, out)
    else:
        _long(source, line, pixel, row, col, taps, out)
    return out


@njit(cache=True, nogil=True)
def _nearest(source: Floats32, line: Floats, pixel: Floats, row: float, col: float, out: Floats32) -> None:
    rows, cols = source.shape
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = np.nan
            y, x = line[i, j] - row, pixel[i, j] - col
            if y == y and x == x:
                r, c = math.floor(y + 0.5), math.floor(x + 0.5)
                if 0 <= r < rows and 0 <= c < cols:
                    out[i, j] = source[r, c]


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
def _bilinear_at(source: Floats32, y: float, x: float) -> float:
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
def _bilinear(source: Floats32, line: Floats, pixel: Floats, row: float, col: float, out: Floats32) -> None:
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
                out[i, j] = _bilinear_at(source, y, x)


@njit(cache=True, nogil=True)
def kernel_weights(fraction: float, taps: int, weights: Floats) -> int:
    """Normalised weights; returns the offset of the first tap from floor(position).

    Four taps: Catmull-Rom cubic. More: sinc with a raised cosine window (SNAP's BISINC).
    """
    if taps == 4:
        f = fraction
        weights[0] = ((-0.5 * f + 1.0) * f - 0.5) * f
        weights[1] = (1.5 * f - 2.5) * f * f + 1.0
        weights[2] = ((-1.5 * f + 2.0) * f + 0.5) * f
        weights[3] = (0.5 * f - 0.5) * f * f
        return -1
    half = taps // 2
    total = 0.0
    for k in range(taps):
        d = k - half - fraction
        w = 0.0
        if abs(d) < 1e-12:
            w = 1.0
        elif abs(d) <= half:
            w = math.sin(math.pi * d) / (math.pi * d) * 0.5 * (1.0 + math.cos(2.0 * math.pi * d / (taps - 1)))
        weights[k] = w
        total += w
    for k in range(taps):
        weights[k] /= total
    return -half


@njit(cache=True, nogil=True)
def _long(
    source: Floats32,
    line: Floats,
    pixel: Floats,
    first_line: float,
    first_pixel: float,
    taps: int,
    out: Floats32,
) -> None:
    rows, cols = source.shape
    wy, wx = np.empty(taps), np.empty(taps)
    if rows < 2 or cols < 2:
        out[:] = np.nan
        return
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            y, x = line[i, j] - first_line, pixel[i, j] - first_pixel
            if not (0.0 <= y <= rows - 1 and 0.0 <= x <= cols - 1):
                out[i, j] = np.nan
                continue
            r, c = int(y), int(x)
            first_row = r + kernel_weights(y - r, taps, wy)
            first_col = c + kernel_weights(x - c, taps, wx)
            value = 0.0
            for m in range(taps):
                row = min(max(first_row + m, 0), rows - 1)
                along = 0.0
                for n in range(taps):
                    along += wx[n] * source[row, min(max(first_col + n, 0), cols - 1)]
                value += wy[m] * along
            out[i, j] = value if value == value else _bilinear_at(source, y, x)

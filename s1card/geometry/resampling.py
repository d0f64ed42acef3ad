"""Interpolation of a raster at fractional lines and pixels.

An integer coordinate is the centre of a sample. A result needs a valid nearest sample; the bilinear kernel then
weights the valid ones among its four, so that nodata never bleeds into the picture nor eats a rim off it. The longer
kernels need all their samples valid and fall back to the bilinear rule where they are not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.geometry.patch_sum import patch_sum

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Kernel = Callable[..., Any]

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
        table = _kernel_table(taps)
        samples = np.ascontiguousarray(source)
        _LONG[table.taps](samples, line, pixel, row, col, table.weights.ravel(), table.first, out)
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


STEPS = np.uint64(2048)
"""Steps of a fraction for which weights are tabulated; between them, they are right to 1.2e-7."""


@dataclass(frozen=True, eq=False)
class KernelTable:
    """Weights of a kernel at equal steps of the fraction of a sample, without a tap that is always 0.

    Attributes:
        weights: (`STEPS` + 1) x taps, float32.
        first: Sample of the first tap, counted from the one before the place.
    """

    weights: Floats32
    first: int

    @property
    def taps(self) -> int:
        """Number of samples that a value is made of, in each direction."""
        return int(self.weights.shape[1])


@cache
def _kernel_table(taps: int) -> KernelTable:
    steps = int(STEPS)
    rows = np.zeros((steps + 1, taps))
    first = 0
    for step, row in enumerate(rows):
        first = kernel_weights(step / steps, taps, row)
    skipped = taps % 2  # SNAP's windowed sinc never uses its first
    return KernelTable(rows[:, skipped:].astype(np.float32), first + skipped)


def _long(taps: int) -> Kernel:
    """Interpolation by patches of ``taps`` x ``taps`` samples; beyond the image, its outer samples are repeated."""
    sum_of = patch_sum(taps)

    @njit(cache=True, nogil=True)
    def weigh(
        samples: Floats32, first: np.uint64, pitch: np.uint64, weights: Floats32, y: float, x: float
    ) -> Any:  # float32
        """The sum of the patch that begins at ``first``, for a place that lies ``y``, ``x`` steps from a sample."""
        row_step, col_step = int(y), int(x)
        return sum_of(
            samples,
            first,
            pitch,
            weights,
            np.uint64(row_step) % STEPS * np.uint64(taps),
            np.float32(y - row_step),
            np.uint64(col_step) % STEPS * np.uint64(taps),
            np.float32(x - col_step),
        )

    @njit(cache=True, nogil=True)
    def at_rim(source: Floats32, y: float, x: float, weights: Floats32, first: int) -> float:
        """Value where the patch reaches beyond the image or holds samples without data."""
        rows, cols = source.shape
        if not (rows > 1 and cols > 1 and 0.0 <= y <= rows - 1 and 0.0 <= x <= cols - 1):
            return np.nan
        nearest = source[int(y + 0.5), int(x + 0.5)]
        if nearest != nearest:
            return np.nan
        patch = _repeated(source, int(y) + first, int(x) + first, taps)
        value = weigh(patch, np.uint64(0), np.uint64(taps), weights, y * STEPS, x * STEPS)
        return value if value == value else _bilinear_at(source, y, x)

    @njit(cache=True, nogil=True)
    def interpolate(
        source: Floats32,
        line: Floats,
        pixel: Floats,
        row: float,
        col: float,
        weights: Floats32,
        first: int,
        out: Floats32,
    ) -> None:
        rows, cols = source.shape
        flat, pitch = source.ravel(), np.uint64(cols)
        lowest, end_y, end_x = -float(first), float(rows - taps - first + 1), float(cols - taps - first + 1)
        origin = np.uint64(-first) * (pitch + np.uint64(1))
        for i in range(out.shape[0]):
            for j in range(out.shape[1]):
                y, x = line[i, j] - row, pixel[i, j] - col
                value = np.float32(np.nan)
                if y >= lowest and y < end_y and x >= lowest and x < end_x:
                    at_y, at_x = y * STEPS, x * STEPS
                    before = np.uint64(int(at_y)) // STEPS * pitch + np.uint64(int(at_x)) // STEPS
                    value = weigh(flat, before - origin, pitch, weights, at_y, at_x)
                out[i, j] = value if value == value else at_rim(source, y, x, weights, first)

    return interpolate


@njit(cache=True, nogil=True)
def _repeated(source: Floats32, top: int, left: int, taps: int) -> Floats32:
    """Samples around (top, left) downwards, row after row; the outer ones stand for those beyond."""
    rows, cols = source.shape
    patch = np.empty(taps * taps, np.float32)
    for m in range(taps):
        row = min(max(top + m, 0), rows - 1)
        for n in range(taps):
            patch[m * taps + n] = source[row, min(max(left + n, 0), cols - 1)]
    return patch


_LONG = {taps: _long(taps) for taps in (4, 10, 20)}

"""Kernels of four and more taps: weights from tables, values from square patches of samples.

A result needs a valid nearest sample and, for the whole kernel, a patch without nodata; else the bilinear rule gives
it. Beyond the image its outer samples are repeated.
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

from s1card.geometry.bilinear import bilinear_at
from s1card.geometry.patch_sum import patch_sum

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Kernel = Callable[..., Any]

STEPS = 2048
"""Steps of a fraction for which weights are tabulated; between them, they are right to 1.2e-7."""

AREA_TAPS = 8
AREA_STEPS = 512  # right to 2.4e-6; tables for all widths stay in the cache of a core
WIDTHS = 16
"""Widths of the cubic kernel for one more sample to a pixel; the widest, for two, fills ``AREA_TAPS``."""


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


@dataclass(frozen=True, eq=False)
class KernelTable:
    """Weights of a kernel at equal steps of the fraction of a sample, without a tap that is always 0.

    Attributes:
        weights: Steps + 1 (of one width after the other) x taps, float32.
        first: Sample of the first tap, counted from the one before the place.
    """

    weights: Floats32
    first: int

    @property
    def taps(self) -> int:
        """Number of samples that a value is made of, in each direction."""
        return int(self.weights.shape[1])


@cache
def kernel_table(length: int) -> KernelTable:
    """The table of a kernel of ``length`` taps (`kernel_weights`)."""
    rows = np.zeros((STEPS + 1, length))
    first = 0
    for step, row in enumerate(rows):
        first = kernel_weights(step / STEPS, length, row)
    skipped = length % 2  # SNAP's windowed sinc never uses its first
    return KernelTable(rows[:, skipped:].astype(np.float32), first + skipped)


@cache
def area_table() -> KernelTable:
    """Tables of the cubic kernel, drawn out to pixels of 1 .. 2 samples, for `AREA_TAPS` samples around a place."""
    first = 1 - AREA_TAPS // 2
    fraction = np.arange(AREA_STEPS + 1)[:, None] / AREA_STEPS
    width = 1.0 + np.arange(WIDTHS + 1)[:, None, None] / WIDTHS
    weights = _cubic((first + np.arange(AREA_TAPS) - fraction) / width)
    weights /= weights.sum(axis=-1, keepdims=True)
    return KernelTable(weights.reshape(-1, AREA_TAPS).astype(np.float32), first)


def _cubic(distance: Floats) -> Floats:
    """Catmull-Rom kernel (Keys, 1981, a = -1/2)."""
    t = np.abs(distance)
    inner, outer = (1.5 * t - 2.5) * t * t + 1.0, ((-0.5 * t + 2.5) * t - 4.0) * t + 2.0
    return np.asarray(np.where(t < 1.0, inner, np.where(t < 2.0, outer, 0.0)))


def _interpolator(taps: int, steps: int, margin: int) -> Kernel:
    """Interpolation from patches of ``taps`` x ``taps`` samples by weights of a `KernelTable` of so many steps.

    With a margin of 1, lines and pixels are given for one map pixel more on every side, from which the extent of a
    map pixel follows and with it the width of the kernel.
    """
    sum_of = patch_sum(taps)
    count, in_a_width = np.uint64(taps), np.uint64(steps + 1)

    @njit(cache=True, nogil=True)
    def weigh(
        samples: Floats32,
        first: np.uint64,
        pitch: np.uint64,
        weights: Floats32,
        place: tuple[float, float],
        width: tuple[int, int],
    ) -> Any:  # float32
        """The sum of the patch that begins at ``first``; the place is counted in steps."""
        row_step, col_step = int(place[0]), int(place[1])
        return sum_of(
            samples,
            first,
            pitch,
            weights,
            (np.uint64(width[0]) * in_a_width + np.uint64(row_step) % np.uint64(steps)) * count,
            np.float32(place[0] - row_step),
            (np.uint64(width[1]) * in_a_width + np.uint64(col_step) % np.uint64(steps)) * count,
            np.float32(place[1] - col_step),
        )

    @njit(cache=True, nogil=True)
    def at_rim(
        source: Floats32, y: float, x: float, weights: Floats32, first: int, width: tuple[int, int]
    ) -> float:
        """Value where the patch reaches beyond the image or holds samples without data."""
        rows, cols = source.shape
        if not (rows > 1 and cols > 1 and 0.0 <= y <= rows - 1 and 0.0 <= x <= cols - 1):
            return np.nan
        nearest = source[int(y + 0.5), int(x + 0.5)]
        if nearest != nearest:
            return np.nan
        patch = _repeated(source, int(y) + first, int(x) + first, taps)
        value = weigh(patch, np.uint64(0), count, weights, (y * steps, x * steps), width)
        return value if value == value else bilinear_at(source, y, x)

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
                width = (0, 0)
                if margin:
                    width = _width(line, i, j), _width(pixel, i, j)
                y, x = line[i + margin, j + margin] - row, pixel[i + margin, j + margin] - col
                value = np.float32(np.nan)
                if y >= lowest and y < end_y and x >= lowest and x < end_x:
                    place = y * steps, x * steps
                    before = np.uint64(int(y)) * pitch + np.uint64(int(x))
                    value = weigh(flat, before - origin, pitch, weights, place, width)
                out[i, j] = value if value == value else at_rim(source, y, x, weights, first, width)

    return interpolate


@njit(cache=True, nogil=True, inline="always")
def _width(place: Floats, i: int, j: int) -> int:
    """Number of the width that fits the extent of map pixel (i, j), by the places of its neighbours."""
    across, down = place[i + 1, j + 2] - place[i + 1, j], place[i + 2, j + 1] - place[i, j + 1]
    extent = 0.5 * math.sqrt(across * across + down * down)
    return min(int((extent - 1.0) * WIDTHS + 0.5), WIDTHS) if extent > 1.0 else 0


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


_AT_POINTS = {taps: _interpolator(taps, STEPS, 0) for taps in (4, 10, 20)}
_OVER_PIXELS = _interpolator(AREA_TAPS, AREA_STEPS, 1)


def at_points(
    source: Floats32, line: Floats, pixel: Floats, origin: tuple[float, float], length: int, out: Floats32
) -> None:
    """Values of a kernel of ``length`` taps; see `s1card.geometry.resampling.resample`."""
    table = kernel_table(length)
    kernel = _AT_POINTS[table.taps]
    kernel(np.ascontiguousarray(source), line, pixel, *origin, table.weights.ravel(), table.first, out)


def over_pixels(
    source: Floats32, line: Floats, pixel: Floats, origin: tuple[float, float], out: Floats32
) -> None:
    """Values of the cubic kernel over map pixels; see `s1card.geometry.resampling.resample_pixels`."""
    table = area_table()
    _OVER_PIXELS(np.ascontiguousarray(source), line, pixel, *origin, table.weights.ravel(), table.first, out)

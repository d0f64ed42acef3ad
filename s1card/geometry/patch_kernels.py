"""Kernels of four and more taps: weights from tables, values from square patches of samples.

A result needs a valid nearest sample and, for the whole kernel, a patch without nodata; else the bilinear rule gives
it. Beyond the image its outer samples are repeated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
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

PIXEL_TAPS = 8
PIXEL_STEPS = 512  # right to 2.4e-6; tables for all widths stay in the cache of a core
WIDTHS = 16
"""Widths of the cubic kernel for one more sample to a pixel; the widest, for two, fills ``PIXEL_TAPS``."""
FINE = 0.75
"""Samples to a pixel below which six points are taken: many pixels then show how a kernel joins few samples."""
_OF_SIX_POINTS = WIDTHS + 1  # number of that table, after those of all widths


@dataclass(frozen=True, eq=False)
class KernelTable:
    """Weights of a kernel at fractions of a sample.

    Attributes:
        weights: Fractions (of one width after the other) x taps; the weights of a fraction sum up to 1.
        first: Sample of the first tap, counted from the one before the place.
    """

    weights: Floats
    first: int

    @property
    def taps(self) -> int:
        """Number of samples that a value is made of, in each direction."""
        return int(self.weights.shape[1])

    @cached_property
    def flat(self) -> Floats32:
        """The weights as kernels want them."""
        return self.weights.astype(np.float32).ravel()


def kernel_weights(length: int, fraction: Floats) -> KernelTable:
    """Weights of a kernel at n fractions (0 .. 1), without a tap that is always 0.

    Args:
        length: 4: Catmull-Rom cubic; more: sinc with a raised cosine window (SNAP's BISINC).
        fraction: n.
    """
    first = -((length - 1) // 2)
    distance = first + np.arange(length) - fraction[:, None]
    if length == 4:
        return _normalized(_cubic(distance), first)
    window = 0.5 * (1.0 + np.cos(2.0 * np.pi * distance / (length - 1)))
    weights = np.where(np.abs(distance) <= length // 2, np.sinc(distance) * window, 0.0)
    return _normalized(weights[:, 1:], first + 1)  # the first is used at a fraction of 0 only, where it is 0


@cache
def kernel_table(length: int) -> KernelTable:
    """The weights of a kernel (`kernel_weights`) at equal steps."""
    return kernel_weights(length, np.arange(STEPS + 1) / STEPS)


@cache
def pixel_table() -> KernelTable:
    """The cubic kernel, drawn out to pixels of 1 .. 2 samples, and that of six points, for `PIXEL_TAPS` samples."""
    first = 1 - PIXEL_TAPS // 2
    fraction = np.arange(PIXEL_STEPS + 1)[:, None] / PIXEL_STEPS
    width = 1.0 + np.arange(WIDTHS + 1)[:, None, None] / WIDTHS
    distance = first + np.arange(PIXEL_TAPS) - fraction
    weights = np.concatenate([_cubic(distance / width), _cubic_of_six_points(distance)[None]])
    return _normalized(weights.reshape(-1, PIXEL_TAPS), first)


def _normalized(weights: Floats, first: int) -> KernelTable:
    return KernelTable(weights / weights.sum(axis=1, keepdims=True), first)


def _cubic(distance: Floats) -> Floats:
    """Catmull-Rom kernel (Keys, 1981, a = -1/2)."""
    t = np.abs(distance)
    inner, outer = (1.5 * t - 2.5) * t * t + 1.0, ((-0.5 * t + 2.5) * t - 4.0) * t + 2.0
    return np.asarray(np.where(t < 1.0, inner, np.where(t < 2.0, outer, 0.0)))


def _cubic_of_six_points(distance: Floats) -> Floats:
    """Cubic convolution of fourth order (Keys, 1981)."""
    t = np.abs(distance)
    inner = (4.0 / 3.0 * t - 7.0 / 3.0) * t * t + 1.0
    middle = ((-7.0 / 12.0 * t + 3.0) * t - 59.0 / 12.0) * t + 15.0 / 6.0
    outer = ((1.0 / 12.0 * t - 2.0 / 3.0) * t + 21.0 / 12.0) * t - 3.0 / 2.0
    return np.asarray(np.select([t < 1.0, t < 2.0, t < 3.0], [inner, middle, outer], 0.0))


def _interpolator(taps: int, steps: int, margin: int) -> Kernel:
    """Interpolation from patches of ``taps`` x ``taps`` samples by weights of a `KernelTable` of so many steps.

    With a margin of 1, lines and pixels are given for one map pixel more on every side, from which the extent of a
    map pixel follows and with it the width of the kernel.
    """

    # It may refer to numbers only: compiled code that refers to other functions is not found again on disk.
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
        rim, size = np.empty(taps * taps, np.float32), np.uint64(taps)
        lowest, end_y, end_x = -float(first), float(rows - taps - first + 1), float(cols - taps - first + 1)
        origin = np.uint64(-first) * (pitch + np.uint64(1))
        skipped = np.uint64((taps - 4) // 2)
        inner = skipped * (pitch + np.uint64(1))
        for i in range(out.shape[0]):
            for j in range(out.shape[1]):
                width_y = _width(line, i, j) if margin else 0
                width_x = _width(pixel, i, j) if margin else 0
                y, x = line[i + margin, j + margin] - row, pixel[i + margin, j + margin] - col
                value = np.float32(np.nan)
                if y >= lowest and y < end_y and x >= lowest and x < end_x:
                    by_row, row_way = _entry(y, width_y, steps, taps)
                    by_col, col_way = _entry(x, width_x, steps, taps)
                    start = np.uint64(int(y)) * pitch + np.uint64(int(x)) - origin
                    if margin and width_y == 0 and width_x == 0:  # all other weights are 0
                        start, by_row, by_col = start + inner, by_row + skipped, by_col + skipped
                        value = patch_sum(
                            flat, start, pitch, weights, by_row, row_way, by_col, col_way, 4, taps
                        )
                    else:
                        value = patch_sum(
                            flat, start, pitch, weights, by_row, row_way, by_col, col_way, taps, taps
                        )
                if value != value and _fill_patch(source, y, x, first, taps, rim):
                    by_row, row_way = _entry(y, width_y, steps, taps)
                    by_col, col_way = _entry(x, width_x, steps, taps)
                    value = patch_sum(
                        rim, np.uint64(0), size, weights, by_row, row_way, by_col, col_way, taps, taps
                    )
                    if value != value:
                        value = np.float32(bilinear_at(source, y, x))
                out[i, j] = value

    return interpolate


@njit(cache=True, nogil=True, inline="always")
def _entry(place: float, width: int, steps: int, taps: int) -> tuple[np.uint64, np.float32]:
    """Index of the first weight for a place, and how far that lies on the way to the next step."""
    at = place * steps
    step = int(at)
    in_table = np.uint64(width) * np.uint64(steps + 1) + np.uint64(step) % np.uint64(steps)
    return in_table * np.uint64(taps), np.float32(at - step)


@njit(cache=True, nogil=True, inline="always")
def _width(place: Floats, i: int, j: int) -> int:
    """Number of the table that fits the extent of map pixel (i, j), by the places of its neighbours."""
    across, down = place[i + 1, j + 2] - place[i + 1, j], place[i + 2, j + 1] - place[i, j + 1]
    extent = 0.5 * math.sqrt(across * across + down * down)
    if extent < FINE:
        return _OF_SIX_POINTS
    return min(int((extent - 1.0) * WIDTHS + 0.5), WIDTHS) if extent > 1.0 else 0


@njit(cache=True, nogil=True)
def _fill_patch(source: Floats32, y: float, x: float, first: int, taps: int, patch: Floats32) -> bool:
    """Copy the samples around a place, the outer ones for those beyond; False if it lies outside or on nodata."""
    rows, cols = source.shape
    if not (rows > 1 and cols > 1 and 0.0 <= y <= rows - 1 and 0.0 <= x <= cols - 1):
        return False
    nearest = source[int(y + 0.5), int(x + 0.5)]
    if nearest != nearest:
        return False
    for m in range(taps):
        row = min(max(int(y) + first + m, 0), rows - 1)
        for n in range(taps):
            patch[m * taps + n] = source[row, min(max(int(x) + first + n, 0), cols - 1)]
    return True


_AT_POINTS = {taps: _interpolator(taps, STEPS, 0) for taps in (4, 10, 20)}
_OVER_PIXELS = _interpolator(PIXEL_TAPS, PIXEL_STEPS, 1)


def at_points(
    source: Floats32, line: Floats, pixel: Floats, origin: tuple[float, float], length: int, out: Floats32
) -> None:
    """Values of a kernel of ``length`` taps; see `s1card.geometry.resampling.resample`."""
    table = kernel_table(length)
    kernel = _AT_POINTS[table.taps]
    kernel(np.ascontiguousarray(source), line, pixel, *origin, table.flat, table.first, out)


def over_pixels(
    source: Floats32, line: Floats, pixel: Floats, origin: tuple[float, float], out: Floats32
) -> None:
    """Values of the cubic kernel over map pixels; see `s1card.geometry.resampling.resample_pixels`."""
    table = pixel_table()
    _OVER_PIXELS(np.ascontiguousarray(source), line, pixel, *origin, table.flat, table.first, out)

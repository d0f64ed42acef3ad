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

from s1card.geometry.bilinear import bilinear
from s1card.geometry.patch_kernels import PIXEL_TAPS, at_points, over_pixels

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
NEAREST, BILINEAR, CUBIC = 0, 2, 4

METHODS: dict[str, int] = {
    "NEAREST_NEIGHBOUR": NEAREST,
    "BILINEAR_INTERPOLATION": BILINEAR,
    "CUBIC_CONVOLUTION": CUBIC,
    "BICUBIC_INTERPOLATION": CUBIC,
    "BISINC_5_POINT_INTERPOLATION": 5,
    "BISINC_11_POINT_INTERPOLATION": 11,
    "BISINC_21_POINT_INTERPOLATION": 21,
}
"""Number of taps of each of SNAP's methods (0: nearest)."""


def reach(taps: int) -> int:
    """Samples that a kernel needs on each side of a point."""
    return max(1, (taps + 1) // 2)


PIXELS_REACH = PIXEL_TAPS // 2 + 1
"""The same of `resample_pixels`."""


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
        bilinear(source, line, pixel, row, col, out)
    else:
        at_points(source, line, pixel, (row, col), taps, out)
    return out


def resample_pixels(
    source: Floats32, line: Floats, pixel: Floats, origin: tuple[int, int] = (0, 0)
) -> Floats32:
    """Values of ``source`` over map pixels: cubic, and where a pixel spans more than one sample, drawn out to it.

    So no sample is left out where a slope or the spacing of the map packs up to two of them into a pixel, and the
    centre of what a response leaves on the map does not depend on how it lies to the samples. A kernel of fixed width
    takes every so many samples at another place between them; that moves responses by up to 0.08 pixel. Where a pixel
    is finer than 0.75 samples, as on slopes towards the radar, a cubic kernel of six points joins them.

    Args:
        source: Samples; NaN is nodata.
        line, pixel: Positions of the pixels and of one more on every side; NaN gives NaN.
        origin: Position of the first sample of ``source``.

    Returns:
        float32, two rows and columns less than ``line``.
    """
    rows, cols = line.shape
    out = np.empty((rows - 2, cols - 2), np.float32)
    over_pixels(source, line, pixel, (float(origin[0]), float(origin[1])), out)
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

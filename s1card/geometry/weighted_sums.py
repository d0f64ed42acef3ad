"""Weighted sums of neighbouring samples, the innermost loops of interpolation.

They are written for the compiler to work on eight samples at a time: the number of terms is a constant to it, so that
the sum is unrolled; arrays are flat and begin where the work does; and indices are unsigned, since one that could be
negative, and so count from the end, would keep it from that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats32 = NDArray[np.float32]
Kernel = Callable[..., Any]

TAPS = (2, 4, 10, 20)
"""Lengths of sums that there are."""


def _weighted_sum(taps: int) -> Kernel:
    @njit(cache=True, nogil=True)
    def weighted_sum(
        real: Floats32,
        imaginary: Floats32,
        distance: np.uint64,
        weights: Floats32,
        pitch: np.uint64,
        out_re: Floats32,
        out_im: Floats32,
    ) -> None:
        for index in range(out_re.size):
            k = np.uint64(index)
            a = b = np.float32(0.0)
            for number in range(taps):
                n = np.uint64(number)
                w = weights[n * pitch + k]
                a += w * real[n * distance + k]
                b += w * imaginary[n * distance + k]
            out_re[index], out_im[index] = a, b

    return weighted_sum


_sum_2, _sum_4, _sum_10, _sum_20 = (_weighted_sum(taps) for taps in TAPS)


@njit(cache=True, nogil=True)
def weighted_sums(
    real: Floats32,
    imaginary: Floats32,
    distance: int,
    taps: int,
    weights: Floats32,
    pitch: int,
    out_re: Floats32,
    out_im: Floats32,
) -> None:
    """Sums over n of ``weights[n * pitch + k]`` times sample ``n * distance + k``, for every output k.

    Args:
        real, imaginary: Flat samples; a distance of 1 sums along a line, one of its width sums across lines.
        distance: Samples between two terms.
        taps: Number of terms, one of `TAPS`.
        weights: Flat.
        pitch: Weights between two terms.
        out_re, out_im: The outputs.
    """
    d, p = np.uint64(distance), np.uint64(pitch)
    if taps == 2:
        _sum_2(real, imaginary, d, weights, p, out_re, out_im)
    elif taps == 4:
        _sum_4(real, imaginary, d, weights, p, out_re, out_im)
    elif taps == 10:
        _sum_10(real, imaginary, d, weights, p, out_re, out_im)
    elif taps == 20:
        _sum_20(real, imaginary, d, weights, p, out_re, out_im)
    else:
        raise ValueError("no sum of that length")

"""Weighted sums of neighbouring samples, the innermost loops of interpolation.

Their number of terms is a constant to the compiler, which then unrolls the sum and works on eight samples at a time;
and arrays are cut to begin at index 0, since an index that could be negative would keep it from that.
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


def _row_sum(taps: int) -> Kernel:
    @njit(cache=True, nogil=True)
    def row_sum(
        real: Floats32, imaginary: Floats32, weights: Floats32, out_re: Floats32, out_im: Floats32
    ) -> None:
        for k in range(out_re.size):
            a = b = np.float32(0.0)
            for n in range(taps):
                w = weights[n, k]
                a += w * real[k + n]
                b += w * imaginary[k + n]
            out_re[k], out_im[k] = a, b

    return row_sum


def _column_sum(taps: int) -> Kernel:
    @njit(cache=True, nogil=True)
    def column_sum(
        real: Floats32, imaginary: Floats32, weights: Floats32, out_re: Floats32, out_im: Floats32
    ) -> None:
        for k in range(out_re.size):
            a = b = np.float32(0.0)
            for n in range(taps):
                w = weights[n, k]
                a += w * real[n, k]
                b += w * imaginary[n, k]
            out_re[k], out_im[k] = a, b

    return column_sum


_row_2, _row_4, _row_10, _row_20 = (_row_sum(taps) for taps in TAPS)
_column_2, _column_4, _column_10, _column_20 = (_column_sum(taps) for taps in TAPS)


@njit(cache=True, nogil=True)
def sum_along(
    real: Floats32, imaginary: Floats32, weights: Floats32, out_re: Floats32, out_im: Floats32
) -> None:
    """Sums of samples k, k + 1 ... of a line with weights (taps x outputs); the line has taps - 1 samples more."""
    taps = weights.shape[0]
    if taps == 2:
        _row_2(real, imaginary, weights, out_re, out_im)
    elif taps == 4:
        _row_4(real, imaginary, weights, out_re, out_im)
    elif taps == 10:
        _row_10(real, imaginary, weights, out_re, out_im)
    elif taps == 20:
        _row_20(real, imaginary, weights, out_re, out_im)
    else:
        raise ValueError("no sum of that length")


@njit(cache=True, nogil=True)
def sum_across(
    real: Floats32, imaginary: Floats32, weights: Floats32, out_re: Floats32, out_im: Floats32
) -> None:
    """Sums of the lines (taps x outputs) of every column with weights of the same shape."""
    taps = weights.shape[0]
    if taps == 2:
        _column_2(real, imaginary, weights, out_re, out_im)
    elif taps == 4:
        _column_4(real, imaginary, weights, out_re, out_im)
    elif taps == 10:
        _column_10(real, imaginary, weights, out_re, out_im)
    elif taps == 20:
        _column_20(real, imaginary, weights, out_re, out_im)
    else:
        raise ValueError("no sum of that length")

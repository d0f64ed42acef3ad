"""Means over blocks of samples.

Sums run over the lines of a block first and over its pixels then, in float64, so that a mean depends on nothing but the
samples of its block.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.engine.native.product import Looks

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Samples = NDArray[Any]
Mask = NDArray[np.bool_]


class Scale(IntEnum):
    """What a value is to power; means are means of power but for `PLAIN`."""

    PLAIN = 0
    AMPLITUDE = 1
    POWER_DECIBELS = 2
    AMPLITUDE_DECIBELS = 3


_PLAIN, _AMPLITUDE, _POWER_DB, _AMPLITUDE_DB = (int(scale) for scale in Scale)


def block_means(samples: Samples, nodata: float, looks: Looks, scale: Scale) -> Floats32:
    """Means of the valid samples of every block.

    Args:
        samples: rows x cols, whole blocks.
        nodata: Value of samples without data, beside NaN.
        looks: Size of a block.
        scale: How values relate to power.

    Returns:
        float32, NaN where a block has no data.
    """
    rows, cols = samples.shape[0] // looks.lines, samples.shape[1] // looks.pixels
    out = np.empty((rows, cols), np.float32)
    _block_means(samples, nodata, looks.lines, looks.pixels, int(scale), out)
    return out


def complex_block_means(samples: Samples, valid: Mask, looks: Looks) -> Floats32:
    """Means of the valid samples of every block.

    Args:
        samples: rows x cols x 2 (real, imaginary), whole blocks.
        valid: rows x cols.
        looks: Size of a block.

    Returns:
        2 x rows x cols, NaN where a block has no data.
    """
    rows, cols = valid.shape[0] // looks.lines, valid.shape[1] // looks.pixels
    out = np.empty((2, rows, cols), np.float32)
    _complex_block_means(samples, valid, looks.lines, looks.pixels, out)
    return out


@njit(cache=True, nogil=True)
def _block_means(samples: Samples, nodata: float, lines: int, pixels: int, scale: int, out: Floats32) -> None:
    total, count = np.empty(out.shape[1] * pixels), np.empty(out.shape[1] * pixels)
    for i in range(out.shape[0]):
        total[:] = 0.0
        count[:] = 0.0
        for r in range(i * lines, (i + 1) * lines):
            line = samples[r]
            if scale == _PLAIN:
                _add(line, nodata, total, count)
            elif scale == _AMPLITUDE:
                _add_squares(line, nodata, total, count)
            elif scale == _POWER_DB:
                _add_powers(line, nodata, 0.1 * math.log(10.0), total, count)
            else:
                _add_powers(line, nodata, 0.2 * math.log(10.0), total, count)
        _divide(total, count, pixels, out[i])
        _from_power(scale, out[i])


@njit(cache=True, nogil=True)
def _complex_block_means(samples: Samples, valid: Mask, lines: int, pixels: int, out: Floats32) -> None:
    width = out.shape[2] * pixels
    real, imaginary, count = np.empty(width), np.empty(width), np.empty(width)
    for i in range(out.shape[1]):
        real[:] = 0.0
        imaginary[:] = 0.0
        count[:] = 0.0
        for r in range(i * lines, (i + 1) * lines):
            _add_complex(samples[r], valid[r], real, imaginary, count)
        _divide(real, count, pixels, out[0, i])
        _divide(imaginary, count, pixels, out[1, i])


@njit(cache=True, nogil=True)
def _add(line: Samples, nodata: float, total: Floats, count: Floats) -> None:
    for k in range(total.size):
        v = float(line[k])
        counts = v == v and v != nodata
        total[k] += v if counts else 0.0
        count[k] += 1.0 if counts else 0.0


@njit(cache=True, nogil=True)
def _add_squares(line: Samples, nodata: float, total: Floats, count: Floats) -> None:
    for k in range(total.size):
        v = float(line[k])
        counts = v == v and v != nodata
        total[k] += v * v if counts else 0.0
        count[k] += 1.0 if counts else 0.0


@njit(cache=True, nogil=True)
def _add_powers(line: Samples, nodata: float, factor: float, total: Floats, count: Floats) -> None:
    for k in range(total.size):
        v = float(line[k])
        if v == v and v != nodata:
            total[k] += math.exp(factor * v)
            count[k] += 1.0


@njit(cache=True, nogil=True)
def _add_complex(line: Samples, valid: Mask, real: Floats, imaginary: Floats, count: Floats) -> None:
    for k in range(real.size):
        real[k] += float(line[k, 0]) if valid[k] else 0.0
        imaginary[k] += float(line[k, 1]) if valid[k] else 0.0
        count[k] += 1.0 if valid[k] else 0.0


@njit(cache=True, nogil=True)
def _divide(total: Floats, count: Floats, pixels: int, out: Floats32) -> None:
    """Means of runs of pixels."""
    for j in range(out.size):
        s = n = 0.0
        for k in range(j * pixels, (j + 1) * pixels):
            s += total[k]
            n += count[k]
        out[j] = s / n if n > 0.0 else np.nan


@njit(cache=True, nogil=True)
def _from_power(scale: int, line: Floats32) -> None:
    """Mean power as a value of the scale."""
    for j in range(line.size):
        if scale == _AMPLITUDE:
            line[j] = math.sqrt(line[j])
        elif scale == _POWER_DB:
            line[j] = 10.0 * math.log10(line[j])
        elif scale == _AMPLITUDE_DB:
            line[j] = 5.0 * math.log10(line[j])

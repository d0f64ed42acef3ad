"""Phases of lines of complex samples: phasors, and samples turned by them.

Loops are written for the compiler to work on eight samples at a time, as in `s1card.geometry.weighted_sums`: real and
imaginary parts that alternate are taken from flat arrays by unsigned indices.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Samples = NDArray[Any]
Mask = NDArray[np.bool_]


@njit(cache=True, nogil=True)
def phasor(cycles: Floats, cosine: Floats32, sine: Floats32) -> None:
    """Cosine and sine of phases in cycles, float32, exact to 2e-7.

    The phase is reduced to a quarter turn around 0 or half a turn, and both series are summed to the eleventh power.
    """
    for k in range(cycles.size):
        c = cycles[k] - np.floor(cycles[k] + 0.5)
        flip = abs(c) > 0.25
        half = 0.5 if c > 0.0 else -0.5
        x = np.float32(2.0 * math.pi * (half - c if flip else c))
        x2 = x * x
        s = x * (
            np.float32(1.0)
            + x2
            * (
                np.float32(-1.6666667e-1)
                + x2
                * (
                    np.float32(8.3333333e-3)
                    + x2
                    * (
                        np.float32(-1.9841270e-4)
                        + x2 * (np.float32(2.7557319e-6) + x2 * np.float32(-2.505e-8))
                    )
                )
            )
        )
        d = np.float32(1.0) + x2 * (
            np.float32(-0.5)
            + x2
            * (
                np.float32(4.1666667e-2)
                + x2
                * (
                    np.float32(-1.3888889e-3)
                    + x2
                    * (
                        np.float32(2.4801587e-5)
                        + x2 * (np.float32(-2.7557319e-7) + x2 * np.float32(2.087e-9))
                    )
                )
            )
        )
        sine[k] = s
        cosine[k] = -d if flip else d


@njit(cache=True, nogil=True)
def turn(line: Samples, cosine: Floats32, sine: Floats32, real: Floats32, imaginary: Floats32) -> None:
    """Multiply samples (cols x 2) by phasors, real and imaginary parts apart."""
    flat = line.reshape(-1)
    for index in range(real.size):
        k = np.uint64(index)
        re, im = np.float32(flat[np.uint64(2) * k]), np.float32(flat[np.uint64(2) * k + np.uint64(1)])
        real[k] = re * cosine[k] - im * sine[k]
        imaginary[k] = re * sine[k] + im * cosine[k]


@njit(cache=True, nogil=True)
def turn_where(
    kept: Mask, real: Floats32, imaginary: Floats32, cosine: Floats32, sine: Floats32, out: Floats32
) -> None:
    """Multiply samples by phasors into ``out`` (cols x 2); 0 where they are not kept."""
    flat = out.reshape(-1)
    for index in range(real.size):
        k = np.uint64(index)
        weight = np.float32(1.0) if kept[k] else np.float32(0.0)
        flat[np.uint64(2) * k] = weight * (real[k] * cosine[k] - imaginary[k] * sine[k])
        flat[np.uint64(2) * k + np.uint64(1)] = weight * (real[k] * sine[k] + imaginary[k] * cosine[k])

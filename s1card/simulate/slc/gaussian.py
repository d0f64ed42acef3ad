"""Complex Gaussian noise that depends on what it is for, not on the order of the work."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import ndtri

from s1card.simulate.hashing import mix, stream

Floats32 = NDArray[np.float32]
Complex = NDArray[np.complex64]

COMMON, REFERENCE, SECONDARY = 0, 1, 2
"""What noise is for: what both dates see, and what each has for itself."""

_CHANNEL = 1_000_000
_ORIGIN = 1 << 20  # lines and pixels may be negative


def normal_table() -> Floats32:
    """Quantiles of a normal distribution of variance 1/2 at the middles of 65,536 classes, of exactly that variance."""
    quantiles = ndtri((np.arange(1 << 16) + 0.5) / (1 << 16))
    return np.asarray(quantiles / (quantiles.std() * np.sqrt(2.0)), np.float32)


def channel(kind: int, polarization: int, swath: int, burst: int) -> int:
    """Number of a channel of noise: speckle differs between polarizations, sub-swaths and bursts."""
    return _CHANNEL + ((kind * 8 + polarization) * 8 + swath) * 1024 + burst


@njit(cache=True, nogil=True)
def fill_noise(table: Floats32, seed: int, channel_: int, origin: tuple[int, int], out: Complex) -> None:
    """Fill (lines, pixels) with noise of unit power from a line and pixel on."""
    first_line, first_pixel = origin
    for row in range(out.shape[0]):
        key = stream(seed, channel_, first_line + row + _ORIGIN)
        for col in range(out.shape[1]):
            bits = mix(key + np.uint64(first_pixel + col + _ORIGIN))
            real = table[bits & np.uint64(0xFFFF)]
            imaginary = table[(bits >> np.uint64(16)) & np.uint64(0xFFFF)]
            out[row, col] = np.complex64(complex(real, imaginary))

"""Interpolation kernels as polynomials of the place between two samples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from s1card.geometry.patch_kernels import kernel_weights
from s1card.geometry.resampling import BILINEAR, METHODS, NEAREST

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

DEGREE = 7
"""Weights are right to 1e-6 (of the four-point sinc: 7e-6)."""
FITTED = 64  # places at which a kernel is evaluated to be fitted


@dataclass(frozen=True, eq=False)
class InterpolationKernel:
    """The weight of each tap is a polynomial of the fraction of a sample, counted from the middle between two samples.

    A loop over polynomials works on many places at once, which one that looks weights up does not. Kernels are even:
    the polynomials of taps as far from the middle on either side differ in the sign of odd powers, and in nothing else.

    Attributes:
        coefficients: taps x (`DEGREE` + 1), float32, by rising power.
        first: Sample of the first tap, counted from the one before the place.
        is_nearest: Whether the fraction is to be rounded first.
    """

    coefficients: Floats32
    first: int
    is_nearest: bool = False

    @property
    def taps(self) -> int:
        """Number of samples that a value is made of."""
        return int(self.coefficients.shape[0])

    def weights(self, fraction: float) -> Floats:
        """The weights of all taps at a fraction (0 .. 1) of a sample."""
        if self.is_nearest:
            fraction = float(np.floor(fraction + 0.5))
        return np.asarray(self.coefficients.astype(np.float64) @ (fraction - 0.5) ** np.arange(DEGREE + 1))


@cache
def interpolation_kernel(method: str) -> InterpolationKernel:
    """The kernel of one of SNAP's methods (`s1card.geometry.resampling.METHODS`), without taps that are always 0."""
    length = METHODS[method]
    if length in (NEAREST, BILINEAR):
        linear = np.zeros((2, DEGREE + 1), np.float32)
        linear[:, :2] = [[0.5, -1.0], [0.5, 1.0]]
        return InterpolationKernel(linear, 0, is_nearest=length == NEAREST)
    x = 0.5 * np.cos(np.pi * (np.arange(FITTED) + 0.5) / FITTED)
    exact = kernel_weights(length, x + 0.5)
    powers = np.vander(x, DEGREE + 1, increasing=True)
    coefficients, *_ = np.linalg.lstsq(powers, exact.weights, rcond=None)
    signs = (-1.0) ** np.arange(DEGREE + 1)[:, None]
    coefficients = 0.5 * (coefficients + signs * coefficients[:, ::-1])
    return InterpolationKernel(np.ascontiguousarray(coefficients.T, np.float32), exact.first)

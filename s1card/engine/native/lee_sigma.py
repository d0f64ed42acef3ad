"""Lee's sigma filter: the mean of those samples of a window that speckle alone can tell from the reflectance.

After J.-S. Lee et al., "Improved sigma filter for speckle filtering of SAR imagery", 2009: the range of samples is
such that their mean is unbiased, strong point targets are kept, and the reflectance is estimated beforehand in a small
window.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import scipy  # loads its parts when they are used
from numba import njit
from numpy.typing import NDArray

Floats32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

CLUSTER = 5
"""A point target has more bright samples than these in its window."""


class SigmaRange(NamedTuple):
    """Which samples count as alike; a named tuple, as compiled code takes it.

    Attributes:
        low: Lower end of the range, of a reflectance of 1.
        high: Its upper end.
        speckle: Variance of speckle, of a mean of 1.
        inside: Variance of the speckle that lies in the range.
    """

    low: float
    high: float
    speckle: float
    inside: float


class Windows(NamedTuple):
    """Sizes of windows, from the centre to the edge.

    Attributes:
        half: Of the filter.
        target: Of a point target and of the first estimate.
    """

    half: int
    target: int

    @property
    def margin(self) -> int:
        """Samples that are needed on every side."""
        return max(self.half, 2 * self.target)


@lru_cache
def sigma_range(looks: int, share: float, *, is_amplitude: bool) -> SigmaRange:
    """The range that holds a share of all speckled samples and whose mean is that of all of them.

    Args:
        looks: Number of looks: intensities are gamma distributed of that order.
        share: Share of the samples that the range holds, 0.5 to 0.9.
        is_amplitude: Whether samples are the roots of intensities.
    """
    gamma, gammainc, brentq = scipy.special.gamma, scipy.special.gammainc, scipy.optimize.brentq
    root = 0.5 if is_amplitude else 1.0
    scale = float(gamma(looks + root) / gamma(looks)) / looks**root  # mean of a sample of unit power

    def moment(order: int, value: float) -> float:
        """Mean of the power of the samples up to a value, all others counting as zero."""
        at = looks * (value * scale) ** (1.0 / root)
        whole = gamma(looks + order * root) / gamma(looks) / (looks**root * scale) ** order
        return float(whole * gammainc(looks + order * root, at))

    def high_of(low: float) -> float:
        return float(brentq(lambda high: moment(0, high) - moment(0, low) - share, low, 100.0, xtol=1e-12))

    def excess(low: float) -> float:
        return moment(1, high_of(low)) - moment(1, low) - share

    greatest = brentq(lambda low: moment(0, low) - (1.0 - share) * (1.0 - 1e-9), 1e-9, 10.0, xtol=1e-12)
    low = brentq(excess, 1e-9, greatest * (1.0 - 1e-9), xtol=1e-12)
    high = high_of(low)
    inside = (moment(2, high) - moment(2, low)) / share - 1.0
    return SigmaRange(low, high, moment(2, 1e3) - 1.0, inside)


@njit(cache=True, nogil=True)
def lee_sigma(padded: Floats32, bright: Mask, windows: Windows, alike: SigmaRange, out: Floats32) -> None:
    """Filter a raster.

    Args:
        padded: Samples with a margin of `Windows.margin` on every side; NaN where there are none.
        bright: Of the same size: which samples are bright enough for a point target.
        windows: Sizes of the windows.
        alike: Which samples count as alike.
        out: The result, rows x cols without margin; NaN where the sample is.
    """
    margin = (padded.shape[0] - out.shape[0]) // 2
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            r, c = i + margin, j + margin
            centre = float(padded[r, c])
            if math.isnan(centre) or (bright[r, c] and _is_target(bright, r, c, windows.target)):
                out[i, j] = centre
                continue
            first = _estimate(padded, r, c, windows.target, -math.inf, math.inf, alike.speckle)
            low, high = first * alike.low, first * alike.high
            out[i, j] = _estimate(padded, r, c, windows.half, low, high, alike.inside)


@njit(cache=True, nogil=True)
def _is_target(bright: Mask, r: int, c: int, half: int) -> bool:
    """Whether a bright sample belongs to a cluster around a bright sample near it."""
    for y in range(r - half, r + half + 1):
        for x in range(c - half, c + half + 1):
            if bright[y, x] and _count(bright, y, x, half) > CLUSTER:
                return True
    return False


@njit(cache=True, nogil=True)
def _count(bright: Mask, r: int, c: int, half: int) -> int:
    n = 0
    for y in range(r - half, r + half + 1):
        for x in range(c - half, c + half + 1):
            n += bright[y, x]
    return n


@njit(cache=True, nogil=True)
def _estimate(padded: Any, r: int, c: int, half: int, low: float, high: float, speckle: float) -> float:
    """Estimate of least mean square error from the samples of a window in a range; without any, the centre itself."""
    centre = float(padded[r, c])
    total = squares = n = 0.0
    for y in range(r - half, r + half + 1):
        for x in range(c - half, c + half + 1):
            v = float(padded[y, x])
            if low <= v <= high:
                total += v - centre
                squares += (v - centre) ** 2
                n += 1.0
    if n == 0.0:
        return centre
    mean = centre + total / n
    variance = (squares - total * total / n) / (n - 1.0) if n > 1.0 else 0.0
    if not variance > 0.0:
        return mean
    weight = max(0.0, (variance - mean * mean * speckle) / (1.0 + speckle)) / variance
    return mean + weight * (centre - mean)

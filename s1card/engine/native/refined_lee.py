"""Refined Lee filter: the mean and variance of that half of a 7 x 7 window that lies on the sample's side of an edge.

After J.-S. Lee, "Refined filtering of image noise using local statistics", 1981. The variance of the noise comes from
the calmest parts of the window itself.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.engine.native.speckle_kernels import sort_few

Floats32 = NDArray[np.float32]

MARGIN = 3
"""Samples that are needed on every side."""

_CALMEST = 5


_FROM = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0],
        [3, 3, 3, 3, 3, 3, 3],
        [0, 1, 2, 3, 4, 5, 6],
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 7, 7, 7],
        [7, 7, 7, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
        [6, 5, 4, 3, 2, 1, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ]
)
_TO = np.array(
    [
        [4, 4, 4, 4, 4, 4, 4],
        [7, 7, 7, 7, 7, 7, 7],
        [7, 7, 7, 7, 7, 7, 7],
        [1, 2, 3, 4, 5, 6, 7],
        [7, 7, 7, 7, 7, 7, 7],
        [7, 7, 7, 7, 7, 7, 7],
        [7, 6, 5, 4, 3, 2, 1],
        [7, 7, 7, 7, 7, 7, 7],
        [7, 7, 7, 7, 7, 7, 7],
    ]
)
"""Columns of the halves of a window, by half and row: left, right, top right, bottom left, top, bottom, top left,
bottom right; the last one is the whole window."""

_WHOLE = 8


@njit(cache=True, nogil=True)
def refined_lee(padded: Floats32, out: Floats32) -> None:
    """Filter a raster.

    Args:
        padded: Samples with a margin of `MARGIN` on every side; NaN where there are none.
        out: The result, rows x cols without margin; NaN where the sample is.
    """
    means, roughness = _parts(padded)
    held = np.empty(9)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            centre = float(padded[i + 3, j + 3])
            if math.isnan(centre):
                out[i, j] = np.float32(np.nan)
                continue
            noise, is_whole = _noise(roughness[i : i + 5, j : j + 5], held)
            half = _half(means[i : i + 5, j : j + 5]) if is_whole else _WHOLE
            mean, variance = _statistics(padded[i : i + 7, j : j + 7], half)
            if variance > 0.0:
                signal = max(0.0, (variance - mean * mean * noise) / (1.0 + noise))
                mean += signal / variance * (centre - mean)
            out[i, j] = mean


@njit(cache=True, nogil=True)
def _parts(padded: Floats32) -> tuple[Any, Any]:
    """Mean, and variance over squared mean, of all parts of 3 x 3 samples, at their first one; NaN with a hole."""
    rows, cols = padded.shape[0] - 2, padded.shape[1] - 2
    means, roughness = np.empty((rows, cols)), np.empty((rows, cols))
    for i in range(rows):
        for j in range(cols):
            total = 0.0
            for r in range(i, i + 3):
                for c in range(j, j + 3):
                    total += float(padded[r, c])
            mean, squares = total / 9.0, 0.0
            for r in range(i, i + 3):
                for c in range(j, j + 3):
                    squares += (float(padded[r, c]) - mean) ** 2
            means[i, j] = mean
            roughness[i, j] = 0.0 if mean <= 0.0 else squares / 8.0 / mean**2
    return means, roughness


@njit(cache=True, nogil=True)
def _noise(roughness: Any, held: Any) -> tuple[float, bool]:
    """Variance of the noise relative to the squared mean, from the calmest of nine parts of 3 x 3 samples.

    Parts with holes do not count; where none is whole, nothing passes for noise. The second result tells whether all
    samples are there.
    """
    found = 0
    for r in range(0, 5, 2):
        for c in range(0, 5, 2):
            v = roughness[r, c]
            if v == v:
                held[found] = v
                found += 1
    return _mean_of_least(held, found), found == 9


@njit(cache=True, nogil=True)
def _mean_of_least(values: Any, count: int) -> float:
    """Mean of the `_CALMEST` least of some values, or of all if they are fewer; the values get sorted."""
    sort_few(values, count)
    used = min(count, _CALMEST)
    total = 0.0
    for k in range(used):
        total += values[k]
    return total / used if used > 0 else 0.0


@njit(cache=True, nogil=True)
def _half(m: Any) -> int:
    """The half of the window that is the sample's, from the means of its parts (at 0, 2 and 4)."""
    steepest, half = abs(m[2, 0] - m[2, 4]), 0
    near, far = m[2, 0], m[2, 4]
    if abs(m[0, 4] - m[4, 0]) > steepest:
        steepest, half = abs(m[0, 4] - m[4, 0]), 2
        near, far = m[0, 4], m[4, 0]
    if abs(m[0, 2] - m[4, 2]) > steepest:
        steepest, half = abs(m[0, 2] - m[4, 2]), 4
        near, far = m[0, 2], m[4, 2]
    if abs(m[0, 0] - m[4, 4]) > steepest:
        half = 6
        near, far = m[0, 0], m[4, 4]
    return half if abs(near - m[2, 2]) < abs(far - m[2, 2]) else half + 1


@njit(cache=True, nogil=True)
def _statistics(window: Any, half: int) -> tuple[float, float]:
    """Mean and variance of the samples of a half, or of the whole window, that are there."""
    total, count = 0.0, 0
    for r in range(7):
        for c in range(_FROM[half, r], _TO[half, r]):
            v = float(window[r, c])
            if v == v:
                total += v
                count += 1
    mean = total / count
    squares = 0.0
    for r in range(7):
        for c in range(_FROM[half, r], _TO[half, r]):
            v = float(window[r, c])
            if v == v:
                squares += (v - mean) ** 2
    return mean, squares / (count - 1) if count > 1 else 0.0

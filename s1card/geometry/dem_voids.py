"""Small holes in elevation data, closed from the heights around them."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

LARGEST_VOID = 20
"""Samples; a larger void, or one open to the edge of the data, stays as it is."""

VOID_MARGIN = LARGEST_VOID + 4
"""Samples to read around an area so that what is done inside it does not depend on where it was cut.

A void that touches the area and is small lies wholly within this margin, with the heights around it; one that
reaches the outer edge of the margin has more than ``LARGEST_VOID`` samples.
"""


@njit(cache=True, nogil=True)
def fill_small_voids(height: NDArray[np.float32], largest: int) -> NDArray[np.float32]:
    """A copy of ``height`` in which enclosed voids of at most ``largest`` samples are filled.

    A void is a set of NaN that hang together over sides or corners. Each of its samples becomes the mean of
    the heights in the rectangle one sample larger than the void, weighted by the inverse square of distance.
    A void at the edge of the array is not enclosed.
    """
    rows, cols = height.shape
    filled = height.copy()
    seen = np.zeros((rows, cols), np.bool_)
    queue = np.empty((rows * cols, 2), np.int32)
    for i in range(rows):
        for j in range(cols):
            if seen[i, j] or not np.isnan(height[i, j]):
                continue
            size = _collect_void(height, seen, queue, i, j)
            if size <= largest:
                _fill_void(height, filled, queue[:size])
    return filled


@njit(cache=True, nogil=True)
def _collect_void(
    height: NDArray[np.float32], seen: NDArray[np.bool_], queue: NDArray[np.int32], row: int, col: int
) -> int:
    """Write the samples of the void around (row, col) into ``queue``, mark them seen, return their number."""
    rows, cols = height.shape
    queue[0, 0], queue[0, 1] = row, col
    seen[row, col] = True
    size = 1
    done = 0
    while done < size:
        i, j = queue[done, 0], queue[done, 1]
        done += 1
        for m in range(max(i - 1, 0), min(i + 2, rows)):
            for n in range(max(j - 1, 0), min(j + 2, cols)):
                if not seen[m, n] and np.isnan(height[m, n]):
                    seen[m, n] = True
                    queue[size, 0], queue[size, 1] = m, n
                    size += 1
    return size


@njit(cache=True, nogil=True)
def _fill_void(height: NDArray[np.float32], filled: NDArray[np.float32], void: NDArray[np.int32]) -> None:
    """Fill the samples of one void, unless it touches the edge of the array."""
    rows, cols = height.shape
    top, bottom = void[:, 0].min() - 1, void[:, 0].max() + 2
    left, right = void[:, 1].min() - 1, void[:, 1].max() + 2
    if top < 0 or left < 0 or bottom > rows or right > cols:
        return
    for k in range(void.shape[0]):
        i, j = void[k, 0], void[k, 1]
        total = 0.0
        weights = 0.0
        for m in range(top, bottom):
            for n in range(left, right):
                if not math.isnan(height[m, n]):
                    weight = 1.0 / ((m - i) ** 2 + (n - j) ** 2)
                    weights += weight
                    total += weight * height[m, n]
        filled[i, j] = total / weights

"""Vertices of a lattice of heights that the sensor does not see because nearer terrain stands in the way."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.geometry.facet_sharing import Looks, look_along

Floats32 = NDArray[np.float32]
Flags = NDArray[np.uint8]


def shadowed(height: Floats32, looks: Looks) -> Flags:
    """Which vertices lie in shadow: 1, else 0.

    Shadow begins behind a facet that looks away from the sensor. From the vertices of every such facet the ray of the
    sensor is followed until it meets the ground; the vertices that it passes over lie in shadow.

    Args:
        height: rows x cols, m; NaN where unknown.
        looks: Directions to the sensor, for vertex (0, 0) on.
    """
    shadow = np.zeros(height.shape, np.uint8)
    _cast(height, looks, shadow)
    return shadow


@njit(cache=True, nogil=True)
def _cast(height: Floats32, looks: Looks, shadow: Flags) -> None:
    lowest = np.inf
    for i in range(height.shape[0]):
        for j in range(height.shape[1]):
            lowest = min(lowest, height[i, j])
    look = np.empty((height.shape[1] - 1, 8))
    for i in range(height.shape[0] - 1):
        look_along(looks, i, look)
        for j in range(height.shape[1] - 1):
            a, b = height[i, j], height[i, j + 1]
            c, d = height[i + 1, j], height[i + 1, j + 1]
            width, tall = look[j, 6], look[j, 7]
            x, y, up = look[j, 0] + a * look[j, 3], look[j, 1] + a * look[j, 4], look[j, 2] + a * look[j, 5]
            if up - (b - a) / width * x - (a - c) / tall * y <= 0.0:
                _follow(height, i, j, x / width, -y / tall, up, lowest, shadow)
                _follow(height, i, j + 1, x / width, -y / tall, up, lowest, shadow)
                _follow(height, i + 1, j, x / width, -y / tall, up, lowest, shadow)
            if up - (d - c) / width * x - (b - d) / tall * y <= 0.0:
                _follow(height, i, j + 1, x / width, -y / tall, up, lowest, shadow)
                _follow(height, i + 1, j, x / width, -y / tall, up, lowest, shadow)
                _follow(height, i + 1, j + 1, x / width, -y / tall, up, lowest, shadow)


@njit(cache=True, nogil=True)
def _follow(
    height: Floats32,
    row: int,
    col: int,
    cols_per_metre: float,
    rows_per_metre: float,
    up: float,
    lowest: float,
    shadow: Flags,
) -> None:
    """Follow the ray away from the sensor in steps of a vertex; ``up`` is how far it falls for its vector's length."""
    step = 1.0 / max(abs(cols_per_metre), abs(rows_per_metre))
    ray = float(height[row, col])
    r, c = float(row), float(col)
    while True:
        ray -= up * step
        r -= rows_per_metre * step
        c -= cols_per_metre * step
        if ray < lowest:
            return
        i, j = math.floor(r + 0.5), math.floor(c + 0.5)
        if not (0 <= i < height.shape[0] and 0 <= j < height.shape[1]):
            return
        if height[i, j] >= ray:
            return
        shadow[i, j] = 1  # also where the height is unknown: nothing is lost there

"""Sensor position and velocity between state vectors.

Between two vectors position and velocity are the polynomials through the eight nearest ones (Lagrange, degree 7),
as in SNAP; for Sentinel-1 vectors 10 s apart that is exact to better than a millimetre. The polynomials are
tabulated once per interval, so that one evaluation costs 42 multiplications.

The outermost polynomials go on for one interval beyond the vectors and no further: the vectors of a GRD product may end
2 ms after its last line (2015), and points around the image that positions in it are interpolated from lie beyond.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.errors import OrbitError
from s1card.scene.records import StateVectors
from s1card.scene.time import seconds_since

Floats = NDArray[np.float64]

POINTS = 8
MINIMUM_POINTS = 4


@dataclass(frozen=True, eq=False)
class OrbitTable:
    """An orbit as piecewise polynomials.

    Attributes:
        epoch: UTC instant that all times count from.
        time: n vector times, seconds since ``epoch``.
        coefficients: (n - 1) x degree + 1 x 6; for interval j the powers of ``t - time[j]`` of position (m) and
            velocity (m/s).
    """

    epoch: np.datetime64
    time: Floats
    coefficients: Floats

    def position(self, t: float) -> Floats:
        """Earth-fixed position (m) at ``t`` seconds since the epoch."""
        return state_at(self.time, self.coefficients, t)[:3]

    def velocity(self, t: float) -> Floats:
        """Earth-fixed velocity (m/s) at ``t`` seconds since the epoch."""
        return state_at(self.time, self.coefficients, t)[3:]


def tabulate_orbit(vectors: StateVectors, epoch: np.datetime64) -> OrbitTable:
    """Prepare state vectors for interpolation.

    Raises:
        OrbitError: Fewer than four vectors, or times that do not increase.
    """
    time = seconds_since(vectors.time, epoch)
    if time.size < MINIMUM_POINTS:
        raise OrbitError(
            f"only {time.size} orbit state vectors; at least {MINIMUM_POINTS} are needed",
            subject=vectors.name or vectors.source,
            advice="The annotation is damaged: download the product again, or give an orbit file with --orbit",
        )
    if np.any(np.diff(time) <= 0):
        raise OrbitError("orbit state vectors are not in time order", subject=vectors.name or vectors.source)
    values = np.hstack([vectors.position, vectors.velocity])
    points = min(POINTS, time.size)
    coefficients = np.empty((time.size - 1, points, 6))
    for j in range(time.size - 1):
        first = min(max(j - points // 2 + 1, 0), time.size - points)
        chosen = slice(first, first + points)
        coefficients[j] = _polynomial_through(time[chosen] - time[j], values[chosen])
    return OrbitTable(epoch, time, coefficients)


def _polynomial_through(t: Floats, values: Floats) -> Floats:
    """Coefficients (degree + 1 x k) of the polynomials through n points, solved in scaled time for precision."""
    scale = float(np.max(np.abs(t)))
    powers = np.arange(t.size)
    scaled = np.linalg.solve((t[:, None] / scale) ** powers, values)
    return np.asarray(scaled / scale ** powers[:, None])


@njit(cache=True, nogil=True)
def _interval(time: Floats, t: float) -> int:
    """Index of the interval that holds ``t``; the first or last one outside."""
    j = int((t - time[0]) / (time[-1] - time[0]) * (time.size - 1))
    j = min(max(j, 0), time.size - 2)
    while j > 0 and t < time[j]:
        j -= 1
    while j < time.size - 2 and t >= time[j + 1]:
        j += 1
    return j


@njit(cache=True, nogil=True)
def state_at(time: Floats, coefficients: Floats, t: float) -> Floats:
    """Position and velocity (6) at ``t``; NaN more than one vector interval outside the vectors."""
    state = np.full(6, np.nan)
    if not (2 * time[0] - time[1] <= t <= 2 * time[-1] - time[-2]):
        return state
    j = _interval(time, t)
    u = t - time[j]
    degree = coefficients.shape[1] - 1
    for c in range(6):
        value = coefficients[j, degree, c]
        for k in range(degree - 1, -1, -1):
            value = value * u + coefficients[j, k, c]
        state[c] = value
    return state


@njit(cache=True, nogil=True)
def zero_doppler(
    time: Floats, coefficients: Floats, x: float, y: float, z: float, guess: float
) -> tuple[float, float]:
    """Zero-Doppler time (s since the epoch) and slant range (m) of an earth-fixed point.

    Newton's method on V(t) . (P - S(t)) = 0 (ESA, "Guide to Sentinel-1 geocoding", UZH-S1-GC-AD, 2.2).

    Args:
        time, coefficients: Tables of `OrbitTable`.
        x, y, z: The point, m.
        guess: Start value of the time.

    Returns:
        NaN, NaN where no solution lies within the orbit.
    """
    t = guess
    degree = coefficients.shape[1] - 1
    t_min, t_max = 2 * time[0] - time[1], 2 * time[-1] - time[-2]
    for _ in range(20):
        if not (t_min <= t <= t_max):
            return np.nan, np.nan
        j = _interval(time, t)
        u = t - time[j]
        dot = 0.0
        speed2 = 0.0
        acceleration_dot = 0.0
        distance2 = 0.0
        for c in range(3):
            s = coefficients[j, degree, c]
            v = coefficients[j, degree, c + 3]
            a = 0.0
            for k in range(degree - 1, -1, -1):
                s = s * u + coefficients[j, k, c]
                a = a * u + v
                v = v * u + coefficients[j, k, c + 3]
            d = (x if c == 0 else y if c == 1 else z) - s
            dot += v * d
            speed2 += v * v
            acceleration_dot += a * d
            distance2 += d * d
        step = dot / (speed2 - acceleration_dot)
        t += step
        if abs(step) < 1e-10:
            return t, np.sqrt(distance2)
    return np.nan, np.nan

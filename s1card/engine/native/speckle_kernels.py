"""Speckle filters of rectangular windows: means, medians, and the filters of Lee, Frost, and Gamma Map.

A window of n samples begins n // 2 samples before its centre. Only samples that are there count; a sample that is not
there (NaN) stays away. Sums run in one order for every sample, so that no value depends on where a raster was cut.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


@dataclass(frozen=True)
class Box:
    """Size of a filter window, samples."""

    rows: int
    cols: int

    @property
    def margin(self) -> int:
        """Samples that are needed on every side."""
        return max(self.rows, self.cols) // 2

    def around(self, padded: Floats32) -> Floats32:
        """The part of a raster, padded by `margin`, that the windows of its samples cover."""
        top, left = self.margin - self.rows // 2, self.margin - self.cols // 2
        rows, cols = (size - 2 * self.margin for size in padded.shape)
        return padded[top : top + rows + self.rows - 1, left : left + cols + self.cols - 1]

    def centres(self, padded: Floats32) -> Floats32:
        """A padded raster without its margin."""
        rows, cols = padded.shape
        return padded[self.margin : rows - self.margin, self.margin : cols - self.margin]


def boxcar(padded: Floats32, box: Box) -> Floats32:
    """Mean of the window."""
    mean, _ = _moments(box.around(padded), box.rows, box.cols)
    return np.where(np.isnan(box.centres(padded)), np.float32(np.nan), mean.astype(np.float32))


def median(padded: Floats32, box: Box) -> Floats32:
    """Median of the window; of an even number of samples the upper one of the two in the middle."""
    out = np.empty_like(box.centres(padded))
    _median(box.around(padded), box.centres(padded), box.rows, box.cols, out)
    return out


def frost(padded: Floats32, box: Box, damping: float) -> Floats32:
    """Mean with weights that fall with the distance from the centre, the faster the rougher the window."""
    mean, variance = _moments(box.around(padded), box.rows, box.cols)
    out = np.empty_like(box.centres(padded))
    _frost(box.around(padded), box.centres(padded), mean, variance, box.rows, box.cols, damping, out)
    return out


def lee(padded: Floats32, box: Box, speckle: Floats) -> Floats32:
    """Lee's filter: the mean where the window is not rougher than speckle, towards the sample where it is.

    Args:
        padded: Samples with a margin of `Box.margin` on every side.
        box: The window.
        speckle: Variance of the speckle relative to the squared mean (1 / number of looks), per sample.
    """
    mean, variance = _moments(box.around(padded), box.rows, box.cols)
    out = np.empty_like(box.centres(padded))
    _lee(box.centres(padded), mean, variance, speckle, out)
    return out


def gamma_map(padded: Floats32, box: Box, speckle: Floats) -> Floats32:
    """Gamma Map filter: the most probable reflectance if reflectance and speckle are gamma distributed.

    The arguments are those of `lee`.
    """
    mean, variance = _moments(box.around(padded), box.rows, box.cols)
    out = np.empty_like(box.centres(padded))
    _gamma_map(box.centres(padded), mean, variance, speckle, out)
    return out


@njit(cache=True, nogil=True)
def _moments(samples: Floats32, window_rows: int, window_cols: int) -> tuple[Floats, Floats]:
    """Mean and variance (n - 1) of every whole window; NaN and 0 of one without samples."""
    rows, cols = samples.shape[0] - window_rows + 1, samples.shape[1] - window_cols + 1
    mean, variance = np.empty((rows, cols)), np.empty((rows, cols))
    total, squares, count = (
        np.empty(samples.shape[1]),
        np.empty(samples.shape[1]),
        np.empty(samples.shape[1]),
    )
    for i in range(rows):
        total[:] = 0.0
        squares[:] = 0.0
        count[:] = 0.0
        for r in range(i, i + window_rows):
            for k in range(samples.shape[1]):
                v = float(samples[r, k])
                if v == v:
                    total[k] += v
                    squares[k] += v * v
                    count[k] += 1.0
        for j in range(cols):
            s = q = n = 0.0
            for k in range(j, j + window_cols):
                s += total[k]
                q += squares[k]
                n += count[k]
            mean[i, j] = s / n if n > 0.0 else math.nan
            variance[i, j] = max(0.0, (q - s * s / n) / (n - 1.0)) if n > 1.0 else 0.0
    return mean, variance


@njit(cache=True, nogil=True)
def _median(samples: Floats32, centres: Floats32, rows: int, cols: int, out: Floats32) -> None:
    held = np.empty(rows * cols, np.float32)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            if math.isnan(centres[i, j]):
                out[i, j] = np.float32(np.nan)
                continue
            n = _gather(samples, i, j, rows, cols, held)
            out[i, j] = np.partition(held[:n], n // 2)[n // 2] if n > 64 else _middle(held, n)


@njit(cache=True, nogil=True)
def _gather(samples: Floats32, i: int, j: int, rows: int, cols: int, held: Floats32) -> int:
    """Put the samples of a window side by side; returns how many there are."""
    n = 0
    for r in range(i, i + rows):
        for c in range(j, j + cols):
            v = samples[r, c]
            if v == v:
                held[n] = v
                n += 1
    return n


@njit(cache=True, nogil=True)
def _middle(held: Floats32, n: int) -> float:
    sort_few(held, n)
    return float(held[n // 2])


@njit(cache=True, nogil=True)
def sort_few(values: Any, count: int) -> None:
    """Sort the first values of an array in place: of the few of a window insertion is the quickest way."""
    for k in range(1, count):
        v, m = values[k], k
        while m > 0 and values[m - 1] > v:
            values[m] = values[m - 1]
            m -= 1
        values[m] = v


@njit(cache=True, nogil=True)
def _frost(
    samples: Floats32,
    centres: Floats32,
    mean: Floats,
    variance: Floats,
    rows: int,
    cols: int,
    damping: float,
    out: Floats32,
) -> None:
    reach = max(rows, cols) // 2
    weights = np.empty(reach + 1)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            if math.isnan(centres[i, j]):
                out[i, j] = np.float32(np.nan)
                continue
            square = mean[i, j] ** 2
            fall = damping * variance[i, j] / square if square > 0.0 else 0.0
            for d in range(reach + 1):
                weights[d] = math.exp(-fall * d)
            out[i, j] = _weighted(samples, i, j, rows, cols, weights)


@njit(cache=True, nogil=True)
def _weighted(samples: Floats32, i: int, j: int, rows: int, cols: int, weights: Any) -> float:
    """Mean of a window with weights by the larger one of the distances in rows and columns."""
    total = weight = 0.0
    for r in range(rows):
        for c in range(cols):
            v = float(samples[i + r, j + c])
            if v == v:
                w = weights[max(abs(r - rows // 2), abs(c - cols // 2))]
                total += w * v
                weight += w
    return total / weight


@njit(cache=True, nogil=True)
def _lee(centres: Floats32, mean: Floats, variance: Floats, speckle: Floats, out: Floats32) -> None:
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            centre, m = float(centres[i, j]), mean[i, j]
            rough = variance[i, j] / (m * m) if m != 0.0 else 0.0
            if math.isnan(centre):
                out[i, j] = np.float32(np.nan)
            elif rough <= speckle[i, j]:
                out[i, j] = m
            else:
                weight = 1.0 - speckle[i, j] / rough
                out[i, j] = centre * weight + m * (1.0 - weight)


@njit(cache=True, nogil=True)
def _gamma_map(centres: Floats32, mean: Floats, variance: Floats, speckle: Floats, out: Floats32) -> None:
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            centre, m, s = float(centres[i, j]), mean[i, j], speckle[i, j]
            rough = variance[i, j] / (m * m) if m != 0.0 else 0.0
            if math.isnan(centre):
                out[i, j] = np.float32(np.nan)
            elif rough <= s:
                out[i, j] = m
            elif rough >= 2.0 * s:
                out[i, j] = centre
            else:
                order, looks = (1.0 + s) / (rough - s), 1.0 / s
                b = order - looks - 1.0
                root = math.sqrt(max(0.0, m * m * b * b + 4.0 * order * looks * m * centre))
                out[i, j] = (b * m + root) / (2.0 * order)

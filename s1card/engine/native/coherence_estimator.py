"""The coherence of two co-registered complex images in a moving window.

``gamma = |sum(m conj(s))| / sqrt(sum |m|**2 sum |s|**2)`` (Touzi et al., 1999, doi:10.1109/36.739146, eq. 1) over the
samples of the window that are valid in both images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.engine.looks import expected_coherence

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Complex = NDArray[np.complex64]
Samples = NDArray[Any]
Mask = NDArray[np.bool_]

EXPECTATION_NODES = 501


@dataclass(frozen=True)
class CoherenceWindow:
    """The estimation window.

    Attributes:
        lines, pixels: Size. An even size reaches one sample further down and to the right, as in SNAP.
    """

    lines: int
    pixels: int

    @property
    def above(self) -> int:
        """Lines of the window before its centre."""
        return (self.lines - 1) // 2

    @property
    def left(self) -> int:
        """Pixels of the window before its centre."""
        return (self.pixels - 1) // 2


def estimate_coherence(
    reference: Samples,
    secondary: Complex,
    valid: Mask,
    window: CoherenceWindow,
    inner: tuple[slice, slice],
    *,
    without_ramp: bool = False,
) -> Floats32:
    """Coherence at a part of an area.

    Args:
        reference: rows x cols x 2 (real, imaginary).
        secondary: rows x cols.
        valid: rows x cols; other samples do not count.
        window: Estimation window; what it reaches beyond the area does not count.
        inner: The part wanted.
        without_ramp: Whether the mean fringe rate of every window is taken off first.

    Returns:
        float32, NaN where the centre is not valid.
    """
    rows, cols = inner
    out = np.empty((rows.stop - rows.start, cols.stop - cols.start), np.float32)
    size = window.lines, window.pixels, window.above, window.left
    estimate = _estimate_without_ramp if without_ramp else _estimate
    estimate(reference, secondary, valid, size, (rows.start, cols.start), out)
    return out


def without_bias(coherence: Floats32, looks: float) -> Floats32:
    """The true coherence whose expected estimate is the one found; 0 below what no coherence at all gives.

    In the mean over many windows of 14 looks it lies within 0.025 of the truth from 0.2 on, within 0.003 from 0.7 on.

    Args:
        coherence: Estimates, NaN where there are none.
        looks: Independent looks in the window.
    """
    truth, expected = _expectations(looks)
    return np.interp(coherence, expected, truth).astype(np.float32)


@cache
def _expectations(looks: float) -> tuple[Floats, Floats]:
    """True coherences and their expected estimates."""
    truth = np.linspace(0.0, 1.0, EXPECTATION_NODES)
    return truth, np.array([expected_coherence(value, looks) for value in truth])


@njit(cache=True, nogil=True)
def _estimate(
    reference: Samples,
    secondary: Complex,
    valid: Mask,
    window: tuple[int, int, int, int],
    first: tuple[int, int],
    out: Floats32,
) -> None:
    """Products of the lines of one window are kept; their sums over lines lie between margins of zeros."""
    lines, pixels, above, left = window
    rows, cols = valid.shape
    products = np.empty((lines, 4, cols), np.float32)
    columns, sums = np.zeros((4, cols + pixels)), np.empty((4, out.shape[1]))
    ready = max(first[0] - above, 0)
    for i in range(out.shape[0]):
        top = max(first[0] + i - above, 0)
        bottom = min(first[0] + i - above + lines, rows)
        for r in range(ready, bottom):
            _multiply(reference[r], secondary[r], valid[r], products[r % lines])
        ready = bottom
        columns[:, left : left + cols] = 0.0
        for r in range(top, bottom):
            for n in range(4):
                _add(products[r % lines, n], columns[n][left : left + cols])
        _slide(columns, pixels, first[1], sums)
        _normalize(sums, valid[first[0] + i][first[1] :], out[i])


@njit(cache=True, nogil=True)
def _multiply(reference: Samples, secondary: Complex, valid: Mask, out: Floats32) -> None:
    """Product of reference and conjugate secondary (real, imaginary) and both powers along a line, 0 if not valid."""
    m, s = reference.reshape(-1), secondary.view(np.float32)
    nothing = np.float32(0.0)
    for index in range(valid.size):
        k = np.uint64(index)
        re, im = np.uint64(2) * k, np.uint64(2) * k + np.uint64(1)
        mr, mi, sr, si = np.float32(m[re]), np.float32(m[im]), s[re], s[im]
        kept = valid[k]
        out[0, k] = mr * sr + mi * si if kept else nothing
        out[1, k] = mi * sr - mr * si if kept else nothing
        out[2, k] = mr * mr + mi * mi if kept else nothing
        out[3, k] = sr * sr + si * si if kept else nothing


@njit(cache=True, nogil=True)
def _add(line: Floats32, total: Floats) -> None:
    for j in range(line.size):
        total[j] += line[j]


@njit(cache=True, nogil=True)
def _slide(columns: Floats, pixels: int, first: int, sums: Floats) -> None:
    """Sums over the pixels of a window that moves along a line and begins at ``first``."""
    real, imaginary = columns[0][first:], columns[1][first:]
    power_m, power_s = columns[2][first:], columns[3][first:]
    re = im = pm = ps = 0.0
    for j in range(pixels):
        re, im = re + real[j], im + imaginary[j]
        pm, ps = pm + power_m[j], ps + power_s[j]
    for k in range(sums.shape[1]):
        sums[0, k], sums[1, k], sums[2, k], sums[3, k] = re, im, pm, ps
        new = k + pixels
        re, im = re + (real[new] - real[k]), im + (imaginary[new] - imaginary[k])
        pm, ps = pm + (power_m[new] - power_m[k]), ps + (power_s[new] - power_s[k])


@njit(cache=True, nogil=True, error_model="numpy")
def _normalize(sums: Floats, valid: Mask, out: Floats32) -> None:
    """Coherence from the four sums; NaN where it is not valid, 0 where there is no power."""
    real, imaginary, power_m, power_s = sums[0], sums[1], sums[2], sums[3]
    for k in range(out.size):
        norm = power_m[k] * power_s[k]
        square = (real[k] * real[k] + imaginary[k] * imaginary[k]) / norm
        value = min(math.sqrt(square), 1.0) if norm > 0.0 else 0.0
        out[k] = value if valid[k] else np.nan


@njit(cache=True, nogil=True)
def _estimate_without_ramp(
    reference: Samples,
    secondary: Complex,
    valid: Mask,
    window: tuple[int, int, int, int],
    first: tuple[int, int],
    out: Floats32,
) -> None:
    lines, pixels, above, left = window
    rows, cols = valid.shape
    product = np.zeros((rows, cols), np.complex128)
    power_m, power_s = np.zeros((rows, cols)), np.zeros((rows, cols))
    for i in range(rows):
        for j in range(cols):
            if valid[i, j]:
                m = complex(reference[i, j, 0], reference[i, j, 1])
                s = complex(secondary[i, j].real, secondary[i, j].imag)
                product[i, j] = m * s.conjugate()
                power_m[i, j], power_s[i, j] = abs(m) ** 2, abs(s) ** 2
    for i in range(out.shape[0]):
        top = max(first[0] + i - above, 0)
        bottom = min(first[0] + i - above + lines, rows)
        for k in range(out.shape[1]):
            begin = max(first[1] + k - left, 0)
            end = min(first[1] + k - left + pixels, cols)
            if not valid[first[0] + i, first[1] + k]:
                out[i, k] = np.nan
                continue
            pm, ps = power_m[top:bottom, begin:end].sum(), power_s[top:bottom, begin:end].sum()
            norm = pm * ps
            total = abs(_sum_without_ramp(product, top, bottom, begin, end))
            out[i, k] = min(total / math.sqrt(norm), 1.0) if norm > 0.0 else 0.0


@njit(cache=True, nogil=True)
def _sum_without_ramp(
    product: NDArray[np.complex128], top: int, bottom: int, begin: int, end: int
) -> complex:
    """Sum of a window, each sample turned back by the mean phase step along lines and pixels."""
    down = across = 0j
    for r in range(top, bottom):
        for c in range(begin, end):
            here = product[r, c].conjugate()
            if r + 1 < bottom:
                down += product[r + 1, c] * here
            if c + 1 < end:
                across += product[r, c + 1] * here
    step_down = down.conjugate() / abs(down) if abs(down) > 0.0 else 1.0 + 0j
    step_across = across.conjugate() / abs(across) if abs(across) > 0.0 else 1.0 + 0j
    total, turn_row = 0j, 1.0 + 0j
    for r in range(top, bottom):
        turn = turn_row
        for c in range(begin, end):
            total += product[r, c] * turn
            turn *= step_across
        turn_row *= step_down
    return total

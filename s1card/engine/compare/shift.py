"""How far two rasters lie apart, in parts of a pixel: from the phases of the spectra of small blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from s1card.engine.compare.difference import read_band
from s1card.engine.compare.lattice import Overlap
from s1card.engine.compare.names import Scale
from s1card.engine.compare.rasters import Band
from s1card.window import Window

BLOCKS = (256, 128, 64)
"""Edges of blocks, pixels: the largest of which a few fit is taken."""

PER_SIDE = 6
"""Blocks along either side of the raster, at most."""

FEWEST = 4
VALID = 0.98
"""Share of a block that must be valid in both: an edge of what is valid does not move with the image."""

QUALITY = 0.10, 16.0
"""A block shows a shift if the mean cosine of the phases about it exceeds the first plus the second per pixel of its
edge: of unrelated images the best of all shifts reaches 0.05 in blocks of 256 pixels, 0.25 in those of 64."""

SHARE = 0.25
"""Share of the blocks that must show a shift for it to be believed."""

LOW, HIGH = 4.0, 0.25
"""Frequencies used: from cycles per block, above what the taper adds, to cycles per pixel, below what aliases."""

POWER = 0.25
"""Exponent that tames speckle and bright targets; a logarithm would alias the deep minima of speckle more."""

_STEPS = 12


@dataclass(frozen=True)
class Shift:
    """Where the second raster lies against the first.

    Attributes:
        rows: Shift downwards, pixels: median of the blocks.
        cols: Shift to the right, pixels.
        spread_rows, spread_cols: Scatter of the blocks (1.4826 times the median absolute deviation), pixels.
        blocks: Blocks that showed a shift.
        tried: Blocks that were valid enough to be tried.
    """

    rows: float
    cols: float
    spread_rows: float
    spread_cols: float
    blocks: int
    tried: int

    @property
    def length(self) -> float:
        """Length of the shift, pixels."""
        return math.hypot(self.rows, self.cols)


def find_shift(first: Band, second: Band, overlap: Overlap, scale: Scale) -> Shift | None:
    """The shift between two bands, beyond the offset of their grids; None where nothing shows one.

    Args:
        first, second: The bands.
        overlap: Where they lie on each other.
        scale: Decibels: the images are compared with a small exponent, so that bright targets do not decide alone.

    Raises:
        DataError: One of them cannot be read.
    """
    row, col = overlap.offset
    found: list[tuple[float, float]] = []
    tried = 0
    for size in BLOCKS:
        windows = _places(overlap.first, size)
        if not windows:
            continue
        left = read_band(first, windows)
        right = read_band(second, [window.moved(-row, -col) for window in windows])
        found, tried = [], 0
        for a, b in zip(left, right, strict=True):
            one, two = _texture(a, scale), _texture(b, scale)
            if np.isfinite(one + two).mean() < VALID:
                continue
            tried += 1
            shift = block_shift(_filled(one), _filled(two))
            if shift is not None:
                found.append(shift)
        if len(found) >= FEWEST:
            break
    if not found or len(found) < SHARE * tried:
        return None
    values = np.array(found)
    middle = np.median(values, axis=0)
    spread = 1.4826 * np.median(np.abs(values - middle), axis=0)
    return Shift(float(middle[0]), float(middle[1]), float(spread[0]), float(spread[1]), len(found), tried)


def block_shift(first: NDArray[Any], second: NDArray[Any]) -> tuple[float, float] | None:
    """Rows and columns by which a square block lies further down and to the right than another; None if unclear.

    The whole pixels are the peak of the correlation of the whitened spectra, the rest is where the phases of the
    spectra fit best to a plane.
    """
    size = first.shape[0]
    taper = np.hanning(size + 2)[1:-1]
    window = np.outer(taper, taper)
    spectra = [scipy.fft.rfft2((image - image.mean()) * window) for image in (first, second)]
    cross = np.conj(spectra[0]) * spectra[1]
    down, right = scipy.fft.fftfreq(size)[:, None], scipy.fft.rfftfreq(size)[None, :]
    radius = np.hypot(down, right)
    weight = np.sqrt(np.abs(cross)) * ((radius > LOW / size) & (radius < HIGH))
    used = weight > 0
    if not used.any():
        return None
    whitened = np.divide(cross * weight, np.abs(cross), out=np.zeros_like(cross), where=used)
    peak = scipy.fft.irfft2(whitened, s=(size, size))
    at = np.unravel_index(int(np.argmax(peak)), peak.shape)
    start = np.array([(int(i) + size // 2) % size - size // 2 for i in at], np.float64)
    rates = 2.0 * np.pi * np.stack([np.broadcast_to(f, cross.shape)[used] for f in (down, right)])
    shift, quality = _fit(np.angle(cross[used]), weight[used], rates, start)
    return (float(shift[0]), float(shift[1])) if quality >= QUALITY[0] + QUALITY[1] / size else None


def _fit(
    phase: NDArray[np.float64],
    weight: NDArray[np.float64],
    rates: NDArray[np.float64],
    shift: NDArray[np.float64],
) -> tuple[NDArray[np.float64], float]:
    """The shift that brings the phases nearest to 0, by Newton's steps, and their weighted mean cosine there."""
    whole = shift.copy()
    for _ in range(_STEPS):
        rest = phase + rates.T @ shift
        slope = rates @ (weight * np.sin(rest))
        curvature = (rates * (weight * np.maximum(np.cos(rest), 0.0))) @ rates.T
        if np.linalg.det(curvature) <= 0.0:
            break
        step = np.clip(np.linalg.solve(curvature, slope), -0.5, 0.5)
        shift = shift - step
        if np.abs(step).max() < 1e-6:
            break
    quality = float(weight @ np.cos(phase + rates.T @ shift) / weight.sum())
    return shift, quality if np.abs(shift - whole).max() <= 1.0 else 0.0


def _places(window: Window, size: int) -> list[Window]:
    """Blocks spread evenly over a window."""
    if min(window.shape) < size:
        return []
    rows, cols = (_starts(length, size) for length in window.shape)
    return [Window(window.row + r, window.col + c, size, size) for r in rows for c in cols]


def _starts(length: int, size: int) -> list[int]:
    count = min(PER_SIDE, max(1, length // size))
    return [int(x) for x in np.linspace(0, length - size, count)] if count > 1 else [(length - size) // 2]


def _texture(values: NDArray[Any], scale: Scale) -> NDArray[np.float64]:
    if scale != "dB":
        return np.asarray(values, np.float64)
    return np.asarray(np.maximum(values.astype(np.float64), 0.0) ** POWER)  # dark is valid; NaN stays NaN


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    good = np.isfinite(values)
    return np.where(good, values, values[good].mean())

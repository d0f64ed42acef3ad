"""Differences of two rasters in one pass: sums, a histogram that is fine everywhere, and small pictures."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from queue import SimpleQueue
from typing import Any

import numba
import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioIOError
from rasterio.windows import Window as RasterioWindow

from s1card.engine.compare.lattice import Overlap
from s1card.engine.compare.names import Scale
from s1card.engine.compare.rasters import Band, quiet_about_radar
from s1card.errors import DataError
from s1card.window import Window

STRIP_SAMPLES = 8 << 20
"""Samples of a strip of rows: with two rasters and two threads about 150 MB."""

LINES = 512
"""Strips begin at multiples of this, the height of tiles of most cloud-optimised GeoTIFFs."""

PICTURE = 800
"""Longer side of the small pictures, pixels."""

GDAL_CACHE_MB = 128
_MODES: dict[Scale, int] = {"linear": 0, "dB": 1, "phase": 2}
_BINS = 1 << 16
_SUMS = 14
(_BOTH, _FIRST, _SECOND, _USED, _SUM, _SQUARES, _LARGEST, _A, _B, _AA, _BB, _AB, _SAME, _DARK) = range(_SUMS)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Pass:
    """What one pass over two bands gives; a difference is second minus first.

    Attributes:
        sums: Counts and sums.
        histogram: Differences, by the upper 16 bits of their float32: 128 bins per octave on either side of 0.
        small: Sum over cells of ``cell`` x ``cell`` pixels of: count, first, second, used, difference.
        cell: Edge of the cells, pixels.
        pixels: Pixels compared.
    """

    sums: NDArray[np.float64]
    histogram: NDArray[np.int64]
    small: NDArray[np.float64]
    cell: int
    pixels: int

    @property
    def both(self) -> int:
        """Pixels that are valid in both."""
        return int(self.sums[_BOTH])

    @property
    def only_first(self) -> int:
        """Pixels that are valid in the first only."""
        return int(self.sums[_FIRST])

    @property
    def only_second(self) -> int:
        """Pixels that are valid in the second only."""
        return int(self.sums[_SECOND])

    @property
    def used(self) -> int:
        """Pixels that have a difference: valid in both, and positive where it is in decibels."""
        return int(self.sums[_USED])

    @property
    def dark(self) -> int:
        """Pixels without decibels: valid in both, and not positive in one of them."""
        return int(self.sums[_DARK])

    @property
    def same(self) -> int:
        """Pixels of the same value."""
        return int(self.sums[_SAME])

    @property
    def mask_agreement(self) -> float:
        """Share of pixels on whose validity both agree."""
        return 1.0 - (self.only_first + self.only_second) / self.pixels

    @property
    def bias(self) -> float:
        """Mean difference; NaN without any."""
        return self.sums[_SUM] / self.used if self.used else math.nan

    @property
    def rmse(self) -> float:
        """Root of the mean squared difference; NaN without any."""
        return math.sqrt(self.sums[_SQUARES] / self.used) if self.used else math.nan

    @property
    def largest(self) -> float:
        """Largest absolute difference; NaN without any."""
        return float(self.sums[_LARGEST]) if self.used else math.nan

    @property
    def means(self) -> tuple[float, float]:
        """Means of the samples valid in both; NaN without any."""
        return (self.sums[_A] / self.both, self.sums[_B] / self.both) if self.both else (math.nan, math.nan)

    @property
    def correlation(self) -> float:
        """Correlation of the samples; NaN where one does not vary."""
        if not self.both:
            return math.nan
        a, b = self.means
        n = self.both
        variances = self.sums[_AA] / n - a * a, self.sums[_BB] / n - b * b
        if min(variances) <= 1e-12 * max(a * a, b * b, 1e-300):
            return math.nan
        return float((self.sums[_AB] / n - a * b) / math.sqrt(variances[0] * variances[1]))

    def quantile(self, share: float) -> float:
        """A quantile of the difference, within 0.4 % of its size; NaN without any."""
        counts = np.concatenate([self.histogram[: _BINS // 2 - 1 : -1], self.histogram[: _BINS // 2]])
        edges = np.concatenate([-_EDGES[::-1], _EDGES[1:]])
        return _quantile(counts, edges, share)

    def absolute_quantile(self, share: float) -> float:
        """A quantile of the absolute difference, within 0.4 % of its size; NaN without any."""
        return _quantile(self.histogram[: _BINS // 2] + self.histogram[_BINS // 2 :], _EDGES, share)

    def counts(self, edges: NDArray[np.float64]) -> NDArray[np.float64]:
        """Differences between rising edges, those of a bin shared out evenly over it."""
        counts = np.concatenate([self.histogram[: _BINS // 2 - 1 : -1], self.histogram[: _BINS // 2]])
        below = np.concatenate([[0], np.cumsum(counts)])
        fine = np.concatenate([-_EDGES[::-1], _EDGES[1:]])
        return np.asarray(np.diff(np.interp(edges, fine, below)))


def _magnitudes() -> NDArray[np.float64]:
    """Edges of the bins of positive differences; the infinite ones are cut off at the largest number."""
    infinite = 0x7F80  # the upper bits of infinity; bins from there on stay empty
    bits = np.minimum(np.arange(_BINS // 2 + 1, dtype=np.uint32), infinite) << np.uint32(16)
    values = bits.view(np.float32).astype(np.float64)
    values[1] = 0.0  # what is equal differs by nothing, not by next to nothing
    values[infinite:] = np.finfo(np.float32).max
    return values


_EDGES = _magnitudes()


def _quantile(counts: NDArray[np.int64], edges: NDArray[np.float64], share: float) -> float:
    below = np.cumsum(counts)
    if not below[-1]:
        return math.nan
    wanted = share * below[-1]
    at = int(np.searchsorted(below, max(wanted, 0.5)))
    before = below[at - 1] if at else 0
    return float(edges[at] + (edges[at + 1] - edges[at]) * min(1.0, (wanted - before) / counts[at]))


def difference_pass(
    first: Band,
    second: Band,
    overlap: Overlap,
    scale: tuple[Scale, float],
    *,
    threads: int = 2,
    progress: Progress | None = None,
) -> Pass:
    """Compare two bands where they overlap, strip by strip.

    Args:
        first, second: The bands.
        overlap: Where they lie on each other.
        scale: How differences are stated, and decibels per tenfold sample.
        threads: Worker threads; the result does not depend on them.
        progress: Called with strips done and strips in all.

    Raises:
        DataError: One of them cannot be read.
    """
    window = overlap.first
    cell = max(1, math.ceil(max(window.shape) / PICTURE))
    strips = _strips(window)
    row, col = overlap.offset
    readers: SimpleQueue[tuple[_Reader, _Reader]] = SimpleQueue()
    every = []
    histogram = np.zeros(_BINS, np.int64)
    small = np.zeros((5, -(-window.rows // cell), -(-window.cols // cell)))
    sums = np.zeros(_SUMS)
    with quiet_about_radar():
        for _ in range(threads):
            every.append((_Reader(first), _Reader(second)))
            readers.put(every[-1])

    def work(strip: Window) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], int]:
        pair = readers.get()
        try:
            a, b = pair[0].read(strip), pair[1].read(strip.moved(-row, -col))
        finally:
            readers.put(pair)
        top = strip.row - window.row
        part = np.zeros((5, (top + strip.rows - 1) // cell - top // cell + 1, small.shape[2]))
        own, bins = np.zeros(_SUMS), np.zeros(_BINS, np.int64)
        _compare(a, b, (_MODES[scale[0]], scale[1]), top % cell, cell, own, bins, part)
        return own, bins, part, top // cell

    try:
        with rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_MB), ThreadPoolExecutor(threads) as pool:
            for done, (own, bins, part, top) in enumerate(_ordered(pool, work, strips, threads), 1):
                sums[:] = _added(sums, own)
                histogram += bins
                small[:, top : top + part.shape[1]] += part
                if progress:
                    progress(done, len(strips))
    finally:
        for pair in every:
            pair[0].close()
            pair[1].close()
    return Pass(sums, histogram, small, cell, window.rows * window.cols)


def _ordered(
    pool: ThreadPoolExecutor, work: Callable[[Window], Any], strips: list[Window], ahead: int
) -> Any:
    """Results in the order of the strips, with no more of them under way than there are threads and one."""
    waiting = []
    for strip in strips:
        waiting.append(pool.submit(work, strip))
        if len(waiting) > ahead:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()


def _added(total: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.float64]:
    result = total + own
    result[_LARGEST] = max(total[_LARGEST], own[_LARGEST])
    return result


def _strips(window: Window) -> list[Window]:
    """Strips of whole rows, so that files in strips and in tiles are both read once."""
    lines = max(1, STRIP_SAMPLES // window.cols)
    if lines >= LINES:
        lines = lines // LINES * LINES
    edges = [window.row, *range((window.row // lines + 1) * lines, window.row_end, lines), window.row_end]
    return [Window(a, window.col, b - a, window.cols) for a, b in pairwise(edges)]


class _Reader:
    """A band that one thread at a time reads by window; NaN where there is no data."""

    def __init__(self, band: Band) -> None:
        self._band = band
        try:
            self._file = rasterio.open(band.path)
        except RasterioIOError as error:
            raise DataError(f"cannot be read as a raster: {error}", subject=str(band.path)) from error
        kind = np.dtype(self._file.dtypes[band.index - 1])
        if kind.kind == "c":
            self._file.close()
            raise DataError(
                f"band {band.name} is complex",
                subject=str(band.path),
                advice="Write it as bands i and q, or as intensity, phase or coherence",
            )
        wide = kind == np.float64 or (kind.itemsize >= 4 and kind.kind in "iu")
        self._type = np.dtype(np.float64 if wide else np.float32)

    def read(self, window: Window) -> NDArray[Any]:
        """Samples of a window, float32 or float64."""
        band = self._band
        place = RasterioWindow(window.col, window.row, window.cols, window.rows)
        try:
            raw = self._file.read(band.index, window=place)
        except RasterioIOError as error:
            raise DataError(f"cannot be read: {error}", subject=str(band.path)) from error
        values: NDArray[Any] = raw.astype(self._type, copy=False)
        if band.nodata is not None and not math.isnan(band.nodata):
            values[values == self._type.type(band.nodata)] = np.nan
        if (band.factor, band.offset) != (1.0, 0.0):
            values = values * self._type.type(band.factor) + self._type.type(band.offset)
        return values

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_band(band: Band, windows: list[Window]) -> list[NDArray[Any]]:
    """Samples of a few windows, NaN where there is no data.

    Raises:
        DataError: It cannot be read.
    """
    with quiet_about_radar():
        reader = _Reader(band)
    try:
        return [reader.read(window) for window in windows]
    finally:
        reader.close()


@numba.njit(nogil=True, cache=True)
def _compare(
    a: NDArray[Any],
    b: NDArray[Any],
    scale: tuple[int, float],
    first_row: int,
    cell: int,
    sums: NDArray[np.float64],
    histogram: NDArray[np.int64],
    small: NDArray[np.float64],
) -> None:
    """Add a strip to sums, histogram and cells; ``first_row`` is the strip's first row within its first cell."""
    mode, decibels = scale
    as_float = np.empty(1, np.float32)
    as_bits = as_float.view(np.uint32)
    for row in range(a.shape[0]):
        y = (first_row + row) // cell
        for col in range(a.shape[1]):
            one, two = float(a[row, col]), float(b[row, col])
            has_one, has_two = math.isfinite(one), math.isfinite(two)
            if not (has_one and has_two):
                sums[_FIRST] += has_one
                sums[_SECOND] += has_two
                continue
            x = col // cell
            sums[_BOTH] += 1
            sums[_A] += one
            sums[_B] += two
            sums[_AA] += one * one
            sums[_BB] += two * two
            sums[_AB] += one * two
            sums[_SAME] += one == two
            small[0, y, x] += 1
            small[1, y, x] += one
            small[2, y, x] += two
            if mode == 1:
                if not (one > 0.0 and two > 0.0):
                    sums[_DARK] += 1
                    continue
                difference = decibels * math.log10(two / one)
            else:
                difference = two - one
                if mode == 2:
                    difference -= 2.0 * math.pi * math.floor(difference / (2.0 * math.pi) + 0.5)
            sums[_USED] += 1
            sums[_SUM] += difference
            sums[_SQUARES] += difference * difference
            sums[_LARGEST] = max(sums[_LARGEST], abs(difference))
            as_float[0] = difference
            histogram[as_bits[0] >> 16] += 1
            small[3, y, x] += 1
            small[4, y, x] += difference

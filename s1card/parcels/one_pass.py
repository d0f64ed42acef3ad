"""One pass over a card: every band read once, strip by strip, and reduced to statistics of parcels.

The parcels that begin in a strip are a cohort: they share a buffer, into which their pixels are gathered, until the
last strip of the last of them. While a strip is gathered the next one is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.engine.base import Progress
from s1card.errors import DataError
from s1card.parcels.pixels.reader import BandReader
from s1card.parcels.pixels.records import PixelBand
from s1card.parcels.reduce import CLASSES, advance, count_classes, gather, reduce_values, reduce_weighted
from s1card.parcels.strips import StripLayout
from s1card.parcels.weights import Weights
from s1card.window import Window

RESULTS = ("reason", "count", "valid", "mean", "std", "min", "max", "p25", "p50", "p75")
"""Columns of what a pass finds."""

PARCELS_PER_TASK = 512
BLOCKS_PER_TASK = 8

Indices = NDArray[np.int64]
Floats32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class BandResult:
    """What a pass found in a band.

    Attributes:
        values: `RESULTS` of every parcel of the weights, float32; NaN for those that the card does not touch.
        classes: Pixels of each class, float32, parcels x `CLASSES`; no columns for bands that are no classification.
    """

    values: Floats32
    classes: Floats32


def run_pass(
    bands: Sequence[PixelBand],
    weights: Weights,
    *,
    least: float = 0.0,
    threads: int = 2,
    progress: Progress | None = None,
) -> list[BandResult]:
    """Reduce bands of one grid to statistics of parcels.

    Args:
        bands: Bands whose grids are the same.
        weights: Pixels of the parcels on the lattice of that grid.
        least: So many valid pixels (or as much weight) a parcel must have.
        threads: Threads that read and reduce.
        progress: Called with strips done and strips in all.

    Raises:
        DataError: A band cannot be read, or holds complex values.
    """
    with ThreadPoolExecutor(threads) as pool:
        one = _Pass(bands, weights, least, pool)
        try:
            one.run(progress)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            for band in one.bands:
                band.reader.close()
    return [BandResult(band.values, band.classes) for band in one.bands]


class _Band:
    """A band and what is known of every parcel in it so far."""

    def __init__(self, band: PixelBand, parcels: int) -> None:
        if np.dtype(band.dtype).kind == "c":
            raise DataError(
                f"band {band.name} holds complex values, which have no order",
                subject=band.path,
                advice="Make its intensity or coherence first",
            )
        self.reader = BandReader(band)
        self.nodata = _as_sample(band.nodata, np.dtype(self.reader.dtype))
        self.linear = (band.scale, band.offset)
        self.filled = np.zeros(parcels, np.int64)
        self.values = np.full((parcels, len(RESULTS)), np.nan, np.float32)
        self.classes = np.zeros((parcels, CLASSES if band.is_classes else 0), np.float32)


@dataclass(frozen=True, eq=False)
class _Strip:
    """A strip that is being read.

    Attributes:
        index: Which.
        corner: Row and column of its first pixel on the lattice.
        row_end: First row of the lattice below it.
        pixels: Its pixels in every band, rows x cols; undefined in blocks without parcels.
        tasks: What reads them.
    """

    index: int
    corner: tuple[int, int]
    row_end: int
    pixels: list[NDArray[Any]]
    tasks: list[Future[None]]


@dataclass(frozen=True, eq=False)
class _Cohort:
    """Parcels that begin in the same strip.

    Attributes:
        parcels: Which, ascending.
        last: Last strip of any of them.
        values, weights: Buffers of every band; weights are empty where every pixel counts as a whole.
    """

    parcels: Indices
    last: int
    values: list[Floats32]
    weights: list[Floats32]

    def chunks(self, strip: int, last: Indices) -> Iterator[Indices]:
        """Parcels that reach into a strip, in portions of work."""
        here = self.parcels[last[self.parcels] >= strip]
        for first in range(0, len(here), PARCELS_PER_TASK):
            yield here[first : first + PARCELS_PER_TASK]


class _Pass:
    """The pass: strips in order, the next one being read while one is gathered."""

    def __init__(
        self, bands: Sequence[PixelBand], weights: Weights, least: float, pool: ThreadPoolExecutor
    ) -> None:
        self.layout = StripLayout.of(bands[0], weights)
        self.bands = [_Band(band, len(weights.pid)) for band in bands]
        self.weights = weights
        self.least = least
        self.pool = pool
        self.slot = np.zeros(len(weights.pid), np.int64)
        self.cursor = weights.spans.start[:-1].copy()
        self.ends = self.cursor.copy()

    def run(self, progress: Progress | None) -> None:
        strips = self.layout.strips
        cohorts: list[_Cohort] = []
        reading = [self._read(strip) for strip in strips[:1]]
        for done, index in enumerate(strips, 1):
            strip = reading.pop()
            _finish(strip.tasks)
            reading = [self._read(following) for following in strips[done : done + 1]]
            cohorts = [cohort for cohort in cohorts if cohort.last >= index]
            cohorts += self._beginning(index)
            _finish(
                self.pool.submit(self._work_on, strip, cohort, chunk)
                for cohort in cohorts
                for chunk in cohort.chunks(index, self.layout.last)
            )
            if progress is not None:
                progress(done, len(strips))

    def _read(self, index: int) -> _Strip:
        """Begin to read a strip."""
        layout, rows = self.layout, self.layout.rows(index)
        pixels = [np.empty(rows.shape, band.reader.dtype) for band in self.bands]
        tasks = [
            self.pool.submit(_read_part, band.reader, part, rows, whole)
            for part in layout.needed(index, BLOCKS_PER_TASK)
            for band, whole in zip(self.bands, pixels, strict=True)
        ]
        corner = (layout.window.row + rows.row, layout.window.col)
        return _Strip(index, corner, corner[0] + rows.rows, pixels, tasks)

    def _beginning(self, index: int) -> list[_Cohort]:
        """The cohorts of a strip: parcels that end in the next one at the latest, and taller ones."""
        parcels = self.layout.beginning(index)
        is_tall = self.layout.last[parcels] > index + 1
        return [self._cohort(some) for some in (parcels[~is_tall], parcels[is_tall]) if len(some)]

    def _cohort(self, parcels: Indices) -> _Cohort:
        ends = np.cumsum(self.weights.samples[parcels])
        self.slot[parcels] = ends - self.weights.samples[parcels]
        total = int(ends[-1])
        is_weighted = len(self.weights.spans.weights) > 0
        return _Cohort(
            parcels,
            int(self.layout.last[parcels].max()),
            [np.empty(total, np.float32) for _ in self.bands],
            [np.empty(total if is_weighted else 0, np.float32) for _ in self.bands],
        )

    def _work_on(self, strip: _Strip, cohort: _Cohort, which: Indices) -> None:
        """Gather some parcels from a strip, and reduce those that end in it."""
        spans = self.weights.spans
        advance(which, spans.start[1:], spans.row, strip.row_end, self.cursor, self.ends)
        arrays = (spans.row, spans.col, spans.length, spans.weight, spans.weights)
        ending = which[self.layout.last[which] == strip.index]
        for k, band in enumerate(self.bands):
            gather(
                strip.pixels[k],
                strip.corner,
                band.nodata,
                band.linear,
                which,
                self.cursor,
                self.ends,
                arrays,
                self.slot,
                band.filled,
                cohort.values[k],
                cohort.weights[k],
            )
            self._reduce(band, ending, cohort.values[k], cohort.weights[k])
        self.cursor[which] = self.ends[which]

    def _reduce(self, band: _Band, which: Indices, values: Floats32, weights: Floats32) -> None:
        held = (which, self.slot, band.filled, values)
        if band.classes.shape[1]:
            count_classes(*held, weights, band.classes)
        if len(weights):
            reduce_weighted(*held, weights, self.weights.size, self.least, band.values)
        else:
            reduce_values(*held, self.weights.size, self.least, band.values)


def _as_sample(nodata: float | None, dtype: np.dtype[Any]) -> float:
    """A value without data as samples of a type have it; NaN if there is none, or if no sample can be it."""
    if nodata is None:
        return math.nan
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return nodata if limits.min <= nodata <= limits.max else math.nan
    with np.errstate(over="ignore"):  # to infinity, which is never valid
        return float(np.asarray(nodata, dtype))


def _finish(tasks: Iterable[Future[None]]) -> None:
    """Wait for tasks; the first error of them is raised."""
    for task in list(tasks):
        task.result()


def _read_part(reader: BandReader, part: Window, strip: Window, pixels: NDArray[Any]) -> None:
    pixels[part.slices_in(strip)] = reader.read(part)

"""Which pixels have their centre in a parcel: the rule of GDAL's rasterizer, which rasterstats uses.

Along a row of pixel centres a parcel reaches from an odd crossing of its rings to the next: of pixels whose centre lies
on a ring, the one at the right end of a span belongs to the parcel, the one at its left end does not. An edge counts
for the rows of centres from its upper end to above its lower end. A horizontal edge that runs through centres counts if
the area of its ring lies above it (GDAL, GDALdllImageFilledPolygon: "bottom horizontal segments").
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.parcels.rings import Rings
from s1card.parcels.spans import WHOLE, Spans

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

NOWHERE = -(1 << 62)


def spans_by_centre(rings: Rings) -> Spans:
    """The pixels of every parcel whose centre lies in it, each once."""
    arrays = rings.col, rings.row, rings.ring, rings.parcel, rings.is_clockwise
    start = np.zeros(len(rings.parcel), np.int64)
    nothing = np.zeros(0, np.int32)
    _scan(*arrays, start, nothing, nothing, nothing, False)
    start = np.cumsum(start)
    row, col, length = (np.empty(start[-1], np.int32) for _ in range(3))
    _scan(*arrays, start, row, col, length, True)
    return Spans(start, row, col, length, np.full(len(row), WHOLE, np.int64), np.zeros(0, np.float32))


@njit(cache=True, nogil=True)
def _scan(
    x: Floats,
    y: Floats,
    ring: Indices,
    parcel: Indices,
    is_clockwise: Mask,
    start: Indices,
    row: Any,
    col: Any,
    length: Any,
    fills: bool,
) -> None:
    """Count the spans of parcel k into ``start[k + 1]``, or write them from ``start[k]`` on."""
    for k in range(len(parcel) - 1):
        first, last = ring[parcel[k]], ring[parcel[k + 1]]
        if first == last:
            continue
        top, bottom = math.floor(y[first:last].min()), math.floor(y[first:last].max())
        rings = ring[parcel[k] : parcel[k + 1] + 1]
        clockwise = is_clockwise[parcel[k] : parcel[k + 1]]
        intervals, offset = _intervals(x, y, rings, clockwise, top, bottom - top + 1)
        found = 0
        for r in range(bottom - top + 1):
            here = intervals[:, offset[r] : offset[r + 1]]
            found += _merge(here, top + r, row, col, length, start[k] + found, fills)
        if not fills:
            start[k + 1] = found


@njit(cache=True, nogil=True)
def _intervals(
    x: Floats, y: Floats, ring: Indices, is_clockwise: Mask, top: int, rows: int
) -> tuple[Indices, Indices]:
    """Intervals of pixels (begin, end) in every row of centres, and where those of each row start."""
    crossings, bottoms = _count(x, y, ring, is_clockwise, top, rows)
    crossed, offset = _crossings(x, y, ring, crossings, top)
    start = np.cumsum(crossings // 2 + bottoms)
    intervals, place = np.empty((2, start[-1]), np.int64), start.copy()
    for r in range(rows):
        here = crossed[offset[r] : offset[r + 1]]
        here.sort()
        for j in range(0, len(here) - 1, 2):
            intervals[0, place[r]], intervals[1, place[r]] = here[j], here[j + 1]
            place[r] += 1
    for k in range(len(ring) - 1):
        for i in range(ring[k], ring[k + 1] - 1):
            if _is_bottom(x[i], y[i], x[i + 1], y[i + 1], is_clockwise[k]):
                r = math.floor(y[i]) - top
                intervals[0, place[r]] = math.floor(min(x[i], x[i + 1]) + 0.5)
                intervals[1, place[r]] = math.floor(max(x[i], x[i + 1]) + 0.5)
                place[r] += 1
    return intervals, start


@njit(cache=True, nogil=True)
def _count(
    x: Floats, y: Floats, ring: Indices, is_clockwise: Mask, top: int, rows: int
) -> tuple[Indices, Indices]:
    """Crossings of row r, and bottom edges that run through its centres, at r + 1."""
    crossings, bottoms = np.zeros(rows + 1, np.int64), np.zeros(rows + 1, np.int64)
    for k in range(len(ring) - 1):
        for i in range(ring[k], ring[k + 1] - 1):
            begin, end = _rows(y[i], y[i + 1])
            for r in range(begin - top, end - top):
                crossings[r + 1] += 1
            if _is_bottom(x[i], y[i], x[i + 1], y[i + 1], is_clockwise[k]):
                bottoms[math.floor(y[i]) - top + 1] += 1
    return crossings, bottoms


@njit(cache=True, nogil=True)
def _crossings(x: Floats, y: Floats, ring: Indices, count: Indices, top: int) -> tuple[Indices, Indices]:
    """First pixels right of the crossings of every row, and where those of each row start."""
    offset = np.cumsum(count)
    place, crossed = offset.copy(), np.empty(offset[-1], np.int64)
    for k in range(len(ring) - 1):
        for i in range(ring[k], ring[k + 1] - 1):
            upper, lower = (i, i + 1) if y[i] < y[i + 1] else (i + 1, i)
            width, height = x[lower] - x[upper], y[lower] - y[upper]
            begin, end = _rows(y[i], y[i + 1])
            for r in range(begin, end):
                at = (r + 0.5 - y[upper]) * width / height + x[upper]
                crossed[place[r - top]] = math.floor(at + 0.5)
                place[r - top] += 1
    return crossed, offset


@njit(cache=True, nogil=True, inline="always")
def _rows(y0: float, y1: float) -> tuple[int, int]:
    """Rows whose centres lie from the upper end of an edge to above its lower end."""
    upper, lower = min(y0, y1), max(y0, y1)
    return math.ceil(upper - 0.5), math.ceil(lower - 0.5)


@njit(cache=True, nogil=True, inline="always")
def _is_bottom(x0: float, y0: float, x1: float, y1: float, is_clockwise: bool) -> bool:
    """Whether an edge runs through centres of pixels with the area of its ring above it."""
    return y0 == y1 and (x0 > x1) == is_clockwise and x0 != x1 and y0 - np.floor(y0) == 0.5


@njit(cache=True, nogil=True)
def _merge(intervals: Indices, at: int, row: Any, col: Any, length: Any, place: int, fills: bool) -> int:
    """Number of spans of a row whose intervals may overlap or be empty; they are written if wanted."""
    found, reach = 0, NOWHERE
    for j in np.argsort(intervals[0]):
        begin, end = max(intervals[0, j], reach), intervals[1, j]
        if end <= begin:
            continue
        joins = begin == reach
        if fills and joins:
            length[place + found - 1] += end - begin
        elif fills:
            row[place + found], col[place + found], length[place + found] = at, begin, end - begin
        found += not joins
        reach = end
    return found

"""Which share of every pixel lies in a parcel, exactly.

The area of a polygon under an edge is that of a trapezoid; summed over its rings with the sign of their direction these
areas are those of the polygon. Cut at the rows and columns of pixels, every edge adds to the pixel that it runs through
the area to its right, and to all pixels farther right its height. A sum along the row gives the shares (the method of
scan converters for anti-aliased type, such as that of Levien's font-rs, 2016).
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

SMALLEST = 1e-9
"""Shares nearer to 0 or 1 than that are taken for it: rounding leaves about 1e-12."""


def spans_by_coverage(rings: Rings) -> Spans:
    """The pixels that every parcel touches, with the shares of them that lie in it."""
    sign = np.where(rings.is_clockwise == rings.is_hole, -1.0, 1.0)
    arrays = rings.col, rings.row, rings.ring, rings.parcel, sign
    start = np.zeros((2, len(rings.parcel)), np.int64)
    nothing = np.zeros(0, np.int32)
    _scan(*arrays, start, nothing, nothing, nothing, np.zeros(0, np.int64), np.zeros(0, np.float32), False)
    start = np.cumsum(start, axis=1)
    spans, weights = (int(n) for n in start[:, -1])
    row, col, length = (np.empty(spans, np.int32) for _ in range(3))
    weight, shares = np.empty(spans, np.int64), np.empty(weights, np.float32)
    _scan(*arrays, start, row, col, length, weight, shares, True)
    return Spans(start[0], row, col, length, weight, shares)


@njit(cache=True, nogil=True)
def _scan(
    x: Floats,
    y: Floats,
    ring: Indices,
    parcel: Indices,
    sign: Floats,
    start: Indices,
    row: Any,
    col: Any,
    length: Any,
    weight: Any,
    shares: Any,
    fills: bool,
) -> None:
    """Count the spans and shares of parcel k into ``start[:, k + 1]``, or write them from ``start[:, k]`` on."""
    for k in range(len(parcel) - 1):
        first, last = ring[parcel[k]], ring[parcel[k + 1]]
        if first == last:
            continue
        rings, signs = ring[parcel[k] : parcel[k + 1] + 1], sign[parcel[k] : parcel[k + 1]]
        top, bottom = math.floor(y[first:last].min()), math.ceil(y[first:last].max())
        left, right = math.floor(x[first:last].min()), math.ceil(x[first:last].max())
        pieces, offset = _pieces(x, y, rings, signs, top, max(bottom - top, 1))
        cover = np.empty((2, max(right - left, 1) + 1))
        spans, weights = start[0, k], start[1, k]
        for r in range(bottom - top):
            cover[:] = 0.0
            for j in range(offset[r], offset[r + 1]):
                _add(pieces[j], left, cover)
            runs, values = _emit(
                cover, top + r, left, row, col, length, weight, shares, spans, weights, fills
            )
            spans += runs
            weights += values
        if not fills:
            start[0, k + 1], start[1, k + 1] = spans - start[0, k], weights - start[1, k]


@njit(cache=True, nogil=True)
def _pieces(x: Floats, y: Floats, ring: Indices, sign: Floats, top: int, rows: int) -> tuple[Floats, Indices]:
    """Edges cut at the borders of rows: column at both ends and signed height, and where those of a row start."""
    count = np.zeros(rows + 1, np.int64)
    for k in range(len(ring) - 1):
        for i in range(ring[k], ring[k + 1] - 1):
            begin, end = _rows(y[i], y[i + 1])
            for r in range(begin - top, end - top):
                count[r + 1] += 1
    offset = np.cumsum(count)
    place = offset.copy()
    pieces = np.empty((offset[-1], 3))
    for k in range(len(ring) - 1):
        for i in range(ring[k], ring[k + 1] - 1):
            if y[i] == y[i + 1]:
                continue
            down = y[i + 1] > y[i]
            upper, lower = (i, i + 1) if down else (i + 1, i)
            slope = (x[lower] - x[upper]) / (y[lower] - y[upper])
            begin, end = _rows(y[i], y[i + 1])
            for r in range(begin, end):
                above, below = max(np.float64(r), y[upper]), min(r + 1.0, y[lower])
                piece = pieces[place[r - top]]
                piece[0] = x[upper] if above == y[upper] else x[upper] + (above - y[upper]) * slope
                piece[1] = x[lower] if below == y[lower] else x[upper] + (below - y[upper]) * slope
                # an edge that runs up on the map has the inside of a clockwise ring to its right
                piece[2] = (below - above) * (-sign[k] if down else sign[k])
                place[r - top] += 1
    return pieces, offset


@njit(cache=True, nogil=True, inline="always")
def _rows(y0: float, y1: float) -> tuple[int, int]:
    """Rows that an edge runs through: none if it is horizontal."""
    if y0 == y1:
        return 0, 0
    return math.floor(min(y0, y1)), math.ceil(max(y0, y1))


@njit(cache=True, nogil=True)
def _add(piece: Floats, left: int, cover: Floats) -> None:
    """Add a piece of an edge: to ``cover[0]`` the area right of it in its pixels, to ``cover[1]`` its height."""
    x0, x1, height = min(piece[0], piece[1]) - left, max(piece[0], piece[1]) - left, piece[2]
    first, last = math.floor(x0), math.ceil(x1)
    if last - first <= 1:
        cover[0, first] += height * (first + 1 - 0.5 * (x0 + x1))
        cover[1, first] += height
        return
    steepness = height / (x1 - x0)
    for c in range(first, last):
        begin, end = max(x0, np.float64(c)), min(x1, c + 1.0)
        part = steepness * (end - begin)
        cover[0, c] += part * (c + 1 - 0.5 * (begin + end))
        cover[1, c] += part


@njit(cache=True, nogil=True)
def _emit(
    cover: Floats,
    at: int,
    left: int,
    row: Any,
    col: Any,
    length: Any,
    weight: Any,
    shares: Any,
    span: int,
    value: int,
    fills: bool,
) -> tuple[int, int]:
    """Number of spans and shares of a row, which are written from ``span`` and ``value`` on if wanted."""
    spans, values, before, total = 0, 0, 0.0, 0.0
    for c in range(cover.shape[1]):
        share = total + cover[0, c]
        total += cover[1, c]
        share = 0.0 if share < SMALLEST else (1.0 if share > 1.0 - SMALLEST else share)
        if share > 0.0:
            is_partial = share < 1.0
            begins = before == 0.0 or (before < 1.0) != is_partial
            if fills:
                if begins:
                    row[span + spans], col[span + spans], length[span + spans] = at, left + c, 0
                    weight[span + spans] = value + values if is_partial else WHOLE
                length[span + spans + (0 if begins else -1)] += 1
                if is_partial:
                    shares[value + values] = share
            spans += begins
            values += is_partial
        before = share
    return spans, values

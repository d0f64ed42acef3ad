"""From pixels to statistics: the kernels of a pass over a card.

A card is read strip by strip. What lies in a parcel is gathered behind what earlier strips held of it, and when the
last strip of a parcel has been read, its values are reduced. Sums are float64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.parcels.records import REASONS

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Indices = NDArray[np.int64]
Ints = NDArray[np.int32]

NO_PIXEL, TOO_FEW, NO_DATA = (REASONS.index(reason) for reason in ("no pixel", "too few pixels", "no data"))
ROUNDING = 1e-6
"""A weighted number of pixels may fall short of the least one wanted by rounding."""

CLASSES = 16
"""Classes of a classification: Sentinel-2's SCL has 12."""


@njit(cache=True, nogil=True)
def advance(
    which: Indices, spans_end: Indices, span_row: Ints, until: int, cursor: Indices, ends: Indices
) -> None:
    """Find for some parcels the first span of the next strip, which begins at row ``until``."""
    for p in which:
        j = cursor[p]
        while j < spans_end[p] and span_row[j] < until:
            j += 1
        ends[p] = j


@njit(cache=True, nogil=True)
def gather(
    pixels: Any,
    corner: tuple[int, int],
    nodata: float,
    linear: tuple[float, float],
    which: Indices,
    begin: Indices,
    end: Indices,
    spans: tuple[Ints, Ints, Ints, Indices, Floats32],
    slot: Indices,
    filled: Indices,
    values: Floats32,
    weights: Floats32,
) -> None:
    """Append the valid pixels of some parcels to their values.

    Args:
        pixels: A strip of the card, rows x cols.
        corner: Row and column of its first pixel on the lattice.
        nodata: Value of pixels without data, besides NaN and infinity; NaN if there is none.
        linear: Scale and offset of the samples.
        which: Parcels.
        begin, end: Spans of every parcel that lie in the rows of the strip.
        spans: Row, col, length, weight and weights of all spans.
        slot: Where the values of a parcel begin.
        filled: How many it has, counted on here.
        values: Values of all parcels.
        weights: Their weights, empty where every weight is 1.
    """
    span_row, span_col, span_length, span_weight, shares = spans
    is_weighted = len(weights) > 0
    for p in which:
        place = slot[p] + filled[p]
        first = place
        for j in range(begin[p], end[p]):
            row, col = span_row[j] - corner[0], span_col[j] - corner[1]
            if row < 0:  # above the card
                continue
            for c in range(max(col, 0), min(col + span_length[j], pixels.shape[1])):
                sample = pixels[row, c]
                if not math.isfinite(sample) or sample == nodata:
                    continue
                values[place] = sample * linear[0] + linear[1]
                if is_weighted:
                    weights[place] = shares[span_weight[j] + c - col] if span_weight[j] >= 0 else 1.0
                place += 1
        filled[p] += place - first


@njit(cache=True, nogil=True)
def reduce_values(
    which: Indices,
    slot: Indices,
    filled: Indices,
    values: Floats32,
    size: Floats,
    least: float,
    out: Floats32,
) -> None:
    """Statistics of some parcels whose pixels count alike; the order of their values changes.

    Args:
        which: Parcels.
        slot, filled, values: See `gather`.
        size: Pixels of every parcel, valid or not.
        least: So many valid pixels are wanted.
        out: Row p gets the reason, count, valid share, mean, std, min, max, p25, p50 and p75 of parcel p.
    """
    for p in which:
        count = filled[p]
        some = values[slot[p] : slot[p] + count]
        _begin(out[p], float(count), size[p], least)
        if out[p, 0] != 0:
            continue
        total, low, high = 0.0, some[0], some[0]
        for v in some:
            total += v
            low, high = min(low, v), max(high, v)
        mean = total / count
        squares = 0.0
        for v in some:
            squares += (v - mean) * (v - mean)
        out[p, 3], out[p, 4], out[p, 5], out[p, 6] = mean, math.sqrt(squares / count), low, high
        middle = (count - 1) // 2
        out[p, 8] = _percentile(some, 0, count - 1, 0.5)
        out[p, 7] = _percentile(some, 0, middle, 0.25)
        out[p, 9] = _percentile(some, middle, count - 1, 0.75)


@njit(cache=True, nogil=True)
def reduce_weighted(
    which: Indices,
    slot: Indices,
    filled: Indices,
    values: Floats32,
    weights: Floats32,
    size: Floats,
    least: float,
    out: Floats32,
) -> None:
    """Statistics of some parcels whose pixels count by weights; see `reduce_values`.

    Quantiles interpolate between values at cumulated weights (definition 7 of Hyndman and Fan 1996, for weights, as in
    exactextract).
    """
    for p in which:
        n = filled[p]
        some, shares = values[slot[p] : slot[p] + n], weights[slot[p] : slot[p] + n]
        count = 0.0
        for w in shares:
            count += w
        _begin(out[p], count, size[p], least)
        if out[p, 0] != 0:
            continue
        order = np.argsort(some)
        total = 0.0
        for j in range(n):
            total += some[j] * np.float64(shares[j])
        mean = total / count
        squares = 0.0
        for j in range(n):
            squares += shares[j] * (some[j] - mean) * (some[j] - mean)
        out[p, 3], out[p, 4] = mean, math.sqrt(squares / count)
        out[p, 5], out[p, 6] = some[order[0]], some[order[n - 1]]
        for k in range(3):
            out[p, 7 + k] = _weighted_percentile(some, shares, order, count, 0.25 * (k + 1))


@njit(cache=True, nogil=True, inline="always")
def _begin(out: Floats32, count: float, size: float, least: float) -> None:
    """Reason, count and valid share; NaN for the rest."""
    out[0] = 0
    if size <= 0.0:
        out[0] = NO_PIXEL
    elif count <= 0.0:
        out[0] = NO_DATA
    elif count < least - ROUNDING:
        out[0] = TOO_FEW
    out[1] = count
    out[2] = min(count / size, 1.0) if size > 0.0 else 0.0
    out[3:] = math.nan


@njit(cache=True, nogil=True)
def _percentile(values: Floats32, first: int, last: int, share: float) -> float:
    """Linear between the two nearest of sorted values (definition 7 of Hyndman and Fan 1996).

    The value below must be sought from ``first`` to ``last``: all values before are not larger, all behind not smaller.
    """
    place = share * (len(values) - 1)
    below = min(math.floor(place), last)
    _select(values, first, last, below)
    low = np.float64(values[below])
    if place <= below:
        return low
    high = np.float64(np.inf)
    for k in range(below + 1, len(values)):
        high = min(high, np.float64(values[k]))
    return low + (high - low) * (place - below)


@njit(cache=True, nogil=True)
def _select(values: Floats32, first: int, last: int, rank: int) -> None:
    """Put the value of a rank in its place, with no larger ones before it and no smaller ones behind (Hoare 1961)."""
    while first < last:
        low, middle, high = values[first], values[(first + last) // 2], values[last]
        pivot = max(min(low, middle), min(max(low, middle), high))
        left, right = first, last
        while left <= right:
            while values[left] < pivot:
                left += 1
            while values[right] > pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += 1
                right -= 1
        if rank <= right:
            last = right
        elif rank >= left:
            first = left
        else:
            return


@njit(cache=True, nogil=True)
def _weighted_percentile(
    values: Floats32, weights: Floats32, order: Indices, total: float, share: float
) -> float:
    """Linear between the places (k w_k + (n - 1) sum of the weights before) of sorted values."""
    n = len(order)
    wanted = share * (n - 1) * total
    before, place_before = np.float64(weights[order[0]]), 0.0
    for k in range(1, n):
        weight = np.float64(weights[order[k]])
        place = k * weight + (n - 1) * before
        if place > wanted:
            low, high = np.float64(values[order[k - 1]]), np.float64(values[order[k]])
            return low + (high - low) * (wanted - place_before) / (place - place_before)
        before, place_before = before + weight, place
    return np.float64(values[order[n - 1]])


@njit(cache=True, nogil=True)
def count_classes(
    which: Indices, slot: Indices, filled: Indices, values: Floats32, weights: Floats32, out: Floats32
) -> None:
    """Pixels of each class in some parcels; ``out`` has `CLASSES` columns. Other values are not counted."""
    for p in which:
        for j in range(slot[p], slot[p] + filled[p]):
            k = np.int64(values[j])
            if 0 <= k < CLASSES:
                out[p, k] += weights[j] if len(weights) else np.float32(1.0)


@njit(cache=True, nogil=True)
def sizes(start: Indices, length: Ints, weight: Indices, weights: Floats32, out: Floats) -> None:
    """Pixels of every parcel, or the sum of their weights."""
    for p in range(len(out)):
        for j in range(start[p], start[p + 1]):
            if weight[j] < 0:
                out[p] += length[j]
            else:
                for k in range(weight[j], weight[j] + length[j]):
                    out[p] += weights[k]

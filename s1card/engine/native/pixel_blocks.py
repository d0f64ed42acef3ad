"""One value of all the pixels that lie under a larger one, whole or in part."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.engine.native.speckle_kernels import sort_few

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_TOUCH = 1e-9
"""Share of a pixel below which it only touches a block."""
_FEW = 64


class Statistic(IntEnum):
    """Which value; `FIRST` is that of the pixel in the upper left corner, the last four work on bits."""

    FIRST = 0
    MIN = 1
    MAX = 2
    MEAN = 3
    MEDIAN = 4
    BITS_AND = 5
    BITS_OR = 6
    BITS_MEDIAN_AND = 7
    BITS_MEDIAN_OR = 8


_FIRST, _MIN, _MAX, _MEAN = int(Statistic.FIRST), int(Statistic.MIN), int(Statistic.MAX), int(Statistic.MEAN)
_MEDIAN, _MEDIAN_OR = int(Statistic.MEDIAN), int(Statistic.BITS_MEDIAN_OR)
_AND, _OR = int(Statistic.BITS_AND), int(Statistic.BITS_OR)


@dataclass(frozen=True, eq=False)
class Spans:
    """The pixels under each of some consecutive blocks, along one axis.

    Attributes:
        first, last: Pixels.
        length: Pixels of a block, a fraction too.
        begin: Where each block begins, pixels.
    """

    first: Ints
    last: Ints
    length: float
    begin: Floats

    @classmethod
    def under(cls, start: int, count: int, length: float, size: int) -> Spans:
        """Pixels of an axis of ``size`` under blocks ``start .. start + count - 1``; block 0 begins at its edge."""
        begin: Floats = np.arange(start, start + count, dtype=np.float64) * length
        first = np.floor(begin + _TOUCH).astype(np.int64)
        last = np.ceil(begin + length - _TOUCH).astype(np.int64) - 1
        return cls(np.minimum(first, size - 1), np.minimum(last, size - 1), length, begin)


def block_values(samples: Floats, rows: Spans, cols: Spans, statistic: Statistic) -> Floats:
    """A value of each block.

    Args:
        samples: Pixels ``rows.first[0] .. rows.last[-1]`` times ``cols.first[0] .. cols.last[-1]``; NaN is no data.
        rows, cols: The blocks.
        statistic: Of the pixels with data; `Statistic.MEAN` weights them by the share that lies in the block.

    Returns:
        rows x cols, NaN where a block has no data.
    """
    out = np.empty((rows.first.size, cols.first.size))
    axes = (rows.first, rows.last, rows.begin, rows.length), (cols.first, cols.last, cols.begin, cols.length)
    largest = int((rows.last - rows.first + 1).max() * (cols.last - cols.first + 1).max())
    _block_values(samples, *axes, int(statistic), np.empty(largest), np.empty(largest), out)
    return out


@njit(cache=True, nogil=True)
def _block_values(
    samples: Floats, rows: Any, cols: Any, statistic: int, held: Floats, weights: Floats, out: Floats
) -> None:
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            if statistic == _FIRST:
                out[i, j] = samples[rows[0][i] - rows[0][0], cols[0][j] - cols[0][0]]
                continue
            count = _gather(samples, rows, cols, i, j, held, weights)
            out[i, j] = math.nan if count == 0 else _value(held[:count], weights[:count], statistic)


@njit(cache=True, nogil=True)
def _gather(samples: Floats, rows: Any, cols: Any, i: int, j: int, held: Floats, weights: Floats) -> int:
    """Put the pixels of a block that have data side by side, with their shares; returns how many there are."""
    count = 0
    for r in range(rows[0][i], rows[1][i] + 1):
        share = min(rows[2][i] + rows[3], r + 1.0) - max(rows[2][i], float(r))
        for c in range(cols[0][j], cols[1][j] + 1):
            v = samples[r - rows[0][0], c - cols[0][0]]
            if v == v:
                held[count] = v
                weights[count] = share * (min(cols[2][j] + cols[3], c + 1.0) - max(cols[2][j], float(c)))
                count += 1
    return count


@njit(cache=True, nogil=True)
def _value(held: Floats, weights: Floats, statistic: int) -> float:
    if statistic == _MIN:
        return float(held.min())
    if statistic == _MAX:
        return float(held.max())
    if statistic == _MEAN:
        total = weight = 0.0
        for k in range(held.size):
            total += weights[k] * held[k]
            weight += weights[k]
        return total / weight
    if statistic == _MEDIAN:
        return _middle(held)
    return float(_bits(held, statistic))


@njit(cache=True, nogil=True)
def _middle(held: Floats) -> float:
    """The median: of an even number of values the mean of the two in the middle."""
    if held.size > _FEW:
        held.sort()
    else:
        sort_few(held, held.size)
    half = held.size // 2
    upper = float(held[half])
    return upper if held.size % 2 else 0.5 * (float(held[half - 1]) + upper)


@njit(cache=True, nogil=True)
def _bits(held: Floats, statistic: int) -> int:
    """Bits that all, any, more than half, or at least half of the values have."""
    value = 0
    for bit in range(32):
        having = 0
        for k in range(held.size):
            having += (int(held[k]) >> bit) & 1
        if statistic == _AND:
            is_set = having == held.size
        elif statistic == _OR:
            is_set = having > 0
        elif statistic == _MEDIAN_OR:
            is_set = 2 * having >= held.size and having > 0
        else:
            is_set = 2 * having > held.size
        if is_set:
            value |= 1 << bit
    return value
